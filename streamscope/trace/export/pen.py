"""What writes SVG: elements, colours and escaping.

Colours are attributes of the light theme, which every program that opens SVG understands. A style sheet beside them
gives the dark ones, where the picture is to follow its reader's preference. Text comes from feeds that are not trusted:
it is escaped here, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from streamscope.trace.plain_text import cells, visible

SANS = "Inter, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif"
MONO = "ui-monospace, 'SF Mono', 'Cascadia Code', Menlo, Consolas, 'DejaVu Sans Mono', monospace"

LIGHT = {
    "paper": "#ffffff", "panel": "#f4f6f9", "grid": "#dfe4ea", "ink": "#1a2029", "muted": "#5a6572",
    "can": "#0f8a6a", "does": "#1f6fb8", "wants": "#7a52a8", "ends": "#c8501a", "is": "#7d8996",
    "queue": "#1f6fb8", "above": "#e08a00", "mark": "#b45309", "bad": "#c02626", "gap": "#9aa4b0",
}  # fmt: skip
DARK = {
    "paper": "#12161c", "panel": "#1b212a", "grid": "#303844", "ink": "#eef1f5", "muted": "#a3afbd",
    "can": "#3cc9a0", "does": "#5aaef2", "wants": "#b794f0", "ends": "#ff9166", "is": "#8d99a8",
    "queue": "#5aaef2", "above": "#f5b041", "mark": "#f8c471", "bad": "#ff7b7b", "gap": "#6b7684",
}  # fmt: skip
"""Colours by what they mean. Each theme's were chosen to be told apart by people who see red and green alike."""

THEMES = ("auto", "light", "dark")

LETTER = 0.64
"""How wide a letter is for its size; narrow ones are narrower."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height


class Pen:
    """Collects elements. `theme` is one of THEMES."""

    def __init__(self, theme: str) -> None:
        self.theme = theme
        self.colours = DARK if theme == "dark" else LIGHT
        self._out: list[str] = []

    def rect(self, box: Box, fill: str, *, opacity: float = 1.0, radius: float = 0.0, title: str = "") -> None:
        """A filled rectangle, of a colour or `url(#pattern)`; the title shows under a pointer."""
        shape = f'<rect x="{n(box.x)}" y="{n(box.y)}" width="{n(box.width)}" height="{n(box.height)}"'
        if radius:
            shape += f' rx="{n(radius)}"'
        self._closed(shape + self._fill(fill, opacity), title)

    def line(
        self, x1: float, y1: float, x2: float, y2: float, stroke: str, *, width: float = 1, dash: str = ""
    ) -> None:
        """A straight line."""
        shape = f'<line x1="{n(x1)}" y1="{n(y1)}" x2="{n(x2)}" y2="{n(y2)}"'
        self._closed(shape + self._stroke(stroke, width, dash))

    def area(self, path: str, fill: str, *, opacity: float = 1.0) -> None:
        """A filled path."""
        self._closed(f'<path d="{path}"' + self._fill(fill, opacity))

    def stroke(self, path: str, stroke: str, *, width: float = 1, opacity: float = 1.0) -> None:
        """A drawn path."""
        shape = f'<path d="{path}" fill="none" stroke-linejoin="round"'
        if opacity < 1:
            shape += f' stroke-opacity="{n(opacity)}"'
        self._closed(shape + self._stroke(stroke, width, ""))

    def dot(self, x: float, y: float, radius: float, fill: str) -> None:
        """A filled circle."""
        self._closed(f'<circle cx="{n(x)}" cy="{n(y)}" r="{n(radius)}"' + self._fill(fill, 1.0))

    def text(
        self, x: float, y: float, text: str, *, size: float = 14, fill: str = "ink", anchor: str = "start",
        mono: bool = False, bold: bool = False,
    ) -> None:  # fmt: skip
        """A line of text; `y` is its base line."""
        shape = f'<text x="{n(x)}" y="{n(y)}" font-size="{n(size)}"'
        if anchor != "start":
            shape += f' text-anchor="{anchor}"'
        if mono:
            shape += f" font-family={quoteattr(MONO)}"
        if bold:
            shape += ' font-weight="600"'
        self._out.append(shape + self._fill(fill, 1.0) + f">{clean(text)}</text>\n")

    def document(self, width: float, height: float, title: str, description: str) -> str:
        """The whole picture."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {n(width)} {n(height)}" width="{n(width)}" '
            f'height="{n(height)}" font-family={quoteattr(SANS)} role="img">\n'
            f"<title>{clean(title)}</title>\n<desc>{clean(description)}</desc>\n"
        )
        return head + self._style() + self._patterns() + "".join(self._out) + "</svg>\n"

    def _style(self) -> str:
        if self.theme != "auto":
            return ""
        rules = "".join(f".f-{name}{{fill:{c}}}.s-{name}{{stroke:{c}}}" for name, c in DARK.items())
        return f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>\n"

    def _patterns(self) -> str:
        """`lost`: slanting lines where events are missing; `busy-…`: upright ones where something comes and goes."""
        out = ['<defs>\n<pattern id="lost" width="8" height="8" patternUnits="userSpaceOnUse" ']
        out.append('patternTransform="rotate(45)">')
        out.append(f'<rect width="3" height="8"{self._fill("gap", 0.55)}/></pattern>\n')
        for name in ("can", "does", "wants", "ends", "is"):
            out.append(f'<pattern id="busy-{name}" width="4" height="4" patternUnits="userSpaceOnUse">')
            out.append(f'<rect width="4" height="4"{self._fill(name, 0.3)}/>')
            out.append(f'<rect width="2" height="4"{self._fill(name, 1.0)}/></pattern>\n')
        return "".join([*out, "</defs>\n"])

    def _closed(self, shape: str, title: str = "") -> None:
        self._out.append(f"{shape}><title>{clean(title)}</title></rect>\n" if title else f"{shape}/>\n")

    def _fill(self, colour: str, opacity: float) -> str:
        if colour.startswith("url("):
            return f' fill="{colour}"'
        out = f' fill="{self.colours[colour]}"'
        if self.theme == "auto":
            out += f' class="f-{colour}"'
        return out + (f' fill-opacity="{n(opacity)}"' if opacity < 1 else "")

    def _stroke(self, colour: str, width: float, dash: str) -> str:
        out = f' stroke="{self.colours[colour]}"' + (f' class="s-{colour}"' if self.theme == "auto" else "")
        if width != 1:
            out += f' stroke-width="{n(width)}"'
        return out + (f' stroke-dasharray="{dash}"' if dash else "")


def n(number: float) -> str:
    """A coordinate, no longer than it needs to be."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


def width_of(text: str, size: float) -> float:
    """About how wide a text is, by what letters of a sans-serif measure, the bold ones too."""
    return cells(visible(text)) * size * LETTER


def fitting(text: str, size: float, room: float) -> str:
    """The text, or as much of its beginning as there is room for."""
    shown = visible(text)
    if width_of(shown, size) <= room:
        return shown
    while shown and width_of(shown + "…", size) > room:
        shown = shown[:-1]
    return shown.rstrip() + "…"


def clean(text: str) -> str:
    """Text as XML may hold it: markup escaped, and what does not print made visible."""
    return escape(visible(text))
