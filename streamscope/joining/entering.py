"""Getting into a process that runs asyncio and knows nothing of us, so that inspectors are let in.

From 3.14 on Python has a door for that, `sys.remote_exec`: the main thread runs a file of ours between two bytecodes,
and where it sleeps in its loop it is nudged. Before, there is gdb alone, which stops the program for seconds and calls
into it wherever that was; only who insists gets that.

The file lies in a new folder that is closed to everyone but the user whose process it is, and so is our package, where
that user could not read it; both are removed once they have run.
"""

from __future__ import annotations

import os
import select
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from streamscope import observe
from streamscope.core.printable import visible
from streamscope.joining.nudge import nudge
from streamscope.joining.python_process import PythonProcess
from streamscope.language import tr
from streamscope.link.discovery import ProbeError, connect
from streamscope.link.frames import Command, pack
from streamscope.link.subscriber import NOTHING

REMOTE_EXEC_SINCE = (3, 14)
NUDGE_EVERY_S = 0.005
COMES_ROUND_WITHIN_S = 5.0
GDB_WITHIN_S = 60.0
WAITS_WITHIN_S = 2.0

_PACKAGE = Path(observe.__file__).parents[1]
_NEEDED = ("__init__.py", "telling.py", "core", "link", "observe")
"""What of our package rides in the program."""


@contextmanager
def entered(process: PythonProcess, *, by_gdb: bool) -> Iterator[Path]:
    """Where to attach to it; what was done to the program lasts until the last inspector has left, and somebody is
    there as long as this. Raises ProbeError.
    """
    path = _enter(process, by_gdb=by_gdb)
    sock = connect(path)
    try:
        sock.sendall(pack(Command(1, "watch", {"mode": NOTHING})))
        yield path
    finally:
        sock.close()


def _enter(process: PythonProcess, *, by_gdb: bool) -> Path:
    with _Luggage(process) as luggage:
        (_call_by_gdb if by_gdb else _ask)(process, luggage)
        luggage.is_on_its_way = True
        answer = luggage.answer(COMES_ROUND_WITHIN_S, lambda: nudge(process.pid))
    if answer.startswith("+"):
        return Path(answer[1:])
    raise ProbeError(tr("{who} is not observed: {answer}", who=process.who, answer=visible(answer[1:], 1000)))


def _ask(process: PythonProcess, luggage: _Luggage) -> None:
    done = process.run(
        "-c", "import sys; sys.remote_exec(int(sys.argv[1]), sys.argv[2])", str(process.pid), luggage.file
    )
    if done.returncode:
        why = visible((done.stderr.strip().splitlines() or [tr("it does not say why")])[-1], 500)
        raise ProbeError(tr("{who} takes no code from outside: {why}", who=process.who, why=why))


def _call_by_gdb(process: PythonProcess, luggage: _Luggage) -> None:
    """Has gdb call into it. Its main thread should wait in its loop, where it holds nothing."""
    gdb = shutil.which("gdb")
    if gdb is None:
        raise ProbeError(tr("--how gdb needs gdb, which is not installed"))
    until = time.monotonic() + WAITS_WITHIN_S
    while process.target.wait_of(process.pid) is None:
        if time.monotonic() >= until:
            raise ProbeError(
                tr(
                    "the main thread of {who} does not wait in its loop, and gdb would call into whatever it does",
                    who=process.who,
                )
            )
        time.sleep(0.001)
    code = f"exec(open({luggage.file!r}).read(), {{}})"
    calls = [
        "set $gil = ((int (*)(void)) PyGILState_Ensure)()",
        f'call ((int (*)(const char *)) PyRun_SimpleString)("{code}")',
        "call ((void (*)(int)) PyGILState_Release)($gil)",
    ]
    settings = ["set auto-load off", "set debuginfod enabled off", "set confirm off", "set pagination off"]
    command = [gdb, "-nx", "-batch", *(word for line in settings for word in ("-iex", line)), "-p", str(process.pid)]
    command += [word for line in calls for word in ("-ex", line)]
    done = process.beside(command, GDB_WITHIN_S)
    if done.returncode or "PyGILState_Ensure" in done.stderr:
        said = [line for line in done.stderr.splitlines() if line and not line.startswith("warning:")]
        if any("extended state" in line for line in said):
            said = [tr("it cannot write the registers of this processor; take gdb 15 or newer")]
        raise ProbeError(
            tr(
                "gdb does not get into {who}: {said}",
                who=process.who,
                said=visible((said or [tr("it does not say why")])[-1], 500),
            )
        )


class _Luggage:
    """The folder with our file, and a pipe for the answer; with our package, where its user cannot read that."""

    def __init__(self, process: PythonProcess) -> None:
        self._process = process
        self._is_theirs = os.geteuid() == 0 and process.uid != 0
        self._folder = tempfile.mkdtemp(prefix="streamscope-")
        self.file = f"{self._folder}/enter.py"
        self._pipe = f"{self._folder}/answer"
        self.is_on_its_way = False
        self._fd = -1

    def __enter__(self) -> _Luggage:
        package = _PACKAGE
        if self._is_theirs:
            package = Path(self._folder, "streamscope")
            package.mkdir()
            for name in _NEEDED:
                copy = shutil.copytree if (_PACKAGE / name).is_dir() else shutil.copy
                copy(_PACKAGE / name, package / name)
        injected = str(package / "observe" / "injected.py")
        os.mkfifo(self._pipe, 0o600)
        self._fd = os.open(self._pipe, os.O_RDONLY | os.O_NONBLOCK)
        Path(self.file).write_text(
            f"names = dict(__name__='streamscope_injected', __file__={injected!r})\n"
            f"exec(compile(open({injected!r}).read(), {injected!r}, 'exec'), names)\n"
            f"names['enter']({self._pipe!r})\n"
        )
        if self._is_theirs:
            for folder, _, names in os.walk(self._folder, topdown=False):
                for name in names:
                    os.chown(f"{folder}/{name}", self._process.uid, self._process.gid, follow_symlinks=False)
                os.chown(folder, self._process.uid, self._process.gid, follow_symlinks=False)
        return self

    def answer(self, within_s: float, nudge: Callable[[], None]) -> str:
        """What was answered, the first character aside. Raises ProbeError where nothing comes."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            if select.select([self._fd], [], [], 0)[0] and (said := os.read(self._fd, 4096)):
                self.is_on_its_way = False
                return os.fsdecode(said).rstrip("\n")
            nudge()
            select.select([self._fd], [], [], NUDGE_EVERY_S)
        raise ProbeError(
            tr(
                "the main thread of {who} has not come round to run our code for {seconds}s: "
                "it works or sleeps in one long call",
                who=self._process.who,
                seconds=f"{within_s:.0f}",
            )
        )

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
        if not self.is_on_its_way:
            shutil.rmtree(self._folder, ignore_errors=True)
            return
        # It may still be run, and does no more then than clear away what is here. The folder may be somebody else's.
        with suppress(OSError):
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            os.unlink("enter.py", dir_fd=folder)
            fd = os.open("enter.py", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
            os.close(folder)
            os.write(fd, f"import shutil\nshutil.rmtree({self._folder!r}, ignore_errors=True)\n".encode())
            os.fchown(fd, self._process.uid, self._process.gid) if self._is_theirs else None
            os.close(fd)
