"""The classic stall in a real Node server, where Node is installed: no engine of ours, and nothing of ours runs in it.

The server is started as `streamscope run --headless --record FILE -- node server.js` starts it, which looks at its
memory from outside. A client of ours reads, stops reading until a diagnosis has named it, and reads again. The steps
are found in the recording, by what was so: how soon Node does what, nobody decides.
"""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.diagnosis.headless import Along, looks
from streamscope.diagnosis.shapes import Word
from streamscope.language import VARIABLE, tr
from streamscope.lessons.performing import LessonError, Performance
from streamscope.lessons.recorded import walk
from streamscope.lessons.step import STREAM, LessonStep, RealLesson, RecordedLesson, step
from streamscope.link.replaying import Replay
from streamscope.telling import say
from streamscope.trace.decode import Event
from streamscope.trace.filter import Filter
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.store.format import TraceError
from streamscope.trace.traveller import Traveller

SERVER = """\
const { createServer } = require('node:net')
const server = createServer((socket) => {
  const timer = setInterval(() => socket.write(Buffer.alloc(128 * 1024)), 20) // whatever write() returns
  socket.on('close', () => clearInterval(timer)).on('error', () => {})
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().on('end', () => process.exit()) // whoever started it has gone
"""
READS_FIRST = 8 << 20
RECEIVE = 64 << 10
"""Bytes that the client reads before it stops, and the room that its kernel has for more."""
WAITS_ON_S = 1.5
"""So long it goes on not to read once it is named, and to read once that is over."""
PATIENCE_S = 30.0
"""So long anything may take that takes a second or two."""
END_WITHIN_S = 5.0

_STEPS: dict[str, LessonStep] = {
    "wq == 0 and snd_wnd > 0 and age > 300ms": step(  # until then the kernel finds out how much room it wants
        "It flows",
        "A real Node server writes, its client reads. You see what lies in its memory, 20 times a second. Events are "
        "what differs from look to look: no callback, no system call. Enter says how sure a look is: = exact, ≈ "
        "agreed, ? moving.",
        of=STREAM,
        look="READING write_queue_size epoll",
        claims=("wq == 0 and write_queue == 0", "flag(READING) and armed(IN) and not armed(OUT)", "snd_wnd > 0"),
    ),
    "wq > 0 and write_queue > 0": step(
        "A write that waits",
        "The client reads no more. As long as it had room the kernel took what Node wrote; of this write it took a "
        "part, or nothing: {write_queue_size} wait, OUT is wanted. When? Between two looks: no more is known.",
        of=STREAM,
        look="write_queue_size write_queue epoll",
        claims=("wq > 0 and wq <= 128KiB", "write_queue == 1", "armed(OUT) and registered(OUT)",
         "kind == write_queue.push", "kind == io.start"),
    ),
    "snd_wnd == 0 and outq > 128KiB": step(
        "The window is at 0",
        "Why is there no room? The kernel is asked, too, by the addresses of the socket: the client's side says "
        "snd_wnd 0, it can take nothing. So what the kernel on this side has taken, outq, cannot leave.",
        of=STREAM,
        look="snd_wnd outq",
        claims=("snd_wnd == 0", "outq > 128KiB", "notsent > 0"),
    ),
    "wq > 0 and queue_age > 500ms": step(
        "What waits in JavaScript is not seen",
        "The server goes on, and still {write_queue_size} wait: net.Socket hands libuv one write at a time, the rest "
        "stays in JavaScript, megabytes by now. That is not seen without run --preload, which has code of ours in the "
        "program say it.",
        of=STREAM,
        look="write_queue_size write_queue",
        claims=("write_queue == 1", "wq > 0 and wq <= 128KiB", "queue_age > 500ms"),
    ),
    "wq > 0 and queue_age > 1s": step(
        "Who is at fault",
        "No error anywhere. A diagnosis says {verdict}: {sentence} It rests on the kernel's word: slow is the client, "
        "not the server.",
        of=STREAM,
        look="snd_wnd outq write_queue",
        claims=("snd_wnd == 0 and outq > 128KiB", "wq > 0 and queue_age > 1s", "armed(OUT) and registered(OUT)"),
    ),
    "wq == 0 and snd_wnd > 0 and not armed(OUT)": step(
        "The client reads again",
        "There is room again: the write has ended, all that JavaScript had kept has gone, and OUT is wanted no more. "
        "Nothing was lost. But write() had said false: who waits for 'drain' then need not keep megabytes.",
        of=STREAM,
        look="write_queue_size write_queue epoll",
        claims=("wq == 0 and write_queue == 0", "armed(IN) and not armed(OUT)", "snd_wnd > 0",
                "kind == write_queue.pop", "kind == request.end", "kind == io.stop"),
    ),
}  # fmt: skip
"""The steps, by what is so where they stand: at the first look at which it is, from that of the step before on."""
_NAMED = "wq > 0 and queue_age > 1s"
"""That one stands where a diagnosis has named the client."""


