"""Who feeds whom is told, or seen in the records, joined ones and plain ones, and nothing is guessed."""

from __future__ import annotations

import msgspec
import pytest
from feeds import joined, record
from patient import READ_CB, WRITE_CB

from streamscope.core import flags as uv
from streamscope.core.records import Word
from streamscope.diagnosis.groups import MOST_PARTNERS
from streamscope.diagnosis.links import MOST_FED, WORDS_A_TICK, Links, Partner
from streamscope.observe import aio_kinds, aio_words
from streamscope.trace.model import Model
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import Words

A, B = 1, 2


def _links() -> tuple[Links, dict[int, StreamState]]:
    model = Model.here()
    streams = {number: StreamState(number) for number in range(1, 200)}
    return Links(model.decoder.vocabulary, model.decoder.layout), streams


def _fed(links: Links, number: int) -> set[int]:
    return set(links.fed_by(StreamState(number)))


def _see(links: Links, streams: dict[int, StreamState], *records: list[Word]) -> None:
    links.see([word for words in records for word in words], streams)


def _carries(source: int, *sinks: int) -> list[list[Word]]:
    """What is read is written to these, in one callback."""
    return [
        joined("read.again", source, 5, 11, 100),
        *(joined("write", sink, 1, 100, 12, 1) for sink in sinks),
        joined("read.end", source, 6),
    ]


def test_writes_within_read_callbacks_of_another_stream_are_fed_by_that() -> None:
    links, streams = _links()
    for _ in range(2):
        _see(links, streams, *_carries(A, B), joined("write", 3, 2, 100, 13, 1))
    assert _fed(links, A) == {B}
    assert links.is_fed(B, streams)
    assert not links.is_fed(3, streams)  # it was written to from nowhere that anybody saw
    assert links.partners(A) == [Partner(B, is_fed=True, feeds=False, why="what is read here is written there")]
    assert links.partners(B) == [Partner(A, is_fed=False, feeds=True, why="what is read here is written there")]


def test_what_is_written_once_makes_no_pair_however_many_pieces_it_has() -> None:
    links, streams = _links()
    _see(links, streams, *_carries(A, B, B, B))
    assert _fed(links, A) == set()
    assert links.partners(A) == []


def test_an_echo_feeds_itself_and_is_nobodys_partner() -> None:
    links, streams = _links()
    for _ in range(2):
        _see(links, streams, *_carries(A, A), joined("answer", B, 5, 11, 100, 1, 100, 1, 6))
    assert (_fed(links, A), _fed(links, B)) == ({A}, {B})
    assert (links.partners(A), links.partners(B)) == ([], [])
    assert links.group(A) is None


def test_both_ways_make_one_pair() -> None:
    links, streams = _links()
    for _ in range(2):
        _see(links, streams, *_carries(A, B), *_carries(B, A))
    [partner] = links.partners(A)
    assert (partner.number, partner.is_fed, partner.feeds) == (B, True, True)


def test_to_be_read_again_within_the_write_callback_of_another_is_what_a_stream_waits_for() -> None:
    links, streams = _links()
    _see(
        links, streams,
        record("callback.begin", B, WRITE_CB, 0),
        record("flag.set", A, uv.READABLE), record("flag.set", A, uv.READING),
        record("callback.end", B, WRITE_CB, 7),
        record("callback.begin", B, READ_CB, 5), record("flag.set", 3, uv.READING),
        record("callback.end", B, READ_CB, 8), record("flag.set", 4, uv.READING),
    )  # fmt: skip
    assert links.partners(A) == [
        Partner(B, is_fed=True, feeds=False, why="it is read again when what was written there is done")
    ]
    assert [partner.number for partner in links.partners(B)] == [A]


def test_plain_records_say_it_too_and_only_reads_that_brought_bytes_do() -> None:
    links, streams = _links()
    for callback, value in ((READ_CB, 100), (READ_CB, -4095), (READ_CB + 1, 0)) * 2:
        _see(
            links, streams,
            record("callback.begin", A, callback, value),
            record("request.begin", B + value % 7, 9, uv.UV_WRITE, 100, 1, 1),
            record("request.begin", 50, 10, uv.UV_CONNECT, 0, 0, 1),
            record("callback.end", A, callback, 7),
        )  # fmt: skip
    assert _fed(links, A) == {B + 100 % 7}


