"""Which streams need a person's eye: the table's mark, and the order of the wall.

Read from one state alone, so it says what is plain to see (a queue above its mark, an error, a connection that is
held back) and guesses at no causes.
"""

from __future__ import annotations

from typing import NamedTuple

from streamscope.trace.state import RAISED, StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.meters import age_text, bytes_text
from streamscope.ui.peer import pending_count

CALM, WARNING, ERROR = range(3)


class Trouble(NamedTuple):
    """How bad it is (CALM, WARNING or ERROR), the mark that stands for it, and why in a few words."""

    level: int
    mark: str
    why: str


_CALM = Trouble(CALM, " ", "")
_LISTENS = Trouble(CALM, "▸", "listens")
_CLOSED = Trouble(CALM, "×", "closed")


def is_listener(state: StreamState, vocabulary: Vocabulary) -> bool:
    """Whether the stream waits for connections: it holds the callback for them, or has the flag that says so."""
    return bool(state.callbacks & vocabulary.listens or state.flags & vocabulary.listening)


def mark_of(state: StreamState, vocabulary: Vocabulary) -> int:
    """The mark above which a stream's queue should not be, 0 for an engine that has none or cannot know it."""
    return state.high_water if vocabulary.tells("high_water") else 0


def is_above(state: StreamState, vocabulary: Vocabulary) -> bool:
    """Whether more waits in the stream than its mark, as far as there is one."""
    return state.write_queue_size > state.high_water and vocabulary.tells("write_queue_size", "high_water")


def has_failed(state: StreamState, vocabulary: Vocabulary) -> bool:
    """Whether something failed in a stream, as far as its engine can know."""
    return state.errors > 0 and vocabulary.knows("errors")


def failure_text(state: StreamState, vocabulary: Vocabulary) -> str:
    """What failed last in a stream: the errno's name, or that a callback raised."""
    if state.last_error == RAISED:
        return "a callback raised"
    return vocabulary.error_text(state.last_error) if state.last_error < 0 else "a call failed"


def trouble_of(state: StreamState, now_t: int, vocabulary: Vocabulary) -> Trouble:
    """What is plainly wrong with a stream."""
    if state.delayed_error:
        return Trouble(ERROR, "✗", "an error waits to be told")
    if state.closed_t:
        return (
            Trouble(ERROR, "✗", f"closed; {failure_text(state, vocabulary)}")
            if has_failed(state, vocabulary)
            else _CLOSED
        )
    if is_above(state, vocabulary):
        since = f" for {age_text(now_t - state.above_t)}" if state.above_t else ""
        return Trouble(WARNING, "!", f"{bytes_text(state.write_queue_size)} queued, above its mark{since}")
    if is_listener(state, vocabulary):
        if state.accepted_fd >= 0:
            return Trouble(WARNING, "!", "holds an accepted connection and does not listen meanwhile")
        return _LISTENS
    if waiting := pending_count(state):
        return Trouble(
            WARNING, "!", f"{waiting:,} {'descriptor waits' if waiting == 1 else 'descriptors wait'} for uv_accept"
        )
    if state.write_queue and state.flags & vocabulary.flag("SHUTTING"):
        return Trouble(WARNING, "!", "shutdown waits for the queue to drain")
    if has_failed(state, vocabulary):
        return Trouble(ERROR, "✗", failure_text(state, vocabulary))
    return _CALM


def severity(state: StreamState, now_t: int, vocabulary: Vocabulary) -> tuple[int, float, int]:
    """A key by which the most troubled stream sorts highest: first what goes on, then what has failed, then what is
    calm, and what has closed last; among equals how far above its mark it is, then when it last moved bytes.
    """
    level = trouble_of(state, now_t, vocabulary).level
    return (
        -1 if state.closed_t else 2 if level == WARNING else 1 if level == ERROR else 0,
        state.write_queue_size / max(state.high_water, 1),
        max(state.last_read_t, state.last_write_t),
    )
