"""Errors as libuv tells them: a negative number with a name.

Functions that can fail at once raise `UVError`; callbacks get the number itself as their status, 0 or negative, as in
libuv.
"""

from __future__ import annotations

import errno
import os

UV_EACCES = -errno.EACCES
UV_EADDRINUSE = -errno.EADDRINUSE
UV_EAFNOSUPPORT = -errno.EAFNOSUPPORT
UV_EAGAIN = -errno.EAGAIN
UV_EALREADY = -errno.EALREADY
UV_EBADF = -errno.EBADF
UV_EBUSY = -errno.EBUSY
UV_ECANCELED = -errno.ECANCELED
UV_ECONNABORTED = -errno.ECONNABORTED
UV_ECONNREFUSED = -errno.ECONNREFUSED
UV_ECONNRESET = -errno.ECONNRESET
UV_EEXIST = -errno.EEXIST
UV_EINPROGRESS = -errno.EINPROGRESS
UV_EINTR = -errno.EINTR
UV_EINVAL = -errno.EINVAL
UV_EMFILE = -errno.EMFILE
UV_ENFILE = -errno.ENFILE
UV_ENOBUFS = -errno.ENOBUFS
UV_ENOENT = -errno.ENOENT
UV_ENOMEM = -errno.ENOMEM
UV_ENOTCONN = -errno.ENOTCONN
UV_ENOTSUP = -errno.ENOTSUP
UV_EPIPE = -errno.EPIPE

EOF = -4095
"""The one status that is no errno: the peer has ended its side (UV_EOF)."""

RAISED = 1
"""Stands where an errno is expected for an exception of the program."""


def error_name(status: int) -> str:
    """libuv's name of a negative status (`ECONNRESET`, `EOF`), or `errno N` for one without a name."""
    if status == EOF:
        return "EOF"
    return errno.errorcode.get(-status, f"errno {-status}")


def error_text(status: int) -> str:
    """What a negative status means, in a few words."""
    return "end of file" if status == EOF else os.strerror(-status).lower()


def status_of(error: OSError) -> int:
    """What the kernel said, as libuv has it: the errno, negative. 0 if Python raised it without asking the kernel."""
    return -(error.errno or 0)


class CallbackEnded(BaseException):
    """Raised into a callback of the program that does not return, when the engine is to end; the text says why. The
    engine treats it as any other exception of a callback. It is no `Exception`, so that few programs swallow it.
    """


class UVError(OSError):
    """A call that failed at once. `number` is libuv's (negative), `name` its name; `errno` is the positive number, as
    ever.
    """

    def __init__(self, number: int, call: str = "") -> None:
        super().__init__(-number, f"{call}: {error_text(number)}" if call else error_text(number))
        self.number = number
        self.name = error_name(number)

    def __str__(self) -> str:
        return f"{self.name}: {self.strerror}"
