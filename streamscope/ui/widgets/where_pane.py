"""Where the program is: the pane that opens by itself while the engine does not come round."""

from __future__ import annotations

from collections.abc import Set

from textual import events
from textual.content import Content

from streamscope.ui import stuck
from streamscope.ui.safe import fit
from streamscope.ui.view import View
from streamscope.ui.widgets.drawn import DrawnLines


class WherePane(DrawnLines):
    """The program's frames, the engine's, what the kernel says of the process, and what was slow before."""

    def __init__(self, view: View, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view = view
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
        self.put(lines)

    def on_resize(self, event: events.Resize) -> None:
        """It has just been opened, or has another size."""
        self.show(frozenset())
