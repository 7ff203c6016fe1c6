"""How an engine answers that does not come round to its inspectors: in which callback it is stuck, and where.

An inspector that hears nothing sends SIGURG, which is ignored by default and does not queue. Its handler runs between
two bytecodes of whatever the program does, looks, and writes what it found where the inspector can read it: a file in
memory that is nobody else's (`memfd_create`), which the inspector finds under /proc/PID/fd by its name. It touches
neither the feed nor the link's buffers, starts no thread, and costs nothing as long as nobody asks.

Where C code holds the interpreter, no handler of Python's runs. There `faulthandler` writes the stack to the same file
at once; it is registered after the handler, and chained to it, without which one of the two would never run.

The interpreter notes every signal that it handles in the loop's pipe, and would end the wait. So while we answer, it
notes signals in a pipe of the link's: its byte for SIGURG is thrown away there, and all others go on to the loop's,
within the same wait.

    0      magic, how many answers were given, length of the last, whether the handler is still ours
    4096   the last answer, JSON
    8 MiB  what faulthandler has written since
"""

from __future__ import annotations

import faulthandler
import fcntl
import json
import os
import resource
import signal
import struct
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

NAME = "streamscope-answers"
ASK = signal.SIGURG
HEAD = struct.Struct("<8sQQQ")
MAGIC = b"\x89ANSWER\n"
BODY, STACK = 4096, 8 << 20
"""Where the answer begins, and where faulthandler's text does."""

_HIGHEST = 16_384
"""The file's descriptor is as high as the limit allows, since programs close the low ones, but not higher than this:
the kernel's table of descriptors is as long as the highest, and every fork copies it.
"""


class Answering:
    """Answers from `begin` to `end`. `tell` makes the answer: plain data, from the interrupted frame."""

    def __init__(self, tell: Callable[[FrameType | None], dict[str, Any]]) -> None:
        self._tell = tell
        self._pid = os.getpid()
        self._fd = -1
        self._identity = 0, 0
        self._given = 0
        self._pipe = -1, -1
        self._pass_on: Callable[[bytes], None] | None = None
        self._wakeup_before = -1

    def begin(self) -> None:
        """Answer from now on, if the system lets us and the program does not use the signal itself."""
        if signal.getsignal(ASK) not in (signal.SIG_DFL, signal.SIG_IGN):
            return
        try:
            self._fd = _file()
        except OSError:  # no such files here, or none so large (RLIMIT_FSIZE)
            return
        status = os.fstat(self._fd)
        self._identity = status.st_dev, status.st_ino
        signal.signal(ASK, self._asked)
        faulthandler.register(ASK, file=self._fd, all_threads=False, chain=True)
        signal.siginterrupt(ASK, False)  # no system call of the program's is to fail for it
        self._write_head()

    def note_signals(self, pass_on: Callable[[bytes], None]) -> int:
        """From now on the interpreter notes signals with us, and all but the ask's are passed on. Returns the
        descriptor that is readable when `pass_signals` has something to do, -1 if we do not answer.
        """
        if self._fd == -1:
            return -1
        self._pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._pass_on = pass_on
        self._wakeup_before = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        return self._pipe[0]

    def pass_signals(self) -> None:
        """Pass on what has been noted."""
        with suppress(BlockingIOError):
            noted = os.read(self._pipe[0], 4096).replace(bytes((ASK,)), b"")
            if noted and self._pass_on is not None:
                self._pass_on(noted)

    def look(self) -> None:
        """Say in the file whether an ask still reaches us; now and then, because a program's own handler wins."""
        if self._fd != -1 and self._is_ours():
            self._write_head()

    def end(self) -> None:
        """Answer no longer."""
        if self._fd == -1 or os.getpid() != self._pid:
            return
        faulthandler.unregister(ASK)
        if self._has_handler():
            signal.signal(ASK, signal.SIG_DFL)
        if self._pipe != (-1, -1):
            signal.set_wakeup_fd(-1)
            with suppress(OSError):  # the program may have closed any of them
                signal.set_wakeup_fd(self._wakeup_before)
                self.pass_signals()
                for fd in self._pipe:
                    os.close(fd)
        if self._is_ours():
            os.close(self._fd)
        self._fd = -1

    def forget(self) -> None:
        """In a child that the program has forked: the signal and the file are as if nobody had been there."""
        if self._fd == -1:
            return
        faulthandler.unregister(ASK)
        if self._has_handler():
            signal.signal(ASK, signal.SIG_DFL)
        if self._is_ours():
            os.close(self._fd)
        self._fd = -1

    def _asked(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid or not self._is_ours():
            return  # a child that the program has forked; or the number is a file of the program's by now
        try:
            answer = json.dumps(self._tell(frame)).encode()
        except Exception as error:  # whatever it was, the program is not to hear of it
            answer = json.dumps({"failed": type(error).__name__}).encode()
        signal.siginterrupt(ASK, False)  # faulthandler has registered itself anew, without it
        with suppress(OSError):
            os.pwrite(self._fd, answer, BODY)
            self._given += 1
            self._write_head(len(answer))
            os.ftruncate(self._fd, STACK)
            os.lseek(self._fd, STACK, os.SEEK_SET)

    def _write_head(self, length: int = 0) -> None:
        os.pwrite(self._fd, HEAD.pack(MAGIC, self._given, length, self._has_handler()), 0)

    def _has_handler(self) -> bool:
        return signal.getsignal(ASK) == self._asked

    def _is_ours(self) -> bool:
        try:
            status = os.fstat(self._fd)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._identity


def _file() -> int:
    fd = os.memfd_create(NAME, os.MFD_CLOEXEC)
    try:
        os.ftruncate(fd, STACK)
        os.lseek(fd, STACK, os.SEEK_SET)
    except OSError:
        os.close(fd)
        raise
    return _as_high_as_possible(fd)


def _as_high_as_possible(fd: int) -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _HIGHEST if soft == resource.RLIM_INFINITY else min(soft, _HIGHEST)
    for lowest in (most - 8, most // 2):
        with suppress(OSError):
            high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, max(lowest, fd))
            os.close(fd)
            return high
    return fd
