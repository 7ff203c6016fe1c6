"""What differs between the marked instant and the one that is looked at, over the screen; it follows while one
travels.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content

from streamscope.language import tr, trn
from streamscope.trace.compare import difference
from streamscope.ui.actions import bindings, of_context
from streamscope.ui.difference_lines import Line, difference_lines
from streamscope.ui.scale import instant_text, span_text
from streamscope.ui.screens.base import Dialog
from streamscope.ui.view import View
from streamscope.ui.widgets.drawn import DrawnLines

EVERY = 0.2
"""Seconds between two comparisons at least while the present goes on."""


class DifferenceLines(DrawnLines):
    """The lines; as high as there are."""

    def put(self, lines: Sequence[Line]) -> None:
        """Show these."""
        if len(lines) != len(self._lines):
            self.styles.height = max(len(lines), 1)
        super().put(lines)


class DifferenceScroll(VerticalScroll):
    """The frame round the lines, which scrolls them."""

    HELP = """\
What differs between the marked instant (m marks one) and the one that is looked at: for each stream its flags, its
queues with what left and what joined, its epoll masks and callbacks, its counters, and what else has changed.

The keys that travel work here too: the difference follows.
"""


class DifferenceScreen(Dialog[None]):
    """The difference. There must be a mark."""

    BINDINGS = bindings(
        "difference", *(action.id for action in of_context("travel")), "pause", "goto", "mark", "difference", "help"
    )

    def __init__(self, view: View, first: int | None) -> None:
        """The stream `first` stands at the top."""
        super().__init__()
        self._view = view
        self._first = first
        self._lines = DifferenceLines()
        self._frame = DifferenceScroll(self._lines, id="difference")
        self._seen: tuple[int, int] | None = None
        self._due = 0.0

    def compose(self) -> ComposeResult:
        """The lines in a frame."""
        yield self._frame

    def on_mount(self) -> None:
        """Scrolling works at once."""
        self._frame.focus()
        self.show(frozenset())

    def show(self, changed: Set[int]) -> None:
        """Compare again if the instant is another one."""
        view, mark = self._view, self._view.mark
        at = view.monotonic()
        here = (view.past_end, view.now_t if view.paused else 0)
        if mark is None or here == self._seen or (at < self._due and not view.paused):
            return
        self._seen, self._due = here, at + EVERY
        found = difference(mark.streams, view.model.streams, mark.loop, view.model.loop, view.vocabulary)
        self._lines.put(difference_lines(found, view.vocabulary, self._first))
        frame = self._frame
        frame.border_title = Content(
            f"{tr('difference')} · ◆ {instant_text(view.started, mark.t)} → ▼ {instant_text(view.started, view.now_t)}"
        )
        events = trn("{n} event", "{n} events", abs(view.past_end - mark.row))
        frame.border_subtitle = Content(f"{span_text(view.now_t - mark.t)} · {events} · {tr('esc closes')}")

    def show_at_once(self) -> None:
        """The same: while one travels, it is compared at once anyway."""
        self.show(frozenset())

    def action_close(self) -> None:
        """Back to the screen."""
        self.dismiss(None)
