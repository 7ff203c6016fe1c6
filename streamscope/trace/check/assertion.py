"""What an assertion says: a sentence about a whole trace, with filters inside.

    max(wq) < 1MiB                                       count(error) == 0
    max(queue_age) < 1s where tcp                        sum(result) < 1GiB where kind == sys.read
    never(armed(POLLOUT) and wq == 0 for 100ms)          always(flag(CLOSING) -> eventually flag(CLOSED))

The words around the filters are read here; the filters by the filter language's own parser, from the same text, so that
an error is marked where it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamscope.language import tr
from streamscope.trace.filter import Filter, FilterError
from streamscope.trace.filter.filter_language import Language
from streamscope.trace.filter.lexer import END, OPERATOR, WORD, Token, tokens
from streamscope.trace.filter.names import ORDERED, Name
from streamscope.trace.filter.parser import Parser, known
from streamscope.trace.filter.tree import And, BareWord, Node, Not, leaves
from streamscope.trace.filter.values import WHAT, Constant, meant
from streamscope.trace.stated import EVENT, States
from streamscope.trace.vocabulary import Vocabulary

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
    """`never(armed(OUT) and wq == 0 for 100ms)`: no handle, and no event, is ever so; with `lasting`, not for so many
    nanoseconds on end. `cause` is the A of `always(A -> B)`, without which there was nothing to show. `where` and it
    are in the condition, too.
    """

    condition: Filter
    lasting: int
    of_events: bool
    where: Filter | None = None
    cause: Filter | None = None


@dataclass(frozen=True, slots=True)
class Leads:
    """`always(flag(CLOSING) -> eventually flag(CLOSED) within 1s)`: whenever a handle is, or an event was, as in
    `cause`, it is as in `effect` at some later time; `within` 0 for no limit but the end of the trace. `where` is in
    the cause, too, which was written as `came`.
    """

    cause: Filter
    effect: Filter
    within: int
    cause_of_events: bool
    effect_of_events: bool
    where: Filter | None = None
    came: str = ""


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assertion, as it was written and what it means, of feeds with this vocabulary."""

    text: str
    meaning: Quantity | Never | Leads
    vocabulary: Vocabulary

    @classmethod
    def parse(cls, text: str, vocabulary: Vocabulary, *others: Vocabulary, states: States | None = None) -> Assertion:
        """The assertion that is written there, for feeds of this vocabulary; of the rest, see `Filter.parse`. Raises
        FilterError.
        """
        return cls(text.strip(), _Reader(text, Language.of(vocabulary, *others, states=states)).assertion(), vocabulary)

    @property
    def filters(self) -> tuple[Filter, ...]:
        """All that it asks."""
        meaning = self.meaning
        if isinstance(meaning, Never):
            return (meaning.condition,)
        if isinstance(meaning, Leads):
            return meaning.cause, meaning.effect
        return tuple(each for each in (meaning.of, meaning.where) if each is not None)

    @property
    def asks_states(self) -> bool:
        """Whether a word of a table is in it, or one of its events."""
        parts = [part for each in self.filters if each.root is not None for part in leaves(each.root)]
        if any(name.changes is not None for part in parts for name in part.names):
            return True
        kinds = [kind for each in self.filters for kind in each.kinds or ()]
        return any(kind.startswith(EVENT) for kind in kinds)


def is_of_events(condition: Filter) -> bool:
    """Whether a condition is about events, because something in it is that only events have."""
    return bool(condition.event_only) or (
        condition.root is not None
        and any(
            isinstance(part, BareWord) and part.role in ("error", "kind", "function") for part in leaves(condition.root)
        )
    )


