"""What a row says of a stream, beside numbers: its mark, what waits and for how long, and in a word what is the matter.

The same words head its panel. What an engine that does not come round says last stands still; of the stream that it is
stuck in, and of those who wait to be accepted, more is known.
"""

from __future__ import annotations

from typing import NamedTuple

from rich.cells import cell_len

from streamscope.core.errors import UV_ECANCELED
from streamscope.diagnosis.lints.reset_after_data import RESETS
from streamscope.diagnosis.shapes import Level, Told
from streamscope.language import N_, tr
from streamscope.link.asking import Standstill
from streamscope.trace.fold import AGREED, EXACT, MOVING
from streamscope.trace.state import RAISED, StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.findings import ALARM, HELD, NOTICE, PENS
from streamscope.ui.ladder import BEFORE_QUEUE, kernel_says, program_says
from streamscope.ui.meters import NONE, age_text, bytes_text, count_text
from streamscope.ui.plain import INJECTED, failure_text, has_failed, is_above, is_injected, is_listener
from streamscope.ui.safe import visible, whole_words
from streamscope.ui.stuck import MARK, word_of_row
from streamscope.ui.ties import SeenTies

FAILED, LISTENS, CLOSED, UNSEEN, CALM = "✗", "▸", "◦", "–", " "

SIGNS = {EXACT: "=", AGREED: "≈", MOVING: "?"}
"""How sure is what was seen by looking from outside."""

FOR_WIDTH = 6
"""Cells for how long something has been so: from ten minutes on, the seconds are left out."""
TOGETHER_NS = 100_000_000
"""What closes within so many nanoseconds of what has failed goes with it."""


class Cell(NamedTuple):
    """What stands in a cell of a row, and the pen it is written with ("" for the row's own)."""

    text: str
    pen: str = ""


class Overview(NamedTuple):
    """What is known beyond a stream's own state."""

    told: Told
    vocabulary: Vocabulary
    standstill: Standstill | None = None  # only in the present
    accepting: int = 0  # clients that wait in the kernel for the one listener, while nothing is accepted
    ties: SeenTies | None = None  # who goes with whom

    def accepts(self, state: StreamState) -> bool:
        """Whether clients wait for this one."""
        return bool(self.accepting) and is_listener(state, self.vocabulary)

    def is_stuck_in(self, number: int) -> bool:
        """Whether the engine does not come round because of this stream."""
        return self.standstill is not None and self.standstill.stream == number


_NOTHING, _CALM, _NO_AGE, _NO_BYTES = Cell(""), Cell(CALM, "muted"), Cell(NONE, "muted"), Cell("0 B  ", "muted")
NOT_ACCEPTED = N_("not accepted")
_SHORTER = {NOT_ACCEPTED: N_("unaccepted")}
"""Words that would say the contrary without the last of them."""


def _is_calm(state: StreamState, known: Overview) -> bool:
    """Whether there is nothing to say of a stream, as of nearly all: ten thousand are drawn in no time."""
    told = known.told
    return not (
        state.errors or state.delayed_error or state.closed_t or known.standstill
        or state.number in told.by_stream or state.number in told.held or state.injected_t
    )  # fmt: skip


def mark_of(state: StreamState, known: Overview) -> Cell:
    """The first cell of a row, and of its panel's head."""
    if _is_calm(state, known):
        return Cell(LISTENS, "muted") if is_listener(state, known.vocabulary) else _CALM
    found = known.told.of(state.number)
    if known.is_stuck_in(state.number):
        return Cell(MARK, "error")
    if found and not state.closed_t:
        sign = ALARM if found[0].level is Level.ERROR else NOTICE
        return Cell(sign, PENS[sign])
    if state.number in known.told.held:
        return Cell(HELD, PENS[HELD])
    if state.closed_t and gone_with(state, known):
        return Cell(CLOSED, "muted")
    if state.delayed_error or has_failed(state, known.vocabulary):
        return Cell(FAILED, "error")
    if state.closed_t:
        return Cell(CLOSED, "muted")
    return Cell(LISTENS if is_listener(state, known.vocabulary) else CALM, "muted")


