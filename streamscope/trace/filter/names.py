"""What a filter can speak of: every name, what kind of value it has, and where that value is found.

A name is of events, of streams, or of both. What events bring themselves comes from the feed's vocabulary: what every
event has, and the arguments of the kinds. What streams have is what the reader's fold knows of them (`StreamState`);
a test holds the list against its fields. Each says which of these fields it rests on.

An event's own word comes first: `peer` of a `handle.address` is what the record says. Of every other event it is the
stream's peer at that moment, so whoever filters events by such a name brings the state along.

An event that is about a request may ask for what its stream knows of that request: the `status` of a
`write_completed_queue.push` is what the write's callback will be told.

What an engine cannot know (`Vocabulary.unseen`) is `UNKNOWN`, which is not the same as what an event or a stream simply
has not (None). A name that a filter may not even ask for says so in `refused`.

Values are ordinary words of the feed, so their domains are the catalogue's. Some more are needed here: `bool`, `kind`
and `function`, `flags` for several flags at once, and `any` for the old and the new of a change, whose domain is their
kind's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as made
from typing import Any, Final, TypeAlias

from streamscope.language import N_, tr
from streamscope.trace.decode import Event
from streamscope.trace.durations import DURATIONS
from streamscope.trace.plain_text import host_and_port, visible
from streamscope.trace.state import RequestState, StreamState
from streamscope.trace.stated import States
from streamscope.trace.vocabulary import Vocabulary

OfState: TypeAlias = Callable[[StreamState, int], Any]
"""A stream's value at a time (ns on the feed's clock); None where it has none, UNKNOWN where nobody can know."""
OfEvent: TypeAlias = Callable[[Event], Any]

UNKNOWN: Final = object()
"""A value that may be anything: neither a comparison with it nor the opposite holds."""

ORDERED = frozenset({"int", "bytes", "fd", "req", "handle", "ns", "ms", "status", "result"})
"""Domains whose values can be greater and less."""
NAMED = frozenset({"flag", "type", "request", "callback", "kernel", "kind", "function", "tcp_state"})
"""Domains whose values are one name of a list."""


@dataclass(frozen=True, slots=True)
class Name:
    """One name. `of_state` is None for what only events have. An event has the value itself if `of_event` finds one;
    if not, and if `from_state`, it is the stream's. `kinds` are those that have the argument.
    """

    name: str
    domain: str
    meaning: str = made(compare=False)
    of_state: OfState | None = made(default=None, compare=False)
    of_event: OfEvent | None = made(default=None, compare=False)
    from_state: bool = True
    kinds: frozenset[str] = frozenset()
    since: Callable[[StreamState], int] | None = made(default=None, compare=False)
    """For a value that grows with time alone: the time at which it was 0, or 0 for no such time."""
    of_request: str = ""
    """The field of `RequestState` that is it, for an event that names a request and has no such word itself."""
    rests_on: frozenset[str] = frozenset()
    """The fields of `StreamState` that it is made of."""
    field: str = ""
    """The field that it is, if it is nothing but that."""
    refused: str = ""
    """Why no filter can ask for it; "" if one can."""
    unknowable: bool = False
    """Whether its value may be UNKNOWN."""
    measured: bool = False
    """Whether it is a duration, which somebody has to measure."""
    kernel: int = -1
    """The number of the kernel's field that it is or is made of, -1 for none."""
    changes: Callable[[StreamState, int], int | None] | None = made(default=None, compare=False)
    """When its value may change by itself after a time, for a word of a table (`states`)."""

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


OF_ALL_HANDLES = frozenset(
    {"number", "type", "flags", "name", "place", "begin_t", "closed_t", "errors"}
)  # fmt: skip
"""The fields that timers and the like have too; the others are a stream's alone."""
_ALWAYS = OF_ALL_HANDLES - {"errors"}
"""What a handle has in every engine, whether its vocabulary explains it or not."""


# what streams have


