"""What the table marks and says of a stream, and how trouble is ranked."""

from __future__ import annotations

from operator import attrgetter

import pytest
from feeds import SECOND, Clock
from ui_scenes import connection, listener, stalled

from streamscope.diagnosis.links import Links
from streamscope.diagnosis.shapes import Finding, Held, Level, Limit, Sure, Told, Verdict, Word
from streamscope.link.asking import STUCK, Standstill
from streamscope.trace.decode import Decoder
from streamscope.trace.state import RAISED, StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.findings import holds_of
from streamscope.ui.ladder import LIMITED, STALLED, Holds
from streamscope.ui.order import trouble_first
from streamscope.ui.row_words import Overview, for_of, in_room, mark_of, waits_of, what_of
from streamscope.ui.ties import SeenTies

CLOCK = Clock(200.0)
HERE = Vocabulary.here()
KERNEL = {name: number for number, name in HERE.kernel.items()}


def alarm(stream: int, since: int = 5, word: Word = Word.PEER, side: str = "out") -> Finding:
    verdict = Verdict(
        word, Sure.CERTAIN, stream, since, "It takes nothing.", "its window is 0", side=side, rung="kernel"
    )
    return Finding("stalled", Level.ERROR, stream, since, verdict.sentence, (), verdict)


def notice(stream: int, since: int = 5) -> Finding:
    return Finding("high_water", Level.WARNING, stream, since, "The mark is ignored.")


def told(*findings: Finding, held: dict[int, int] | None = None, limited: int = 0) -> Told:
    by_stream = {finding.stream: [finding] for finding in findings}
    holds = {number: Held(by, 5, f"#{number} is held back by #{by}.") for number, by in (held or {}).items()}
    limits = {limited: Limit("peer", 0.93, "Limited by the peer.", "kernel")} if limited else {}
    return Told(findings, by_stream, holds, limits)


@pytest.mark.parametrize(
    ("state", "known", "mark", "what"),
    [
        (connection(7), told(), " ", ""),
        (listener(), told(), "▸", ""),
        (connection(7), told(alarm(7)), "▲", "PEER"),
        (connection(7), told(notice(7)), "△", "high_water"),
        (connection(7), told(alarm(3), held={7: 3}), "⇠", "held by #3"),
        (connection(7), told(limited=7), " ", "limited"),
        (connection(7, closed_t=1), told(), "◦", ""),
        (connection(7, closed_t=1, errors=3, last_error=-104), told(), "✗", "ECONNRESET"),
        (connection(7, errors=2, last_error=RAISED), told(), "✗", "raised"),
        (connection(7, errors=2), told(), "✗", "failed"),
        (connection(7, delayed_error=-98), told(), "✗", "EADDRINUSE"),
        (stalled(7, CLOCK), told(), " ", ""),
        (connection(7, faults="read-stop", injected_t=9), told(), " ", "injected"),
        (connection(7, faults="read-stop", injected_t=9), told(alarm(7, word=Word.INJECTED)), "▲", "injected"),
        (connection(7, injected_t=9), told(), " ", ""),
        (connection(7, injected_t=9, errors=1, last_error=-104), told(), "✗", "injected"),
    ],
)
def test_a_row_has_one_mark_and_one_word_for_what_is_the_matter(
    state: StreamState, known: Told, mark: str, what: str
) -> None:
    overview = Overview(known, HERE)

    assert (mark_of(state, overview).text, what_of(state, overview).text) == (mark, what)


def paired(one: StreamState, two: StreamState) -> Overview:
    """What is known where what comes in at one of these goes out at the other."""
    streams = {one.number: one, two.number: two}
    links = Links(HERE, Decoder.here().layout)
    links.confirm(one.number, two.number, streams)
    return Overview(Told(), HERE, ties=SeenTies(Told(), links, streams, HERE))


