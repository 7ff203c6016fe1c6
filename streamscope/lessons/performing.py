"""Playing a lesson: its program runs on the engine at full speed, and all that the engine tells is recorded.

Whoever reads the lesson then goes through that recording, forwards and backwards; nothing runs any more.

A program takes some milliseconds. What it raises, and a peer that never comes, is a `LessonError`, one line for whoever
wrote the lesson.
"""

from __future__ import annotations

import re
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from streamscope.core import Loop
from streamscope.core.flags import RUN_NOWAIT
from streamscope.language import N_, tr
from streamscope.lessons.stage.on_engine import EngineStage
from streamscope.lessons.stage.plain_peers import StageError
from streamscope.lessons.step import Lesson, LessonStep
from streamscope.link import wire
from streamscope.link.batches import OwnLayout
from streamscope.link.engine import EngineProducer
from streamscope.link.feed import Feed
from streamscope.link.frames import BatchFrame, GoodbyeFrame, Hello, SliceFrame, as_received, read_frame
from streamscope.link.greeting import greeting
from streamscope.link.replaying import Replay
from streamscope.trace.state import LoopState
from streamscope.trace.store.writer import TraceWriter

LOOP = "loop"
"""What a claim calls the loop itself, whose events are of no handle."""

A_TURN = N_("a turn of the loop")
_DONE = (
    (re.compile(r"(\w+) connects"), N_("{0} connects")),
    (re.compile(r"(\w+) sends (\d+)"), N_("{0} sends {1}")),
    (re.compile(r"(\w+) sends (\d+) and (\d+) descriptors"), N_("{0} sends {1} and {2} descriptors")),
    (re.compile(r"(\w+) receives (\d+)"), N_("{0} receives {1}")),
    (re.compile(r"(\w+) receives"), N_("{0} receives")),
    (re.compile(r"(\w+) drains (\d+)"), N_("{0} drains {1}")),
    (re.compile(r"(\w+) shuts down"), N_("{0} shuts down")),
    (re.compile(r"(\w+) closes"), N_("{0} closes")),
    (re.compile(r"(\w+) resets"), N_("{0} resets")),
    (re.compile(r"(\d+) ms later"), N_("{0} ms later")),
    (re.compile(r"all descriptors but (\d+) are taken"), N_("all descriptors but {0} are taken")),
)
"""What a `Stage` tells that is no call of libuv's, and how a person reads it."""

_HEAD = 4  # bytes of a frame's length


def done(what: str) -> str:
    """Something that a program or its peers did, one of a moment's `does`, for a person to read."""
    for like, said in _DONE:
        if found := like.fullmatch(what):
            return tr(said).format(*found.groups())
    return tr(what)


class LessonError(Exception):
    """Why there is no lesson to be shown, in one sentence."""


class Moment(NamedTuple):
    """A step, and where in the recording it stands: before the row `row`. `handles` are the numbers of the handles by
    their names; `does` is what the program and its peers did on the way to it, None where that is not known.
    """

    step: LessonStep
    row: int
    handles: dict[str, int]
    does: tuple[str, ...] | None = None


class Performance:
    """A lesson that was played: its recording as `replay`, and its moments, at least one."""

    def __init__(self, name: str, title: str, section: str, replay: Replay, moments: list[Moment]) -> None:
        self.name = name
        self.title = title
        self.section = section
        self.replay = replay
        self.moments = moments

    def close(self) -> None:
        """Let go of the recording."""
        self.replay.close()


def perform(lesson: Lesson, *, make_loop: Callable[[], Loop] = Loop) -> Performance:
    """Play a lesson; whoever gets it closes it. Raises LessonError."""
    with tempfile.NamedTemporaryFile(prefix="streamscope-lesson-", suffix=".scope") as file:
        stage = RecordedStage(file, lesson.name, make_loop)
        said = ""
        try:
            lesson.program(stage)
        except Exception as error:
            said = where(error)
        finally:
            stage.finish()
        if said or stage.failure:
            raise LessonError(tr("the lesson {name} failed {how}", name=lesson.name, how=said or stage.failure))
        if not stage.moments:
            raise LessonError(tr("the lesson {name} has no steps: its program calls step(…) nowhere", name=lesson.name))
        replay = Replay.open(file.name)  # stays readable when the file's name is gone
    return Performance(lesson.name, lesson.title, lesson.section, replay, stage.moments)


def where(error: Exception) -> str:
    """Where whoever wrote a lesson finds what failed, and with what it did."""
    if isinstance(error, SyntaxError):
        return _in_line(error.lineno, error.filename or "?", error.msg)
    frames = traceback.extract_tb(error.__traceback__)
    of_lesson = [frame for frame in frames if "/lessons/stage/" not in frame.filename]
    frame = (of_lesson or frames)[-1]
    said = str(error) if isinstance(error, StageError) else f"{type(error).__name__}: {error}"
    return _in_line(frame.lineno, frame.filename, said)


def _in_line(line: int | None, file: str, said: str) -> str:
    return tr("in line {line} of {file}: {said}", line=line, file=Path(file).name, said=said)


class RecordedStage(EngineStage):
    """The engine, all that it tells written into a file as a trace."""

    def __init__(self, file: Any, program: str, make_loop: Callable[[], Loop] = Loop) -> None:
        super().__init__(make_loop=make_loop)
        self.moments: list[Moment] = []
        self._taken = 0  # rows that are in the file
        self._does: list[str] = []
        hello = greeting(f"lesson {program}", self.loop.clock())
        self._layout = OwnLayout(hello.kinds, hello.joined)
        self._feed = Feed(EngineProducer(self.loop), self._layout, self._take)
        self._writer = _writer(file, hello)
        self._feed.begin()

    def _stands(self, step: LessonStep) -> None:
        numbers = {name: handle.number for name, handle in self._handles.items()}
        if step.of not in numbers:
            there = ", ".join(numbers) or tr("nothing")
            raise StageError(
                tr("the step {title!r} speaks of {of}, and there is {there}", title=step.title, of=step.of, there=there)
            )
        row = self._taken + self._layout.count(self._feed.words)
        self.moments.append(Moment(step, row, {LOOP: 0, **numbers}, tuple(self._does)))
        self._does.clear()

    def _did(self, what: str, status: Any = None) -> Any:
        if "_cb(" not in what and not what.startswith("uv_run("):  # what runs in a turn is what is to be seen
            self._does.append(what.removeprefix("peer "))
        return super()._did(what, status)

    def run(self, mode: int = RUN_NOWAIT) -> int:
        """See `Stage`."""
        self._does.append(A_TURN)  # before it is over: steps may stand inside
        return super().run(mode)

    def _take(self) -> None:
        for packed, words in self._feed.take():
            self._taken += self._layout.count(words)
            frame = read_frame(packed[_HEAD:])
            assert isinstance(frame, BatchFrame)
            self._writer.records(frame)

    def _ended(self, status: int) -> None:
        self._take()
        self._feed.stop()
        self._writer.close(GoodbyeFrame(N_("the lesson is over"), 0))


def _writer(file: BinaryIO, hello: wire.Hello) -> TraceWriter:
    """Of a trace that begins with nothing, and nothing unknown."""
    said = as_received(hello.frame())
    assert isinstance(said, Hello)
    writer = TraceWriter(file, said)
    writer.slice(SliceFrame(0, LoopState(), [], True, True))
    return writer