def _state(vocabulary: Vocabulary) -> tuple[Name, ...]:
    """The names of state, in the order in which they are shown."""
    out = vocabulary.poll("OUT")

    def told(name: str, domain: str, field: str = "", meaning: str = "", **more: Any) -> Name:
        field = field or name
        words = meaning or _small(vocabulary.field(field).meaning) or field
        return Name(name, domain, words, lambda state, now_t: getattr(state, field),
                    rests_on=frozenset({field}), field=field, **more)  # fmt: skip

    def size(name: str, meaning: str) -> Name:
        return Name(
            name, "int", meaning, lambda state, now_t: len(getattr(state, name) or ()), rests_on=frozenset({name})
        )

    def armed_t(state: StreamState) -> int:
        return state.armed_t if state.pevents & out else 0

    return (
        told("stream", "handle", "number", tr("the stream's number; 0 for the loop's own events"),
             of_event=lambda event: event.stream, from_state=False),
        told("flag", "flag", "flags", tr("one of the stream's flags; of an event, the flag that it sets or clears"),
             from_state=False),
        told("flags", "flags", meaning=tr("all flags of the stream")),
        told("type", "type", meaning=tr("what the stream is")),
        told("fd", "fd"), told("name", "text"), told("place", "text"), told("local", "text"), told("peer", "text"),
        _port("port", "local", tr("the port of its own address")),
        _port("peer_port", "peer", tr("the port of the other side's address")),
        told("server", "handle"),
        told("wq", "bytes", "write_queue_size"), told("write_queue_size", "bytes", meaning=tr("the same as wq")),
        told("high_water", "bytes"),
        size("write_queue", tr("how many requests wait in write_queue")),
        size("write_completed_queue", tr("how many finished requests wait for their callback")),
        _request("connect_req", tr("the connect request that is under way, 0 for none")),
        _request("shutdown_req", tr("the shutdown request that waits for the queue to drain, 0 for none")),
        told("accepted_fd", "fd", meaning=tr("the descriptor that waits for uv_accept, -1 for none")),
        size("queued_fds", tr("how many descriptors queue behind accepted_fd")),
        told("queued_fds_capacity", "int"),
        told("delayed_error", "status", meaning=tr("an error that waits to be told, 0 for none")),
        told("callbacks", "callbacks"), told("pevents", "mask"), told("events", "mask"),
        told("pending", "bool"), told("watched", "bool"), told("closing_list", "bool", "closing"), told("ipc", "bool"),
        told("faults", "text"), told("injected_t", "ns"),
        size("feeds", tr("how many streams what comes in here goes out of")),
        told("bytes_in", "bytes"), told("bytes_out", "bytes"), told("reads", "int"), told("writes", "int"),
        told("errors", "int"), told("last_error", "status"),
        told("begin_t", "ns"), told("closed_t", "ns"), told("last_read_t", "ns"), told("last_write_t", "ns"),
        told("kernel_t", "ns"),
        told("over", "handle"), told("under", "handle"), told("session", "text"), told("outgoing", "bytes"),
        told("incoming", "bytes"), told("low_water", "bytes"), told("reader_size", "bytes"),
        told("reader_limit", "bytes"), told("paused_at", "text"), told("dropped", "int"),
        _age("age", tr("how long the stream has been there"), _begin_t, "begin_t", "closed_t"),
        _age("queue_age", tr("how long the first request of write_queue has waited"), _head_t, "write_queue"),
        _age("idle_age", tr("how long no bytes have moved"), _last_t, "last_read_t", "last_write_t"),
        _age("armed_age", tr("how long the engine has wanted POLLOUT"), armed_t, "armed_t", "pevents"),
        _age("above_age", tr("how long write_queue_size has been above high_water"), _above_t, "above_t"),
        *_said_by_kernel(vocabulary),
    )  # fmt: skip


def _said_by_kernel(vocabulary: Vocabulary) -> Iterator[Name]:
    """The fields of what the kernel says of a stream, and how long ago its instants are. What it has not said is not
    there.
    """
    for field in vocabulary.said.kernel:
        if not field.stream:
            continue
        meaning = _small(field.meaning) or tr("what the kernel says: {field}", field=field.name)
        domain, times = _OF_KERNEL.get(field.domain, ("int", 1))
        yield Name(field.name, domain, meaning, _kernel_value(field.number, times), rests_on=_KERNEL,
                   kernel=field.number)  # fmt: skip
        if field.domain == "ns" and field.name.endswith("_t"):
            ago = _age(f"{field.name.removesuffix('_t')}_age", tr("how long ago that was: {meaning}", meaning=meaning),
                       _kernel_instant(field.number), "kernel")  # fmt: skip
            yield replace(ago, kernel=field.number)


_KERNEL = frozenset({"kernel"})
_OF_KERNEL = {
    "bytes": ("bytes", 1), "ns": ("ns", 1), "us": ("ns", 1_000), "mask": ("mask", 1), "tcp_state": ("tcp_state", 1),
}  # fmt: skip
"""By domain of a kernel's field: the domain of its name, and what its numbers are to be multiplied with."""


def _kernel_value(field: int, times: int) -> OfState:
    def value(state: StreamState, now_t: int) -> int | None:
        said = state.kernel.get(field) if state.kernel else None
        return None if said is None else said * times

    return value


