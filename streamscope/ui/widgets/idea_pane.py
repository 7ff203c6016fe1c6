"""The presentation of a lesson: one idea over the whole screen, for a classroom."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import ClassVar

from textual import events
from textual.binding import BindingType

from streamscope.language import tr
from streamscope.ui.actions import bindings
from streamscope.ui.course import Course
from streamscope.ui.glossary import Glossary, Thing, of_panel
from streamscope.ui.ideas import Idea, Ideas
from streamscope.ui.lines import Line, length
from streamscope.ui.messages import AnswerGiven
from streamscope.ui.quiz import Quiz
from streamscope.ui.view import View
from streamscope.ui.widgets import idea_lines, lesson_lines
from streamscope.ui.widgets.drawn import DrawnLines
from streamscope.ui.widgets.pens import set_titles


class IdeaPane(DrawnLines, can_focus=True):
    """One idea of the step that is shown; in its place a question, while one is asked."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("explained")

    def __init__(self, view: View, course: Course, quiz: Quiz, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view = view
        self._course = course
        self._quiz = quiz
        self._ideas = Ideas(course)
        self._shown = (-1, 0)  # the step, and which of its ideas
        self._answers: dict[int, int] = {}  # by line, the place of the answer there
        self._scrolled = 0
        self._heading = 0

    @property
    def idea(self) -> Idea:
        """The idea that is shown; of a step that one has just come to the first."""
        if self._shown[0] != self._course.at:
            self._shown, self._scrolled = (self._course.at, 0), 0
        return self._ideas.now()[self._shown[1]]

    def turn(self, by: int) -> None:
        """Show the step's next idea, or the one before; after the last comes the first."""
        at = (self.place + by) % len(self._ideas.now())
        self._shown, self._scrolled = (self._course.at, at), 0
        self._put_thing(None)

    @property
    def place(self) -> int:
        """Which of the step's ideas is shown."""
        return self._shown[1] if self._shown[0] == self._course.at else 0

    @property
    def has_more(self) -> bool:
        """Whether the step has more ideas than one, and nothing is asked."""
        return self._quiz.question is None and len(self._ideas.now()) > 1

    def glossary(self) -> Glossary:
        """See `DrawnLines`."""
        return of_panel(self._view.vocabulary)

    def things(self) -> Sequence[Thing]:
        """See `Explains`: the idea itself."""
        name = self._view.vocabulary.label(self.idea.name)
        says = self.glossary().get(name, "")
        if self._quiz.question is not None or not says or self._heading >= len(self._lines):
            return ()
        line = self._lines[self._heading]
        indent = length(line[:1])
        return (Thing(self._heading, indent, length(line) - indent, name, says),)

    def show(self, changed: Set[int]) -> None:
        """Paint what is so where the person stands."""
        course, quiz = self._course, self._quiz
        count = tr("{step} of {count}", step=course.at + 1, count=len(course.moments))
        summary = quiz.summary.partition("   ")[0]
        of = course.name_of(course.number) if len(course.moment.handles) > 2 else ""
        keys = "" if quiz.question is not None else tr("n next · N before · − smaller")
        set_titles(self, " · ".join(filter(None, (of, summary, count))), keys)
        width, height = self.content_size
        if width and height:
            self.put(self._in_sight(width, height))

    def _in_sight(self, width: int, height: int) -> list[Line]:
        sheet = idea_lines.Sheet(width, height - 1)
        self._answers = {}
        if self._quiz.question is not None:
            lines, answers = idea_lines.question(self._quiz, sheet)
            last: Line = []
        else:
            shown, answers = self.idea, {}
            now = self._course.claims(self._view.model)
            claims = lesson_lines.claims([now[at] for at in shown.claims], sheet.room)
            state = self._view.stream(self._course.number)
            lines = idea_lines.idea(shown, self._ideas, state, self._view.vocabulary, claims, sheet)
            last = idea_lines.which(self.place, len(self._ideas.now()), sheet)
        self._scrolled = max(0, min(self._scrolled, len(lines) - sheet.height))
        lines = lines[self._scrolled : self._scrolled + sheet.height]
        self._answers = {line - self._scrolled: place for line, place in answers.items()}
        self._heading = next((y for y, line in enumerate(lines) if line), 0)
        return [*lines, *([] for _ in range(sheet.height - len(lines))), last]

    def scroll_lines(self, by: int) -> None:
        """Show what has no room above or below."""
        self._scrolled += by
        self.show(frozenset())

    def on_click(self, event: events.Click) -> None:
        """A click on an answer gives it."""
        offset = event.get_content_offset(self)
        if offset is not None and offset.y in self._answers:
            self.post_message(AnswerGiven(self._answers[offset.y]))

    def copy_text(self) -> str:
        """What the idea says, for the clipboard."""
        return "\n".join(filter(None, (self.idea.name, self.idea.said)))
