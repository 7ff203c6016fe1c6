"""What is plain to see in one state, in the words of its engine: that it listens, is above its mark, has failed.

What is wrong, and why, a diagnosis says (`findings`): it remembers what moved, which no state alone can tell.
"""

from __future__ import annotations

from streamscope.language import N_, tr
from streamscope.trace.state import RAISED, StreamState
from streamscope.trace.vocabulary import Vocabulary

INJECTED = N_("injected")
"""The word for what neither the program nor its peer has done."""


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


def is_injected(state: StreamState, vocabulary: Vocabulary) -> bool:
    """Whether the stream is as somebody who watches has it: under a fault, or closed or failed with one injected."""
    return bool(state.faults) or bool(state.injected_t and (state.closed_t or has_failed(state, vocabulary)))


def failure_text(state: StreamState, vocabulary: Vocabulary) -> str:
    """What failed last in a stream: the errno's name, or that a callback raised."""
    if state.last_error == RAISED:
        return tr("a callback raised")
    return vocabulary.error_text(state.last_error) if state.last_error < 0 else tr("a call failed")
