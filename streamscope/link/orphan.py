"""When the screen that started an engine is gone without a word: the terminal is put right, and told what goes on.

A screen that was killed leaves the terminal as it had it: the other screen buffer, no cursor, no echo. The engine,
which has kept a descriptor of that terminal and the settings from before, puts them back. A shell with job control has
done its part by then and holds the terminal itself; its settings are left alone.
"""

from __future__ import annotations

import os
import signal
import termios
import threading
from typing import Any

from streamscope.link.output import write_all

_PUT_RIGHT = (
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # mouse
    b"\x1b[?2004l\x1b[?1004l\x1b[?2048l\x1b[<u"  # pasting, focus, resizing, keyboard protocol
    b"\x1b[?7h\x1b[?1049l\x1b[?25h\x1b[0m\r\n"  # wrapping, the first buffer, the cursor, plain colours
)


class Terminal:
    """The terminal of the screen. `fd` is any descriptor; one that is no terminal is only written to."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.is_terminal = os.isatty(fd)
        self._settings: list[Any] | None = None
        if self.is_terminal:
            try:
                self._settings = termios.tcgetattr(fd)
            except termios.error:
                self._settings = None

    def take_back(self, message: str) -> None:
        """Put the terminal right and write the message. Does what can be done; a terminal that is gone is no error.

        A terminal that stands still (Ctrl-S, or what it is drawn in hangs) takes nothing and would keep the server
        waiting with it, so a thread does the waiting.
        """
        threading.Thread(target=self._take_back, args=(message,), name="terminal", daemon=True).start()

    def _take_back(self, message: str) -> None:
        # From the background, both writing and setting would stop this process.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            if self.is_terminal:
                self._restore_settings()
                write_all(self.fd, _PUT_RIGHT)
            write_all(self.fd, message.encode("utf-8", "backslashreplace"))
        except OSError:
            pass  # it hung up, and nobody is there to read
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _restore_settings(self) -> None:
        try:
            if self._settings is not None and os.tcgetpgrp(self.fd) == os.getpgrp():
                termios.tcsetattr(self.fd, termios.TCSANOW, self._settings)
        except (OSError, termios.error):
            pass  # it is not the terminal that controls us, so its settings are others' to make
