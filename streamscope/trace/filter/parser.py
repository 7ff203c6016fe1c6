"""From words to a tree.

A parser of its own, and not one made by a library from a grammar, for three reasons. Whatever is wrong has to be marked
where it is wrong and said in words of this language, letter by letter while it is typed. What a word means depends on
what stands before it (`READING` after `flag ==`, `64KiB` after `wq >`), because names and domains come from the
feed's vocabulary. And words that merely follow each other have to work as they always did (`tcp reading :51514`). It is
Pratt's way (operator precedence by recursion): `or` binds least, then `and` or nothing at all between two parts, then
`not`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from streamscope.language import tr
from streamscope.trace.filter.filter_language import Language
from streamscope.trace.filter.lexer import END, OPERATOR, STRING, WORD, FilterError, Token, tokens
from streamscope.trace.filter.names import ERROR, ORDERED, PREDICATES, Name
from streamscope.trace.filter.pattern import Pattern
from streamscope.trace.filter.reach import OUTCOMES, may_fail, outcome_of
from streamscope.trace.filter.tree import And, BareWord, Compare, Node, Not, Or, Predicate
from streamscope.trace.filter.values import BYTES, SETS, TIMES, WHAT, Constant, meant, number_of
from streamscope.trace.untrusted import NAME

DEEPEST = 40
KEYWORDS = frozenset({"and", "or", "not"})
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "~", "!~", "has")

_INSTEAD = {"&&": "and", "&": "and", "||": "or", "|": "or"}


def parse(text: str, language: Language) -> Node | None:
    """The tree of a filter; None for an empty one. Raises FilterError."""
    parser = Parser(tokens(text), language)
    if parser.next.kind == END:
        return None
    root = parser.expression()
    parser.expect_end()
    return root


class Parser:
    """Reads expressions from a list of tokens. `stops` are words that end an expression, for languages around this
    one. With `texts_in_quotes`, a name that is none of the feed's is an error and not a text to look for.
    """

    def __init__(
        self, found: list[Token], language: Language, stops: Iterable[str] = (), *, texts_in_quotes: bool = False
    ) -> None:
        self._tokens = found
        self._language = language
        self._names = language.names
        self._values = language.values
        self._at = 0
        self._depth = 0
        self._stops = frozenset(stops)
        self._texts_in_quotes = texts_in_quotes

    @property
    def next(self) -> Token:
        """The token that is read next."""
        return self._tokens[self._at]

    def take(self) -> Token:
        """Reads one token."""
        token = self.next
        if token.kind != END:
            self._at += 1
        return token

    def takes(self, *words: str) -> bool:
        """Reads the next token if it is one of these words or operators, and says whether it was."""
        if self.next.kind in (WORD, OPERATOR) and self.next.text.lower() in words:
            self._at += 1
            return True
        return False

    def expect(self, sign: str, opened: Token) -> None:
        """Reads this sign. Raises FilterError at what it was to close, if it is missing."""
        if not self.takes(sign):
            if self.next.kind == END:
                raise FilterError(tr("this parenthesis is never closed"), opened.start, opened.end)
            raise FilterError(
                tr("{next} cannot stand here: {sign} is missing", next=self.next.shown(), sign=sign), *self._place()
            )

    def expect_end(self) -> None:
        """Raises FilterError unless everything has been read."""
        token = self.next
        if token.kind == END:
            return
        if token.text == ")":
            raise FilterError(tr("this parenthesis closes nothing"), *self._place())
        if token.text in COMPARISONS:
            raise FilterError(
                tr("only one comparison at a time: join several by and")
                if self._at > 2 and self._tokens[self._at - 2].text in COMPARISONS
                else tr("a name has to stand before {token}, such as wq {token} …", token=token.text),
                *self._place(),
            )
        instead = _INSTEAD.get(token.text)
        raise FilterError(
            tr("write {instead}", instead=instead) if instead else tr("{token} cannot stand here", token=token.text),
            *self._place(),
        )

    def _place(self) -> tuple[int, int]:
        return self.next.start, self.next.end

    # expressions

    def expression(self) -> Node:
        """One whole expression. Raises FilterError."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise FilterError(tr("this is nested too deeply"), *self._place())
        parts = [self._all_of()]
        while self.takes("or"):
            parts.append(self._all_of())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Or(_flat(parts, Or))

    def _all_of(self) -> Node:
        parts = [self._negation()]
        while self.takes("and") or self._goes_on():
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else And(_flat(parts, And))

    def _goes_on(self) -> bool:
        """Whether another part follows without an `and`."""
        token = self.next
        if token.kind == OPERATOR:
            return token.text in ("(", "!")
        return token.kind != END and token.word() not in self._stops | {"or", "and"} and token.text not in _INSTEAD

    def _negation(self) -> Node:
        turned = False
        while self.takes("not", "!"):
            turned = not turned
        part = self._part()
        if not turned:
            return part
        return part.part if isinstance(part, Not) else Not(part)

    def _part(self) -> Node:
        opened = self.next
        if self.takes("("):
            if self.next.text == ")" and self.next.kind == OPERATOR:
                raise FilterError(tr("there is nothing in these parentheses"), opened.start, self.next.end)
            inner = self.expression()
            self.expect(")", opened)
            return inner
        if opened.kind == STRING:
            self.take()
            self._no_comparison(opened)
            return self._text(opened.text)
        if opened.kind != WORD or opened.word() in self._stops | {"and", "or"}:
            raise self._missing(opened)
        self.take()
        return self._after(opened)

    def _missing(self, token: Token) -> FilterError:
        before = self._tokens[self._at - 1] if self._at else None
        if before is None or before.text == "(":
            what = tr("something to look for is missing here")
        else:
            what = tr("something is missing after {before}", before=before.shown())
        if token.text in COMPARISONS:
            what = tr("a name has to stand before {token}, such as wq {token} …", token=token.text)
        elif token.text in _INSTEAD:
            what = tr("{what}; and it is written {instead}", what=what, instead=_INSTEAD[token.text])
        return FilterError(what, token.start, token.end)

    def _no_comparison(self, token: Token) -> None:
        if self.next.kind == OPERATOR and self.next.text in COMPARISONS:
            raise FilterError(tr("a name has to stand before {next}", next=self.next.text), token.start, token.end)

    def _after(self, token: Token) -> Node:
        """What a word means: it depends on what follows it."""
        word, following = token.text, self.next
        if following.kind == OPERATOR and following.text == "(" and following.start == token.end:
            return self._predicate(token)
        compares = (following.kind == OPERATOR and following.text in COMPARISONS) or following.word() == "has"
        name = self._names.get(word)
        if compares and (name is not None or following.word() != "has"):
            if name is None:
                what = (
                    tr("the name comes first, as in wq > 64KiB")
                    if number_of(token)
                    else tr("there is no name {word}", word=word)
                )
                raise FilterError(what + meant(word, self._names), token.start, token.end)
            return self._comparison(known(name, token), token, self.take())
        return self._alone(token)

    def _predicate(self, token: Token) -> Node:
        opened = self.take()
        if token.text not in PREDICATES:
            raise FilterError(
                tr("there is no {token}(…){meant}", token=token.text, meant=meant(token.text, PREDICATES)),
                token.start,
                token.end,
            )
        domain, asked, _ = PREDICATES[token.text]
        name = known(self._names[asked], token)
        value = self._set(domain, opened)
        self.expect(")", opened)
        return Predicate(token.text, name, value)

    def _comparison(self, name: Name, token: Token, operator: Token) -> Node:
        domain, sign = name.domain, operator.text.lower()
        if reason := _misfit(name, sign):
            raise FilterError(reason, operator.start, operator.end)
        right = self.next
        if right.kind in (END, OPERATOR) or right.word() in self._stops | KEYWORDS:
            raise FilterError(
                tr("{what} is missing after {operator}", what=tr(WHAT[domain]), operator=operator.text),
                right.start,
                right.end,
            )
        if sign in ("~", "!~"):
            self.take()
            value = Constant("text", text=right.text)
            _check_pattern(right)
        elif right.kind == WORD and (other := self._name_beside(name, right)):
            self.take()
            return Compare(name, sign, None, other, token.start, right.end)
        elif domain in SETS or (domain == "any" and sign == "has"):
            value = self._set(domain, operator)
        else:
            value = self._constant(domain)
            if value.number is None and sign in ("<", "<=", ">", ">="):
                raise FilterError(
                    tr("{right} is neither greater nor less than anything", right=right.text), right.start, right.end
                )
        return Compare(name, sign, value, None, token.start, self._tokens[self._at - 1].end)

    def _name_beside(self, name: Name, right: Token) -> Name | None:
        """The name on the right, if it is one that can be compared with the one on the left."""
        other = self._names.get(right.text)
        if other is None or self._values.has(name.domain, right.text) or name.domain in ("text", "any"):
            return None
        if other.domain != name.domain:
            raise FilterError(
                tr(
                    "{right} is {what}, {name} is {other}",
                    right=right.text,
                    what=tr(WHAT[other.domain]),
                    name=name.name,
                    other=tr(WHAT[name.domain]),
                ),
                right.start,
                right.end,
            )
        return known(other, right)

    def _constant(self, domain: str) -> Constant:
        token = self.take()
        unit = None
        if domain in ("bytes", "ns", "ms") and token.kind == WORD and self.next.text in (*BYTES, *TIMES):
            found = number_of(token)
            unit = self.take() if found is not None and not found[1] else None
        return self._values.constant(domain, token, unit)

    def _set(self, domain: str, before: Token) -> Constant:
        """One value, or several bits: `IN|OUT`."""
        if self.next.kind in (END, OPERATOR):
            raise FilterError(
                tr("{what} is missing after {before}", what=tr(WHAT[domain]), before=before.text), *self._place()
            )
        value = self._constant(domain)
        while domain in SETS and self.next.text == "|" and self.next.kind == OPERATOR:
            bar = self.take()
            if self.next.kind in (END, OPERATOR):
                raise FilterError(tr("something is missing after {bar}", bar=bar.text), *self._place())
            more = self._constant(domain)
            value = self._values.number(domain, (value.number or 0) | (more.number or 0))
        return value

    def _alone(self, token: Token) -> Node:
        """A word without a comparison: what people type to find a stream. Raises FilterError for a name that says
        nothing alone.
        """
        word, small, values = token.text, token.text.lower(), self._values
        for role in ("flag", "type"):
            if found := values.meant(role, small):
                asked = known(self._names["flags" if role == "flag" else role], token)
                return BareWord(role, found, values.names[role][found], (asked,))
        digits = small.removeprefix("#")
        if digits.isascii() and digits.isdigit():
            if len(digits) > 20:
                raise FilterError(tr("this number is too long"), token.start, token.end)
            if small[0] == "#":
                stream = self._names["stream"]
                return Compare(stream, "==", Constant("handle", int(digits)), None, token.start, token.end)
            return BareWord("number", str(int(digits)), int(digits), self._of("stream", "local", "peer"))
        if small == ERROR:
            errors = self._names["errors"]
            if not self._tells_failures():
                known(errors, token)
            unsure = not OUTCOMES.isdisjoint(self._language.vocabulary.unseen)
            return BareWord("error", ERROR, 0, (replace(errors, unknowable=errors.unknowable or unsure),))
        name = self._names.get(word)
        if name is not None and name.domain == "bool":
            return BareWord("bool", word, 0, (known(name, token),))
        if name is None and values.has("kind", word):
            return BareWord("kind", word)
        if name is None and values.has("function", word):
            return BareWord("function", word)
        if name is not None:
            raise FilterError(
                tr(
                    '{word} is {what}: compare it, or write "{word}" to look for the text',
                    word=word,
                    what=tr(WHAT[name.domain]),
                ),
                token.start,
                token.end,
            )
        if small in PREDICATES or small == "has":
            raise FilterError(tr("{word} needs something beside it; write \"{word}\" to look for the text", word=word),
                              token.start, token.end)  # fmt: skip
        if self._texts_in_quotes and NAME.fullmatch(word):
            likely = [*self._values.names["flag"], *self._values.names["type"], *self._values.texts["kind"],
                      *self._values.texts["function"]]  # fmt: skip
            raise FilterError(
                tr("{word} is no word of this feed; a text to look for stands in quotes: "
"\"{word}\"{meant}", word=word, meant=meant(word, likely)),
                token.start, token.end,
            )  # fmt: skip
        return self._text(small)

    def _tells_failures(self) -> bool:
        """Whether some feed has events that can tell of a failure."""
        names = self._names
        return any(
            may_fail(kind) and (not (said := outcome_of(kind)) or (said in names and not names[said].refused))
            for kind in self._values.texts["kind"]
        )

    def _text(self, text: str) -> BareWord:
        return BareWord("text", text.lower(), 0, self._of("name", "place", "local", "peer"))

    def _of(self, *names: str) -> tuple[Name, ...]:
        return tuple(self._names[name] for name in names)


