"""Whatever is typed is a filter or a FilterError, and a filter written out says the same."""

from __future__ import annotations

from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from streamscope.core.probe import FUNCTIONS, KINDS
from streamscope.trace.decode import Event
from streamscope.trace.filter import Filter, FilterError, Language, complete, marked
from streamscope.trace.filter.names import PREDICATES
from streamscope.trace.filter.values import BYTES, SETS, TIMES
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

STREAM = StreamState(7, 12, 0x1000, local="127.0.0.1:7000", peer="10.0.0.9:51514")
EVENT = Event(1, 2, 3, 7, "sys.write", "uv__writev", None, None, {"fd": 1, "asked": 2, "result": -11})

_HERE = Language.of(Vocabulary.here())
NAMES, VALUES = _HERE.names, _HERE.values.names
WORDS = [
    *NAMES, *PREDICATES, "and", "or", "not", "has", "(", ")", "!", "==", "!=", "<", ">=", "~", "!~", "|", ",", "->",
    "READING", "IN", "OUT", "tcp", "7", "#7", "64KiB", "1.5s", "-1", "0x10", '"a"', '"a\\"', "'", "on", "EPIPE",
    "epoll.mod", "uv__read", ":80", "[::1]:80", "\x1b", "é", "\ud800",
]  # fmt: skip
ANYTHING = st.text(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


def parsed(text: str) -> Filter | FilterError:
    try:
        return Filter.parse(text, Vocabulary.here())
    except FilterError as error:
        return error


@settings(max_examples=examples(1000))
@given(text=ANYTHING)
def test_parsing_anything_raises_nothing_but_filter_errors(text: str) -> None:
    found = parsed(text)
    if isinstance(found, FilterError):
        assert 0 <= found.start <= found.end <= len(text)
        assert found.message
        assert len(marked(found, text).split("\n")) == 2
        return
    assert Filter.parse(str(found), Vocabulary.here()) == found
    assert found.of_stream(STREAM, 10) in (True, False)
    assert found.of_event(EVENT, STREAM) in (True, False)
    assert found.of_event(EVENT) in (True, False)


@settings(max_examples=examples(500))
@given(text=ANYTHING, cursor=st.integers(-5, 80))
def test_completing_anything_gives_texts_that_fit_where_the_cursor_is(text: str, cursor: int) -> None:
    for offer in complete(text, cursor, Vocabulary.here()):
        assert 0 <= offer.start <= min(max(cursor, 0), len(text)) <= offer.end <= len(text)
        after, place = offer.applied(text)
        assert after[:place].endswith(offer.text)


def values_of(domain: str) -> st.SearchStrategy[str]:
    """Something that can stand on the right of a name of this domain."""
    if domain == "kind":
        return st.sampled_from([kind.name for kind in KINDS]) | st.just('"sys.read"')
    if domain == "function":
        return st.sampled_from(FUNCTIONS) | st.just('"uv__read"')
    if domain == "text":
        return st.text(max_size=5).map(lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'")
    if domain == "any":
        return st.sampled_from(["on", "off", "IN", "READING", "read_cb", "EPIPE", "5", "-1", "3KiB", "2ms", '"x"'])
    if domain == "bytes":
        return st.tuples(st.integers(0, 1 << 40), st.sampled_from(["", *BYTES])).map(lambda pair: f"{pair[0]}{pair[1]}")
    if domain in ("ns", "ms"):
        return st.tuples(st.integers(-5, 1 << 40), st.sampled_from([*TIMES])).map(lambda pair: f"{pair[0]}{pair[1]}")
    numbers = st.integers(-(1 << 40), 1 << 40).map(str)
    if domain in SETS:
        names = st.lists(st.sampled_from(sorted(VALUES[domain])), min_size=1, max_size=4).map("|".join)
        return names | numbers
    return numbers | st.sampled_from(sorted(VALUES[domain])) if domain in VALUES else numbers


def comparisons() -> st.SearchStrategy[str]:
    """A comparison that means something."""

    def beside(name: str) -> st.SearchStrategy[str]:
        domain = NAMES[name].domain
        sign = "has" if domain in SETS else "=="
        return st.tuples(st.sampled_from([sign, "==", "!="]), values_of(domain)).map(lambda p: f"{name} {p[0]} {p[1]}")

    return st.sampled_from(
        [name.name for name in NAMES.values() if name.domain != "bool" and not name.refused]
    ).flatmap(beside)


LEAVES = comparisons() | st.sampled_from(
    ["tcp", "reading", "7", "#8", ":51514", "error", "pending", "epoll.mod", "uv__read", '"wq"', "flag(READING)",
     "armed(IN|OUT)", "holds(read_cb)", 'peer ~ ":51\\d+"', 'fn !~ "^uv__\\w+$"', "wq > high_water"]
)  # fmt: skip
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or ", " "]), inner).map("".join),
        inner.map(lambda text: f"not ({text})"),
        inner.map(lambda text: f"({text})"),
    ),
    max_leaves=12,
)


@settings(max_examples=examples(400))
@given(text=EXPRESSIONS)
def test_a_filter_written_out_parses_to_an_equal_one(text: str) -> None:
    found = Filter.parse(text, Vocabulary.here())
    again = Filter.parse(str(found), Vocabulary.here())
    assert again == found
    assert str(again) == str(found)
    assert hash(again) == hash(found)
    assert again.of_stream(STREAM, 9) is found.of_stream(STREAM, 9)
    assert again.of_event(EVENT, STREAM) is found.of_event(EVENT, STREAM)


@settings(max_examples=examples(300))
@given(text=EXPRESSIONS)
def test_what_a_filter_cannot_want_it_does_not_want(text: str) -> None:
    found = Filter.parse(text, Vocabulary.here())
    narrowed = ((found.streams, EVENT.stream), (found.functions, EVENT.fn))
    if not found.may_want(EVENT.kind) or any(only is not None and own not in only for only, own in narrowed):
        assert not found.of_event(EVENT, STREAM)
    if not found.needs_state:
        assert found.of_event(EVENT, STREAM) is found.of_event(EVENT, None)
