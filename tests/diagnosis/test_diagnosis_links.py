"""Who feeds whom is seen in the records, joined ones and plain ones, and nothing is guessed."""

from __future__ import annotations

from feeds import joined, record
from patient import READ_CB

from streamscope.core import flags as uv
from streamscope.core.records import Word
from streamscope.diagnosis.links import MOST_FED, WORDS_A_TICK, Links
from streamscope.trace.model import Model
from streamscope.trace.state import StreamState

A, B = 1, 2


def _links() -> tuple[Links, dict[int, StreamState]]:
    model = Model.here()
    streams = {number: StreamState(number) for number in range(1, 200)}
    return Links(model.decoder.vocabulary, model.decoder.layout), streams


def _fed(links: Links, number: int) -> set[int]:
    return set(links.fed_by(StreamState(number)))


def _see(links: Links, streams: dict[int, StreamState], *records: list[Word]) -> None:
    links.see([word for words in records for word in words], streams)


def test_a_write_within_a_read_callback_of_another_stream_is_fed_by_that() -> None:
    links, streams = _links()
    _see(
        links, streams,
        joined("read.again", A, 5, 11, 100), joined("write", B, 1, 100, 12, 1), joined("read.end", A, 6),
        joined("write", 3, 2, 100, 13, 1),
    )  # fmt: skip
    assert _fed(links, A) == {B}
    assert links.is_fed(B, streams)
    assert not links.is_fed(3, streams)  # it was written to from nowhere that anybody saw


def test_plain_records_say_it_too_and_only_reads_that_brought_bytes_do() -> None:
    links, streams = _links()
    for callback, value in ((READ_CB, 100), (READ_CB, -4095), (READ_CB + 1, 0)):
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
    _see(
        links, streams,
        record("callback.begin", A, READ_CB, 5), record("callback.begin", 30, READ_CB + 2, 0),
        joined("write", B, 1, 100, 12, 1), record("callback.end", 30, READ_CB + 2, 6),
        joined("write", 4, 2, 100, 14, 1), record("callback.end", A, READ_CB, 7),
    )  # fmt: skip
    assert _fed(links, A) == {4}


def test_of_very_many_those_stay_in_which_something_waits() -> None:
    links, streams = _links()
    streams[2].write_queue_size = 1
    for number in range(2, 2 + 2 * MOST_FED):
        links.rest()
        _see(links, streams, joined("read", A, 5, 11, 100), joined("write", number, number, 100, 12, 1),
             joined("read.end", A, 6))  # fmt: skip
    fed = _fed(links, A)
    assert len(fed) == MOST_FED
    assert 2 in fed


def test_no_more_than_so_many_words_are_looked_at_between_two_looks() -> None:
    links, streams = _links()
    _see(links, streams, *([joined("read", A, 5, 11, 100), joined("read.end", A, 6)] * WORDS_A_TICK))
    _see(links, streams, joined("read", A, 5, 11, 100), joined("write", B, 1, 100, 12, 1), joined("read.end", A, 6))
    assert not links.wants
    assert _fed(links, A) == set()
    links.rest()
    assert links.wants
