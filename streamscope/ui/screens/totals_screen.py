"""Totals of the whole engine: what flows, who comes and goes, how long things take, and who talks most."""

from __future__ import annotations

from collections.abc import Iterable, Set

from textual.containers import Horizontal
from textual.widget import Widget

from streamscope.trace.totals import TIMES
from streamscope.ui.actions import bindings
from streamscope.ui.screens.base import LiveScreen
from streamscope.ui.totalled import Totalled
from streamscope.ui.view import View
from streamscope.ui.widgets.totals_panes import BytesPane, StreamsPane, TalkersPane, TimesPane


class TotalsScreen(LiveScreen):
    """Six panes over the same seconds. They are collected only while this screen is in front."""

    BINDINGS = bindings("totals")

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self.totalled = totalled = Totalled(view)
        self.flows = (BytesPane(view, totalled, id="totals-bytes"), StreamsPane(view, totalled, id="totals-streams"))
        self.times = tuple(TimesPane(view, totalled, name) for name in TIMES)
        self.talkers = TalkersPane(view, totalled)

    def compose_body(self) -> Iterable[Widget]:
        """Flows, below them histograms, and the talkers."""
        yield Horizontal(*self.flows, id="totals-flows")
        yield Horizontal(*self.times, id="totals-times")
        yield self.talkers

    def on_mount(self) -> None:
        """The talkers have the focus at first."""
        self.talkers.focus()

    def show(self, changed: Set[int]) -> None:
        """Collect some more, and paint what has changed."""
        self.totalled.work()
        super().show(changed)
        for pane in (*self.flows, *self.times):
            pane.show(changed)
        self.talkers.show(changed)

    @property
    def foremost(self) -> Widget:
        """The talkers."""
        return self.talkers

    def take_up(self) -> None:
        """The stream that is selected has the cursor, if it is among the talkers."""
        self.talkers.show(frozenset())

    @property
    def subject(self) -> tuple[int | None, str]:
        """The stream that is selected."""
        return self.view.selected, ""

    def action_sort(self) -> None:
        """Sort the talkers by the next figure."""
        self.talkers.action_sort()

    def action_span(self, by: int) -> None:
        """Look at a longer span, or a shorter one."""
        self.totalled.widen(by)
        self.show_at_once()