def _kernel_instant(field: int) -> Callable[[StreamState], int]:
    return lambda state: state.kernel.get(field, 0) if state.kernel else 0


def _small(sentence: str) -> str:
    """A sentence as part of a list."""
    return visible(sentence[:1].lower() + sentence[1:].rstrip(".。"), 400)


def _port(name: str, address: str, meaning: str) -> Name:
    def port(state: StreamState, now_t: int) -> int | None:
        parts = host_and_port(getattr(state, address))
        return None if parts is None else parts[1]

    return Name(name, "int", meaning, port, rests_on=frozenset({address}))


def _request(name: str, meaning: str) -> Name:
    def number(state: StreamState, now_t: int) -> int:
        request = getattr(state, name)
        return 0 if request is None else request.number

    return Name(name, "req", meaning, number, rests_on=frozenset({name}))


def _age(name: str, meaning: str, since: Callable[[StreamState], int], *rests_on: str) -> Name:
    ends = "closed_t" in rests_on

    def age(state: StreamState, now_t: int) -> int | None:
        begun = since(state)
        end = state.closed_t if ends and state.closed_t else now_t
        return max(end - begun, 0) if begun else None

    return Name(name, "ns", meaning, age, since=since, rests_on=frozenset(rests_on))


def _begin_t(state: StreamState) -> int:
    return state.begin_t


def _head_t(state: StreamState) -> int:
    return state.write_queue[0].begin_t if state.write_queue else 0


def _last_t(state: StreamState) -> int:
    return max(state.last_read_t, state.last_write_t)


def _above_t(state: StreamState) -> int:
    return state.above_t


# what events have

_EVENTS: tuple[Name, ...] = (
    Name("kind", "kind", N_("what happened: a kind of the catalogue"), of_event=lambda event: event.kind),
    Name("fn", "function", N_("the innermost function of the engine that did it"), of_event=lambda event: event.fn),
    Name("seq", "int", N_("the event's number"), of_event=lambda event: event.seq),
    Name("t", "ns", N_("when it happened, since the engine began"), of_event=lambda event: event.t),
    Name("turn", "int", N_("the turn of the loop"), of_event=lambda event: event.turn),
    Name("old", "any", N_("what a change changed from"), of_event=lambda event: event.old),
    Name("new", "any", N_("what a change changed to"), of_event=lambda event: event.new),
)
EDGES = frozenset({"flag.set", "flag.clear"})
"""The kinds whose old and new are off and on."""

