"""The letters under the table's flags column, spelt out: which flag each is, and what the marks before a row say.

It stands at the foot of the table where lines are free, all of it or the letters that one line has room for. Pure.
"""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len

from streamscope.language import N_, spoken, tr
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.lamps import Letters
from streamscope.ui.lines import Line
from streamscope.ui.safe import PARTS, few_words, fit, visible

FREE = 3
"""So many lines have to be free for it."""
APART = 3
"""Cells between two of them."""
MARKS = (
    ("┌└", N_("pair")),
    ("▲", N_("alarm")),
    ("△", N_("notice")),
    ("⇠", N_("held back")),
    ("✗", N_("failed")),
    ("◦", N_("closed")),
    ("▸", N_("listens")),
)


def legend(vocabulary: Vocabulary, width: int, free: int, number: int = 0, flags: int = 0) -> list[Line]:
    """The lines of the legend in `width` cells, where so many lines are free; none where that is too few. With a
    `number`, also what the letters of this stream say, in plain words.
    """
    return _legend(vocabulary, width, free, number, flags, spoken())


@lru_cache(maxsize=64)
def _legend(vocabulary: Vocabulary, width: int, free: int, number: int, flags: int, language: str) -> list[Line]:
    names = vocabulary.flag_names
    letters = [(letter, names[bit]) for cell in Letters.of(vocabulary).cells for bit, letter in reversed(cell)]
    if not letters or free < FREE:
        return []
    marks = [(sign, tr(meaning)) for sign, meaning in MARKS]
    lines = [*_flow(letters, width), *_flow(marks, width, apart=2)[:1]]
    if len(lines) + 2 <= free:
        said = few_words(PARTS.join(_plain(vocabulary, flags)), width - 6 - len(str(number))) if number else ""
        if said and len(lines) + 3 <= free:
            lines.insert(0, [(f"  #{number}  ", "value"), (said, "")])
        head = f" ─ {tr('letters')} "
        return [[(head + "─" * max(width - 1 - cell_len(head), 0), "muted")], *lines]
    more = f"   ? {tr('all {n} letters', n=len(letters))}"
    return [[*_flow(letters, width - cell_len(more), columns=False)[0], (more, "muted")]]


def _plain(vocabulary: Vocabulary, flags: int) -> list[str]:
    """What a stream's letters say, in the order of the lamps; without those that come and go all the time."""
    lit = [flag for flag in vocabulary.flags if flags & flag.bit and flag.cell >= 0 and not flag.passing]
    return [visible(flag.plain or flag.name) for flag in lit]


def _flow(pairs: list[tuple[str, str]], width: int, *, columns: bool = True, apart: int = APART) -> list[Line]:
    """Signs and what each means; in columns, if that is wanted, where there is more than one line of them."""
    whole = sum(cell_len(sign) + cell_len(name) + 1 for sign, name in pairs) + apart * (len(pairs) - 1) + 2
    column = 0 if whole <= width or not columns else max(cell_len(name) for _, name in pairs) + 2
    lines: list[Line] = []
    used = width
    for sign, name in pairs:
        text = fit(f" {name}", column - 1) if column else f" {name}"
        needed = cell_len(sign) + cell_len(f" {name}")
        if not lines or used + apart + needed > width:
            lines.append([("  ", "")])
            used = 2
        else:
            lines[-1].append((" " * apart, ""))
            used += apart
        lines[-1] += [(sign, "value"), (text, "label")]
        used += cell_len(sign) + cell_len(text)
    return lines
