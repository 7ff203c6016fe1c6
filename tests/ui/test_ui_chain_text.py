"""A chain reads from who suffers to the root, which is in brackets, whichever of its streams is asked about."""

from __future__ import annotations

import pytest
from ui_scenes import connection, listener

from streamscope.diagnosis.chains import Chains
from streamscope.diagnosis.shapes import Finding, Held, Level, Sure, Told, Verdict, Word
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.chain_text import chain_text, chain_through, root_of

HERE = Vocabulary.here()


def stalled(number: int, word: Word = Word.PEER, *, root: int = 0) -> Finding:
    verdict = Verdict(word, Sure.CERTAIN, number, 1, "It takes nothing.", "", root=root or number)
    return Finding("stalled", Level.ERROR, number, 1, verdict.sentence, (), verdict)


def told(held: dict[int, int], *findings: Finding, here: dict[int, int] | None = None) -> Told:
    return Told(
        findings,
        {each.stream: [each] for each in findings},
        {number: Held(by, 1, "") for number, by in held.items()},
        chains=Chains(held, here),
    )


UPSTREAM = connection(3, server=0, peer="127.0.0.1:9901")
STREAMS = {1: listener(), 2: connection(2), 3: UPSTREAM, 4: connection(4), 5: connection(5, server=0)}


def line(known: Told, number: int) -> str:
    return chain_text(known, number, STREAMS, HERE)


@pytest.mark.parametrize("asked", [2, 3])
def test_a_pair_reads_from_the_one_that_is_held_back(asked: int) -> None:
    assert line(told({2: 3}, stalled(3)), asked) == "client #2 ⇠ upstream #3 ⇠ [127.0.0.1:9901]"


def test_of_many_that_are_held_back_one_is_named_and_the_others_are_counted() -> None:
    known = told({2: 3, 4: 3, 5: 3}, stalled(3))
    assert line(known, 3) == "client #2 and 2 others ⇠ upstream #3 ⇠ [127.0.0.1:9901]"


def test_a_chain_goes_on_where_the_other_end_is_in_the_same_process() -> None:
    # given two proxies in one process: what holds the first back is not read by the second
    known = told({2: 5, 4: 3}, stalled(3), here={5: 4})
    text = "client #2 ⇠ upstream #5 = client #4 ⇠ upstream #3 ⇠ [127.0.0.1:9901]"
    assert [line(known, number) for number in (2, 5, 4, 3)] == [text] * 4
    assert chain_through(known, 3).root == 3


def test_a_root_that_is_to_blame_itself_has_nobody_behind_it() -> None:
    assert line(told({2: 3}, stalled(3, Word.APP)), 2) == "client #2 ⇠ upstream #3"


def test_who_waits_for_nobody_is_in_no_chain() -> None:
    assert line(told({}, stalled(3)), 3) == ""
    assert line(told({3: 3}), 3) == ""


def test_streams_that_wait_for_each_other_are_a_ring() -> None:
    known = told({2: 5, 4: 3}, here={5: 4, 3: 2})
    assert line(known, 2).endswith("⇠ …")


def test_a_stream_that_is_gone_is_named_by_its_number() -> None:
    assert line(told({9: 3}, stalled(3)), 3).startswith("#9 ⇠ upstream #3")


def test_what_stands_at_the_end_is_asked_for_where_the_cause_is_there() -> None:
    assert root_of(stalled(3, root=5)) == 5
    assert root_of(stalled(3, Word.LOOP)) == 0
