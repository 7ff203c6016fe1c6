"""Where engines listen for inspectors, and how inspectors find them.

Every engine has a Unix socket `PID.sock` in the user's runtime folder; where a process has more than one loop, each is
an engine of its own, and the second has `PID.2.sock`. The folder must be the user's own and closed to
everyone else, the socket is too, and the engine asks the kernel who connects; so nobody else can look into a server.
What was left by processes that are gone is removed by whoever next looks.

Which folder that is hangs on the environment, and a service, a cron job and a person at a terminal have different ones.
So whoever looks, looks into all that an engine of this user may have chosen, and says of one that is not found where
that was. `STREAMSCOPE_RUNTIME_DIR` names one folder instead, for engines that are to be kept apart.
"""

from __future__ import annotations

import errno
import os
import re
import selectors
import socket
import stat
import tempfile
import time
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from streamscope.language import tr
from streamscope.link.frames import MAX_FRAME, FrameCutter, FrameError, Hello, read_frame

PATH_LIMIT = 107
"""Bytes that the path of a Unix socket may have (`sun_path`, without its final zero)."""

_NAME = re.compile(r"([0-9]{1,20}+)(?:\.([1-9][0-9]{0,3}+))?")
"""What names an engine: a pid, and perhaps the number of a loop."""

ONLY_FOLDER = "STREAMSCOPE_RUNTIME_DIR"
ANSWER_WITHIN_S = 1.0
NEWBORN_S = 10.0
"""A socket that refuses is left alone while it is this young: its engine may be about to listen."""
NEWBORN_TRIES, NEWBORN_EVERY_S = 20, 0.01


class ProbeError(Exception):
    """The socket or its folder cannot be used; the text says why, in one line."""


class NoAnswerError(ProbeError):
    """Somebody listens at the socket, and takes nobody."""


@dataclass(frozen=True, slots=True)
class FoundEngine:
    """One running engine: a loop of a process, mostly its only one. `hello` is None if it did not answer in time."""

    pid: int
    path: Path
    hello: Hello | None
    loop: int = 1

    @property
    def name(self) -> str:
        """What it is attached to by: its pid, and the number of the loop where that is not the first."""
        return _name(self.pid, self.loop)


@dataclass(frozen=True, slots=True)
class Search:
    """What was found where: the engines by pid, the folders that were looked into, and why others, or sockets in them,
    were passed over.
    """

    engines: list[FoundEngine]
    folders: list[Path]
    passed_over: list[str]

    @property
    def where(self) -> str:
        """Where there is nothing, for the end of a sentence that says so."""
        looked = tr("in {folders}", folders=", ".join(map(str, self.folders))) if self.folders else tr("in no folder")
        return looked + "".join(tr("; passed over: {why}", why=why) for why in self.passed_over)


def runtime_folder() -> Path:
    """The folder for sockets and logs, made if need be. Raises ProbeError if it cannot be had, or not for oneself."""
    import platformdirs

    named = os.environ.get(ONLY_FOLDER)
    try:
        if named:
            folder = Path(named)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # platformdirs tells that XDG_RUNTIME_DIR is missing and takes another
                folder = Path(platformdirs.user_runtime_dir("streamscope", appauthor=False))
        for missing in [each for each in (folder, *folder.parents) if not each.exists()][::-1]:
            _make(missing)
        return _own(folder)
    except OSError as error:
        raise ProbeError(
            tr(
                "there is no runtime folder: {error}: {filename}",
                error=error.strerror or error,
                filename=error.filename or "",
            )
        ) from error


def _make(folder: Path) -> None:
    """Make a folder that is ours alone, whatever the umask. Raises OSError."""
    try:
        folder.mkdir(mode=0o700)
        folder.chmod(0o700)
    except FileExistsError:
        pass  # somebody else of ours was faster, at this very moment


