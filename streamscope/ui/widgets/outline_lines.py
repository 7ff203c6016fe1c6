"""The lines of an outline on the screen: which are in sight, and how they are drawn.

Nothing is held of the past. The list knows the place of its first line and asks the outline for as many as are in
sight; where it stands in the past, the scrollbar tells by rows. So it costs the same whether there are ten lines or ten
million, and where next to nothing matters, it looks further back a little in every frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from rich.segment import Segment
from textual import events
from textual.cache import LRUCache
from textual.reactive import var
from textual.strip import Strip

from streamscope.language import tr
from streamscope.trace.contents import Note
from streamscope.trace.decode import Event
from streamscope.trace.outline import Outline
from streamscope.ui.cells import wrapped
from streamscope.ui.passage_lines import line_parts, mark_of
from streamscope.ui.plain import mark_of as mark_of_stream
from streamscope.ui.safe import fit
from streamscope.ui.sight import Passed, Place, Sight, SightLine
from streamscope.ui.view import View
from streamscope.ui.widgets.drawn import DrawnList
from streamscope.ui.widgets.filtered import FilteredList

WHEEL = 3
"""So many lines the wheel goes at once."""


class OutlineLines(DrawnList, FilteredList, can_focus=True):
    """Lines of an outline: which are in sight, and how they look. One of them may have the cursor."""

    DEFAULT_CSS = """
    OutlineLines { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    """

    sides_are_looked_for = False  # an outline may be of two

    cursor: var[Place | None] = var[Place | None](None)
    """The place of the selected line, None while nothing is selected."""

    def __init__(
        self, view: View, stream: int | None = None, *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._view = view
        self._past = view.past
        self._fixed = stream is not None
        self._top: Place | None = None
        self._lines: Sequence[SightLine] = ()
        self._when: Sequence[int] = ()
        self._shown: Sequence[object] = ()
        self._drawn: LRUCache[object, Strip] = LRUCache(512)
        self._placing = False
        self.set_reactive(OutlineLines.stream, stream)
        self.sight = self._anew()

    def _anew(self) -> Sight:
        return Sight(Outline(self._past, self._mark_of, self.sides or self.stream, self._found, self._view.noted))

    def _mark_of(self, stream: int) -> int | None:
        """The mark of a stream, at the instant that is looked at or else now; None where nobody knows it any more."""
        view = self._view
        state = view.model.known.get(stream) or view.source.model.known.get(stream)
        return (state and mark_of_stream(state, view.vocabulary)) or None

    # keeping up

    def show(self, changed: AbstractSet[int]) -> None:
        """Take up what has come."""
        if self._view.past is not self._past:
            self._past = self._view.past
            self.renumber()
            self.action_follow()
        self.keep_searching()
        self.sync()

    def renumber(self) -> None:
        """Other lines: the filter is another, or the stream, or the engine."""
        self.look_for()
        self.sight = self._anew()
        self._drawn.clear()
        self.cursor = None
        self._shown = ()
        self.sync()

    @property
    def _end(self) -> int:
        """The row after the last one that has happened."""
        return self._view.past_end

    def sync(self) -> None:
        """Take up which lines are in sight, and paint those that differ."""
        width, height = self.scrollable_content_region.size
        if height <= 0 or not self.is_mounted:
            return
        self._lines = lines = self._in_sight(height)
        self._top = lines[0].place if lines else None
        self._when = self._whens()
        self._put_scrollbar(height)
        shown = [(line.place, isinstance(line.item, Event), when, width) for line, when in zip(lines, self._when)]
        before, self._shown = self._shown, shown
        if not before or not shown:
            self.refresh()
        else:
            self.refresh_lines_that_differ(before, shown)

    def redraw(self) -> None:
        """Forget every drawn line, because lines look different now, and paint anew."""
        self._drawn.clear()
        self._shown = ()
        self.sync()

    def _in_sight(self, height: int) -> Sequence[SightLine]:
        past, end, moved = self._past, self._end, self._view.moved
        if self.following or self._top is None:
            ahead = self.sight.after(((end, 1), 0), height // 3, past.end) if moved else []
            return [*self.sight.before(((end, 1), 0), height - len(ahead)), *ahead]
        lines = self.sight.after(self._top, height, past.end if moved else end)
        if len(lines) < height:
            top = lines[0].place if lines else ((end, 1), 0)
            lines = [*self.sight.before(top, height - len(lines)), *lines]
        return lines

    def _whens(self) -> list[int]:
        """Of each line in sight, where it stands in time: -1 before the instant that is looked at, 0 the last that has
        happened, 1 what will. In the present all has happened.
        """
        if not self._view.moved:
            return [-1] * len(self._lines)
        happened = [line.row < self._end or self._has_been(line) for line in self._lines]
        told = [has and not isinstance(line.item, Passed) for has, line in zip(happened, self._lines)]
        last = max((number for number, has in enumerate(told) if has), default=-1)
        if last == len(told) - 1 and self._lines and self.sight.after(self._behind(self._lines[-1]), 1, self._end):
            last = -1  # more has happened below what is in sight
        return [0 if number == last else -1 if has else 1 for number, has in enumerate(happened)]

    def _has_been(self, line: SightLine) -> bool:
        """Whether it is a note that was made just before the instant that is looked at."""
        item, view = line.item, self._view
        return isinstance(item, Note) and line.row == self._end and item.t(view.started) <= view.now_t

    def _put_scrollbar(self, height: int) -> None:
        """Where the sight is in the past, by rows."""
        lines, first = self._lines, self._past.first
        everything = self.following and len(lines) < height and not any(isinstance(each.item, Passed) for each in lines)
        rows = 0 if everything else max(self._past.end - first, 0)
        self.set_rows(rows)
        last = max(rows - height, 0)
        at = last if self.following or self._top is None else min(max(self._top[0][0] - first, 0), last)
        self._placing = True
        try:
            self.scroll_target_y = self.scroll_y = at
        finally:
            self._placing = False
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = at

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The scrollbar was moved: to a row of the past, or to its end."""
        super().watch_scroll_y(old_value, new_value)
        if not self._placing:
            self.following = new_value >= self.max_scroll_y
            self._top = (self._past.first + round(new_value), 0), 0
            self.sync()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel goes by lines, however many rows these stand for."""
        event.prevent_default()
        event.stop()
        self.scroll_rows(-WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """As upwards; from the end on the newest is followed."""
        event.prevent_default()
        event.stop()
        self.scroll_rows(WHEEL)

    def scroll_rows(self, lines: int) -> None:
        """Move the sight by so many lines, and hold it still, or follow from the end on."""
        if not self._lines:
            return
        if lines < 0:
            before = self.sight.before(self._lines[0].place, -lines)
            if before:
                self.following, self._top = False, before[0].place
        else:
            here = [*self._lines, *self.sight.after(self._behind(self._lines[-1]), lines, self._limit)]
            if len(here) < len(self._lines) + lines:
                self.following = True
            elif not self.following:
                self._top = here[lines].place
        self.sync()

    @property
    def _limit(self) -> int:
        """The row up to which there are lines to go to."""
        return self._past.end if self._view.moved else self._end

    def _behind(self, line: SightLine) -> Place:
        return line.place[0], line.place[1] + 1

    def on_resize(self, event: events.Resize) -> None:
        """Another width draws other lines, another height shows more of them."""
        self.redraw()

    def on_mount(self) -> None:
        """Show what there is."""
        if self._query is not None:
            self.look_for()
        self.redraw()

    def notify_style_update(self) -> None:
        """Another theme: every drawn line has the old one's colours."""
        super().notify_style_update()
        self._drawn.clear()

    # drawing

    def render_line(self, y: int) -> Strip:
        """A line; the selected one has a mark as well as a colour."""
        width = self.scrollable_content_region.width
        if y >= len(self._lines):
            return self._blank_line(y, width)
        line, when = self._lines[y], self._when[y]
        strip = self._strip_of(line, width)
        if line.place == self.cursor:
            return self._marked(strip, "›", "", "cursor" if self.has_focus else "cursor-blurred")
        if when == 0:
            return self._marked(strip, "▶", "accent", "cursor-blurred")
        if when > 0:
            return Strip([Segment(text, self.pen("dim")) for text, _, _ in strip], strip.cell_length)
        return strip

    def _marked(self, strip: Strip, mark: str, pen: str, row: str) -> Strip:
        ground = self.ground(row)
        parts = [Segment(mark, self.pen(pen)), *strip.crop(1)]
        return Strip([Segment(text, (style or self.pen()) + ground) for text, style, _ in parts], strip.cell_length)

    def _strip_of(self, line: SightLine, width: int) -> Strip:
        key = line.place, line.row, width
        strip = None if isinstance(line.item, Passed) else self._drawn.get(key)
        if strip is None:
            view = self._view
            found = self._is_found(line)
            parts = line_parts(line, width - 2, view.started, view.vocabulary, of=self.stream, found=found)
            mark, pen = mark_of(line)
            segments = [Segment(mark, self.pen(pen)), Segment(" ", self.pen())]
            strip = Strip([*segments, *(Segment(text, self.pen(style)) for text, style in parts)])
            strip = strip.crop_extend(0, width, self.pen())
            self._drawn[key] = strip
        return strip

    def _is_found(self, line: SightLine) -> bool:
        """Whether this very event is what the filter wants."""
        found = self._found
        return found is not None and found.row(found.number_at(line.row)) == line.row

    def _blank_line(self, y: int, width: int) -> Strip:
        text = ""
        if not self._lines:
            lines = wrapped(self.empty_text(), max(width - 2, 10))
            text = " " + lines[y] if y < len(lines) else ""
        return Strip([Segment(fit(text, width), self.pen("muted"))], width)

    def empty_text(self) -> str:
        """What is awaited, or where the lines have gone."""
        found = self._found
        if found is not None and found.extent()[0] < found.extent()[1]:
            return tr("What matches the filter is nothing that matters by itself; v shows every event, and these.")
        if found is None and self._past.end > self._past.first and not self._view.paused:
            return tr("Nothing that matters has happened yet; v shows every event.")
        return self.nothing_text()
