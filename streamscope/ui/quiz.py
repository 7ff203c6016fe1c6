"""The quiz of a lesson: a question before each step, told right or wrong with the reason, and a score that is kept.

What somebody did not know is *weak*: it comes first where several questions could be asked, and once more after the
last step, until it is known.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from streamscope.language import tr, trn
from streamscope.lessons.questions import SUBJECTS, Question, Questions
from streamscope.ui.course import Course
from streamscope.ui.state_file import read_state, write_state

LARGEST = 262_144
"""Bytes of the score's file that are read at most."""
MOST_WEAK = 500
"""So many weak questions are remembered, the latest."""


class Known(msgspec.Struct):
    """How many questions of a subject were answered, and how many rightly."""

    right: int = 0
    asked: int = 0


class Kept(msgspec.Struct):
    """What the score's file holds; `weak` are lesson, step's title and subject."""

    known: dict[str, Known] = {}
    weak: list[tuple[str, str, str]] = []


class Score:
    """What a person knows, kept in the file at `path`; None keeps it in memory only."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        try:
            self.kept = msgspec.json.decode(read_state(path, LARGEST), type=Kept)
        except (msgspec.DecodeError, RecursionError):
            self.kept = Kept()

    def note(self, key: tuple[str, str, str], right: bool) -> None:
        """An answer was given."""
        known = self.kept.known.setdefault(key[2], Known())
        known.asked += 1
        known.right += right
        weak = [each for each in self.kept.weak if each != key]
        self.kept.weak = weak if right else [*weak, key][-MOST_WEAK:]
        write_state(self._path, msgspec.json.encode(self.kept).decode())

    def is_weak(self, key: tuple[str, str, str]) -> bool:
        """Whether this was not known when it was last asked."""
        return key in self.kept.weak

    def weak(self, lesson: str) -> list[tuple[str, str, str]]:
        """What was not known of a lesson."""
        return [key for key in self.kept.weak if key[0] == lesson]

    def known(self) -> list[tuple[str, Known]]:
        """By subject, in their order, what was asked so far."""
        return [(subject, self.kept.known[subject]) for subject in SUBJECTS if subject in self.kept.known]


class Quiz:
    """The quiz of one course. `question` is what is asked just now, and `given` the place of the answer: -1 where the
    person wanted to be shown it, None as long as there is none.
    """

    def __init__(self, course: Course, score: Score, *, on: bool = False) -> None:
        self.on = on
        self.question: Question | None = None
        self.given: int | None = None
        self.right = 0
        self.asked = 0
        self.score = score
        self._course = course
        self._made: Questions | None = None
        self._done: set[tuple[str, str, str]] = set()

    def turn(self) -> None:
        """On, or off; a question that nobody has answered goes."""
        self.on = not self.on
        self.question = self.given = None

    def ask(self, at: int) -> bool:
        """Ask what there is to be asked before a step; whether there is something."""
        found = [question for question in self._questions().before(at) if self._key(question) not in self._done]
        weak = [question for question in found if self.score.is_weak(self._key(question))]
        telling = [question for question in found if question.row >= 0]
        self.question = self._seldom(weak or telling)
        self.given = None
        return self.question is not None

    def again(self) -> Question | None:
        """Once more, what was not known; None if all is."""
        for key in self.score.weak(self._course.performance.name):
            for at, moment in enumerate(self._course.moments):
                if moment.step.title == key[1]:
                    for question in self._questions().before(at):
                        if question.subject == key[2] and key not in self._done:
                            self.question, self.given = question, None
                            return question
        return None

    def answer(self, place: int) -> None:
        """The answer at this place is given, -1 for none; only the first counts."""
        question = self.question
        if question is None or self.given is not None or not -1 <= place < len(question.answers):
            return
        self.given = place
        right = place == question.right
        self.asked += 1
        self.right += right
        self._done.add(self._key(question))
        self.score.note(self._key(question), right)

    def over(self) -> None:
        """The question is done with."""
        self.question = self.given = None

    @property
    def waits(self) -> bool:
        """Whether a question waits for its answer."""
        return self.question is not None and self.given is None

    @property
    def summary(self) -> str:
        """How it goes, for the head of the screen; "" where nobody was asked anything."""
        weak = len(self.score.kept.weak)
        so_far = tr("{right} of {asked} right", right=self.right, asked=self.asked)
        parts = [so_far if self.asked else tr("quiz") if self.on else ""]
        parts.append(trn("{n} weak one waits", "{n} weak ones wait", weak) if weak and (self.on or self.asked) else "")
        return "   ".join(filter(None, parts))

    def _questions(self) -> Questions:
        if self._made is None:
            self._made = Questions(self._course.performance)
        return self._made

    def _seldom(self, found: list[Question]) -> Question | None:
        """Of several, that on the subject that was asked least."""
        asked = {subject: known.asked for subject, known in self.score.known()}
        return min(found, key=lambda question: asked.get(question.subject, 0), default=None)

    def _key(self, question: Question) -> tuple[str, str, str]:
        course = self._course
        return course.performance.name, course.moments[question.at].step.title, question.subject
