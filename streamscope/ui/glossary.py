"""What the words on the screen mean: those of the engine, in the sentences that came with its feed, and our own.

`things_in` finds on drawn lines whatever has a meaning here, so that a pane says once what it shows and never lists
beside that what in it can be explained. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len

from streamscope.diagnosis import BY_NAME as LINT_BY_NAME
from streamscope.diagnosis import Lint
from streamscope.language import clauses, items, sentences, spoken, tr
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import FlagWords
from streamscope.ui.lines import Line
from streamscope.ui.safe import as_sentence, visible

Glossary = Mapping[str, str]
"""Words, and what each means, in a sentence or two that are fit for a terminal."""

LONGEST = 600


class Thing(NamedTuple):
    """Something that stands in a pane and can be explained: the line and the cell where it begins, how many cells it
    takes, what it is called and what that means.
    """

    y: int
    x: int
    cells: int
    name: str
    says: str


def things_in(lines: Sequence[Line], words: Glossary) -> list[Thing]:
    """Every word of these lines that has a meaning, once, from the first line to the last. A word is a part of a line
    without what stands round it; keys are none.
    """
    found: dict[str, Thing] = {}
    for y, line in enumerate(lines):
        x = 0
        for text, pen in line:
            name = text.strip(" ●○▸")
            if pen != "key" and name in words and name not in found:
                start = x + cell_len(text) - cell_len(text.lstrip(" "))
                found[name] = Thing(y, start, cell_len(text.strip(" ")), name, words[name])
            x += cell_len(text)
    return list(found.values())


def flag_says(flag: FlagWords) -> str:
    """What a flag means, and which functions set and clear it."""
    set_by = tr("set by {functions}", functions=_listed(flag.set_by)) if flag.set_by else ""
    cleared_by = tr("cleared by {functions}", functions=_listed(flag.cleared_by)) if flag.cleared_by else ""
    by = as_sentence(tr(clauses((set_by, cleared_by))))
    return _one_after_the_other(as_sentence(flag.plain), flag.meaning, by, flag.practice)


def _listed(functions: Sequence[str]) -> str:
    if len(functions) <= 4:
        return tr(items(functions))
    return tr("{some} and {n} more", some=tr(items(functions[:3])), n=len(functions) - 3)


def _one_after_the_other(*said: str) -> str:
    return visible(" ".join(tr(sentences(said)).split()), LONGEST)


def of_panel(vocabulary: Vocabulary) -> Glossary:
    """The words of a panel, of its time line and of evidence: flags, fields, what the kernel says, and whose fault."""
    return _of_panel(vocabulary, spoken())


@lru_cache(4)
def _of_panel(vocabulary: Vocabulary, language: str) -> Glossary:
    known: dict[str, str] = {entry.name: visible(entry.meaning, LONGEST) for entry in vocabulary.said.kernel}
    known |= {name: lint_says(lint) for name, lint in LINT_BY_NAME.items()}
    for field in vocabulary.fields:
        label = vocabulary.label(field)
        known[label] = known[tr(label)] = _of_field(vocabulary, field)  # a few are words of ours, too: flags
    known |= _as_spoken({**WORDS, **LANES, **PANEL})
    known |= {flag.name: flag_says(flag) for flag in vocabulary.flags}
    known |= {
        flag.letter: tr("{name}: {says}", name=flag.name, says=flag_says(flag))
        for flag in vocabulary.flags
        if flag.letter
    }
    return {name: says for name, says in known.items() if name and says}


def of_totals() -> Glossary:
    """The words of the screen of totals."""
    return _as_spoken(TOTALS)


def _as_spoken(words: Glossary) -> dict[str, str]:
    """Words of ours in the language that is spoken, as they are drawn then."""
    return {tr(name): tr(says) for name, says in words.items()}


def lint_says(lint: Lint) -> str:
    """What a lint looks for, and why that matters."""
    return as_sentence(tr("{checks}: {matters}", checks=tr(lint.checks), matters=tr(lint.matters)))


def _of_field(vocabulary: Vocabulary, name: str) -> str:
    field = vocabulary.field(name)
    unknown = "" if vocabulary.knows(name) else tr("This engine cannot know it: – is unknown, and never 0.")
    return _one_after_the_other(as_sentence(field.plain), field.meaning, field.practice, unknown)


WORDS: Glossary = {
    "PEER": "The other end is at fault: it takes nothing, or it has gone. Look at the program there.",
    "NETWORK": "The way is at fault: what was sent gets lost or comes late, and nobody acknowledges it.",
    "LOOP": "The program's loop is at fault: it does not come round, so that nothing is read or written meanwhile.",
    "APP": "The program itself is at fault: it has bytes, or room for them, and does nothing with it.",
    "LISTENER": "A listener is at fault: connections wait in the kernel, and nobody takes them in.",
    "HOST": "The machine is at fault: there is no CPU for the program, or no descriptor, or it was stopped.",
}
"""Whose fault something is."""

PANEL: Glossary = {
    "queue": "Bytes that the program has written and that still wait in it, before the kernel: write_queue_size.",
    "kernel": "Bytes in the kernel: on the way out those that it has not sent yet (notsent), on the way in those that "
    "have come and that the program has not read (inq).",
    "in flight": "Bytes that were sent and that the peer has not acknowledged yet.",
    "acknowledged": "Bytes that the peer's kernel has acknowledged since the connection began; they wait no more.",
    "acked": "Bytes that the peer's kernel has acknowledged since the connection began; they wait no more.",
    "unread": "Bytes that have come to the peer's kernel and that the program there has not read: a note, since the "
    "peer is on this machine.",
    "at the peer": "Bytes that the peer has not sent yet; known only where it is on this machine.",
    "program": "Bytes that the program has read since the stream began.",
    "epoll": "What the engine wants the kernel to watch for, and what it has registered; they differ until the next "
    "turn.",
    "wants": "What the engine wants the kernel to watch for: IN to read, OUT to write.",
    "epoll wants": "What the engine wants the kernel to watch for: IN to read, OUT to write.",
    "registered": "What the engine believes the kernel to watch for; the loop tells it of changes as its turn begins.",
    "bytes": "How many bytes came in and went out since the stream began, and how many a second.",
    "bytes in": "Bytes that came in since the stream began, over the last thirty seconds as a curve, and a second.",
    "bytes out": "Bytes that the kernel took since the stream began, over the last thirty seconds as a curve, and a "
    "second.",
    "in": "Bytes that came in since the stream began.",
    "out": "Bytes that the kernel took since the stream began.",
    "done": "The last writes that had their callback: ✓ ended well, ✗ failed.",
    "accept queue": "Connections that wait in the kernel until the listener accepts them, and how many may.",
    "connections": "How many streams this listener has accepted that are still here.",
    "made at": "Where in the program the stream was made, and which listener accepted it.",
    "⇄": "Whom the stream goes with: what comes in at one goes out at the other. ⇠ says which of the two holds the "
    "other back. c goes there, B shows both as one conversation.",
}  # fmt: skip
"""What a panel says in words of ours."""

LANES: Glossary = {
    "wants IN": "Whether the engine wants to hear that there is something to read.",
    "wants OUT": "Whether the engine wants to hear that there is room to write: something waits to go out.",
    "requests": "The greatest number of requests under way in each cell: writes, a connect, a shutdown.",
    "reads": "How many reads brought bytes in each cell.",
    "writes": "How many writes ended well in each cell.",
    "errors": "How many of its calls, requests and callbacks failed in each cell.",
    "turns": "The turns of the loop in each cell: no tick is a loop that waits, or does not come round.",
}  # fmt: skip
"""Lanes of a time line that are no flags."""

TOTALS: Glossary = {
    "#": "The stream's number; never used twice.",
    "peer": "The other side's address, or where a server listens.",
    "in/s": "Bytes that came in, in the last second.",
    "out/s": "Bytes that the kernel took, in the last second.",
    "waits": "Bytes that wait to go out, in the queue and in the kernel; △ where the queue is above its mark.",
    "share of callback time": "The stream's part of the time that the program spent in callbacks, in the last second.",
    "callback time": "The stream's part of the time that the program spent in callbacks, in the last second.",
    "p50": "Half of them took no longer than this.",
    "p99": "Of a hundred, 99 took no longer than this.",
    "max": "The longest of them; Enter lists the ten longest.",
    "at once": "It began and ended while the feed's clock stood still, within one callback: how long that was nobody "
    "has measured.",
    "< 0.1 ms": "How many took less than a tenth of a millisecond.",
    "< 1 ms": "How many took a tenth of a millisecond or more, and less than one.",
    "< 10 ms": "How many took one millisecond or more, and less than ten.",
    "< 100 ms": "How many took ten milliseconds or more, and less than a hundred.",
    "≥ 100 ms": "How many took a tenth of a second or more: a person notices that.",
}  # fmt: skip
"""What the screen of totals says."""
