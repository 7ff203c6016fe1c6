"""From a tree to the two questions that a filter answers: whether it wants a stream, and whether it wants an event.

A comparison about something that is not there does not hold, whichever way it compares: an event without a status has
none below 0, and none above. `not status < 0` wants such an event.

What nobody can know is another matter: a comparison with it is unknown (None), and so is its opposite. `and`, `or` and
`not` are Kleene's: unknown unless it comes out the same whichever way it is. Where nothing can be unknown, which is
nearly everywhere, the tests are those of two values and cost no more.

Nothing that a feed can hold raises: values are checked before they are compared.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from operator import attrgetter
from typing import Any, TypeAlias

from streamscope.trace.decode import Event
from streamscope.trace.event_effects import failed
from streamscope.trace.filter.names import EDGES, UNKNOWN, Name, request_of
from streamscope.trace.filter.pattern import Pattern
from streamscope.trace.filter.reach import OUTCOMES, may_fail, outcome_of
from streamscope.trace.filter.tree import And, BareWord, Compare, Node, Not, Or, Predicate, leaves
from streamscope.trace.filter.values import Constant
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

StreamTest: TypeAlias = Callable[[StreamState, int], bool | None]
"""Whether it is so; None for unknown."""
EventTest: TypeAlias = Callable[[Event, StreamState | None], bool | None]
Test: TypeAlias = Callable[[Any, Any], bool | None]
Holds: TypeAlias = Callable[[Any], bool | None]
"""Whether a value, which may be None, is as a comparison wants it."""

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_MS = 1_000_000
_REMEMBERED = 5_000
_FEW = 8


def stream_test(node: Node) -> StreamTest:
    """The test of a stream's state at a time (ns on the feed's clock)."""
    if isinstance(node, And | Or):
        return _joined(node, [stream_test(part) for part in node.parts])
    if isinstance(node, Not):
        return _opposite(node, stream_test(node.part))
    if isinstance(node, Predicate):
        return _predicate_of_stream(node)
    if isinstance(node, BareWord):
        return _word_of_stream(node)
    return _compare_streams(node)


def event_test(node: Node, vocabulary: Vocabulary) -> EventTest:
    """The test of an event and its stream's state right after it (None for the loop, or where it is not known)."""
    if isinstance(node, And | Or):
        return _joined(node, [event_test(part, vocabulary) for part in node.parts])
    if isinstance(node, Not):
        return _opposite(node, event_test(node.part, vocabulary))
    if isinstance(node, Predicate):
        of_stream = _predicate_of_stream(node)
        return lambda event, state: state is not None and of_stream(state, event.t)
    if isinstance(node, BareWord):
        return _word_of_event(node, vocabulary)
    return _compare_events(node, vocabulary)


def unknowable(node: Node) -> bool:
    """Whether it may be unknown if this holds."""
    return any(name.unknowable for part in leaves(node) for name in part.names)


def _opposite(node: Not, test: Test) -> Test:
    if not unknowable(node):
        return lambda what, beside: not test(what, beside)

    def opposite(what: Any, beside: Any) -> bool | None:
        found = test(what, beside)
        return None if found is None else not found

    return opposite


def _joined(node: And | Or, tests: list[Test]) -> Test:
    """All of them, or one of them. Two at a time is twice as quick as a loop over them; but it is nested, and nobody
    says how many there are.
    """
    if unknowable(node):
        return _in_three_values(tests, isinstance(node, Or))
    if len(tests) > _FEW:
        over = all if isinstance(node, And) else any
        return lambda what, beside: over([test(what, beside) for test in tests])
    return reduce(_both if isinstance(node, And) else _either, tests)


def _both(one: Test, other: Test) -> Test:
    return lambda what, beside: one(what, beside) and other(what, beside)


def _either(one: Test, other: Test) -> Test:
    return lambda what, beside: one(what, beside) or other(what, beside)


