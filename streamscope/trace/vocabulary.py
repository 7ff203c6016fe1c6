"""The vocabulary of a feed: everything that its greeting says of how it is to be read and what it means.

Nobody above the engine knows an engine's numbers. Kinds, functions and joined records come with the greeting and stand
in the trace, and so do the words: which bit is which flag and what that means, the names of types, requests, callbacks
and poll bits, what each field is called, and which fields this engine cannot know. Whoever shows, filters, checks or
exports takes names from the feed's own `Vocabulary` and nowhere else; a number that has no name is shown as a number.

A greeting is not trusted: names are checked, texts are cut and everything is bounded. Feeds of protocol 1 and traces of
format 1 brought no words; theirs stand frozen in `words_of_format_1.json`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec

from streamscope.core.joined_records import JOINED
from streamscope.core.probe import FUNCTIONS, KINDS
from streamscope.core.records import SAMPLED
from streamscope.core.vocabulary import words as words_of_the_engine
from streamscope.language import spoken, tr
from streamscope.trace.expansions import JoinedAsTold, Kinds
from streamscope.trace.state import StreamState
from streamscope.trace.untrusted import NAME, FeedError
from streamscope.trace.words import TCP_STATES, FieldWords, FlagWords, KindWords, NameWords, Words, as_spoken

MOST_NAMES = 4096
SAID_BY_PROGRAM = 56
"""From this number on, a field of what is said is said by the program."""
MOST_TEXT = 400
"""Characters that are kept of one sentence."""
_MOST_BIT = 1 << 62


class Reading(NamedTuple):
    """How an argument reads: its domain, the function that names its numbers, None where they have no names, and
    whether negative ones are errors.
    """

    domain: str
    namer: Callable[[int], str] | None
    fails: bool


class Greeting(Protocol):
    """What brings a vocabulary: the link's `Hello`, and the header of a trace."""

    @property
    def kinds(self) -> Kinds:
        """Names of the kinds and of their arguments."""

    @property
    def functions(self) -> Sequence[str]:
        """Names of the functions."""

    @property
    def joined(self) -> JoinedAsTold:
        """The joined records."""

    @property
    def vocabulary(self) -> Words | None:
        """The words, None for a feed of protocol 1."""


