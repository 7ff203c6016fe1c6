"""What stands on the right of a comparison: from words to a feed's numbers, and back.

Names come from the feed's vocabulary and from the system's list of errors; sizes and times have units. Everything else
is a `FilterError` at the word that is wrong, with what it may have been meant to be.
"""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from streamscope.language import N_, tr
from streamscope.trace.filter.lexer import STRING, FilterError, Token, quoted
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import TCP_STATES

BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
TIMES = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_ALSO = {"µs": "us", "μs": "us", "K": "KiB", "M": "MiB", "G": "GiB", "k": "KiB"}

NUMBER = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]+|[0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?)([A-Za-zµμ]*)")
_MOST_DIGITS = 30

SETS = frozenset({"mask", "callbacks", "flags"})
"""Domains whose values are bits with names, any number of them."""
_NOWHERE = 1 << 64
"""From here on are numbers that no word of a feed can be."""

WHAT = {
    "bytes": N_("a number of bytes"), "ns": N_("a time"), "ms": N_("a time"), "int": N_("a number"),
    "fd": N_("a descriptor"), "req": N_("a number"), "handle": N_("a number"),
    "status": N_("a number or an error's name"), "result": N_("a number or an error's name"), "flag": N_("a flag"),
    "flags": N_("flags"), "mask": N_("poll events"), "type": N_("a handle's type"), "request": N_("a request's type"),
    "callback": N_("a callback"), "callbacks": N_("callbacks"), "kernel": N_("a field of the kernel's"),
    "kind": N_("a kind of event"), "function": N_("a function"), "text": N_("a text"), "any": N_("a value"),
    "bool": N_("yes or no"), "tcp_state": N_("a TCP state"),
}  # fmt: skip
"""What values of a domain are called."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A value. `number` is None for a text. In the domain `any` a name may be several things: `by_domain` has them.
    `written` is how a filter writes it, if not as the plain number or the text in quotes.
    """

    domain: str
    number: int | None = None
    text: str = ""
    by_domain: tuple[tuple[str, int], ...] = ()
    written: str = field(default="", compare=False)

    def shown(self) -> str:
        """As a filter writes it."""
        return self.written or (quoted(self.text) if self.number is None else str(self.number))


class Values:
    """Names of values, in the words of one feed: `names` by domain, with their numbers; `texts` are the kinds and
    functions; `suggested` is what completion offers, which is not every error there is.

    Words that only another feed has are known too, with numbers that nothing has here. Those that no feed has a name
    for can be written as numbers.
    """

    def __init__(
        self, vocabulary: Vocabulary, others: Sequence[Vocabulary] = (), kinds: frozenset[str] = frozenset()
    ) -> None:
        """`kinds` are further kinds of events, which no feed tells of."""
        self.names = _names_of(vocabulary)
        self.texts = _texts_of(vocabulary)
        self.texts["kind"] |= kinds
        for other in others:
            for domain, names in _names_of(other).items():
                here = self.names[domain]
                for name, number in names.items():
                    here.setdefault(name, number if domain in ("status", "result") else _NOWHERE << len(here))
            for domain, texts in _texts_of(other).items():
                self.texts[domain] |= texts
        self._small = {domain: {name.lower(): name for name in names} for domain, names in self.names.items()}
        self.suggested: dict[str, tuple[str, ...]] = {
            **{domain: tuple(names) for domain, names in self.names.items()},
            **{domain: tuple(sorted(texts)) for domain, texts in self.texts.items()},
            "mask": tuple(vocabulary.polls.values()),
            "status": ("ECANCELED", "ECONNRESET", "EOF", "EPIPE"),
            "result": ("EAGAIN", "ECONNRESET", "EMFILE", "EPIPE"),
            "any": ("on", "off"),
        }

    def has(self, domain: str, word: str) -> bool:
        """Whether the word is a name of this domain."""
        return word in self.names.get(domain, ()) or word in self.texts.get(domain, ())

    def meant(self, domain: str, word: str) -> str:
        """The name of this domain that the word is in whatever letters, "" for none."""
        return self._small[domain].get(word.lower(), "")

    def constant(self, domain: str, token: Token, unit: Token | None = None) -> Constant:
        """The value that the word stands for in this domain, with the unit that may be written after it. Raises
        FilterError.
        """
        end = unit.end if unit is not None else token.end
        if domain == "text":
            return Constant(domain, text=token.text)
        if domain in self.texts:
            if token.text not in self.texts[domain]:
                raise _unknown(token, WHAT[domain], self.texts[domain])
            return Constant(domain, text=token.text, written=token.text)
        found = None if token.kind == STRING else number_of(token, unit.text if unit is not None else "")
        if found is not None:
            return self.number(domain, _measured(domain, *found, token, end))
        if domain == "any":
            return self._anything(token)
        if domain == "handle" and token.text.startswith("#") and token.text[1:].isascii() and token.text[1:].isdigit():
            return self.constant(domain, Token(token.kind, token.text[1:], token.start, token.end))
        names = self.names.get(domain)
        if names is None:
            said = {"token": token.shown(), "what": tr(WHAT[domain]), "examples": _EXAMPLES.get(domain, "")}
            raise FilterError(tr("{token} is not {what}{examples}", **said), token.start, token.end)
        value = names.get(token.text)
        if value is None:
            value = names.get(self.meant(domain, token.text))
        if value is None:
            raise _unknown(token, WHAT[domain], names)
        return self.number(domain, value)

    def number(self, domain: str, number: int) -> Constant:
        """A number of this domain, which is written by its name if it has one."""
        if domain in ("bytes", "ns", "ms"):
            return Constant(domain, number, written=_with_unit(number, BYTES if domain == "bytes" else TIMES))
        names = {value: name for name, value in reversed(self.names.get(domain, {}).items())}
        if domain in SETS and number > 0 and number & ~sum(names) == 0:
            return Constant(
                domain, number, written="|".join(name for bit, name in sorted(names.items()) if number & bit)
            )
        if domain in ("status", "result") and number >= 0:
            return Constant(domain, number)
        return Constant(domain, number, written=names.get(number, ""))

    def _anything(self, token: Token) -> Constant:
        """A value of the old or the new of a change: a text in quotes, or any name of any domain."""
        if token.kind == STRING:
            return Constant("any", text=token.text)
        word = token.text.lower()
        found = {d: self.names[d][small[word]] for d, small in self._small.items() if word in small}
        if word in ("on", "off"):
            found["edge"] = int(word == "on")
        if not found:
            raise _unknown(token, "a value", [*(name for names in self.names.values() for name in names), "on", "off"])
        return Constant("any", text=token.text, by_domain=tuple(sorted(found.items())), written=token.text)


