"""The overview: the table of streams, panels of those that matter, and below them the events and the log."""

from __future__ import annotations

from collections.abc import Iterable, Set

from textual import on
from textual.containers import Container
from textual.geometry import Size
from textual.widget import Widget

from streamscope.ui.actions import bindings
from streamscope.ui.config_file import Config
from streamscope.ui.messages import FilterChanged, RoomChanged, StreamSelected
from streamscope.ui.screens.base import VAST, LiveScreen, room_of
from streamscope.ui.view import View
from streamscope.ui.widgets.ended_pane import EndedPane, has_failed
from streamscope.ui.widgets.event_pane import EventPane
from streamscope.ui.widgets.filter_bar import FilterBar
from streamscope.ui.widgets.log_pane import LogPane
from streamscope.ui.widgets.panel import Panel
from streamscope.ui.widgets.panel_grid import PanelGrid
from streamscope.ui.widgets.stream_table import StreamTable
from streamscope.ui.widgets.timeline_pane import Timeline
from streamscope.ui.widgets.welcome import Welcome
from streamscope.ui.widgets.where_pane import WherePane

PANEL_WIDTH = 60
PANEL_HEIGHT = 12


class OverviewScreen(LiveScreen):
    """Where a person begins."""

    BINDINGS = bindings("overview")

    def __init__(self, view: View, config: Config) -> None:
        super().__init__(view)
        self.table = StreamTable(view, config.columns, id="streams")
        self.panels = PanelGrid(view, least_width=PANEL_WIDTH, least_height=PANEL_HEIGHT, id="panels")
        self.events = EventPane(view, id="events")
        self.log_pane = LogPane(view, id="log")
        self.timeline = Timeline(view, id="lanes")
        self._welcome = Welcome(view, id="welcome")
        self._where = WherePane(view, id="where")
        self._ended = EndedPane(view, id="ended")
        self._ended_at: tuple[int | None] | None = None  # what was selected when the engine ended
        self._looks_on = False  # and whether something else has been selected since
        self._filter = FilterBar(lambda: view.vocabulary, states=lambda: view.lint_words, id="filter")
        self._lower = Container(id="lower")
        self._lanes_wanted: bool | None = None  # by the person
        self._is_vast = self._is_small = False
        self._log_opened = False
        self._lines_seen = 1  # the first says where the program listens, and so does the header
        self.set_class(self._nobody, "-nobody")

    def compose_body(self) -> Iterable[Widget]:
        """Table and panels beside or above each other, as the stylesheet says; time line, events and log below, or
        beside them where there is plenty of room: events beside the table then, and the time line beside the panel.
        """
        self.log_pane.display = False
        self.panels.assign([self.table.cursor])
        yield Container(
            Container(self._filter, self.table, id="left"),
            Container(self._where, self._ended, self._welcome, self.panels, id="right"),
            id="upper",
        )
        self._lower = Container(*self._in_order(), self.log_pane, id="lower")
        yield self._lower

    def lay_out(self, width: int, height: int) -> None:
        """With plenty of room the time line is there unless the person does not want it, and of a trace wherever it
        does not take the table's place.
        """
        self._is_vast = width >= VAST
        self._is_small = room_of(Size(width, height)) < 2
        self._place_lanes()

    def _place_lanes(self) -> None:
        by_itself = not self._is_small and (self.view.replaying or (self._is_vast and not self._nobody))
        lanes = by_itself if self._lanes_wanted is None else self._lanes_wanted
        beside = self._is_vast and (lanes or self.events.display)
        if self.timeline.display != lanes:
            self.timeline.display = lanes
        self.set_class(lanes, "-lanes")
        if beside != self.has_class("-vast"):
            self.set_class(beside, "-vast")
            first, second = self._in_order()
            if first in self._lower.children and second in self._lower.children:
                self._lower.move_child(first, before=second)

    def _in_order(self) -> tuple[Widget, Widget]:
        """Events stand beside the table, which is above; below all else they come last."""
        return (self.events, self.timeline) if self.has_class("-vast") else (self.timeline, self.events)

    def on_mount(self) -> None:
        """The table has the focus at first."""
        self.table.focus()
        self.place_panels()

    def show(self, changed: Set[int]) -> None:
        """Paint what has changed."""
        self._follow_log(changed)
        super().show(changed)
        self.table.show(changed)
        if self.view.never_served != self.has_class("-failed"):
            self.set_class(self.view.never_served, "-failed")
            self.log_pane.display = self.view.never_served
        self._show_end(changed)
        nobody = self._nobody
        if nobody != self.has_class("-nobody"):
            self.set_class(nobody, "-nobody")
            self._place_lanes()
        if nobody:
            self._welcome.show(changed)
        stands = self.view.standstill is not None
        if stands != self.has_class("-stuck"):
            self.set_class(stands, "-stuck")
        if stands:
            self._where.show(changed)
        self.panels.show(changed)
        if self.timeline.display:
            self.timeline.show(changed)
        if self.events.display:
            self.events.show(changed)

    def _show_end(self, changed: Set[int]) -> None:
        """Say that the engine has ended; where there is little room, only until the person looks at a stream."""
        view = self.view
        ended = view.over and not view.paused and not view.never_served and view.standstill is None
        if ended and has_failed(view) and view.hello is not None and view.hello.log:
            self.open_log()
        if not ended:
            self._ended_at, self._looks_on = None, False
        elif self._ended_at is None:
            self._ended_at = (view.selected,)
        elif self._ended_at != (view.selected,):
            self._looks_on = True
        shown = ended and (self._roomy or not self._looks_on)
        if shown != self.has_class("-ended"):
            self.set_class(shown, "-ended")
            self.refresh_bindings()  # there is no present any more, and so arrows step
        if shown:
            self._ended.show(changed)

    @property
    def _roomy(self) -> bool:
        """Whether there is room for a pane above the panels."""
        return self.has_class("-wide") and self.has_class("-tall")

    def _follow_log(self, changed: Set[int]) -> None:
        """Read what the program has printed, be it on the screen or not, so that the header can tell of it."""
        self.log_pane.show(changed)
        printed = self.log_pane.span()[1]
        if self.log_pane.display:
            self._lines_seen = max(printed, 1)
        self.view.unread_lines = max(printed - self._lines_seen, 0)

    @property
    def _nobody(self) -> bool:
        """Whether there is no stream to show, so that the screen had better teach."""
        return self.view.counts.connections == 0 and not self.view.pinned

    @property
    def foremost(self) -> Widget:
        """The table."""
        return self.table

    @property
    def subject(self) -> tuple[int | None, str]:
        """The selected stream, and the lane that is selected in the time line while that is shown."""
        return self.table.cursor, self.timeline.lane if self.timeline.display else ""

    # panels

    @on(RoomChanged)
    def place_panels(self) -> None:
        """Pinned streams keep their panels, the selected one has one of its own while it has none."""
        numbers: list[int | None] = [*self.view.pinned]
        selected = self.table.cursor
        capacity = self.panels.capacity
        if selected is not None and selected not in numbers[:capacity]:
            numbers = [*numbers[: capacity - 1], selected]
        self.panels.assign(numbers[:capacity] or [None])

    @on(StreamSelected)
    def _selected(self) -> None:
        """The table, a panel or an event says which stream matters."""
        self.table.take_up()
        self.events.selected = self.timeline.number = self.view.selected
        self.place_panels()

    def take_up(self) -> None:
        """The cursor goes to it, and the panes beside the table turn to it."""
        self._selected()

    def action_go(self, x: int, y: int) -> None:
        """Move the focus to the pane beside the one that has it."""
        focused = self.focused
        if isinstance(focused, Panel):
            beside = self.panels.panel_towards(focused, x, y)
            if beside is not None:
                beside.focus()
            elif x < 0 or y < 0:
                self.table.focus()
            elif y > 0 and self.events.display:
                self.focus_next()
        elif x > 0 and self.panels.panels and self.panels.display:
            self.panels.panels[0].focus()

    # filter, events, log

    def action_filter(self) -> None:
        """Write what the table shows; or the list of events, if that has the focus."""
        if self._in_events:
            self.events.open_filter()
        else:
            self._filter.open()

    @property
    def filtering(self) -> FilterBar | None:
        """That of the pane that has the focus, or else of the other one."""
        bars = (self._filter, self.events.filter)
        return next((bar for bar in (bars[::-1] if self._in_events else bars) if bar.filters), None)

    def hides(self, number: int) -> bool:
        """See `LiveScreen`."""
        return self._filter.filters and number not in self.table.order and self.view.stream(number) is not None

    @property
    def _in_events(self) -> bool:
        return self.focused is not None and self.events in self.focused.ancestors_with_self

    @on(FilterChanged)
    def _filter_changed(self, message: FilterChanged) -> None:
        """The table shows what matches, and has the focus again when the person is done."""
        text = message.text.strip()
        self.table.set_filter(text, None if message.filter is None else message.filter.of_stream)
        if message.keep:
            self.table.focus()

    def action_log(self) -> None:
        """Show or hide what the program printed."""
        self._toggle(self.log_pane)
        self.set_class(self.log_pane.display, "-log")

    def open_log(self) -> None:
        """Show it by itself, once: who closes it does not want it."""
        if self.is_mounted and not self._log_opened and not self.log_pane.display:
            self._log_opened = True
            self.action_log()

    def action_lanes(self) -> None:
        """Show or hide the time line of the selected stream."""
        self._lanes_wanted = not self.timeline.display
        self._toggle(self.timeline)
        self._place_lanes()

    def action_events(self) -> None:
        """Show or hide the events."""
        self._toggle(self.events)
        self._place_lanes()

    def _toggle(self, pane: Widget) -> None:
        pane.display = not pane.display
        if not pane.display and (self.focused is None or pane in self.focused.ancestors_with_self):
            self.table.focus()
        self.show_at_once()
