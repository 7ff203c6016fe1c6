"""What streams have moved, and since when something waits, where the engine does not say it."""

from __future__ import annotations

import msgspec
from feeds import SECOND

from streamscope.fleet.moved import AgesSeen, is_paused, moved
from streamscope.observe.aio_kinds import FUNCTIONS, JOINED, KINDS, READING
from streamscope.observe.aio_words import words
from streamscope.trace.model import Model
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import Words

_WORDS = msgspec.convert(words(), Words)
EVERYTHING, STATES = (
    Vocabulary(
        [(kind.name, tuple(name for name, _ in kind.args)) for kind in KINDS],
        list(FUNCTIONS),
        [(j.name, list(j.args), [(site, list(refs)) for site, refs in j.steps]) for j in JOINED],
        each,
    )
    for each in (_WORDS, _WORDS.of_states())
)
CAME, WENT = STATES.kernel_number("bytes_received"), STATES.kernel_number("bytes_acked")


def tcp(number: int = 2, **fields: object) -> StreamState:
    return StreamState(number, type=1, **fields)  # type: ignore[arg-type]


def at(t: int, *streams: StreamState) -> Model:
    found = Model(STATES)
    found.slice(0, LoopState(t=t), list(streams), first=True, last=True)
    return found


def test_who_counts_is_believed_and_else_the_kernel() -> None:
    state = tcp(bytes_in=5, bytes_out=6, kernel={CAME: 70, WENT: 80})

    assert moved(state, EVERYTHING) == (5, 6)
    assert moved(state, STATES) == (70, 80)
    assert moved(tcp(), STATES) is None  # a Unix socket, of which the kernel counts nothing


def test_paused_is_who_has_been_read_from_and_is_not_any_more() -> None:
    came = {CAME: 70, WENT: 0}

    assert is_paused(tcp(kernel=came), STATES)
    assert not is_paused(tcp(kernel=came, flags=READING), STATES)
    assert not is_paused(tcp(kernel=came, closed_t=1), STATES)
    assert not is_paused(tcp(kernel={CAME: 0, WENT: 0}), STATES)
    assert not is_paused(tcp(kernel=came), EVERYTHING)  # which has counted no read


def test_what_waits_has_waited_since_it_was_first_seen_to() -> None:
    ages = AgesSeen(STATES)

    def waits(number: int, t: int) -> StreamState:
        return tcp(number, write_queue=[RequestState(9, 1, bytes=1, left=1, begin_t=t)])

    assert ages.oldest_ns(at(5 * SECOND)) == 0
    assert ages.oldest_ns(at(6 * SECOND, waits(2, 6 * SECOND))) == 0
    assert ages.oldest_ns(at(8 * SECOND, waits(2, 8 * SECOND), waits(3, 8 * SECOND))) == 2 * SECOND
    assert ages.oldest_ns(at(9 * SECOND, waits(3, 9 * SECOND))) == SECOND
    assert ages.oldest_ns(at(10 * SECOND)) == 0

    # an engine that notes when a write began is believed
    assert AgesSeen(EVERYTHING).oldest_ns(at(9 * SECOND, waits(2, 2 * SECOND))) == 7 * SECOND
