"""One event at a time: where the engine was when it told of it, in its own text, and what it did to the stream."""

from __future__ import annotations

from collections.abc import Iterable, Set

from textual.containers import Container
from textual.widget import Widget

from streamscope.ui.actions import bindings
from streamscope.ui.screens.base import LiveScreen
from streamscope.ui.view import View
from streamscope.ui.widgets.event_pane import EventPane
from streamscope.ui.widgets.inside_panes import InsideNow, PhasePane, SourcePane
from streamscope.ui.widgets.panel import Panel


class InsideScreen(LiveScreen):
    """Where the engine was. The panel is that of the event's stream; where that is the loop's, of the one before."""

    BINDINGS = bindings("inside")

    def __init__(self, view: View, inside: InsideNow, number: int | None) -> None:
        """`number` is the stream that was selected before."""
        super().__init__(view)
        self.inside = inside
        self.panel = Panel(view, number, id="inside-panel")
        self.phases = PhasePane(self.inside, id="inside-phases")
        self.source = SourcePane(self.inside, id="inside-source")
        self.events = EventPane(view, id="inside-events")
        self._told = -1  # the `seq` of the event whose stream's panel is shown

    def compose_body(self) -> Iterable[Widget]:
        """What is so on one side and why on the other; above each other where there is no room beside."""
        yield Container(self.phases, self.events, id="inside-where")
        yield Container(self.panel, self.source, id="inside-what")

    def on_mount(self) -> None:
        """The text has the focus at first."""
        self.source.focus()

    def show(self, changed: Set[int]) -> None:
        """Paint where the person stands."""
        where = self.inside.now
        if where is not None and where.event.seq != self._told:
            self._told = where.event.seq
            if where.event.stream in self.view.model.streams:
                self.panel.number = self.view.selected = where.event.stream
        super().show(changed)
        for pane in (self.phases, self.source, self.panel, self.events):
            pane.show(changed)

    @property
    def foremost(self) -> Widget:
        """The text."""
        return self.source

    @property
    def subject(self) -> tuple[int | None, str]:
        """The stream that the panel shows, to whose changes one goes."""
        return self.panel.number, ""

    def take_up(self) -> None:
        """Show that stream's panel, until an event is of another."""
        if self.view.selected is not None:
            self.panel.number = self.view.selected

    def action_back(self) -> None:
        """Go back to where it was opened."""
        self.dismiss()