class _Reader:
    def __init__(self, text: str, language: Language) -> None:
        self._text = text
        self._language = language
        self._parser = Parser(tokens(text), language, STOPS, texts_in_quotes=True)

    def assertion(self) -> Quantity | Never | Leads:
        parser, form = self._parser, self._parser.take()
        if form.kind == END:
            raise FilterError(tr("an assertion is missing, such as max(wq) < 1MiB"), form.start, form.end)
        if form.word() not in FORMS:
            raise FilterError(
                tr(
                    "an assertion begins with {forms} or {last}{meant}",
                    forms=", ".join(FORMS[:-1]),
                    last=FORMS[-1],
                    meant=meant(form.text, FORMS),
                ),
                form.start,
                form.end,
            )
        opened = parser.next
        if not parser.takes("("):
            raise FilterError(tr("{form} needs parentheses: {form}(…)", form=form.text), form.start, form.end)
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
        return self._made(self._text[start : self._parser.next.start].strip(), root)

    def _made(self, text: str, root: Node | None) -> Filter:
        return Filter(text, root, self._language.vocabulary)

    # quantities

    def _quantity(self, form: str, opened: Token) -> Quantity:
        parser = self._parser
        name = None if form == "count" else self._name(form)
        of = self._filter() if form == "count" else None
        parser.expect(")", opened)
        comparison = parser.take()
        if comparison.kind != OPERATOR or comparison.text not in COMPARISONS:
            raise FilterError(
                tr("what {form}(…) is to be is missing, such as < 5", form=form), comparison.start, comparison.end
            )
        bound = self._bound("int" if name is None else name.domain, comparison)
        where, per_stream = self._narrowed()
        return Quantity(form, name, of, comparison.text, bound, where, per_stream)

    def _name(self, form: str) -> Name:
        token = self._parser.take()
        name = self._language.names.get(token.text) if token.kind == WORD else None
        if name is None:
            ordered = [each.name for each in self._language.names.values() if each.domain in ORDERED]
            raise FilterError(
                tr(
                    "{form} needs the name of a number or a time, such as {form}({what}){meant}",
                    form=form,
                    what="wq" if form != "sum" else "result",
                    meant=meant(token.text, ordered),
                ),
                token.start,
                token.end,
            )
        if name.domain not in ORDERED:
            raise FilterError(
                tr("{name} is {what}, which has no {form}", name=name.name, what=tr(WHAT[name.domain]), form=form),
                token.start,
                token.end,
            )
        if form == "sum" and name.of_state is not None and not name.kinds:
            raise FilterError(
                tr("{name} is what a stream has at a time; sums are of what events say", name=name.name),
                token.start,
                token.end,
            )
        return known(name, token)

    def _bound(self, domain: str, comparison: Token) -> int:
        value = self._constant(domain, comparison)
        if value.number is None:
            raise FilterError(tr("a number is missing here"), comparison.end, comparison.end)
        return value.number

    def _constant(self, domain: str, before: Token) -> Constant:
        token = self._parser.take()
        if token.kind in (END, OPERATOR):
            raise FilterError(
                tr("{what} is missing after {before}", what=tr(WHAT[domain]), before=before.text),
                token.start,
                token.end,
            )
        return self._language.values.constant(domain, token)

    def _narrowed(self) -> tuple[Filter | None, bool]:
        """`where FILTER` and `per stream`, in either order."""
        parser, where, per_stream = self._parser, None, False
        while parser.next.kind == WORD:
            token = parser.next
            if where is None and parser.takes("where"):
                where = self._filter()
            elif not per_stream and parser.takes("per"):
                if not parser.takes("stream"):
                    raise FilterError(tr("per what? write per stream"), token.start, parser.next.end)
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
                tr("an event does not last; for needs a condition that streams have"), start, self._parser.next.start
            )
        self._parser.expect(")", opened)
        where = self._where_only()
        return Never(self._both(where, condition), lasting, of_events, where)

    def _always(self, opened: Token) -> Never | Leads:
        parser, cause = self._parser, self._filter()
        if not parser.takes("->"):
            parser.expect(")", opened)
            where = self._where_only()
            return Never(self._both(where, self._negated(cause)), 0, is_of_events(cause), where)
        if not parser.takes("eventually"):
            effect = self._filter()
            parser.expect(")", opened)
            both = self._both(cause, self._negated(effect))
            where = self._where_only()
            return Never(self._both(where, both), 0, is_of_events(both), where, self._both(where, cause))
        effect = self._filter()
        within = self._time("within")
        parser.expect(")", opened)
        where, came = self._where_only(), cause.text
        cause = self._both(where, cause)
        return Leads(cause, effect, within, is_of_events(cause), is_of_events(effect), where, came)

    def _both(self, one: Filter | None, other: Filter) -> Filter:
        if one is None or one.root is None or other.root is None:
            return other
        parts: list[Node] = []
        for root in (one.root, other.root):
            parts += root.parts if isinstance(root, And) else (root,)
        return self._made(f"{one.text} and {other.text}", And(tuple(parts)))

    def _negated(self, condition: Filter) -> Filter:
        root = condition.root
        if root is None:
            return condition
        return self._made(f"not ({condition.text})", root.part if isinstance(root, Not) else Not(root))

    def _time(self, word: str) -> int:
        token = self._parser.next
        if not self._parser.takes(word):
            return 0
        value = self._constant("ns", token).number or 0
        if value <= 0:
            raise FilterError(tr("{word} needs a time above 0", word=word), token.start, token.end)
        return value

    def _where_only(self) -> Filter | None:
        token = self._parser.next
        where, per_stream = self._narrowed()
        if per_stream:
            raise FilterError(tr("never and always are of each stream as it is"), token.start, len(self._text))
        return where
