"""The terminal that the screen is drawn on: which descriptor it is, what it was like before, and how one is told to
leave it.

One is told by a signal that means the command, and by the terminal's end: it may hang up without a signal, where
another process controls it (make, setsid, a container). From the first moment on, none of them ends the process where
it stands; each is looked at where something is waited for, so that whatever has been begun is ended in order.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def drawn_on() -> int | None:
    """The descriptor to draw on: stderr, or stdout where stderr goes elsewhere. None where there is no terminal to draw
    on and to read keys from.
    """
    return next((fd for fd in (2, 1) if os.isatty(fd)), None) if os.isatty(0) else None


class Leaving:
    """Whether one is to leave, while the `with` lasts. Its descriptor is readable from when one is.

    - `times`: how many signals have come.
    """

    def __init__(self) -> None:
        self.times = 0
        self._terminals = [fd for fd in (0, 1, 2) if os.isatty(fd)]
        self._terminal = os.dup(self._terminals[0])
        self._signalled, self._signals = os.pipe()
        for fd in (self._signalled, self._signals):
            os.set_blocking(fd, False)
        self._either = select.epoll() if hasattr(select, "epoll") else None  # a trace is replayed elsewhere, too
        if self._either is not None:
            self._either.register(self._signalled, select.EPOLLIN)
            self._either.register(self._terminal, 0)  # that it hangs up is told unasked
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Leaving:
        for signum in SIGNALS:
            if signal.getsignal(signum) != signal.SIG_IGN:  # nohup means it
                self._before[signum] = signal.signal(signum, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
        if self._either is not None:
            self._either.close()
        for fd in (self._signalled, self._signals, self._terminal):
            os.close(fd)

    def _on_signal(self, signum: int, frame: object) -> None:
        self.times += 1
        with suppress(BlockingIOError):  # so many have come already
            os.write(self._signals, b"!")

    def fileno(self) -> int:
        """Readable from when one is to leave. Without epoll only a signal makes it so: that the terminal has hung up is
        then told by SIGHUP, and by whoever reads its keys.
        """
        return self._signalled if self._either is None else self._either.fileno()

    @property
    def told(self) -> bool:
        """Whether one is to leave."""
        return self.times > 0 or self.hung_up

    @property
    def hung_up(self) -> bool:
        """Whether the terminal is gone."""
        poll = select.poll()
        poll.register(self._terminal, 0)
        return bool(poll.poll(0))

    def wait(self, fd: int, seconds: float) -> bool:
        """Wait so long at most for the descriptor to be readable, and say whether it is; a signal ends the wait, and so
        does the terminal's end.
        """
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        poll.register(self._signalled, select.POLLIN)
        if not self.hung_up:
            poll.register(self._terminal, 0)
        ready = {ready for ready, _ in poll.poll(max(seconds, 0.0) * 1000)}
        if self._signalled in ready:
            self.heard()
        return fd in ready

    def heard(self) -> None:
        """What was told so far has been heeded; readable again from the next signal on."""
        with suppress(BlockingIOError):
            os.read(self._signalled, 65536)

    def let_go(self) -> None:
        """The terminal is gone: what is still said goes nowhere, instead of failing."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd in self._terminals:
            os.dup2(nowhere, fd)
        os.close(nowhere)


@contextmanager
def restored() -> Iterator[None]:
    """Whatever becomes of the screen, the terminal's settings are afterwards what they were, and so is what SIGTSTP and
    SIGCONT do.
    """
    fd = sys.stdin.fileno()
    settings: list[Any] | None = None
    with suppress(termios.error):
        settings = termios.tcgetattr(fd)
    handlers = {signum: signal.getsignal(signum) for signum in (signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)}
    try:
        yield
    finally:
        for signum, handler in handlers.items():
            signal.signal(signum, handler)
        if settings is not None:
            with suppress(termios.error):
                termios.tcsetattr(fd, termios.TCSANOW, settings)
