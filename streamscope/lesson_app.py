"""The app on a lesson: the screen of the lesson, and of what the app can do only what is of use there."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

from streamscope.app import StreamscopeApp
from streamscope.lessons.performing import Performance
from streamscope.ui.course import Course
from streamscope.ui.quiz import Quiz, Score
from streamscope.ui.screens.lesson_screen import LessonScreen

OF_USE = frozenset({
    "help", "explain", "quit", "interrupt", "command_palette", "copy", "change_theme", "step", "step_turn",
    "step_function", "change", "focus_next", "focus_previous", "pop_screen",
})  # fmt: skip
"""Actions of the app that a lesson has use for: the others are about programs that run, and about trouble."""


class LessonApp(StreamscopeApp):
    """The inspector of a lesson's recording."""

    def __init__(
        self,
        performance: Performance,
        *arguments: Any,
        score: Score | None = None,
        quiz: bool = False,
        present: bool = False,
        **settings: Any,
    ) -> None:
        """Of a lesson that was played; with `quiz` one is asked from the start, with `present` it begins large. What
        follows is the app's. Raises LessonError for what is no claim.
        """
        super().__init__(*arguments, **settings)
        course = Course(performance)
        asked = Quiz(course, score or Score(), on=quiz)
        self._lesson = LessonScreen(self.view, course, asked, self.inside, present=present)

    def get_default_screen(self) -> Screen[None]:
        """The lesson."""
        return self._lesson

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is of no use in a lesson is not offered."""
        if action in OF_USE or not hasattr(super(), f"action_{action}"):
            return super().check_action(action, parameters)
        return False

    def action_step(self, events: int) -> None:
        """One event on or back; from an answer, to the event that decided it."""
        row = self._lesson.decided()
        if events > 0 and row >= 0 and self.view.travel is not None:
            self.view.travel.go(row + 1)
            self.show_at_once()
        else:
            super().action_step(events)
