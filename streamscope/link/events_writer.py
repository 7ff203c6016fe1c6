"""`--events`: every event as a line of JSON, written by a process of its own.

    python -m streamscope.link.events_writer FD [--truncate]

An inspector like any other, so that a slow disk or a reader that pauses costs the server nothing. FD is its end of the
link; lines go to standard output. Each has the keys of `streamscope.trace.decode.event_as_json`. Where the engine had
to drop events, because more were waiting than its spool holds, a line of kind `lost` stands in their place and says how
many; its `seq` is greater than all before and smaller than all after it.

The writer ends when the engine does, never before, so it takes no notice of signals that mean the engine. What cannot
be written ends it with one line on stderr; with `--truncate` (it is a file that the engine has opened) the file then
ends with a whole line.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from typing import Any

import msgspec

from streamscope.core.probe import SEQ_PER_WORD
from streamscope.link.frames import MAX_FRAME, AnyFrame, Bye, FrameCutter, FrameError, Hello, Lost, Records, read_frame
from streamscope.trace.decode import Decoder, FeedError, event_as_json

_WRITE_AT_ONCE = 128 * 1024
_NOT_MEANT_FOR_US = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
        lines = bytes(self._lines)
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
    """Frames in, lines out."""

    def __init__(self, file: EventsFile) -> None:
        self._file = file
        self._decoder = Decoder.here()
        self._lost = 0
        self._seq = 0
        self._t = 0
        self._turn = 0
        self.lost_in_all = 0
        self.ended = False

    def handle(self, frame: AnyFrame) -> None:
        """Write what the frame tells. Raises FeedError and OSError."""
        if isinstance(frame, Records):
            self._tell_loss(frame.place * SEQ_PER_WORD)
            for event in self._decoder.events(frame.place, frame.turn, frame.t, frame.words):
                self._file.add(event_as_json(event))
                self._seq, self._t, self._turn = event.seq, event.t, event.turn
            self._file.flush()
        elif isinstance(frame, Lost):
            self._lost += frame.events
            self.lost_in_all += frame.events
        elif isinstance(frame, Hello):
            self._decoder = Decoder(frame.kinds, frame.functions, frame.joined)
        elif isinstance(frame, Bye):
            self._tell_loss(self._seq + SEQ_PER_WORD)
            self._file.flush()
            self.ended = True

    def _tell_loss(self, seq: int) -> None:
        if self._lost:
            line = {"seq": seq, "t": self._t, "turn": self._turn, "stream": 0, "kind": "lost", "fn": ""}
            self._file.add({**line, "old": None, "new": None, "events": self._lost})
            self._lost = 0


def write_events(sock: socket.socket, writer: EventsWriter) -> str:
    """Write until the engine ends; returns why that was not in order, or ""."""
    cutter = FrameCutter(MAX_FRAME)
    try:
        while not writer.ended:
            data = sock.recv(256 * 1024)
            if not data:
                return "the engine ended without a goodbye: its last events may be missing"
            for body in cutter.feed(data):
                writer.handle(read_frame(body))
    except (FrameError, FeedError) as error:
        return f"the engine said what cannot be read: {error}"
    except BrokenPipeError:
        return "nobody reads the events any more: they end here"
    except OSError as error:
        return f"the events cannot be written: {error.strerror}: they end here"
    return ""


def start(fd: int, sock: socket.socket, *, own: bool) -> subprocess.Popen[bytes]:
    """Start the process: it reads the link from `sock` and writes to the file, pipe or terminal `fd`, which is nobody
    else's if `own` is given.
    """
    arguments = [str(sock.fileno())]
    if own and stat.S_ISREG(os.fstat(fd).st_mode):
        arguments.append("--truncate")
    # Ignored signals stay ignored across exec: a Ctrl-C meant for the server does not reach the writer even before
    # it is up.
    before = {signum: signal.signal(signum, signal.SIG_IGN) for signum in _NOT_MEANT_FOR_US}
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "streamscope.link.events_writer", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=fd,
            pass_fds=[sock.fileno()],
        )
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def main(arguments: list[str]) -> int:
    """Run as a process; returns its exit status."""
    for signum in _NOT_MEANT_FOR_US:
        signal.signal(signum, signal.SIG_IGN)
    writer = EventsWriter(EventsFile(sys.stdout.fileno(), truncate="--truncate" in arguments))
    with socket.socket(fileno=int(arguments[0])) as sock:
        problem = write_events(sock, writer)
    if writer.lost_in_all:
        problem = f"{problem}; " if problem else ""
        problem += f"{writer.lost_in_all:,} events were lost because the spool was full; --spool makes it larger"
    if problem:
        sys.stderr.write(f"streamscope: {problem}\n")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
