"""`--events`: every event as a line of JSON, written by a process of its own (`following` says what that means).

    python -m streamscope.link.events_writer FD [--truncate]

FD is its end of the link; lines go to standard output. Each has the keys of `streamscope.trace.decode.event_as_json`.
Where the engine had to drop events, because more were waiting than its spool holds, a line of kind `lost` stands in
their place and says how many; its `seq` is greater than all before and smaller than all after it. What was lost may
have been the end of a stream or its beginning, so state follows: a line of kind `state` for each handle that lives, and
one of kind `state.whole` that says how many they were. Who is not among them, and has not begun since, is gone.

When nothing can be written any more, with `--truncate` (it is a file that the engine has opened) the file ends with a
whole line.
"""

from __future__ import annotations

import math
import os
import socket
import stat
import subprocess
import sys
from typing import Any

import msgspec

from streamscope.core.records import SEQ_PER_WORD
from streamscope.language import speak_as_told
from streamscope.link import following
from streamscope.link.frames import AnyFrame, BatchFrame, GapFrame, GoodbyeFrame, Hello, SliceFrame
from streamscope.trace.decode import Decoder, event_as_json
from streamscope.trace.plain_text import printable_json
from streamscope.trace.vocabulary import Vocabulary

_WRITE_AT_ONCE = 128 * 1024


class EventsFile:
    """Lines on a descriptor. After a failure it ends with a whole line, if it can be cut."""

    def __init__(self, fd: int, *, truncate: bool) -> None:
        self._fd = fd
        self._truncate = truncate
        self._lines = bytearray()
        self._encode = msgspec.json.Encoder().encode_into
        self._whole = 0  # bytes of the file up to the end of the last whole line

    def add(self, line: dict[str, Any]) -> None:
        """Append one line. Raises OSError when it cannot be written."""
        lines = self._lines
        self._encode(line, lines, len(lines))
        lines += b"\n"
        if len(lines) >= _WRITE_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what was added. Raises OSError."""
        lines = printable_json(bytes(self._lines))
        self._lines.clear()
        written = 0
        try:
            while written < len(lines):
                written += os.write(self._fd, lines[written:])
        except OSError:
            if self._truncate:
                os.ftruncate(self._fd, self._whole + lines.rfind(b"\n", 0, written) + 1)
            raise
        self._whole += written


class EventsWriter:
    """Frames in, lines out. A `following.Writer`."""

    what = "the events"
    due = math.inf  # every batch is written at once

    def __init__(self, file: EventsFile) -> None:
        self._file = file
        self._decoder = Decoder.here()
        self._lost = 0
        self._told = -1  # handles whose state was told since a loss, -1 if there was none
        self._seq = 0
        self._t = 0
        self._turn = 0
        self.lost_in_all = 0
        self.trouble = ""
        self.ended = False

    def handle(self, frame: AnyFrame) -> None:
        """Write what the frame tells. Raises FeedError and OSError."""
        if isinstance(frame, BatchFrame):
            self._tell_loss(frame.place * SEQ_PER_WORD)
            for event in self._decoder.events(frame.place, frame.turn, frame.t, frame.words):
                self._file.add(event_as_json(event, self._decoder.vocabulary))
                self._seq, self._t, self._turn = event.seq, event.t, event.turn
            self._file.flush()
        elif isinstance(frame, SliceFrame):
            self._tell_state(frame)
        elif isinstance(frame, GapFrame):
            self._told = 0
            self._lost += frame.events
            self.lost_in_all += frame.events
        elif isinstance(frame, Hello):
            self._decoder = Decoder(Vocabulary.of(frame))
        elif isinstance(frame, GoodbyeFrame):
            self.finish(False)
            self.ended = True

    def tick(self, now: float) -> None:
        """Nothing is ever due."""

    def finish(self, stopped: bool) -> None:
        """Every whole batch has been written, but not what was lost since."""
        self._tell_loss(self._seq + SEQ_PER_WORD)
        self._file.flush()

    def _tell_loss(self, seq: int) -> None:
        if self._lost:
            line = {"seq": seq, "t": self._t, "turn": self._turn, "stream": 0, "kind": "lost", "fn": ""}
            self._file.add({**line, "old": None, "new": None, "events": self._lost})
            self._lost = 0

    def _tell_state(self, frame: SliceFrame) -> None:
        if self._told < 0:
            return  # nothing is missing
        seq = frame.place * SEQ_PER_WORD
        self._tell_loss(seq)
        if frame.first:
            self._told = 0
        line = {"seq": seq, "t": frame.loop.t, "turn": frame.loop.turn, "fn": "", "old": None, "new": None}
        for state in frame.streams:
            self._file.add({**line, "stream": state.number, "kind": "state", "state": _by_name(state)})
        self._told += len(frame.streams)
        if frame.last:
            self._file.add({**line, "stream": 0, "kind": "state.whole", "handles": self._told})
            self._told = -1
        self._file.flush()


def _by_name(state: msgspec.Struct) -> dict[str, Any]:
    """State with the names of its fields, and that of the requests in it, too."""
    return {
        name: _by_name(value) if isinstance(value, msgspec.Struct)
        else [_by_name(each) if isinstance(each, msgspec.Struct) else each for each in value] if isinstance(value, list)
        else value
        for name, value in msgspec.structs.asdict(state).items()
    }  # fmt: skip


def start(fd: int, sock: socket.socket, *, own: bool) -> subprocess.Popen[bytes]:
    """Start the process: it reads the link from `sock` and writes to the file, pipe or terminal `fd`, which is nobody
    else's if `own` is given.
    """
    truncate = ["--truncate"] if own and stat.S_ISREG(os.fstat(fd).st_mode) else []
    return following.start("streamscope.link.events_writer", truncate, sock, stdout=fd)


def main(arguments: list[str]) -> int:
    """Run as a process; returns its exit status."""
    writer = EventsWriter(EventsFile(sys.stdout.fileno(), truncate="--truncate" in arguments))
    return following.serve_engine(socket.socket(fileno=int(arguments[0])), writer)


if __name__ == "__main__":
    speak_as_told()
    sys.exit(main(sys.argv[1:]))
