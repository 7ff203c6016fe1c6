"""What a filter says, as a tree. Written out (`str`), it parses to an equal tree.

Where a part stood in the text is kept for messages, and does not count when trees are compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from streamscope.trace.filter.lexer import quoted
from streamscope.trace.filter.values import Constant


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " and ".join(f"({part})" if isinstance(part, Or) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " or ".join(str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """Not this."""

    part: Node

    def __str__(self) -> str:
        return f"not ({self.part})" if isinstance(self.part, And | Or) else f"not {self.part}"


@dataclass(frozen=True, slots=True)
class Compare:
    """A name beside a value, or beside another name (`other`)."""

    name: str
    operator: str  # == != < <= > >= ~ !~ has
    value: Constant | None
    other: str = ""
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.name} {self.operator} {self.value.shown() if self.value is not None else self.other}"


@dataclass(frozen=True, slots=True)
class Predicate:
    """`flag(READING)`, `armed(OUT)`."""

    name: str
    value: Constant

    def __str__(self) -> str:
        return f"{self.name}({self.value.shown()})"


@dataclass(frozen=True, slots=True)
class Word:
    """A word that stands alone. `role` says what it is taken for: number, flag, type, kind, function, bool, error, or
    text, which is in small letters then.
    """

    role: str
    text: str
    number: int = 0

    def __str__(self) -> str:
        if self.role == "number":
            return str(self.number)
        return quoted(self.text) if self.role == "text" else self.text


Node: TypeAlias = And | Or | Not | Compare | Predicate | Word
