"""The list of events in its frame, and below it what the selected one means."""

from __future__ import annotations

import textwrap
from collections.abc import Set

from rich.segment import Segment
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.strip import Strip

from streamscope.trace.decode import Event
from streamscope.ui.actions import spelt
from streamscope.ui.event_lines import explanation
from streamscope.ui.live import in_ascii_only
from streamscope.ui.messages import FilterChanged
from streamscope.ui.safe import fit
from streamscope.ui.scale import instant_text
from streamscope.ui.view import View
from streamscope.ui.widgets.event_list import EventList, Row
from streamscope.ui.widgets.filter_bar import FilterBar
from streamscope.ui.widgets.pens import Pens, set_titles

_SELECT = ("↑", "or a click selects an event, and what it means stands here.")
HINT = [_SELECT, ("f", "follows the newest event again.")]
HINT_IN_THE_PAST = [_SELECT, ("⏎", "then goes to it, f lets go of it.")]

WIDE = 112
"""From so many cells on, a sentence fits on a line."""


class Explanation(Pens):
    """What the event means, and what the function does that tells of it; on two lines each where the list is narrow."""

    DEFAULT_CSS = """
    Explanation { height: 2; }
    Explanation.-narrow { height: 4; }
    """

    row: Row | None = None
    hint = HINT

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view

    def on_resize(self, event: events.Resize) -> None:
        """Sentences that do not fit on a line take two."""
        self.set_class(event.size.width < WIDE, "-narrow")

    def render_line(self, y: int) -> Strip:
        """One of the lines: a name, and a sentence about it."""
        lines = self._lines()
        if y >= len(lines):
            return self.strip([])
        name, text = lines[y]
        label, style = ("muted", "muted") if self.row is None else ("label", "")
        return self.strip([Segment(f" {name}  ", self.pen(label)), Segment(text, self.pen(style))])

    def _lines(self) -> list[tuple[str, str]]:
        pairs = self.hint if self.row is None else explanation(self.row, self._view.vocabulary)
        pairs = [(spelt(name, ascii_only=in_ascii_only(self.app)), sentence) for name, sentence in pairs]
        names = max(len(name) for name, _ in pairs)
        room = max(self.content_size.width - names - 4, 10)
        left = self.size.height
        lines: list[tuple[str, str]] = []
        for place, (name, sentence) in enumerate(pairs, 1):
            share = max(left - sum(len(textwrap.wrap(other, room)) for _, other in pairs[place:]), 1)
            pieces = textwrap.wrap(sentence, room, max_lines=share, placeholder=" …")
            lines += [(fit("" if begun else name, names), piece) for begun, piece in enumerate(pieces)]
            left -= len(pieces)
        return lines


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
        self._view = view
        self.list = EventList(view, stream)
        self._filter = FilterBar(lambda: view.vocabulary, for_streams=False)
        self._explanation = Explanation(view)

    def compose(self) -> ComposeResult:
        """The filter where there is one, the list, and below it the explanation."""
        yield self._filter
        yield self.list
        yield self._explanation

    def on_mount(self) -> None:
        """Say in the frame what is shown."""
        self.watch(self.list, "following", self._retitle)
        self.watch(self.list, "stream", self._retitle)

    @property
    def stream(self) -> int | None:
        """Number of the one stream whose events are shown, None for all."""
        return self.list.stream

    @stream.setter
    def stream(self, number: int | None) -> None:
        self.list.stream = number

    @property
    def selected(self) -> int | None:
        """The stream that "only this stream" means while no event is selected."""
        return self.list.elsewhere

    @selected.setter
    def selected(self, number: int | None) -> None:
        self.list.elsewhere = number

    def show(self, changed: Set[int]) -> None:
        """Take up what has been appended to the past."""
        self.list.show(changed)
        hint = HINT_IN_THE_PAST if self._view.paused else HINT
        if hint is not self._explanation.hint:
            self._explanation.hint = hint
            self._explanation.refresh()
        self._retitle()

    def open_filter(self) -> None:
        """Write which events are shown."""
        self._filter.open()

    @on(FilterChanged)
    def _filter_changed(self, message: FilterChanged) -> None:
        """Show the events that match, and go back to the list when the person is done."""
        message.stop()
        self.list.wanted = message.filter
        if message.keep:
            self.list.focus()
        self._retitle()

    def copy_text(self) -> str:
        """The selected event, or those in sight, for the clipboard."""
        return self.list.copy_text()

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
        searched = f" · {self.list.searched}" if self.list.searched else ""
        title = f"events · {of}{searched} · {self._standing()}"
        subtitle = f"seq {row.seq:,} · {row.t / 1e9:.6f} s" if isinstance(row, Event) else ""
        set_titles(self, title, subtitle)

    def _standing(self) -> str:
        """What the list does by itself: it follows the newest event, or the instant that is looked at."""
        view = self._view
        if not self.list.following:
            return "held · f lets go" if view.paused else "held · end follows"
        if not view.paused:
            return "following"
        if view.playing:
            return "playing"
        if not view.moved:
            return "paused"
        ahead = "" if view.past_end >= view.past.end else " · what is to come is dim"
        return f"at {instant_text(view.started, view.now_t)}{ahead}"
