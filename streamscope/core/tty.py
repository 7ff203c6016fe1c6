"""Terminals as streams (`src/unix/tty.c`).

A terminal's descriptor is usually shared with the shell and with other programs, and making it non-blocking would do
so for all of them. So it is opened anew where that works; where it does not (the master of a pseudo-terminal), writes
block: BLOCKING_WRITES.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import struct
import termios
from typing import TYPE_CHECKING, Any

from .errors import UV_EINVAL, UVError
from .flags import BLOCKING_WRITES, READABLE, UV_FILE, UV_TTY, UV_UNKNOWN_HANDLE, WRITABLE
from .handle import uv__set_flags
from .probe import site
from .stream import Stream
from .stream.open import uv__stream_open, uv_fileno

if TYPE_CHECKING:
    from .loop import Loop

_INIT = site("handle.init", "uv_tty_init")
_FLAG = site("flag.set", "uv_tty_init")

MODE_NORMAL = 0
MODE_RAW = 1
MODE_IO = 2

_original: tuple[int, list[Any]] | None = None
"""The terminal whose mode was changed first and what it was before, to be restored at exit (`orig_termios`)."""


def _status(error: OSError | termios.error) -> int:
    return -int(error.args[0])


def uv__tty_is_slave(fd: int) -> bool:
    """Whether the terminal is a slave: only a master has a number for its slave (TIOCGPTN)."""
    try:
        fcntl.ioctl(fd, 0x80045430, b"\0" * 4)  # TIOCGPTN
    except OSError:
        return True
    return False


def _reopen(fd: int, mode: int) -> int:
    """The same terminal opened anew, or -1."""
    if not uv__tty_is_slave(fd):
        return -1
    try:
        fresh = os.open(os.ttyname(fd), mode | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return -1
    try:
        os.dup2(fresh, fd, inheritable=False)
    except OSError as error:
        os.close(fresh)
        raise UVError(_status(error), "tty") from None
    return fresh


def uv_tty_set_mode(tty: Tty, mode: int) -> None:
    """Line by line (0, as at first), raw (1), or raw with no change to output (2). The first change of all is undone
    at exit.

    Raises EINVAL for another mode, or what the terminal says.
    """
    global _original
    if mode not in (MODE_NORMAL, MODE_RAW, MODE_IO):
        raise UVError(UV_EINVAL, "set_mode")
    if tty.mode == mode:
        return
    fd = uv_fileno(tty)
    try:
        if tty.mode == MODE_NORMAL and mode != MODE_NORMAL:
            tty.original = termios.tcgetattr(fd)
            if _original is None:
                _original = (fd, termios.tcgetattr(fd))
                atexit.register(uv_tty_reset_mode)
        assert tty.original is not None
        attributes = list(tty.original)
        if mode == MODE_RAW:
            attributes[0] &= ~(termios.BRKINT | termios.ICRNL | termios.INPCK | termios.ISTRIP | termios.IXON)
            attributes[1] |= termios.ONLCR
            attributes[2] |= termios.CS8
            attributes[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
            attributes[6] = list(attributes[6])
            attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 1, 0
        elif mode == MODE_IO:
            _cfmakeraw(attributes)
        termios.tcsetattr(fd, termios.TCSADRAIN, attributes)
    except termios.error as error:
        raise UVError(_status(error), "set_mode") from None
    tty.mode = mode


def _cfmakeraw(attributes: list[Any]) -> None:
    """cfmakeraw(3)."""
    attributes[0] &= ~(
        termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP | termios.INLCR | termios.IGNCR
        | termios.ICRNL | termios.IXON
    )  # fmt: skip
    attributes[1] &= ~termios.OPOST
    attributes[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
    attributes[2] = (attributes[2] & ~(termios.CSIZE | termios.PARENB)) | termios.CS8


def uv_tty_reset_mode() -> None:
    """Give the terminal the mode back that it had before the first change; safe to call at any time."""
    global _original
    if _original is not None:
        fd, attributes = _original
        _original = None
        try:
            termios.tcsetattr(fd, termios.TCSANOW, attributes)
        except (termios.error, OSError):
            pass  # the terminal is gone, and its mode with it


def uv_tty_get_winsize(tty: Tty) -> tuple[int, int]:
    """Width and height in characters. Raises UVError for what has none."""
    try:
        rows, columns, _, _ = struct.unpack("HHHH", fcntl.ioctl(uv_fileno(tty), termios.TIOCGWINSZ, b"\0" * 8))
    except OSError as error:
        raise UVError(_status(error), "get_winsize") from None
    return columns, rows


class Tty(Stream):
    """`uv_tty_t` on a descriptor. Raises EINVAL for a file or what is no stream."""

    __slots__ = ("mode", "original")
    type = UV_TTY

    def __init__(self, loop: Loop, fd: int) -> None:
        kind = loop.system.guess_handle(fd)
        if kind in (UV_FILE, UV_UNKNOWN_HANDLE):
            raise UVError(UV_EINVAL, "tty")
        try:
            access = loop.system.getfl(fd) & os.O_ACCMODE
        except OSError as error:
            raise UVError(_status(error), "tty") from None
        flags = (READABLE if access != os.O_WRONLY else 0) | (WRITABLE if access != os.O_RDONLY else 0)
        blocking = False
        if kind == UV_TTY:
            fresh = _reopen(fd, access)
            if fresh >= 0:
                fd = fresh
            else:
                blocking = access != os.O_RDONLY
        super().__init__(loop, _INIT)
        self.mode = MODE_NORMAL
        self.original: list[Any] | None = None
        if blocking:
            uv__set_flags(self, BLOCKING_WRITES, _FLAG)
        else:
            loop.system.set_blocking(fd, False)
        uv__stream_open(self, fd, flags)

    set_mode = uv_tty_set_mode
    get_winsize = uv_tty_get_winsize

    def _listen(self, backlog: int, connection_cb: object) -> int:
        return UV_EINVAL

    def _close(self) -> None:
        """Differs from libuv 1.44.2, which leaves a terminal as it is and, at exit, sets the mode of whatever has its
        descriptor by then. Newer ones restore it here, too.
        """
        global _original
        if self.mode != MODE_NORMAL and self.original is not None:
            try:
                termios.tcsetattr(self.fd, termios.TCSANOW, self.original)
            except termios.error:
                pass  # the terminal is gone
        if _original is not None and _original[0] == self.fd:
            _original = None
        super()._close()
