"""Which handles a condition is about, and when it can change: by which records, and at which times without any.

A check looks at a stream only after records that can have changed what it asks about, which are few, and at the times
at which an age reaches a bound. What a record can change is said in `effects`; a test holds it against what really
changes in random feeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from streamscope.trace.effects import effect_of
from streamscope.trace.filter import Filter
from streamscope.trace.filter.names import OF_ALL_HANDLES, Name
from streamscope.trace.filter.reach import OUTCOMES
from streamscope.trace.filter.tree import And, BareWord, Compare, Simple, leaves
from streamscope.trace.state import StreamState

ALWAYS = frozenset({"handle.init", "handle.closed"})
"""A stream begins and ends with these."""


def fields_of(*conditions: Filter | None) -> frozenset[str]:
    """The fields of streams on which it rests whether the conditions hold."""
    return frozenset().union(*(name.rests_on for part in _parts(conditions) for name in part.names))


def changes(kind: str, fields: frozenset[str]) -> bool:
    """Whether records of this kind can change any of these fields."""
    return kind in ALWAYS or not fields.isdisjoint(effect_of(kind).fields)


def _parts(conditions: Iterable[Filter | None]) -> Iterator[Simple]:
    for condition in conditions:
        if condition is not None and condition.root is not None:
            yield from leaves(condition.root)


def of_every_handle(*conditions: Filter | None) -> bool:
    """Whether the conditions ask for nothing that only streams have: neither for a field of theirs, nor for a flag
    that has its meaning with them alone.
    """
    asked = (
        name
        for part in _parts(conditions)
        if not (
            isinstance(part, BareWord) and part.role in ("text", "number")
        )  # looked for wherever there is something
        for name in part.names
    )
    return all(name.rests_on <= OF_ALL_HANDLES for name in asked) and all(
        _is_of_every_handle(condition, bits) for condition, bits in _flags(conditions)
    )


def never_set(*conditions: Filter | None) -> list[str]:
    """The flags in the conditions of which the vocabulary says that the engine never sets them."""
    found: dict[str, None] = {}
    for condition, bits in _flags(conditions):
        flags = condition.vocabulary.flags
        if any(flag.set_by for flag in flags):  # else it says of none
            found.update({flag.name: None for flag in flags if flag.bit & bits and not flag.set_by})
    return list(found)


def asked_of_kernel(condition: Filter) -> dict[int, str]:
    """The fields of what the kernel says that the condition asks about: number and name."""
    return {name.kernel: name.name for part in _parts((condition,)) for name in part.names if name.kernel >= 0}


def _flags(conditions: tuple[Filter | None, ...]) -> Iterator[tuple[Filter, int]]:
    for condition in conditions:
        for part in _parts((condition,)):
            if condition is not None and any(name.name in ("flag", "flags") for name in part.names):
                value = part.number if isinstance(part, BareWord) else part.value.number if part.value else 0
                yield condition, value or 0


def _is_of_every_handle(condition: Filter, bits: int) -> bool:
    vocabulary = condition.vocabulary
    streams = {vocabulary.types[number] for number in vocabulary.stream_types}
    of_streams = (flag.types and streams.issuperset(flag.types) for flag in vocabulary.flags if flag.bit & bits)
    return not any(of_streams)


def wants_failures_only(condition: Filter) -> bool:
    """Whether the condition wants no events but those that tell of a failure, and the engine knows which do."""
    if not OUTCOMES.isdisjoint(condition.vocabulary.unseen):
        return False
    root = condition.root
    parts = root.parts if isinstance(root, And) else (root,)
    return any(isinstance(part, BareWord) and part.role == "error" for part in parts)


class Ages:
    """What changes by itself in a condition, ages that are compared with times and words of a table, and so the times
    at which it can.
    """

    def __init__(self, *conditions: Filter | None) -> None:
        self._bounds: list[tuple[Name, int]] = []
        self._stated: list[Name] = []  # words of a table, which change by themselves
        for part in _parts(conditions):
            self._stated += [name for name in part.names if name.changes is not None]
            if isinstance(part, Compare) and part.name.since is not None and part.value is not None:
                self._bounds.append((part.name, part.value.number or 0))

    def __bool__(self) -> bool:
        return bool(self._bounds or self._stated)

    def add(self, name: Name, bound: int) -> None:
        """One more age that is compared with a bound."""
        self._bounds.append((name, bound))

    def next(self, state: StreamState, now_t: int) -> int | None:
        """The next time after now at which the condition can change if no record does it."""
        times = []
        for name in self._stated:
            change = name.changes(state, now_t) if name.changes is not None else None
            if change is not None:
                times.append(change)
        for name, bound in self._bounds:
            since = name.since(state) if name.since is not None else 0
            if since:
                times += [t for t in (since + bound, since + bound + 1) if t > now_t]
        return min(times, default=None)
