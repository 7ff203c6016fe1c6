"""Lessons: short programs on the engine that show the chapter happen, step by step.

One file is one lesson, a page or two: a program on a `Stage`, which says at its steps what there is to be seen, where
to look and what is so. It is played at full speed and recorded; what a person goes through is the recording. The tests
play the same programs on the real libuv and hold every claim on both. One
lesson a real program plays, which is looked at from outside.

The list below is all that error messages need to know of them, so that none is imported before it is read.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamscope.lessons.step import Lesson, RealLesson

LESSONS: dict[str, str] = {
    "open": "opening",
    "read": "reading",
    "write": "writing",
    "shutdown": "shutting",
    "close": "closing",
    "connect": "connecting",
    "accept": "accepting",
    "pass": "handing",
    "destroy": "destroying",
    "event": "firing",
    "echo": "echoing",
    "stall": "stalling",
}
"""The names of the lessons, in the order of the chapter, and the modules that hold them."""

REAL: dict[str, str] = {"node": "in_node"}
"""Those that a real program plays, which has to be installed."""


def load(name: str) -> Lesson:
    """The lesson of this name. Raises KeyError."""
    found: Lesson = importlib.import_module(f"{__name__}.{LESSONS[name]}").LESSON
    return found


def load_real(name: str) -> RealLesson:
    """The lesson of this name that a real program plays. Raises KeyError."""
    found: RealLesson = importlib.import_module(f"{__name__}.{REAL[name]}").LESSON
    return found
