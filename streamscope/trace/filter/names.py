"""What a filter can speak of: every name, what kind of value it has, and where that value is found.

A name is of events, of streams, or of both. What events bring themselves comes from the catalogue (`core/probe`): what
every event has, and the arguments of the kinds. What streams have is listed here, each with its own words, and a test
holds the list against the fields of `StreamState`.

An event's own word comes first: `peer` of a `handle.address` is what the record says. Of every other event it is the
stream's peer at that moment, so whoever filters events by such a name brings the state along.

An event that is about a request may ask for what its stream knows of that request: the `status` of a
`write_completed_queue.push` is what the write's callback will be told.

Values are ordinary words of the feed, so their domains are the catalogue's. Some more are needed here: `bool`, `kind`
and `function`, `flags` for several flags at once, and `any` for the old and the new of a change, whose domain is their
kind's affair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from streamscope.core.flags import POLLOUT
from streamscope.core.probe import KINDS
from streamscope.trace.decode import Event
from streamscope.trace.names import host_and_port
from streamscope.trace.state import RequestState, StreamState

Value: TypeAlias = int | str | None
OfState: TypeAlias = Callable[[StreamState, int], Any]
"""A stream's value at a time (ns on the feed's clock); None where it has none."""
OfEvent: TypeAlias = Callable[[Event], Any]

ORDERED = frozenset({"int", "bytes", "fd", "req", "handle", "ns", "ms", "status", "result"})
"""Domains whose values can be greater and less."""
SETS = frozenset({"mask", "callbacks", "flags"})
"""Domains whose values are bits with names, any number of them."""
NAMED = frozenset({"flag", "type", "request", "callback", "kernel", "kind", "function"})
"""Domains whose values are one name of a list."""


@dataclass(frozen=True, slots=True)
class Name:
    """One name. `of_state` is None for what only events have. An event has the value itself if `of_event` finds one;
    if not, and if `from_state`, it is the stream's. `kinds` are those that have the argument.
    """

    name: str
    domain: str
    meaning: str
    of_state: OfState | None = None
    of_event: OfEvent | None = None
    from_state: bool = True
    kinds: frozenset[str] = frozenset()
    since: Callable[[StreamState], int] | None = None
    """For a value that grows with time alone: the time at which it was 0, or 0 for no such time."""
    of_request: str = ""
    """The field of `RequestState` that is it, for an event that names a request and has no such word itself."""

    @property
    def event_only(self) -> bool:
        """Whether no stream has it."""
        return self.of_state is None

    @property
    def needs_state(self) -> bool:
        """Whether some events have it of their stream only."""
        return bool(self.of_request) or self.asks_stream

    @property
    def asks_stream(self) -> bool:
        """Whether events of every kind have it, of their stream."""
        return self.of_state is not None and self.from_state


def _field(name: str) -> OfState:
    return lambda state, now_t: getattr(state, name)


def _size(name: str) -> OfState:
    return lambda state, now_t: len(getattr(state, name))


def _request(name: str) -> OfState:
    def number(state: StreamState, now_t: int) -> int:
        request = getattr(state, name)
        return 0 if request is None else request.number

    return number


def _port(address: str) -> OfState:
    def port(state: StreamState, now_t: int) -> int | None:
        parts = host_and_port(getattr(state, address))
        return None if parts is None else parts[1]

    return port


def _own(argument: str) -> OfEvent:
    return lambda event: event.fields.get(argument)


def _age(name: str, meaning: str, since: Callable[[StreamState], int], ended: bool = False) -> Name:
    def age(state: StreamState, now_t: int) -> int | None:
        begun = since(state)
        end = state.closed_t if ended and state.closed_t else now_t
        return max(end - begun, 0) if begun else None

    return Name(name, "ns", meaning, age, since=since)


def _head_t(state: StreamState) -> int:
    return state.write_queue[0].begin_t if state.write_queue else 0


def _armed_t(state: StreamState) -> int:
    return state.armed_t if state.pevents & POLLOUT else 0


def _last_t(state: StreamState) -> int:
    return max(state.last_read_t, state.last_write_t)


_EVENTS: tuple[Name, ...] = (
    Name("kind", "kind", "what happened: a kind of the catalogue", of_event=lambda event: event.kind),
    Name("fn", "function", "the innermost libuv function that did it", of_event=lambda event: event.fn),
    Name("seq", "int", "the event's number", of_event=lambda event: event.seq),
    Name("t", "ns", "when it happened, since the engine began", of_event=lambda event: event.t),
    Name("turn", "int", "the turn of the loop", of_event=lambda event: event.turn),
    Name("old", "any", "what a change changed from", of_event=lambda event: event.old,
         kinds=frozenset(kind.name for kind in KINDS if any(arg.name == "old" for arg in kind.args))
         | {"flag.set", "flag.clear"}),
    Name("new", "any", "what a change changed to", of_event=lambda event: event.new,
         kinds=frozenset(kind.name for kind in KINDS if any(arg.name == "new" for arg in kind.args))
         | {"flag.set", "flag.clear"}),
)  # fmt: skip

_STATE: tuple[Name, ...] = (
    Name("stream", "handle", "the stream's number; 0 for the loop's own events", lambda state, now_t: state.number,
         lambda event: event.stream, from_state=False),
    Name("flag", "flag", "one of the stream's flags; of an event, the flag that it sets or clears",
         _field("flags"), from_state=False),
    Name("flags", "flags", "all flags of the stream", _field("flags")),
    Name("type", "type", "what the stream is", _field("type")),
    Name("fd", "fd", "the descriptor, -1 for none", _field("fd")),
    Name("name", "text", "the name that the program gave the stream", _field("name")),
    Name("place", "text", "where in the program the stream was made", _field("place")),
    Name("local", "text", "its own address", _field("local")),
    Name("peer", "text", "the other side's address", _field("peer")),
    Name("port", "int", "the port of its own address", _port("local")),
    Name("peer_port", "int", "the port of the other side's address", _port("peer")),
    Name("server", "handle", "the number of the server that accepted it, 0 for none", _field("server")),
    Name("wq", "bytes", "write_queue_size: bytes that the program wrote and the kernel has not taken",
         _field("write_queue_size")),
    Name("write_queue_size", "bytes", "the same as wq", _field("write_queue_size")),
    Name("high_water", "bytes", "the mark above which the program means to stop feeding the stream",
         _field("high_water")),
    Name("write_queue", "int", "how many requests wait in write_queue", _size("write_queue")),
    Name("write_completed_queue", "int", "how many finished requests wait for their callback",
         _size("write_completed_queue")),
    Name("connect_req", "req", "the connect request that is under way, 0 for none", _request("connect_req")),
    Name("shutdown_req", "req", "the shutdown request that waits for the queue to drain, 0 for none",
         _request("shutdown_req")),
    Name("accepted_fd", "fd", "the descriptor that waits for uv_accept, -1 for none", _field("accepted_fd")),
    Name("queued_fds", "int", "how many descriptors queue behind accepted_fd", _size("queued_fds")),
    Name("queued_fds_capacity", "int", "the room of queued_fds", _field("queued_fds_capacity")),
    Name("delayed_error", "status", "an error that waits to be told, 0 for none", _field("delayed_error")),
    Name("callbacks", "callbacks", "the callbacks that the stream holds", _field("callbacks")),
    Name("pevents", "mask", "what the engine wants of epoll", _field("pevents")),
    Name("events", "mask", "what the engine believes to be registered with epoll", _field("events")),
    Name("pending", "bool", "it is in the loop's pending queue", _field("pending")),
    Name("watched", "bool", "it is in the loop's watcher queue", _field("watched")),
    Name("closing_list", "bool", "it is in the loop's closing list", _field("closing")),
    Name("ipc", "bool", "it is a pipe that carries descriptors beside its bytes", _field("ipc")),
    Name("feeds", "int", "how many streams what comes in here goes out of", _size("feeds")),
    Name("bytes_in", "bytes", "bytes that came in since the stream began", _field("bytes_in")),
    Name("bytes_out", "bytes", "bytes that the kernel took since the stream began", _field("bytes_out")),
    Name("reads", "int", "reads that brought bytes", _field("reads")),
    Name("writes", "int", "write requests that ended well", _field("writes")),
    Name("errors", "int", "requests, calls and callbacks that failed; EAGAIN is no failure", _field("errors")),
    Name("begin_t", "ns", "when the stream came into being", _field("begin_t")),
    Name("closed_t", "ns", "when it was closed, 0 for not yet", _field("closed_t")),
    Name("last_read_t", "ns", "when bytes last came in", _field("last_read_t")),
    Name("last_write_t", "ns", "when the kernel last took bytes", _field("last_write_t")),
    _age("age", "how long the stream has been there", lambda state: state.begin_t, ended=True),
    _age("queue_age", "how long the first request of write_queue has waited", _head_t),
    _age("idle_age", "how long no bytes have moved", _last_t),
    _age("armed_age", "how long the engine has wanted POLLOUT", _armed_t),
    _age("above_age", "how long write_queue_size has been above high_water", lambda state: state.above_t),
)  # fmt: skip

_ARGUMENT_WORDS = {
    "active_reqs": "how many requests keep the loop alive",
    "asked": "how many bytes, or what else, a system call was asked for",
    "bytes": "how many bytes a request is about",
    "callback": "which callback of the program",
    "error": "what a callback raised",
    "field": "which field of what the kernel says",
    "handle": "the handle that travels with a write, 0 for none",
    "left": "how many bytes of the request the kernel has not taken yet",
    "mask": "what epoll was told or has told",
    "nbufs": "how many buffers a write has",
    "ready": "how many descriptors epoll found ready",
    "repeat": "how often a timer fires again",
    "came": "how many descriptors came where others were lost",
    "req": "the number of the request",
    "request": "the type of the request",
    "result": "what a system call returned",
    "since": "when the look before was",
    "status": "how a request went: 0, or an error",
    "sure": "how sure a look is: exact, agreed or moving",
    "timeout": "how long a timer runs, or epoll waits; -1ms for no limit",
    "to": "the stream that another feeds",
    "value": "what a callback is told, nread or the status; what a field of the kernel's is",
    "why": "why one stream feeds another",
    "write_index": "the buffer that is written next",
}


_OF_REQUESTS = {
    "bytes": "bytes", "handle": "send_handle", "left": "left", "nbufs": "nbufs", "request": "request",
    "status": "error", "write_index": "write_index",
}  # fmt: skip


def request_of(event: Event, state: StreamState) -> RequestState | None:
    """The request that the event names, as the stream holds it."""
    number = event.fields.get("req", 0)
    held = (*state.write_completed_queue, *state.write_queue, state.connect_req, state.shutdown_req)
    return next((request for request in held if request is not None and request.number == number), None)


def _arguments() -> dict[str, Name]:
    """The arguments of the catalogue's kinds. One that means a status here and a result there is a result."""
    of_requests = {kind.name for kind in KINDS if any(arg.name == "req" for arg in kind.args)}
    known = {name.name for name in _EVENTS}
    found: dict[str, tuple[set[str], set[str]]] = {}
    for kind in KINDS:
        for arg in kind.args:
            if arg.name not in known:
                domains, kinds = found.setdefault(arg.name, (set(), set()))
                domains.add(arg.domain)
                kinds.add(kind.name)
    names = {}
    for name, (domains, kinds) in found.items():
        domain = "result" if domains == {"status", "result"} else domains.pop() if len(domains) == 1 else "any"
        words = _ARGUMENT_WORDS.get(name, f"as events of {', '.join(sorted(kinds))} have it")
        of_request = _OF_REQUESTS.get(name, "")
        told = frozenset(kinds | of_requests if of_request else kinds)
        names[name] = Name(name, domain, words, of_event=_own(name), kinds=told, of_request=of_request)
    return names


