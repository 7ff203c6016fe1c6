"""Where the program is: the pane that opens by itself while the engine does not come round."""

from __future__ import annotations

from collections.abc import Set

from rich.cells import cell_len

from streamscope.ui import stuck
from streamscope.ui.safe import fit
from streamscope.ui.view import View
from streamscope.ui.widgets.drawn import DrawnLines
from streamscope.ui.widgets.pens import set_titles


class WherePane(DrawnLines):
    """The program's frames, the engine's, what the kernel says of the process, and what was slow before."""

    def __init__(self, view: View, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view = view

    def show(self, changed: Set[int]) -> None:
        """Paint what is known now, if it is something else."""
        view = self._view
        stands = view.standstill
        if stands is None:
            return
        height = self.content_size.height
        lines = stuck.lines(stands, view.model.slowest, view.vocabulary, started=view.started, height=height)
        title, room = stuck.title(stands), max(self.size.width - 4, 1)
        while cell_len(title) > room and " · " in title:  # rather less than half of it
            title = title.rpartition(" · ")[0]
        title = fit(title, room).rstrip()
        set_titles(self, title)
        self.put(lines)
