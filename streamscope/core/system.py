"""The system calls that the stream layer makes, in one object that a test can replace.

Each takes a plain descriptor and either returns or raises `OSError`, as the kernel decided. The engine keeps
descriptors, not Python sockets: an idle connection then costs one integer. Where Python offers a call only on a
socket object, one is lent for the call.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from .flags import UV_FILE, UV_NAMED_PIPE, UV_TCP, UV_TTY, UV_UDP, UV_UNKNOWN_HANDLE

Buffer: TypeAlias = bytes | bytearray | memoryview
Address: TypeAlias = Any
"""A socket address as Python's `socket` gives it: `(host, port)` and more for IPv6, or a path for Unix sockets."""

RECV_FDS = 64
"""For how many descriptors recvmsg makes room (UV__CMSG_FD_COUNT)."""


@contextmanager
def _lent(fd: int, family: int = socket.AF_UNIX) -> Iterator[socket.socket]:
    """A socket object for a descriptor that stays the caller's. Only connect and bind look at the family."""
    if fd < 0:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))  # as the kernel says; Python would make a ValueError of it
    lent = socket.socket(family, socket.SOCK_STREAM, 0, fileno=fd)
    try:
        yield lent
    finally:
        lent.detach()


class System:
    """The real calls. A test subclasses it to make EAGAIN, EINTR, partial writes or EMFILE happen when it wants
    them.
    """

    iov_max = os.sysconf("SC_IOV_MAX")

    clock_ns = staticmethod(time.monotonic_ns)
    read = staticmethod(os.read)
    readv = staticmethod(os.readv)
    write = staticmethod(os.write)
    writev = staticmethod(os.writev)
    close = staticmethod(os.close)
    open = staticmethod(os.open)
    set_blocking = staticmethod(os.set_blocking)

    def let_go(self) -> None:
        """The stream that had this system for its own is gone."""

    def nanosleep(self, seconds: float) -> None:
        """nanosleep(2)."""
        time.sleep(seconds)

    def epoll(self) -> select.epoll:
        """epoll_create1(2)."""
        return select.epoll()

    def socket(self, family: int) -> int:
        """socket(2): a non-blocking, close-on-exec stream socket; returns its descriptor."""
        return socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK).detach()

    def accept(self, fd: int) -> tuple[int, Address]:
        """accept4(2): the new descriptor, non-blocking and close-on-exec, and the peer's address."""
        with _lent(fd) as listener:
            accepted, peer = listener._accept()  # type: ignore[attr-defined]
        os.set_blocking(accepted, False)
        return accepted, peer

    def bind(self, fd: int, family: int, address: Address) -> None:
        """bind(2)."""
        with _lent(fd, family) as sock:
            sock.bind(address)

    def listen(self, fd: int, backlog: int) -> None:
        """listen(2)."""
        with _lent(fd) as sock:
            sock.listen(backlog)

    def connect(self, fd: int, family: int, address: Address) -> None:
        """connect(2); on a non-blocking socket it usually raises EINPROGRESS."""
        with _lent(fd, family) as sock:
            sock.connect(address)

    def shutdown(self, fd: int) -> None:
        """shutdown(2) of the writing side."""
        with _lent(fd) as sock:
            sock.shutdown(socket.SHUT_WR)

    def getsockopt(self, fd: int, level: int, option: int) -> int:
        """getsockopt(2) of an integer option."""
        with _lent(fd) as sock:
            return sock.getsockopt(level, option)

    def setsockopt(self, fd: int, level: int, option: int, value: int | bytes) -> None:
        """setsockopt(2)."""
        with _lent(fd) as sock:
            sock.setsockopt(level, option, value)

    def getsockname(self, fd: int) -> Address:
        """getsockname(2)."""
        with _lent(fd) as sock:
            return sock.getsockname()

    def getpeername(self, fd: int) -> Address:
        """getpeername(2)."""
        with _lent(fd) as sock:
            return sock.getpeername()

    def recvmsg(self, fd: int, buffers: Sequence[Buffer]) -> tuple[int, list[tuple[int, int, bytes]], int]:
        """recvmsg(2) into writable buffers, with room for 64 descriptors: the byte count, the control messages, and the
        flags, MSG_CTRUNC where there were more of these.
        """
        with _lent(fd) as sock:
            n, control, flags, _ = sock.recvmsg_into(buffers, socket.CMSG_SPACE(RECV_FDS * 4), socket.MSG_CMSG_CLOEXEC)
        return n, control, flags

    def sendmsg(self, fd: int, buffers: Sequence[Buffer], send_fd: int) -> int:
        """sendmsg(2) with one descriptor beside the bytes (SCM_RIGHTS)."""
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, send_fd.to_bytes(4, "little"))]
        with _lent(fd) as sock:
            return sock.sendmsg(buffers, control)

    def getfl(self, fd: int) -> int:
        """fcntl(2) F_GETFL: the access mode and status flags of the open file."""
        if fd < 0:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))  # Python itself refuses it, as a ValueError
        return fcntl.fcntl(fd, fcntl.F_GETFL)

    def guess_handle(self, fd: int) -> int:
        """What kind of handle fits a descriptor: UV_TCP, UV_NAMED_PIPE, UV_UDP, UV_TTY, UV_FILE, or UV_UNKNOWN_HANDLE
        (`uv_guess_handle`).
        """
        if fd < 0:
            return UV_UNKNOWN_HANDLE
        if os.isatty(fd):
            return UV_TTY
        try:
            mode = os.fstat(fd).st_mode
        except OSError:
            return UV_UNKNOWN_HANDLE
        if stat.S_ISREG(mode) or stat.S_ISCHR(mode):
            return UV_FILE
        if stat.S_ISFIFO(mode):
            return UV_NAMED_PIPE
        if not stat.S_ISSOCK(mode):
            return UV_UNKNOWN_HANDLE
        kind = self.getsockopt(fd, socket.SOL_SOCKET, socket.SO_TYPE)
        family = self.getsockopt(fd, socket.SOL_SOCKET, socket.SO_DOMAIN)
        if kind == socket.SOCK_STREAM and family in (socket.AF_INET, socket.AF_INET6):
            return UV_TCP
        if kind == socket.SOCK_STREAM and family == socket.AF_UNIX:
            return UV_NAMED_PIPE
        if kind == socket.SOCK_DGRAM and family in (socket.AF_INET, socket.AF_INET6):
            return UV_UDP
        return UV_UNKNOWN_HANDLE


def format_address(address: Address) -> str:
    """A socket address as a person writes it: `127.0.0.1:7000`, `[::1]:7000`, `/run/x.sock`, `@abstract`, or "" for
    none.
    """
    if isinstance(address, tuple):
        host, port = address[0], address[1]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    path = encodable(address.decode("utf-8", "surrogateescape") if isinstance(address, bytes) else str(address))
    return "@" + path[1:] if path[:1] == "\0" else path


def encodable(text: str) -> str:
    """The text with what is no Unicode (bytes of a file name that is not UTF-8, for one) written out: every word of a
    feed can be packed.
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def keep_freed_buffers() -> None:
    """Have the C library keep the memory of a read's buffer for the next one.

    glibc gives the top of its heap back to the kernel as soon as 128 KiB of it are free. Where buffers of 64 KiB happen
    to lie there, every read takes sixteen pages anew, up to a fifth of a bulk server's time. Once a block of this size
    has been freed, it keeps twice as much.
    """
    bytes(1 << 20)


def open_spare(system: System) -> int:
    """A descriptor to give up when there are no others (`uv__emfile_trick`): /dev/null, else "/", else -1."""
    for path in ("/dev/null", "/"):
        try:
            return system.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
    return -1
