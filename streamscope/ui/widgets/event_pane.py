"""The events in their frame, what matters of them or every one, and below them what the selected one means."""

from __future__ import annotations

from collections.abc import Set

from rich.cells import cell_len
from rich.segment import Segment
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.strip import Strip

from streamscope.language import N_, tr
from streamscope.trace.decode import Event
from streamscope.ui.actions import spelt
from streamscope.ui.cells import wrapped
from streamscope.ui.event_lines import explanation, practice
from streamscope.ui.live import in_ascii_only
from streamscope.ui.messages import FilterChanged
from streamscope.ui.passage_lines import line_explanation
from streamscope.ui.safe import fit, titled
from streamscope.ui.scale import instant_text
from streamscope.ui.sight import Place, SightLine
from streamscope.ui.view import View
from streamscope.ui.widgets.event_list import EventList, Row
from streamscope.ui.widgets.filter_bar import FilterBar
from streamscope.ui.widgets.outline_list import OutlineList
from streamscope.ui.widgets.pens import DrawnWhole, Pens, set_titles

Hint = list[tuple[str, str]]
_EVENT = ("↑", N_("or a click selects an event, and what it means stands here."))
_LINE = ("↑", N_("or a click selects a line, and what it means stands here."))
HINTS: dict[tuple[bool, bool], Hint] = {
    (True, False): [_EVENT, ("f", N_("follows the newest event again."))],
    (True, True): [_EVENT, ("⏎", N_("then goes to it, f lets go of it."))],
    (False, False): [_LINE, ("⏎", N_("then unfolds it into its events, f follows the newest again."))],
    (False, True): [_LINE, ("⏎", N_("then unfolds it, and goes to an event below it; f lets go of it."))],
}
"""What can be done while nothing is selected: where every event is shown or what matters, and in the past or not."""

WIDE = 112
"""From so many cells on, a sentence fits on a line."""


class Explanation(Pens):
    """What the event means, and what the function does that tells of it; on two lines each where the list is narrow."""

    DEFAULT_CSS = """
    Explanation { height: 2; }
    Explanation.-narrow { height: 4; }
    """

    row: Row | SightLine | None = None
    hint: Hint = HINTS[False, False]

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
        label, style = ("label", "label") if self.row is None else ("label", "")
        return self.strip([Segment(f" {name}  ", self.pen(label)), Segment(text, self.pen(style))])

    def _lines(self) -> list[tuple[str, str]]:
        row, words = self.row, self._view.vocabulary
        if row is None:
            pairs = self.hint
        else:
            pairs = line_explanation(row, words) if isinstance(row, SightLine) else explanation(row, words)
        pairs = [(spelt(name, ascii_only=in_ascii_only(self.app)), tr(sentence)) for name, sentence in pairs]
        names = max(cell_len(name) for name, _ in pairs)
        room = max(self.content_size.width - names - 4, 10)
        left = self.size.height
        lines: list[tuple[str, str]] = []
        for place, (name, sentence) in enumerate(pairs, 1):
            share = max(left - sum(len(wrapped(other, room)) for _, other in pairs[place:]), 1)
            pieces = wrapped(sentence, room, share)
            lines += [(fit("" if begun else name, names), piece) for begun, piece in enumerate(pieces)]
            left -= len(pieces)
        event = row.event if isinstance(row, SightLine) else row
        if left > 0 and isinstance(event, Event) and (said := practice(event, words)):
            pieces = wrapped(said, room, left)
            lines += [(" " * names, piece) for piece in pieces]
        return lines


