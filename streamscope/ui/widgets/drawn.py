"""What draws its own lines: a few that are all in sight, and lists of which only the rows in sight are ever drawn."""

from __future__ import annotations

from collections.abc import Sequence, Set

from rich.segment import Segment
from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from streamscope.ui.glossary import Glossary, Thing, things_in
from streamscope.ui.lines import Line, cut
from streamscope.ui.widgets.explains import Explains
from streamscope.ui.widgets.pens import Pens


class DrawnLines(Explains):
    """Lines that are all in sight. What of them has a meaning in the `glossary`, `i` or the mouse explains."""

    _lines: Sequence[Line] = ()

    def glossary(self) -> Glossary:
        """What the words of these lines mean; nothing, for lines that are sentences anyway."""
        return {}

    def things(self) -> Sequence[Thing]:
        """See `Explains`."""
        return things_in(self._lines, self.glossary())

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Resting on a word explains it."""
        offset = event.get_content_offset(self)
        at = (0, -1) if offset is None else (offset.x, offset.y + self.shift)
        found = (each for each in self.things() if each.y == at[1] and each.x <= at[0] < each.x + each.cells)
        thing = next(found, None)
        self.tooltip = None if thing is None else Content(f"{thing.name}: {thing.says}")

    def show(self, changed: Set[int]) -> None:
        """Put the lines that there are now, for one that knows them by itself."""

    def on_mount(self) -> None:
        """Draw what is known already."""
        self.show(frozenset())

    def on_resize(self, event: events.Resize) -> None:
        """Another size has room for other lines."""
        self.show(frozenset())

    def put(self, lines: Sequence[Line]) -> None:
        """Show these; exactly those are painted that differ from what stands there."""
        before, self._lines = self._lines, lines
        self.explain_anew()
        self.refresh_lines_that_differ(before, lines)

    def render_line(self, y: int) -> Strip:
        """One line."""
        at = y + self.shift
        line = self._lines[at] if at < len(self._lines) else []
        parts = cut(line, self.content_size.width)
        return self.explained_over(y, self.strip(Segment(text, self.pen(style)) for text, style in parts))


class DrawnList(Pens, ScrollView):
    """A list of any number of rows, which come and go all the time."""

    DEFAULT_CSS = """
    DrawnList { overflow-x: hidden; overflow-y: auto; }
    """

    def set_rows(self, rows: int, width: int = 0) -> None:
        """Tell the scrollbar how many rows there are. Textual would lay the whole screen out anew whenever a widget's
        virtual size changes; here it changes with every frame and never moves a neighbour, so it is set without that.
        """
        if (rows > self.scrollable_content_region.height) != self.show_vertical_scrollbar:
            self.virtual_size = Size(width, rows)  # the scrollbar comes or goes: this once, a layout is due
        else:
            self.set_reactive(Widget.virtual_size, Size(width, rows))
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.window_virtual_size = rows
