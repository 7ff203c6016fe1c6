"""The filter language, of engines: the same words and operators as for streams, asked of a fleet's rows.

web-07        PEER        waits > 1MiB        host ~ "^web-" and not flows        heard > 5s
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from streamscope.fleet.roster import LIVE, FleetMember
from streamscope.trace.filter import FilterError, Language
from streamscope.trace.filter.evaluate import stream_test
from streamscope.trace.filter.names import Name
from streamscope.trace.filter.parser import parse
from streamscope.trace.filter.values import Values
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import Words

_SECOND = 1_000_000_000


class _Seen:
    """A row at a time, as filters ask it. The fields beside `row` are those that a word alone is looked for in."""

    __slots__ = ("local", "name", "now", "number", "peer", "place", "row")

    def __init__(self, row: FleetMember, now: float) -> None:
        self.row, self.now = row, now
        said = row.summary
        self.number = row.name.pid
        self.place = row.name.host
        self.name = f"{said.program} {said.word}"
        self.local = " ".join(said.addresses)
        self.peer = said.engine


def _ns(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * _SECOND)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


_NAMES: tuple[tuple[str, str, str, Callable[[_Seen], Any]], ...] = (
    ("host", "text", "the name of its host", lambda seen: seen.place),
    ("pid", "int", "its process", lambda seen: seen.number),
    ("program", "text", "what it runs", lambda seen: seen.row.summary.program),
    ("engine", "text", "what kind of engine it is", lambda seen: seen.peer),
    ("address", "text", "where it listens", lambda seen: seen.local),
    ("streams", "int", "how many streams are open", lambda seen: seen.row.summary.streams),
    ("in", "bytes", "bytes a second that come in", lambda seen: _whole(seen.row.summary.came)),
    ("out", "bytes", "bytes a second that go out", lambda seen: _whole(seen.row.summary.went)),
    ("waits", "bytes", "bytes that wait in its queues", lambda seen: seen.row.summary.waits),
    ("requests", "int", "requests that have begun and not ended", lambda seen: seen.row.summary.requests),
    ("verdict", "text", "who is at fault, PEER for one, or the notice", lambda seen: seen.row.summary.word),
    ("lint", "text", "what was found", lambda seen: seen.row.summary.lint),
    ("lasts", "ns", "for how long that has been so", lambda seen: _ns(seen.row.summary.lasts)),
    ("slowest", "ns", "the callback that took longest", lambda seen: _ns(seen.row.summary.slowest)),
    ("lost", "int", "events and messages that are missing", lambda seen: seen.row.summary.lost),
    ("heard", "ns", "how long ago it was heard of", lambda seen: _ns(max(0.0, seen.now - seen.row.heard))),
    ("flows", "bool", "it is heard of, and nothing is wrong", lambda seen: _flows(seen)),
    ("silent", "bool", "it is not heard of", lambda seen: seen.row.state(seen.now) == "silent"),
    ("ended", "bool", "it has ended", lambda seen: seen.row.state(seen.now) == "ended"),
)
_FOR_WORDS = {"stream": "pid", "local": "address", "peer": "engine", "name": "program", "place": "host"}
"""What a word alone is looked for in has these names in the language of streams."""


def _flows(seen: _Seen) -> bool:
    return seen.row.state(seen.now) == LIVE and not seen.row.summary.level


class _OfEngines(Language):
    def __init__(self) -> None:
        vocabulary = Vocabulary([], [], (), Words(engine="a fleet"))
        self.vocabulary = vocabulary
        own = {name: Name(name, domain, meaning, _asked(of)) for name, domain, meaning, of in _NAMES}
        self.names = {**own, **{name: own[meant] for name, meant in _FOR_WORDS.items()}}
        self.names["errors"] = Name("error", "bool", "an alarm", _asked(lambda seen: seen.row.summary.level == "error"))
        self.values = Values(vocabulary)
        self.stream_names = tuple(own.values())
        self.event_names = ()


def _asked(of: Callable[[_Seen], Any]) -> Callable[[Any, int], Any]:
    return lambda seen, now_t: of(seen)


@lru_cache(1)
def language() -> Language:
    """The language of engines."""
    return _OfEngines()


Wanted = Callable[[FleetMember, float], bool]


def wanted(text: str) -> Wanted:
    """Whether a row is wanted, by a filter. Raises FilterError."""
    root = parse(text, language())
    if root is None:
        return lambda row, now: True
    test = stream_test(root)

    def is_wanted(row: FleetMember, now: float) -> bool:
        seen: Any = _Seen(row, now)
        return test(seen, 0) is True

    return is_wanted


__all__ = ["FilterError", "Wanted", "language", "wanted"]