class EventPane(DrawnWhole, Vertical):
    """The events of all streams, of one, or of both sides of a conversation. With `stream` given, of that one for good,
    and with `other`, of both.
    """

    DEFAULT_CSS = """
    EventPane { height: 1fr; }
    EventPane > EventList, EventPane > OutlineList { height: 1fr; }
    """

    def __init__(
        self,
        view: View,
        stream: int | None = None,
        other: int | None = None,
        *,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._view = view
        self._sides = None if stream is None or other is None else (stream, other)
        self.every = EventList(view, stream if self._sides is None else None)
        self.outline = OutlineList(view, stream if self._sides is None else None)
        self.every.sides = self.outline.sides = self._sides
        self._chosen: tuple[Place | None, int] | None = None  # where the line and the event are that are both selected
        self._filter = FilterBar(lambda: view.vocabulary, for_streams=False)
        self._explanation = Explanation(view)

    def compose(self) -> ComposeResult:
        """The filter where there is one, the lists, of which one is shown, and below them the explanation."""
        self.every.display, self.outline.display = self._view.every_event, not self._view.every_event
        yield self._filter
        yield self.outline
        yield self.every
        yield self._explanation

    def on_mount(self) -> None:
        """Say in the frame what is shown."""
        for each in (self.every, self.outline):
            self.watch(each, "following", self._retitle)
            self.watch(each, "stream", self._retitle)

    @property
    def list(self) -> EventList | OutlineList:
        """The list that is shown: what matters, or every event."""
        return self.every if self.every.display else self.outline

    def on_resize(self, event: events.Resize) -> None:
        """Another width has room for other words in the frame."""
        self._retitle()

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
        self.every.elsewhere = self.outline.elsewhere = number

    def show(self, changed: Set[int]) -> None:
        """Take up what has been appended to the past, and whether all of it is wanted."""
        if self._view.every_event != self.every.display:
            self._turn()
        self.list.show(changed)
        hint = HINTS[self.every.display, self._view.paused]
        if hint is not self._explanation.hint:
            self._explanation.hint = hint
            self._explanation.refresh()
        self._retitle()

    def _turn(self) -> None:
        """Show the other list: with the same filter, of the same stream, and with the selected event selected."""
        before, after = self.list, self.outline if self.every.display else self.every
        row = self._row_of_selected()
        if before.has_focus:
            self.call_after_refresh(after.focus)
        before.display, after.display = False, True
        after.stream, after.wanted = before.stream, before.wanted
        self.call_after_refresh(self._arrive, after, row)  # it has no size before

    def _arrive(self, after: EventList | OutlineList, row: int | None) -> None:
        """The other list is laid out: it stands where the one before stood."""
        after.sync()
        if row is None:
            after.action_follow()
            return
        after.select(row)
        if after is self.outline:
            self._chosen = self.outline.cursor, row

    @property
    def chosen(self) -> int | None:
        """The `seq` of the event that is selected, or with which the selected line begins."""
        selected = self.list.selected
        event = selected.event if isinstance(selected, SightLine) else selected
        return event.seq if isinstance(event, Event) else None

    def _row_of_selected(self) -> int | None:
        """The row of the past that is selected. Who looks at what matters and has not moved on is where they came
        from.
        """
        selected = self.list.selected
        if isinstance(selected, SightLine):
            chosen = self._chosen
            return chosen[1] if chosen is not None and chosen[0] == self.outline.cursor else selected.row
        return self._view.past.row_at(seq=selected.seq) if isinstance(selected, Event) else None

    @property
    def filter(self) -> FilterBar:
        """The line in which is written which events are shown."""
        return self._filter

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
        what = tr("every event") if self.every.display else tr("what matters")
        of = tr("all streams") if self.stream is None else tr("#{stream} only", stream=self.stream)
        if self._sides is not None:
            of = " ⇄ ".join(f"#{side}" for side in self._sides)
        words = [tr("events"), what, of, *filter(None, (self.list.searched, self._standing()))]
        title = titled(words, self.size.width - 4, least=3)
        event = row.event if isinstance(row, SightLine) else row
        if isinstance(event, Event):
            below = tr("event {seq} of the feed · {t} s", seq=f"{event.seq:,}", t=f"{event.t / 1e9:.6f}")
        else:
            below = tr("v what matters") if self.every.display else tr("v every event · ⏎ unfolds")
            below = spelt(below, ascii_only=in_ascii_only(self.app))
        set_titles(self, title, below)

    def _standing(self) -> str:
        """What the list does by itself: it follows the newest event, or the instant that is looked at."""
        view = self._view
        if not self.list.following:
            return tr("held · f lets go") if view.paused else tr("held · end follows")
        if not view.paused:
            return tr("following")
        if view.playing:
            return tr("playing")
        if not view.moved:
            return tr("paused")
        at = tr("at {instant}", instant=instant_text(view.started, view.now_t))
        return at if view.past_end >= view.past.end else tr("{at} · what is to come is dim", at=at)