def _all() -> dict[str, Name]:
    names = {name.name: name for name in _EVENTS} | _arguments()
    for name in _STATE:
        own = names.get(name.name)
        if own is not None:  # an argument that streams have too
            name = replace(name, of_event=own.of_event, kinds=own.kinds)
        names[name.name] = name
    return names


NAMES: dict[str, Name] = _all()
"""Every name of the language."""

STREAM_NAMES: tuple[Name, ...] = tuple(NAMES[name.name] for name in _STATE)
EVENT_NAMES: tuple[Name, ...] = tuple(name for name in NAMES.values() if name.of_state is None)

PREDICATES: dict[str, tuple[str, str]] = {
    "flag": ("flag", "the stream has this flag now"),
    "armed": ("mask", "the engine wants these events of epoll"),
    "registered": ("mask", "the engine believes these events to be registered with epoll"),
    "holds": ("callbacks", "the stream holds this callback"),
}
"""What takes a name in parentheses: its domain, and what it says of a stream."""

ERROR = "error"
"""The word that means an event that tells of a failure, or a stream to which one has happened."""

FAILING_KINDS = frozenset(
    kind.name for kind in KINDS if kind.name.startswith("sys.") or kind.name in ("request.end", "callback.error")
)
"""The kinds that `errors` counts, if they failed."""
