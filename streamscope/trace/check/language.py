"""What an assertion says: a sentence about a whole trace, with filters inside.

    max(wq) < 1MiB                                       count(error) == 0
    max(queue_age) < 1s where tcp                        sum(result) < 1GiB where kind == sys.read
    never(armed(POLLOUT) and wq == 0 for 100ms)          always(flag(CLOSING) -> eventually flag(CLOSED))

The words around the filters are read here; the filters by the filter language's own parser, from the same text, so that
an error is marked where it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamscope.trace.filter import Filter, FilterError
from streamscope.trace.filter.lexer import END, OPERATOR, WORD, Token, tokens
from streamscope.trace.filter.names import NAMES, ORDERED, Name
from streamscope.trace.filter.parser import Parser
from streamscope.trace.filter.tree import And, Node, Not, Or, Word
from streamscope.trace.filter.values import WHAT, Constant, constant, meant

STOPS = ("for", "where", "per", "within", "eventually")
QUANTITIES = ("max", "min", "sum", "count")
FORMS = (*QUANTITIES, "never", "always")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


@dataclass(frozen=True, slots=True)
class Quantity:
    """`max(wq) < 1MiB`: a number made of a whole trace, or of each stream, and what it is to be.

    `name` is what is measured; None for `count`, whose `of` says which events. `where` narrows what is looked at.
    """

    form: str
    name: Name | None
    of: Filter | None
    comparison: str
    bound: int
    where: Filter | None
    per_stream: bool

    @property
    def domain(self) -> str:
        """What the number is a number of."""
        return "int" if self.name is None else self.name.domain


@dataclass(frozen=True, slots=True)
class Never:
    """`never(armed(OUT) and wq == 0 for 100ms)`: no stream, and no event, is ever so; with `lasting`, not for so many
    nanoseconds on end.
    """

    condition: Filter
    lasting: int
    of_events: bool


@dataclass(frozen=True, slots=True)
class Leads:
    """`always(flag(CLOSING) -> eventually flag(CLOSED) within 1s)`: whenever a stream is, or an event was, as in
    `cause`, it is as in `effect` at some later time; `within` 0 for no limit but the end of the trace.
    """

    cause: Filter
    effect: Filter
    within: int
    cause_of_events: bool
    effect_of_events: bool


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assertion, as it was written and what it means."""

    text: str
    meaning: Quantity | Never | Leads

    @classmethod
    def parse(cls, text: str) -> Assertion:
        """The assertion that is written there. Raises FilterError."""
        return cls(text.strip(), _Reader(text).assertion())


