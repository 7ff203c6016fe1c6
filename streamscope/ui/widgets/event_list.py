"""The events: what the engine did, one line each, as they come and as far back as memory goes.

The list shows rows of the past. It holds none itself, and asks for events of the few rows in sight only, so that it
costs the same whether a hundred or a hundred thousand events a second go by.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip

from streamscope.trace.contents import Gap
from streamscope.trace.decode import EVERY, Event
from streamscope.trace.past import Past
from streamscope.ui.actions import bindings
from streamscope.ui.event_lines import event_parts, gap_parts, layout, row_text
from streamscope.ui.messages import EventWanted, StreamSelected
from streamscope.ui.sight import SightLine
from streamscope.ui.view import View
from streamscope.ui.widgets.filtered import FILTER_FIRST, FilteredList
from streamscope.ui.widgets.live_lines import LiveLines

Row = Event | Gap


class EventList(LiveLines[Row], FilteredList):
    """Rows of the past: of all streams, or of one."""

    HELP = """\
What the engine did, in order. A line reads from left to right: the turn of the loop, the time, the stream, the
engine's function, what it did, and what that changed, from what to what.

A filter (/) leaves only events that match. They are looked for from here backwards, a little at a time, and across
the whole past if that is what it takes; a long one goes on while you read.

The newest line is followed. Going up selects an event and holds the lines still; its stream is selected too, and below
the list stands what the event means and what the function does. End follows the newest again.

In the past ▶ points at what has just happened, and what will happen next stands below it, dim. Enter on a selected
event goes to it. v shows what matters alone, one line for each cycle of the loop.

An event's number, which stands below with what it means, is its place in the feed: it only grows, may skip, and is the
same for everybody who looks (: goes to an event by it, and filters and traces call it seq).