_ARGUMENT_WORDS = {
    "active_reqs": N_("how many requests keep the loop alive"),
    "asked": N_("how many bytes, or what else, a system call was asked for"),
    "bytes": N_("how many bytes a request is about"),
    "callback": N_("which callback of the program"),
    "error": N_("what a callback raised"),
    "field": N_("which field of what the kernel says"),
    "handle": N_("the handle that travels with a write, 0 for none"),
    "left": N_("how many bytes of the request the kernel has not taken yet"),
    "mask": N_("what epoll was told or has told"),
    "nbufs": N_("how many buffers a write has"),
    "ready": N_("how many descriptors epoll found ready"),
    "repeat": N_("how often a timer fires again"),
    "came": N_("how many descriptors came where others were lost"),
    "req": N_("the number of the request"),
    "request": N_("the type of the request"),
    "result": N_("what a system call returned"),
    "since": N_("when the look before was"),
    "status": N_("how a request went: 0, or an error"),
    "sure": N_("how sure a look is: exact, agreed or moving"),
    "timeout": N_("how long a timer runs, or epoll waits; -1ms for no limit"),
    "to": N_("the stream that another feeds"),
    "value": N_("what a callback is told, nread or the status; what a field of the kernel's is"),
    "why": N_("why one stream feeds another"),
    "write_index": N_("the buffer that is written next"),
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


def _own(argument: str, seen: bool) -> OfEvent:
    if seen:
        return lambda event: event.fields.get(argument)
    return lambda event: UNKNOWN if argument in event.fields else None


def _span(name: str) -> OfEvent:
    def span(event: Event) -> Any:
        if event.spans is None or name not in event.spans:
            return None
        length = event.spans[name]
        return UNKNOWN if length is None else length

    return span


def _events(vocabularies: Sequence[Vocabulary]) -> dict[str, Name]:
    """What every event has, and the arguments of the kinds. One that means a status here and a result there is a
    result.
    """
    names = {name.name: replace(name, meaning=tr(name.meaning)) for name in _EVENTS}
    found: dict[str, tuple[set[str], set[str]]] = {"old": (set(), set(EDGES)), "new": (set(), set(EDGES))}
    of_requests = set()
    for vocabulary in vocabularies:
        for kind, arguments in vocabulary.kinds:
            if "req" in arguments:
                of_requests.add(kind)
            for argument in arguments:
                domains, kinds = found.setdefault(argument, (set(), set()))
                domains.add(vocabulary.domain_of(kind, argument))
                kinds.add(kind)
    for name, (domains, kinds) in found.items():
        if name in names:
            if name in ("old", "new"):
                names[name] = replace(names[name], kinds=frozenset(kinds))
            continue
        domain = "result" if domains == {"status", "result"} else domains.pop() if len(domains) == 1 else "any"
        words = tr(_ARGUMENT_WORDS.get(name, "")) or tr("as events of {kinds} have it", kinds=", ".join(sorted(kinds)))
        of_request = _OF_REQUESTS.get(name, "")
        told = frozenset(kinds | of_requests if of_request else kinds)
        seen = vocabularies[0].knows(name)
        names[name] = Name(
            name, domain, words, of_event=_own(name, seen), kinds=told, of_request=of_request, unknowable=not seen
        )
    for name, duration in DURATIONS.items():
        if name not in names:
            names[name] = Name(name, "ns", tr(duration.meaning), of_event=_span(name), from_state=False,
                               kinds=frozenset({duration.ends}), unknowable=True, measured=True)  # fmt: skip
    return names


def stated(states: States) -> dict[str, Name]:
    """The names of a table's words."""
    return {
        word.name: Name(word.name, "bool", word.meaning, word.so, changes=word.changes, refused=word.refused)
        for word in states.words
    }


def names_of(
    vocabulary: Vocabulary, others: Sequence[Vocabulary] = (), states: States | None = None
) -> dict[str, Name]:
    """Every name by which feeds of this vocabulary can be asked, and those that only feeds of the others have; the
    names of state are the last but for the words of a table, if one is given. What none of them can know is refused.
    """
    every = (vocabulary, *others)
    names = _events(every)
    for name in _state(vocabulary):
        if name.kernel >= 0 and name.name in names:  # no field of the kernel's can stand in the way of another name
            continue
        own = names.pop(name.name, None)
        if own is not None:  # an argument that streams have too
            name = replace(name, of_event=own.of_event, kinds=own.kinds, unknowable=own.unknowable)
        if not all(map(vocabulary.knows, name.rests_on)):
            name = replace(name, of_state=_unknown, unknowable=True, since=None, field="")
        elif _lacking(name, vocabulary):
            name = replace(name, of_state=_absent, since=None, field="")
        names[name.name] = name
    for name in list(names.values()):
        missing = [_missing(name, each) for each in every]
        if all(missing):
            names[name.name] = replace(name, refused=missing[0])
    return names if states is None else {**stated(states), **names}


def _unknown(state: StreamState, now_t: int) -> Any:
    return UNKNOWN


def _absent(state: StreamState, now_t: int) -> Any:
    return None


def _lacking(name: Name, vocabulary: Vocabulary) -> set[str]:
    """The fields that it rests on and that this engine has not, if no event brings it either."""
    return set() if name.kinds else {each for each in name.rests_on - _ALWAYS if not vocabulary.has(each)}


def _missing(name: Name, vocabulary: Vocabulary) -> str:
    """Why this engine can never know it; "" if it can."""
    unseen = {name.name, *name.rests_on} & vocabulary.unseen | _lacking(name, vocabulary)
    what = tr(
        "{name} cannot be known of {engine}", name=name.name, engine=visible(vocabulary.engine) or tr("this engine")
    )
    if name.measured:
        kinds = {kind for kind, _ in vocabulary.kinds}
        lacking = [kind for kind in DURATIONS[name.name].needs if kind not in kinds]
        if lacking:
            return tr("{what}: it tells of no {lacking}", what=what, lacking=lacking[0])
    if not unseen:
        return ""
    return (
        what
        if name.name in unseen or name.name == "wq"
        else tr("{what}: it does not see {unseen}", what=what, unseen=", ".join(sorted(unseen)))
    )


PREDICATES: dict[str, tuple[str, str, str]] = {
    "flag": ("flag", "flags", N_("the stream has this flag now")),
    "armed": ("mask", "pevents", N_("the engine wants these events of epoll")),
    "registered": ("mask", "events", N_("the engine believes these events to be registered with epoll")),
    "holds": ("callbacks", "callbacks", N_("the stream holds this callback")),
}
"""What takes a name in parentheses: its domain, the name of what is asked, and what it says of a stream."""

ERROR = "error"
"""The word that means an event that tells of a failure, or a stream to which one has happened."""