def test_a_callback_within_a_callback_is_not_the_outer_one() -> None:
    links, streams = _links()
    for _ in range(2):
        _see(
            links, streams,
            record("callback.begin", A, READ_CB, 5), record("callback.begin", 30, READ_CB + 2, 0),
            joined("write", B, 1, 100, 12, 1), record("callback.end", 30, READ_CB + 2, 6),
            joined("write", 4, 2, 100, 14, 1), record("callback.end", A, READ_CB, 7),
        )  # fmt: skip
    assert _fed(links, A) == {4}


def test_what_the_program_says_is_a_pair_at_once_with_its_own_words_made_harmless() -> None:
    links, streams = _links()
    streams[A].feeds = {B: "a queue\x1b[2J"}
    links.heed(streams[A], streams)
    [partner] = links.partners(B)
    assert (partner.number, partner.feeds) == (A, True)
    assert partner.why.startswith("a queue")
    assert "\x1b" not in partner.why
    assert links.is_fed(B, streams)
    assert set(links.fed_by(streams[A])) == {B}


def test_when_the_program_says_that_it_feeds_it_no_more_they_are_partners_no_more() -> None:
    links, streams = _links()
    streams[A].feeds = {B: "a queue", 3: "a queue"}
    links.heed(streams[A], streams)
    streams[A].feeds = {3: "a queue"}
    links.heed(streams[A], streams)
    assert [partner.number for partner in links.partners(A)] == [3]
    assert links.partners(B) == []
    streams[A].feeds = None
    links.heed(streams[A], streams)
    assert links.partners(A) == []
    assert not links.was_told(A)


def test_of_very_many_those_stay_in_which_something_waits() -> None:
    links, streams = _links()
    streams[2].write_queue_size = 1
    for number in range(2, 2 + 2 * MOST_FED):
        links.rest()
        _see(links, streams, *_carries(A, number), *_carries(A, number))
    fed = _fed(links, A)
    assert len(fed) == MOST_FED
    assert 2 in fed


def test_no_more_than_so_many_words_are_looked_at_between_two_looks() -> None:
    links, streams = _links()
    _see(links, streams, *([joined("read", A, 5, 11, 100), joined("read.end", A, 6)] * WORDS_A_TICK))
    _see(links, streams, *_carries(A, B), *_carries(A, B))
    assert not links.wants
    assert _fed(links, A) == set()
    links.rest()
    assert links.wants


# groups


def test_a_callback_that_writes_to_more_than_four_makes_a_hub_and_its_members() -> None:
    links, streams = _links()
    _see(links, streams, *_carries(A, *range(2, 2 + MOST_PARTNERS + 1)))
    group = links.group(4)
    assert group is not None
    assert group is links.group(A)
    assert (group.hub, list(group.members)) == (A, [2, 3, 4, 5, 6])
    assert links.partners(A) == []
    assert 5 in links.heard_from(A)
    assert links.is_fed(5, streams)


def test_four_are_four_pairs() -> None:
    links, streams = _links()
    for _ in range(2):
        _see(links, streams, *_carries(A, *range(2, 2 + MOST_PARTNERS)))
    assert links.group(A) is None
    assert [partner.number for partner in links.partners(A)] == [2, 3, 4, 5]


def test_members_who_speak_in_their_turn_are_one_group_with_one_hub() -> None:
    links, streams = _links()
    room = set(range(1, 7))
    for speaker in (1, 2, 3, 7):
        _see(links, streams, *_carries(speaker, *(room | {7}) - {speaker}))
    group = links.group(A)
    assert group is not None
    assert (group.hub, set(group.members)) == (A, {2, 3, 4, 5, 6, 7})
    assert set(group.speakers) == {1, 2, 3, 7}
    assert all(links.group(number) is group for number in range(1, 8))


