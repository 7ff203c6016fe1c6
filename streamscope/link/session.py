"""What an inspector holds: one engine, as its link tells of it. The screen, and whatever else looks, reads only this.

A session receives and folds in small steps that its owner times; it never waits. No step takes long, whatever the
engine says: frames are bounded before they are read (`frames`), and a long batch is folded in parts.

When the engine ends or the connection breaks, everything known stays as it was, with the reason. A session that
attached by path tries again by itself, as long as an engine may listen there, and begins anew when one answers: state
is made whole by the round of slices that every newcomer gets.
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from streamscope.language import saying
from streamscope.link import frames
from streamscope.link.asking import QUIET_S, Asking, Standstill
from streamscope.link.client import Client
from streamscope.link.discovery import ProbeError, connect, will_return
from streamscope.link.frames import (
    AnyFrame,
    BatchFrame,
    Command,
    FrameError,
    GapFrame,
    GoodbyeFrame,
    Hello,
    Notice,
    PayloadFrame,
    Reply,
    SliceFrame,
    Unknown,
    check_protocol,
)
from streamscope.link.kernel_loop import LoopThread
from streamscope.link.subscriber import EVERYTHING, STATES
from streamscope.link.waiters import AskedWaiters
from streamscope.link.who_waits_words import ABOUT, COMMAND
from streamscope.trace.contents import Note, Payload
from streamscope.trace.keyframe import keyframe_of
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.plain_text import host_and_port
from streamscope.trace.state import LoopState
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary

PAST_BYTES = 64 * 1024 * 1024
PAYLOAD_BYTES = 4 * 1024 * 1024
"""Memory for the past, and for the payload of the opened streams; the oldest goes first."""

PART_WORDS = 16 * 1024
"""About so many words of a batch are folded in one step: some milliseconds."""

RETRY_S = 0.5
_ASK = "ask"
SELDOM = 12
"""States of a loop that works little are looked at as many times as seldom."""
_NOTICES = 20
NOTES = 1000
"""So many notes are kept."""


class Session:
    """One engine. Readers may look at, and not change:

    - `status`: "connecting" until the engine has said who it is, then "live"; "ended" once it has said goodbye, "gone"
      when the connection broke; and `reason`, one sentence that says why (text from outside);
    - `hello`: who the engine is, None before it has said so; `exit_status` and what else it said last;
    - `model` and `past`: its state and its past; both are other objects after a reconnection;
    - `payload`: the bytes of the opened streams since they were opened, in the order in which they passed;
    - `notes`: what was found out beside the feed, here or elsewhere, the newest last; `waiters`: who waits for streams;
    - `notices`: what the engine answered to commands that it refused, and what else a person should know; the reader
      takes them out.
    """

    def __init__(
        self,
        sock: socket.socket | None,
        path: Path | None = None,
        *,
        past_bytes: int = PAST_BYTES,
        why_gone: Callable[[], str] | None = None,
        pid: int | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        gives_up: frozenset[str] = frozenset(),
    ) -> None:
        """A session over a socket, which is the session's now, and by `path` over its successors. `why_gone` says what
        became of the engine's process, if anybody knows; `pid` is that process, if it is not the socket's peer. It
        `gives_up` "control" and "payload" even where the engine would allow them.
        """
        self._gives_up = gives_up
        self.hello: Hello | None = None
        self.model = Model.here()
        self.past = Past(past_bytes)
        self.status = "connecting"
        self.reason = ""
        self.exit_status: int | None = None
        self.behind = False
        """Whether there was more to fold than there was time for: what is known is not the engine's present."""
        self.opened: tuple[int, ...] = ()
        self.payload: deque[Payload] = deque()
        self.notices: deque[str] = deque(maxlen=_NOTICES)
        self.notes: deque[Note] = deque(maxlen=NOTES)
        self._payload_bytes = 0
        self._path = path
        self._asking: Asking | None = None
        self._thread: LoopThread | None = None
        self._asks: set[int] = set()
        self._heard = -1, 0.0  # bytes in all, and when they were so many first
        self._past_bytes = past_bytes
        self._why_gone = why_gone
        self._monotonic = monotonic
        self._retry_at = 0.0
        self._client: Client | None = None
        self._place: int | None = None
        self._parts: Iterator[BatchFrame] = iter(())  # of the batch that came last, what is still to be folded
        self._sampled = False  # the last that came was a slice without the records before it
        self._wanted = EVERYTHING, 1000
        self._commands = 0
        self.waiters = AskedWaiters(lambda stream: self.command(COMMAND, stream=stream), monotonic)
        if sock is not None:
            self._connected(sock, pid)

    @classmethod
    def attach(cls, path: Path, *, past_bytes: int = PAST_BYTES, gives_up: frozenset[str] = frozenset()) -> Session:
        """A session with the engine at this path. Raises ProbeError if none can be reached now."""
        return cls(connect(path), path, past_bytes=past_bytes, gives_up=gives_up)

    # what goes on

    def fileno(self) -> int:
        """The descriptor to wait for, -1 while there is no connection."""
        return -1 if self._client is None else self._client.fileno()

    @property
    def reconnects(self) -> bool:
        """Whether it tries again by itself when the engine is not there any more."""
        return self._path is not None

    def receive(self) -> None:
        """Read what has arrived, within bounds; connect again if that is due. Never waits."""
        if self._client is None:
            self._retry()
        if self._client is not None:
            try:
                self._client.receive()
            except FrameError as error:
                self._break(str(error))
        if self._client is not None:
            mode, every_ms = self._wanted
            every_s = every_ms / 1000 if mode == STATES else 0.0
            quiet_s, seldom_s = QUIET_S + every_s, SELDOM * every_s
            if self._asking is not None:
                self._asking.see(self._client.received, self._ask, quiet_s, seldom_s)
                if note := self._asking.take_note():
                    self.note(note)
            elif mode == STATES:
                self._ask_if_quiet(self._client.received, quiet_s)

    def hint(self) -> None:
        """Something is known to be held up in it: its states are to be looked at, however little it does."""
        if self._asking is not None:
            self._asking.hint()

    def _ask(self) -> None:
        self.command(_ASK)

    def _ask_if_quiet(self, received: int, quiet_s: float) -> None:
        """An engine of which only states are watched does not come round for them by itself (`samples`)."""
        now = self._monotonic()
        if received != self._heard[0] or now - self._heard[1] >= quiet_s:
            if received == self._heard[0]:
                self._ask()
            self._heard = received, now

    @property
    def standstill(self) -> Standstill | None:
        """What is known of the engine while it does not come round; None while it does. No event: it is this
        inspector's own, and only as true as its last look.
        """
        return None if self._asking is None else self._asking.standstill

    def fold(self, budget_s: float) -> bool:
        """Fold what was received, for about so many seconds at most; returns whether anything came."""
        until = self._monotonic() + budget_s
        came = self.behind = False
        while self._client is not None:
            try:
                if not self._fold_on():
                    frame = self._client.take()
                    if frame is None:
                        if self._client.broken:
                            self._break(self._client.broken)
                            return True
                        self._client.receive()  # the engine goes on sending while we fold
                        frame = self._client.take()
                        if frame is None:
                            return came or bool(self._client.broken)
                    self._handle(frame)
            except (FrameError, FeedError) as error:
                self._break(str(error))
                return True
            came = True
            if self._monotonic() >= until:
                self.behind = True
                break
        return came

    def close(self) -> None:
        """End the session; nothing is known any better afterwards."""
        self._path = None
        if self._asking is not None:
            self._asking.close()
        if self._client is not None:
            self._client.close()
            self._client = None

    # what is asked of the engine

    def command(self, name: str, **arguments: int | str | bool) -> bool:
        """Send a command; returns False if there is nobody to take it. A refusal comes into `notices`."""
        self._commands += 1
        if name == _ASK:
            self._asks.add(self._commands)
        return self._client is not None and self._client.send(Command(self._commands, name, arguments))

    def watch(self, mode: str, every_ms: int = 1000) -> None:
        """Watch `everything`, `states` only, as often as that, or `nothing`. While nobody watches everything, the loop
        of the engine tells of nothing.
        """
        self._wanted = mode, every_ms
        if self.status == "live":
            self._ask_to_watch()

    def _ask_to_watch(self) -> None:
        mode, every_ms = self._wanted
        self._thread = self._thread_seen()
        self.command("watch", mode=mode, every=every_ms, sees_thread=self._thread is not None)

    def _thread_seen(self) -> LoopThread | None:
        """The loop's thread, where it can be looked at from here: that costs the loop nothing."""
        asking, hello = self._asking, self.hello
        number = asking.thread_here(hello.pid, hello.thread) if asking is not None and hello is not None else 0
        if asking is None or not number:
            return None
        thread = LoopThread(asking.pid, lambda: number)
        return thread if thread.runs() >= 0 else None

    def open_payload(self, *streams: int) -> None:
        """Keep the payload of these streams from now on, instead of that of others."""
        if self.opened == streams or "payload" in self._gives_up:
            return
        self.close_payload()
        self.opened = streams
        self._ask_for_payload(True)

    def close_payload(self) -> None:
        """Keep no payload any more, and forget what was kept."""
        self._ask_for_payload(False)
        self.opened = ()
        self.payload.clear()
        self._payload_bytes = 0

    def stop_recording(self) -> None:
        """Have the engine end the recording that it makes itself, if this session may control."""
        self.command("record", on=False)

    def _ask_for_payload(self, on: bool) -> None:
        hello = self.hello
        if not self.opened or hello is None:
            return
        if hello.control:
            for stream in self.opened:
                self.command("payload", stream=stream, on=on)
        elif on and not hello.payload:
            self.notices.append(saying("payload stays in the engine: start it with --control, or with --payload N"))

    def forget_closed(self, before_t: int) -> None:
        """Let go of the handles that were closed before that time (ns on the feed's clock); the past notes it, so that
        a jump into it gives the state that was.
        """
        closed = self.model.closed
        before = len(closed)
        self.model.forget_closed(before_t)
        if len(closed) != before:
            self.past.forget(before_t)

    def note(self, note: Note) -> None:
        """Note what was found out beside the feed."""
        self.notes.append(note.bounded())
        self.past.note(note)

    # frames

    def _handle(self, frame: AnyFrame) -> None:
        if isinstance(frame, BatchFrame):
            self._begin_batch(frame)
        elif isinstance(frame, PayloadFrame):
            self._keep_payload(frame)
        elif isinstance(frame, SliceFrame):
            self._expect_hello()
            if frame.place < 0 or (self._place not in (None, frame.place) and not frame.alone):
                raise FrameError("a snapshot is of another place of the feed")
            self._place = None if frame.alone else frame.place
            self._follow(alone=frame.alone)
            if frame.alone:
                self._told_states(frame.runs)
                self._look_at_thread(frame.loop)
            self.past.slice(frame.place, frame.loop, frame.streams, frame.first, frame.last)
            self.model.slice(frame.place, frame.loop, frame.streams, frame.first, frame.last)
        elif isinstance(frame, GapFrame):
            self._expect_hello()
            self._place = None
            self.model.lost(frame.events)
            self.past.gap(frame.events)
        elif isinstance(frame, Hello):
            self._greet(frame)
        elif isinstance(frame, GoodbyeFrame):
            self._say_goodbye(frame)
        elif isinstance(frame, Reply):
            if frame.error and frame.number not in self._asks:
                self.notices.append(frame.error)
            if frame.number in self._asks:
                self._asks.discard(frame.number)
                self._told_states(frame.runs)
        elif isinstance(frame, frames.NoteFrame):
            self._expect_hello()
            self.waiters.take(frame) if frame.about == ABOUT else self.note(frame)
        elif isinstance(frame, Notice):
            self._expect_hello()
            self.notices.append(frame.text)
            if self.hello is not None:
                self.hello.recording = frame.recording
        elif not isinstance(frame, Unknown):
            raise FrameError("an engine sends no commands")

    def _begin_batch(self, frame: BatchFrame) -> None:
        self._expect_hello()
        if frame.place < 0 or (self._place is not None and frame.place != self._place):
            raise FrameError("the feed has a hole that nobody told of")
        self._follow(alone=False)
        self._place = frame.place
        self._parts = self._parts_of(frame)
        self._fold_on()

    def _fold_on(self) -> bool:
        """Fold the next part of the batch that came last; returns whether there was one."""
        part = next(self._parts, None)
        if part is not None:
            self._fold_part(part)
        return part is not None

    def _parts_of(self, frame: BatchFrame) -> Iterator[BatchFrame]:
        """The batch, cut where each part has to begin with what the model knew by then."""
        words, start, turn, t = frame.words, 0, frame.turn, frame.t
        while start < len(words):
            end = self.model.decoder.layout.cut(words, start, PART_WORDS)
            whole = end - start == len(words)
            yield BatchFrame(frame.place + start, turn, t, words if whole else words[start:end])
            start, turn, t = end, self.model.turn, self.model.t

    def _fold_part(self, frame: BatchFrame) -> None:
        count = self.model.apply(frame.place, frame.turn, frame.t, frame.words)
        self.past.append(frame.place, frame.turn, frame.t, frame.words, count, self.model.t)
        self._place = frame.place + len(frame.words)
        if self.past.keyframe_due(len(self.model.known)):
            self.past.keyframe(keyframe_of(self.model))

    def _follow(self, *, alone: bool) -> None:
        """Once slices have come alone, nothing is certain of what is told after them, until a round has ended."""
        if self._sampled and not alone:
            self.model.whole = False
        self._sampled = alone

    def _expect_hello(self) -> None:
        if self.status != "live":
            raise FrameError("the engine spoke before it said who it is")

    def _greet(self, hello: Hello) -> None:
        if self.status == "live":
            raise FrameError("the engine said twice who it is")
        check_protocol(hello)
        self.model = Model(Vocabulary.of(hello))
        self.past = Past(self._past_bytes, self.model.decoder)
        before = self.hello
        if before is not None and (before.pid, before.started) != (hello.pid, hello.started):
            self.close_payload()  # another engine has other streams
        hello.control = hello.control and "control" not in self._gives_up
        hello.payload = 0 if "payload" in self._gives_up else hello.payload
        self.hello = hello
        if self._asking is not None:
            ports = (host_and_port(address) for address in hello.addresses)
            self._asking.ports = {parts[1] for parts in ports if parts is not None}
        self.status = "live"
        self.reason = ""
        self.exit_status = None
        self._sampled = False
        if hello.protocol > 1 and (self._path is not None or self._wanted[0] != EVERYTHING):
            self._ask_to_watch()  # else the engine waits a moment for it, or knows already
        self._ask_for_payload(True)

    def _say_goodbye(self, bye: GoodbyeFrame) -> None:
        self.status = "ended"
        self.reason = bye.reason
        self.exit_status = bye.status
        self._disconnect()

    def _keep_payload(self, frame: PayloadFrame) -> None:
        self._expect_hello()
        if frame.stream not in self.opened:
            return
        self.payload.append(frame)
        self._payload_bytes += len(frame.data)
        while self._payload_bytes > PAYLOAD_BYTES or len(self.payload) > PAYLOAD_BYTES // 64:
            self._payload_bytes -= len(self.payload.popleft().data)

    def _told_states(self, runs: int) -> None:
        if self._asking is not None and self.hello is not None:
            self._asking.told_states(self.hello.pid, self.hello.thread, runs)

    def _look_at_thread(self, loop: LoopState) -> None:
        """What the kernel says of the loop's thread, where the engine leaves that to us."""
        if self._thread is not None and loop.kernel is None:
            number = self.model.decoder.vocabulary.kernel_number
            said = self._thread.ask(loop.t, listens=False)
            loop.kernel, loop.kernel_t = (
                {number(name): value for name, value in said.items() if number(name) >= 0},
                loop.t,
            )

    # the connection

    def _break(self, reason: str) -> None:
        """The connection is of no use any more."""
        if self.status in ("connecting", "live"):
            self._fold_what_was_left()
            self.status = "gone"
            self.reason = (self._why_gone and self._why_gone()) or reason
        self._disconnect()

    def _fold_what_was_left(self) -> None:
        """The engine is gone while it was stuck: what it had told last is known from its answer alone."""
        answer = None if self._asking is None else self._asking.answer
        if answer is not None and answer.words and self._place == answer.place and self.status == "live":
            with suppress(FrameError, FeedError):
                self._fold_part(BatchFrame(answer.place, answer.batch_turn, answer.batch_t, answer.words))

    def _connected(self, sock: socket.socket, pid: int | None = None) -> None:
        self._client = Client(sock)
        if pid is not None:
            self._asking = Asking(pid, monotonic=self._monotonic)
        else:
            self._asking = Asking.of_peer(sock, monotonic=self._monotonic)

    def _disconnect(self) -> None:
        if self._asking is not None:
            self._asking.close()
            self._asking = None
        self._asks.clear()
        if self._client is not None:
            self._client.close()
            self._client = None
        self._place = None
        self._parts = iter(())
        self._retry_at = self._monotonic() + RETRY_S

    def _retry(self) -> None:
        if self._path is None or self._monotonic() < self._retry_at:
            return
        self._retry_at = self._monotonic() + RETRY_S
        try:
            sock = connect(self._path, patient=False)
        except ProbeError:
            if not will_return(self._path):
                if self.status == "gone":
                    self.reason = saying("the engine with pid {pid} is gone", pid=self._path.stem)
                self._path = None
            return  # what is on the screen says why the last one ended
        self._connected(sock)
        self.status = "connecting"
        self.reason = saying("connecting again to {path}", path=os.fspath(self._path))
