"""Somebody attaches to a program that knows nothing of it: it is entered, watched, and left as it was."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from observed import Program, found_in
from pythons import python
from running_command import NOBODY, follow, refused
from waiting import PATIENCE_S, until

from streamscope.joining import entering
from streamscope.joining.ways import way_to
from streamscope.link.discovery import ProbeError, search
from streamscope.link.session import Session

ROOT = Path(__file__).parents[2]
SYSTEMS = "/usr/bin/python3"


@pytest.fixture(autouse=True)
def _here(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left lying about is seen in a folder of the test's own."""
    monkeypatch.setenv("STREAMSCOPE_RUNTIME_DIR", str(runtime / "streamscope"))
    monkeypatch.setattr(tempfile, "tempdir", str(runtime))


def left_in(runtime: Path) -> list[str]:
    folders = [*runtime.glob("streamscope-*"), *(runtime / "streamscope").glob("*.sock")]
    return [each.name for each in folders]


@contextmanager
def alone(runtime: Path, version: str) -> Iterator[Program]:
    """The program, that knows nothing of inspectors."""
    program = Program(runtime, python(version), "alone")
    try:
        yield program
    finally:
        program.process.kill()
        program.process.communicate()


def as_before(program: Program, before: Any) -> bool:
    return bool(program.account() | {"sizes": 0} == before | {"sizes": 0})


@pytest.mark.parametrize(
    ("version", "how", "by"),
    [
        pytest.param("3.14", None, "by sys.remote_exec", marks=pytest.mark.real("Python 3.14")),
        *[
            pytest.param(version, "gdb", "by gdb", marks=pytest.mark.real(f"Python {version}", "gdb"))
            for version in ("3.12", "3.13")
        ],
    ],
)
def test_a_program_is_entered_its_slow_client_is_named_and_it_is_as_it_was(
    runtime: Path, version: str, how: str | None, by: str
) -> None:
    said: list[str] = []
    with alone(runtime, version) as program:
        before = program.account()
        with way_to(str(program.process.pid), how, say=said.append) as path:
            session = Session.attach(path)
            finding = found_in(session, program.told["slow"])
            assert finding is not None
            assert program.told["slow"] in finding.sentence
            session.close()

        until(lambda: as_before(program, before), "it is as it was")
        assert (before["threads"], before["run_forever"]) == (1, "asyncio.base_events")
        assert by in said[-1]
        assert ["stops it for some seconds" in line for line in said] == ([True, False] if how else [False])
        assert left_in(runtime) == []


@pytest.mark.real("Python 3.14")
def test_whoever_comes_a_hundred_times_leaves_nothing_and_nobody_who_waits_for_the_program_hears_of_it(
    runtime: Path,
) -> None:
    with alone(runtime, "3.14") as program:
        before = program.account()
        for _ in range(100):
            with way_to(str(program.process.pid)):
                assert left_in(runtime) == [f"{program.process.pid}.sock"]
            until(lambda: left_in(runtime) == [], "it is shut")
        until(lambda: as_before(program, before), "it is as it was")
        stops = os.WSTOPPED | os.WCONTINUED | os.WNOHANG
        assert os.waitid(os.P_PID, program.process.pid, stops) is None
        assert left_in(runtime) == []
        assert search().engines == []


LOOPS = """
import asyncio, os, threading
async def main():
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    os.write(1, b"127.0.0.1:%d\\n" % server.sockets[0].getsockname()[1])  # in one piece
    await asyncio.sleep(1000)
threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()
asyncio.run(main())
"""


