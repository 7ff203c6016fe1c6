"""The styles that lines are drawn with: a name for each meaning, coloured by the theme alone.

A widget that draws its own lines mixes in `Pens` and asks for `pen("warning")`. All of them share the classes
`pen--…`, which the stylesheet colours once, so a colour means the same everywhere on the screen.

Textual has component classes for this, and styles each of them anew whenever the widget is: as it is mounted, shown,
or loses the focus. With as many names as here that was most of what a first frame took. So a pen is asked of the
stylesheet when it is first drawn with, and kept until the theme or the ground under it is another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.content import Content
from textual.dom import DOMNode
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.style import Style as EdgeStyle
from textual.widget import Widget

from streamscope.ui.safe import fit

NAMES = (
    "label", "muted", "dim", "value", "good", "warning", "error", "accent", "on", "off", "glow", "fade", "went", "bar",
    "bar-hot", "track", "tick",
    "spark", "spark-hot", "trend", "head", "sorted", "closed", "cursor", "cursor-blurred", "key", "title", "pair",
)  # fmt: skip


class DrawnWhole(Widget):
    """A widget that nobody sees half drawn: it is told of its size before it is painted in it, and not only after."""

    _drawn_for: Size | None = None

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines for the size that the widget has. Textual tells of that only after it has painted it once."""
        if self.size != self._drawn_for:
            self._drawn_for = self.size
            self.on_resize(events.Resize(self.size, self.virtual_size, self.container_size))
        return super().render_lines(crop)

    def on_resize(self, event: events.Resize) -> None:
        """The widget has another size. It is called before that is painted, and again when Textual says so."""


class Pens(DrawnWhole):
    """A widget that draws with pens."""

    ALLOW_SELECT = False

    _pens: dict[tuple[str, str], Style] | None = None
    _pens_of: tuple[str, Style] | None = None  # the theme and the widget's style that they were made for
    _titles: tuple[str, str, str] | None = None

    def pen(self, name: str = "", row: str = "") -> Style:
        """The style of a name from NAMES, "" for the widget's own; with the widget's background, which Textual does not
        give to a line that a widget draws itself, or that of a `row` ("cursor", "cursor-blurred").
        """
        pens = self._pens
        if pens is None:
            pens = self._pens = {}
        style = pens.get((name, row))
        if style is None:
            style = pens[name, row] = self._make(name, row)
        return style

    def ground(self, row: str) -> Style:
        """The background of a row alone."""
        return Style(bgcolor=self.pen("", row).bgcolor)

    def _make(self, name: str, row: str) -> Style:
        style = self.rich_style
        if row:
            full = self._ask(row)
            style += Style(bgcolor=full.bgcolor, bold=full.bold, reverse=full.reverse)
        if name:
            full = self._ask(name)
            style += Style(
                color=full.color,
                bgcolor=full.bgcolor if name == "glow" else None,
                bold=full.bold,
                dim=full.dim,
                italic=full.italic,
                underline=full.underline,
                reverse=full.reverse,
            )
        return style

    def _ask(self, name: str) -> Style:
        """What the stylesheet makes of a pen within this widget. Raises KeyError for what is none."""
        if name not in NAMES:
            raise KeyError(name)
        node = DOMNode(classes=f"pen--{name}")
        node._attach(self)
        self.app.stylesheet.apply(node)
        return node.rich_style

    def strip(self, segments: Iterable[Segment], row: str = "") -> Strip:
        """A line of the widget's width; what is left over has the background of the row."""
        drawn = [segment for segment in segments if segment.text]
        width = self.content_size.width
        used = sum([cell_len(segment.text) for segment in drawn])
        if used < width:
            drawn.append(Segment(" " * (width - used), self.pen("", row)))
        strip = Strip(drawn, max(used, width))
        return strip.crop(0, width) if used > width else strip

    def refresh_lines_that_differ(self, before: Sequence[object], after: Sequence[object]) -> None:
        """Have exactly those lines painted again in which the widget differs from what it was."""
        for y, (old, new) in enumerate(zip_longest(before, after)):
            if old != new:
                self.refresh(Region(0, y, self.content_size.width, 1))

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Pens are of the theme's colours, so none has to be translated from the terminal's sixteen."""
        return [each for each in super().get_line_filters() if not isinstance(each, ANSIToTruecolor)]

    def notify_style_update(self) -> None:
        """Another theme or another ground: the pens are other ones now."""
        super().notify_style_update()
        made_for = (self.app.theme, self.rich_style)
        if made_for != self._pens_of:
            self._pens_of = made_for
            self._pens = None
            self.refresh()
        if self._titles is not None:  # the edge may have another colour
            set_titles(self, *self._titles)


def set_titles(pane: Widget, title: str, subtitle: str = "", right: str = "") -> None:
    """What stands on a pane's edge: the title above, and at the `right` end of that edge something else, the subtitle
    below; where there is room for a line above alone, both stand at the right end of that. The texts are fit for a
    terminal.
    """
    if isinstance(pane, Pens):
        pane._titles = title, subtitle, right
    width = pane.outer_size.width
    if not width:
        return  # it is told of its size soon, or is not on the screen
    corners, colour = bool(pane.styles.border_left[0]), pane.styles.border_top[1]
    if corners:
        text, run = _one_line(title, right, width - 6)
    else:
        text, run = _one_line(title, " · ".join(filter(None, (right, subtitle))), width - 4)
        text, run, subtitle = f" {text} ", (run[0] + 1, run[1] + 1), ""
    edge = text, subtitle, colour
    if edge != getattr(pane, "_edge", None):
        pane._edge = edge  # type: ignore[attr-defined]
        line = EdgeStyle(foreground=pane.background_colors[0] + colour, bold=False, reverse=False)
        pane.border_title, pane.border_subtitle = Content(text).stylize(line, *run), Content(subtitle)


def _one_line(title: str, right: str, room: int) -> tuple[str, tuple[int, int]]:
    """Both in one line, and from where to where the edge goes on between them."""
    title = fit(title, min(cell_len(title), max(room, 1)))
    gap = room - cell_len(title) - cell_len(right) - 2
    if not right or gap < 1:
        return title, (0, 0)
    return f"{title} {'─' * gap} {right}", (len(title) + 1, len(title) + 1 + gap)
