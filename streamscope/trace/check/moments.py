"""When a condition on a stream can change: by which kinds of records, and at which times without any.

A check looks at a stream only after records that can have changed what it asks about, which are few, and at the times
at which an age reaches a bound. A test folds random feeds and holds the table against what really changed.
"""

from __future__ import annotations

from streamscope.core.probe import KINDS
from streamscope.trace.filter import Filter
from streamscope.trace.filter.names import NAMES, Name
from streamscope.trace.filter.tree import And, Compare, Node, Not, Or, Predicate, Word
from streamscope.trace.state import StreamState

_IN = ("sys.read", "sys.recvmsg", "bytes_in")
_OUT = ("sys.write", "sys.writev", "sys.sendmsg", "bytes_out")
_CALLS = tuple(kind.name for kind in KINDS if kind.name.startswith("sys."))
_FLAGS = ("flag.set", "flag.clear")
_QUEUE = ("write_queue.push", "write_queue.pop")
_INTEREST = ("io.start", "io.stop")

CHANGED_BY: dict[str, tuple[str, ...]] = {
    "stream": (), "type": (), "place": (), "begin_t": (),
    "flag": _FLAGS, "flags": _FLAGS, "fd": ("fd",), "name": ("handle.name",), "ipc": ("handle.ipc",),
    "local": ("handle.address",), "peer": ("handle.address",), "port": ("handle.address",),
    "peer_port": ("handle.address",), "server": ("handle.accepted",),
    "wq": ("write_queue_size",), "write_queue_size": ("write_queue_size",), "high_water": ("high_water",),
    "write_queue": _QUEUE, "write_completed_queue": ("write_completed_queue.push", "write_completed_queue.pop"),
    "connect_req": ("connect_req",), "shutdown_req": ("shutdown_req",), "accepted_fd": ("accepted_fd",),
    "queued_fds": ("queued_fds.push", "queued_fds.pop"), "queued_fds_capacity": ("queued_fds.capacity",),
    "delayed_error": ("delayed_error",), "callbacks": ("callbacks",), "pevents": _INTEREST, "events": ("io.events",),
    "pending": ("io.feed", "pending.pop"), "watched": ("watcher_queue.push", "watcher_queue.pop"),
    "closing_list": ("closing.push", "closing.pop"),
    "feeds": ("feeds",),
    "bytes_in": _IN, "reads": (*_IN, "reads"), "last_read_t": _IN, "bytes_out": _OUT, "last_write_t": _OUT,
    "writes": ("request.end", "writes"), "errors": (*_CALLS, "request.end", "callback.error", "errors"),
    "closed_t": ("handle.closed",),
    "age": ("handle.closed",), "queue_age": _QUEUE, "idle_age": (*_IN, *_OUT), "armed_age": _INTEREST,
    "above_age": ("write_queue_size", "high_water"),
}  # fmt: skip
"""By name of the filter language: the kinds of records that can change its value, beside `ALWAYS`."""

ALWAYS = frozenset({"handle.init", "handle.closed"})
"""A stream begins and ends with these."""

_PREDICATES = {"flag": "flags", "armed": "pevents", "registered": "events", "holds": "callbacks"}


def changing_kinds(condition: Filter | None) -> frozenset[str]:
    """The kinds of records that can change whether a stream is so."""
    found = set(ALWAYS)
    if condition is not None and condition.root is not None:
        for name in _names(condition.root):
            found.update(CHANGED_BY.get(name.name, ()))
    return frozenset(found)


def names_of(condition: Filter | None) -> frozenset[str]:
    """The names of the filter language that the condition asks about."""
    if condition is None or condition.root is None:
        return frozenset()
    return frozenset(name.name for name in _names(condition.root))


def wants_failures_only(condition: Filter) -> bool:
    """Whether the condition wants no events but those that tell of a failure."""
    root = condition.root
    parts = root.parts if isinstance(root, And) else (root,)
    return any(isinstance(part, Word) and part.role == "error" for part in parts)


def _names(node: Node) -> list[Name]:
    if isinstance(node, And | Or):
        return [name for part in node.parts for name in _names(part)]
    if isinstance(node, Not):
        return _names(node.part)
    if isinstance(node, Predicate):
        return [NAMES[_PREDICATES[node.name]]]
    if isinstance(node, Word):
        return [NAMES[name] for name in _NAMES_OF_WORDS.get(node.role, ())] or [NAMES[node.text]]
    return [NAMES[node.name], *([NAMES[node.other]] if node.other else [])]


_NAMES_OF_WORDS = {
    "number": ("stream", "local", "peer"), "flag": ("flags",), "type": ("type",), "error": ("errors",),
    "text": ("name", "place", "local", "peer"), "kind": ("name",), "function": ("name",),
}  # fmt: skip


class Ages:
    """The comparisons of ages with times in a condition, and so the times at which it can change by itself."""

    def __init__(self, *conditions: Filter | None) -> None:
        self._bounds: list[tuple[Name, int]] = []
        for condition in conditions:
            if condition is not None and condition.root is not None:
                self._collect(condition.root)

    def _collect(self, node: Node) -> None:
        if isinstance(node, And | Or):
            for part in node.parts:
                self._collect(part)
        elif isinstance(node, Not):
            self._collect(node.part)
        elif isinstance(node, Compare) and NAMES[node.name].since is not None and node.value is not None:
            self._bounds.append((NAMES[node.name], node.value.number or 0))

    def __bool__(self) -> bool:
        return bool(self._bounds)

    def add(self, name: Name, bound: int) -> None:
        """One more age that is compared with a bound."""
        self._bounds.append((name, bound))

    def next(self, state: StreamState, now_t: int) -> int | None:
        """The next time after now at which the condition can change if no record does it."""
        times = []
        for name, bound in self._bounds:
            since = name.since(state) if name.since is not None else 0
            if since:
                times += [t for t in (since + bound, since + bound + 1) if t > now_t]
        return min(times, default=None)