def play() -> Performance:
    """Have it happen, which takes some seconds, and find the steps. Raises LessonError."""
    if not shutil.which(LESSON.needs):
        raise LessonError(
            tr(
                "the lesson {name} needs {program}, which is not on the PATH: install Node.js",
                name=LESSON.name, program=LESSON.needs,
            )
        )  # fmt: skip
    say(tr("for some seconds a Node server is recorded whose client stalls"))
    with tempfile.TemporaryDirectory(prefix="streamscope-lesson-") as folder:
        trace = Path(folder, "node.scope")
        client = _record(Path(folder, "server.js"), trace)
        try:
            replay = Replay.open(trace)
        except TraceError as error:
            raise LessonError(_why_not(str(error))) from error
        try:
            stream, steps = _Found(replay.past, client).steps()
        finally:
            replay.close()
        return walk(RecordedLesson(LESSON.name, LESSON.title, LESSON.section, str(trace), stream, steps))


def _record(script: Path, trace: Path) -> str:
    """The stall, and its end, into a trace; returns the client's address. Nobody is left when it returns."""
    script.write_text(SERVER)
    with _started(script, trace) as run, socket.socket() as client:
        assert run.stdout is not None
        assert run.stderr is not None
        said = _until_said(run, run.stdout.fileno(), b"\n")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE)
        try:
            client.connect(("127.0.0.1", int(said)))
        except (OSError, ValueError, OverflowError) as error:
            what = tr("{program} is no Node.js, or cannot be reached: {why}", program=LESSON.needs, why=error)
            raise LessonError(_why_not(what)) from error
        count = 0
        while count < READS_FIRST:
            count += len(_taken(client))
        _until_said(run, run.stderr.fileno(), Word.PEER.value.encode())
        time.sleep(WAITS_ON_S)
        _until_said(run, run.stderr.fileno(), b"is over", client)
        deadline = time.monotonic() + WAITS_ON_S
        while time.monotonic() < deadline:
            _taken(client)
        return "{}:{}".format(*client.getsockname())


