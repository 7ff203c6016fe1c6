"""Pictures of a lesson: the step and its stream, the presentation, and the quiz.

The steps are such as the kernel's buffers have no part in. The engine's text is not on them, for it changes with the
engine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from ui_picture import Compare, at
from ui_scenes import config

from streamscope.lesson_app import LessonApp
from streamscope.lessons import load
from streamscope.lessons.performing import perform
from streamscope.trace.instant import Target

FIRST_FD = 200
"""The descriptors below are taken while a lesson plays, so that its own have the same numbers in every run."""

NEXT_STEP = "n"


class Lessons:
    """Apps on lessons, whose recordings are closed in the end."""

    def __init__(self) -> None:
        self._open = ExitStack()

    def app(self, name: str, **settings: Any) -> LessonApp:
        taken = [os.open(os.devnull, os.O_RDONLY)]
        while taken[-1] < FIRST_FD - 1:
            taken.append(os.dup(taken[0]))
        try:
            performance = perform(load(name))
        finally:
            for fd in taken:
                os.close(fd)
        self._open.callback(performance.close)
        return LessonApp(performance, performance.replay, config(), begin=Target("start"), **settings)

    def close(self) -> None:
        self._open.close()


@pytest.fixture
def lessons() -> Iterator[Lessons]:
    found = Lessons()
    yield found
    found.close()


@at((80, 24), (140, 40))
def test_picture_of_a_lesson(compare: Compare, lessons: Lessons, size: tuple[int, int]) -> None:
    compare(lessons.app("write"), size, "✓ pending and not armed(OUT)", NEXT_STEP, "x")


@at((80, 24), (120, 40), (160, 50))
def test_picture_of_an_idea_that_is_presented(compare: Compare, lessons: Lessons, size: tuple[int, int]) -> None:
    compare(lessons.app("write", present=True), size, "w r i t e _ q u e u e _ s i z e", *[NEXT_STEP] * 11)


def test_picture_of_a_flag_that_is_presented(compare: Compare, lessons: Lessons) -> None:
    compare(lessons.app("read", present=True), (80, 24), "│██████│   off → on", *[NEXT_STEP] * 4)


@at((80, 24), (140, 40))
def test_picture_of_the_quiz(compare: Compare, lessons: Lessons, size: tuple[int, int]) -> None:
    compare(lessons.app("write", quiz=True), size, "quiz · before step 2", "x", NEXT_STEP)


def test_picture_of_an_answer_with_its_reason(compare: Compare, lessons: Lessons) -> None:
    compare(lessons.app("write", quiz=True), (80, 24), "0 of 1 right", "x", NEXT_STEP, "enter")
