"""Lessons of one's own: a file with a `LESSON` in it, as those in this folder have."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path

from streamscope.lessons import LESSONS, load
from streamscope.lessons.performing import LessonError, where
from streamscope.lessons.step import Lesson

SUFFIX = ".py"
OWN_WORDS = ("new", "check", "from")
"""What no lesson may be called: these say what is to be done with one."""

_NAME = re.compile(r"[a-z][a-z-]*")


def find(name: str) -> Lesson:
    """The lesson of a name, or in a file. Raises LessonError."""
    if name in LESSONS:
        return load(name)
    if name.endswith(SUFFIX) or os.sep in name:
        return read(Path(name))
    import difflib  # only here: it takes as long to load as a lesson

    meant = difflib.get_close_matches(name, LESSONS, 1)
    instead = f"did you mean {meant[0]}?" if meant else f"there are {', '.join(LESSONS)}, and files: ./{name}{SUFFIX}"
    raise LessonError(f"there is no lesson {name!r}: {instead}")


def read(path: Path) -> Lesson:
    """The lesson in a file; what stands there is run, as Python. Raises LessonError."""
    if not path.is_file():
        raise LessonError(f"{path} {'is not a file' if path.exists() else 'is not there'}")
    spec = importlib.util.spec_from_file_location(f"lesson_{path.stem.replace('-', '_')}", path)
    if spec is None or spec.loader is None:
        raise LessonError(f"{path} is no Python file: its name must end with {SUFFIX}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where what it defines looks for itself
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise LessonError(f"{path} cannot be read: {where(error)}") from error
    found = getattr(module, "LESSON", None)
    if not isinstance(found, Lesson):
        raise LessonError(f"{path} is no lesson: it has no LESSON = Lesson(…)")
    return found


def why_no_name(name: str) -> str:
    """Why a new lesson cannot be called so; "" if it can."""
    if name in OWN_WORDS:
        return f"no lesson can be called {name}: that is what `streamscope lesson {name}` does"
    if name in LESSONS:
        return f"there is a lesson {name} already"
    if not _NAME.fullmatch(name):
        return f"no lesson can be called {name!r}: a name is small letters and dashes, and begins with a letter"
    return ""