@contextmanager
def _started(script: Path, trace: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The server under `run`; it ends with its standard input, whatever becomes of us."""
    command = ["run", "--headless", "--diagnose", "--record", str(trace), "--", LESSON.needs, str(script)]
    kept = {name: value for name, value in os.environ.items() if name != "NODE_OPTIONS"}
    run = subprocess.Popen(
        [sys.executable, "-P", "-m", "streamscope", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**kept, VARIABLE: "en"},  # what it says is waited for by its words
        start_new_session=True,
    )
    try:
        yield run
    finally:
        try:
            run.communicate(timeout=PATIENCE_S)  # which closes its input first
        except subprocess.TimeoutExpired:
            run.kill()
            run.communicate()


def _until_said(run: subprocess.Popen[bytes], fd: int, word: bytes, client: socket.socket | None = None) -> bytes:
    """What is said there until the word has come; meanwhile the client reads, if there is one. Raises LessonError."""
    said = b""
    deadline = time.monotonic() + PATIENCE_S
    heard: list[int | socket.socket] = [fd] if client is None else [fd, client]
    while word not in said:
        ready, _, _ = select.select(heard, [], [], max(deadline - time.monotonic(), 0))
        if not ready or time.monotonic() > deadline:
            raise LessonError(_why_not(tr("it does not go on")))
        if client is not None and client in ready:
            _taken(client)
        if fd in ready:
            more = os.read(fd, 4096)
            if not more:
                raise LessonError(_why_not(_last_words(run, said)))
            said += more
    return said


def _last_words(run: subprocess.Popen[bytes], said: bytes) -> str:
    """Why it has ended, as it says itself."""
    try:
        said += run.communicate(timeout=END_WITHIN_S)[1]
    except subprocess.TimeoutExpired:
        pass
    lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("streamscope: ") if lines else tr("the server has ended")


def _why_not(reason: str) -> str:
    return tr("the lesson {name} could not be played: {why}", name=LESSON.name, why=reason)


def _taken(client: socket.socket) -> bytes:
    client.settimeout(PATIENCE_S)
    try:
        data = client.recv(1 << 18)
    except OSError as error:
        raise LessonError(_why_not(str(error))) from error
    if not data:
        raise LessonError(_why_not(tr("the server has closed the connection")))
    return data


class _Found:
    """Where in the recording the steps are: each after a look, so that all of what that saw is there."""

    def __init__(self, past: Past, client: str) -> None:
        self._past = past
        self._traveller = Traveller(past, row=past.first)
        self._ends = _ends_of_looks(past)
        self._stream = self._served(client)

    def steps(self) -> tuple[int, tuple[tuple[int, LessonStep], ...]]:
        """The number of the stream, and its steps. Raises LessonError."""
        named, verdict = self._named()
        row = self._past.first
        steps: list[tuple[int, LessonStep]] = []
        for wanted, said in _STEPS.items():
            row = self._first(wanted, max(row, named) if wanted == _NAMED else row)
            event = self._past.event(row - 1)
            if not isinstance(event, Event):
                raise LessonError(_why_not(tr("of the recording something is missing")))
            text = tr(said.text)
            for name, what in verdict.items():
                text = text.replace(f"{{{name}}}", what.replace("{", "{{").replace("}", "}}"))
            steps.append((event.seq, said._replace(text=text)))
        return self._stream, tuple(steps)

    def _served(self, client: str) -> int:
        for row in self._ends:
            self._traveller.go(row)
            for number, state in self._traveller.model.known.items():
                if state.peer == client:
                    return number
        raise LessonError(_why_not(tr("the connection was never seen")))

    def _first(self, wanted: str, row: int) -> int:
        """After the first look at which it is so, from that before this row on."""
        parsed = Filter.parse(wanted, self._past.decoder.vocabulary)
        for end in self._ends:
            if end >= row:
                self._traveller.go(end)
                state = self._traveller.model.known.get(self._stream)
                if state is not None and parsed.of_stream(state, self._traveller.t):
                    return end
        raise LessonError(_why_not(tr("at no look was {what}; where the machine is busy, open it again", what=wanted)))

    def _named(self) -> tuple[int, dict[str, str]]:
        """Where a diagnosis first says PEER of the stream, and what that says."""
        words = self._past.decoder.vocabulary
        along = Along(Diagnosis(words), Model(words))
        for glance in looks(self._past, along):
            for finding in along.diagnosis.findings:
                verdict = finding.verdict
                if finding.stream == self._stream and verdict is not None and verdict.word is Word.PEER:
                    said = {"verdict": f"{verdict.word.value}, {verdict.sure.value}", "sentence": finding.sentence}
                    return glance.row, said
        raise LessonError(_why_not(tr("no diagnosis has named the client")))


def _ends_of_looks(past: Past) -> list[int]:
    """Before these rows a look is over; the turn is told before the next."""
    kinds = [event.kind if isinstance(event, Event) else "" for event in past.rows(past.first, past.end - past.first)]
    begins = [row for row, kind in enumerate(kinds) if kind == "sample.taken"]
    ends = [row - (kinds[row - 1] == "loop.turn") for row in begins if row > 1]
    return [past.first + row for row in (*ends, len(kinds))]


LESSON = RealLesson("node", "The classic stall, in a real Node server", "the classic stall", "node", play)
