"""The list of events in its frame, and below it what the selected one means."""

from __future__ import annotations

from collections.abc import Set

from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.strip import Strip

from streamscope.trace.decode import Event
from streamscope.ui.event_lines import explanation
from streamscope.ui.safe import fit
from streamscope.ui.view import View
from streamscope.ui.widgets.event_list import EventList, Row
from streamscope.ui.widgets.pens import Pens

HINT = [
    ("↑", "or a click selects an event, and what it means stands here."),
    ("f", "follows the newest event again."),
]


class Explanation(Pens):
    """Two lines: what the event means, and what the function does that tells of it."""

    DEFAULT_CSS = "Explanation { height: 2; }"

    row: Row | None = None

    def render_line(self, y: int) -> Strip:
        """One of the lines: a name, and a sentence about it."""
        pairs = HINT if self.row is None else explanation(self.row)
        if y >= len(pairs):
            return self.strip([])
        names = max(len(name) for name, _ in pairs)
        name, sentence = pairs[y]
        label, style = ("muted", "muted") if self.row is None else ("label", "")
        room = max(self.content_size.width - names - 3, 0)
        text = f"  {fit(sentence, room)}"
        return self.strip([Segment(f" {fit(name, names)}", self.pen(label)), Segment(text, self.pen(style))])


class EventPane(Vertical):
    """The events of all streams, or of one. With `stream` given, of that one for good."""

    DEFAULT_CSS = """
    EventPane { height: 1fr; }
    EventPane > EventList { height: 1fr; }
    """

    def __init__(
        self, view: View, stream: int | None = None, *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._list = EventList(view, stream)
        self._explanation = Explanation()

    def compose(self) -> ComposeResult:
        """The list above, the explanation below."""
        yield self._list
        yield self._explanation

    def on_mount(self) -> None:
        """Say in the frame what is shown."""
        self.watch(self._list, "following", self._retitle)
        self.watch(self._list, "stream", self._retitle)

    @property
    def stream(self) -> int | None:
        """Number of the one stream whose events are shown, None for all."""
        return self._list.stream

    @stream.setter
    def stream(self, number: int | None) -> None:
        self._list.stream = number

    @property
    def selected(self) -> int | None:
        """The stream that "only this stream" means while no event is selected."""
        return self._list.elsewhere

    @selected.setter
    def selected(self, number: int | None) -> None:
        self._list.elsewhere = number

    def show(self, changed: Set[int]) -> None:
        """Take up what has been appended to the history."""
        self._list.show(changed)

    def copy_text(self) -> str:
        """The selected event, or those in sight, for the clipboard."""
        return self._list.copy_text()

    @on(EventList.Selected)
    def explain(self, message: EventList.Selected) -> None:
        """Another event was selected: say what it means."""
        self._explanation.row = message.row
        self.set_class(message.row is not None, "-explained")
        self._explanation.refresh()
        self._retitle()

    def _retitle(self) -> None:
        row = self._explanation.row
        of = "all streams" if self.stream is None else f"#{self.stream} only"
        held = "following" if self._list.following else "held · end follows"
        self.border_title = Content(f"events · {of} · {held}")
        self.border_subtitle = Content(f"seq {row.seq:,} · {row.t / 1e9:.6f} s" if isinstance(row, Event) else "")
