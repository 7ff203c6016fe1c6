"""The table of streams: any number of them, of which only the lines in sight are ever drawn.

Rows do not run away. The order is made anew at most once a second, and a row that the person has put the cursor on
keeps its line on the screen: the others sort themselves around it. Between two sortings only cells change. A drawn
line is kept together with everything that it was drawn from, so a frame paints exactly the lines that look different.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

from rich.segment import Segment
from textual import events
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip

from streamscope.language import N_, sentences, tr
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui import columns as cols
from streamscope.ui.actions import bindings
from streamscope.ui.glossary import Thing
from streamscope.ui.letters_legend import legend
from streamscope.ui.lines import Line
from streamscope.ui.live import AGES_EVERY
from streamscope.ui.messages import StreamOpened, StreamPinned, StreamSelected
from streamscope.ui.meters import age_text
from streamscope.ui.order import Matches, most_telling, ordered, settle
from streamscope.ui.row_things import row_things
from streamscope.ui.safe import titled, visible
from streamscope.ui.scale import instant_text
from streamscope.ui.together import streams_of
from streamscope.ui.view import View
from streamscope.ui.widgets.drawn import DrawnList
from streamscope.ui.widgets.explains import Explains
from streamscope.ui.widgets.pens import set_titles
from streamscope.ui.widgets.stream_rows import (
    MARGIN,
    StreamRow,
    draw_head,
    draw_row,
    head_text,
    row_of,
    row_text,
    spans,
)

RESORT_AFTER = 1.0
"""Seconds between two sortings that nobody asked for."""


class StreamTable(DrawnList, Explains, can_focus=True):
    """The streams of a view, filtered and sorted. The cursor is on the stream that is selected on every screen."""

    BINDINGS = bindings("streams")

    _READING = (
        N_("Every stream of the engine, one a line. The panel beside it shows the selected one."),
        N_(
            "On the left: ▲ an alarm and △ a notice (w says why), ■ the stream that the engine is stuck in, ⇠ one that "
            "another holds back, ✗ one of which a call failed, ▸ a server that listens, ◦ a stream that has closed and "
            "will leave in a moment, ◆ pinned, › selected. ┌ └ join the two of a pair, what comes in at one of which "
            "goes out at the other, and the members of a group, where one feeds many."
        ),
    )
    _ORDER = N_("The order is made anew once a second at most, and the line under the cursor stays where it is.")

    def help_text(self) -> str:
        """How the table is to be read, and what its columns are in the words of the engine."""
        words = self._view.vocabulary
        also = {
            "flags": tr("A letter that has just changed glows."),
            "waits": tr("It is marked when the queue is above the stream's high-water mark."),
            "what": "",
        }
        columns = [
            visible(f"{tr(column.title)} – {sentences([column.explained(words), more])}".rstrip(), 600)
            for column, more in ((cols.BY_ID[name], more) for name, more in also.items())
            if column.is_of(words)
        ]
        return "\n\n".join([*map(tr, self._READING), *columns, tr(self._ORDER)])

    def __init__(self, view: View, chosen: Iterable[str] = cols.DEFAULT, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._placed_on: int | None = None  # where the table itself has put the cursor
        self.sort_by = "what"
        self.descending = True
        self._view = view
        self._chosen = tuple(chosen)
        self._matches: Matches | None = None
        self._filter_text = ""
        self._order: list[int] = []  # the lines: a group's head stands there as its hub's number, negative
        self._bars: dict[int, str] = {}  # of those that stand together
        self._streams: list[int] = self._order  # without the heads
        self._held = False
        self._sorted_at = -RESORT_AFTER
        self._stale = True
        self._members = -1
        self._placed: list[cols.Placed] = []
        self._rows: list[StreamRow | None] = []
        self._head = ""
        self._empty = ""  # what stands in an empty table; it comes and goes without any row that says so
        self._legend: list[Line] = []
        self._stuck_in = 0  # the stream that the cursor was moved to, because the engine is stuck in it
        self._digits = 0
        self._words = view.vocabulary
        self._ages_due = 0.0

    # what is in the table

    @property
    def cursor(self) -> int | None:
        """The number of the selected stream, None when there is none."""
        return self._view.selected

    @cursor.setter
    def cursor(self, number: int | None) -> None:
        self._view.selected = self._placed_on = number

    @property
    def order(self) -> list[int]:
        """The numbers of the streams from the first row to the last."""
        return self._streams

    def head_of(self, column: str) -> int:
        """The cell where a column begins, -1 where it has no room."""
        return next((start for placed, start in spans(self._placed) if placed.column.id == column), -1)

    def set_filter(self, text: str, matches: Matches | None) -> None:
        """Show only the streams that match; None shows all."""
        self._filter_text = text
        self._matches = matches
        self._sort()
        self.show(frozenset())

    def set_sort(self, column: str, descending: bool | None = None) -> None:
        """Sort by a column; by the one it is sorted by already, turn the order round."""
        if descending is None:
            descending = not self.descending if column == self.sort_by else cols.BY_ID[column].descending
        self.sort_by, self.descending = column, descending
        self._sort()
        self.show(frozenset())

    def select(self, number: int | None, *, by_hand: bool = True) -> None:
        """Move the cursor to a stream. Its row is held in place from then on if the person chose it."""
        if by_hand:
            self._held = True
        if number != self.cursor:
            self.cursor = number
            self.post_message(StreamSelected(number))
        self._bring_into_sight()
        self.show(frozenset())

    def take_up(self) -> None:
        """Put the cursor on the stream that was selected elsewhere, if one was."""
        if self.cursor != self._placed_on:
            self._placed_on = self.cursor
            self.select(self.cursor)

    # keeping up

    def on_mount(self) -> None:
        """Draw what is known already."""
        self.show(frozenset(self._view.model.streams))

    def on_resize(self, event: events.Resize) -> None:
        """Another size has room for other columns and rows."""
        self._place()
        self._set_size()
        self.show(frozenset())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows are in sight."""
        super().watch_scroll_y(old_value, new_value)
        top = self.scroll_offset.y
        now_t = self._view.now_t
        self._rows = [self._row(place, now_t) for place in range(top, top + max(self._height, 0))]

    def notify_style_update(self) -> None:
        """Another theme: everything looks different."""
        super().notify_style_update()
        self.refresh()

    def show(self, changed: Set[int]) -> None:
        """Sort when that is due, then paint the lines that look different."""
        if not self.is_attached:
            return
        if self._view.vocabulary is not self._words:
            self._speak(self._view.vocabulary)
        self._stale = self._stale or bool(changed)
        elsewhere = self._view.paused and self._view.model.membership != self._members
        if self._stale and self._view.monotonic() - self._sorted_at >= (AGES_EVERY if elsewhere else RESORT_AFTER):
            self._sort()
        self._go_where_it_is_stuck()
        self._retitle()
        height, width = self._height, self.size.width
        if not self._placed or height <= 0:
            return
        before, rows = self._rows, self._look(self.scroll_offset.y, height, changed)
        self._rows = rows
        for y, row in enumerate(rows):
            if y >= len(before) or before[y] != row:
                self.refresh(Region(0, y + 1, width, 1))
        head = head_text(self._placed, self.sort_by, self.descending)
        if head != self._head:
            self._head = head
            self.refresh(Region(0, 0, width, 1))
        empty = "" if self._order else self._empty_text()
        if empty != self._empty:
            self._empty = empty
            self.refresh(Region(0, 2, width, 1))
        if (below := self._legend_now()) != self._legend:
            self._legend = below
            self.refresh()
        self.explain_anew()

    def _go_where_it_is_stuck(self) -> None:
        """Put the cursor on the stream that the engine is stuck in, once, unless the person has put it elsewhere."""
        stands = self._view.standstill
        if stands is None:
            self._stuck_in = 0
        elif stands.stream != self._stuck_in and stands.stream in self._order and not self._view.paused:
            self._stuck_in = stands.stream
            if not self._held:
                self.select(stands.stream, by_hand=False)

    def _speak(self, vocabulary: Vocabulary) -> None:
        """Another engine, with other words and perhaps other columns."""
        self._words = vocabulary
        if not cols.BY_ID[self.sort_by].is_of(vocabulary):
            self.sort_by, self.descending = "number", False
        self._place()

    def _look(self, top: int, height: int, changed: Set[int]) -> list[StreamRow | None]:
        """The rows in sight as they are now; those that nothing has touched are made anew ten times a second only."""
        before, order = self._rows, self._order
        now, now_t = self._view.monotonic(), self._view.now_t
        if len(before) != height or now >= self._ages_due or not changed:
            self._ages_due = now + AGES_EVERY
            return [self._row(place, now_t) for place in range(top, top + height)]
        rows = []
        for place, row in enumerate(before, top):
            number = order[place] if place < len(order) else None
            same = number is None if row is None else row.number == number and number not in changed
            rows.append(row if same else self._row(place, now_t))
        return rows

    @property
    def _height(self) -> int:
        """How many rows are in sight, the head aside."""
        return self.lines_in_sight - len(self.foot) - 1

    @property
    def lines_in_sight(self) -> int:
        """See `Explains`."""
        return self.scrollable_content_region.height

    def things(self) -> Sequence[Thing]:
        """See `Explains`: those of the row that has the cursor."""
        y = next((y for y, row in enumerate(self._rows) if row is not None and row.cursor), None)
        state = self._view.stream(self.cursor)
        row = None if y is None else self._rows[y]
        if y is None or row is None or state is None:
            return ()
        cells = [cell.text for cell in row.cells]
        return row_things(spans(self._placed), cells, row.mark, row.bar, state.flags, self._words, y + 1)

    def explanation_changed(self) -> None:
        """Its row stays in sight, above the explanation."""
        self._set_size()
        self._bring_into_sight()
        self.show(frozenset())

    def _sort(self) -> None:
        """Make the order anew, holding the row of the cursor on its line."""
        self._sorted_at = self._view.monotonic()
        self._stale = False
        self._members = self._view.model.membership
        order, bars = ordered(self._view, self._matches, self.sort_by, self.descending)
        self._settle(order, bars, self._line_of_cursor())

    def _line_of_cursor(self) -> int | None:
        """The line on the screen that the cursor's row is held on; None if it is not in sight or nobody put it
        there.
        """
        if not self._held or self.cursor is None or self.cursor not in self._order:
            return None
        line = self._order.index(self.cursor) - self.scroll_offset.y
        return line if 0 <= line < self._height else None

    def _settle(self, order: list[int], bars: dict[int, str], line: int | None) -> None:
        gone_from = self._order.index(self.cursor) if self.cursor in self._order else 0
        if line is not None and self.cursor in order:
            self._order, top, self._bars = settle(order, self.cursor, line, self._height, bars)
            self._streams = streams_of(self._order, bars)
            self._set_size()
            self.scroll_to(y=top, animate=False, force=True)
            return
        self._order, self._bars, self._streams = order, bars, streams_of(order, bars)
        self._set_size()
        if self.cursor not in order or not self._held:
            self._choose(self._streams, gone_from)

    def _choose(self, order: list[int], place: int) -> None:
        """Put the cursor where it is of use: where the row was that is gone; and as long as nobody has moved it, on a
        stream that is troubled, or at least alive.
        """
        number: int | None = None
        if self.cursor is not None and self._view.paused and (self._held or not self._view.playing):
            return  # in the past it may only not be there yet, or not any more
        if order and self._held:
            number = order[min(place, len(order) - 1)]
        elif order:
            number = most_telling(order, self._view.model.streams, self.cursor, self._view.told, self._view.vocabulary)
        if number != self.cursor:
            self.cursor = number
            self.post_message(StreamSelected(number))

    def _set_size(self) -> None:
        """Tell the scrollbar how many rows there are, the head among them."""
        if len(str(max(self._order, default=0))) > self._digits:
            self._place()
        self.set_rows(len(self._order) + 1 + len(self.foot))
        if self.scroll_offset.y > self.max_scroll_y:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def _retitle(self) -> None:
        words = [tr("streams"), self._sorted_by()]
        if self._filter_text:
            matching, every = f"{len(self.order):,}", f"{len(self._view.model.streams):,}"
            words.append(tr("{n} of {all} match", n=matching, all=every))
        if self._view.standstill is not None and self._view.hello is not None and not self._view.paused:
            words[1] = tr("as they were {age} ago", age=age_text(self._view.present_t - self._view.now_t))
        elif self._view.over and not self._view.paused:
            words[1] = tr("as they ended")
        text = titled(words, max(self.size.width - 6, 1))
        last = min(self.scroll_offset.y + max(self._height, 0), len(self._order))
        if len(self._streams) < len(self._order):
            last = len(streams_of(self._order[:last], self._bars))
        below = tr("{part} of {all}", part=f"{last:,}", all=f"{len(self._streams):,}") if self._streams else ""
        set_titles(self, text, below)

    def _sorted_by(self) -> str:
        arrow = "↓" if self.descending else "↑"
        if self.sort_by == "what":
            return tr("trouble first") if self._view.told.findings else tr("by what waits {arrow}", arrow=arrow)
        return tr("by {what} {arrow}", what=visible(cols.BY_ID[self.sort_by].sorted_by(self._words), 40), arrow=arrow)

    # drawing

    def _place(self) -> None:
        self._digits = len(str(max(self._order, default=0)))
        self._placed = cols.place(
            self._chosen, self.content_size.width - MARGIN - 1, self._view.vocabulary, self._digits
        )
        self._rows = []
        self._head = ""

    def _row(self, place: int, now_t: int) -> StreamRow | None:
        if place >= len(self._order):
            return None
        number = self._order[place]
        bar = self._bars.get(number, "")
        return row_of(self._view, number, self._placed, now_t, cursor=number == self.cursor, bar=bar)

    def render_line(self, y: int) -> Strip:
        """The head, or a row; or what is explained of one."""
        return self.explained_over(y, self._drawn_line(y))

    def _drawn_line(self, y: int) -> Strip:
        if y == 0:
            head = self._head or head_text(self._placed, self.sort_by, self.descending)
            return self.strip(draw_head(head, self._placed, self.sort_by, self.pen))
        row = self._rows[y - 1] if y <= len(self._rows) else self._row(self.scroll_offset.y + y - 1, self._view.now_t)
        if row is not None:
            ground = ("cursor" if self.has_focus else "cursor-blurred") if row.cursor else ""
            return self.strip(draw_row(row, self._placed, self.pen, ground), ground)
        if y == 2 and self._empty:
            return self.strip([Segment(f"  {self._empty}", self.pen("label"))])
        place = y - 1 - self._height + len(self._legend)
        line = self._legend[place] if 0 <= place < len(self._legend) else []
        return self.strip(Segment(text, self.pen(pen)) for text, pen in line)

    def _legend_now(self) -> list[Line]:
        """What stands at the foot of the table, where lines are free: what its letters mean."""
        if not self._order or not any(place.column.id == "flags" for place in self._placed):
            return []
        state = self._view.stream(self.cursor)
        selected = (0, 0) if state is None else (state.number, state.flags)
        return legend(self._view.vocabulary, self.size.width, self._height - len(self._order), *selected)

    def _empty_text(self) -> str:
        view = self._view
        if self._filter_text and view.model.streams:
            return tr("No stream matches the filter; esc shows all of them.")
        if view.paused:
            model, when = view.model, instant_text(view.started, view.now_t, 0)
            if not model.whole:
                return tr("What was open is not known, {when}.", when=when)
            if model.membership > len(model.handles):
                return tr("Nothing was open, {when}.", when=when)
            return tr("Nothing had been opened yet, {when}.", when=when)
        if view.hello is None:
            return tr("Not known before it has said who it is.")
        if view.status == "live" and not view.model.whole:
            return tr("Not known before it has told of all of them.")
        return tr("It has no streams.") if view.status == "live" else tr("It had no streams.")

    # moving

    def _bring_into_sight(self) -> None:
        if self.cursor not in self._order:
            return
        place, top, height = self._order.index(self.cursor), self.scroll_offset.y, max(self._height, 1)
        if place < top:
            self.scroll_to(y=place, animate=False, force=True)
        elif place >= top + height:
            self.scroll_to(y=place - height + 1, animate=False, force=True)

    def _move(self, by: int) -> None:
        order = self._streams
        if order:
            place = order.index(self.cursor) + by if self.cursor in order else 0
            self.select(order[min(max(place, 0), len(order) - 1)])

    def action_up(self) -> None:
        """Select the stream above."""
        self._move(-1)

    def action_down(self) -> None:
        """Select the stream below."""
        self._move(1)

    def action_page_up(self) -> None:
        """Select the stream a page above."""
        self._move(-max(self._height - 1, 1))

    def action_page_down(self) -> None:
        """Select the stream a page below."""
        self._move(max(self._height - 1, 1))

    def action_first(self) -> None:
        """Select the first stream."""
        self._move(-len(self._order))

    def action_last(self) -> None:
        """Select the last stream."""
        self._move(len(self._order))

    def action_open(self) -> None:
        """Open the selected stream on the whole screen."""
        if self.cursor is not None:
            self.post_message(StreamOpened(self.cursor))

    def action_pin(self) -> None:
        """Pin the selected stream's panel, or let it go."""
        if self.cursor is not None:
            self.post_message(StreamPinned(self.cursor))

    def action_sort(self) -> None:
        """Sort by the next column that is on the screen."""
        shown = [placed.column.id for placed in self._placed]
        place = shown.index(self.sort_by) + 1 if self.sort_by in shown else 0
        self.set_sort(shown[place % len(shown)])

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.set_sort(self.sort_by, not self.descending)

    def on_click(self, event: events.Click) -> None:
        """A click selects a row, a second one opens it; on a column's head it sorts."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            for placed, start in spans(self._placed):
                if start <= offset.x < start + placed.width + 1:
                    self.set_sort(placed.column.id)
            return
        place = self.scroll_offset.y + offset.y - 1
        if place < len(self._order):
            self.select(abs(self._order[place]))
            if event.chain == 2:
                self.action_open()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Resting on a column's head or on a mark explains it."""
        offset = event.get_content_offset(self)
        text = "" if offset is None else self._explain(offset.x, offset.y)
        self.tooltip = Content(text) if text else None

    def _explain(self, x: int, y: int) -> str:
        if y == 0:
            heads = (placed for placed, start in spans(self._placed) if start <= x < start + placed.width)
            return next((visible(head.column.explained(self._view.vocabulary), 400) for head in heads), "")
        place = self.scroll_offset.y + y - 1
        found = self._view.told.of(self._order[place]) if place < len(self._order) and x < MARGIN else ()
        return tr(self._view.told.sentence_of(found[0])) if found else ""

    def copy_text(self) -> str:
        """The selected row, for the clipboard."""
        return row_text(self._view, self.cursor)