def what_of(state: StreamState, known: Overview, room: int = 40) -> Cell:
    """The word: a verdict's, who holds it back, a lint's name, an errno, what sets its pace; "" for nothing."""
    if _is_calm(state, known):
        return Cell(tr("limited"), "muted") if state.number in known.told.limits else _NOTHING
    stands, found = known.standstill, known.told.of(state.number)
    if stands is not None and stands.stream == state.number:
        return Cell(word_of_row(stands, room).rstrip(), "error")
    if is_injected(state, known.vocabulary):
        return Cell(tr(INJECTED), "warning")
    if known.accepts(state):
        return Cell(tr(NOT_ACCEPTED), "error")
    if found and not state.closed_t:
        return Cell(found[0].what, "error" if found[0].level is Level.ERROR else "warning")
    held = known.told.held.get(state.number)
    if held is not None:
        itself = held.by == state.number
        return Cell(tr("held by itself") if itself else tr("held by #{number}", number=held.by), PENS[HELD])
    if state.closed_t and (gone := gone_with(state, known)):
        return Cell(gone, "muted")
    if state.delayed_error:
        return Cell(visible(known.vocabulary.error_text(state.delayed_error), 40), "error")
    if has_failed(state, known.vocabulary):
        short = {0: N_("failed"), RAISED: N_("raised")}.get(state.last_error, "")
        return Cell(tr(short) or visible(failure_text(state, known.vocabulary), 40), "error")
    return Cell(tr("limited"), "muted") if known.told.limited(state.number) is not None else _NOTHING


def gone_with(state: StreamState, known: Overview) -> str:
    """`reset by 8`: it was closed as soon as the one that it makes a pair with had failed, and nothing else is the
    matter; "" if that is not so.
    """
    own = has_failed(state, known.vocabulary) and state.last_error != UV_ECANCELED
    if known.ties is None or own or state.delayed_error:
        return ""
    for other in known.ties.states(state.number):
        failed = has_failed(other, known.vocabulary) and other.last_error != UV_ECANCELED
        if failed and other.closed_t and abs(state.closed_t - other.closed_t) <= TOGETHER_NS:
            message = N_("reset by {number}") if other.last_error in RESETS else N_("closed by {number}")
            return tr(message, number=other.number)
    return ""


def in_room(text: str, room: int) -> str:
    """The word in so many cells: who it was rather than what, `by #12`, and else as many whole words as fit."""
    if cell_len(text) <= room:
        return text
    if " by " in text:
        return text[text.index("by ") :]
    return whole_words(_SHORTER.get(text, text), room)


def waiting(state: StreamState, vocabulary: Vocabulary) -> tuple[int | None, str]:
    """How many bytes wait to go out, in the queue (and before it, where the program says so) and in the kernel, or else
    to be read, and which way; None where nobody knows.
    """
    queued = max(state.write_queue_size, program_says(state, vocabulary, BEFORE_QUEUE) or 0)
    out = queued + (kernel_says(state, vocabulary, "outq") or 0)
    if out:
        return out, "↑"
    unread = kernel_says(state, vocabulary, "inq") or 0
    if unread:
        return unread, "↓"
    return (0 if vocabulary.tells("write_queue_size") or state.kernel else None), " "


def waits_of(state: StreamState, known: Overview) -> Cell:
    """`3.4 MiB ↑`; of a listener, who waits to be accepted."""
    if not state.write_queue_size and not state.kernel and not known.accepting:
        return _NO_BYTES if known.vocabulary.tells("write_queue_size") else Cell(f"{NONE}  ", "muted")
    if known.accepts(state):
        return Cell(tr("{n} wait ↓", n=count_text(known.accepting)), "error")
    queued = kernel_says(state, known.vocabulary, "accept_queue")
    if queued:
        return Cell(tr("{n} wait ↓", n=count_text(queued)))
    size, way = waiting(state, known.vocabulary)
    if size is None:
        return Cell(f"{NONE}  ", "muted")
    pen = "warning" if is_above(state, known.vocabulary) else "" if size else "muted"
    return Cell(f"{bytes_text(size)} {way}", pen)


def since_of(state: StreamState, told: Told) -> int:
    """Since when what waits has waited, or what is wrong has been so; 0 where neither is known."""
    found = told.of(state.number)
    if found and not state.closed_t:
        return found[0].since
    held = told.held.get(state.number)
    if held is not None:
        return held.since
    return state.write_queue[0].begin_t if state.write_queue else 0


def for_of(state: StreamState, known: Overview, now_t: int) -> Cell:
    """For how long."""
    stands = known.standstill
    if stands is not None and stands.stream == state.number:
        return Cell(_short_age(int(stands.seconds * 1e9)), "error")
    since = since_of(state, known.told)
    return Cell(_short_age(now_t - since)) if since else _NO_AGE


def _short_age(ns: int) -> str:
    text = age_text(ns)
    return text if len(text) <= FOR_WIDTH else text.partition(" ")[0]
