"""The app over a lesson that was played just now, with a pilot at its keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot
from ui_scenes import config

from streamscope.lesson_app import LessonApp
from streamscope.lessons import load
from streamscope.lessons.performing import perform
from streamscope.trace.instant import Target
from streamscope.ui.screens.lesson_screen import LessonScreen


@asynccontextmanager
async def lesson_of(
    name: str = "write", size: tuple[int, int] = (80, 24), **settings: Any
) -> AsyncIterator[tuple[Pilot[int], LessonScreen]]:
    """The app on a lesson that was played just now."""
    performance = perform(load(name))
    try:
        app = LessonApp(performance, performance.replay, config(), begin=Target("start"), **settings)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            screen = app.screen
            assert isinstance(screen, LessonScreen)
            yield pilot, screen
    finally:
        performance.close()