def _names_of(vocabulary: Vocabulary) -> dict[str, dict[str, int]]:
    flags = {name: bit for bit, name in sorted(vocabulary.flag_names.items())}
    polls = {name: bit for bit, name in vocabulary.polls.items()}
    errors = {name: -number for number, name in errno.errorcode.items()}
    errors |= {name: number for number, name in vocabulary.errors.items()}
    callbacks = {name: number for number, name in vocabulary.callbacks.items()}
    return {
        "flag": flags,
        "flags": dict(flags),
        "mask": {**polls, **{f"POLL{name}": bit for name, bit in polls.items()}},
        "status": {"OK": 0, **errors},
        "result": errors,
        "type": {name: number for number, name in vocabulary.types.items()},
        "request": {name: number for number, name in vocabulary.requests.items()},
        "callback": callbacks,
        "kernel": {name: number for number, name in vocabulary.kernel.items()},
        "tcp_state": {name: number for number, name in TCP_STATES.items()},
        "callbacks": {name: 1 << number for name, number in callbacks.items() if number},
    }


def _texts_of(vocabulary: Vocabulary) -> dict[str, frozenset[str]]:
    return {"kind": frozenset(name for name, _ in vocabulary.kinds), "function": frozenset(vocabulary.functions)}


_ONE_OF = {WHAT["flags"]: N_("a flag"), WHAT["mask"]: N_("a poll event"), WHAT["callbacks"]: "a callback"}
"""What each of several is called."""
_EXAMPLES = {"bytes": ": 64KiB", "ns": ": 100ms", "ms": ": 100ms"}


def _with_unit(number: int, units: dict[str, int]) -> str:
    unit = max((name for name in units if number % units[name] == 0), key=units.__getitem__)
    return f"{number // units[unit]}{unit}" if number else "0"


def number_of(token: Token, unit: str = "") -> tuple[Fraction, str] | None:
    """The number that a word is, and its unit as it is written; None if it is no number. Raises FilterError for one
    beyond all measure.
    """
    match = NUMBER.fullmatch(token.text)
    if match is None or (match[2][:2] in ("0x", "0X") and match[3]):
        return None
    if len(match[2]) > _MOST_DIGITS:
        raise FilterError(tr("this number is too long"), token.start, token.end)
    digits = match[2].replace("_", "")
    number = Fraction(int(digits, 16)) if digits[:2] in ("0x", "0X") else Fraction(digits)
    return -number if match[1] == "-" else number, unit or match[3]


def _measured(domain: str, number: Fraction, unit: str, token: Token, end: int) -> int:
    """The number in the domain's own measure: bytes, and nanoseconds for every time. Raises FilterError."""
    unit = _ALSO.get(unit, unit)
    units: dict[str, int] = {}
    if domain in ("bytes", "any", "result"):
        units |= BYTES
    if domain in ("ns", "ms", "any"):
        units |= TIMES
    if unit and unit not in units:
        if not units:
            raise FilterError(tr("this is {what}, which has no unit", what=tr(WHAT[domain])), token.start, end)
        raise FilterError(
            tr("this is {what}; its units are {units}", what=tr(WHAT[domain]), units=", ".join(units)), token.start, end
        )
    if not unit and domain in ("ns", "ms") and number != 0:
        raise FilterError(tr("a time needs a unit: {token}ms, {token}s", token=token.text), token.start, end)
    whole = number * units.get(unit, 1)
    if whole.denominator != 1:
        raise FilterError(
            tr("this is not a whole number of bytes") if domain == "bytes" else tr("this is not a whole number"),
            token.start,
            end,
        )
    return int(whole)


def _unknown(token: Token, what: str, known: Iterable[str]) -> FilterError:
    what = _ONE_OF.get(what, what)
    return FilterError(
        tr("{token} is not {what}{meant}", token=token.shown(), what=tr(what), meant=meant(token.text, known)),
        token.start,
        token.end,
    )


def meant(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?` if there is something that may have been meant."""
    by_small = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower()[:60], by_small, 1, 0.6)
    return tr("; did you mean {word}?", word=by_small[near[0]]) if near else ""
