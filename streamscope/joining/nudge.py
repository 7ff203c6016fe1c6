"""A thread that waits in epoll_wait(2) comes round once: the wait is interrupted (EINTR), and goes on. Most other calls
are taken up again by the kernel itself, so that who sleeps in them notices nothing.

It is traced for that moment: PTRACE_SEIZE, INTERRUPT, DETACH. It gets no signal, and neither a shell nor a supervisor
hears of it, as they would of SIGSTOP.
"""

from __future__ import annotations

import ctypes
import os
import time
from contextlib import suppress

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000
"""The same to waitpid(2) for any thread."""
_STOP = 128
"""PTRACE_EVENT_STOP: it stands because of the interrupt, and not because a signal has come meanwhile."""
STANDS_WITHIN_S = 1.0


def nudge(thread: int) -> None:
    """Interrupt what this thread of another process waits in. One that has ended, or may not be traced, is left."""
    with suppress(OSError):
        _ptrace(_SEIZE, thread)
        _ptrace(_INTERRUPT, thread)
        _ptrace(_DETACH, thread, _signal_on_its_way(thread))


def _signal_on_its_way(thread: int) -> int:
    """Waits until it stands; returns a signal that has come in that moment, and belongs to it."""
    until = time.monotonic() + STANDS_WITHIN_S
    while time.monotonic() < until:
        pid, status = os.waitpid(thread, _WALL | os.WNOHANG)
        if pid and os.WIFSTOPPED(status):
            return 0 if status >> 16 == _STOP else os.WSTOPSIG(status)
        time.sleep(0.0005)
    return 0


def _ptrace(request: int, thread: int, data: int = 0) -> None:
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    ptrace.restype = ctypes.c_long
    if ptrace(request, thread, None, data) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
