"""What stands on the right of a comparison: from words to the feed's numbers, and back.

Names come from the catalogue and from libuv's and the kernel's lists; sizes and times have units. Everything else is a
`FilterError` at the word that is wrong, with what it may have been meant to be.
"""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from streamscope.core.errors import EOF
from streamscope.core.flags import FLAG_NAMES, POLL_NAMES, REQUEST_NAMES, TYPE_NAMES
from streamscope.core.probe import CALLBACK_NAMES, FUNCTIONS, KINDS
from streamscope.trace.filter.lexer import STRING, FilterError, Token, quoted
from streamscope.trace.vocabulary import Vocabulary

BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
TIMES = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_ALSO = {"µs": "us", "μs": "us", "K": "KiB", "M": "MiB", "G": "GiB", "k": "KiB"}

NUMBER = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]+|[0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?)([A-Za-zµμ]*)")
_MOST_DIGITS = 30

_MASKS = {name: bit for bit, name in POLL_NAMES.items()}
_ERRORS = {name: -number for number, name in errno.errorcode.items()} | {"EOF": EOF}

VALUES: dict[str, dict[str, int]] = {
    "flag": {name: bit for bit, name in FLAG_NAMES.items()},
    "flags": {name: bit for bit, name in FLAG_NAMES.items()},
    "mask": {**_MASKS, **{f"POLL{name}": bit for name, bit in _MASKS.items()}},
    "status": {"OK": 0, **_ERRORS},
    "result": _ERRORS,
    "type": {name: number for number, name in TYPE_NAMES.items()},
    "request": {name: number for number, name in REQUEST_NAMES.items()},
    "callback": {name: number for number, name in enumerate(CALLBACK_NAMES)},
    "kernel": {name: number for number, name in Vocabulary.here().kernel.items()},
    "callbacks": {name: 1 << number for number, name in enumerate(CALLBACK_NAMES) if number},
}
"""Names of values, by domain. Those that this version has no name for can be written as numbers."""

TEXTS: dict[str, frozenset[str]] = {
    "kind": frozenset(kind.name for kind in KINDS),
    "function": frozenset(FUNCTIONS),
}
"""Domains whose values are texts of a list. In quotes any text may stand there: an engine of another version may have
more.
"""

SUGGESTED: dict[str, tuple[str, ...]] = {
    **{domain: tuple(names) for domain, names in VALUES.items()},
    **{domain: tuple(sorted(texts)) for domain, texts in TEXTS.items()},
    "mask": tuple(_MASKS),
    "status": ("ECANCELED", "ECONNRESET", "EOF", "EPIPE"),
    "result": ("EAGAIN", "ECONNRESET", "EMFILE", "EPIPE"),
    "any": ("on", "off"),
}
"""What completion offers: not every error there is."""

WHAT = {
    "bytes": "a number of bytes", "ns": "a time", "ms": "a time", "int": "a number", "fd": "a descriptor",
    "req": "a number", "handle": "a number", "status": "a number or an error's name",
    "result": "a number or an error's name", "flag": "a flag", "flags": "flags", "mask": "poll events",
    "type": "a handle's type", "request": "a request's type", "callback": "a callback", "callbacks": "callbacks",
    "kernel": "a field of the kernel's",
    "kind": "a kind of event", "function": "a libuv function", "text": "a text", "any": "a value", "bool": "yes or no",
}  # fmt: skip
"""What values of a domain are called."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A value. `number` is None for a text. In the domain `any` a name may be several things: `by_domain` has them."""

    domain: str
    number: int | None = None
    text: str = ""
    by_domain: tuple[tuple[str, int], ...] = ()

    def shown(self) -> str:
        """As a filter writes it."""
        number, domain = self.number, self.domain
        if number is None:
            bare = self.by_domain or self.text in TEXTS.get(domain, ())
            return self.text if bare else quoted(self.text)
        if domain in ("bytes", "ns", "ms"):
            return _with_unit(number, BYTES if domain == "bytes" else TIMES)
        if domain in VALUES:
            return _named(number, domain)
        return str(number)


def _with_unit(number: int, units: dict[str, int]) -> str:
    unit = max((name for name in units if number % units[name] == 0), key=units.__getitem__)
    return f"{number // units[unit]}{unit}" if number else "0"


