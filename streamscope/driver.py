"""The terminal as Textual's driver has it, on ours: what is drawn goes to the terminal itself, wherever stderr goes.

Where Textual differs from what a terminal does in its life: it draws from a thread that dies of a terminal that is
gone, and leaves the app waiting for that thread for ever; it reads the end of its input over and over; it believes
COLUMNS and LINES more than the terminal; and it puts itself to sleep, and wakes up, in the midst of whatever it does.
"""

from __future__ import annotations

import io
import os
import select
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from textual.drivers.linux_driver import LinuxDriver

from streamscope.ui.glyphs import in_ascii, in_blocks

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from streamscope.travelling import TimeTravelApp


class _Terminal(io.FileIO):
    """What is written goes to the terminal; to one that is gone it goes nowhere, and that is told elsewhere."""

    def write(self, data: Buffer, /) -> int:
        """How much was written. Waits for a terminal that somebody has made non-blocking."""
        while True:
            try:
                written: int | None = super().write(data)
            except OSError:
                return memoryview(data).nbytes
            if written is not None:
                return written
            select.select([], [self], [])


class TerminalDriver(LinuxDriver):
    """Draws on `app.terminal`."""

    def __init__(self, app: TimeTravelApp, **given: Any) -> None:
        super().__init__(app, **given)
        self._terminal = app.terminal
        raw = _Terminal(self._terminal, "w", closefd=False)
        self._file = io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", "replace")
        self._size = self._get_terminal_size()
        self._spelt = in_ascii if app.ascii_only else None if app.braille else in_blocks
        self._asleep = False

    def write(self, data: str) -> None:
        """Have it drawn."""
        super().write(data if self._spelt is None else self._spelt(data))

    def _get_terminal_size(self) -> tuple[int, int]:
        try:
            columns, lines = os.get_terminal_size(self._terminal)
        except OSError:
            columns, lines = 0, 0
        return columns or 80, lines or 25

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except OSError:
            self._loop.call_soon_threadsafe(self._app.exit, 0)  # no key can come any more

    # Signals come between any two steps of what is under way, which may hold the writer's queue; so the loop, between
    # two callbacks, does what they ask for.

    def _sigtstp_application(self, *_: object) -> None:
        with suppress(RuntimeError):  # the app has ended meanwhile
            self._loop.call_soon_threadsafe(self._sleep)

    def _sigcont_application(self, *_: object) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._wake)

    def _sleep(self) -> None:
        if self._app.is_running:
            self._asleep = True
            self.suspend_application_mode()
        os.kill(os.getpid(), signal.SIGSTOP)

    def _wake(self) -> None:
        if not self._app.is_running:
            return
        if not self._asleep:  # it was SIGSTOP, which nobody is asked about; a shell has drawn over the screen since
            self.suspend_application_mode()
        self._asleep = False
        self.resume_application_mode()
        self._app.refresh(layout=True)
