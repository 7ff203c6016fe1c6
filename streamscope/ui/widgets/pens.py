"""The styles that lines are drawn with: a name for each meaning, coloured by the theme alone.

A widget that draws its own lines mixes in `Pens` and asks for `pen("warning")`. All of them share the component
classes `pen--…`, which the stylesheet colours once, so a colour means the same everywhere on the screen.
"""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from textual.widget import Widget

NAMES = (
    "label", "muted", "dim", "value", "good", "warning", "error", "accent", "on", "off", "glow", "fade", "bar",
    "bar-hot", "track", "tick",
    "spark", "spark-hot", "trend", "head", "sorted", "closed", "cursor", "cursor-blurred", "key", "title",
)  # fmt: skip

PEN_CLASSES = frozenset(f"pen--{name}" for name in NAMES)
_NO_STYLE = Style()


class Pens(Widget):
    """A widget that draws with pens."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(PEN_CLASSES)

    _pens: dict[str, Style] | None = None

    def pen(self, name: str, *, background: bool = False) -> Style:
        """The style of a name from NAMES, "" for none. Its background is left out unless asked for, so that rows keep
        theirs.
        """
        if not name:
            return _NO_STYLE
        pens = self._pens
        if pens is None:
            pens = self._pens = {}
        key = name + "|" if background else name
        style = pens.get(key)
        if style is None:
            full = self.get_component_rich_style(f"pen--{name}")
            style = Style(
                color=full.color,
                bgcolor=full.bgcolor if background or name == "glow" else None,
                bold=full.bold,
                dim=full.dim,
                italic=full.italic,
                underline=full.underline,
                reverse=full.reverse,
                strike=full.strike,
            )
            pens[key] = style
        return style

    def paper(self) -> Style:
        """The widget's own style, to be laid under every strip: Textual gives a bare segment no background."""
        return self.rich_style

    def notify_style_update(self) -> None:
        """Another theme, or another focus: the pens are other ones now."""
        super().notify_style_update()
        self._pens = None
