"""What the filter language says of events: their own words first, then what their stream was like."""

from __future__ import annotations

import pytest

from streamscope.core import flags as uv
from streamscope.trace.decode import Event
from streamscope.trace.filter import Filter
from streamscope.trace.state import RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary

MS = 1_000_000

STREAM = StreamState(
    7, uv.UV_TCP, uv.READING, peer="192.168.0.9:51514", write_queue_size=100_000,
    write_completed_queue=[RequestState(3, uv.UV_WRITE, 4096, 1024, 2, error=-104)],
)  # fmt: skip


def event(kind: str, fn: str, *, old: int | None = None, new: int | None = None, **fields: int | str) -> Event:
    return Event(1234, 2_600 * MS, 42, 7, kind, fn, old, new, fields)


FLAG = event("flag.set", "uv__read_start", old=0, new=1, flag=uv.READING)
MOD = event("epoll.mod", "uv__io_poll", fd=12, mask=uv.POLLIN | uv.POLLOUT, result=0)
BLOCKED = event("sys.write", "uv__writev", fd=12, asked=4096, result=-11)
RESET = event("sys.read", "uv__read", fd=12, asked=65536, result=-104)
ENDED = event("request.end", "uv__write_callbacks", req=3, status=-104, active_reqs=0)
FINISHED = event("write_completed_queue.push", "uv__write_req_finish", req=3)
SIZE = event("write_queue_size", "uv_write2", old=0, new=100_000)
WANTS = event("io.start", "uv__io_start", old=uv.POLLIN, new=uv.POLLIN | uv.POLLOUT)
WAIT = event("epoll.wait", "uv__io_poll", timeout=250, ready=0)
CALLBACK = event("callback.begin", "uv__read", callback=2, value=-4095)
RAISED = event("callback.error", "excepthook", callback=2, error="ValueError: no")
ADDRESS = event("handle.address", "uv_accept", local="127.0.0.1:7000", peer="10.0.0.1:99")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("stream==7 and flag==READING", FLAG), ("stream==#7", FLAG), ("7", FLAG), ("reading", FLAG),
        ("flag != SHUT", FLAG), ("new == on and old == off", FLAG), ("new == 1", FLAG), ("kind ~ '^flag'", FLAG),
        ("kind==epoll.mod", MOD), ("epoll.mod", MOD), ("mask==IN|OUT", MOD), ("mask has OUT", MOD), ("fd == 12", MOD),
        ("fn == uv__io_poll", MOD), ("uv__io_poll", MOD), ('fn ~ "poll$"', MOD), ("result < 1KiB", MOD), ("io_po", MOD),
        ("seq == 1234", MOD), ("turn == 42", MOD), ("t > 2.5s", MOD), ("t == 2600ms", MOD),
        ('kind == "epoll.mod"', MOD),
        ("result == EAGAIN", BLOCKED), ("result < 0 and not error", BLOCKED), ("asked == 4096", BLOCKED),
        ("error", RESET), ("result == ECONNRESET", RESET), ("error", ENDED), ("status < 0", ENDED), ("error", RAISED),
        ("status == ECONNRESET", ENDED), ("req == 3", ENDED), ("active_reqs == 0", ENDED),
        ("kind == write_queue_size and new > 64KiB", SIZE), ("new == 100000", SIZE),
        ("new has OUT", WANTS), ("old == IN", WANTS), ("new != IN", WANTS), ("timeout == 250ms", WAIT),
        ("timeout < 1s", WAIT), ("value == EOF", CALLBACK), ("callback == read_cb", CALLBACK),
        ('error ~ "^Value"', RAISED), ("no", RAISED), ('peer == "10.0.0.1:99"', ADDRESS), (":99", ADDRESS),
        ("not status < 0", MOD), ("not flag == READING", MOD),
    ],
)  # fmt: skip
def test_an_event_is_found_by_its_own_words(text: str, wanted: Event) -> None:
    assert Filter.parse(text, Vocabulary.here()).of_event(wanted)


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("flag == SHUT", FLAG), ("flag == READING", MOD), ("flag != READING", MOD), ("status < 0", MOD),
        ("status >= 0", MOD), ("status != 0", MOD), ("error", BLOCKED), ("error", MOD), ("error", CALLBACK),
        ("8", MOD), ("51514", MOD), ("mask == OUT", MOD), ("new == on", SIZE), ("new == OUT", SIZE), ("new == on", MOD),
        ("old < 1", MOD), ("kind == epoll.add", MOD), ("timeout == -1ms", WAIT), ("error ~ 'Type'", RAISED),
        ("new == PIPE", FLAG),
    ],
)  # fmt: skip
def test_an_event_is_not_found_by_words_of_others(text: str, event: Event) -> None:
    assert not Filter.parse(text, Vocabulary.here()).of_event(event)


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("wq > 64KiB", MOD), ('peer ~ ":51\\d+"', MOD), ("tcp", MOD), ("flag(READING)", MOD), (":51514", MOD),
        ("mask has OUT and wq > 64KiB", MOD), ('fn=="uv__write_req_finish" and status<0', FINISHED),
        ("bytes == 4096", FINISHED), ("left == 1KiB", FINISHED), ("request == write", FINISHED),
        ("nbufs == 2", FINISHED),
    ],
)  # fmt: skip
def test_what_only_the_state_knows_needs_the_state(text: str, event: Event) -> None:
    query = Filter.parse(text, Vocabulary.here())
    assert query.needs_state
    assert query.of_event(event, STREAM)
    assert not query.of_event(event)


