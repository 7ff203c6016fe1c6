"""What can be explained in the row of a table that has the cursor: its mark, what joins it to its neighbour, each cell
by its column, and of the flags every letter. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamscope.diagnosis import BY_NAME as LINT_BY_NAME
from streamscope.language import N_, sentences, tr
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.columns import Placed
from streamscope.ui.glossary import WORDS, Thing, flag_says
from streamscope.ui.lamps import Letters
from streamscope.ui.safe import as_sentence, visible

MARKS = {
    "▲": (N_("alarm"), N_("The stream stalls, or something is surely wrong with it. w says why, b goes to where it "
          "began.")),
    "△": (N_("notice"), N_("Something about the stream may become trouble. w says what.")),
    "■": (N_("stuck"), N_("The program does not come back to its loop: it is in a callback of this stream.")),
    "⇠": (N_("held back"), N_("The program does not read it, because another stream, which it feeds, can take no more: "
          "nothing is wrong here. c goes there.")),
    "✗": (N_("failed"), N_("A call, a request or a callback of the stream has failed.")),
    "◦": (N_("closed"), N_("The stream has closed, and leaves the table in a moment.")),
    "▸": (N_("listens"), N_("It waits for connections.")),
}  # fmt: skip
"""What the first cell of a row means."""
PAIR = N_("What comes in at one of these goes out at the other: they are the two of a pair. c goes to the other.")
GROUP = N_("What comes in at one of these goes out at the others: they are the members of a group.")


def mark_thing(mark: str, y: int, x: int) -> list[Thing]:
    """What a row's mark means; none for a mark that needs no words."""
    name, says = MARKS.get(mark, ("", ""))
    return [Thing(y, x, 1, f"{mark} {tr(name)}", tr(says))] if name else []


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
    found = mark_thing(mark, y, 0)
    for (place, start), text in zip(placed, cells):
        if place.column.id == "flags":
            found += _letters(flags, words, y, start)
            continue
        says = visible(place.column.explained(words), 600)
        if place.column.id == "what" and (known := _of_word(text)):
            says = tr(sentences((says, tr("{name}: {says}", name=text, says=known))))
        found.append(Thing(y, start, place.width, tr(place.column.title), says))
    if bar:
        found.insert(int(mark in MARKS), Thing(y, 1, 1, "┌ └", tr(GROUP if bar == "├" else PAIR)))
    return found


def _of_word(text: str) -> str:
    lint = LINT_BY_NAME.get(text)
    return tr(WORDS.get(text, "")) or (as_sentence(tr(lint.checks)) if lint is not None else "")


def _letters(flags: int, words: Vocabulary, y: int, start: int) -> list[Thing]:
    """Each letter of the flags; where none of those is on that share a cell, the one that comes first."""
    by_bit = {flag.bit: flag for flag in words.flags}
    things = []
    for x, cell in enumerate(Letters.of(words).cells):
        bit, letter = next(((bit, letter) for bit, letter in cell if flags & bit), cell[-1])
        flag, state = by_bit[bit], tr("On here.") if flags & bit else tr("Off here.")
        things.append(Thing(y, start + x, 1, f"{letter} {flag.name}", tr(sentences((state, flag_says(flag))))))
    return things
