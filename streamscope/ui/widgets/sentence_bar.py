"""The place under the header where the screen says in words how things are. It is always there, so nothing moves when
trouble comes.
"""

from __future__ import annotations

from collections.abc import Set

from rich.cells import cell_len
from textual import events

from streamscope.language import tr
from streamscope.ui.chain_text import root_of
from streamscope.ui.lines import Line, length
from streamscope.ui.messages import StreamWanted
from streamscope.ui.safe import broken, first_sentence, fit, is_whole
from streamscope.ui.sentences import KEYS, SHORT_KEYS, Said, said
from streamscope.ui.view import View
from streamscope.ui.widgets.drawn import DrawnLines

INDENT = 3
"""Cells at the left: a space, the mark, and a space."""


def sentence_lines(told: Said, width: int, height: int) -> list[Line]:
    """The sentence in `height` lines, with the chain where there is room for that and a key. Where there is no room for
    all of it, the words of the keys go first, then the keys, then who suffers.
    """
    room = width - INDENT - 1
    first = first_sentence(told.text)
    texts = [told.text, first] if len(first) < len(told.text) else [told.text]
    ends = _ends(told)
    tries = [(text, ends) for text in texts]
    tries = [*((f"{first} {chain}", ends[:-1]) for chain in told.chains), *tries]
    for text, tails in tries:
        for end in tails:
            lines = broken(text, room, height)
            whole = is_whole(text, room, height)
            if whole and (len(lines) < height or cell_len(lines[-1]) + _tail(end) <= room):
                return _drawn(told, lines, end, width, height)
    lines = broken(texts[-1], room, height)
    last = min(cell_len(lines[-1]), max(room - _tail(ends[-1]), 1)) if len(lines) == height else room
    return _drawn(told, [*lines[:-1], fit(lines[-1], last).rstrip()], ends[-1], width, height)


def _tail(end: Line) -> int:
    return length(end) + 2 if end else 0


def _ends(told: Said) -> list[Line]:
    """What may stand at the end, the longest first."""
    if told.finding is None:
        return [[(told.end, told.text_pen)] if told.end else []]
    found: list[Line] = []
    for keys in (KEYS, SHORT_KEYS, KEYS[:1], ()):
        line: Line = [(told.which, "label")] if told.which else []
        for key, word in keys:
            line += [("   " if line else "", ""), (key, "key"), (f" {tr(word)}", "label")]
        found.append(line)
    return found


def _drawn(told: Said, lines: list[str], end: Line, width: int, height: int) -> list[Line]:
    lines = [*lines, *[""] * (height - len(lines))]
    found: list[Line] = []
    for place, text in enumerate(lines):
        line: Line = [(f" {told.mark or ' '} " if not place else " " * INDENT, told.pen), (text, told.text_pen)]
        if place == height - 1 and end:
            line += [(" " * max(width - 1 - length(line) - length(end), 1), ""), *end]
        found.append(line)
    return found


class Sentence(DrawnLines):
    """The sentence of every screen. A click on it goes to the stream that it speaks of."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view
        self._said: Said | None = None

    def show(self, changed: Set[int]) -> None:
        """Say what is so now, if it is something else."""
        told = said(self._view)
        if told.finding is not None and (root := root_of(told.finding)):
            self._view.ask_other_end(root)
        if told != self._said:
            self._said = told
            self._lay_out()

    def on_resize(self, event: events.Resize) -> None:
        """Another width has room for other words."""
        self._lay_out()

    def _lay_out(self) -> None:
        if self._said is None or not self.size:
            return
        self.put(sentence_lines(self._said, self.size.width, self.size.height))

    def copy_text(self) -> str:
        """The sentence, for the clipboard."""
        return "" if self._said is None else self._said.text

    def on_click(self) -> None:
        """Go to the stream that it speaks of."""
        finding = self._said.finding if self._said is not None else None
        if finding is not None and finding.stream:
            self.post_message(StreamWanted(finding.stream))
