"""One stream on the whole screen: its panel, its requests, its payload as it passes, and its own events; or, as one
conversation, what passes and happens on both sides of a pair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set

from textual.containers import Container
from textual.geometry import Size
from textual.widget import Widget

from streamscope.ui.actions import bindings
from streamscope.ui.config_file import Config
from streamscope.ui.messages import StreamOpened, StreamPinned
from streamscope.ui.order import neighbour
from streamscope.ui.plain import is_listener
from streamscope.ui.screens.base import TALL, VAST, LiveScreen, room_of
from streamscope.ui.view import View
from streamscope.ui.widgets.event_pane import EventPane
from streamscope.ui.widgets.filter_bar import FilterBar
from streamscope.ui.widgets.panel import Panel
from streamscope.ui.widgets.payload_view import PayloadView
from streamscope.ui.widgets.request_list import RequestList
from streamscope.ui.widgets.timeline_pane import Timeline


class StreamScreen(LiveScreen):
    """Stream `number`, and the `other` side of its conversation if one is wanted. Their payload is asked for while this
    screen is there, and no longer.
    """

    BINDINGS = bindings("stream")

    def __init__(
        self,
        view: View,
        number: int,
        config: Config,
        *,
        order: Callable[[], Sequence[int]] | None = None,
        other: int | None = None,
    ) -> None:
        """`order` gives the numbers of the streams as the table has them, for going to the next one."""
        super().__init__(view)
        self.number = number
        self._order = order or (lambda: sorted(view.model.streams))
        self.other = other
        self.panel = Panel(view, number, id="stream-panel")
        self.beside = (
            RequestList(view, number, id="stream-requests") if other is None else Panel(view, other, id="stream-other")
        )
        self.payload = PayloadView(view, number, other, id="stream-payload")
        self.events = EventPane(view, number, other, id="stream-events")
        self.timeline = Timeline(view, number, id="stream-lanes")
        self._lanes_wanted: bool | None = None  # by the person

    def compose_body(self) -> Iterable[Widget]:
        """How it is on one side, what happened on the other; above each other where there is no room beside."""
        yield Container(
            Container(self.panel, self.beside, id="stream-state"),
            Container(self.payload, self.events, id="stream-past"),
            id="stream-now",
        )
        yield self.timeline

    def lay_out(self, width: int, height: int) -> None:
        """With plenty of room the time line is there unless the person does not want it, and of a trace wherever it
        does not take the panel's place.
        """
        by_itself = (self.view.replaying and room_of(Size(width, height)) == 2) or (width >= VAST and height >= TALL)
        lanes = by_itself if self._lanes_wanted is None else self._lanes_wanted
        if self.timeline.display != lanes:
            self.timeline.display = lanes

    def on_mount(self) -> None:
        """The payload has the focus at first: it is what a person opens a stream for. A listening one has none."""
        state = self.view.stream(self.number)
        listens = state is not None and is_listener(state, self.view.vocabulary)
        if listens:
            self.payload.display = self.beside.display = False
        first = self.events.list if listens else self.payload
        (first if first.focusable else self.panel).focus()

    def show(self, changed: Set[int]) -> None:
        """Paint what has changed."""
        super().show(changed)
        self.view.ask_other_end(self.number)
        self.panel.show(changed)
        if self.beside.display:
            self.beside.show(changed)
        self.payload.show(changed)
        self.events.show(changed)
        if self.timeline.display:
            self.timeline.show(changed)

    @property
    def foremost(self) -> Widget:
        """The panel."""
        return self.panel

    @property
    def subject(self) -> tuple[int | None, str]:
        """The stream, and the lane that is selected in its time line while that is shown."""
        return self.number, self.timeline.lane if self.timeline.display else ""

    def take_up(self) -> None:
        """Open that stream in the place of this one; of a conversation, go to its panel."""
        number = self.view.selected
        if number is not None and number == self.other:
            self.beside.focus()
        elif number is not None and number != self.number:
            self.post_message(StreamOpened(number))

    def action_lanes(self) -> None:
        """Show or hide the stream's time line."""
        self._lanes_wanted = self.timeline.display = not self.timeline.display
        if not self.timeline.display and self.timeline.has_focus:
            self.focus_next()
        self.show_at_once()

    @property
    def filtering(self) -> FilterBar | None:
        """That of the stream's events."""
        return self.events.filter if self.events.filter.filters else None

    def action_back(self) -> None:
        """Go back to where the stream was opened."""
        self.dismiss()

    def action_filter(self) -> None:
        """Write which events are shown."""
        self.events.open_filter()

    def action_pin(self) -> None:
        """Pin the stream's panel on the overview, or let it go."""
        self.post_message(StreamPinned(self.number))

    def action_previous(self) -> None:
        """Open the stream before it in the table."""
        self._open(-1)

    def action_next(self) -> None:
        """Open the stream after it in the table."""
        self._open(1)

    def _open(self, step: int) -> None:
        number = neighbour(self._order(), self.number, step)
        if number is not None:
            self.post_message(StreamOpened(number))