def _in_three_values(tests: list[Test], decides: bool) -> Test:
    """The value that decides (False of all, True of one), else unknown if any is, else the other."""

    def test(what: Any, beside: Any) -> bool | None:
        found: bool | None = not decides
        for each in tests:
            one = each(what, beside)
            if one is None:
                found = None
            elif one == decides:
                return decides
        return found

    return test


# comparisons


def _compare_streams(node: Compare) -> StreamTest:
    value = node.name.of_state
    if value is None:
        return lambda state, now_t: False
    if node.other is not None:
        other = node.other.of_state
        if other is None:
            return lambda state, now_t: False
        both = _pair(node)
        return lambda state, now_t: both(value(state, now_t), other(state, now_t))
    assert node.value is not None
    if node.name.name == "flag":
        bit, wanted = node.value.number or 0, node.operator == "=="
        has_it = _where_known(node, lambda word: bool(word & bit) == wanted)
        return lambda state, now_t: has_it(value(state, now_t))
    holds = _holds(node, node.value)
    return lambda state, now_t: holds(value(state, now_t))


def _compare_events(node: Compare, vocabulary: Vocabulary) -> EventTest:
    value = value_in_event(node.name)
    if node.other is not None:
        other, both = value_in_event(node.other), _pair(node)
        return lambda event, state: both(value(event, state), other(event, state))
    assert node.value is not None
    if node.name.domain == "any":
        return _compare_anything(node, node.value, vocabulary)
    holds = _holds(node, node.value)
    in_ms = node.name.domain == "ms"

    def test(event: Event, state: StreamState | None) -> bool | None:
        word = value(event, state)
        return holds(word * _MS if in_ms and type(word) is int else word)

    return test


def _where_known(node: Compare | Predicate | BareWord, holds: Holds) -> Holds:
    """Whether it holds, and unknown for what nobody can know."""
    if not unknowable(node):
        return holds
    return lambda word: None if word is UNKNOWN else holds(word)


def value_in_event(name: Name) -> Callable[[Event, StreamState | None], Any]:
    """A name's value in an event: its own word, or else its stream's."""
    own, of_state = name.of_event, name.of_state if name.from_state else None
    if name.of_request:
        return _of_request(name)
    if of_state is None:
        return (lambda event, state: None) if own is None else (lambda event, state: own(event))
    if own is None:
        return lambda event, state: None if state is None else of_state(state, event.t)

    def value(event: Event, state: StreamState | None) -> Any:
        word = own(event)
        return of_state(state, event.t) if word is None and state is not None else word

    return value


def _of_request(name: Name) -> Callable[[Event, StreamState | None], Any]:
    own, field = name.of_event, name.of_request
    assert own is not None

    def value(event: Event, state: StreamState | None) -> Any:
        word = own(event)
        if word is not None or state is None:
            return word
        request = request_of(event, state)
        return None if request is None else getattr(request, field)

    return value


def _holds(node: Compare, constant: Constant) -> Holds:
    return _where_known(node, _compared(node.operator, constant))


def _compared(sign: str, constant: Constant) -> Holds:
    if sign in ("~", "!~"):
        found, wanted = _remembered(Pattern(constant.text).search), sign == "~"
        return lambda word: type(word) is str and found(word) == wanted
    if constant.number is None:
        text, compare = constant.text, _ORDER[sign]
        return lambda word: type(word) is str and compare(word, text)
    number = constant.number
    if sign == "has":
        return lambda word: type(word) is int and word & number == number
    compare = _ORDER[sign]
    return lambda word: type(word) is int and compare(word, number)


def _remembered(search: Callable[[str], bool]) -> Callable[[str], bool]:
    """The same few addresses and names are asked for again and again."""
    known: dict[str, bool] = {}

    def find(text: str) -> bool:
        found = known.get(text)
        if found is None:
            if len(known) >= _REMEMBERED:
                known.clear()
            found = known[text] = search(text)
        return found

    return find


