"""The wall: the troubled streams large, the worst first, a pair side by side; all others in one line each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from operator import attrgetter

from textual import on
from textual.widget import Widget

from streamscope.language import N_, items, tr
from streamscope.trace.state import StreamState
from streamscope.ui.actions import bindings
from streamscope.ui.messages import RoomChanged, StreamPinned, StreamSelected
from streamscope.ui.order import trouble_first
from streamscope.ui.plain import is_listener
from streamscope.ui.row_words import FAILED, mark_of
from streamscope.ui.screens.base import WIDE, LiveScreen
from streamscope.ui.view import MANY, View
from streamscope.ui.walls import Room, Wall, WallStreams
from streamscope.ui.widgets.panel import Panel
from streamscope.ui.widgets.panel_grid import PanelGrid
from streamscope.ui.widgets.wall_list import WallList
from streamscope.ui.widgets.wall_panel import WallPanel

PLACE_AFTER = 1.0
"""Seconds between two looks at who should stand where."""


_KINDS = (N_("in trouble"), N_("failed"), N_("closed"), N_("healthy"))
"""What a stream may be that stands in a line, the worst first."""


class WallScreen(LiveScreen):
    """Panels above, lines below."""

    BINDINGS = bindings("wall")
    AUTO_FOCUS = ""
    """The focus goes where the selected stream stands, and not to the first panel."""

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._wall = Wall()
        self.panels = PanelGrid(view, make=WallPanel, id="wall")
        self.lines = WallList(view, leave=self._leave_lines, id="wall-lines")
        self._placed_at = -PLACE_AFTER

    def compose_body(self) -> Iterable[Widget]:
        """As many panels as there will be, so that the first frame has them."""
        self._place()
        yield self.panels
        yield self.lines

    def show(self, changed: Set[int]) -> None:
        """Paint what has changed."""
        super().show(changed)
        if self.view.monotonic() - self._placed_at >= PLACE_AFTER:
            self.place_panels()
        self.panels.show(changed)
        if self.lines.display:
            self.lines.show(changed)

    def show_at_once(self) -> None:
        """Decide anew who stands where, then paint."""
        self.place_panels()
        super().show_at_once()

    # who stands where

    @on(RoomChanged)
    def place_panels(self) -> None:
        """Decide who stands where."""
        if self.is_attached:
            self._place()
            self._follow_selection()

    def _place(self) -> None:
        self._placed_at = self.view.monotonic()
        wall, room, standing = self._wall, self._room_there_is(), self._standing()
        wall.look(standing, room, self._placed_at)
        self.panels.display = bool(wall.large)
        self.lines.display = bool(wall.lines) or not wall.large
        self._set_height(self.panels, wall.panel_height)
        self._set_height(self.lines, room.height - wall.panel_height)
        shown = wall.large
        while wall.rows == 1 and shown[-1] is None:  # the others have its room
            shown = shown[:-1]
        self.panels.assign(shown, wall.columns)
        self.lines.set_lines(wall.lines, room.line_columns, self._told_of(standing))

    @staticmethod
    def _set_height(widget: Widget, height: int) -> None:
        if widget.styles.height is None or widget.styles.height.value != height:
            widget.styles.height = height

    def _room_there_is(self) -> Room:
        """The body's; before that is laid out what header, sentence, past and keys will leave."""
        body = self.panels.parent
        if isinstance(body, Widget) and body.size:
            return Room(*body.size)
        width, height = self.app.size
        return Room(width, max(height - (4 if width >= WIDE else 5), 0))

    def _standing(self) -> WallStreams:
        view = self.view
        told, known = view.told, view.known
        by_number = sorted(view.model.streams.values(), key=attrgetter("number"))
        ranked = trouble_first(by_number, told, view.vocabulary)
        special = {*told.by_stream, *told.held}
        if known.standstill is not None:
            special.add(known.standstill.stream)
        troubled = [state.number for state in ranked if state.number in special and not state.closed_t]
        troubled.sort(key=lambda number: not known.is_stuck_in(number))
        odd = [state for state in ranked if state.errors or state.delayed_error]
        failed = [state.number for state in odd if mark_of(state, known).text == FAILED]
        dull = {state.number for state in ranked if state.closed_t or is_listener(state, view.vocabulary)}
        return WallStreams(self._busiest_first(ranked), troubled, failed, dull, view.pinned, view.ties.beside)

    def _busiest_first(self, ranked: Sequence[StreamState]) -> list[int]:
        """Those through which most goes, as far as they can be asked in time, then as they come."""
        of = self.view.curves.of
        order = [state.number for state in ranked]
        if len(order) <= MANY:
            order.sort(key=lambda number: max(of(number)[0] or 0.0, of(number)[1] or 0.0), reverse=True)
        return order

    def _told_of(self, standing: WallStreams) -> str:
        """`1 failed, 38 healthy`: what the lines are of."""
        troubled, failed, streams = set(standing.troubled), set(standing.failed), self.view.model.streams
        counts = dict.fromkeys(_KINDS, 0)
        for number in (number for line in self._wall.lines for number in line):
            kind = "in trouble" if number in troubled else "failed" if number in failed else ""
            counts[kind or ("closed" if streams[number].closed_t else "healthy")] += 1
        told = [f"{count:,} {tr(kind)}" for kind, count in counts.items() if count]
        return tr(items(told)) or tr("no streams")

    # the selection

    @property
    def subject(self) -> tuple[int | None, str]:
        """The stream that is selected: that of the panel or of the line that has the focus."""
        return self.view.selected, ""

    def take_up(self) -> None:
        """Go to where the stream stands."""
        self.place_panels()

    def _follow_selection(self) -> None:
        """The focus is where the selected stream stands; where it is gone, what stands there now is selected."""
        if not self.is_current:
            return
        selected, panels = self.view.selected, self.panels.panels
        here = next((panel for panel in panels if panel.number == selected), None)
        if here is None and selected in self.lines:
            self._focus(self.lines)
        elif here is not None:
            self._focus(here)
        elif isinstance(self.focused, Panel) and self.focused.number is not None:
            self._select(self.focused.number)
        elif self.focused is self.lines and self.lines.display:
            self.lines.take_up()
        elif panels:
            self._focus(panels[0])

    def _focus(self, widget: Widget) -> None:
        if self.focused is not widget:
            widget.focus()

    def _select(self, number: int) -> None:
        self.view.selected = number
        self.post_message(StreamSelected(number))

    def action_go(self, x: int, y: int) -> None:
        """Move the focus to the panel beside the one that has it; down from the last row, to the lines."""
        if isinstance(self.focused, Panel):
            beside = self.panels.panel_towards(self.focused, x, y)
            if beside is not None:
                beside.focus()
            elif y > 0 and self.lines.display:
                self.lines.enter()
                self.lines.focus()

    def _leave_lines(self) -> None:
        """Up from the first line: to the last row of panels."""
        panels = self.panels.panels
        if panels:
            panels[(len(panels) - 1) // self._wall.columns * self._wall.columns].focus()

    def action_pin(self) -> None:
        """Make the selected stream large and keep it so, or let it go."""
        if self.view.selected is not None:
            self.post_message(StreamPinned(self.view.selected))
