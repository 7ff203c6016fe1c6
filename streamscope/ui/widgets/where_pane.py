"""Where the program is: the pane that opens by itself while the engine does not come round."""

from __future__ import annotations

from collections.abc import Set

from rich.segment import Segment
from textual import events
from textual.content import Content
from textual.strip import Strip

from streamscope.ui import stuck
from streamscope.ui.lines import Line, cut
from streamscope.ui.safe import fit
from streamscope.ui.view import View
from streamscope.ui.widgets.pens import Pens


class WherePane(Pens):
    """The program's frames, the engine's, what the kernel says of the process, and what was slow before."""

    def __init__(self, view: View, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view = view
        self._lines: list[Line] = []
        self._title = ""

    def show(self, changed: Set[int]) -> None:
        """Paint what is known now, if it is something else."""
        view = self._view
        stands = view.standstill
        if stands is None:
            return
        height = self.content_size.height
        lines = stuck.lines(stands, view.model.slowest, view.vocabulary, started=view.started, height=height)
        title = fit(stuck.title(stands), max(self.size.width - 3, 1)).rstrip()
        if title != self._title:
            self._title = title
            self.border_title = Content(title)
        if lines != self._lines:
            before, self._lines = self._lines, lines
            self.refresh_lines_that_differ(before, lines)

    def on_resize(self, event: events.Resize) -> None:
        """It has just been opened, or has another size."""
        self.show(frozenset())

    def render_line(self, y: int) -> Strip:
        """One line."""
        line = self._lines[y] if y < len(self._lines) else []
        return self.strip(Segment(text, self.pen(style)) for text, style in cut(line, self.content_size.width))
