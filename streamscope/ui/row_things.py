"""What can be explained in the row of a table that has the cursor: its mark, what joins it to its neighbour, each cell
by its column, and of the flags every letter. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamscope.diagnosis import BY_NAME as LINT_BY_NAME
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.columns import Placed
from streamscope.ui.glossary import WORDS, Thing, flag_says
from streamscope.ui.lamps import Letters
from streamscope.ui.safe import as_sentence, visible

MARKS = {
    "▲": ("alarm", "The stream stalls, or something is surely wrong with it. w says why, b goes to where it began."),
    "△": ("notice", "Something about the stream may become trouble. w says what."),
    "■": ("stuck", "The program does not come back to its loop: it is in a callback of this stream."),
    "⇠": ("held back", "The program does not read it, because another stream, which it feeds, can take no more: "
          "nothing is wrong here. c goes there."),
    "✗": ("failed", "A call, a request or a callback of the stream has failed."),
    "◦": ("closed", "The stream has closed, and leaves the table in a moment."),
    "▸": ("listens", "It waits for connections."),
}  # fmt: skip
"""What the first cell of a row means."""
PAIR = "What comes in at one of these goes out at the other: they are the two of a pair. c goes to the other."
GROUP = "What comes in at one of these goes out at the others: they are the members of a group."


def row_things(
    placed: Sequence[tuple[Placed, int]],
    cells: Sequence[str],
    mark: str,
    bar: str,
    flags: int,
    words: Vocabulary,
    y: int,
) -> list[Thing]:
    """The things of a row in line `y`: `placed` are its columns and where they begin, `cells` their texts."""
    found = [Thing(y, 0, 1, f"{mark} {MARKS[mark][0]}", MARKS[mark][1])] if mark in MARKS else []
    for (place, start), text in zip(placed, cells):
        if place.column.id == "flags":
            found += _letters(flags, words, y, start)
            continue
        says = visible(place.column.explained(words), 600)
        if place.column.id == "what" and (known := _of_word(text)):
            says = f"{says} {text}: {known}"
        found.append(Thing(y, start, place.width, place.column.title, says))
    if bar:
        found.insert(int(mark in MARKS), Thing(y, 1, 1, "┌ └", GROUP if bar == "├" else PAIR))
    return found


def _of_word(text: str) -> str:
    lint = LINT_BY_NAME.get(text)
    return WORDS.get(text, "") or (as_sentence(lint.checks) if lint is not None else "")


def _letters(flags: int, words: Vocabulary, y: int, start: int) -> list[Thing]:
    """Each letter of the flags; where none of those is on that share a cell, the one that comes first."""
    by_bit = {flag.bit: flag for flag in words.flags}
    things = []
    for x, cell in enumerate(Letters.of(words).cells):
        bit, letter = next(((bit, letter) for bit, letter in cell if flags & bit), cell[-1])
        flag, state = by_bit[bit], "On here." if flags & bit else "Off here."
        things.append(Thing(y, start + x, 1, f"{letter} {flag.name}", f"{state} {flag_says(flag)}"))
    return things
