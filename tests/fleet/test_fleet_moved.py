"""What streams have moved, and since when something waits, where the engine does not say it."""

from __future__ import annotations

import msgspec
from feeds import SECOND

from streamscope.fleet.moved import AgesSeen, MovedRates, MovedSum, is_paused, moved
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
ACKED, OUTQ = STATES.kernel_number("bytes_acked"), STATES.kernel_number("outq")
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


def test_of_what_was_seen_to_wait_something_does_until_the_kernel_has_taken_as_much() -> None:
    ages = AgesSeen(STATES)

    def waits(number: int, size: int, *, acked: int, outq: int = 100) -> StreamState:
        requests = [RequestState(9, 1, bytes=size, left=size)]
        return tcp(number, write_queue=requests, write_queue_size=size, kernel={ACKED: acked, OUTQ: outq})

    assert ages.oldest_ns(at(5 * SECOND)) == 0
    assert ages.oldest_ns(at(6 * SECOND, waits(2, 50, acked=0))) == 0
    assert ages.oldest_ns(at(8 * SECOND, waits(2, 50, acked=49), waits(3, 9, acked=0))) == 2 * SECOND
    assert ages.oldest_ns(at(9 * SECOND, waits(2, 50, acked=50), waits(3, 9, acked=0))) == SECOND  # 2 is another now
    assert ages.oldest_ns(at(10 * SECOND, waits(2, 50, acked=0, outq=150))) == SECOND
    assert ages.oldest_ns(at(11 * SECOND)) == 0

    # where the kernel does not say what it took, as of a Unix socket, nobody knows
    assert ages.oldest_ns(at(12 * SECOND, tcp(2, write_queue=[RequestState(9, 1, bytes=1, left=1)]))) is None

    # an engine that notes when a write began is believed
    begun = tcp(2, write_queue=[RequestState(9, 1, bytes=1, left=1, begin_t=2 * SECOND)])
    assert AgesSeen(EVERYTHING).oldest_ns(at(9 * SECOND, begun)) == 7 * SECOND


def counted(number: int, t: int, came: int, went: int) -> StreamState:
    return tcp(number, kernel={CAME: came, WENT: went}, kernel_t=t)


def test_a_rate_is_of_each_streams_own_two_states() -> None:
    rates = MovedRates(STATES)

    def look(t: int, *streams: StreamState) -> tuple[float | None, float | None]:
        return rates.look(at(t, *streams), t)

    assert look(SECOND, counted(2, SECOND, 0, 0), counted(3, SECOND, 500, 0)) == (None, None)
    # half of a round has come: of the other stream what was known stays unknown, and then stays as it was
    assert look(3 * SECOND, counted(2, 3 * SECOND, 200, 20), counted(3, SECOND, 500, 0)) == (100, 10)
    assert look(5 * SECOND, counted(2, 3 * SECOND, 200, 20), counted(3, 5 * SECOND, 900, 0)) == (200, 10)
    # one that has come since the look before has moved all of it since
    new = counted(4, 6 * SECOND, 0, 50)
    assert look(6 * SECOND, counted(2, 3 * SECOND, 200, 20), counted(3, 6 * SECOND, 900, 0), new) == (100, 60)
    # where nothing is connected, nobody counts
    assert look(7 * SECOND) == (None, None)


def test_connections_that_come_and_go_one_after_the_other_are_all_in_the_sum() -> None:
    sum_ = MovedSum(STATES)
    for streams in ((), (counted(2, 0, 10, 100),), (), (counted(3, 0, 20, 200),), ()):
        sum_.look(at(SECOND, *streams))

    assert sum_.sums == (30, 300)

    # what had moved before it was watched is not
    late = MovedSum(STATES)
    assert late.sums is None
    late.look(at(SECOND, counted(2, 0, 10, 100)))
    late.look(at(SECOND, counted(2, 0, 15, 100)))
    assert late.sums == (5, 0)
