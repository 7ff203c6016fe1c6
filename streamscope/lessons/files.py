"""Lessons of one's own: a file with a `LESSON` in it, as those in this folder have."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path

from streamscope.language import tr
from streamscope.lessons import LESSONS, REAL, load, load_real
from streamscope.lessons.performing import LessonError, Performance, perform, where
from streamscope.lessons.recorded import make, walk
from streamscope.lessons.skeleton import skeleton
from streamscope.lessons.step import Lesson, RealLesson, RecordedLesson

SUFFIX = ".py"
OWN_WORDS = ("new", "check", "from")
"""What no lesson may be called: these say what is to be done with one."""

_NAME = re.compile(r"[a-z][a-z-]*")


def find(name: str) -> Lesson | RealLesson | RecordedLesson:
    """The lesson of a name, or in a file. Raises LessonError."""
    if name in LESSONS:
        return load(name)
    if name in REAL:
        return load_real(name)
    if name.endswith(SUFFIX) or os.sep in name:
        return read(Path(name))
    import difflib  # only here: it takes as long to load as a lesson

    there = [*LESSONS, *REAL]
    meant = difflib.get_close_matches(name, there, 1)
    instead = (
        tr("did you mean {name}?", name=meant[0])
        if meant
        else tr("there are {lessons}, and files: {file}", lessons=", ".join(there), file=f"./{name}{SUFFIX}")
    )
    raise LessonError(tr("there is no lesson {name!r}: {instead}", name=name, instead=instead))


def read(path: Path) -> Lesson | RecordedLesson:
    """The lesson in a file; what stands there is run, as Python. Raises LessonError."""
    if not path.is_file():
        raise LessonError(
            tr("{path} is not a file", path=path) if path.exists() else tr("{path} is not there", path=path)
        )
    spec = importlib.util.spec_from_file_location(f"lesson_{path.stem.replace('-', '_')}", path)
    if spec is None or spec.loader is None:
        raise LessonError(tr("{path} is no Python file: its name must end with {suffix}", path=path, suffix=SUFFIX))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where what it defines looks for itself
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise LessonError(tr("{path} cannot be read: {why}", path=path, why=where(error))) from error
    found = getattr(module, "LESSON", None)
    if isinstance(found, RecordedLesson):
        return found._replace(trace=str(path.parent / found.trace))
    if not isinstance(found, Lesson):
        raise LessonError(tr("{path} is no lesson: it has no LESSON = Lesson(…)", path=path))
    return found


def why_no_name(name: str) -> str:
    """Why a new lesson cannot be called so; "" if it can."""
    if name in OWN_WORDS:
        return tr("no lesson can be called {name}: that is what `streamscope lesson {name}` does", name=name)
    if name in LESSONS or name in REAL:
        return tr("there is a lesson {name} already", name=name)
    if not _NAME.fullmatch(name):
        return tr(
            "no lesson can be called {name!r}: a name is small letters and dashes, and begins with a letter", name=name
        )
    return ""


def play(name: str) -> Performance:
    """The lesson of a name or in a file, played. Raises LessonError."""
    return played(find(name))


def played(found: Lesson | RealLesson | RecordedLesson) -> Performance:
    """A lesson, played; whoever gets it closes it. Raises LessonError."""
    if isinstance(found, RealLesson):
        return found.play()
    return walk(found) if isinstance(found, RecordedLesson) else perform(found)


def write_new(name: str, *, force: bool) -> Path:
    """Write the skeleton of a lesson into the current folder; returns the file. Raises LessonError."""
    path = _new(name, force)
    _write(path, skeleton(name))
    return path


def write_recorded(trace: Path, stream: int, name: str, *, force: bool) -> Path:
    """Write a lesson of what a stream of a trace did, and the part of the trace that it needs, into the current folder;
    returns the lesson's file. Raises LessonError.
    """
    path = _new(name, force)
    copy = path.with_suffix(".scope")
    if copy.exists() and (not force or copy.samefile(trace)):
        raise LessonError(
            tr("{path} is there already: give another --name", path=copy)
            if force
            else tr("{path} is there already: give another --name, or --force", path=copy)
        )
    try:
        text, _ = make(trace, stream, name, path.parent)
    except OSError as error:
        raise _unwritable(copy, error) from error
    _write(path, text)
    return path


def _new(name: str, force: bool) -> Path:
    if why := why_no_name(name):
        raise LessonError(why)
    path = Path(f"{name}{SUFFIX}")
    if path.exists() and not force:
        raise LessonError(tr("{path} is there already: --force writes over it", path=path))
    return path


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> LessonError:
    return LessonError(tr("{path} cannot be written: {why}", path=path, why=error.strerror))
