"""`run --headless --diagnose`: a line on stderr when an alarm begins and when it is over, from a process of its own
(`link.following` says what that means).

    python -m streamscope.diagnosis.teller FD [LINT]...

FD is its end of the link, and nothing is told of these lints. It is an inspector like any other, so what it makes of
the feed costs the server nothing.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Collection

from streamscope.diagnosis import account
from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.diagnosis.headless import Along
from streamscope.diagnosis.shapes import Finding, Level
from streamscope.diagnosis.track import SECOND, TICK
from streamscope.language import speak_as_told, tr
from streamscope.link import following
from streamscope.link.frames import (
    AnyFrame,
    BatchFrame,
    FrameError,
    GapFrame,
    GoodbyeFrame,
    Hello,
    SliceFrame,
    check_protocol,
)
from streamscope.telling import say
from streamscope.trace.model import Model
from streamscope.trace.vocabulary import Vocabulary

LINES_A_LOOK = 10
"""So many alarms are told of one by one at a look; more are counted."""
CLOSED_STAYS = 60 * SECOND


class Teller:
    """Frames in, lines out. A `following.Writer`."""

    what = "the diagnosis"

    def __init__(
        self,
        allow: Collection[str] = (),
        say: Callable[[str], None] = say,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.ended = False
        self.lost_in_all = 0
        self.trouble = ""
        self.due = 0.0
        self._allow = allow
        self._say = say
        self._monotonic = monotonic
        self._wall = wall
        self._along: Along | None = None
        self._started = 0.0
        self._told: dict[tuple[str, int], Finding] = {}

    def handle(self, frame: AnyFrame) -> None:
        """Take in what the frame tells. Raises FeedError and FrameError."""
        if isinstance(frame, Hello):
            check_protocol(frame)
            vocabulary = Vocabulary.of(frame)
            self._along = Along(Diagnosis(vocabulary, allow=self._allow), Model(vocabulary))
            self._started = frame.started
        elif isinstance(frame, GoodbyeFrame):
            self.ended = True
        elif self._along is None:
            raise FrameError("the engine spoke before it said who it is")
        elif isinstance(frame, BatchFrame):
            self._along.batch(frame.turn, frame.t, frame.words)
            self._tell(self._along)
        elif isinstance(frame, SliceFrame):
            self._along.model.slice(frame.place, frame.loop, frame.streams, frame.first, frame.last)
        elif isinstance(frame, GapFrame):
            self.lost_in_all += frame.events
            self._along.model.lost(frame.events)

    def tick(self, now: float) -> None:
        """Time has passed without a word."""
        self.due = now + TICK / SECOND
        along = self._along
        if along is not None:
            t = (self._wall() - self._started) * SECOND
            if 0 <= t < 1 << 62:  # what an engine says of its start is not to be relied on
                along.diagnosis.look(along.model, max(int(t), along.model.t))
            along.model.forget_closed(along.model.t - CLOSED_STAYS)
            self._tell(along)

    def finish(self, stopped: bool) -> None:
        """Nothing more comes; what was told of and is not over stays so."""

    def _tell(self, along: Along) -> None:
        diagnosis = along.diagnosis
        now = {each.key: each for each in diagnosis.findings if each.level is Level.ERROR}
        lines = []
        for key in self._told.keys() - now.keys():
            ended = next((each for each in reversed(diagnosis.ended) if each.finding.key == key), None)
            if ended is not None:
                lines.append(account.ends(ended))
        for key, finding in now.items():
            before = self._told.get(key)
            if before is None or _word(before) != _word(finding):
                lines.append(account.begins(finding, diagnosis.sentence_of(finding)))
        self._told = now
        for line in lines[:LINES_A_LOOK]:
            self._say(line)
        if len(lines) > LINES_A_LOOK:
            more = f"{len(lines) - LINES_A_LOOK:,}"
            self._say(tr("and {n} more at once; streamscope diagnose lists them", n=more))


def _word(finding: Finding) -> str:
    return "" if finding.verdict is None else finding.verdict.word


def main(arguments: list[str]) -> int:
    """Run as a process; returns its exit status."""
    speak_as_told()
    return following.serve_engine(socket.socket(fileno=int(arguments[0])), Teller(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
