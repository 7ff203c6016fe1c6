"""The callbacks that took longest, over the screen; Enter goes to the instant at which one returned."""

from __future__ import annotations

from collections.abc import Set

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import OptionList

from streamscope.trace.fold import SlowCallback
from streamscope.trace.instant import Target
from streamscope.ui.actions import bindings
from streamscope.ui.safe import visible
from streamscope.ui.scale import instant_text, span_text
from streamscope.ui.screens.base import Dialog
from streamscope.ui.stuck import slow_name
from streamscope.ui.view import View


class SlowestList(OptionList):
    """A line for each, the slowest first."""

    HELP = """\
The ten callbacks of the program that took longest: how long, which callback of which stream, when it returned, and
where in the program the stream was made. While a callback runs, the loop serves nobody else.

The time of callbacks that ran within it is not counted. What was told before this inspector came, or was lost, is not
here.
"""
    BINDINGS = bindings("slowest")


class SlowestScreen(Dialog[Target | None]):
    """The list. It follows what is looked at."""

    BINDINGS = bindings("", "help")

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view
        self._list = SlowestList(id="slowest", markup=False)
        self._shown: list[SlowCallback] | None = None

    def compose(self) -> ComposeResult:
        """The list alone."""
        yield self._list

    def on_mount(self) -> None:
        """The slowest is selected."""
        super().on_mount()
        self._list.border_title = Content("slowest callbacks")
        self._list.focus()
        self.show(frozenset())

    def show(self, changed: Set[int]) -> None:
        """Fill the list anew if there are others."""
        slowest = self._view.model.slowest
        if slowest != self._shown:
            at = self._list.highlighted or 0
            self._shown = list(slowest)
            self._list.set_options([self._line(slow) for slow in slowest] or [Text("No callback has returned yet.")])
            self._list.highlighted = min(at, max(len(slowest) - 1, 0))

    def show_at_once(self) -> None:
        """The same."""
        self.show(frozenset())

    def _line(self, slow: SlowCallback) -> Text:
        view = self._view
        state = view.model.known.get(slow.stream)
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{span_text(slow.ns):>8}  ", "bold")
        line.append(f"{slow_name(slow, view.vocabulary):<14} {f'#{slow.stream}':<6} ")
        line.append(f"{instant_text(view.started, slow.t)}  turn {slow.turn:,}")
        if state is not None and state.place:
            line.append(f"  {visible(state.place, 80)}", "dim")
        return line

    @on(OptionList.OptionSelected)
    def _go(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self._shown:
            self.dismiss(Target("t", self._shown[event.option_index].t))

    def action_close(self) -> None:
        """Back to the screen."""
        self.dismiss(None)
