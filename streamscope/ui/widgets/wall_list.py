"""The lines of the wall: every stream that does not stand large, one line each, a pair in one.

Lines stand side by side where there is room. Only those in sight are ever drawn, and of these only what differs is
painted; the line under the cursor stays where it is on the screen while others come and go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.strip import Strip

from streamscope.language import N_, tr
from streamscope.ui.actions import bindings, spelt
from streamscope.ui.glossary import Thing
from streamscope.ui.live import AGES_EVERY, in_ascii_only
from streamscope.ui.messages import StreamOpened, StreamSelected
from streamscope.ui.view import View
from streamscope.ui.wall_lines import WallRow, line_places, wall_row, wall_things
from streamscope.ui.walls import WallLine
from streamscope.ui.widgets.drawn import DrawnList
from streamscope.ui.widgets.explains import Explains
from streamscope.ui.widgets.pens import set_titles

HINT = N_("⏎ opens · p makes one large and keeps it")


class WallList(DrawnList, Explains, can_focus=True):
    """The lines; the cursor is on the stream that is selected, if it is in one of them."""

    HELP = """\
Every stream that does not stand large above, one line each, a pair in one: where it comes from, where its bytes wait,
how many pass a second the way that more have gone, and in a word what is the matter. Those of which a call has failed
stand first, those that have healed last.