def test_two_rooms_are_two_groups() -> None:
    links, streams = _links()
    _see(links, streams, *_carries(1, 2, 3, 4, 5, 6), *_carries(11, 12, 13, 14, 15, 16))
    one, other = links.group(2), links.group(12)
    assert one is not None
    assert other is not None
    assert (one.hub, other.hub) == (1, 11)


def test_once_the_hub_is_gone_who_speaks_next_is_it() -> None:
    links, streams = _links()
    _see(links, streams, *_carries(1, 2, 3, 4, 5, 6, 7))
    streams[1].closed_t = 9
    _see(links, streams, *_carries(2, 3, 4, 5, 6, 7))
    group = links.group(3)
    assert group is not None
    assert (group.hub, set(group.members)) == (2, {3, 4, 5, 6, 7})
    assert links.group(1) is None


def test_members_that_are_gone_are_let_go_of_in_time() -> None:
    links, streams = _links()
    for first in range(2, 190, 5):
        links.rest()
        _see(links, streams, *_carries(1, *range(first, first + 5)))
        for gone in range(first, first + 5):
            streams[gone].closed_t = 9
    group = links.group(1)
    assert group is not None
    assert len(group.members) < 80


def test_what_many_are_written_to_is_a_hub_too_and_members_that_came_one_after_the_other_are_not_many() -> None:
    links, streams = _links()
    for client in range(2, 12):
        _see(links, streams, *_carries(client, 1), *_carries(client, 1))
        streams[client].closed_t = 9
    assert links.group(1) is None  # one at a time had the upstream for itself

    for client in range(20, 25):
        _see(links, streams, *_carries(client, 1), *_carries(client, 1))
    group = links.group(1)
    assert group is not None
    assert (group.hub, set(group.members)) == (1, set(range(20, 25)))
    assert not group.speakers
    assert set(links.fed_by(streams[20])) == {1}


@pytest.mark.parametrize("count", [4, 5])
def test_what_the_program_says_of_more_than_four_makes_a_group_too(count: int) -> None:
    links, streams = _links()
    streams[A].feeds = dict.fromkeys(range(2, 2 + count), "a topic")
    links.heed(streams[A], streams)
    assert (links.group(A) is None) is (count == 4)
    assert len(links.partners(A)) == (count if count == 4 else 0)


def test_an_engine_that_cannot_know_it_has_no_links() -> None:
    from moon import MOON

    links = Links(MOON, Model(MOON).decoder.layout)
    assert not links.can_be_known
    assert not links.wants


def test_of_an_asyncio_program_it_is_seen_in_its_own_words() -> None:
    vocabulary = Vocabulary(
        [(kind.name, tuple(name for name, _ in kind.args)) for kind in aio_kinds.KINDS], aio_kinds.FUNCTIONS,
        [(j.name, list(j.args), [(site, list(refs)) for site, refs in j.steps]) for j in aio_kinds.JOINED],
        msgspec.convert(aio_words.words(), Words),
    )  # fmt: skip
    links = Links(vocabulary, Model(vocabulary).decoder.layout)
    streams = {number: StreamState(number) for number in range(1, 9)}
    data, resume = aio_kinds.CB_DATA, aio_kinds.CB_RESUME

    def told(kind: str, stream: int, *words: Word) -> list[Word]:
        function = next(each.functions[0] for each in aio_kinds.KINDS if each.name == kind)
        return [stream << 16 | aio_kinds.told_by(kind, function), *words]

    for _ in range(2):
        _see(links, streams, told("callback.begin", A, data, 100), told("request.begin", B, 1, 1, 100, 1, 1),
             told("callback.end", A, data, 7))  # fmt: skip
    _see(links, streams, told("callback.begin", 4, resume, 0), told("flag.set", 3, aio_kinds.READING),
         told("callback.end", 4, resume, 8))  # fmt: skip

    assert [partner.number for partner in links.partners(A)] == [B]
    assert [partner.number for partner in links.partners(3)] == [4]
