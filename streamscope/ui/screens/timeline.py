"""The time line of one stream on the whole screen, and below it the stream's events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set

from textual.widget import Widget

from streamscope.ui.actions import bindings
from streamscope.ui.order import neighbour
from streamscope.ui.screens.base import LiveScreen
from streamscope.ui.view import View
from streamscope.ui.widgets.event_pane import EventPane
from streamscope.ui.widgets.timeline_pane import Timeline


class TimelineScreen(LiveScreen):
    """The time line of stream `number`."""

    BINDINGS = bindings("large")

    def __init__(self, view: View, number: int | None, *, order: Callable[[], Sequence[int]]) -> None:
        """`order` gives the numbers of the streams as the table has them, for going to the next one."""
        super().__init__(view)
        self.timeline = Timeline(view, number, id="timeline-large")
        self.events = EventPane(view, number, id="timeline-events")
        self._order = order

    def compose_body(self) -> Iterable[Widget]:
        """The time line, and what happened."""
        yield self.timeline
        yield self.events

    def on_mount(self) -> None:
        """The time line has the focus at first."""
        self.timeline.focus()

    def show(self, changed: Set[int]) -> None:
        """Paint what has changed."""
        super().show(changed)
        self.timeline.show(changed)
        self.events.show(changed)

    @property
    def foremost(self) -> Widget:
        """The time line."""
        return self.timeline

    @property
    def subject(self) -> tuple[int | None, str]:
        """The stream and the lane whose changes one goes to."""
        return self.timeline.number, self.timeline.lane

    def take_up(self) -> None:
        """Show the time line of that stream."""
        if self.view.selected is not None:
            self.timeline.number = self.events.stream = self.view.selected

    def action_back(self) -> None:
        """Go back to where it was opened."""
        self.dismiss()

    def action_previous(self) -> None:
        """The stream before it in the table."""
        self._go(-1)

    def action_next(self) -> None:
        """The stream after it in the table."""
        self._go(1)

    def _go(self, step: int) -> None:
        number = neighbour(self._order(), self.timeline.number, step)
        if number is not None:
            self.view.selected = number
            self.take_up()