def is_of_events(condition: Filter) -> bool:
    """Whether a condition is about events, because something in it is that only events have."""

    def events_alone(node: Node) -> bool:
        if isinstance(node, And | Or):
            return any(events_alone(part) for part in node.parts)
        if isinstance(node, Not):
            return events_alone(node.part)
        return isinstance(node, Word) and node.role in ("error", "kind", "function")

    return bool(condition.event_only) or (condition.root is not None and events_alone(condition.root))


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._parser = Parser(tokens(text), STOPS)

    def assertion(self) -> Quantity | Never | Leads:
        parser, form = self._parser, self._parser.take()
        if form.kind == END:
            raise FilterError("an assertion is missing, such as max(wq) < 1MiB", form.start, form.end)
        if form.word() not in FORMS:
            raise FilterError(
                f"an assertion begins with {', '.join(FORMS[:-1])} or {FORMS[-1]}{meant(form.text, FORMS)}",
                form.start,
                form.end,
            )
        opened = parser.next
        if not parser.takes("("):
            raise FilterError(f"{form.text} needs parentheses: {form.text}(…)", form.start, form.end)
        if form.word() in QUANTITIES:
            meaning: Quantity | Never | Leads = self._quantity(form.word(), opened)
        elif form.word() == "never":
            meaning = self._never(opened)
        else:
            meaning = self._always(opened)
        parser.expect_end()
        return meaning

    def _filter(self) -> Filter:
        start = self._parser.next.start
        root = self._parser.expression()
        return Filter(self._text[start : self._parser.next.start].strip(), root)

    # quantities

    def _quantity(self, form: str, opened: Token) -> Quantity:
        parser = self._parser
        name = None if form == "count" else self._name(form)
        of = self._filter() if form == "count" else None
        parser.expect(")", opened)
        comparison = parser.take()
        if comparison.kind != OPERATOR or comparison.text not in COMPARISONS:
            raise FilterError(f"what {form}(…) is to be is missing, such as < 5", comparison.start, comparison.end)
        bound = self._bound("int" if name is None else name.domain, comparison)
        where, per_stream = self._narrowed()
        return Quantity(form, name, of, comparison.text, bound, where, per_stream)

    def _name(self, form: str) -> Name:
        token = self._parser.take()
        name = NAMES.get(token.text) if token.kind == WORD else None
        if name is None:
            known = [each.name for each in NAMES.values() if each.domain in ORDERED]
            raise FilterError(
                f"{form} needs the name of a number or a time, such as {form}({'wq' if form != 'sum' else 'result'})"
                f"{meant(token.text, known)}",
                token.start,
                token.end,
            )
        if name.domain not in ORDERED:
            raise FilterError(f"{name.name} is {WHAT[name.domain]}, which has no {form}", token.start, token.end)
        if form == "sum" and name.of_state is not None and not name.kinds:
            raise FilterError(
                f"{name.name} is what a stream has at a time; sums are of what events say", token.start, token.end
            )
        return name

    def _bound(self, domain: str, comparison: Token) -> int:
        value = self._constant(domain, comparison)
        if value.number is None:
            raise FilterError("a number is missing here", comparison.end, comparison.end)
        return value.number

    def _constant(self, domain: str, before: Token) -> Constant:
        token = self._parser.take()
        if token.kind in (END, OPERATOR):
            raise FilterError(f"{WHAT[domain]} is missing after {before.text}", token.start, token.end)
        return constant(domain, token)

    def _narrowed(self) -> tuple[Filter | None, bool]:
        """`where FILTER` and `per stream`, in either order."""
        parser, where, per_stream = self._parser, None, False
        while parser.next.kind == WORD:
            token = parser.next
            if where is None and parser.takes("where"):
                where = self._filter()
            elif not per_stream and parser.takes("per"):
                if not parser.takes("stream"):
                    raise FilterError("per what? write per stream", token.start, parser.next.end)
                per_stream = True
            else:
                break
        return where, per_stream

    # what holds at each time

    def _never(self, opened: Token) -> Never:
        condition = self._filter()
        of_events, lasting = is_of_events(condition), self._time("for")
        if lasting and of_events:
            start = opened.end
            raise FilterError(
                "an event does not last; for needs a condition that streams have", start, self._parser.next.start
            )
        self._parser.expect(")", opened)
        where = self._where_only()
        return Never(_both(where, condition), lasting, of_events)

    def _always(self, opened: Token) -> Never | Leads:
        parser, cause = self._parser, self._filter()
        if not parser.takes("->"):
            parser.expect(")", opened)
            return Never(_both(self._where_only(), _negated(cause)), 0, is_of_events(cause))
        if not parser.takes("eventually"):
            effect = self._filter()
            parser.expect(")", opened)
            both = _both(cause, _negated(effect))
            return Never(_both(self._where_only(), both), 0, is_of_events(both))
        effect = self._filter()
        within = self._time("within")
        parser.expect(")", opened)
        where = self._where_only()
        cause = _both(where, cause)
        return Leads(cause, effect, within, is_of_events(cause), is_of_events(effect))

    def _time(self, word: str) -> int:
        token = self._parser.next
        if not self._parser.takes(word):
            return 0
        value = self._constant("ns", token).number or 0
        if value <= 0:
            raise FilterError(f"{word} needs a time above 0", token.start, token.end)
        return value

    def _where_only(self) -> Filter | None:
        token = self._parser.next
        where, per_stream = self._narrowed()
        if per_stream:
            raise FilterError("never and always are of each stream as it is", token.start, len(self._text))
        return where


def _both(one: Filter | None, other: Filter) -> Filter:
    if one is None or one.root is None or other.root is None:
        return other
    parts: list[Node] = []
    for root in (one.root, other.root):
        parts += root.parts if isinstance(root, And) else (root,)
    return Filter(f"{one.text} and {other.text}", And(tuple(parts)))


def _negated(condition: Filter) -> Filter:
    root = condition.root
    if root is None:
        return condition
    return Filter(f"not ({condition.text})", root.part if isinstance(root, Not) else Not(root))