def _pair(node: Compare) -> Callable[[Any, Any], bool | None]:
    sign = node.operator
    compare = _has if sign == "has" else _ORDER[sign]

    def both(one: Any, other: Any) -> bool | None:
        if one is None or other is None:
            return False
        if one is UNKNOWN or other is UNKNOWN:
            return None
        return type(one) is type(other) and compare(one, other)

    return both


def _has(one: Any, other: Any) -> bool:
    return type(one) is int and one & other == other


def _compare_anything(node: Compare, constant: Constant, vocabulary: Vocabulary) -> EventTest:
    """Comparing the old or the new of a change, or another argument, whose domain is its kind's."""
    value = value_in_event(node.name)
    by_domain = dict(constant.by_domain)
    if not by_domain:
        holds = _holds(node, constant)
        return lambda event, state: holds(value(event, state))
    ways = {domain: _holds(node, Constant("any", number)) for domain, number in by_domain.items()}

    def test(event: Event, state: StreamState | None) -> bool | None:
        domain = "edge" if event.kind in EDGES else vocabulary.domain_of(event.kind, node.name.name)
        holds = ways.get(domain)
        return holds is not None and holds(value(event, state))

    return test


# what stands alone


def _predicate_of_stream(node: Predicate) -> StreamTest:
    bits, value, get = node.value.number or 0, node.name.of_state, _getter(node.name)
    if get is not None:
        return lambda state, now_t: get(state) & bits == bits
    assert value is not None
    has_them = _where_known(node, lambda word: word is not None and word & bits == bits)
    return lambda state, now_t: has_them(value(state, now_t))


def _getter(name: Name) -> Callable[[StreamState], Any] | None:
    """Reads the field that the name is, in half the time that asking the name takes; a table asks it of every row."""
    return attrgetter(name.field) if name.field else None


def _has_text(state: StreamState, text: str) -> bool:
    return (
        text in state.peer.lower()
        or text in state.local.lower()
        or text in state.name.lower()
        or text in state.place.lower()
    )


def _word_of_stream(node: BareWord) -> StreamTest:
    role, number = node.role, node.number
    if role == "number":
        port = f":{number}"
        return lambda state, now_t: state.number == number or state.local.endswith(port) or state.peer.endswith(port)
    if role in ("flag", "type", "bool", "error"):
        value, get = node.names[0].of_state, _getter(node.names[0])
        if get is not None and role == "flag":
            return lambda state, now_t: bool(get(state) & number)
        if get is not None and role == "type":
            return lambda state, now_t: get(state) == number
        assert value is not None
        ways: dict[str, Holds] = {"flag": lambda word: bool(word & number), "type": lambda word: word == number}
        holds = _where_known(node, ways.get(role, bool))
        return lambda state, now_t: holds(value(state, now_t))
    text = node.text.lower()
    return lambda state, now_t: _has_text(state, text)


def _word_of_event(node: BareWord, vocabulary: Vocabulary) -> EventTest:
    role, number = node.role, node.number
    if role == "number":
        return lambda event, state: event.stream == number
    if role == "flag":
        return lambda event, state: event.fields.get("flag") == number
    if role == "error":
        return _failure(vocabulary)
    if role == "kind":
        return lambda event, state: event.kind == node.text
    if role == "function":
        return lambda event, state: event.fn == node.text
    if role == "text":
        text = node.text
        return lambda event, state: _event_has_text(event, text) or (state is not None and _has_text(state, text))
    of_stream = _word_of_stream(node)
    return lambda event, state: state is not None and of_stream(state, event.t)


def _event_has_text(event: Event, text: str) -> bool:
    return (
        text in event.kind.lower()
        or text in event.fn.lower()
        or any(type(word) is str and text in word.lower() for word in event.fields.values())
    )


def _failure(vocabulary: Vocabulary) -> EventTest:
    """Whether the event tells of a failure; unknown of one that does not see how things went."""
    unseen = vocabulary.unseen & OUTCOMES
    if not unseen:
        return lambda event, state: failed(event)
    return lambda event, state: None if may_fail(event.kind) and outcome_of(event.kind) in unseen else failed(event)