def _own(folder: Path) -> Path:
    """The folder, if it is one of ours alone. Raises ProbeError, and OSError if it is not there."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise ProbeError(tr("{folder}, which is to be the runtime folder, is no folder", folder=folder))
    if found.st_uid != os.getuid():
        raise ProbeError(tr("the runtime folder {folder} belongs to somebody else", folder=folder))
    if found.st_mode & 0o077:
        raise ProbeError(
            tr("the runtime folder {folder} is open to others; close it with: chmod 700 {folder}", folder=folder)
        )
    return folder


def _folders() -> tuple[list[Path], list[str]]:
    """Every folder that an engine of this user may listen in, our own first; and why others are passed over."""
    usable: list[Path] = []
    passed_over: list[str] = []
    uid = os.getuid()
    try:
        usable.append(_roomy(runtime_folder()))
    except ProbeError as error:
        passed_over.append(str(error))
    if os.environ.get(ONLY_FOLDER):
        return usable, passed_over
    bases = [os.environ.get("XDG_RUNTIME_DIR"), f"/run/user/{uid}", f"{tempfile.gettempdir()}/runtime-{uid}"]
    for base in filter(None, bases):
        folder = Path(base, "streamscope")
        try:
            if folder.is_absolute() and folder not in usable and folder.exists():
                usable.append(_roomy(_own(folder)))
        except (ProbeError, OSError) as error:
            if str(error) not in passed_over:
                passed_over.append(str(error))
    return usable, passed_over


def _roomy(folder: Path) -> Path:
    """The folder, if the path of a socket in it can be had. Raises ProbeError."""
    length = len(os.fsencode(folder / f"{os.getpid()}.sock"))
    if length > PATH_LIMIT:
        raise ProbeError(
            tr(
                "the runtime folder {folder} is too long: a socket's path has {most} bytes at most",
                folder=folder,
                most=PATH_LIMIT,
            )
        )
    return folder


def probe_path(pid: int, loop: int = 1) -> Path:
    """Where this loop of the process with this pid is watched. Raises ProbeError as `runtime_folder` does."""
    return runtime_folder() / f"{_name(pid, loop)}.sock"


def _name(pid: int, loop: int) -> str:
    return str(pid) if loop == 1 else f"{pid}.{loop}"


def _named(name: str) -> tuple[int, int] | None:
    """The pid and the number of the loop; None for what names no engine."""
    found = _NAME.fullmatch(name)
    return (int(found[1]), int(found[2] or 1)) if found else None


def listen(path: Path) -> socket.socket:
    """A socket at this path that only this user can connect to. One that an engine has left behind is replaced.

    Raises ProbeError if somebody listens there, if something else is there, or if the path cannot be used.
    """
    _check_length(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            _bind(sock, path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            _make_way(path)
            _bind(sock, path)
        sock.listen(16)
    except OSError as error:
        sock.close()
        raise ProbeError(
            tr("cannot listen for inspectors at {path}: {error}", path=path, error=error.strerror)
        ) from error
    except ProbeError:
        sock.close()
        raise
    return sock


def _knock(sock: socket.socket, path: Path, tries: int) -> None:
    """Connect. Between a socket's file and its listening lies a moment, in which it refuses."""
    for _ in range(tries):
        try:
            sock.connect(os.fspath(path))
            return
        except ConnectionRefusedError:
            if time.time() - path.stat().st_mtime > NEWBORN_S:
                raise
            time.sleep(NEWBORN_EVERY_S)
    sock.connect(os.fspath(path))


