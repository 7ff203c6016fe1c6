"""Finding out about an engine that does not answer: what the kernel says of it, and in what it is stuck.

An inspector that has heard nothing for a quarter of a second asks over the link, which answers out of the loop's wait.
Where no answer comes for as long again, the kernel is asked first: a process that is stopped, ended, waits for a CPU or
within the kernel cannot answer, and is told of as that. All else is stuck: its callback does not return. Then SIGURG is
sent, seldom, and `answering` in the engine writes what it runs into a file that is read here.

What is found is no event of the feed. It is an inspector's own, shown and recorded as that, and gone when the engine
comes round. The engine's answer is not trusted more than anything else that comes from it.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

import msgspec

from streamscope.language import N_, Saying, clauses, saying
from streamscope.link import process, resting
from streamscope.link.answering import ASK, BODY, HEAD, MAGIC, NAME, STACK
from streamscope.link.process import ProcessState, ThreadState
from streamscope.link.subscriber import peer_pid
from streamscope.trace.contents import Note
from streamscope.trace.plain_text import visible

QUIET_S = 0.25
"""So long nothing comes before the engine is asked, and so long it is given to answer."""

ASK_AFTER_S = (0.25, 1.0, 2.0)
ASK_EVERY_S = 5.0
"""When SIGURG is sent, counted from when the engine did not answer."""

SETTLED_S = 0.2
"""How long after SIGURG faulthandler's stack is taken for the answer: C code holds the interpreter. Until that has
returned the stack stays what it is, and SIGURG is not sent again.
"""

ANSWERED_S = 0.5
"""How long after SIGURG neither has come: the program's own handler had it, most likely."""

WORKED_NS = 500_000_000
"""After so much work of the loop's thread a look at its states, which takes it a millisecond or two, may come again."""

COUNT_EVERY_S = 2.0
NOTE_EVERY_S = 5.0
PATIENCE_S = 1.5
LOOK_EVERY_S = 0.02
THREAD_EVERY_S = 1.0

MOST_ANSWER = 4 << 20
MOST_STACK = 64 << 10
MOST_FRAMES = 64

STUCK, STOPPED, NO_CPU, IN_KERNEL, ENDED = "stuck", "stopped", "no cpu", N_("in the kernel"), N_("ended")
RESTS = N_("no loop runs")
TURNS = "turns"

_TAKEN = N_("it does not say in what: the program has taken SIGURG for itself, or blocks it")
_UNANSWERED = N_("it has not said in what when it was asked: the program may have taken SIGURG for itself")

_STARTS = "streamscope/servers/program.py"
_FRAME = re.compile(r'  File "([^"\n]{0,500}+)", line (\d{1,9}+) in ([^\n]{1,200}+)')


class Answer(msgspec.Struct):
    """What the engine wrote: times in ns on the feed's clock, `since` when it last came back from the kernel. `words`
    are the newest of the feed that nobody has been sent yet, with where they stand. `left` is how many seconds the
    callback has until it is ended, below 0 if nothing was asked, or for ever. `loops` are the answers of each loop,
    by its number, where a process may have several.
    """

    t: int = 0
    since: int = 0
    turn: int = 0
    stream: int = 0
    name: str = ""
    callback: str = ""
    frames: list[tuple[str, int, str]] = []
    engine: list[str] = []
    place: int = 0
    batch_turn: int = 0
    batch_t: int = 0
    words: list[int | str] = []
    program: str = ""
    ending: str = ""
    left: float = -1.0
    loops: dict[str, Answer] = {}


