"""What may be written next, in a list below the line that is written on, over whatever stands there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip

from streamscope.ui.safe import fit
from streamscope.ui.widgets.pens import Pens

if TYPE_CHECKING:
    from streamscope.trace.filter import Completion

ROWS = 8
GAP = 2


class Completions(Pens):
    """A list of offers; `chosen` is the one that the person has moved to, None for none."""

    DEFAULT_CSS = """
    Completions {
        overlay: screen;
        constrain: none inflect;
        display: none;
        width: 1fr;
        height: auto;
        max-height: 8;
        background: $surface;
    }
    """

    class Taken(Message):
        """The person clicked on an offer."""

        def __init__(self, offer: Completion) -> None:
            super().__init__()
            self.offer = offer

    def __init__(self) -> None:
        super().__init__()
        self.offers: Sequence[Completion] = ()
        self.chosen: int | None = None

    def show(self, offers: Sequence[Completion]) -> None:
        """Shows these, none of them chosen; none hides the list."""
        self.offers, self.chosen = offers, None
        self.styles.height = min(len(offers), ROWS)
        self.display = bool(offers)
        self.refresh()

    @property
    def offer(self) -> Completion | None:
        """The chosen offer."""
        return None if self.chosen is None else self.offers[self.chosen]

    def move(self, step: int) -> None:
        """Chooses the next offer, or the one before; before the first, none."""
        place = (-1 if self.chosen is None else self.chosen) + step
        self.chosen = None if place < 0 else min(place, len(self.offers) - 1)
        self.refresh()

    @property
    def _top(self) -> int:
        return max(0, (self.chosen or 0) - ROWS + 1)

    def render_line(self, y: int) -> Strip:
        """An offer, and what it means."""
        place = self._top + y
        if place >= len(self.offers):
            return self.strip([])
        offer = self.offers[place]
        row = "cursor" if place == self.chosen else ""
        width = min(max(len(other.text) for other in self.offers), max(self.content_size.width // 2, 8))
        more = y == ROWS - 1 and place < len(self.offers) - 1
        return self.strip(
            [
                Segment("›" if row else "↓" if more else " ", self.pen("muted", row)),
                Segment(fit(offer.text, width) + " " * GAP, self.pen("value", row)),
                Segment(fit(offer.about, max(self.content_size.width - width - GAP - 1, 0)), self.pen("label", row)),
            ],
            row,
        )

    def on_click(self, event: events.Click) -> None:
        """A click takes an offer."""
        place = self._top + event.y
        if place < len(self.offers):
            self.post_message(self.Taken(self.offers[place]))