@pytest.mark.parametrize(
    ("changes", "mark", "what"),
    [
        ({"closed_t": 50 * SECOND}, "◦", "reset by 8"),
        ({"closed_t": 50 * SECOND, "errors": 2, "last_error": -125}, "◦", "reset by 8"),
        ({"closed_t": 50 * SECOND, "errors": 1, "last_error": -110}, "✗", "ETIMEDOUT"),
        ({"closed_t": 51 * SECOND}, "◦", ""),
        ({}, " ", ""),
    ],
    ids=["at once", "its writes were cancelled", "it has failed itself", "later", "not at all"],
)
def test_what_is_closed_because_its_partner_has_failed_says_so(changes: dict[str, int], mark: str, what: str) -> None:
    failed = connection(8, closed_t=50 * SECOND, errors=1, last_error=-104)
    other = connection(9, **changes)
    known = paired(failed, other)

    assert (mark_of(other, known).text, what_of(other, known).text) == (mark, what)
    assert (mark_of(failed, known).text, what_of(failed, known).text) == ("✗", "ECONNRESET")


def test_where_there_is_little_room_it_is_said_who_it_was() -> None:
    assert in_room("held by #12", 10) == "by #12"
    assert in_room("held by #12", 11) == "held by #12"
    assert in_room("high_water", 6) == "high"


def test_how_long_has_no_seconds_once_it_is_ten_minutes() -> None:
    held = {7: Held(3, CLOCK.t - 634 * SECOND, "")}
    assert for_of(connection(7), Overview(Told(held=held), HERE), CLOCK.t).text == "10m"


def test_the_stream_that_the_engine_is_stuck_in_says_so_whatever_else_is_wrong() -> None:
    stands = Standstill(STUCK, 4.1, stream=7, callback="read_cb", frames=[("a.py", 1, "on_read")])
    overview = Overview(told(alarm(7)), HERE, stands)

    assert mark_of(connection(7), overview).text == "■"
    assert what_of(connection(7), overview).text == "in on_read"
    assert for_of(connection(7), overview, CLOCK.t).text == "4.1s"


@pytest.mark.parametrize(
    ("state", "waits"),
    [
        (connection(7), "0 B  "),
        (connection(7, write_queue_size=1024, kernel={KERNEL["outq"]: 2048, KERNEL["inq"]: 9}), "3.0 KiB ↑"),
        (connection(7, kernel={KERNEL["outq"]: 0, KERNEL["inq"]: 600}), "600 B ↓"),
        (listener(kernel={KERNEL["accept_queue"]: 3}), "3 wait ↓"),
    ],
)
def test_what_waits_is_told_with_its_way(state: StreamState, waits: str) -> None:
    assert waits_of(state, Overview(told(), HERE)).text == waits


def test_for_how_long_is_told_as_far_as_it_is_known() -> None:
    since = CLOCK.t - 31 * SECOND
    assert for_of(connection(7), Overview(told(alarm(7, since)), HERE), CLOCK.t).text == "31s"
    assert for_of(stalled(7, CLOCK), Overview(told(), HERE), CLOCK.t).text == "3.1s"
    assert for_of(connection(7), Overview(told(), HERE), CLOCK.t).text == "–"


def test_trouble_comes_first_the_longest_of_it_with_those_it_holds_back_and_what_is_closed_last() -> None:
    known = told(alarm(5, since=10), alarm(3, since=2), notice(4), held={2: 3, 8: 9})
    states = [connection(number) for number in (1, 2, 3, 4, 5, 8)]
    states += [connection(6, closed_t=5), connection(7, errors=1), connection(10)]
    waits = {1: 500, 10: 900}

    states.sort(key=attrgetter("number"))
    for state in states:
        state.write_queue_size = waits.get(state.number, 0)

    ranked = trouble_first(states, known, HERE)

    assert [state.number for state in ranked] == [3, 2, 5, 4, 8, 7, 10, 1, 6]


def test_the_ladder_is_told_whose_fault_it_is_and_on_which_side() -> None:
    stopped = alarm(7, word=Word.APP, side="in")
    limit = told(limited=7).limited(7)

    assert holds_of([alarm(7)], None, None) == Holds(STALLED, "out", "kernel", "the peer takes nothing")
    assert holds_of([stopped], None, None) == Holds(STALLED, "in", "kernel", "the program has stopped reading")
    assert holds_of([], limit, None) == Holds(LIMITED, "out", "kernel", words="Limited by the peer.")
    assert holds_of([notice(7)], None, None) is None
