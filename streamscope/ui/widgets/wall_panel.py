"""A panel of the wall: it says less than others where it is low, and `p` keeps its stream large."""

from __future__ import annotations

from streamscope.ui.actions import bindings
from streamscope.ui.lines import Line
from streamscope.ui.widgets.brief_lines import brief_lines
from streamscope.ui.widgets.panel import Panel
from streamscope.ui.widgets.panel_lines import Facts


class WallPanel(Panel):
    """One stream that stands large."""

    BINDINGS = bindings("", "wall.pin")

    def lines_of(self, facts: Facts, width: int, height: int) -> list[Line]:
        """What is said of the stream in this room."""
        return brief_lines(facts, width, height)