class Standstill(msgspec.Struct):
    """What is known of an engine that does not come round. Texts are of the engine's, made visible.

    - `state`: `STUCK`, or the kernel's word: `STOPPED`, `NO_CPU`, `IN_KERNEL` (in `wchan`), `ENDED`; or `RESTS`, where
      its program runs no loop just now;
    - `seconds`: for how long, at least;
    - `stream`, `callback`: whose callback runs, 0 and "" where that is not known; `frames`: the program's frames,
      innermost first: file, line, function; `engine`: the engine's functions further out;
    - `asked`, `answered_ago`: how often, and how many seconds ago the last answer came; `same`: whether all answers
      named the same place; `untold`: why the engine cannot say in what it is stuck, "" if it can;
    - `cpu`, `delay`: parts of the time since the look before in which it ran, and waited for a CPU; -1 if not known;
    - `waiting`: how many clients wait in the kernel to be accepted, -1 if that is not known;
    - `ending`: why it is to end, "" if nobody asked for that, and in how many seconds its callback is ended (`left`,
      below 0 for never).
    """

    state: str
    seconds: float
    stream: int = 0
    callback: str = ""
    frames: list[tuple[str, int, str]] = []
    engine: list[str] = []
    asked: int = 0
    answered_ago: float = -1.0
    same: bool = True
    untold: str = ""
    cpu: float = -1.0
    delay: float = -1.0
    wchan: str = ""
    waiting: int = -1
    ending: str = ""
    left: float = -1.0

    @property
    def place(self) -> str:
        """`server.py:18`, "" if not known."""
        return f"{os.path.basename(self.frames[0][0])}:{self.frames[0][1]}" if self.frames else ""

    @property
    def callee(self) -> str:
        """The program's function that the engine called; "" if not known."""
        return self.frames[-1][2] if self.frames else ""

    @property
    def text(self) -> str:
        """In one line: `stuck in read_cb of #3 for 4.1 s: on_read, server.py:18`."""
        s = f"{self.seconds:.1f}"
        if self.state == STOPPED:
            return saying("stopped by a signal for {s} s: kill -CONT lets it go on", s=s)
        if self.state in (ENDED, RESTS):
            return saying(self.state)
        if self.state == NO_CPU:
            return saying("waits for a CPU for {s} s", s=s)
        if self.state == IN_KERNEL and self.wchan:
            return saying("in the kernel for {s} s, in {place}", s=s, place=self.wchan)
        if self.state == IN_KERNEL:
            return saying("in the kernel for {s} s", s=s)
        unnamed = N_("a callback") if self.engine else N_("its start") if self.frames else N_("something")
        what: str = Saying(self.callback, lambda: self.callback) if self.callback else saying(unnamed)
        if self.stream:
            what = saying("{callback} of #{number}", callback=what, number=self.stream)
        if self.frames:
            return saying(
                "stuck in {what} for {s} s: {callee}, {place}", what=what, s=s, callee=self.callee, place=self.place
            )
        if self.untold:
            return saying("stuck in {what} for {s} s ({why})", what=what, s=s, why=saying(self.untold))
        return saying("stuck in {what} for {s} s", what=what, s=s)


