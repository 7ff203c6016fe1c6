"""What a filter says, as a tree. Written out (`str`), it parses to an equal tree.

Where a part stood in the text is kept for messages, and does not count when trees are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from streamscope.trace.filter.lexer import quoted
from streamscope.trace.filter.names import Name
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

    name: Name
    operator: str  # == != < <= > >= ~ !~ has
    value: Constant | None
    other: Name | None = None
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)

    @property
    def names(self) -> tuple[Name, ...]:
        """What it asks about."""
        return (self.name,) if self.other is None else (self.name, self.other)

    def __str__(self) -> str:
        right = self.other.name if self.other is not None else self.value.shown() if self.value is not None else ""
        return f"{self.name.name} {self.operator} {right}"


@dataclass(frozen=True, slots=True)
class Predicate:
    """`flag(READING)`, `armed(OUT)`: whether a stream's `name` has these bits."""

    word: str
    name: Name
    value: Constant

    @property
    def names(self) -> tuple[Name, ...]:
        """What it asks about."""
        return (self.name,)

    def __str__(self) -> str:
        return f"{self.word}({self.value.shown()})"


@dataclass(frozen=True, slots=True)
class BareWord:
    """A word that stands alone. `role` says what it is taken for: number, flag, type, kind, function, bool, error, or
    text, which is in small letters then. `names` are what it asks about of a stream.
    """

    role: str
    text: str
    number: int = 0
    names: tuple[Name, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        if self.role == "number":
            return str(self.number)
        return quoted(self.text) if self.role == "text" else self.text


Simple: TypeAlias = Compare | Predicate | BareWord
Node: TypeAlias = And | Or | Not | Simple


def leaves(node: Node) -> Iterator[Simple]:
    """The parts that are not made of others."""
    if isinstance(node, And | Or):
        for part in node.parts:
            yield from leaves(part)
    elif isinstance(node, Not):
        yield from leaves(node.part)
    else:
        yield node
