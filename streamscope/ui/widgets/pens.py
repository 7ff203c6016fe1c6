"""The styles that lines are drawn with: a name for each meaning, coloured by the theme alone.

A widget that draws its own lines mixes in `Pens` and asks for `pen("warning")`. All of them share the component
classes `pen--…`, which the stylesheet colours once, so a colour means the same everywhere on the screen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

NAMES = (
    "label", "muted", "dim", "value", "good", "warning", "error", "accent", "on", "off", "glow", "fade", "bar",
    "bar-hot", "track", "tick",
    "spark", "spark-hot", "trend", "head", "sorted", "closed", "cursor", "cursor-blurred", "key", "title",
)  # fmt: skip

PEN_CLASSES = frozenset(f"pen--{name}" for name in NAMES)


class Pens(Widget):
    """A widget that draws with pens."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = set(PEN_CLASSES)

    _pens: dict[tuple[str, str], Style] | None = None

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

    def paper(self) -> Style:
        """The widget's own style, to be laid under lines that are drawn without it."""
        return self.pen()

    def ground(self, row: str) -> Style:
        """The background of a row alone."""
        return Style(bgcolor=self.pen("", row).bgcolor)

    def _make(self, name: str, row: str) -> Style:
        style = self.rich_style
        if row:
            full = self.get_component_rich_style(f"pen--{row}")
            style += Style(bgcolor=full.bgcolor, bold=full.bold, reverse=full.reverse)
        if name:
            full = self.get_component_rich_style(f"pen--{name}")
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

    def strip(self, segments: Iterable[Segment], row: str = "") -> Strip:
        """A line of the widget's width; what is left over has the background of the row."""
        drawn = [segment for segment in segments if segment.text]
        width = self.content_size.width
        used = sum([cell_len(segment.text) for segment in drawn])
        if used < width:
            drawn.append(Segment(" " * (width - used), self.pen("", row)))
        strip = Strip(drawn, max(used, width))
        return strip.crop(0, width) if used > width else strip

    def notify_style_update(self) -> None:
        """Another theme, or another focus: the pens are other ones now."""
        super().notify_style_update()
        self._pens = None
