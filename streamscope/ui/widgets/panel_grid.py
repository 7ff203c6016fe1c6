"""Panels side by side, as many as fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set

from textual import events
from textual.containers import Container
from textual.widget import Widget

from streamscope.ui.messages import RoomChanged
from streamscope.ui.view import View
from streamscope.ui.widgets.panel import Panel


class PanelGrid(Container):
    """A grid of panels. Each stream keeps its place in it for as long as it is in it."""

    def __init__(
        self,
        view: View,
        *,
        least_width: int = 1,
        least_height: int = 1,
        make: Callable[[View], Panel] = Panel,
        id: str | None = None,
    ) -> None:
        """`make` makes a panel that shows nothing yet."""
        super().__init__(id=id)
        self._view = view
        self._least = (least_width, least_height)
        self._make = make
        self._panels: list[Panel] = []

    def compose(self) -> Iterable[Widget]:
        """Those that are known to be there from the beginning."""
        yield from self._panels

    def on_mount(self) -> None:
        """Those that came to be while the grid was made."""
        self.mount_all([panel for panel in self._panels if panel.parent is None])

    @property
    def columns(self) -> int:
        """Panels that fit side by side."""
        return max(self.size.width // self._least[0], 1)

    @property
    def capacity(self) -> int:
        """Panels that fit."""
        return self.columns * max(self.size.height // self._least[1], 1)

    @property
    def numbers(self) -> list[int | None]:
        """The streams in the grid, by place."""
        return [panel.number for panel in self._panels if panel.display]

    @property
    def panels(self) -> list[Panel]:
        """The panels that are on the screen, by place."""
        return [panel for panel in self._panels if panel.display]

    def assign(self, numbers: Sequence[int | None], columns: int | None = None) -> None:
        """Show these streams, one a place; None leaves a place empty. There are so many columns, or as many as fit."""
        if self.is_mounted and not self.is_attached:
            return  # the app is going down
        while len(self._panels) < len(numbers):
            panel = self._make(self._view)
            self._panels.append(panel)
            if self.is_mounted:
                self.mount(panel)
        shown = len(numbers)
        columns = min(columns or self.columns, max(shown, 1))
        if self.styles.grid_size_columns != columns:
            self.styles.grid_size_columns = columns
        for place, panel in enumerate(self._panels):
            if panel.display != (place < shown):
                panel.display = place < shown
            if place < shown:
                panel.number = numbers[place]
                panel.visible = panel.number is not None or shown == 1

    def show(self, changed: Set[int]) -> None:
        """Paint what has changed."""
        for panel in self._panels:
            if panel.display:
                panel.show(changed)

    def panel_towards(self, panel: Panel, x: int, y: int) -> Panel | None:
        """The panel beside another, None at the edge."""
        shown = self.panels
        if panel not in shown:
            return None
        columns = int(self.styles.grid_size_columns or 1)
        row, column = divmod(shown.index(panel), columns)
        column += x
        place = (row + y) * columns + column
        return shown[place] if 0 <= column < columns and 0 <= place < len(shown) else None

    def on_resize(self, event: events.Resize) -> None:
        """More or fewer fit now; the screen decides which."""
        self.screen.post_message(RoomChanged())
