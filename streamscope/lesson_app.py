"""The app on a lesson: the screen of the lesson, and of what the app can do only what is of use there."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

from streamscope.app import StreamscopeApp
from streamscope.lessons.performing import Performance
from streamscope.ui.course import Course
from streamscope.ui.screens.lesson_screen import LessonScreen

OF_USE = frozenset({
    "help", "quit", "interrupt", "command_palette", "copy", "change_theme", "step", "step_turn", "change", "past_start",
    "past_end", "focus_next", "focus_previous", "pop_screen",
})  # fmt: skip
"""Actions of the app that a lesson has use for: the others are about programs that run, and about trouble."""


class LessonApp(StreamscopeApp):
    """The inspector of a lesson's recording."""

    def __init__(self, performance: Performance, *arguments: Any, **settings: Any) -> None:
        """Of a lesson that was played; what follows is the app's. Raises LessonError for what is no claim."""
        super().__init__(*arguments, **settings)
        self._lesson = LessonScreen(self.view, Course(performance))

    def get_default_screen(self) -> Screen[None]:
        """The lesson."""
        return self._lesson

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is of no use in a lesson is not offered."""
        if action in OF_USE or not hasattr(super(), f"action_{action}"):
            return super().check_action(action, parameters)
        return False