class Asking:
    """Asks one engine. `see` is to be called several times a second; nothing here waits.

    - `standstill`: what is known while the engine does not come round, None while it does;
    - `answer`: the last answer of the engine in this standstill;
    - `ports`: the TCP ports at which it listens, as far as the owner knows.
    """

    def __init__(
        self,
        pid: int,
        *,
        path: str = "",
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`pid` as this process sees it; `path` is its loop's socket, "" where that is not known."""
        self.pid = pid
        self._path = path
        second = os.path.basename(path).split(".")[1:-1]
        self._loop = int(second[0]) if second and second[0].isdigit() else 1
        self.standstill: Standstill | None = None
        self.answer: Answer | None = None
        self.ports: Collection[int] = ()
        self._waiting = -1
        self._counted_at = 0.0
        self._monotonic = monotonic
        self._began = process.look(pid).started
        self._file = -1
        self._heard_at = monotonic()
        self._received = 0
        self._thread = 0
        self._rested = -1
        self._told: ThreadState | None = None
        self._left_until = 0.0
        self._asked_at: float | None = None
        self._unanswered_at: float | None = None
        self._looked: tuple[float, ProcessState] | None = None
        self._given = 0
        self._asks = 0
        self._outstanding_at: float | None = None  # when SIGURG was sent that has not been answered
        self._answered_at = 0.0
        self._places: set[str] = set()
        self._wall = wall
        self._noted: tuple[str, str] | None = None  # what the last note was about: a state and a place
        self._noted_at = 0.0
        self._note: Note | None = None

    @classmethod
    def of_peer(cls, sock: socket.socket, *, monotonic: Callable[[], float] = time.monotonic) -> Asking | None:
        """Asks the process at the other end of a Unix socket; None for one that is not seen from here, and for
        ourselves.
        """
        pid = peer_pid(sock)
        if pid in (0, os.getpid()):
            return None
        name = sock.getpeername()
        return cls(pid, path=name if isinstance(name, str) else "", monotonic=monotonic)

    def thread_here(self, hello_pid: int, thread: int) -> int:
        """The number here of a thread that has this one where the process is `hello_pid`; 0 where it is not known."""
        return thread if hello_pid == self.pid else self.pid if thread == hello_pid else 0

    def told_states(self, hello_pid: int, thread: int, runs: int) -> None:
        """Its loop's thread, by the number that it has where the process is `hello_pid`, had been given a CPU so often
        when it told its states or answered: as long as that stays so, it waits. Below 0 where it is to be asked though
        it waits.
        """
        self._thread = self.thread_here(hello_pid, thread)
        self._rested = runs
        self._told = process.look_at_thread(self.pid, self._thread) if self._thread else None

    def see(self, received: int, ask: Callable[[], object], quiet_s: float = QUIET_S, seldom_s: float = 0.0) -> None:
        """Find out whether it turns: `received` is how many bytes have come from it in all, and `ask` asks it over the
        link, which any answer follows. A loop that does something is not silent for longer than `quiet_s`; where states
        alone are watched, which come when it is asked, one that is seen to do little is asked after `seldom_s`.
        """
        now = self._monotonic()
        if received != self._received:
            self._received = received
            self._asked_at = None
            self._heard()
        elif now - self._heard_at < quiet_s:
            return
        elif self._asked_at is None:
            if not self._may_be_left(now, seldom_s):
                self._asked_at = now
                ask()
        elif now - self._asked_at >= QUIET_S:
            if self._unanswered_at is None:
                self._unanswered_at = now
            self._look()

    def hint(self) -> None:
        """Something is known to be held up in it: it is asked again, however little it does."""
        self._told = None

    def _may_be_left(self, now: float, seldom_s: float) -> bool:
        """Whether it is known to need no asking now: its loop has been waiting since it told its states; or it turns,
        and has done too little since for a look to be worth what it costs.
        """
        told = self._told
        if told is None or now < self._left_until:
            return told is not None
        seen = process.look_at_thread(self.pid, self._thread)
        if seen is None:
            return False
        if seen.runs == self._rested:
            self._heard_at = now
            return True
        is_idle = self._rested < 0 and seen.runs <= told.runs + 1
        worked = seen.cpu_ns - told.cpu_ns
        if is_idle or worked >= WORKED_NS or not seen.waits or now - self._heard_at >= seldom_s:
            return False
        self._left_until = now + THREAD_EVERY_S
        return True

    def take_note(self) -> Note | None:
        """What is to be noted now, if anything: that it stands still, in what, and that it turns again. It is said
        again every few seconds.
        """
        still = self.standstill
        if still is not None:
            now, about = self._monotonic(), (still.state, still.place)
            if about != self._noted or now - self._noted_at >= NOTE_EVERY_S:
                self._noted, self._noted_at = about, now
                called = "".join(f" ◂ {function}" for _, _, function in still.frames[1:])
                text = saying("{text}{called}", text=still.text, called=called) if called else still.text
                text = clauses((text, kill_it(self.pid) if still.state == STUCK else ""))
                self._note = Note(self._wall(), still.state, text, still.stream)
        note, self._note = self._note, None
        return note

    def _heard(self) -> None:
        """The engine has said something: it turns."""
        if self._noted is not None and self.standstill is not None:
            self._noted = None
            text = saying("it turns again, after {seconds} s", seconds=f"{self.standstill.seconds:.1f}")
            self._note = Note(self._wall(), TURNS, text, self.standstill.stream)
        self._heard_at = self._monotonic()
        if self._unanswered_at is not None:
            self._unanswered_at = None
            self.standstill = self.answer = None
            self._asks = 0
            self._outstanding_at = None
            self._places.clear()
            self._looked = None
            self._waiting, self._counted_at = -1, 0.0

    def _look(self) -> None:
        """Look at the process, and ask it if that is due."""
        now = self._monotonic()
        self._read_answer(now)
        seen = process.look(self.pid)
        if not seen.state or (self._began and seen.started != self._began):
            self.standstill = Standstill(ENDED, now - self._heard_at)
            return
        if self._path and resting.rests(self._path):
            self.standstill = Standstill(RESTS, now - self._heard_at)
            return
        untold = "" if seen.state in "TtZX" else self._ask(now)
        self.standstill = self._standstill(now, seen, untold)

    @property
    def rests(self) -> bool:
        """Whether it is known that no loop runs."""
        return self.standstill is not None and self.standstill.state == RESTS

    def close(self) -> None:
        """Let go of the engine's file."""
        if self._file != -1:
            os.close(self._file)
            self._file = -1

    # asking

    def _ask(self, now: float) -> str:
        """Send the signal if it is time; returns why that is of no use."""
        assert self._unanswered_at is not None
        late = now - self._unanswered_at
        due = ASK_AFTER_S[self._asks] if self._asks < len(ASK_AFTER_S) else ASK_EVERY_S * (self._asks - 2)
        number = process.descriptor_called(self.pid, NAME)
        if number == -1:
            return saying(
                "it does not say in what: it is of a version or on a system that cannot, or its main thread has no loop"
            )
        if not process.takes(self.pid, ASK):
            return _TAKEN
        if self._outstanding_at is not None:
            return _UNANSWERED if now - self._outstanding_at >= ANSWERED_S else ""
        if late < due:
            return ""
        try:
            self._open(number)
            if not self._head()[2]:
                return _TAKEN
            pidfd = os.pidfd_open(self.pid)
            try:
                if process.look(self.pid).started == self._began:
                    signal.pidfd_send_signal(pidfd, ASK)
                    self._asks += 1
                    self._outstanding_at = now
            finally:
                os.close(pidfd)
        except OSError as error:
            return saying("it cannot be asked in what: {error}", error=error.strerror)
        return ""

    def _open(self, number: int) -> None:
        if self._file == -1:
            self._file = os.open(f"/proc/{self.pid}/fd/{number}", os.O_RDONLY | os.O_CLOEXEC)
            self._given = self._head()[0]

    def _head(self) -> tuple[int, int, bool]:
        """How many answers were given, the length of the last, and whether more can be."""
        data = os.pread(self._file, HEAD.size, 0)
        if len(data) != HEAD.size:
            return 0, 0, False
        magic, given, length, ours = HEAD.unpack(data)
        return (given, length, bool(ours)) if magic == MAGIC else (0, 0, False)

    def _read_answer(self, now: float) -> None:
        if self._file == -1:
            return
        with suppress(OSError):
            given, length, _ = self._head()
            if given != self._given and length <= MOST_ANSWER:
                body = os.pread(self._file, length, BODY)
                if self._head()[0] == given:  # else it is being written anew
                    self._given = given
                    self._take(now, body)
                return
            if self._outstanding_at is None or now - self._outstanding_at < SETTLED_S:
                return  # mostly the answer comes a moment after the stack, and knows more
            stack = os.pread(self._file, MOST_STACK, STACK)
            if stack and (self.answer is None or self._answered_at < self._outstanding_at):
                self._take_stack(now, stack)

    def _take(self, now: float, body: bytes) -> None:
        with suppress(msgspec.MsgspecError, UnicodeError):
            self._outstanding_at = None
            answer = msgspec.json.decode(body, type=Answer)
            if answer.loops:
                answer = answer.loops.get(str(self._loop), Answer())
            self.answer = answer
            self._answered_at = now
            self._places.add(str(self.answer.frames[:1]))

    def _take_stack(self, now: float, stack: bytes) -> None:
        """C code holds the interpreter: faulthandler has written the stack, and knows no handle. The newest counts."""
        text = stack.decode("utf-8", "replace").rpartition("most recent call first")[2]
        found: list[tuple[str, int, str]] = [(m[1], int(m[2]), m[3]) for m in _FRAME.finditer(text)][:MOST_FRAMES]
        frames: list[tuple[str, int, str]] = []
        for file, line, function in found:
            if file.endswith(_STARTS):  # it has not come to its loop yet
                found = found[: len(frames)]
            if file.endswith(_STARTS) or "streamscope/core/" in file:
                break
            frames.append((file, line, function))
        if frames:
            before = self.answer or Answer()
            self.answer = Answer(
                frames=frames, engine=[function for _, _, function in found[len(frames) :]], stream=before.stream,
                callback=before.callback, program=before.program, ending=before.ending, left=before.left,
            )  # fmt: skip
            self._answered_at = now
            self._places.add(str(frames[:1]))

    # what is known

    def _standstill(self, now: float, seen: ProcessState, untold: str) -> Standstill:
        cpu, delay = self._shares(now, seen)
        answer = self.answer or Answer()
        seconds = max(now - self._heard_at, (answer.t - answer.since) / 1e9 + now - self._answered_at)
        state = STUCK
        if seen.state in "Tt":
            state = STOPPED
        elif seen.state in "ZX":
            state = ENDED
        elif self.answer is None and seen.state == "D":
            state = IN_KERNEL
        elif self.answer is None and cpu < 0.05 and delay > 0.5:
            state = NO_CPU
        frames = [(visible(file, 200), line, visible(function, 100)) for file, line, function in answer.frames]
        return Standstill(
            state=state,
            seconds=seconds if self.answer is not None else now - self._heard_at,
            stream=answer.stream,
            callback=visible(answer.callback, 40),
            frames=frames[:MOST_FRAMES],
            engine=[visible(function, 60) for function in answer.engine[:MOST_FRAMES]],
            asked=self._asks,
            answered_ago=now - self._answered_at if self.answer is not None else -1.0,
            same=len(self._places) <= 1,
            untold=untold if self.answer is None else "",
            cpu=cpu,
            delay=delay,
            wchan=seen.wchan,
            waiting=self._clients_waiting(now),
            ending=visible(answer.ending, 100),
            left=max(-1.0, answer.left - (now - self._answered_at)) if answer.left >= 0 else -1.0,
        )

    def _clients_waiting(self, now: float) -> int:
        if self.ports and now - self._counted_at > COUNT_EVERY_S:  # the kernel's table of sockets takes long to read
            self._counted_at = now
            self._waiting = process.waiting_clients(self.pid, self.ports)
        return self._waiting

    def _shares(self, now: float, seen: ProcessState) -> tuple[float, float]:
        """Parts of the time since the first look at this standstill, or over the last seconds of it."""
        if self._looked is None or now - self._looked[0] > ASK_EVERY_S:
            self._looked, before = (now, seen), self._looked
        else:
            before = self._looked
        if before is None or now <= before[0] or min(seen.cpu_ns, before[1].cpu_ns) < 0:
            return -1.0, -1.0
        span = (now - before[0]) * 1e9
        return (seen.cpu_ns - before[1].cpu_ns) / span, (seen.delay_ns - before[1].delay_ns) / span


def kill_it(pid: int) -> str:
    """What ends a process that nothing else does."""
    return saying("kill -9 {pid} ends it whatever it does", pid=pid)


def find_out(silent: Mapping[int, str], seconds: float = PATIENCE_S) -> dict[int, Standstill]:
    """What is known of engines that have not answered a while ago, by pid with their sockets. Waits until each has said
    in what it is stuck, or can not, and so long at most.
    """
    until = time.monotonic() + seconds
    asked = [Asking(pid, path=path) for pid, path in silent.items()]
    for asking in asked:
        asking.see(0, lambda: None)
    while any(each.answer is None and not each.rests for each in asked) and time.monotonic() < until:
        time.sleep(LOOK_EVERY_S)
        for asking in asked:
            asking.see(0, lambda: None)
    for asking in asked:
        asking.close()
    return {asking.pid: asking.standstill for asking in asked if asking.standstill is not None}
