"""The processes and loops of a run, over the screen; Enter watches another one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence, Set
from pathlib import Path

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import OptionList

from streamscope.language import tr, trn
from streamscope.link.engines_table import age
from streamscope.ui.actions import bindings
from streamscope.ui.processes import Listed, Moves
from streamscope.ui.safe import visible
from streamscope.ui.screens.base import Dialog

LOOK_EVERY_S = 1.0


class ProcessList(OptionList):
    """A line for each, and one more where nothing is seen, with the reason."""

    HELP = """\
The processes of the run that is watched, the workers among them, or, for a screen that has attached, all that can be
watched. A process with several loops has a line for each: 4118 and 4118.2. Enter watches the one that is selected, with
a past that begins then.

Of a process with a dash nothing is seen; below it stands why.
"""
    BINDINGS = bindings("processes")


class ProcessesScreen(Dialog[Path | None]):
    """The list. It is asked for anew every second."""

    BINDINGS = bindings("", "help")

    def __init__(self, moves: Moves, monotonic: Callable[[], float]) -> None:
        super().__init__()
        self._moves = moves
        self._monotonic = monotonic
        self._list = ProcessList(id="processes", markup=False)
        self._shown: Sequence[Listed] | None = None
        self._due = 0.0

    def compose(self) -> ComposeResult:
        """The list alone."""
        yield self._list

    def on_mount(self) -> None:
        """What is watched is selected, once it is known."""
        super().on_mount()
        self._list.border_title = Content(tr("processes"))
        self._list.set_options([Text(tr("Asking them …"))])
        self._list.focus()
        self.show(frozenset())

    def show(self, changed: Set[int]) -> None:
        """Ask again, now and then."""
        if self._monotonic() >= self._due:
            self._due = self._monotonic() + LOOK_EVERY_S
            self._ask()

    def show_at_once(self) -> None:
        """The same."""
        self.show(frozenset())

    @work(thread=True, exclusive=True)
    def _ask(self) -> None:
        rows = self._moves.processes()
        self.app.call_from_thread(self._fill, rows)

    def _fill(self, rows: Sequence[Listed]) -> None:
        if rows == self._shown or not self.is_mounted:
            return
        paths = [row.path for row in rows]
        at = self._list.highlighted or 0
        if self._shown is None and self._moves.here in paths:
            at = paths.index(self._moves.here)
        self._shown = rows
        self._list.set_options([self._lines(row) for row in rows] or [Text(tr("There is none."))])
        self._list.highlighted = min(at, max(len(rows) - 1, 0))

    def _lines(self, row: Listed) -> Text:
        line = Text(no_wrap=True, overflow="ellipsis")
        mark = "–" if row.path is None else "›" if row.path == self._moves.here else " "
        line.append(f"{mark} {visible(row.name, 12):<9}", "bold")
        line.append(f"{visible(row.program, 40):<22} ")
        if row.path is None:
            line.append(f"{tr('not seen')}\n{'':11} {visible(tr(row.why), 300)}", "dim")
        elif row.streams is None:
            line.append(tr("does not answer"), "dim")
        else:
            old = age(time.time() - row.started)
            streams = trn("{n} stream ", "{n} streams", row.streams, n=f"{row.streams:>6,}")
            line.append(f"{streams}  {old:>6}  {visible(', '.join(row.addresses), 60)}")
            line.append(f"  {visible(row.engine, 40)}", "dim")
        return line

    @on(OptionList.OptionSelected)
    def _go(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self._shown:
            path = self._shown[event.option_index].path
            self.dismiss(None if path == self._moves.here else path)

    def action_close(self) -> None:
        """Back to the screen."""
        self.dismiss(None)
