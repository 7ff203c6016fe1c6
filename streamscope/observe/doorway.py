"""Where a program that is observed can be found: a socket in the folder in which `link.discovery` looks, made with
what the standard library has.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys

ONLY_FOLDER = "STREAMSCOPE_RUNTIME_DIR"
"""As `link.discovery` has it."""
MOST_WAITING = 16
PATH_LIMIT = 107


class DoorwayError(Exception):
    """There is no place to listen at; the text says why, in one line."""


def folder() -> str:
    """The user's runtime folder, made if need be, as platformdirs chooses it. Raises DoorwayError."""
    named = os.environ.get(ONLY_FOLDER)
    try:
        if named:
            return _own(_made(named))
        uid = os.getuid()
        base = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{uid}"
        if not os.access(base, os.W_OK):
            base = _own(_made(f"{os.environ.get('TMPDIR') or '/tmp'}/runtime-{uid}"))
        return _own(_made(f"{base}/streamscope"))
    except OSError as error:
        raise DoorwayError(f"there is no runtime folder: {error.strerror or error}: {error.filename or ''}") from error


def _made(path: str) -> str:
    parent = os.path.dirname(path)
    if parent and not os.path.isdir(parent):
        _made(parent)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return path
    os.chmod(path, 0o700)  # whatever the umask
    return path


def _own(path: str) -> str:
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise DoorwayError(f"the runtime folder {path} is no folder of this user's alone")
    return path


def path_of(pid: int, loop: int) -> str:
    """Where this loop of the process is looked for. Raises DoorwayError."""
    name = f"{pid}.sock" if loop == 1 else f"{pid}.{loop}.sock"
    path = f"{folder()}/{name}"
    if len(os.fsencode(path)) > PATH_LIMIT:
        raise DoorwayError(f"the path of a Unix socket has {PATH_LIMIT} bytes at most, and {path} has more")
    return path


def listen(path: str) -> socket.socket:
    """A socket there that only this user can connect to; one that a process of this number has left is replaced. Raises
    DoorwayError.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            _bind(sock, path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _is_left_over(path):
                raise
            os.unlink(path)
            _bind(sock, path)
        sock.listen(MOST_WAITING)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise DoorwayError(f"cannot listen for inspectors at {path}: {error.strerror}") from error
    return sock


def _bind(sock: socket.socket, path: str) -> None:
    before = os.umask(0o177)
    try:
        sock.bind(path)
    finally:
        os.umask(before)


def _is_left_over(path: str) -> bool:
    """Whether nobody listens there: whoever had this number before has left it."""
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        return sock.connect_ex(path) == errno.ECONNREFUSED


def program_name() -> str:
    """What the program is called: `server.py`, `uvicorn`, `-m pkg`, `-c`."""
    name = sys.argv[0] if getattr(sys, "argv", None) else ""
    head, _, tail = name.rpartition("/")
    if tail == "__main__.py":
        return f"-m {head.rpartition('/')[2]}"
    return tail or "python"