In the bar █ waits in the queue, ▓ in the kernel and ▒ is in flight; ┄ is not known, · nothing.
"""

    BINDINGS = bindings("lines")

    def __init__(self, view: View, *, leave: Callable[[], None], id: str | None = None) -> None:
        """`leave` is called when the person goes up from the first line."""
        super().__init__(id=id)
        self._view = view
        self._leave = leave
        self.lines: Sequence[WallLine] = ()
        self._places: dict[int, int] = {}  # in which line a stream is
        self._said = ""
        self._columns = 1
        self._parts = line_places(0, 1)
        self._rows: list[tuple[WallRow | None, ...]] = []
        self._ages_due = 0.0
        self._at = 0  # where the cursor was

    # what is in it

    def set_lines(self, lines: Sequence[WallLine], columns: int, said: str) -> None:
        """Show these lines, so many side by side; `said` tells how many there are of what."""
        before = self.cursor
        held = None if before is None else before // self._columns - self.scroll_offset.y
        self.lines, self._columns, self._said = lines, columns, said
        self._places = {number: place for place, line in enumerate(lines) for number in line}
        self._fit()
        after = self.cursor
        if held is not None and after is not None and 0 <= held < self._height:
            self._go_to_row(after // self._columns - held)
        self.show(frozenset())

    @property
    def cursor(self) -> int | None:
        """The place of the line that is selected, None where none is."""
        return None if self._view.selected is None else self._places.get(self._view.selected)

    def __contains__(self, number: int | None) -> bool:
        return number in self._places

    @property
    def _height(self) -> int:
        return self.lines_in_sight - len(self.foot)

    @property
    def lines_in_sight(self) -> int:
        """See `Explains`."""
        return self.scrollable_content_region.height

    def things(self) -> Sequence[Thing]:
        """See `Explains`: those of the line that has the cursor."""
        for y, rows in enumerate(self._rows):
            for column, row in enumerate(rows):
                if row is not None and row.cursor:
                    return wall_things(row, self._parts, column * self._width, y)
        return ()

    def explanation_changed(self) -> None:
        """Its line stays in sight, above the explanation."""
        self._fit()
        place = self.cursor
        if place is not None and place // self._columns - self.scroll_offset.y >= self._height:
            self._go_to_row(place // self._columns - self._height + 1)
        self.show(frozenset())

    def _fit(self) -> None:
        """Another number of lines, or another size."""
        self.set_rows(-(-len(self.lines) // self._columns) + len(self.foot))
        digits = len(str(max(self._places, default=0)))
        self._parts = line_places(self._width, digits)

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width // self._columns

    # keeping up

    def on_mount(self) -> None:
        """Draw what is known already."""
        self.show(frozenset())

    def on_resize(self, event: events.Resize) -> None:
        """Another size has room for other lines."""
        self._fit()
        self.show(frozenset())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other lines are in sight."""
        super().watch_scroll_y(old_value, new_value)
        self._rows = self._look(frozenset())

    def notify_style_update(self) -> None:
        """Another theme: everything looks different."""
        super().notify_style_update()
        self.refresh()

    def show(self, changed: Set[int]) -> None:
        """Paint the lines that look different."""
        if not self.is_attached or self._height <= 0:
            return
        self._retitle()
        before, self._rows = self._rows, self._look(changed)
        for y, row in enumerate(self._rows):
            if y >= len(before) or before[y] != row:
                self.refresh(Region(0, y, self.size.width, 1))
        self.explain_anew()

    def _look(self, changed: Set[int]) -> list[tuple[WallRow | None, ...]]:
        """The lines in sight as they are now; those that nothing has touched are made anew ten times a second only."""
        now = self._view.monotonic()
        anew = now >= self._ages_due or not changed or len(self._rows) != self._height
        if anew:
            self._ages_due = now + AGES_EVERY
        rows = []
        for y in range(self._height):
            first = (self.scroll_offset.y + y) * self._columns
            lines = self.lines[first : first + self._columns]
            if anew or any(number in changed for line in lines for number in line):
                rows.append(tuple([self._row(line) for line in lines]))
            else:
                rows.append(self._rows[y])
        return rows

    def _row(self, line: WallLine) -> WallRow | None:
        return wall_row(self._view, line, self._parts, cursor=self._view.selected in line)

    def _retitle(self) -> None:
        last = (self.scroll_offset.y + self._height) * self._columns
        seen, every = (sum(map(len, lines)) for lines in (self.lines[:last], self.lines))
        right = [spelt(tr(HINT), ascii_only=in_ascii_only(self.app))]
        if len(self.lines) > self._height * self._columns:
            right.append(tr("{part} of {all}", part=f"{seen:,}", all=f"{every:,}"))
        while len(right) > 1 and cell_len(self._said) + cell_len(" · ".join(right)) + 8 > self.size.width:
            right.pop(0)
        set_titles(self, self._said, " · ".join(right))

    # drawing

    def render_line(self, y: int) -> Strip:
        """A line of the screen: as many of the wall as stand side by side."""
        segments: list[Segment] = []
        for place, row in enumerate(self._rows[y] if y < len(self._rows) else ()):
            segments += self._draw(row, self._width * (place + 1) - sum(segment.cell_length for segment in segments))
        return self.explained_over(y, self.strip(segments))

    def _draw(self, row: WallRow | None, width: int) -> list[Segment]:
        if row is None:
            return [Segment(" " * width, self.pen())]
        ground = ("cursor" if self.has_focus else "cursor-blurred") if row.cursor else ""
        segments = [
            Segment("›" if row.cursor else " ", self.pen("accent", ground)),
            Segment(f"{row.mark.text} ", self.pen(row.mark.pen, ground)),
        ]
        segments += [
            Segment(text, self.pen("closed" if row.back and pen != "error" else pen, ground)) for text, pen in row.parts
        ]
        used = sum(segment.cell_length for segment in segments)
        return [*segments, Segment(" " * max(width - used, 0), self.pen("", ground))]

    # moving

    def _select(self, place: int) -> None:
        if not self.lines:
            return
        self._at = min(max(place, 0), len(self.lines) - 1)
        self._view.selected = self.lines[self._at][0]
        self.post_message(StreamSelected(self._view.selected))
        row, top = self._at // self._columns, self.scroll_offset.y
        self._go_to_row(min(row, top) if row < top else max(row - self._height + 1, top))
        self.show(frozenset())

    def _go_to_row(self, top: int) -> None:
        if top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, force=True)

    def take_up(self) -> None:
        """Put the cursor where it was, if it is nowhere: its stream may have gone."""
        if self.cursor is None:
            self._select(self._at)

    def enter(self) -> None:
        """Come in from above: to the first line in sight."""
        self._select(self.scroll_offset.y * self._columns)

    def on_focus(self) -> None:
        """Whoever goes to the lines means one of them."""
        self.take_up()

    def _move(self, by: int) -> None:
        self._select(self._at if self.cursor is None else self.cursor + by)

    def action_up(self) -> None:
        """Select the line above; from the first, go to the panels."""
        if self.cursor is not None and self.cursor < self._columns:
            self._leave()
        else:
            self._move(-self._columns)

    def action_down(self) -> None:
        """Select the line below."""
        if self.cursor is None or self.cursor + self._columns < len(self.lines):
            self._move(self._columns)

    def action_left(self) -> None:
        """Select the line before."""
        self._move(-1)

    def action_right(self) -> None:
        """Select the line after."""
        self._move(1)

    def action_page_up(self) -> None:
        """Select a line a page above."""
        self._move(-self._columns * max(self._height - 1, 1))

    def action_page_down(self) -> None:
        """Select a line a page below."""
        self._move(self._columns * max(self._height - 1, 1))

    def action_first(self) -> None:
        """Select the first line."""
        self._select(0)

    def action_last(self) -> None:
        """Select the last line."""
        self._select(len(self.lines) - 1)

    def action_open(self) -> None:
        """Open the selected stream on the whole screen."""
        if self.cursor is not None and self._view.selected is not None:
            self.post_message(StreamOpened(self._view.selected))

    def on_click(self, event: events.Click) -> None:
        """A click selects a line, a second one opens it."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        column = min(offset.x // max(self._width, 1), self._columns - 1)
        place = (self.scroll_offset.y + offset.y) * self._columns + column
        if place < len(self.lines):
            self._select(place)
            if event.chain == 2:
                self.action_open()

    def copy_text(self) -> str:
        """The selected line, for the clipboard."""
        if self.cursor is None or (row := self._row(self.lines[self.cursor])) is None:
            return ""
        return f"{row.mark.text} {''.join(text for text, _ in row.parts)}".strip()
