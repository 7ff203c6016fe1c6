"""A lesson: what a step says, the stream that it speaks of, and the way through, event by event and step by step."""

from __future__ import annotations

from collections.abc import Iterable, Set

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.widget import Widget

from streamscope.language import tr
from streamscope.ui.actions import bindings
from streamscope.ui.course import Course
from streamscope.ui.messages import AnswerGiven
from streamscope.ui.quiz import Quiz
from streamscope.ui.screens.base import ENOUGH, TALL, WIDE, LiveScreen
from streamscope.ui.view import View
from streamscope.ui.widgets.idea_pane import IdeaPane
from streamscope.ui.widgets.inside_panes import InsideNow, PhasePane, SourcePane
from streamscope.ui.widgets.lesson_panes import LessonHead, LessonNext, LessonPanel, StepPane
from streamscope.ui.widgets.too_small import TooSmall

PANEL_LINES = 6
"""What the panel takes where there is little room and the text beside it, its title included."""
TEXT_LINES = 3
"""Lines of what is said that are in sight then."""
OTHERS = 13
"""Lines that all else takes where the text is not wanted."""


class LessonScreen(LiveScreen):
    """The whole of a lesson. The view is on its recording, and stands where the course does."""

    BINDINGS = bindings("lesson")
    HELP = """\
A lesson is a short program that ran on the engine, on real sockets, just before this screen opened. You go through its
recording: → and ← by one event, n and N by one step. What to look at has » before it. What the step claims has ○ as
long as it may still come, then ✓; it was held against the real libuv, too, except where only the engine can tell. The
lesson node ran in a real Node, looked at from outside.

The panel shows the stream that the step speaks of. What has changed in this step is coloured.

z asks you before each step what it will change: flags, queues, or what epoll has. The answer follows from the run, and
is told with the event that decides it. What you did not know comes again.

+ makes it large, for a classroom: one idea has the whole screen, a field or a flag that the step points at, what it is
now, what is said and claimed of it. tab goes to the step's next idea, − back to the smaller screen.
"""

    def __init__(self, view: View, course: Course, quiz: Quiz, inside: InsideNow, *, present: bool = False) -> None:
        super().__init__(view)
        self.presenting = present
        self.course = course
        self.quiz = quiz
        self.head = LessonHead(course, quiz)
        self.said = StepPane(view, course, quiz, id="lesson-step")
        self.panel = LessonPanel(view, course, quiz, id="lesson-panel")
        self.phases = PhasePane(inside, number=lambda: course.count, id="lesson-phases")
        self.source = SourcePane(inside, id="lesson-source")
        self.next = LessonNext(course, quiz)
        self.idea = IdeaPane(view, course, quiz, id="lesson-idea")
        self._source_wanted = True
        self._more_ideas = True

    def compose(self) -> ComposeResult:
        """The lesson's own frame: no sentence and no past, for nothing is wrong and the steps say where one is."""
        self._fit(self.app.size)
        yield self.head
        yield Container(*self.compose_body(), id="body")
        yield TooSmall(tr("The lesson"))
        yield self.next
        yield self._footer

    def compose_body(self) -> Iterable[Widget]:
        """What is said and where we are on one side, the stream and the engine's text on the other; in this order above
        each other where there is no room beside.
        """
        yield from (self.said, self.panel, self.phases, self.source, self.idea)

    def lay_out(self, width: int, height: int) -> None:
        """Where there is little room the step takes the lines that it needs, and a question all that there are. An idea
        that is presented has the screen to itself.
        """
        self.set_class(self.presenting, "-presenting")
        self.idea.display = self.presenting
        for pane in (self.head, self.said, self.panel, self.next):
            pane.display = not self.presenting
        roomy = self.said.roomy = width >= WIDE and height >= TALL
        asked = self.quiz.question is not None and not roomy
        self.phases.display = not self.presenting and not asked and (roomy or height >= ENOUGH[1])
        self.source.display = self.phases.display and self._source_wanted
        self.set_class(not self.source.display, "-without-source")
        if roomy:
            self.said.styles.height = "1fr"
            self.panel.styles.height = "1fr"
        else:
            self.said.most_claims = 2 if self.source.display and height < TALL else 3
            spare = (height - ENOUGH[1]) // 2 if self.source.display else height - OTHERS - TEXT_LINES
            self.said.most_said = TEXT_LINES + max(spare, 0)
            self.said.styles.height = self.said.needed(width)
            self.panel.styles.height = PANEL_LINES + (height - ENOUGH[1]) // 3 if self.source.display else "1fr"

    def on_mount(self) -> None:
        """At the first step."""
        self.foremost.focus()
        self._go(self.course.at)

    def show(self, changed: Set[int]) -> None:
        """Paint where the person stands now. Who has gone on by themselves is not asked any more."""
        if self.quiz.question is not None and self.view.past_end != self.course.row:
            self.quiz.over()
        self.course.follow(self.view.past_end)
        if self.presenting and self._more_ideas is not self.idea.has_more:
            self._more_ideas = self.idea.has_more
            self.refresh_bindings()
        self.panel.number = self.course.number
        self.lay_out(*self.app.size)
        for pane in (self.head, self.said, self.panel, self.phases, self.source, self.next, self.idea):
            if pane.display:
                pane.show(changed)

    def show_at_once(self) -> None:
        """Paint everything."""
        self.show(frozenset(self.view.model.streams))

    @property
    def foremost(self) -> Widget:
        """The panel, or the idea that is presented."""
        return self.idea if self.presenting else self.panel

    @property
    def subject(self) -> tuple[int | None, str]:
        """The stream that the step speaks of, to whose changes one goes."""
        return self.course.number, ""

    def _go(self, at: int) -> None:
        travel = self.view.travel
        if travel is not None:
            travel.stop()
            travel.go(self.course.go(at))
            self.view.advance(0.0)
            self.show_at_once()

    def action_next_step(self) -> None:
        """Go to where this step stands, or from there to the next one; with the quiz, by way of a question."""
        course, quiz = self.course, self.quiz
        if quiz.question is not None:
            answered, at = quiz.given is not None, quiz.question.at
            quiz.over()
            self._go(at if answered else course.at)
        elif course.arrived and quiz.on and self._asks():
            self._asked()
        else:
            self._go(course.at + course.arrived)

    def _asks(self) -> bool:
        """Whether there is something to ask: of the next step, or after the last of what was not known."""
        course, quiz = self.course, self.quiz
        if course.at + 1 < len(course.moments):
            return quiz.ask(course.at + 1)
        again = quiz.again()
        if again is None:
            return False
        self._go(again.at - 1)
        return True

    def _asked(self) -> None:
        self.refresh_bindings()
        self.show_at_once()

    def action_text_of_engine(self) -> None:
        """Show the engine's text, or give its room to the stream."""
        self._source_wanted = not self._source_wanted
        if not self._source_wanted and self.source.has_focus:
            self.panel.focus()
        self.show_at_once()

    def action_quiz(self) -> None:
        """Be asked before each step, or no longer."""
        self.quiz.turn()
        self._asked()

    def action_answer(self, place: int) -> None:
        """Give the answer at this place."""
        self.quiz.answer(place)
        self._asked()

    def decided(self) -> int:
        """The row of the event that decided the question which was answered just now, -1 without one."""
        question = self.quiz.question
        return -1 if question is None or self.quiz.given is None else question.row

    @on(AnswerGiven)
    def _answer_given(self, message: AnswerGiven) -> None:
        self.action_answer(message.place)

    def action_leave(self) -> None:
        """Out of a question, then out of the lesson."""
        if self.quiz.question is not None:
            self.action_quiz()
        else:
            self.app.run_worker(self.app.run_action("app.quit"), exit_on_error=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Answers are given where there is a question, ideas gone through where one is presented."""
        if action == "answer":
            return self.quiz.waits
        if action == "present":
            return parameters[0] is not self.presenting
        if action == "idea":
            return self.presenting and self.idea.has_more
        if action == "text_of_engine":
            return not self.presenting
        return super().check_action(action, parameters)

    def action_step_before(self) -> None:
        """Go to the step before."""
        self._go(self.course.before())

    def action_text(self, by: int) -> None:
        """Show what of the text has no room."""
        (self.idea if self.presenting else self.said).scroll_lines(by)

    def action_present(self, wanted: bool) -> None:
        """Show one idea at a time, large; or the whole lesson again."""
        self.presenting = wanted
        self.lay_out(*self.app.size)
        self.foremost.focus()
        self._asked()

    def action_idea(self, by: int) -> None:
        """Show the step's next idea, or the one before."""
        self.idea.turn(by)
        self.show_at_once()
