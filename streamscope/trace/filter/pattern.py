r"""Regular expressions that cannot hang: what stands after `~` in a filter.

Python's own search backtracks, and a pattern such as `(a+)+$` keeps it busy for years on a text of forty letters. A
filter runs on ten thousand streams while somebody types it, on texts that strangers chose. So a pattern becomes a
non-deterministic automaton here (Thompson 1968) whose states are all followed at once, one character at a time: a
search takes at most length of the text times states of the pattern, and sets of states that were met are remembered.
What such an automaton cannot do, which is back-references and looking around, is an error. A test holds everything
else against Python's `re`.

What there is: characters, `.`, classes `[a-z]` and `[^a-z]`, `\d \w \s` and `\D \W \S`, `\t \n \r \xNN`, groups
`( )` and `(?: )`, `|`, `* + ? {2} {2,} {2,5}`, and `^` and `$` for the beginning and end of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from streamscope.language import tr
from streamscope.trace.filter.lexer import FilterError

LONGEST = 200
"""Characters of a pattern at most."""
MOST_STATES = 500
MOST_TEXT = 4096
"""So many characters of a text are searched."""
DEEPEST = 20
_MOST_PLACES = 500
_MOST_STEPS = 20_000
"""What is remembered of searches, at most."""

Letters: TypeAlias = Callable[[str], bool]
Exits: TypeAlias = list[tuple[int, int]]  # (state, which of its two ways on)
Fragment: TypeAlias = tuple[int, Exits]
Make: TypeAlias = Callable[[], Fragment]

_LETTER, _SPLIT, _BEGIN, _END, _FOUND = range(5)
_NOWHERE = -1


def _is_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def _negated(letters: Letters) -> Letters:
    return lambda letter: not letters(letter)


_CLASSES: dict[str, Letters] = {"d": str.isdecimal, "w": _is_word, "s": str.isspace}
_CLASSES |= {name.upper(): _negated(letters) for name, letters in _CLASSES.items()}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r"}
_COUNTS = re.compile(r"\{(\d{1,4})(,(\d{1,4})?)?\}")


@dataclass(slots=True)
class _State:
    what: int
    letters: Letters | None = None
    ways: list[int] = field(default_factory=lambda: [_NOWHERE, _NOWHERE])


@dataclass(slots=True)
class _Place:
    """All states that a search is in at once, and where each letter that was met there leads."""

    states: frozenset[int]
    found: bool
    found_at_end: bool
    steps: dict[str, _Place] = field(default_factory=dict)


class Pattern:
    """A pattern to search for. Raises FilterError, whose place counts from the pattern's first character."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise FilterError(tr("a pattern has at most {most} characters", most=LONGEST), LONGEST, len(text))
        self.text = text
        builder = _Builder(text)
        self._states = builder.states
        self._start = builder.whole()
        self._begin()

    def search(self, text: str) -> bool:
        """Whether the pattern is found somewhere in the text, of which the first 4,096 characters are looked at."""
        here = self._first
        for letter in text[:MOST_TEXT]:
            if here.found:
                return True
            here = here.steps.get(letter) or self._step(here, letter)
        return here.found or (here.found_at_end and len(text) <= MOST_TEXT)

    def _begin(self) -> None:
        """Know nothing of what was met so far."""
        self._places: dict[frozenset[int], _Place] = {}
        self._steps = 0
        self._first = self._place(self._reach([self._start], begin=True), begin=True)

    def _step(self, here: _Place, letter: str) -> _Place:
        self._steps += 1
        if self._steps > _MOST_STEPS or len(self._places) > _MOST_PLACES:
            self._begin()
        states = self._states
        on = [
            states[number].ways[0]
            for number in here.states
            if (letters := states[number].letters) is not None and letters(letter)
        ]
        reached = self._reach([*on, self._start])
        there = self._places.get(reached)
        if there is None:
            there = self._places[reached] = self._place(reached)
        here.steps[letter] = there
        return there

    def _place(self, states: frozenset[int], begin: bool = False) -> _Place:
        at_end = self._reach(states, begin=begin, end=True)
        return _Place(states, self._finds(states), self._finds(at_end))

    def _finds(self, states: Iterable[int]) -> bool:
        return any(self._states[number].what == _FOUND for number in states)

    def _reach(self, numbers: Iterable[int], *, begin: bool = False, end: bool = False) -> frozenset[int]:
        """Every state that these lead to without a further letter."""
        reached: set[int] = set()
        waiting = list(numbers)
        while waiting:
            number = waiting.pop()
            if number in reached:
                continue
            reached.add(number)
            state = self._states[number]
            if state.what == _SPLIT:
                waiting += state.ways
            elif (state.what == _BEGIN and begin) or (state.what == _END and end):
                waiting.append(state.ways[0])
        return frozenset(reached)


