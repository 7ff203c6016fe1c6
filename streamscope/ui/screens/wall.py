"""The wall: as many panels as fit, the most troubled streams first."""

from __future__ import annotations

from collections.abc import Iterable, Set
from operator import attrgetter

from textual import on
from textual.widget import Widget

from streamscope.ui.actions import bindings
from streamscope.ui.findings import is_troubled
from streamscope.ui.messages import RoomChanged
from streamscope.ui.order import trouble_first
from streamscope.ui.plain import is_listener
from streamscope.ui.screens.base import LiveScreen
from streamscope.ui.view import View
from streamscope.ui.walls import places
from streamscope.ui.widgets.panel import Panel
from streamscope.ui.widgets.panel_grid import PanelGrid

PANEL_WIDTH = 60
PANEL_HEIGHT = 11
PLACE_AFTER = 1.0
"""Seconds between two looks at who should stand on the wall."""


class WallScreen(LiveScreen):
    """Panels from edge to edge."""

    BINDINGS = bindings("wall")

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self.panels = PanelGrid(view, least_width=PANEL_WIDTH, least_height=PANEL_HEIGHT, id="wall")
        self._places: list[int | None] = []
        self._placed_at = -PLACE_AFTER

    def compose_body(self) -> Iterable[Widget]:
        """Nothing but panels."""
        yield self.panels

    def show(self, changed: Set[int]) -> None:
        """Paint what has changed."""
        super().show(changed)
        if self.view.monotonic() - self._placed_at >= PLACE_AFTER:
            self.place_panels()
        self.panels.show(changed)

    def show_at_once(self) -> None:
        """Decide anew who stands where, then paint."""
        self.place_panels()
        super().show_at_once()

    @on(RoomChanged)
    def place_panels(self) -> None:
        """Decide who stands where."""
        self._placed_at = self.view.monotonic()
        view = self.view
        words, told = view.vocabulary, view.told
        streams = view.model.streams
        by_number = sorted(streams.values(), key=attrgetter("number"))
        ranked = trouble_first(by_number, told, words)
        ranked.sort(key=lambda state: is_listener(state, words))
        troubled = {state.number for state in ranked if not state.closed_t and is_troubled(state, told)}
        wanted = view.pinned if view.selected is None else [*view.pinned, view.selected]
        self._places = places(self._places, [state.number for state in ranked], troubled, wanted, self.panels.capacity)
        shown = self._places
        while len(shown) > 1 and shown[-1] is None:
            shown = shown[:-1]
        self.panels.assign(shown)
        if self.focused is None and self.panels.panels and self.is_current:
            self._focus_selected()

    def take_up(self) -> None:
        """The stream has a panel, and that the focus."""
        self.place_panels()
        self._focus_selected()

    def _focus_selected(self) -> None:
        found = [panel for panel in self.panels.panels if panel.number == self.view.selected] or self.panels.panels
        if found and self.focused is not found[0]:
            found[0].focus()

    @property
    def subject(self) -> tuple[int | None, str]:
        """The stream that is selected: that of the panel that has the focus."""
        return self.view.selected, ""

    def action_go(self, x: int, y: int) -> None:
        """Move the focus to the panel beside the one that has it."""
        if isinstance(self.focused, Panel):
            beside = self.panels.panel_towards(self.focused, x, y)
            if beside is not None:
                beside.focus()
