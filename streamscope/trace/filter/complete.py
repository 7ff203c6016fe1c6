"""What may be written where the cursor is: names, values of the name that is compared, operators."""

from __future__ import annotations

from dataclasses import dataclass

from streamscope.core.flags import FLAG_NAMES, STREAM_TYPES, TYPE_NAMES
from streamscope.core.probe import KINDS
from streamscope.trace.filter.lexer import OPERATOR, STRING, WORD, FilterError, Token, tokens
from streamscope.trace.filter.names import ERROR, NAMES, ORDERED, PREDICATES, SETS, Name
from streamscope.trace.filter.parser import COMPARISONS
from streamscope.trace.filter.values import BYTES, NUMBER, SUGGESTED, TIMES, WHAT

MOST = 200

_MEANINGS = {kind.name: kind.meaning for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Completion:
    """What may stand in the text from `start` to `end`, and a word about it."""

    text: str
    start: int
    end: int
    about: str = ""

    def applied(self, text: str) -> tuple[str, int]:
        """The text with it, and where the cursor is then."""
        return text[: self.start] + self.text + text[self.end :], self.start + len(self.text)


def complete(text: str, cursor: int, *, for_streams: bool = False) -> list[Completion]:
    """What may stand where the cursor is, best first; nothing inside quotes, and nothing for a text that is not even
    words. With `for_streams`, names that only events have are left out.
    """
    cursor = min(max(cursor, 0), len(text))
    try:
        before = tokens(text[:cursor])[:-1]
        after = tokens(text)
    except FilterError:
        return []
    word = next((t for t in after if t.kind == WORD and t.start < cursor <= t.end), None)
    if any(t.kind == STRING and t.start < cursor < t.end for t in after):
        return []
    start, end = (cursor, cursor) if word is None else (word.start, word.end)
    typed = text[start:cursor].lower()
    context = [token for token in before if token.end <= start]
    offered = _offers(context, for_streams, glued=word is None and bool(before) and before[-1].end == cursor)
    fitting = [(t, about) for t, about in offered if t.lower().startswith(typed)]
    fitting += [(t, about) for t, about in offered if len(typed) > 1 and typed in t.lower()[1:]]
    if number := NUMBER.fullmatch(text[start:cursor]):
        fitting = _with_units(context, number[2], number[3])
    unique: dict[str, str] = {}
    for t, about in fitting:
        unique.setdefault(t, about)
    return [Completion(t, start, end, about) for t, about in unique.items() if t.lower() != typed][:MOST]


def _with_units(context: list[Token], digits: str, unit: str) -> list[tuple[str, str]]:
    """The number with the units that it can have."""
    name = NAMES.get(context[-2].text) if len(context) > 1 and context[-1].text in COMPARISONS else None
    units = BYTES if name and name.domain == "bytes" else TIMES if name and name.domain in ("ns", "ms") else {}
    return [(digits + name, "") for name in units if name.lower().startswith(unit.lower())]


def _offers(before: list[Token], for_streams: bool, glued: bool) -> list[tuple[str, str]]:
    last = before[-1] if before else None
    if last is None:
        return _beginnings(for_streams)
    if last.kind == OPERATOR:
        return _after_operator(before, for_streams)
    word = last.word()
    if word == "has" and len(before) > 1 and (name := NAMES.get(before[-2].text)):
        return _values(name.domain)
    if word in ("and", "or", "not"):
        return _beginnings(for_streams)
    name = NAMES.get(last.text) if last.kind == WORD else None
    compared = len(before) > 1 and (before[-2].text in COMPARISONS or before[-2].word() == "has")
    if name is not None and not compared and name.domain != "bool":
        return _operators(name)
    if glued:
        return []
    return [("and", "both"), ("or", "one of them"), *_beginnings(for_streams)]


def _after_operator(before: list[Token], for_streams: bool) -> list[tuple[str, str]]:
    sign = before[-1].text
    named = before[-2] if len(before) > 1 else None
    if sign == "(" and named is not None and named.text in PREDICATES and named.end == before[-1].start:
        return _values(PREDICATES[named.text][0])
    if sign in COMPARISONS:
        name = NAMES.get(named.text) if named is not None and named.kind == WORD else None
        return [] if name is None or sign in ("~", "!~") else _values(name.domain) + _beside(name)
    if sign == "|":
        opener = next((t for t in reversed(before) if t.text in NAMES or t.text in PREDICATES), None)
        if opener is None:
            return []
        return _values(PREDICATES[opener.text][0] if opener.text in PREDICATES else NAMES[opener.text].domain)
    if sign in ("(", "!"):
        return _beginnings(for_streams)
    return [("and", "both"), ("or", "one of them")] if sign == ")" else []


def _beginnings(for_streams: bool) -> list[tuple[str, str]]:
    names = [name for name in NAMES.values() if not (for_streams and name.event_only)]
    offered = [(name.name, name.meaning) for name in names]
    offered += [(f"{name}(", about) for name, (_, about) in PREDICATES.items()]
    offered += [("not", "the opposite"), (ERROR, "something failed")]
    offered += [(flag, "a flag") for flag in FLAG_NAMES.values()]
    offered += [(TYPE_NAMES[number], "a type") for number in sorted(STREAM_TYPES)]
    return offered


def _operators(name: Name) -> list[tuple[str, str]]:
    signs = [("==", "is"), ("!=", "is not")]
    if name.domain in ORDERED or name.domain == "any":
        signs = [(">", "more than"), ("<", "less than"), (">=", "at least"), ("<=", "at most"), *signs]
    if name.domain in SETS or name.domain == "any":
        signs = [("has", "has at least these"), *signs]
    if name.domain in ("text", "kind", "function"):
        signs += [("~", "a pattern is found in it"), ("!~", "it is not")]
    return signs


def _values(domain: str) -> list[tuple[str, str]]:
    return [(text, _MEANINGS.get(text, WHAT[domain])) for text in SUGGESTED.get(domain, ())]


def _beside(name: Name) -> list[tuple[str, str]]:
    if name.domain not in ORDERED:
        return []
    return [(other.name, other.meaning) for other in NAMES.values() if other.domain == name.domain and other != name]
