"""The words of an engine as they travel, in a greeting and in a trace: maps, so that what a later version adds is
passed over. `vocabulary` makes of them what the rest of the house asks. They travel in English: `as_spoken` has them
in the language that is spoken, as far as its catalogue knows the sentences; those of a foreign engine stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from streamscope.language import tr

DETAIL, STEP, CHANGE, TROUBLE = range(4)
"""How much a kind matters: bookkeeping, a step of what is told as a whole, what a person would tell, trouble."""

TCP_STATES = {
    1: "ESTABLISHED", 2: "SYN_SENT", 3: "SYN_RECV", 4: "FIN_WAIT1", 5: "FIN_WAIT2", 6: "TIME_WAIT", 7: "CLOSE",
    8: "CLOSE_WAIT", 9: "LAST_ACK", 10: "LISTEN", 11: "CLOSING", 12: "NEW_SYN_RECV",
}  # fmt: skip
"""The kernel's names for its states (`tcp_states.h`), the same in every feed."""


class KindWords(msgspec.Struct, frozen=True):
    """What a kind means: the domains of its arguments (see `core.probe.Arg`), the functions that tell of it, one
    sentence, the few words a person would say, how much it matters, and what one concludes from it.
    """

    domains: list[str] = []
    functions: list[str] = []
    meaning: str = ""
    plain: str = ""
    weight: int = STEP
    practice: str = ""


class FlagWords(msgspec.Struct, frozen=True):
    """One flag of a handle; fields as in `core.vocabulary.flag_words.FlagWords`, and what one concludes from it."""

    bit: int
    name: str
    plain: str = ""
    meaning: str = ""
    set_by: list[str] = []
    cleared_by: list[str] = []
    weight: int = 2
    letter: str = ""
    cell: int = -1
    types: list[str] = []
    went_on: str = ""
    went_off: str = ""
    passing: bool = False
    practice: str = ""


class NameWords(msgspec.Struct, frozen=True):
    """A number that stands for a name: a handle's type (`stream`: whether it is a stream), a request's type, a
    callback, a poll bit, an error, or a field of the kernel's (`domain`: how its numbers read; `stream`: whether
    it is of a stream, and not of the loop); and, of a request, what one concludes from it.
    """

    number: int
    name: str
    meaning: str = ""
    stream: bool = False
    domain: str = ""
    practice: str = ""


class FieldWords(msgspec.Struct, frozen=True):
    """A field of state: what a person calls it, one sentence, how much it matters (3 stands in every view), what it is
    until the feed says otherwise, what the engine calls it, if not as the fold does, and what one concludes from it.
    """

    plain: str = ""
    meaning: str = ""
    weight: int = 1
    initial: int = 0
    name: str = ""
    practice: str = ""


class Words(msgspec.Struct, frozen=True):
    """The words of an engine. `engine` is what speaks: `asyncio, CPython 3.12.1`; `unseen` are the fields that it
    cannot know, and `unseen_of_states` those beside it that it cannot where states alone are watched; `every_ms` is how
    often it is looked at where nothing is told in between, 0 where all is told.
    """

    engine: str = ""
    kinds: dict[str, KindWords] = {}
    functions: dict[str, str] = {}
    flags: list[FlagWords] = []
    types: list[NameWords] = []
    requests: list[NameWords] = []
    callbacks: list[NameWords] = []
    polls: list[NameWords] = []
    errors: list[NameWords] = []
    fields: dict[str, FieldWords] = {}
    unseen: list[str] = []
    kernel: list[NameWords] = []
    every_ms: int = 0
    unseen_of_states: list[str] = []

    def of_states(self) -> Words:
        """The same of an engine of which states alone are watched."""
        return msgspec.structs.replace(self, unseen=[*self.unseen, *self.unseen_of_states], unseen_of_states=[])


_SAID = ("plain", "meaning", "practice", "went_on", "went_off")
"""What of an entry is a sentence, and no name."""

_Entry = TypeVar("_Entry", KindWords, FlagWords, NameWords, FieldWords)


def as_spoken(words: Words) -> Words:
    """The words as a person is told them: what is a name stays as it is."""
    return msgspec.structs.replace(
        words,
        kinds={name: _said(kind) for name, kind in words.kinds.items()},
        functions={name: tr(meaning) for name, meaning in words.functions.items()},
        fields={name: _said(field) for name, field in words.fields.items()},
        flags=_every(words.flags),
        requests=_every(words.requests),
        kernel=_every(words.kernel),
    )


def _every(entries: Iterable[_Entry]) -> list[_Entry]:
    return [_said(entry) for entry in entries]


def _said(entry: _Entry) -> _Entry:
    texts = {name: tr(text) for name in _SAID if (text := getattr(entry, name, ""))}
    return msgspec.structs.replace(entry, **texts)