class Vocabulary:
    """What the feed of one engine is to be read with. Raises FeedError for what no engine can have.

    - `kinds`, `functions`, `joined`: as the greeting has them;
    - `words`: as the feed has them; `said`: in the language that is spoken, and so is what is asked of them here;
    - `engine`: what speaks; `unseen`: names of fields that it cannot know;
    - `flag_names`, `flag_bits`: the names of the handle's flags, from the lowest bit up; and their bits by name;
    - `types`, `requests`, `callbacks`, `polls`, `errors`, `kernel`: names by number; `stream_types`: the types
      that are streams;
    - `listens`: the bit of a stream's callbacks that says that it waits for connections, 0 if there is none.
    """

    def __init__(
        self, kinds: Kinds, functions: Sequence[str], joined: JoinedAsTold = (), words: Words | None = None
    ) -> None:
        if words is None:
            words = frozen_words()
        self.kinds: list[tuple[str, tuple[str, ...]]] = [(name, tuple(arguments)) for name, arguments in kinds]
        self.functions = list(functions)
        self.joined = joined
        self.words = words
        self._check_bounds()
        self.engine = words.engine[:MOST_TEXT]
        self.unseen = frozenset(words.unseen)
        self.flag_names = {flag.bit: flag.name for flag in sorted(words.flags, key=attrgetter("bit"))}
        self.flag_bits = {flag.name: flag.bit for flag in words.flags}
        self.types = _by_number(words.types)
        self.stream_types = frozenset(entry.number for entry in words.types if entry.stream)
        self.requests = _by_number(words.requests)
        self.callbacks = _by_number(words.callbacks)
        self.polls = _by_number(words.polls)
        self.errors = _by_number(words.errors)
        self.kernel = _by_number(words.kernel)
        self._kernel_domains = {entry.number: entry.domain for entry in words.kernel}
        connection = self.callback("connection_cb")
        self.listens = 1 << connection if connection > 0 else 0
        self.listening = self.flag("LISTENING")
        self._domains = self._domains_of_kinds()
        self._said = "en", words
        self._readings: dict[tuple[str, str], Reading] = {}
        self._told: dict[tuple[str, ...], bool] = {}

    @classmethod
    @lru_cache(1)
    def here(cls) -> Vocabulary:
        """That of this version's engine; always the same object."""
        kinds = [(kind.name, tuple(arg.name for arg in kind.args)) for kind in KINDS]
        joined = [(j.name, list(j.args), [(site, list(refs)) for site, refs in j.steps]) for j in JOINED]
        return cls(kinds, FUNCTIONS, joined, msgspec.convert(words_of_the_engine(), Words))

    @classmethod
    def of(cls, greeting: Greeting) -> Vocabulary:
        """What a greeting brings: that of this version's engine, if it is that. Raises FeedError."""
        here, words = cls.here(), greeting.vocabulary
        if (
            words == here.words
            and list(greeting.functions) == here.functions
            and greeting.joined == here.joined
            and [(name, tuple(arguments)) for name, arguments in greeting.kinds] == here.kinds
        ):
            return here
        return cls(greeting.kinds, greeting.functions, greeting.joined, words)

    def _check_bounds(self) -> None:
        words = self.words
        if len(self.kinds) > 256 or len(self.functions) > 256:
            raise FeedError(tr("the feed's catalogue is longer than a header can say"))
        named: list[FlagWords | NameWords] = [*words.flags, *words.types, *words.requests, *words.callbacks]
        named += [*words.polls, *words.errors, *words.kernel]
        unseen = [*words.unseen, *words.unseen_of_states]
        if len(words.kinds) + len(words.functions) + len(words.fields) + len(unseen) + len(named) > MOST_NAMES:
            raise FeedError(tr("the feed's vocabulary has more than {most} words", most=f"{MOST_NAMES:,}"))
        names = (
            *self.functions, *(kind for kind, _ in self.kinds), *(arg for _, args in self.kinds for arg in args),
            *(name for name, _, _ in self.joined), *words.fields, *unseen, *(entry.name for entry in named),
            *(field.name for field in words.fields.values() if field.name),
        )  # fmt: skip
        for name in names:
            if not NAME.fullmatch(name):
                raise FeedError(tr("the feed's catalogue has a name that is none: {name}", name=f"{name[:64]!a}"))
        bits = [flag.bit for flag in words.flags]
        masks = [poll.number for poll in words.polls]
        if any(bit <= 0 or bit & bit - 1 or bit > _MOST_BIT for bit in (*bits, *masks)):
            raise FeedError(tr("a flag or poll event of the feed's vocabulary is not one bit"))
        if len(set(bits)) < len(bits) or len({flag.name for flag in words.flags}) < len(bits):
            raise FeedError(tr("the feed's vocabulary names a flag twice"))
        if any(not 0 <= entry.number < 64 for entry in words.callbacks):
            raise FeedError(tr("a callback of the feed's vocabulary has a number that none can have"))

    def _domains_of_kinds(self) -> dict[tuple[str, str], str]:
        """The domain of each argument. An argument that the words say nothing of has the domain that its name has
        wherever they do, and `any` if that is not one alone.
        """
        found: dict[tuple[str, str], str] = {}
        by_name: dict[str, set[str]] = {}
        for kind, arguments in self.kinds:
            words = self.words.kinds.get(kind)
            if words is not None:
                for argument, domain in zip(arguments, words.domains):
                    found[kind, argument] = domain if domain in DOMAINS else "any"
                    by_name.setdefault(argument, set()).add(domain)
        for kind, arguments in self.kinds:
            for argument in arguments:
                domains = by_name.get(argument, set())
                found.setdefault((kind, argument), next(iter(domains)) if len(domains) == 1 else "any")
        return found

    # as a person is told

    @property
    def said(self) -> Words:
        """The words in the language that is spoken: for what is shown, and not for what is passed on."""
        language, words = self._said
        if language != spoken():
            words = as_spoken(self.words)
            self._said = spoken(), words
        return words

    @property
    def flags(self) -> Sequence[FlagWords]:
        """The handle's flags, in the order of their lamps."""
        return self.said.flags

    @property
    def fields(self) -> Mapping[str, FieldWords]:
        """What is known of a stream and of the loop, by name."""
        return self.said.fields

    # what a word is

    def domain_of(self, kind: str, argument: str) -> str:
        """The domain of an argument, `any` where the feed does not say."""
        return self._domains.get((kind, argument), "any")

    def flag(self, name: str) -> int:
        """The flag's bit, 0 if this engine has no such flag."""
        return self.flag_bits.get(name, 0)

    def poll(self, name: str) -> int:
        """The bit of a poll event, `IN` or `OUT`; 0 if this engine has none."""
        return next((bit for bit, found in self.polls.items() if found == name), 0)

    def request(self, name: str) -> int:
        """The number of a type of request, -1 if this engine has none."""
        return next((number for number, found in self.requests.items() if found == name), -1)

    def callback(self, name: str) -> int:
        """The number of a callback, -1 if this engine has none."""
        return next((number for number, found in self.callbacks.items() if found == name), -1)

    def kernel_number(self, name: str) -> int:
        """The number of a field of what the kernel says, `outq`; -1 if this engine tells of none."""
        return self._kernel_numbers.get(name, -1)

    def kernel_value(self, field: int, value: int) -> str:
        """How a value of a field of the kernel's reads: `ESTABLISHED`, `IN|OUT`, `1,200 µs`, `4,096 B`."""
        domain = self._kernel_domains.get(field, "")
        if domain == "tcp_state":
            return TCP_STATES.get(value, str(value))
        if domain == "mask":
            return self.mask_text(value) or tr("nothing")
        return f"{value:,}" + {"bytes": " B", "us": " µs", "ns": " ns"}.get(domain, "")

    def knows(self, field: str) -> bool:
        """Whether this engine can know the field."""
        return field not in self.unseen

    def has(self, field: str) -> bool:
        """Whether there is such a field in this engine, known or not."""
        fields = self.words.fields
        return not fields or field in fields or field in self.unseen

    def tells(self, *fields: str) -> bool:
        """Whether this engine has all of these fields, and can know them."""
        told = self._told.get(fields)
        if told is None:  # kept, since tables ask it of every stream
            told = self._told[fields] = all(self.has(field) and self.knows(field) for field in fields)
        return told

    @cached_property
    def is_sampled(self) -> bool:
        """Whether all that is told was seen by looking from outside."""
        return self.functions == [SAMPLED]

    @cached_property
    def program(self) -> Mapping[int, str]:
        """Of the fields of what is said of a stream, those that code in the program says, and not the kernel; by
        number.
        """
        return {number: name for number, name in self.kernel.items() if number >= SAID_BY_PROGRAM}

    @property
    def before_queue(self) -> FieldWords | None:
        """The words of where bytes wait that have not come to a stream's queue yet, as Node's do in JavaScript: a field
        `before_queue`, which no state has. None for an engine in which none do. Who can know how many they are tells
        that as what the program says.
        """
        return self.fields.get("before_queue")

    def label(self, field: str) -> str:
        """What this engine calls a field."""
        return self.field(field).name or field

    def field(self, name: str) -> FieldWords:
        """The words of a field; empty ones where the feed has none."""
        return self.fields.get(name) or FieldWords()

    def kind(self, name: str) -> KindWords:
        """The words of a kind; empty ones where the feed has none."""
        return self.said.kinds.get(name) or KindWords()

    def meaning_of(self, function: str) -> str:
        """What a function does, in one sentence; "" where the feed does not say."""
        return self.said.functions.get(function, "")[:MOST_TEXT]

    def meaning_of_request(self, request: int) -> str:
        """What a request of this type waits for, in a few words; "" where the feed does not say."""
        return next((entry.meaning[:MOST_TEXT] for entry in self.said.requests if entry.number == request), "")

    # how a word reads

    def flag_text(self, flags: int) -> str:
        """`READING`, or `READABLE|WRITABLE` for several; empty for none."""
        return bits_text(flags, self.flag_names)

    def mask_text(self, mask: int) -> str:
        """`IN|OUT`; empty for none."""
        return bits_text(mask, self.polls)

    def callback_text(self, callback: int) -> str:
        """`read_cb`."""
        return self.callbacks.get(callback) or f"callback {callback}"

    def callbacks_text(self, bits: int) -> str:
        """`alloc_cb|read_cb` for the bits `1 << callback`; empty for none."""
        return bits_text(bits, self._callback_bits)

    def type_text(self, handle_type: int) -> str:
        """`tcp`."""
        return self.types.get(handle_type) or f"type {handle_type}"

    def request_text(self, request: int) -> str:
        """`write`."""
        return self.requests.get(request) or f"request {request}"

    def kernel_text(self, field: int) -> str:
        """`outq`."""
        return self.kernel.get(field) or f"field {field}"

    def error_text(self, status: int) -> str:
        """`ECONNRESET` for -104; the number itself where neither the engine nor the system has a name for it."""
        return self.errors.get(status) or errno.errorcode.get(-status) or str(status)

    def reading(self, kind: str, argument: str) -> Reading:
        """How an argument reads."""
        found = self._readings.get((kind, argument))
        if found is None:
            domain = self.domain_of(kind, argument)
            found = Reading(domain, self.namers.get(domain), domain in ERROR_DOMAINS)
            if len(self._readings) < MOST_NAMES:
                self._readings[kind, argument] = found
        return found

    @cached_property
    def initial(self) -> dict[str, Any]:
        """What fields of a fresh handle are, where that is not what `StreamState` has them be."""
        fresh = StreamState(0)
        return {
            name: field.initial
            for name, field in self.words.fields.items()
            if type(getattr(fresh, name, None)) is int and getattr(fresh, name) != field.initial
        }

    def fresh(self, number: int, handle_type: int = 0) -> StreamState:
        """A handle of which nothing has been told yet."""
        return StreamState(number, handle_type, **self.initial)

    @cached_property
    def passing(self) -> int:
        """The flags whose changes are steps of something else, all in one."""
        return sum(flag.bit for flag in self.words.flags if flag.passing)

    @cached_property
    def namers(self) -> Mapping[str, Callable[[int], str]]:
        """By domain whose numbers stand for names alone: how such a number reads."""
        return {
            "flag": self.flag_text,
            "mask": self.mask_text,
            "callback": self.callback_text,
            "callbacks": self.callbacks_text,
            "type": self.type_text,
            "request": self.request_text,
            "kernel": self.kernel_text,
        }

    @cached_property
    def _kernel_numbers(self) -> dict[str, int]:
        return {name: number for number, name in self.kernel.items()}

    @cached_property
    def _callback_bits(self) -> dict[int, str]:
        return {1 << number: name for number, name in self.callbacks.items() if number}


DOMAINS = frozenset({
    "int", "bytes", "fd", "req", "handle", "flag", "mask", "status", "result", "ns", "ms", "type", "request",
    "callback", "callbacks", "kernel", "text", "any",
})  # fmt: skip
"""What an argument may be; a domain that a later version adds reads as `any`."""

ERROR_DOMAINS = frozenset({"status", "result"})
"""Domains whose negative numbers are errors and whose others are counts or 0."""


def bits_text(word: int, names: Mapping[int, str]) -> str:
    """The names of the bits that are set, joined by `|`, and the rest as a number."""
    found = [name for bit, name in names.items() if word & bit]
    rest = word & ~sum(names)
    return "|".join([*found, hex(rest)] if rest else found)


def _by_number(entries: Iterable[NameWords]) -> dict[int, str]:
    return {entry.number: entry.name for entry in entries}


@lru_cache(1)
def frozen_words() -> Words:
    """The words of feeds that bring none: those of protocol 1 and format 1, as they were and will stay."""
    return msgspec.json.decode(Path(__file__).with_name("words_of_format_1.json").read_bytes(), type=Words)
