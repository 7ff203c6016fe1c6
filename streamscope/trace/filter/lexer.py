"""From the text of a filter to its words, each with the place where it stands.

Words are long: what a person types to find a stream (`127.0.0.1:7000`, `proxy.py:31`, `[::1]:80`, `#7`) is one word,
and so is a number with its unit. Only spaces, quotes, parentheses and operators end one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from streamscope.language import tr

LONGEST = 2000
"""Characters of a filter at most."""

WORD, STRING, OPERATOR, END = "word", "string", "operator", "end"

_SPACE = re.compile(r"\s+")
_STRING = re.compile(r'"((?:\\.|[^"\\])*)"|' r"'((?:\\.|[^'\\])*)'", re.DOTALL)
_OPERATOR = re.compile(r"==|!=|<=|>=|!~|->|[<>~!()|,]")
_WORD = re.compile(r"(?:(?!->)[^\s()\"'=<>!~|,])+")
_ESCAPE = re.compile(r"\\([\\\"'])")


class FilterError(Exception):
    """What was written is no filter. The text says why; `start` and `end` say where: they count characters of the text
    that was parsed. The place is never beyond the text, and may be empty at its end, where something is missing.
    """

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message, self.start, self.end = message, start, end


def marked(error: FilterError, text: str, width: int = 76) -> str:
    """Two lines for a terminal: the text, of which only some around the place is shown if it is long, and a mark under
    the place.
    """
    first = max(0, min(error.start - width // 2, len(text) - width))
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[first : first + width])
    length = max(1, min(error.end, first + width) - error.start)
    return f"{shown}\n{' ' * (error.start - first)}{'^' * length}"


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a quoted text without its quotes, an operator, or the end, where `text` is empty."""

    kind: str
    text: str
    start: int
    end: int

    def word(self) -> str:
        """The word in small letters; nothing for what is no word."""
        return self.text.lower() if self.kind == WORD else ""

    def shown(self) -> str:
        """How a message names it."""
        if self.kind == END:
            return tr("the end")
        return quoted(self.text) if self.kind == STRING else self.text


def quoted(text: str) -> str:
    r"""The text as a filter writes it. Of a backslash only `\"`, `\'` and `\\` mean anything: `"\d"` stays as it is."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def tokens(text: str) -> list[Token]:
    """Everything that stands in the text, and the end. Raises FilterError for a quote without its fellow, for what
    belongs to no word, and for a text that is too long.
    """
    if len(text) > LONGEST:
        raise FilterError(tr("a filter has at most {most} characters", most=f"{LONGEST:,}"), LONGEST, len(text))
    found: list[Token] = []
    at = 0
    while at < len(text):
        if match := _SPACE.match(text, at):
            pass
        elif match := _STRING.match(text, at):
            inside = match[1] if match[1] is not None else match[2]
            found.append(Token(STRING, _ESCAPE.sub(r"\1", inside), at, match.end()))
        elif match := _OPERATOR.match(text, at):
            found.append(Token(OPERATOR, match[0], at, match.end()))
        elif match := _WORD.match(text, at):
            found.append(Token(WORD, match[0], at, match.end()))
        elif text[at] == "=":
            raise FilterError(tr("write == to compare"), at, at + 1)
        else:
            raise FilterError(tr("this quote is never closed"), at, len(text))
        at = match.end()
    found.append(Token(END, "", len(text), len(text)))
    return found
