"""The panes of a lesson: which it is, what it says, and the stream that it speaks of."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import ClassVar

import msgspec
from rich.cells import cell_len
from textual import events
from textual.binding import BindingType

from streamscope.language import tr
from streamscope.ui.actions import bindings
from streamscope.ui.course import Course
from streamscope.ui.glossary import Thing
from streamscope.ui.lines import Line
from streamscope.ui.messages import AnswerGiven
from streamscope.ui.quiz import Quiz
from streamscope.ui.safe import fit
from streamscope.ui.view import View
from streamscope.ui.widgets import lesson_lines
from streamscope.ui.widgets.drawn import DrawnLines
from streamscope.ui.widgets.panel import Panel
from streamscope.ui.widgets.panel_lines import title
from streamscope.ui.widgets.panel_rows import Facts
from streamscope.ui.widgets.pens import set_titles


class LessonHead(DrawnLines):
    """The line at the top."""

    def __init__(self, course: Course, quiz: Quiz) -> None:
        super().__init__()
        self._course = course
        self._quiz = quiz

    def show(self, changed: Set[int]) -> None:
        """Paint which step it is, and how the quiz goes."""
        self.put([lesson_lines.head(self._course, self.content_size.width, self._quiz.summary)])


class LessonNext(DrawnLines):
    """The line over the keys: what comes, and the section of the chapter."""

    def __init__(self, course: Course, quiz: Quiz) -> None:
        super().__init__()
        self._course = course
        self._quiz = quiz

    def show(self, changed: Set[int]) -> None:
        """Paint where the person stands."""
        self.put([lesson_lines.next_line(self._course, self.content_size.width, asked=self._quiz.waits)])


class StepPane(DrawnLines):
    """What the step says, what to look at, what is claimed; with all steps below where there is room. In its place a
    question, while one is asked.
    """

    def __init__(self, view: View, course: Course, quiz: Quiz, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view = view
        self._course = course
        self._quiz = quiz
        self._answers: dict[int, int] = {}  # by line, the place of the answer there
        self._scrolled = 0
        self._at = -1
        self.roomy = False
        """Whether it has a border, and a claim a line."""
        self.most_claims = 3
        self.most_said = 3
        """So many lines of claims and of text are in sight at once, where there is little room."""

    def needed(self, width: int) -> int:
        """The lines that it takes where it is not roomy."""
        return len(self._lines_now(width))

    def show(self, changed: Set[int]) -> None:
        """Paint what is so where the person stands."""
        course = self._course
        if course.at != self._at:
            self._at, self._scrolled = course.at, 0
        self._answers = {}
        if self.roomy:
            set_titles(self, tr("step {number}", number=course.at + 1), tr("n next · N before · z quiz"))
        width, height = self.content_size
        if width:
            self.put(self._roomy(width, height) if self.roomy else self._lines_now(width))

    def _lines_now(self, width: int) -> list[Line]:
        course, indent = self._course, 2
        if self._quiz.question is not None:
            lines, self._answers = lesson_lines.asks(self._quiz, width - indent - 1)
            return [[(" " * indent, ""), *line] for line in lines]
        said = lesson_lines.said(course, width - indent - 1)
        most = max(self.most_said, 1)
        self._scrolled = max(0, min(self._scrolled, len(said) - most))
        seen = said[self._scrolled : self._scrolled + most]
        if len(said) > most:
            up, down = self._scrolled > 0, self._scrolled + most < len(said)
            more = f" {'↑' if up else ''}{'↓' if down else ''}"
            seen = [*seen[:-1], [*seen[-1], (more, "key")]]
        claims = lesson_lines.claims(course.claims(self._view.model), width - indent - 1, self.most_claims)
        look = lesson_lines.look_at(course)
        return [[(" " * indent, ""), *line] for line in (*seen, *([look] if look else []), *claims)]

    def _roomy(self, width: int, height: int) -> list[Line]:
        course = self._course
        if self._quiz.question is not None:
            asked, places = lesson_lines.asks(self._quiz, width - 4)
            self._answers = {line + 1: place for line, place in places.items()}
            return [[], *([("  ", ""), *line] for line in asked)]
        said = lesson_lines.said(course, width - 4)
        claims = lesson_lines.claims(course.claims(self._view.model), width - 4)
        parts: list[list[Line]] = [[[]], said]
        look = lesson_lines.look_at(course)
        parts += [[[], look]] if look else []
        parts.append([[], *claims])
        lines = [line for part in parts for line in part]
        steps = lesson_lines.steps(course, width - 3, height - len(lines) - 1)
        if steps:
            lines += [[]] * (height - len(lines) - len(steps)) + steps
        self._scrolled = max(0, min(self._scrolled, len(lines) - height))
        return [[("  ", ""), *line] for line in lines[self._scrolled : self._scrolled + height]]

    def scroll_lines(self, by: int) -> None:
        """Show what of the text is above or below."""
        self._scrolled += by
        self.show(frozenset())

    def on_click(self, event: events.Click) -> None:
        """A click on an answer gives it."""
        offset = event.get_content_offset(self)
        if offset is not None and offset.y in self._answers:
            self.post_message(AnswerGiven(self._answers[offset.y]))

    def copy_text(self) -> str:
        """What the step says, for the clipboard."""
        course = self._course
        return "\n".join(filter(None, (course.title, course.text, course.chapter)))


class LessonPanel(Panel, inherit_bindings=False):
    """The stream that the step speaks of, with what to look at marked."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("explained"), *bindings("", "panel.open")]

    def __init__(self, view: View, course: Course, quiz: Quiz, *, id: str | None = None) -> None:
        super().__init__(view, course.number, id=id)
        self._course = course
        self._quiz = quiz

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While somebody is asked, Enter means the answer."""
        return False if action == "open" and self._quiz.waits else super().check_action(action, parameters)

    def things(self) -> Sequence[Thing]:
        """See `Explains`: what the step points at comes first."""
        look = self._course.moment.step.look
        return sorted(super().things(), key=lambda thing: look.index(thing.name) if thing.name in look else len(look))

    def facts(self) -> Facts | None:
        """See `Panel`. A lesson takes milliseconds, so there is nothing to say of ages."""
        facts = super().facts()
        if facts is None:
            return None
        state = facts.state
        name = state.name or self._course.name_of(state.number)
        return msgspec.structs.replace(facts, state=msgspec.structs.replace(state, name=name, begin_t=0, armed_t=0))

    def lines_of(self, facts: Facts, width: int, height: int) -> list[Line]:
        """See `Panel`."""
        return lesson_lines.panel(facts, self._course, width, height)

    def _show_frame(self, facts: Facts | None) -> None:
        left = f"#{self.number}" if facts is None else title(facts)
        right = tr("turn {turn:,}", turn=self._view.model.turn)
        self._title = f"{left}  {right}"
        set_titles(self, fit(left, min(cell_len(left), self.outer_size.width - cell_len(right) - 9)), right=right)