def _flat(parts: list[Node], kind: type[And] | type[Or]) -> tuple[Node, ...]:
    """Parts of parts of the same kind are parts."""
    flat: list[Node] = []
    for part in parts:
        flat += part.parts if isinstance(part, kind) else (part,)
    return tuple(flat)


def _misfit(name: Name, sign: str) -> str:
    """Why this name cannot be compared so; "" if it can."""
    domain = name.domain
    if domain == "bool":
        return tr("{name} is yes or no: write {name}, or not {name}", name=name.name)
    if sign in ("<", "<=", ">", ">=") and domain not in ORDERED and domain != "any":
        return tr("{name} is {what}: only == and != compare it", name=name.name, what=tr(WHAT[domain]))
    if sign in ("~", "!~") and domain not in ("text", "kind", "function"):
        return tr("{name} is {what}; {sign} is for texts", name=name.name, what=tr(WHAT[domain]), sign=sign)
    if sign == "has" and domain not in SETS and domain != "any":
        return tr(
            "{name} is {what}; has is for flags, poll events and callbacks", name=name.name, what=tr(WHAT[domain])
        )
    return ""


def _check_pattern(token: Token) -> None:
    """Raises FilterError where in the pattern it is wrong."""
    try:
        Pattern(token.text)
    except FilterError as error:
        if token.kind == STRING and token.end - token.start == len(token.text) + 2:
            start, end = token.start + 1 + error.start, token.start + 1 + error.end
        elif token.kind == STRING:  # there are escapes in it, and so it is longer than what it says
            start, end = token.start, token.end
        else:
            start, end = token.start + error.start, token.start + error.end
        raise FilterError(error.message, start, end) from None


def known(name: Name, token: Token) -> Name:
    """The name. Raises FilterError for one that nobody can know of these feeds."""
    if name.refused:
        raise FilterError(name.refused, token.start, token.end)
    return name
