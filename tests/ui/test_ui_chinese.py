"""Pictures of the screen in Chinese: its columns and frames are as straight as in English."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from test_ui_lesson_pictures import NEXT_STEP, Lessons
from test_ui_lesson_pictures import lessons as lessons
from test_ui_pictures import QUEUE, busy_app
from ui_picture import SIZES, Compare, at

from streamscope.language import speak


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    speak("zh")
    yield
    speak("en")


@at(*SIZES[:2])
def test_picture_of_the_overview_in_chinese(compare: Compare, size: tuple[int, int]) -> None:
    compare(busy_app(), size, QUEUE)


def test_picture_of_a_lesson_in_chinese(compare: Compare, lessons: Lessons) -> None:
    compare(lessons.app("write"), (140, 40), "✓ pending and not armed(OUT)", NEXT_STEP, "x")
