"""Rows that come at one end and are dropped at the other: what the event list, the log and the payload have in common.

A row has an absolute number that never shifts. The widget remembers the number of the row at its top, not a distance
from the start of what is left, so rows stay where they are on the screen while older ones are dropped. It follows the
newest row until somebody scrolls up, and again from the end on.

Only rows in sight are asked for and drawn (Line API), a drawn row is kept while it may come again, and new rows below
the sight repaint nothing but the scrollbar.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

from rich.segment import Segment
from textual import events
from textual.cache import LRUCache
from textual.reactive import var
from textual.strip import Strip

from streamscope.ui.cells import wrapped
from streamscope.ui.safe import fit
from streamscope.ui.widgets.drawn import DrawnList

Item = TypeVar("Item")


class LiveLines(DrawnList, Generic[Item], can_focus=True):
    """A view over rows `span()[0]` to `span()[1] - 1`, of which `load` gives the items and `draw` the pictures."""

    DEFAULT_CSS = """
    LiveLines {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
    }
    """

    following: var[bool] = var(True)
    """Whether the newest row is kept in sight."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._first = 0
        self._end = 0
        self._top = 0
        self._placing = False
        self._page_start = 0
        self._page: Sequence[Item] = ()
        self._drawn: LRUCache[int, Strip] = LRUCache(512)
        self._shown: tuple[int, int, int] | None = None

    # what a kind of rows has to say

    @abstractmethod
    def span(self) -> tuple[int, int]:
        """Number of the oldest row that is still there, and one more than the newest one's."""

    @abstractmethod
    def load(self, start: int, count: int) -> Sequence[Item]:
        """The items of rows `start` to `start + count - 1`."""

    @abstractmethod
    def draw(self, item: Item, width: int) -> list[Segment]:
        """One row, drawn with pens; beyond `width` cells it is cut off, unless `line_width` is more."""

    def line_width(self) -> int:
        """Cells of the widest row, for scrolling sideways; 0 if rows always fit."""
        return 0

    def empty_text(self) -> str:
        """What stands there while there are no rows: what is awaited, and what can be done."""
        return ""

    # keeping up

    def show(self, changed: AbstractSet[int]) -> None:
        """Take up what `span` says now."""
        self.sync()

    def sync(self) -> None:
        """Take up what `span` says now, and repaint if other rows are in sight."""
        width, height = self.scrollable_content_region.size
        if height <= 0:
            return
        first, end = self.span()
        self._first, self._end = first, max(end, first)
        self._place(height)
        shown = (self._top, min(self._end, self._top + height), width)
        if shown != self._shown:
            self._shown = shown
            self._page = ()
            self.refresh()

    def redraw(self) -> None:
        """Forget every drawn row, because rows look different now, and paint anew."""
        self._drawn.clear()
        self._shown = None
        self.sync()

    def _place(self, height: int) -> None:
        """Put the rows under the scrollbar, and the sight where it was or at the newest."""
        self.set_rows(self._end - self._first, self.line_width())
        last_top = max(self._end - height, self._first)
        self._top = last_top if self.following else min(max(self._top, self._first), last_top)
        self._placing = True
        try:
            self.scroll_target_y = self.scroll_y = self._top - self._first
        finally:
            self._placing = False
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = self._top - self._first

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Whoever scrolls up wants to read: the rows hold still until the end is reached again."""
        super().watch_scroll_y(old_value, new_value)
        if not self._placing:
            self._top = self._first + round(new_value)
            self.following = self._top + self.scrollable_content_region.height >= self._end

    def on_resize(self, event: events.Resize) -> None:
        """Another width draws other rows, another height shows more of them."""
        self.redraw()

    def notify_style_update(self) -> None:
        """Another theme: every drawn row has the old one's colours."""
        super().notify_style_update()
        self._drawn.clear()

    # drawing

    def render_line(self, y: int) -> Strip:
        """The row that is `y` lines below the top."""
        width = self.scrollable_content_region.width
        row = self._top + y
        if row >= self._end:
            return self._blank_line(y, width)
        strip = self._drawn.get(row)
        if strip is None:
            item = self.item(row)
            if item is None:
                return Strip.blank(width, self.pen())
            strip = self._drawn[row] = Strip(self.draw(item, width))
        offset = self.scroll_offset.x
        return strip.crop_extend(offset, offset + width, self.pen())

    def _blank_line(self, y: int, width: int) -> Strip:
        if self._end == self._first:
            lines = wrapped(self.empty_text(), max(width - 2, 10))
            text = " " + lines[y] if y < len(lines) else ""
            return Strip([Segment(fit(text, width), self.pen("label"))], width)
        return Strip.blank(width, self.pen())

    def item(self, row: int) -> Item | None:
        """The item of a row, None if it is gone or has not come yet."""
        if not self._first <= row < self._end:
            return None
        if not self._page_start <= row < self._page_start + len(self._page):
            height = max(self.scrollable_content_region.height, 1)
            self._page_start = self._top if self._top <= row < self._top + height else row
            self._page = self.load(self._page_start, min(height, self._end - self._page_start))
        place = row - self._page_start
        return self._page[place] if 0 <= place < len(self._page) else None

    # moving

    def scroll_rows(self, rows: int) -> None:
        """Move the sight by so many rows, at once: an animation would run after rows that move on."""
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False)

    def action_scroll_up(self) -> None:
        """Move the sight to older rows."""
        self.scroll_rows(-1)

    def action_scroll_down(self) -> None:
        """Move the sight to newer rows."""
        self.scroll_rows(1)

    def action_page_up(self) -> None:
        """Move the sight to older rows, by almost all that is in sight."""
        self.scroll_rows(1 - max(self.scrollable_content_region.height, 2))

    def action_page_down(self) -> None:
        """Move the sight to newer rows, by almost all that is in sight."""
        self.scroll_rows(max(self.scrollable_content_region.height, 2) - 1)

    def action_scroll_home(self) -> None:
        """Move the sight to the oldest row that is still there."""
        self.scroll_to(y=0, animate=False)

    def action_follow(self) -> None:
        """Keep the newest row in sight, now and from now on."""
        self.following = True
        self.sync()