@contextmanager
def running(*command: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Once it has said a line."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.real("Python 3.14")
def test_the_loops_of_all_its_threads_let_inspectors_in(runtime: Path) -> None:
    with running(python("3.14"), "-c", LOOPS) as process:
        assert process.stdout is not None
        addresses = {process.stdout.readline().strip() for _ in "12"}
        with way_to(str(process.pid)):

            def listening() -> set[str]:
                return {address for each in search().engines if each.hello for address in each.hello.addresses}

            until(lambda: listening() == addresses, "both answer")
        until(lambda: left_in(runtime) == [], "nothing is left")


@pytest.mark.real("Python 3.14")
def test_one_that_does_not_come_round_is_told_of_and_clears_away_itself_what_it_finds_later(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entering, "COMES_ROUND_WITHIN_S", 0.1)
    busy = "import asyncio, _asyncio, os; print(1, flush=True); os.read(0, 1); input()"
    with running(python("3.14"), "-c", busy, stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        with pytest.raises(ProbeError, match="has not come round to run our code"), way_to(str(process.pid)):
            pass
        assert left_in(runtime) != []
        process.stdin.write("x")
        process.stdin.flush()
        until(lambda: left_in(runtime) == [], "it is cleared away")


ASLEEP = "{}; print(1, flush=True); import select; select.epoll().poll()"


@pytest.mark.parametrize(
    ("version", "options", "imports", "how", "why"),
    [
        ("3.14", (), "import sys", "observe", "has not imported asyncio: there is nothing to see"),
        ("3.14", (), "import asyncio", None, "no loop of asyncio's own runs in it"),
        ("3.14", ("-X", "disable_remote_debug"), "import asyncio", None, "was started with disable_remote_debug"),
        ("3.13", (), "import asyncio", None, "lets nobody in by itself: --how gdb gets in, and stops"),
        ("3.10", (), "import asyncio", None, "is too old: 3.11 is the first"),
    ],
    ids=["without asyncio", "without a loop", "closed to all", "without a door", "too old"],
)  # fmt: skip
@pytest.mark.real("Python 3.14", "Python 3.13", "Python 3.10")
def test_where_nobody_gets_in_a_line_says_why(
    runtime: Path, version: str, options: tuple[str, ...], imports: str, how: str | None, why: str
) -> None:
    with running(python(version), *options, "-c", ASLEEP.format(imports)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(ProbeError) as refusal, way_to(str(process.pid), how):
            pass
    assert why in str(refusal.value)
    assert left_in(runtime) == []


def test_what_is_no_python_is_not_observed(runtime: Path) -> None:
    with running("cat", stdin=subprocess.PIPE) as process:
        assert refused(runtime, "attach", "--how", "observe", str(process.pid)) == (
            1, f"pid {process.pid} (cat) is no Python"
        )  # fmt: skip


def test_a_way_to_a_process_needs_its_pid(runtime: Path) -> None:
    assert refused(runtime, "attach", "--how", "gdb") == (1, "--how gdb is about a process: name it by its pid")


# other users: they cannot read root's folders, so their programs run on the system's Python

NOBODYS = f"""
import asyncio, os, sys
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
async def main():
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    print("%s:%s" % server.sockets[0].getsockname()[:2], flush=True)
    await asyncio.sleep(1000)
asyncio.run(main())
"""
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@pytest.fixture
def nobodys(runtime: Path) -> Iterator[subprocess.Popen[str]]:
    """A program of somebody else's."""
    runtime.chmod(0o755)
    theirs = runtime / "theirs"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, NOBODY, NOBODY)
    with running(SYSTEMS, "-c", NOBODYS, env={"STREAMSCOPE_RUNTIME_DIR": str(theirs)}) as process:
        yield process


@only_root
@pytest.mark.real("gdb")
def test_root_enters_another_users_program_through_a_folder_of_that_users(
    runtime: Path, nobodys: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert nobodys.stdout is not None
    address = nobodys.stdout.readline().strip()
    seen: list[tuple[int, int]] = []
    call = entering._call_by_gdb

    def looks(process: Any, luggage: Any) -> None:
        for folder, _, names in os.walk(os.path.dirname(luggage.file)):
            for name in (*names, "."):
                found = os.lstat(f"{folder}/{name}")
                seen.append((found.st_uid, found.st_mode & 0o022))
        call(process, luggage)

    monkeypatch.setattr(entering, "_call_by_gdb", looks)
    with way_to(str(nobodys.pid), "gdb") as path:
        session = Session.attach(path)
        follow(session, lambda: session.model.whole)
        assert [each.local for each in session.model.streams.values()] == [address]
        session.close()
    assert set(seen) == {(NOBODY, 0)}
    assert len(seen) > 20
    assert left_in(runtime) == []


def test_a_gdb_that_is_older_than_the_processor_is_said_to_be(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gdb = tmp_path / "gdb"
    gdb.write_text('#!/bin/sh\necho "Couldn\'t write extended state status: Bad address.\nInvalid cast." >&2; exit 1\n')
    gdb.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    program = Program(runtime, sys.executable, "alone")

    with pytest.raises(ProbeError, match="cannot write the registers of this processor; take gdb 15 or newer"):
        with way_to(str(program.process.pid), "gdb"):
            pass

    program.process.kill()
    program.process.communicate()


DENIED = f"""
import os, sys
from streamscope.joining.ways import way_to
from streamscope.link.discovery import ProbeError
if sys.argv[2] == "nobody":
    os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
try:
    with way_to(sys.argv[1], "observe"):
        pass
except ProbeError as error:
    print(error)
"""


@only_root
@pytest.mark.parametrize(
    ("who", "before", "why"),
    [
        ("nobody", [], "process {} is root's: look at it as that user, or with sudo"),
        ("root", ["setpriv", "--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace"], "lacks CAP_SYS_PTRACE"),
    ],
    ids=["another user", "no capability"],
)
@pytest.mark.real("setpriv")
def test_who_may_not_look_is_told_why(
    runtime: Path, nobodys: subprocess.Popen[str], who: str, before: list[str], why: str
) -> None:
    pid = os.getpid() if who == "nobody" else nobodys.pid
    done = subprocess.run(
        [*before, sys.executable, "-P", "-c", DENIED, str(pid), who],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert why.format(pid) in done.stdout, done.stderr


@only_root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is not there")
@pytest.mark.real("Python 3.14")
def test_nothing_of_a_container_is_run_here(runtime: Path, stack: ExitStack) -> None:
    process = stack.enter_context(running("unshare", "--mount", python("3.14"), "-c", ASLEEP.format("import asyncio")))
    assert process.stdout is not None
    process.stdout.readline()

    with pytest.raises(ProbeError, match="is in a container"), way_to(str(process.pid)):
        pass


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack
