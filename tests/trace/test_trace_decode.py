"""From words to events: what a record says, whatever version of the engine wrote it, and what is no record."""

from __future__ import annotations

import json

import pytest
from feeds import HERE, at, record

from streamscope.core import flags as uv
from streamscope.core.probe import FUNCTIONS, KINDS
from streamscope.core.records import Word
from streamscope.trace.decode import Decoder, Event, event_as_json
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary


def events(*records: list[Word], place: int = 0, turn: int = 3, t: int = 50) -> list[Event]:
    return list(Decoder.here().events(place, turn, t, [word for words in records for word in words]))


def test_an_event_has_its_place_time_turn_stream_kind_and_function() -> None:
    (event,) = events(record("sys.read", 7, 12, 65536, 64, fn="uv__read"))

    assert event == Event(1, 50, 3, 7, "sys.read", "uv__read", None, None, {"fd": 12, "asked": 65536, "result": 64})


def test_seq_follows_from_the_place_of_the_header_in_the_feed() -> None:
    first, second = events(record("write_queue.push", 1, 9), record("io.feed", 1), place=100)

    assert (first.seq, second.seq) == (100 * 8 + 1, 102 * 8 + 1)


def test_seq_grows_from_batch_to_batch() -> None:
    batch = record("write_queue.push", 1, 9)

    (first,) = events(batch, place=0)
    (second,) = events(batch, place=len(batch))

    assert first.seq < second.seq


def test_a_reading_of_the_clock_holds_for_its_own_event_and_those_that_follow() -> None:
    before, reading, after = events(record("io.feed", 1), at(70), record("io.feed", 1))

    assert (before.t, reading.t, after.t) == (50, 70, 70)


def test_a_turn_holds_for_its_own_event_and_those_that_follow() -> None:
    turn, after = events(record("loop.turn", 0, 4, 99), record("io.feed", 1))

    assert (turn.turn, turn.t, after.turn, after.t) == (4, 99, 4, 99)
    assert turn.fields == {}


def test_a_change_has_old_and_new() -> None:
    (event,) = events(record("write_queue_size", 7, 64, 0))

    assert (event.old, event.new, event.fields) == (64, 0, {})


@pytest.mark.parametrize(("kind", "old", "new"), [("flag.set", 0, 1), ("flag.clear", 1, 0)])
def test_a_flag_goes_between_0_and_1(kind: str, old: int, new: int) -> None:
    (event,) = events(record(kind, 7, uv.READING))

    assert (event.old, event.new, event.fields) == (old, new, {"flag": uv.READING})


def test_every_kind_of_the_catalogue_decodes() -> None:
    records = [[code, *("x" if arg.domain == "text" else 1 for arg in kind.args)] for code, kind in enumerate(KINDS)]

    found = events(*records)

    assert [event.kind for event in found] == [kind.name for kind in KINDS]
    for event, kind in zip(found, KINDS):
        own = {"old", "new", "t", "turn"}
        assert list(event.fields) == [arg.name for arg in kind.args if arg.name not in own]


def test_count_says_how_many_events_there_will_be() -> None:
    words = [*record("io.feed", 1), *record("handle.name", 1, "sink"), *record("sys.read", 1, 12, 10, 10)]

    assert Decoder.here().count(words) == 3
    assert Decoder.here().count([]) == 0


def test_expanding_one_stream_leaves_the_others_out_but_not_their_clock() -> None:
    words = [*record("io.feed", 1), *record("io.feed", 2), *at(70), *record("io.feed", 1), *record("pending.pop", 1)]
    decoder = Decoder.here()

    assert decoder.count_of(words, 1) == 3
    assert [e.t for e in decoder.expand(0, 0, 5, words, stream=1)] == [5, 70, 70]
    assert [e.kind for e in decoder.expand(0, 0, 5, words, stream=1, skip=2)] == ["pending.pop"]


# feeds of other versions


def test_a_feed_of_another_order_of_kinds_is_read_by_its_own_list() -> None:
    decoder = Decoder(Vocabulary([("io.feed", []), ("sys.read", ["fd", "asked", "result"])], ["uv__read"]))

    (event,) = decoder.events(0, 0, 0, [7 << 16 | 1, 12, 100, -11])

    assert (event.kind, event.fn, event.fields) == ("sys.read", "uv__read", {"fd": 12, "asked": 100, "result": -11})


def test_a_kind_that_was_appended_since_decodes_under_the_name_it_came_with() -> None:
    decoder = Decoder(Vocabulary([*HERE, ("tls.handshake", ["fd", "version", "old", "new", "t"])], FUNCTIONS))

    (event,) = decoder.events(0, 0, 0, [7 << 16 | len(HERE), 12, "TLSv1.3", 0, 1, 99])

    assert event.kind == "tls.handshake"
    assert (event.old, event.new, event.t) == (0, 1, 99)
    assert event.fields == {"fd": 12, "version": "TLSv1.3"}


def test_an_argument_that_was_appended_to_a_kind_is_decoded_too() -> None:
    decoder = Decoder(Vocabulary([("sys.read", ["fd", "asked", "result", "flags"])], ["uv__read"]))

    (event,) = decoder.events(0, 0, 0, [7 << 16, 12, 100, 5, "anything"])

    assert event.fields["flags"] == "anything"


def test_a_function_that_the_feed_does_not_name_is_shown_by_its_code() -> None:
    (event,) = Decoder(Vocabulary([("io.feed", [])], [])).events(0, 0, 0, [7 << 16 | 9 << 8])

    assert event.fn == "function_9"


# what is no feed


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([255], "kind 255"),
        (record("write_queue.push", 7, 1)[:-1], "cut off"),
        (record("handle.init", 7, 12, "x")[:-1], "cut off"),
        ([*record("io.feed", 7), *record("sys.read", 7, 1, 2, 3)[:2]], "cut off"),
        (record("write_queue.push", 7, "one"), "wrong type"),
        (["header"], "wrong type"),
        ([None], "wrong type"),
        ([1.5], "wrong type"),
        (record("sys.read", 7, 12, 1.5, 3), "wrong type"),  # type: ignore[arg-type]
        (record("handle.name", 7, 5), "a number where its text"),
        ([*record("handle.name", 7, "x"), *record("write_queue.push", 7, "one")], "wrong type"),
        ([*record("handle.name", 7, "x"), *record("write_queue.push", 7, b"")], "wrong type"),  # type: ignore[arg-type]
    ],
)
def test_words_that_are_no_records_are_refused(words: list[Word], reason: str) -> None:
    with pytest.raises(FeedError, match=reason):
        Decoder.here().count(words)
    with pytest.raises(FeedError, match=reason):
        Decoder.here().events(0, 0, 0, words)


@pytest.mark.parametrize(
    ("kinds", "functions", "reason"),
    [
        ([("io.feed", [])] * 257, [], "longer"),
        ([("io.feed", [])], ["uv_run"] * 257, "longer"),
        ([("\x1b[2J", [])], [], "a name that is none"),
        ([("io.feed", [""])], [], "a name that is none"),
        ([("io.feed", [])], ["uv\nrun"], "a name that is none"),
        ([("k" * 65, [])], [], "a name that is none"),
        ([("io.feed", ["a", "a"])], [], "twice"),
        ([("io.feed", ["seq"])], [], "every event's own"),
        ([("io.feed", [f"a{i}" for i in range(33)])], [], "too many arguments"),
    ],
)
def test_a_catalogue_that_cannot_be_is_refused(
    kinds: list[tuple[str, list[str]]], functions: list[str], reason: str
) -> None:
    with pytest.raises(FeedError, match=reason) as refused:
        Decoder(Vocabulary(kinds, functions))
    assert str(refused.value).isprintable()


# JSON


def as_json(words: list[Word]) -> dict[str, object]:
    (event,) = events(words)
    out = event_as_json(event, Vocabulary.here())
    assert json.loads(json.dumps(out)) == out
    return {key: value for key, value in out.items() if key not in ("seq", "t", "turn", "stream", "kind", "fn")}


def test_json_begins_with_the_keys_that_every_event_has() -> None:
    (event,) = events(record("io.feed", 7))

    assert list(event_as_json(event, Vocabulary.here()).items()) == [
        ("seq", 1), ("t", 50), ("turn", 3), ("stream", 7), ("kind", "io.feed"), ("fn", "uv__io_feed"),
        ("old", None), ("new", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (record("flag.set", 7, uv.READING), {"old": "off", "new": "on", "flag": "READING"}),
        (record("flag.clear", 7, uv.READ_PARTIAL), {"old": "on", "new": "off", "flag": "READ_PARTIAL"}),
        (record("io.start", 7, uv.POLLIN, uv.POLLIN | uv.POLLOUT), {"old": "IN", "new": "IN|OUT"}),
        (record("io.events", 7, uv.POLLIN, 0), {"old": "IN", "new": ""}),
        (record("callbacks", 7, 0, 0b110), {"old": "", "new": "alloc_cb|read_cb"}),
        (record("write_queue_size", 7, 64, 0), {"old": 64, "new": 0}),
        (
            record("delayed_error", 7, 0, -111),
            {"old": 0, "new": -111, "new_name": "ECONNREFUSED"},
        ),
        (
            record("sys.read", 7, 12, 64, -104),
            {"old": None, "new": None, "fd": 12, "asked": 64, "result": -104, "result_name": "ECONNRESET"},
        ),
        (
            record("callback.begin", 7, 2, -4095),
            {"old": None, "new": None, "callback": "read_cb", "value": -4095, "value_name": "EOF"},
        ),
        (record("handle.init", 7, 12, "a.py:1 f"), {"old": None, "new": None, "type": "tcp", "place": "a.py:1 f"}),
        (
            record("request.begin", 7, 5, uv.UV_WRITE, 64, 1, 2),
            {"old": None, "new": None, "req": 5, "request": "write", "bytes": 64, "nbufs": 1, "active_reqs": 2},
        ),
        (record("epoll.event", 7, 0x40 | uv.POLLIN, 9), {"old": None, "new": None, "mask": "IN|0x40"}),
    ],
)
def test_json_names_what_has_names(words: list[Word], expected: dict[str, object]) -> None:
    assert as_json(words) == expected