A line across the list says that events were lost, because this screen was too slow. What the panels show is right even
then: after a loss the engine sends the state of every stream anew.
"""
    BINDINGS = bindings("events")

    cursor: var[int | None] = var[int | None](None)
    """The selected row, None while nothing is selected. With `stream` set, rows are numbered within that stream."""

    @dataclass
    class Selected(Message):
        """Another row was selected, or another line of an outline; or None."""

        row: Row | SightLine | None

    def __init__(
        self, view: View, stream: int | None = None, *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._view = view
        self._past: Past = view.past
        self._here = 0
        self._here_of: tuple[int, int] | None = None
        self._fixed = stream is not None
        self.set_reactive(EventList.stream, stream)

    # the rows

    def span(self) -> tuple[int, int]:
        """What the past has of the stream; in the past, what has happened and a little of what will."""
        view = self._view
        if view.past is not self._past:
            self._begin_anew()
        first, end = self._past.extent(self._whose) if self._found is None else self._found.extent()
        if not view.paused:
            self._here_of = None
            return first, end
        here = self._find_here(first, end)
        if here != self._here:
            self._here = here
            self.refresh()
        ahead = self.scrollable_content_region.height // 3 if view.moved else 0
        return first, min(end, here + ahead)

    @property
    def _whose(self) -> int | None:
        """Whose rows of the past these are; what the kernel was asked meanwhile is shown to those who filter for it."""
        return EVERY if self.stream is None and self._past.decoder.tells_aside else self.stream

    def _find_here(self, first: int, end: int) -> int:
        """The first row that has not happened yet, in this list's numbering."""
        position = self._view.past_end
        if self._found is not None:
            return self._found.number_at(position)
        if self._whose is None:
            return position
        if self._here_of == (position, first):
            return self._here
        self._here_of = (position, first)
        if position >= self._past.end:
            return end
        following = self._past.rows(position, 2)
        seq = next((row.seq for row in following if isinstance(row, Event)), 2**63)
        return first + bisect_left(range(first, end), seq, key=self._seq_at)

    def _begin_anew(self) -> None:
        """Another engine, another past: no row number means anything any more."""
        self._past = self._view.past
        self.look_for()
        self._drawn.clear()
        self._page = ()
        self._top = 0
        self._here_of = None
        self.following = True
        self.cursor = None

    def load(self, start: int, count: int) -> Sequence[Row]:
        """Events of these rows, expanded now."""
        return self._past.rows(start, count, self._whose) if self._found is None else self._found.rows(start, count)

    # the filter

    def show(self, changed: AbstractSet[int]) -> None:
        """Take up what has come."""
        self.keep_searching()
        super().show(changed)

    def renumber(self) -> None:
        """Other rows, with other numbers."""
        self._here_of = None
        self.cursor = None
        self.look_for()
        self.redraw()

    def draw(self, item: Row, width: int) -> list[Segment]:
        """One event, or a loss."""
        room = width - 1
        if isinstance(item, Gap):
            parts = gap_parts(item, room)
        else:
            parts = event_parts(
                item, layout(room, with_stream=self.stream is None), self._view.started, self._view.vocabulary
            )
        pen = self.pen
        return [Segment(" ", pen()), *(Segment(text, pen(style)) for text, style in parts)]

    def empty_text(self) -> str:
        """What is awaited, or where the rows have gone."""
        return self.nothing_text()

    def render_line(self, y: int) -> Strip:
        """A row; the selected one has a mark as well as a colour."""
        strip = super().render_line(y)
        if self._view.moved and self._top + y < self._end:
            strip = self._in_time(strip, self._top + y)
        if self.cursor is None or self._top + y != self.cursor or self.cursor >= self._end:
            return strip
        ground = self.ground("cursor" if self.has_focus else "cursor-blurred")
        parts = [Segment("›", self.pen()), *strip.crop(1)]
        return Strip([Segment(text, (style or self.pen()) + ground) for text, style, _ in parts], strip.cell_length)

    def _in_time(self, strip: Strip, row: int) -> Strip:
        """A row as it looks in the past: what has just happened is pointed at, what will happen is dim."""
        if row < self._here - 1:
            return strip
        if row >= self._here:
            return Strip([Segment(text, self.pen("dim")) for text, _, _ in strip], strip.cell_length)
        ground = self.ground("cursor-blurred")
        parts = [Segment("▶", self.pen("accent")), *strip.crop(1)]
        return Strip([Segment(text, (style or self.pen()) + ground) for text, style, _ in parts], strip.cell_length)

    def watch_stream(self, old: int | None, new: int | None) -> None:
        """Other rows with other numbers: the selected event stays selected if it is among them."""
        row = self.selected
        self.renumber()
        if self._found is not None:
            self.action_follow()
        elif isinstance(row, Event) and new in (None, row.stream):
            self.move_to(self._row_of(row.seq))
        elif not self.following:
            self.action_follow()

    def _row_of(self, seq: int) -> int:
        """The row of the first event that is not before `seq`."""
        rows = range(self._first, self._end)
        return self._first + bisect_left(rows, seq, key=self._seq_at)

    def _seq_at(self, row: int) -> int:
        """The `seq` of the row, or of the first event after the gap that it is."""
        found = self.load(row, 2)
        return next((item.seq for item in found if isinstance(item, Event)), 2**63)

    # the cursor

    @property
    def selected(self) -> Row | None:
        """The selected row, None if there is none or it is no longer in memory."""
        return None if self.cursor is None else self.item(self.cursor)

    def select(self, row: int) -> None:
        """Select the event in this row of the past, or the nearest that is shown."""
        event = self._past.event(row)
        if self._found is not None:
            self.move_to(self._found.number_at(row))
        elif self._whose is None:
            self.move_to(row)
        elif isinstance(event, Event):
            self.move_to(self._row_of(event.seq))

    def move_to(self, row: int) -> None:
        """Select a row, or the nearest that is there, and bring it into sight. The rows hold still from then on."""
        if self._end == self._first:
            return
        row = min(max(row, self._first), self._end - 1)
        height = max(self.scrollable_content_region.height, 1)
        self.following = False
        self._top = min(max(self._top, row - height + 1), row)
        self.cursor = row
        self.sync()

    def watch_cursor(self, old: int | None, new: int | None) -> None:
        """The row that was selected and the one that is look different now."""
        if old != new:
            self.refresh()
            self._announce()

    def _announce(self) -> None:
        row = self.selected
        self.post_message(self.Selected(row))
        if isinstance(row, Event) and row.stream and self._view.stream(row.stream) is not None:
            self._view.selected = row.stream
            self.post_message(StreamSelected(row.stream))

    def on_click(self, event: events.Click) -> None:
        """A click selects the row under it."""
        offset = event.get_content_offset(self)
        if offset is not None and self._top + offset.y < self._end:
            self.move_to(self._top + offset.y)

    def action_up(self) -> None:
        """Select the event before, or the newest in sight if none is selected."""
        height = self.scrollable_content_region.height
        self.move_to(min(self._top + height, self._end) - 1 if self.cursor is None else self.cursor - 1)

    def action_down(self) -> None:
        """Select the event after; after the newest one, follow."""
        if self.cursor is None or self.cursor >= self._end - 1:
            self.action_follow()
        else:
            self.move_to(self.cursor + 1)

    def action_page_up(self) -> None:
        """Select an event one screenful before."""
        self.move_to((self._end if self.cursor is None else self.cursor) - self._page_rows)

    def action_page_down(self) -> None:
        """Select an event one screenful after; beyond the newest one, follow."""
        if self.cursor is None or self.cursor + self._page_rows >= self._end:
            self.action_follow()
        else:
            self.move_to(self.cursor + self._page_rows)

    @property
    def _page_rows(self) -> int:
        return max(self.scrollable_content_region.height - 1, 1)

    def action_first(self) -> None:
        """Select the oldest event that is still in memory."""
        self.move_to(self._first)

    def action_follow(self) -> None:
        """Nothing selected, the newest event in sight, now and from now on."""
        self.cursor = None
        super().action_follow()

    def action_explain(self) -> None:
        """Select the newest event in sight if none is, and with it its stream and its explanation; in the past, go to
        the selected one.
        """
        row = self.selected
        if self.cursor is None:
            self.action_up()
        elif self._view.paused and isinstance(row, Event):
            self.post_message(EventWanted(row.seq))
        else:
            self._announce()

    def action_find(self, step: int) -> None:
        """With a filter, every event that is shown matches: go to the next one, or to the one before."""
        if self._found is None:
            self.app.notify(FILTER_FIRST, timeout=4)
        elif step > 0:
            self.action_down()
        else:
            self.action_up()

    def action_only(self) -> None:
        """Show the events of the selected event's stream only, or of the one selected elsewhere; or of all again."""
        row = self.selected
        chosen = row.stream if isinstance(row, Event) and row.stream else self.elsewhere
        self.stream = None if self.stream is not None else chosen

    def copy_text(self) -> str:
        """The selected event's line, or all lines in sight, for the clipboard."""
        row = self.selected
        height = max(self.scrollable_content_region.height, 1)
        rows = [row] if row is not None else self.load(self._top, min(height, self._end - self._top))
        return "\n".join(row_text(row, self._view.started, self._view.vocabulary) for row in rows)
