"""What may be written where the cursor is: names, values of the name that is compared, operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streamscope.language import tr
from streamscope.trace.filter.filter_language import Language
from streamscope.trace.filter.lexer import OPERATOR, STRING, WORD, FilterError, Token, tokens
from streamscope.trace.filter.names import ERROR, ORDERED, PREDICATES, Name
from streamscope.trace.filter.parser import COMPARISONS
from streamscope.trace.filter.values import BYTES, NUMBER, SETS, TIMES, WHAT
from streamscope.trace.stated import States
from streamscope.trace.vocabulary import Vocabulary

MOST = 200


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


def complete(
    text: str,
    cursor: int,
    vocabulary: Vocabulary,
    *others: Vocabulary,
    for_streams: bool = False,
    states: States | None = None,
) -> list[Completion]:
    """What may stand where the cursor is in a filter of feeds of this vocabulary and of the others, best first; nothing
    inside quotes, and nothing for a text that is not even words. With `for_streams`, names that only events have are
    left out.
    """
    language = Language.of(vocabulary, *others, states=states)
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
    offers = _Offers(language, for_streams)
    offered = offers.after(context, glued=word is None and bool(before) and before[-1].end == cursor)
    fitting = [(t, about) for t, about in offered if t.lower().startswith(typed)]
    fitting += [(t, about) for t, about in offered if len(typed) > 1 and typed in t.lower()[1:]]
    if number := NUMBER.fullmatch(text[start:cursor]):
        fitting = offers.with_units(context, number[2], number[3])
    unique: dict[str, str] = {}
    for t, about in fitting:
        unique.setdefault(t, about)
    return [Completion(t, start, end, about) for t, about in unique.items() if t.lower() != typed][:MOST]


class _Offers:
    """What may come next, with a word about each."""

    def __init__(self, language: Language, for_streams: bool) -> None:
        self._vocabulary = language.vocabulary
        self._values = language.values
        every = (*language.event_names, *language.stream_names)
        self._names = {name.name: name for name in every}
        self._beginnings = [name for name in every if not (for_streams and name.event_only)]

    def with_units(self, context: list[Token], digits: str, unit: str) -> list[tuple[str, str]]:
        """The number with the units that it can have."""
        name = self._names.get(context[-2].text) if len(context) > 1 and context[-1].text in COMPARISONS else None
        units = BYTES if name and name.domain == "bytes" else TIMES if name and name.domain in ("ns", "ms") else {}
        return [(digits + name, "") for name in units if name.lower().startswith(unit.lower())]

    def after(self, before: list[Token], glued: bool) -> list[tuple[str, str]]:
        """What may follow these words; `glued`, right behind the last of them."""
        last = before[-1] if before else None
        if last is None:
            return self.beginnings()
        if last.kind == OPERATOR:
            return self._after_operator(before)
        word = last.word()
        if word == "has" and len(before) > 1 and (name := self._names.get(before[-2].text)):
            return self._of_domain(name.domain)
        if word in ("and", "or", "not"):
            return self.beginnings()
        name = self._names.get(last.text) if last.kind == WORD else None
        compared = len(before) > 1 and (before[-2].text in COMPARISONS or before[-2].word() == "has")
        if name is not None and not compared and name.domain != "bool":
            return _operators(name)
        if glued:
            return []
        return [("and", tr("both")), ("or", tr("one of them")), *self.beginnings()]

    def _after_operator(self, before: list[Token]) -> list[tuple[str, str]]:
        sign = before[-1].text
        named = before[-2] if len(before) > 1 else None
        if sign == "(" and named is not None and named.text in PREDICATES and named.end == before[-1].start:
            return self._of_domain(PREDICATES[named.text][0])
        if sign in COMPARISONS:
            name = self._names.get(named.text) if named is not None and named.kind == WORD else None
            return [] if name is None or sign in ("~", "!~") else self._of_domain(name.domain) + self._beside(name)
        if sign == "|":
            opener = next((t for t in reversed(before) if t.text in self._names or t.text in PREDICATES), None)
            if opener is None:
                return []
            in_parentheses = opener.text in PREDICATES
            return self._of_domain(PREDICATES[opener.text][0] if in_parentheses else self._names[opener.text].domain)
        if sign in ("(", "!"):
            return self.beginnings()
        return [("and", tr("both")), ("or", tr("one of them"))] if sign == ")" else []

    def beginnings(self) -> list[tuple[str, str]]:
        """What an expression may begin with."""
        vocabulary = self._vocabulary
        offered = [(name.name, name.meaning) for name in self._beginnings]
        offered += [(f"{word}(", tr(about)) for word, (_, asked, about) in PREDICATES.items() if asked in self._names]
        offered += [("not", tr("the opposite")), (ERROR, tr("something failed"))]
        offered += [(flag, tr("a flag")) for flag in self._values.suggested["flag"]]
        offered += [(vocabulary.types[number], tr("a type")) for number in sorted(vocabulary.stream_types)]
        return offered

    def _of_domain(self, domain: str) -> list[tuple[str, str]]:
        meanings: Callable[[str], str] = {
            "kind": lambda text: self._vocabulary.kind(text).meaning, "function": self._vocabulary.meaning_of,
        }.get(domain, lambda text: "")  # fmt: skip
        return [(text, meanings(text) or tr(WHAT[domain])) for text in self._values.suggested.get(domain, ())]

    def _beside(self, name: Name) -> list[tuple[str, str]]:
        if name.domain not in ORDERED:
            return []
        others = [other for other in self._names.values() if other.domain == name.domain and other != name]
        return [(other.name, other.meaning) for other in others]


def _operators(name: Name) -> list[tuple[str, str]]:
    signs = [("==", tr("is")), ("!=", tr("is not"))]
    if name.domain in ORDERED or name.domain == "any":
        signs = [(">", tr("more than")), ("<", tr("less than")), (">=", tr("at least")), ("<=", tr("at most")), *signs]
    if name.domain in SETS or name.domain == "any":
        signs = [("has", tr("has at least these")), *signs]
    if name.domain in ("text", "kind", "function"):
        signs += [("~", tr("a pattern is found in it")), ("!~", tr("it is not"))]
    return signs
