"""What a diagnosis finds, as notes among the events: that something is wrong, and that it is over, at the instant at
which that was told.

In the present they are made as it is found. A replay is gone over once for it, a little in every frame, so that the
same lines stand in its events as stood there live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from streamscope.diagnosis import Diagnosis
from streamscope.diagnosis.headless import Along, Glance, looks
from streamscope.diagnosis.shapes import Finding, Told
from streamscope.language import Saying, saying, tr
from streamscope.trace.contents import Note
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.pieces import NoteLeaf
from streamscope.ui.safe import PARTS, visible

SECOND = 1_000_000_000
OVER = "over"
"""What a note is about that says that a finding is none any more."""
OTHER_END = "other end"
"""What one is about that says what was found out of a stream's other end."""
_ABOUT = {OVER: Saying(OVER, lambda: tr("it is over")), OTHER_END: saying("other end")}
MOST = 10_000
"""So many notes are made of a replay."""
NEAR = 3 * SECOND
"""A screen that watched meanwhile has noted the same so long before or afterwards at most."""

Key = tuple[str, int]


def about_text(note: Note) -> str:
    """What a note is about, as a person is told it."""
    return visible(tr(_ABOUT.get(note.about, note.about)))


class Noted:
    """Which findings have been noted and are not over."""

    def __init__(self) -> None:
        self._open: dict[Key, Finding] = {}

    def notes(self, told: Told, at: float) -> list[Note]:
        """The notes of what was found since the look before, and of what is over, made at this Unix time."""
        found = {finding.key: finding for finding in told.findings}
        notes = [
            Note(at, finding.lint, _text(told, finding), finding.stream)
            for key, finding in found.items()
            if key not in self._open
        ]
        notes += [
            Note(at, OVER, saying("{lint} no longer", lint=finding.lint), finding.stream)
            for key, finding in self._open.items()
            if key not in found
        ]
        self._open = found
        return notes


def _text(told: Told, finding: Finding) -> str:
    """The verdict's word, where there is one, and the sentence."""
    sentence = told.sentence_of(finding)
    if finding.verdict is None:
        return sentence
    word = finding.verdict.word.value + PARTS
    return Saying(word + sentence, lambda: word + tr(sentence))


@dataclass(eq=False)
class ReplayNotes:
    """The notes of a replay: `leaves`, in order, each before the row that it has; more of them with each `work`."""

    past: Past
    started: float
    allowed: set[str]

    def __post_init__(self) -> None:
        diagnosis = Diagnosis(self.past.decoder.vocabulary)
        diagnosis.allowed = self.allowed
        self._along = Along(diagnosis, Model(self.past.decoder.vocabulary))
        self._looks: Iterator[Glance] | None = looks(self.past, self._along)
        self._noted = Noted()
        self._theirs: dict[Key, int] = {}  # when a screen has noted it that watched
        self.leaves: list[NoteLeaf] = []

    def work(self, budget_s: float, monotonic: Callable[[], float]) -> bool:
        """Go over more of the past, for about so many seconds; whether there are other notes now."""
        if self._looks is None:
            return False
        until, before = monotonic() + budget_s, len(self.leaves)
        for look in self._looks:
            if look.note is not None:
                self._see(look.note)
            else:
                self._note(look)
            if monotonic() >= until:
                return len(self.leaves) != before
        self._looks = None
        return len(self.leaves) != before

    def _see(self, note: Note) -> None:
        """A screen that watched has noted something: it is there already."""
        key, t = (note.about, note.stream), note.t(self.started)
        self._theirs[key] = t
        self.leaves = [leaf for leaf in self.leaves if not _is_near(leaf, key, t)]

    def _note(self, look: Glance) -> None:
        told = self._along.diagnosis.report()
        for note in self._noted.notes(told, self.started + look.t / SECOND):
            theirs = self._theirs.get((note.about, note.stream))
            if len(self.leaves) < MOST and (theirs is None or look.t - theirs > NEAR):
                self.leaves.append(NoteLeaf(look.row, 0, 0, look.t, note))


def _is_near(leaf: NoteLeaf, key: Key, t: int) -> bool:
    return (leaf.note.about, leaf.note.stream) == key and abs(leaf.t - t) <= NEAR
