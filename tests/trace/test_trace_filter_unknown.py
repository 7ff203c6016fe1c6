"""What nobody can know is neither true nor false; what an engine can never know, and words it has not, are refused."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moon import MOON

from streamscope.core import flags as uv
from streamscope.trace.decode import Event
from streamscope.trace.filter import Filter, FilterError, complete
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

HERE = Vocabulary.here()


def sampler(*unseen: str) -> Vocabulary:
    """An engine with our words that cannot know these fields."""
    words = msgspec.structs.replace(HERE.words, engine="a sampler of libuv 1.51", unseen=list(unseen))
    return Vocabulary(HERE.kinds, HERE.functions, HERE.joined, words)


BLIND = sampler("high_water", "pevents", "write_queue")
STREAM = StreamState(7, type=uv.UV_TCP, flags=uv.READING, name="echo", write_queue_size=900, begin_t=5)
EVENT = Event(1, 9, 3, 7, "sys.write", "uv__writev", None, None, {"fd": 1, "asked": 2, "result": -11})

ATOMS: dict[str, bool | None] = {
    "tcp": True, "reading": True, "wq > 500": True, "flag(READING)": True, "name == echo": True, "age >= 0ns": True,
    "pipe": False, "shut": False, "wq > 5KiB": False, "errors > 0": False, "closing_list": False, "port == 80": False,
    "high_water > 5": None, "armed(OUT)": None, "pevents has IN": None, "queue_age > 1s": None, "wq < high_water": None,
    "write_queue == 0": None, "armed_age > 1ms": None,
}  # fmt: skip
"""Of the stream above, seen by an engine that cannot see three of its fields."""

TREES = st.recursive(
    st.sampled_from(sorted(ATOMS)),
    lambda inner: (
        st.tuples(st.just("not"), inner)
        | st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=12).map(tuple))
    ),
    max_leaves=30,
)


def written(tree: Any) -> str:
    if isinstance(tree, str):
        return tree
    if tree[0] == "not":
        return f"not ({written(tree[1])})"
    return f" {tree[0]} ".join(f"({written(part)})" for part in tree[1])


def slowly(tree: Any) -> bool | None:
    """By trying both for every unknown, one at a time, from the inside out."""
    if isinstance(tree, str):
        return ATOMS[tree]
    if tree[0] == "not":
        inner = slowly(tree[1])
        return None if inner is None else not inner
    over = all if tree[0] == "and" else any
    parts = [slowly(part) for part in tree[1]]
    ways = {over(guess if part is None else part for part in parts) for guess in (True, False)}
    return ways.pop() if len(ways) == 1 else None


@given(tree=TREES)
def test_and_or_and_not_are_kleenes(tree: Any) -> None:
    query = Filter.parse(written(tree), BLIND, HERE)
    expected = slowly(tree)

    assert query.of_stream(STREAM, 10) is expected
    if not {"reading", "shut"} & set(re.findall(r"\w+", written(tree))):  # of an event these ask what it sets
        assert query.of_event(EVENT, STREAM) is expected
    assert Filter.parse(str(query), BLIND, HERE) == query


@given(tree=TREES)
def test_where_everything_is_known_nothing_is_unknown(tree: Any) -> None:
    assert Filter.parse(written(tree), HERE).of_stream(STREAM, 10) in (True, False)


def test_what_an_event_has_not_is_absent_and_not_unknown() -> None:
    seeing = Filter.parse("not status < 0", HERE)
    blind = Filter.parse("not high_water > 5", BLIND, HERE)

    assert seeing.of_event(EVENT, STREAM) is True
    assert blind.of_event(EVENT, STREAM) is None
    assert blind.of_event(EVENT, None) is True  # the loop has no mark, whoever looks


def test_an_argument_that_the_engine_cannot_know_is_unknown_where_an_event_has_it() -> None:
    query = Filter.parse("asked > 5", sampler("asked"), HERE)

    assert query.of_event(EVENT) is None
    assert query.of_event(msgspec.structs.replace(EVENT, fields={})) is False


@pytest.mark.parametrize(
    ("text", "why", "place"),
    [
        ("tcp and high_water > 5", "high_water cannot be known of a sampler of libuv 1.51", (8, 18)),
        ("armed(OUT)", "pevents cannot be known of a sampler of libuv 1.51", (0, 5)),
        ("wq > 1 or queue_age > 1s",
         "queue_age cannot be known of a sampler of libuv 1.51: it does not see write_queue", (10, 19)),
        ("wq > high_water", "high_water cannot be known of a sampler of libuv 1.51", (5, 15)),
    ],
)  # fmt: skip
def test_what_the_engine_can_never_know_is_refused_in_a_sentence(text: str, why: str, place: tuple[int, int]) -> None:
    with pytest.raises(FilterError) as caught:
        Filter.parse(text, BLIND)
    assert (caught.value.message, (caught.value.start, caught.value.end)) == (why, place)
    assert "high_water" not in [offer.text for offer in complete("hi", 2, BLIND)]
    assert "high_water" in [offer.text for offer in complete("hi", 2, HERE)]


def test_durations_are_refused_where_no_event_could_tell_them() -> None:
    with pytest.raises(
        FilterError, match=r"turn_time cannot be known of the moon, lunation 1254: it tells of no epoll\.wait"
    ):
        Filter.parse("turn_time > 1ms", MOON)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('kind == "sys.raed"', '"sys.raed" is not a kind of event; did you mean sys.read?'),
        ("fn == 'uv_new'", '"uv_new" is not a function; did you mean uv_run?'),
        ('flag == "NONE"', '"NONE" is not a flag'),
        ("callback == idel_cb", "idel_cb is not a callback; did you mean idle_cb?"),
    ],
)
def test_words_are_those_of_the_feed_in_quotes_or_not(text: str, why: str) -> None:
    with pytest.raises(FilterError) as caught:
        Filter.parse(text, HERE)
    assert caught.value.message.startswith(why.split(";")[0])


def test_free_text_is_never_checked() -> None:
    for text in ('name == "sys.raed"', "place ~ uv_new", "peer == nobody", '"NONE"', 'kind ~ "^nothing"'):
        Filter.parse(text, HERE)


def test_another_engine_is_asked_in_its_own_words_and_numbers() -> None:
    full = Filter.parse("full and flag(TIDAL)", MOON)

    assert full.of_stream(StreamState(1, flags=MOON.flag("FULL") | MOON.flag("TIDAL")), 0)
    assert not full.of_stream(StreamState(1, flags=MOON.flag("FULL")), 0)
    assert Filter.parse("kind == moon.tide", MOON).kinds == {"moon.tide"}
    with pytest.raises(FilterError, match="READING is not a flag"):
        Filter.parse("flag(READING)", MOON)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("write_queue > 5", "write_queue cannot be known of the moon, lunation 1254"),
        ("armed(WAVE)", "pevents cannot be known of the moon, lunation 1254"),
        ("queue_age > 1s", "queue_age cannot be known of the moon, lunation 1254: it does not see write_queue"),
    ],
)
def test_a_field_that_the_engine_has_not_is_refused_and_absent_beside_one_that_has_it(text: str, why: str) -> None:
    with pytest.raises(FilterError) as caught:
        Filter.parse(text, MOON)
    assert caught.value.message == why
    beside = Filter.parse(f"not ({text})", MOON, HERE)
    assert beside.of_stream(StreamState(7, write_queue_size=900), 10) is True  # nothing there that could be compared


def test_whether_it_failed_is_unknown_of_what_does_not_say_how_it_went() -> None:
    ended = Event(1, 9, 3, 7, "request.end", "sampled", None, None, {"req": 1, "status": 0, "request": 3})
    blind = sampler("status", "errors")

    assert Filter.parse("error", blind).of_event(ended) is None
    assert Filter.parse("not error", blind).of_event(ended) is None
    assert Filter.parse("error", blind).of_event(EVENT) is False  # EAGAIN, which it sees
    assert Filter.parse("error", HERE).of_event(ended) is False


def test_of_several_feeds_a_word_is_refused_only_if_none_has_it() -> None:
    text = "flag(READING) or FULL"
    here, moon = Filter.parse(text, HERE, MOON), Filter.parse(text, MOON, HERE)

    assert here.of_stream(StreamState(1, flags=uv.READING), 0)
    assert not here.of_stream(StreamState(1, flags=MOON.flag("FULL")), 0)
    assert moon.of_stream(StreamState(1, flags=MOON.flag("FULL")), 0)
    assert not moon.of_stream(StreamState(1, flags=uv.READING), 0)
    for vocabulary, other in ((HERE, MOON), (MOON, HERE)):
        with pytest.raises(FilterError, match="CRESCENT is not a flag"):
            Filter.parse("flag(CRESCENT)", vocabulary, other)


@pytest.mark.parametrize(
    "text",
    [
        "mask == WAVE", "mask has WAVE", "flags == FULL", "flag == FULL", "flag(FULL)", "type == sea", "request == ebb",
        "kind == moon.tide", "fn == orbit",
    ],
)  # fmt: skip
def test_nothing_of_a_feed_is_what_only_another_has_a_word_for(text: str) -> None:
    query = Filter.parse(text, HERE, MOON)
    event = Event(1, 1, 1, 1, "epoll.mod", "uv__io_poll", None, None, {"mask": 0, "request": 0})

    assert not query.of_event(event, StreamState(1))
    assert not query.of_stream(StreamState(1, flags=(1 << 40) - 1), 0)
    assert str(query) == text
