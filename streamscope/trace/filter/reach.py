"""Which events a filter can want at all: of which kinds, functions and streams.

A past has millions of records, and making events of them is what takes time. Most filters name a kind, a function, a
field or a stream, so most records can be passed over by a look at their headers. What this says is never too little: an
event of another kind, function or stream is certainly not wanted; one of these may be or may not.
"""

from __future__ import annotations

from typing import TypeVar

from streamscope.trace.effects import effect_of
from streamscope.trace.filter.names import EDGES, Name
from streamscope.trace.filter.tree import And, BareWord, Compare, Node, Or, leaves
from streamscope.trace.vocabulary import Vocabulary

Item = TypeVar("Item")


def kinds_of(node: Node, vocabulary: Vocabulary) -> frozenset[str] | None:
    """The kinds of the events of such a feed that may be wanted, None for any kind."""
    if isinstance(node, And):
        return _all_of([kinds_of(part, vocabulary) for part in node.parts])
    if isinstance(node, Or):
        return _any_of([kinds_of(part, vocabulary) for part in node.parts])
    if isinstance(node, BareWord):
        return _kinds_of_word(node, vocabulary)
    if not isinstance(node, Compare):
        return None
    if node.name.name == "kind" and node.operator == "==" and node.value is not None:
        return frozenset({node.value.text})
    return _all_of([_own_kinds(name) for name in node.names])


def _own_kinds(name: Name) -> frozenset[str] | None:
    return name.kinds if name.kinds and not name.asks_stream else None


def _kinds_of_word(node: BareWord, vocabulary: Vocabulary) -> frozenset[str] | None:
    if node.role == "flag":
        return EDGES
    if node.role == "error":
        return frozenset(kind for kind, _ in vocabulary.kinds if may_fail(kind))
    return frozenset({node.text}) if node.role == "kind" else None


def may_fail(kind: str) -> bool:
    """Whether events of this kind are counted by `errors`, if they tell of a failure."""
    return any(change.field == "errors" and change.how == "+=" for change in effect_of(kind).changes)


OUTCOMES = frozenset({"status", "result"})
"""The arguments that say how things went."""


def outcome_of(kind: str) -> str:
    """The argument that says how it went, for a kind that may fail; "" where that it came says it."""
    return next((argument for argument in effect_of(kind).arguments if argument in OUTCOMES), "")


def functions_of(node: Node) -> frozenset[str] | None:
    """The functions whose events may be wanted, None for any."""
    if isinstance(node, And):
        return _all_of([functions_of(part) for part in node.parts])
    if isinstance(node, Or):
        return _any_of([functions_of(part) for part in node.parts])
    if isinstance(node, BareWord) and node.role == "function":
        return frozenset({node.text})
    if isinstance(node, Compare) and node.name.name == "fn" and node.operator == "==" and node.value is not None:
        return frozenset({node.value.text})
    return None


def streams_of(node: Node) -> frozenset[int] | None:
    """The numbers of the streams whose events may be wanted, None for any."""
    if isinstance(node, And):
        return _all_of([streams_of(part) for part in node.parts])
    if isinstance(node, Or):
        return _any_of([streams_of(part) for part in node.parts])
    if isinstance(node, BareWord) and node.role == "number":
        return frozenset({node.number})
    if isinstance(node, Compare) and node.name.name == "stream" and node.operator == "==" and node.value is not None:
        return frozenset({node.value.number or 0})
    return None


def needs_state(node: Node) -> bool:
    """Whether some events cannot be judged without their stream's state."""
    return any(
        part.role in ("type", "bool", "text")
        if isinstance(part, BareWord)
        else not isinstance(part, Compare) or any(name.needs_state for name in part.names)
        for part in leaves(node)
    )


def measures(node: Node) -> bool:
    """Whether some events cannot be judged without durations."""
    return any(name.measured for part in leaves(node) for name in part.names)


def event_only(node: Node) -> tuple[Compare, ...]:
    """The comparisons that no stream can answer, because only events have what they are about."""
    return tuple(
        part for part in leaves(node) if isinstance(part, Compare) and any(name.event_only for name in part.names)
    )


def _all_of(sets: list[frozenset[Item] | None]) -> frozenset[Item] | None:
    known = [items for items in sets if items is not None]
    return frozenset.intersection(*known) if known else None


def _any_of(sets: list[frozenset[Item] | None]) -> frozenset[Item] | None:
    known = [items for items in sets if items is not None]
    return frozenset.union(*known) if len(known) == len(sets) else None