def connect(path: Path, *, patient: bool = True) -> socket.socket:
    """A connection to the engine that listens at this path; who is not `patient` tries again anyway, and waits no
    moment for one that has only just begun. Raises ProbeError with what is wrong and what to do.
    """
    _check_length(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise ProbeError(tr("{path} is no socket of an engine", path=path))
        sock.settimeout(ANSWER_WITHIN_S)
        _knock(sock, path, NEWBORN_TRIES if patient else 0)
    except OSError as error:
        sock.close()
        if isinstance(error, BlockingIOError | TimeoutError):  # EAGAIN: as many wait for it as may
            raise NoAnswerError(tr("the engine at {path} does not answer", path=path)) from error
        raise ProbeError(_why_not(path, error)) from error
    except ProbeError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def find(which: str | None) -> Path:
    """The socket that `attach` was asked for: by pid, by path, or None for the only engine there is.

    Raises ProbeError when there is none such, or more than one to choose from.
    """
    named = None if which is None else _named(which)
    if which is not None and named is None:
        return Path(which)
    if named is not None:
        name = _name(*named)
        folders, passed_over = _folders()
        for folder in folders:
            if (folder / f"{name}.sock").exists():
                return folder / f"{name}.sock"
        where = Search([], folders, passed_over).where
        raise ProbeError(
            tr(
                "there is no engine with the pid {name} {where}; `streamscope ps` lists those that run",
                name=name,
                where=where,
            )
        )
    found = search()
    engines = found.engines
    if not engines:
        raise ProbeError(nobody(found))
    if len(engines) > 1:
        pids = ", ".join(engine.name for engine in engines)
        raise ProbeError(
            tr(
                "{n} engines are running; attach to one of them by its pid: {pids}",
                n=len(engines),
                pids=pids,
            )
        )
    return engines[0].path


def will_return(path: Path) -> bool:
    """Whether an engine may listen again at this path, where one has. Not at that of a pid, once nobody does; at one
    that `--probe` has named, the next engine may.
    """
    if _named(path.stem) is None or path.suffix != ".sock" or path.parent not in _folders()[0]:
        return True
    return path.exists() and not _refuses(path)


def nobody(found: Search) -> str:
    """The sentence for a search that has found no engine."""
    return tr("there is no engine {where}; start one with: streamscope run echo", where=found.where)


def search(known: Collection[Path] = ()) -> Search:
    """The engines of this user. Asks all of them at once, and waits `ANSWER_WITHIN_S` at most. Those that listen at a
    path that is `known` are not asked, nor found.
    """
    folders, passed_over = _folders()
    asked: dict[Path, socket.socket] = {}
    paths: list[Path] = []
    for folder in folders:
        remove_stale(folder, known)
        for path in folder.glob("*.sock"):
            if _named(path.stem) is None or path in known:
                continue
            try:
                asked[path] = connect(path)
            except NoAnswerError:
                pass
            except ProbeError as error:
                if path.exists():
                    passed_over.append(str(error))
                continue
            paths.append(path)
    hellos = dict(_hellos(asked))
    named = [(path, _named(path.stem)) for path in paths]
    engines = [FoundEngine(name[0], path, hellos.get(path), name[1]) for path, name in named if name is not None]
    return Search(sorted(engines, key=lambda engine: (engine.pid, engine.loop)), folders, passed_over)


def remove_stale(folder: Path, known: Collection[Path] = ()) -> None:
    """Remove the sockets and logs of processes that are gone; of those that are `known` nobody has to be asked."""
    for path in [*folder.glob("*.sock"), *folder.glob("*.log")]:
        named = _named(path.stem)
        if named is None:
            continue
        try:
            if not _alive(named[0]) or (path.suffix == ".sock" and path not in known and _is_deserted(path)):
                path.unlink()
        except OSError:
            continue  # somebody else has removed it just now


def _hellos(asked: dict[Path, socket.socket]) -> Iterator[tuple[Path, Hello]]:
    """What those who answer say of themselves. Closes the sockets."""
    until = time.monotonic() + ANSWER_WITHIN_S
    with selectors.DefaultSelector() as selector:
        cutters = {}
        for path, sock in asked.items():
            selector.register(sock, selectors.EVENT_READ, path)
            cutters[path] = FrameCutter(MAX_FRAME)
        while selector.get_map() and (left := until - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                path = key.data
                answer = _hello(asked[path], cutters[path])
                if answer is not None:
                    selector.unregister(key.fileobj)
                    if isinstance(answer, Hello):
                        yield path, answer
    for sock in asked.values():
        sock.close()


def _hello(sock: socket.socket, cutter: FrameCutter) -> Hello | bool | None:
    """The Hello, None while it has not arrived, False if it never will."""
    try:
        data = sock.recv(65536)
        for body in cutter.feed(data):
            frame = read_frame(body)
            return frame if isinstance(frame, Hello) else False
    except (OSError, FrameError):
        return False
    return None if data else False


def _bind(sock: socket.socket, path: Path) -> None:
    before = os.umask(0o177)
    try:
        sock.bind(os.fspath(path))
    finally:
        os.umask(before)


def _make_way(path: Path) -> None:
    """Remove what an engine has left at the path. Raises ProbeError if it is alive, or was no socket."""
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise ProbeError(tr("cannot listen for inspectors at {path}: there is a file of that name", path=path))
    if not _refuses(path):
        raise ProbeError(tr("cannot listen for inspectors at {path}: somebody listens there already", path=path))
    path.unlink()


def _refuses(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        try:
            sock.connect(os.fspath(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def _is_deserted(path: Path) -> bool:
    """Whether the pid lives, but as another process: it has taken the number over."""
    return time.time() - path.lstat().st_mtime > NEWBORN_S and _refuses(path)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _check_length(path: Path) -> None:
    length = len(os.fsencode(path))
    if length > PATH_LIMIT:
        raise ProbeError(
            tr(
                "the path of a Unix socket has {most} bytes at most, and {path} has {length}",
                most=PATH_LIMIT,
                path=path,
                length=length,
            )
        )


def _why_not(path: Path, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return tr(
            "{path} may not be opened: {error}; an engine can be attached to by the user who started it",
            path=path,
            error=error.strerror,
        )
    if isinstance(error, FileNotFoundError):
        return tr(
            "no engine listens at {path}: there is no such file; `streamscope ps` lists those that run", path=path
        )
    if isinstance(error, ConnectionRefusedError):
        return tr("no engine listens at {path} any more; `streamscope ps` lists those that run", path=path)
    return tr("cannot connect to {path}: {error}", path=path, error=error.strerror or error)