def _named(number: int, domain: str) -> str:
    names = {value: name for name, value in reversed(VALUES[domain].items())}
    if domain in ("mask", "callbacks", "flags") and number > 0:
        known = [name for value, name in sorted(names.items()) if number & value]
        if number & ~sum(names) == 0:
            return "|".join(known)
    if domain in ("status", "result"):
        return names.get(number, str(number)) if number < 0 else str(number)
    return names.get(number, str(number))


def number_of(token: Token, unit: str = "") -> tuple[Fraction, str] | None:
    """The number that a word is, and its unit as it is written; None if it is no number. Raises FilterError for one
    beyond all measure.
    """
    match = NUMBER.fullmatch(token.text)
    if match is None or (match[2][:2] in ("0x", "0X") and match[3]):
        return None
    if len(match[2]) > _MOST_DIGITS:
        raise FilterError("this number is too long", token.start, token.end)
    digits = match[2].replace("_", "")
    number = Fraction(int(digits, 16)) if digits[:2] in ("0x", "0X") else Fraction(digits)
    return -number if match[1] == "-" else number, unit or match[3]


def constant(domain: str, token: Token, unit: Token | None = None) -> Constant:
    """The value that the word stands for in this domain, with the unit that may be written after it. Raises
    FilterError.
    """
    end = unit.end if unit is not None else token.end
    if domain == "text":
        return Constant(domain, text=token.text)
    if domain in TEXTS:
        return _of_list(domain, token)
    found = None if token.kind == STRING else number_of(token, unit.text if unit is not None else "")
    if found is not None:
        return Constant(domain, _measured(domain, *found, token, end))
    if domain == "any":
        return _anything(token)
    if domain == "handle" and token.text.startswith("#") and token.text[1:].isascii() and token.text[1:].isdigit():
        return constant(domain, Token(token.kind, token.text[1:], token.start, token.end))
    values = VALUES.get(domain)
    if values is None:
        raise FilterError(f"{token.shown()} is not {WHAT[domain]}{_example(domain)}", token.start, token.end)
    value = values.get(token.text)
    if value is None:
        value = _whatever_case(domain).get(token.text.lower())
    if value is None:
        raise _unknown(token, WHAT[domain], values)
    return Constant(domain, value)


def _of_list(domain: str, token: Token) -> Constant:
    if token.kind != STRING and token.text not in TEXTS[domain]:
        raise _unknown(token, WHAT[domain], TEXTS[domain])
    return Constant(domain, text=token.text)


def _anything(token: Token) -> Constant:
    """A value of the old or the new of a change: a text in quotes, or any name of any domain."""
    if token.kind == STRING:
        return Constant("any", text=token.text)
    word = token.text.lower()
    found = {domain: _whatever_case(domain)[word] for domain in VALUES if word in _whatever_case(domain)}
    if word in ("on", "off"):
        found["edge"] = int(word == "on")
    if not found:
        raise _unknown(token, "a value", [name for values in VALUES.values() for name in values] + ["on", "off"])
    return Constant("any", text=token.text, by_domain=tuple(sorted(found.items())))


@lru_cache
def _whatever_case(domain: str) -> dict[str, int]:
    return {name.lower(): value for name, value in VALUES[domain].items()}


def _example(domain: str) -> str:
    return {"bytes": ": 64KiB", "ns": ": 100ms", "ms": ": 100ms"}.get(domain, "")


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
            raise FilterError(f"this is {WHAT[domain]}, which has no unit", token.start, end)
        raise FilterError(f"this is {WHAT[domain]}; its units are {', '.join(units)}", token.start, end)
    if not unit and domain in ("ns", "ms") and number != 0:
        raise FilterError(f"a time needs a unit: {token.text}ms, {token.text}s", token.start, end)
    whole = number * units.get(unit, 1)
    if whole.denominator != 1:
        raise FilterError(f"this is not a whole number{' of bytes' if domain == 'bytes' else ''}", token.start, end)
    return int(whole)


def _unknown(token: Token, what: str, known: Iterable[str]) -> FilterError:
    return FilterError(f"{token.shown()} is not {what}{meant(token.text, known)}", token.start, token.end)


def meant(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?` if there is something that may have been meant."""
    by_small = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower()[:60], by_small, 1, 0.6)
    return f"; did you mean {by_small[near[0]]}?" if near else ""
