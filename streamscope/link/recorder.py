"""Recordings: an engine's feed, written to a trace by a process of its own (`following` says what that means).

    python -m streamscope.link.recorder FD OPTIONS

is how the engine starts it for `run --record`: FD is its end of the link, OPTIONS the JSON of `parts.Options`.
`recording` is the other way, for an engine that runs already. The recorder is an inspector: it gets what all inspectors
get, a round of slices first and payload only where `--payload N` shows it to everyone.

Whichever process is killed, the trace can be read up to its last whole segment, a second back at most. A file that
somebody removes or cuts short meanwhile is noticed within a second, and the recording goes on in a new one beside it.
"""

from __future__ import annotations

import contextlib
import json
import math
import socket
import sys
import time
from collections.abc import Callable

import msgspec

from streamscope.language import speak_as_told, tr
from streamscope.link import following, frames
from streamscope.link.frames import (
    AnyFrame,
    BatchFrame,
    FrameError,
    GapFrame,
    GoodbyeFrame,
    Hello,
    PayloadFrame,
    SliceFrame,
    check_protocol,
)
from streamscope.link.parts import STOPPED, Options, Parts
from streamscope.telling import say
from streamscope.trace.store.writer import TraceWriter

ROTATED = "the recording goes on in the next part"
LOOK_S = 1.0
"""How often the file is looked after when nothing happens."""


class Recorder:
    """Frames in, a trace out. A `following.Writer`."""

    what = "the recording"

    def __init__(
        self,
        parts: Parts,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        """`say` tells a person at once."""
        self._parts = parts
        self._monotonic = monotonic
        self._say = say
        self._look_at = 0.0
        self.trouble = ""
        self._hello: Hello | None = None
        self._writer: TraceWriter | None = None
        self._rotate_at = math.inf
        self._failed = False
        self.ended = False
        self.bye: GoodbyeFrame | None = None
        self.lost_in_all = 0
        self.events = 0
        self.bytes = 0
        """Events in all parts that were written, and bytes in those that are finished."""

    @property
    def due(self) -> float:
        """See `following.Writer`."""
        if self._writer is None:
            return math.inf
        return min(self._writer.due, self._rotate_at, self._look_at)

    def tick(self, now: float) -> None:
        """Finish the segment that is a second old, and the part that is as old as it may become. Raises OSError."""
        writer = self._writer
        if writer is None:
            return
        self._look_after(writer)
        if now >= writer.due:
            writer.tick(now)
        if now >= self._rotate_at:
            self._rotate()

    def handle(self, frame: AnyFrame) -> None:
        """Write what the frame tells. Raises FeedError, FrameError and OSError."""
        writer = self._writer
        if writer is None:
            self._begin(frame)
            return
        self._look_after(writer)
        if isinstance(frame, BatchFrame):
            writer.records(frame)
        elif isinstance(frame, SliceFrame):
            writer.slice(frame)
        elif isinstance(frame, PayloadFrame):
            writer.payload(frame)
        elif isinstance(frame, frames.NoteFrame):
            writer.note(frame)
        elif isinstance(frame, GapFrame):
            self.lost_in_all += frame.events
            writer.lost(frame.events)
        elif isinstance(frame, GoodbyeFrame):
            self.bye = frame
            self.ended = True
        elif isinstance(frame, Hello):
            raise FrameError(tr("the engine said twice who it is"))
        most = self._parts.rotation.bytes
        if most and writer.size >= most:
            self._rotate()

    def finish(self, stopped: bool) -> None:
        """End the trace as it should. Raises OSError."""
        bye = GoodbyeFrame(STOPPED, 0) if stopped else self.bye
        if self._writer is not None:
            self._look_after(self._writer)
            self._close(self._writer, bye)
        self._parts.end()

    def _look_after(self, writer: TraceWriter) -> None:
        """Go on elsewhere if somebody has done away with what was written. Raises OSError."""
        self._look_at = self._monotonic() + LOOK_S
        lost = self._parts.why_lost(writer.size)
        if not lost or self._hello is None:
            return
        before = self._parts.path
        self._parts.go_on_beside()
        writer.move_to(self._parts.file, self._hello)
        said = tr(
            "{before} {lost} while it was recorded, and what was in it is lost; the rest is in {path}",
            before=before,
            lost=lost,
            path=self._parts.path,
        )
        self.trouble = f"{self.trouble}; {said}" if self.trouble else said
        self._say(said)

    def _begin(self, frame: AnyFrame) -> None:
        if isinstance(frame, GoodbyeFrame):  # there is nothing to serve
            self.bye = frame
            self.ended = True
            return
        if not isinstance(frame, Hello):
            raise FrameError(tr("the engine spoke before it said who it is"))
        check_protocol(frame)
        self._parts.begin()
        self._hello = frame
        self._writer = TraceWriter(self._parts.file, frame, monotonic=self._monotonic)
        self._look_at = self._monotonic() + LOOK_S
        self._set_rotation()

    def _rotate(self) -> None:
        before, hello = self._writer, self._hello
        assert before is not None
        assert hello is not None
        self._close(before, GoodbyeFrame(ROTATED, 0))
        self._parts.next()
        self._writer = TraceWriter(self._parts.file, hello, after=before, monotonic=self._monotonic)
        self._set_rotation()

    def _close(self, writer: TraceWriter, bye: GoodbyeFrame | None) -> None:
        writer.close(bye)
        self.events += writer.events
        self.bytes += writer.size

    def _set_rotation(self) -> None:
        seconds = self._parts.rotation.seconds
        self._rotate_at = self._monotonic() + seconds if seconds else math.inf


def main(arguments: list[str]) -> int:
    """Run as a process; returns its exit status."""
    speak_as_told()
    options = msgspec.convert(json.loads(arguments[1]), Options)  # json takes file names that are no UTF-8
    with contextlib.closing(options.parts()) as parts:
        return following.serve_engine(socket.socket(fileno=int(arguments[0])), Recorder(parts, say=say))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