def test_an_events_own_word_comes_before_its_streams() -> None:
    query = Filter.parse('peer == "192.168.0.9:51514"', Vocabulary.here())
    assert query.of_event(MOD, STREAM)
    assert not query.of_event(ADDRESS, STREAM)


def test_a_flag_of_an_event_is_not_a_flag_of_its_stream() -> None:
    assert not Filter.parse("flag == READING", Vocabulary.here()).of_event(MOD, STREAM)
    assert Filter.parse("flag(READING)", Vocabulary.here()).of_event(MOD, STREAM)


def test_words_of_an_event_alone_need_no_state() -> None:
    for text in ("stream==7 and flag==READING", "kind==epoll.mod", "error", "7", "uv__read", "t > 1s", "new has OUT"):
        assert not Filter.parse(text, Vocabulary.here()).needs_state, text


def test_kinds_and_streams_are_narrowed_to_what_can_be_wanted() -> None:
    def kinds(text: str) -> list[str] | None:
        found = Filter.parse(text, Vocabulary.here()).kinds
        return None if found is None else sorted(found)

    assert kinds("flag == READING") == ["flag.clear", "flag.set"]
    assert kinds("kind == epoll.mod and result < 0") == ["epoll.mod"]
    assert kinds("kind == epoll.mod or kind == epoll.add") == ["epoll.add", "epoll.mod"]
    assert kinds("kind == epoll.mod and status == 0") == []
    assert kinds("not kind == epoll.mod") is None
    assert kinds("kind == epoll.mod or tcp") is None
    assert kinds("peer == x") is None
    assert Filter.parse("uv_shutdown or fn == uv__drain", Vocabulary.here()).functions == {"uv_shutdown", "uv__drain"}
    assert Filter.parse("uv_shutdown or error", Vocabulary.here()).functions is None
    assert Filter.parse("uv_shutdown and fn == uv__drain", Vocabulary.here()).functions == frozenset()
    assert Filter.parse("stream==7 and wq > 0", Vocabulary.here()).streams == {7}
    assert Filter.parse("#7 or 8", Vocabulary.here()).streams == {7, 8}
    assert Filter.parse("#7 or tcp", Vocabulary.here()).streams is None


def test_an_event_that_a_hostile_feed_made_up_is_judged_all_the_same() -> None:
    strange = Event(1, 0, 0, 7, "sys.read", "uv__read", None, None, {"result": "text", "flag": "x", "error": 5})
    for text in ("result < 0", "result == EPIPE", "flag == READING", "error", 'error ~ "x"', "new == on", "status < 0"):
        assert Filter.parse(text, Vocabulary.here()).of_event(strange, STREAM) in (True, False)
