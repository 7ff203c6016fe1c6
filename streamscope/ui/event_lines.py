"""What one event looks like in the list: when, which stream, which function, what, and from what to what.

Pure: the same event in the same layout gives the same text. Every field has its place and keeps its width, so that rows
that fly past can be read down a column.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec
from rich.cells import cell_len, set_cell_size

from streamscope.core.errors import UV_EAGAIN
from streamscope.language import sentences, tr
from streamscope.trace.contents import Gap
from streamscope.trace.decode import Event
from streamscope.trace.sentence import sentence
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.safe import few_words, fit, visible, whole_words
from streamscope.ui.scale import instant_text

Part = tuple[str, str]
"""Text, and the name of its style; "" for the list's own."""

SECOND = 1_000_000_000
GAP = 2
"""Cells between two fields."""


class EventColumns(msgspec.Struct, frozen=True):
    """How many cells each field has; 0 leaves it out. Without room of its own, what changed follows what was done."""

    turn: int
    clock: int
    stream: int
    function: int
    what: int
    change: int


@lru_cache(maxsize=64)
def layout(width: int, *, with_stream: bool = True) -> EventColumns:
    """The layout for a list of `width` cells; the least important fields go first."""
    turn = 7 if width >= 100 else 0
    clock = 12 if width >= 60 else 6
    stream = (5 if width >= 100 else 4) if with_stream else 0
    function = 20 if width >= 100 else 16 if width >= 60 else 12
    rest = max(width - sum(cells + GAP for cells in (turn, clock, stream, function) if cells), 8)
    if rest < 66:
        return EventColumns(turn, clock, stream, function, rest, 0)
    what = min(rest * 45 // 100, 52)
    return EventColumns(turn, clock, stream, function, what, rest - what - GAP)


def event_parts(event: Event, form: EventColumns, started: float, vocabulary: Vocabulary) -> list[Part]:
    """One event as a row. `started` is the Unix time at which the feed's clock was 0."""
    parts: list[Part] = []
    gap = " " * GAP
    if form.turn:
        parts.append((fit(f"{event.turn}", form.turn, "right") + gap, "muted"))
    parts.append((instant_text(started, event.t)[-form.clock :].rjust(form.clock) + gap, "label"))
    function = form.function
    if form.stream:
        name = f"#{event.stream}" if event.stream else tr("loop")
        more = min(max(cell_len(name) - form.stream, 0), function - 8)  # half a number would be another stream's
        function -= more
        parts.append((fit(name, form.stream + more) + gap, "value" if event.stream else "muted"))
    what, change = (visible(text) for text in sentence(event, vocabulary))
    name, style = visible(event.fn), what_style(event)
    needs = cell_len(what if form.change or not change else change)
    over = max(cell_len(name) - function, 0)
    if over > form.what - needs:  # rather fewer words of the function's name than of what it did
        over, name = 0, whole_words(name, function)
    parts.append((fit(name, function + over) + gap, "label"))
    left = form.what - over
    if form.change:
        short = what if cell_len(what) <= left else few_words(what, left) or what
        return [*parts, (fit(short, left) + gap, style), *change_parts(change, form.change)]
    room = left - cell_len(what) - GAP if what else left
    if what and change and cell_len(change) <= room:
        return [*parts, (what + gap, style), *change_parts(change, room)]
    if change and (not what or " → " in change):  # old and new say most of what was done, too
        return [*parts, *change_parts(change, left)]
    return [*parts, (fit(what if cell_len(what) <= left else few_words(what, left) or what, left), style)]


def change_parts(change: str, width: int) -> list[Part]:
    """`name old → new` with the new value standing out, in at most `width` cells; where room is short, fewer words of
    the name.
    """
    while cell_len(change) > width and " → " in change and " " in change.partition(" → ")[0]:
        change = change.partition(" ")[2]
    length = cell_len(change)
    if length > width:
        change = "…" + set_cell_size(change[::-1], width - 1)[::-1] if " → " in change else fit(change, width)
        length = width
    before, arrow, after = change.rpartition(" → ")
    if not arrow:
        return [(fit(change, width), "")]
    return [(before + arrow, "muted"), (after + " " * (width - length), "value")]


def what_style(event: Event) -> str:
    """A failure looks like one; that the kernel would block is no failure, only its turn to wait."""
    result = event.fields.get("result", event.fields.get("status", 0))
    if event.kind == "callback.error":
        return "error"
    if not isinstance(result, int) or result >= 0 or event.kind == "callback.begin":
        return ""
    return "muted" if result == UV_EAGAIN else "error"


def gap_parts(gap: Gap, width: int) -> list[Part]:
    """A loss, as a line right across the list that cannot be taken for an event."""
    text = f" {_lost(gap)} "
    left = max((width - cell_len(text)) // 2, 0)
    return [(fit("╌" * left + text + "╌" * max(width - left - cell_len(text), 0), width), "error")]


def _lost(gap: Gap) -> str:
    return tr("lost {n} events", n=f"{gap.events:,}")


def row_text(row: Event | Gap, started: float, vocabulary: Vocabulary) -> str:
    """A row for the clipboard: every field, however wide the list is."""
    if isinstance(row, Gap):
        return _lost(row)
    what, change = (visible(text) for text in sentence(row, vocabulary))
    stream = f"#{row.stream}" if row.stream else tr("loop")
    fields = [str(row.turn), instant_text(started, row.t), stream, visible(row.fn), what, change]
    return "  ".join(text for text in fields if text)


def explanation(row: Event | Gap, vocabulary: Vocabulary) -> list[tuple[str, str]]:
    """What a row means, in the words that came with its feed: pairs of a name and a sentence about it."""
    if isinstance(row, Gap):
        return [
            (
                tr("lost"),
                tr("The inspector did not read fast enough, so the engine dropped these events and counted them."),
            ),
            (
                tr("state"),
                tr("It was sent anew after the gap: what the panels show is right, only the past has a hole."),
            ),
        ]
    meaning = vocabulary.kind(row.kind).meaning or tr("This engine tells of an event without saying what it means.")
    function = vocabulary.meaning_of(row.fn) or tr("is a function of the engine.")
    flag = next((flag for flag in vocabulary.flags if flag.bit == row.fields.get("flag")), None)
    if flag is not None and flag.meaning:
        meaning = tr(sentences((tr("{name}: {says}", name=flag.name, says=flag.meaning), meaning)))
    return [(visible(row.kind), visible(meaning, 400)), (visible(row.fn), visible(function, 400))]


def practice(row: Event | Gap, vocabulary: Vocabulary) -> str:
    """What one concludes from an event, or of a flag's from the flag; "" where the feed does not say."""
    if isinstance(row, Gap):
        return ""
    flag = next((flag for flag in vocabulary.flags if flag.bit == row.fields.get("flag")), None)
    return visible((vocabulary.kind(row.kind) if flag is None else flag).practice, 400)