class _Builder:
    """Reads a pattern and makes its states. A fragment of the automaton is its first state and the ways out of it that
    lead nowhere yet; fragments are made of a tree, because a fragment that is repeated has to be made several times.
    """

    def __init__(self, text: str) -> None:
        self.states: list[_State] = []
        self._text = text
        self._at = 0
        self._depth = 0

    def whole(self) -> int:
        """The first state of the whole pattern."""
        make = self._either()
        if self._at < len(self._text):
            raise self._wrong(tr("this parenthesis closes nothing"), self._at)
        first, exits = make()
        self._join(exits, self._add(_FOUND))
        return first

    # states

    def _add(self, what: int, letters: Letters | None = None) -> int:
        if len(self.states) >= MOST_STATES:
            raise FilterError(tr("this pattern repeats too much"), 0, len(self._text))
        self.states.append(_State(what, letters))
        return len(self.states) - 1

    def _join(self, exits: Exits, to: int) -> None:
        for state, way in exits:
            self.states[state].ways[way] = to

    def _single(self, what: int, letters: Letters | None = None) -> Make:
        def make() -> Fragment:
            state = self._add(what, letters)
            return state, [(state, 0)]

        return make

    def _in_a_row(self, makes: list[Make]) -> Make:
        def make() -> Fragment:
            if not makes:  # nothing: a state that goes on without a letter
                state = self._add(_SPLIT)
                return state, [(state, 0), (state, 1)]
            first, exits = makes[0]()
            for following in makes[1:]:
                start, further = following()
                self._join(exits, start)
                exits = further
            return first, exits

        return make

    def _one_of(self, makes: list[Make]) -> Make:
        def make() -> Fragment:
            first, exits = makes[-1]()
            for other in reversed(makes[:-1]):
                split = self._add(_SPLIT)
                start, further = other()
                self.states[split].ways[:] = [start, first]
                first, exits = split, exits + further
            return first, exits

        return make

    def _any_number(self, inner: Make) -> Make:
        def make() -> Fragment:
            split = self._add(_SPLIT)
            start, exits = inner()
            self.states[split].ways[0] = start
            self._join(exits, split)
            return split, [(split, 1)]

        return make

    def _perhaps(self, inner: Make) -> Make:
        def make() -> Fragment:
            split = self._add(_SPLIT)
            start, exits = inner()
            self.states[split].ways[0] = start
            return split, [*exits, (split, 1)]

        return make

    # the pattern's text

    def _wrong(self, message: str, start: int, end: int | None = None) -> FilterError:
        return FilterError(message, start, min(start + 1, len(self._text)) if end is None else end)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _either(self) -> Make:
        makes = [self._row()]
        while self._peek() == "|":
            self._at += 1
            makes.append(self._row())
        return self._one_of(makes) if len(makes) > 1 else makes[0]

    def _row(self) -> Make:
        makes: list[Make] = []
        while self._peek() not in ("", "|", ")"):
            makes.append(self._repeated(self._atom()))
        return self._in_a_row(makes) if len(makes) != 1 else makes[0]

    def _repeated(self, inner: Make) -> Make:
        start = self._at
        sign = self._peek()
        counts = _COUNTS.match(self._text, self._at)
        if sign not in ("*", "+", "?") and not counts:
            return inner
        self._at = counts.end() if counts else self._at + 1
        if counts:
            least = int(counts[1])
            most = least if counts[2] is None else int(counts[3]) if counts[3] else None
        else:
            least, most = int(sign == "+"), 1 if sign == "?" else None
        if least > MOST_STATES or (most is not None and not least <= most <= MOST_STATES):
            raise self._wrong(tr("this cannot be repeated so"), start, self._at)
        if self._peek() == "?":  # the fewest or the most: it is found either way
            self._at += 1
        if self._peek() in ("*", "+", "?") or _COUNTS.match(self._text, self._at):
            raise self._wrong(tr("there is nothing that this could repeat"), self._at)
        rest = [self._any_number(inner)] if most is None else [self._perhaps(inner)] * (most - least)
        return self._in_a_row([inner] * least + rest)

    def _atom(self) -> Make:
        start = self._at
        letter = self._peek()
        self._at += 1
        if letter == "(":
            return self._group(start)
        if letter == "[":
            return self._single(_LETTER, self._class(start))
        if letter == "\\":
            return self._single(_LETTER, self._escape(start))
        if letter == ".":
            return self._single(_LETTER, lambda other: other != "\n")
        if letter in "^$":
            return self._single(_BEGIN if letter == "^" else _END)
        if letter in "*+?":
            raise self._wrong(tr("there is nothing that this could repeat"), start)
        return self._single(_LETTER, letter.__eq__)

    def _group(self, start: int) -> Make:
        if self._text.startswith("?:", self._at):
            self._at += 2
        elif self._peek() == "?":
            raise self._wrong(tr("patterns have no such group here: they are searched without going back"), start)
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(tr("this pattern is nested too deeply"), start)
        inner = self._either()
        self._depth -= 1
        if self._peek() != ")":
            raise self._wrong(tr("this parenthesis is never closed"), start)
        self._at += 1
        return inner

    def _escape(self, start: int) -> Letters:
        letter = self._peek()
        self._at += 1
        if letter in _CLASSES:
            return _CLASSES[letter]
        return self._escaped(letter, start).__eq__

    def _escaped(self, letter: str, start: int) -> str:
        """The one character that is meant by a backslash and this one."""
        if letter in _CONTROLS:
            return _CONTROLS[letter]
        if letter == "x":
            code = self._text[self._at : self._at + 2]
            self._at += 2
            if len(code) == 2 and all(digit in "0123456789abcdefABCDEF" for digit in code):
                return chr(int(code, 16))
        elif letter and not letter.isalnum():
            return letter
        raise self._wrong(
            tr("\\{letter} means nothing in a pattern here", letter=letter), start, min(self._at, len(self._text))
        )

    def _class(self, start: int) -> Letters:
        negated = self._peek() == "^"
        self._at += negated
        tests: list[Letters] = []
        begun = self._at
        while self._peek() != "]" or self._at == begun:
            if self._at >= len(self._text):
                raise self._wrong(tr("this [ is never closed"), start)
            tests.append(self._range())
        self._at += 1
        return lambda letter: any(test(letter) for test in tests) != negated

    def _range(self) -> Letters:
        start = self._at
        low = self._class_letter()
        if callable(low):
            return low
        if self._peek() != "-" or self._text[self._at + 1 : self._at + 2] in ("]", ""):
            return low.__eq__
        self._at += 1
        high = self._class_letter()
        if callable(high) or high < low:
            raise self._wrong(tr("this range ends before it begins"), start, self._at)
        first, last = low, high
        return lambda letter: first <= letter <= last

    def _class_letter(self) -> str | Letters:
        start = self._at
        letter = self._peek()
        self._at += 1
        if letter != "\\":
            return letter
        letter = self._peek()
        self._at += 1
        return _CLASSES[letter] if letter in _CLASSES else self._escaped(letter, start)
