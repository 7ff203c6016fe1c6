"""Which events a filter can want at all: of which kinds, functions and streams.

A past has millions of records, and making events of them is what takes time. Most filters name a kind, a function, a
field or a stream, so most records can be passed over by a look at their headers. What this says is never too little: an
event of another kind, function or stream is certainly not wanted; one of these may be or may not.
"""

from __future__ import annotations

from typing import TypeVar

from streamscope.trace.filter.names import FAILING_KINDS, NAMES, Name
from streamscope.trace.filter.tree import And, Compare, Node, Not, Or, Word

Item = TypeVar("Item")

_FLAG_KINDS = frozenset({"flag.set", "flag.clear"})


def kinds_of(node: Node) -> frozenset[str] | None:
    """The kinds of the events that may be wanted, None for any kind.

    A kind that this version's catalogue has not may have any argument, so for whoever asks about such a kind the answer
    is yes (`Filter.may_want`).
    """
    if isinstance(node, And):
        return _all_of([kinds_of(part) for part in node.parts])
    if isinstance(node, Or):
        return _any_of([kinds_of(part) for part in node.parts])
    if isinstance(node, Word):
        return _kinds_of_word(node)
    if not isinstance(node, Compare):
        return None
    name = NAMES[node.name]
    if node.name == "kind" and node.operator == "==" and node.value is not None:
        return frozenset({node.value.text})
    return _own_kinds(name) if not node.other else _all_of([_own_kinds(name), _own_kinds(NAMES[node.other])])


def _own_kinds(name: Name) -> frozenset[str] | None:
    return name.kinds if name.kinds and not name.asks_stream else None


def _kinds_of_word(node: Word) -> frozenset[str] | None:
    if node.role == "flag":
        return _FLAG_KINDS
    if node.role == "error":
        return FAILING_KINDS
    return frozenset({node.text}) if node.role == "kind" else None


def functions_of(node: Node) -> frozenset[str] | None:
    """The functions whose events may be wanted, None for any."""
    if isinstance(node, And):
        return _all_of([functions_of(part) for part in node.parts])
    if isinstance(node, Or):
        return _any_of([functions_of(part) for part in node.parts])
    if isinstance(node, Word) and node.role == "function":
        return frozenset({node.text})
    if isinstance(node, Compare) and node.name == "fn" and node.operator == "==" and node.value is not None:
        return frozenset({node.value.text})
    return None


def streams_of(node: Node) -> frozenset[int] | None:
    """The numbers of the streams whose events may be wanted, None for any."""
    if isinstance(node, And):
        return _all_of([streams_of(part) for part in node.parts])
    if isinstance(node, Or):
        return _any_of([streams_of(part) for part in node.parts])
    if isinstance(node, Word) and node.role == "number":
        return frozenset({node.number})
    if isinstance(node, Compare) and node.name == "stream" and node.operator == "==" and node.value is not None:
        return frozenset({node.value.number or 0})
    return None


def needs_state(node: Node) -> bool:
    """Whether some events cannot be judged without their stream's state."""
    if isinstance(node, And | Or):
        return any(needs_state(part) for part in node.parts)
    if isinstance(node, Not):
        return needs_state(node.part)
    if isinstance(node, Word):
        return node.role in ("type", "bool", "text")
    if isinstance(node, Compare):
        return NAMES[node.name].needs_state or (bool(node.other) and NAMES[node.other].needs_state)
    return True


def event_only(node: Node) -> tuple[Compare, ...]:
    """The comparisons that no stream can answer, because only events have what they are about."""
    if isinstance(node, And | Or):
        return tuple(found for part in node.parts for found in event_only(part))
    if isinstance(node, Not):
        return event_only(node.part)
    if isinstance(node, Compare) and (
        NAMES[node.name].event_only or (node.other and NAMES[node.other].event_only)
    ):  # fmt: skip
        return (node,)
    return ()


def _all_of(sets: list[frozenset[Item] | None]) -> frozenset[Item] | None:
    known = [items for items in sets if items is not None]
    return frozenset.intersection(*known) if known else None


def _any_of(sets: list[frozenset[Item] | None]) -> frozenset[Item] | None:
    known = [items for items in sets if items is not None]
    return frozenset.union(*known) if len(known) == len(sets) else None
