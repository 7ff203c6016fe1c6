"""What took longest, over the screen: callbacks, turns, writes; Enter goes to the instant at which one was over."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import OptionList

from streamscope.language import tr
from streamscope.trace.instant import Target
from streamscope.ui.actions import bindings
from streamscope.ui.cells import pad
from streamscope.ui.safe import visible
from streamscope.ui.scale import instant_text, span_text
from streamscope.ui.screens.base import Dialog
from streamscope.ui.slow_rows import SlowRow
from streamscope.ui.view import View


class SlowestList(OptionList):
    """A line for each, the slowest first."""

    HELP = """\
The ten that took longest: how long, what it was and of which stream, when it was over, and where in the program the
stream was made. While a callback runs, the loop serves nobody else.

The time of callbacks that ran within one is not counted as its own. What was told before this inspector came, or was
lost, is not here.
"""
    BINDINGS = bindings("slowest")


class SlowestScreen(Dialog[Target | None]):
    """The list. It follows what is looked at."""

    BINDINGS = bindings("", "help")

    def __init__(self, view: View, title: str, rows: Callable[[], Sequence[SlowRow]], empty: str) -> None:
        """`rows` are those that there are now; `empty` is said where there are none."""
        super().__init__()
        self._view = view
        self._title = title
        self._rows = rows
        self._empty = empty
        self._list = SlowestList(id="slowest", markup=False)
        self._shown: Sequence[SlowRow] | None = None

    def compose(self) -> ComposeResult:
        """The list alone."""
        yield self._list

    def on_mount(self) -> None:
        """The slowest is selected."""
        super().on_mount()
        self._list.border_title = Content(self._title)
        self._list.focus()
        self.show(frozenset())

    def show(self, changed: Set[int]) -> None:
        """Fill the list anew if there are others."""
        rows = list(self._rows())
        if rows != self._shown:
            at = self._list.highlighted or 0
            self._shown = rows
            self._list.set_options([self._line(row) for row in rows] or [Text(self._empty)])
            self._list.highlighted = min(at, max(len(rows) - 1, 0))

    def show_at_once(self) -> None:
        """The same."""
        self.show(frozenset())

    def _line(self, row: SlowRow) -> Text:
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{span_text(row.ns):>8}  ", "bold")
        line.append(f"{pad(visible(tr(row.what), 40), 14)} {f'#{row.stream}' if row.stream else '':<6} ")
        line.append(f"{instant_text(self._view.started, row.t)}  {tr('turn {n}', n=f'{row.turn:,}')}")
        if row.place:
            line.append(f"  {visible(row.place, 80)}", "dim")
        return line

    @on(OptionList.OptionSelected)
    def _go(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self._shown:
            self.dismiss(Target("t", self._shown[event.option_index].t))

    def action_close(self) -> None:
        """Back to the screen."""
        self.dismiss(None)
