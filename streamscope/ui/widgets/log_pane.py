"""What the program printed, followed as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from rich.cells import cell_len
from rich.segment import Segment
from textual import events

from streamscope.language import tr
from streamscope.ui.actions import bindings
from streamscope.ui.log_tail import LINE_BYTES, LogLine, LogTail
from streamscope.ui.safe import visible, visible_bytes
from streamscope.ui.view import View
from streamscope.ui.widgets.live_lines import LiveLines
from streamscope.ui.widgets.pens import set_titles

INTERVAL = 0.1
"""Seconds between two looks at the file."""


class LogPane(LiveLines[LogLine]):
    """The last lines of the file that takes the program's output."""

    HELP = """\
What the program prints goes to a file instead of the terminal, where it would destroy the picture: its standard output,
its errors, the traceback of a callback that raised. This is the end of that file, as it grows.

Characters that would command the terminal are shown instead: ␛ is an escape. Scrolling up holds the lines still, End
follows the newest again; left and right, or shift with the mouse wheel, move along lines that are too long.
"""
    BINDINGS = bindings("log")
    DEFAULT_CSS = "LogPane { overflow-x: scroll; scrollbar-size-horizontal: 0; }"

    def __init__(self, view: View, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._view = view
        self._tail: LogTail | None = None
        self._width = 0
        self._due = 0.0

    def on_mount(self) -> None:
        """Begin with what is there."""
        self._retitle()
        self.watch(self, "following", self._retitle)

    def on_unmount(self) -> None:
        """Let go of the file."""
        if self._tail is not None:
            self._tail.close()

    def sync(self) -> None:
        """Read what has been appended, unless that was done a moment ago or the screen is paused."""
        now = self._view.monotonic()
        if now >= self._due and not self._view.paused:
            self._due = now + INTERVAL
            self._read()
        super().sync()

    def _read(self) -> None:
        hello = self._view.hello
        path = hello.log if hello is not None else ""
        if not path:
            return
        if self._tail is None or self._tail.path != path:
            if self._tail is not None:
                self._tail.close()
            self._tail = LogTail(path)
            self._width = 0
            self._drawn.clear()
            self._retitle()
        grown = self._tail.read()
        if grown is None:
            return
        self._drawn.discard(grown)
        self._shown = None
        fresh = islice(self._tail.lines, grown - self._tail.first, None)
        self._width = max(self._width, max((cell_len(line_text(line)) + 1 for line in fresh), default=0))

    def on_resize(self, event: events.Resize) -> None:
        """Another width has room for other words."""
        super().on_resize(event)
        self._retitle()

    def _retitle(self) -> None:
        words = [tr("log"), tr("following") if self.following else tr("held · end follows")]
        if self._tail is not None:
            words.append(visible(self._tail.path))  # last, where it may be cut
        set_titles(self, " · ".join(words))

    def span(self) -> tuple[int, int]:
        """The lines that are kept."""
        return (self._tail.first, self._tail.end) if self._tail is not None else (0, 0)

    def load(self, start: int, count: int) -> Sequence[LogLine]:
        """Lines by their number."""
        if self._tail is None:
            return ()
        lines, first = self._tail.lines, self._tail.first
        return [lines[row - first] for row in range(start, start + count)]

    def line_width(self) -> int:
        """The longest line can be scrolled to."""
        return self._width

    def empty_text(self) -> str:
        """Why there is nothing."""
        hello = self._view.hello
        if hello is None:
            return tr("Waiting for the engine to say where its program prints.")
        if not hello.log:
            return tr("The program prints to its own terminal; nothing of it comes here.")
        if self._tail is not None and self._tail.reason:
            return tr(
                "The log cannot be read: {why} ({file}).", why=visible(self._tail.reason), file=visible(hello.log)
            )
        return tr("The program has printed nothing yet.")

    def draw(self, item: LogLine, width: int) -> list[Segment]:
        """A line as it was printed; a notice stands back."""
        if item.notice:
            return [Segment(f" ── {line_text(item)} ──", self.pen("muted"))]
        return [Segment(" " + line_text(item), self.pen())]

    def action_sideways(self, direction: int) -> None:
        """Move the sight by half its width."""
        step = max(self.scrollable_content_region.width // 2, 1)
        self.scroll_to(x=self.scroll_offset.x + direction * step, animate=False)

    def copy_text(self) -> str:
        """All lines that are kept, for the clipboard."""
        return "\n".join(line_text(line) for line in self._tail.lines) if self._tail is not None else ""


def line_text(line: LogLine) -> str:
    """A line as characters that only show themselves, its tabs spread out."""
    return visible_bytes(line.data.expandtabs(8), LINE_BYTES)
