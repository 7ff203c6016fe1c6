"""What a lesson is: a program on a `Stage`, the steps at which it says what there is to be seen, and what each claims.

A claim is a filter: of the state of a stream (`flag(READING) and not registered(IN)`), held where the step stands, or
of events (`kind == flag.set and flag == READ_EOF`), of which at least one must have come since the step before. It is
of the handle that the step speaks of, unless it begins with another's name: `server: accepted_fd == -1`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from streamscope.lessons.performing import Performance
    from streamscope.lessons.stage import Stage

_OF_ANOTHER = re.compile(r"([a-z]\w*): (?=\S)")


class Claim(NamedTuple):
    """A filter, and the name of the handle that it is about."""

    of: str
    filter: str
    text: str
    """As it was written."""


class LessonStep(NamedTuple):
    """Where a lesson stands still.

    - `title`: what this is, in a few words;
    - `text`: what has happened and why, a sentence or two; a field's name in braces becomes what it was then:
      `{write_queue_size}`;
    - `of`: the handle that it speaks of;
    - `look`: the names of fields to look at, flags among them;
    - `claims`: what is so;
    - `chapter`: where the chapter says otherwise, and why; "" if it does not.
    """

    title: str
    text: str
    of: str
    look: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    chapter: str = ""


def step(title: str, text: str, of: str, look: str = "", claims: Sequence[str] = (), chapter: str = "") -> LessonStep:
    """A step, of what a lesson writes: see `LessonStep`."""
    claims = (claims,) if isinstance(claims, str) else claims  # one alone, whose comma was forgotten
    return LessonStep(title, text, of, tuple(look.split()), tuple(_claim(each, of) for each in claims), chapter)


def _claim(text: str, of: str) -> Claim:
    found = _OF_ANOTHER.match(text)
    return Claim(of, text, text) if found is None else Claim(found[1], text[found.end() :], text)


class Lesson(NamedTuple):
    """One lesson.

    - `name`: what `streamscope lesson NAME` opens;
    - `title`: what is learned in it, in a line;
    - `section`: that of the chapter, with its name: `3.1.4 Writing`; "" for none;
    - `program`: plays it, and says its steps.
    """

    name: str
    title: str
    section: str
    program: Callable[[Stage], None]


STREAM = "stream"
"""What a lesson of a recording calls the stream that it is about."""


class RecordedLesson(NamedTuple):
    """A lesson that walks a recorded past: no program runs.

    - `trace`: the trace, relative to the lesson's file; `stream`: the number of the stream that it is about;
    - `steps`: each with the number of the event (`seq`) right after which it stands.
    """

    name: str
    title: str
    section: str
    trace: str
    stream: int
    steps: tuple[tuple[int, LessonStep], ...]


class RealLesson(NamedTuple):
    """A lesson that a real program plays, recorded when it is opened; the rest is as in one of a recording.

    - `needs`: the program that has to be on the PATH;
    - `play`: has it happen; whoever gets the performance closes it. Raises LessonError.
    """

    name: str
    title: str
    section: str
    needs: str
    play: Callable[[], Performance]


def at(
    seq: int, title: str, text: str, *, of: str = STREAM, look: str = "", claims: Sequence[str] = (), chapter: str = ""
) -> tuple[int, LessonStep]:
    """A step of a lesson that walks a recorded past, right after this event."""
    return seq, step(title, text, of, look, claims, chapter)
