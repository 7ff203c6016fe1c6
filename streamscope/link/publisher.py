"""The engine's end of the link: the rider that a producer takes along, and that tells inspectors what happens.

Watching must not change what is watched. So the publisher has one descriptor (an epoll of its own, which the loop
counts nowhere), acts only where the loop waits anyway, never blocks, and bounds everything in bytes. While no inspector
is there, the loop tells of nothing and a ride costs a call and a comparison.

An inspector says what it wants to watch. While one watches everything, the producer appends records to the feed, and
the publisher ships them in batches, packed once for all inspectors, at most a thirtieth of a second late. Each
inspector has its own place: it begins with a round of slices (`rounds`), a few streams per ride, so that many streams
never stall a turn; one that does not read loses whole batches, which are counted, and gets a gap and a new round once
it has drained. One that watches states only gets slices now and then (`samples`), and for its sake nothing is told.
What an inspector sends is checked; one that sends anything else is let go. How much is heard, and how many are let in,
is bounded for each ride and in time (`hearing`, `listeners`).
"""

from __future__ import annotations

import errno
import socket
from _thread import get_native_id
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from streamscope.core.flags import POLLIN, POLLOUT
from streamscope.core.poller import EpollPoller
from streamscope.link import wire
from streamscope.link.batches import OwnLayout
from streamscope.link.farewell import deliver
from streamscope.link.feed import PACKED_WORDS, PATIENCE_MS
from streamscope.link.followers import Followers
from streamscope.link.hearing import Hearing
from streamscope.link.kernel_samples import Elsewhere, KernelSamples
from streamscope.link.listeners import Listeners
from streamscope.link.obey import Commands
from streamscope.link.producer import Producer
from streamscope.link.samples import Samples
from streamscope.link.subscriber import BUFFER_LIMIT, EVERYTHING, STATES, Subscriber
from streamscope.link.taps import Taps
from streamscope.link.wire import Hello
from streamscope.telling import say, tell_error

if TYPE_CHECKING:
    from pathlib import Path  # which is slow to load

MOST_SUBSCRIBERS = 64
CHORES_NS = 1_000_000_000
SILENCE_NS = 100_000_000
"""One that comes and does not say within so long what it watches, watches everything. Until then nothing is told for
it, so that whoever asks only who we are, as `ps` does, costs nothing.
"""


class Publisher:
    """Rides along from `board` to `finish`. `hello` has what stays the same for every inspector; `stop` is called when
    one asks for the engine's end; `control` lets attached inspectors control; `payload` is `--payload N`; `buffer`
    is how many bytes are kept for an attached inspector that does not read; `elsewhere` is for a producer that looks at
    another process.
    """

    def __init__(
        self,
        producer: Producer,
        hello: Hello,
        *,
        stop: Callable[[], None],
        control: bool = False,
        payload: int = 0,
        buffer: int = BUFFER_LIMIT,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._producer = producer
        self._hello = hello
        self._control = control
        self._buffer = buffer
        self.chores: list[Callable[[], None]] = []
        """Called once a second while the loop turns, for what has to be looked after now and then."""
        self._soon: list[Callable[[], None]] = []
        self._later: dict[Callable[[], None], int] = {}
        self.on_leave: list[Callable[[Subscriber], None]] = []
        """Called with every inspector that leaves."""
        self.injected: Callable[[], str] = str
        """What inspectors have happen to the program, as whoever comes is told."""

        self._poller = EpollPoller()
        self.event = self._poller.fileno(), POLLIN
        self._listeners = Listeners(self._poller)
        self._watched_fds: dict[int, Callable[[], None]] = {}
        self._heard_fds: dict[int, Callable[[], None]] = {}
        self._subscribers: dict[int, Subscriber] = {}
        self._silent: dict[Subscriber, int] = {}  # until when each is waited for
        self._on_gone: dict[int, Callable[[], None]] = {}
        self._taps = Taps(producer, payload, self._subscribers.values(), self._give_up)
        self.commands = Commands(producer, self._taps, stop, self._watch_soon)
        self._hearing = Hearing(self._poller, self.commands, self._drop, self._flush_one)
        self._followers = Followers(
            producer,
            OwnLayout(hello.kinds, hello.joined),
            self._subscribers,
            greet=self._greet,
            flush=self.flush_all,
            refuse=self.dismiss,
            wake=self._wake,
        )
        self.feed = self._followers.feed
        self.ship = self._followers.ship
        asking = elsewhere._asdict() if elsewhere is not None else {}
        self._kernel = KernelSamples(producer, self.feed, hello, self._taps.opened, **asking)
        self._followers.on_round = self._kernel.tell_again
        self._samples = Samples(producer, self.feed, self._kernel, self._flush_one, self._dismiss_soon)
        self.commands.runs = self._samples.runs
        self.commands.on_control = self._samples.look_again
        self.remarks: list[str] = []
        """What everyone should know who comes, told behind the greeting."""
        self._failed = False
        self._chores_at = 0
        self.calm_until = 0
        """Until then a turn of the loop has nothing for us, on the feed's clock."""
        self._due_at = 0  # by the clock, though nothing is told; 0 for never

    @property
    def subscribers(self) -> list[Subscriber]:
        """The inspectors, in the order in which they came."""
        return list(self._subscribers.values())

    @property
    def told_every_s(self) -> float:
        """How often somebody is told at most: 0.0 where that is whenever something happens."""
        states_alone = all(each.watches == STATES for each in self._subscribers.values())
        return self._samples.every / 1_000_000_000 if states_alone else 0.0

    # what the engine's process calls

    def board(self) -> None:
        """Ride along from now on."""
        self._producer.board(self)

    def listen(self, listener: socket.socket, path: Path | None = None) -> None:
        """Take inspectors that come to this socket; it is the publisher's now, and so is the file at `path`."""
        self._listeners.add(listener, path)

    def close_doors(self) -> None:
        """Take no more inspectors."""
        self._listeners.close()

    def adopt(self, subscriber: Subscriber, on_gone: Callable[[], None] | None = None) -> None:
        """Take an inspector whose socket is there already; it hears everything from now on. `on_gone` is called when it
        leaves before `finish`.
        """
        fd = self._take(subscriber)
        if on_gone is not None:
            self._on_gone[fd] = on_gone
        self._followers.add_from_here(subscriber)

    def tell(self, text: str, recording: str = "") -> None:
        """Tell every inspector that has been greeted; `recording` is the trace that is still being written."""
        for subscriber in self._subscribers.values():
            if subscriber.greeted:
                subscriber.send(wire.notice(text, recording))
        self.flush_all()

    def dismiss(self, subscriber: Subscriber, reason: str, status: int = 0) -> None:
        """Say goodbye to one inspector, which has heard everything until now; it leaves by itself."""
        self._stop_telling(subscriber)
        subscriber.send(wire.bye(reason, status))
        self.flush_all()

    def soon(self, call: Callable[[], None]) -> None:
        """Call it before the next wait: what sends to others is not done while one is being heard."""
        self._soon.append(call)
        self.calm_until = 0

    def at(self, t: int, call: Callable[[], None]) -> None:
        """Call it where the loop waits, once this is the time, in ns on the feed's clock; at the first of these times,
        if it is asked for again before.
        """
        self._later[call] = min(t, self._later.get(call, t))
        self.calm_until = 0

    def watch_fd(self, fd: int, on_hang_up: Callable[[], None]) -> None:
        """Call back once when the other side of this descriptor hangs up."""
        self._watched_fds[fd] = on_hang_up
        self._poller.add(fd, 0)

    def hear_fd(self, fd: int, on_readable: Callable[[], None]) -> None:
        """Call back, where the loop waits, whenever there is something to read from this descriptor."""
        self._heard_fds[fd] = on_readable
        self._poller.add(fd, POLLIN)

    def finish(self, reason: str, status: int) -> None:
        """The loop has ended: deliver what is left, say goodbye, and close everything.

        Waits a moment for inspectors that read, and longer for those that must lose nothing (see `farewell`).
        """
        if not self._failed:
            try:
                self._say_goodbye(wire.bye(reason, status))
            except Exception as error:
                if not _is_robbed(error):  # else nobody can be told anything any more
                    self._give_up(error)
        self._close()

    def refuse(self, reason: str, status: int) -> None:
        """There is nothing to serve: say so to everyone instead of a greeting, and close everything."""
        self._followers.close()
        for subscriber in self._subscribers.values():
            subscriber.send(wire.bye(reason, status))
        self._on_gone.clear()
        self.flush_all()
        self._close()

    # the rider

    def wait(self, timeout_ms: int, now: int) -> int:
        """Ship what is due; see `Rider`."""
        try:
            is_much = len(self.feed.words) >= PACKED_WORDS
            if now >= self.calm_until or (is_much and self.feed.is_full):
                return self._wait(timeout_ms, now)
            if is_much:
                self._followers.pack()
        except Exception as error:
            self._give_up(error)
            return timeout_ms
        if self.feed.due_at and not 0 <= timeout_ms <= PATIENCE_MS:
            return PATIENCE_MS
        return _by(self._due_at, now, timeout_ms) if self._due_at else timeout_ms

    def hear(self) -> None:
        """Hear what inspectors have to say; see `Rider`."""
        try:
            if not self._failed:
                self.calm_until = 0
                self._hear()
        except Exception as error:
            self._give_up(error)

    def _wait(self, timeout_ms: int, now: int) -> int:
        self._listeners.wake(now)
        self._kernel.advance(now)
        for call in [call for call, t in self._later.items() if now >= t]:
            del self._later[call]
            call()
        due = self.feed.is_due(now)
        while self._soon:
            self._soon.pop(0)()
        for subscriber in [s for s, until in self._silent.items() if now >= until]:
            self._watch(subscriber, EVERYTHING)
        self._hearing.begin_ride()
        self._hearing.wake(now)
        more = self._followers.advance(due)
        self._samples.advance(now)
        if now >= self._chores_at:
            self._chores_at = now + CHORES_NS
            for chore in self.chores:
                chore()
        times = [self._listeners.rest_until, self._samples.next_at, self._hearing.next_at, self._kernel.next_at]
        times += self._later.values()
        self._due_at = min(filter(None, (*times, *self._silent.values())), default=0)
        until = min(filter(None, (self.feed.due_at, self._due_at)), default=0)
        self.calm_until = self._next_time(until)
        if more:
            return 0
        return _by(until, now, timeout_ms) if until else timeout_ms

    def _next_time(self, until: int) -> int:
        """Until when a wait needs nothing of us, unless an inspector is heard before or a batch is full; 0 for the
        very next one does. `until` is when something is due by the clock, 0 for never.
        """
        if self._followers.busy or self._soon:
            return 0
        if self.feed.is_told and not self.feed.due_at:
            return 0
        return min(filter(None, (until, self._samples.due_at, self._chores_at)))

    # what is queued, on its way

    def flush_all(self) -> None:
        """Give the kernel what it takes of what is queued."""
        for fd, subscriber in list(self._subscribers.items()):
            if subscriber.buffered and not subscriber.blocked:
                self._flush(fd, subscriber)

    def _flush(self, fd: int, subscriber: Subscriber) -> None:
        was_blocked = subscriber.blocked
        try:
            if subscriber.flush():
                subscriber.took_at = self._producer.clock()
        except OSError:
            if fd in self._on_gone:
                self._hearing.hear_last_words(subscriber)
            self._drop(fd)
            return
        if subscriber.blocked != was_blocked:
            self._hearing.listen_to(fd, subscriber)
        if subscriber.losing and not subscriber.buffered:
            self._followers.begin_soon(subscriber)

    def _greet(self, subscriber: Subscriber) -> None:
        if subscriber.greeted:
            return
        subscriber.greeted = True
        hello = self._hello
        hello.addresses = self._producer.addresses()
        hello.streams = self._producer.streams()
        hello.control = subscriber.control
        hello.injected = self.injected()
        hello.thread = get_native_id() if self._producer.inside else 0
        subscriber.send(hello.frame())
        for text in self.remarks:
            subscriber.send(wire.notice(text, hello.recording))

    # what each watches

    def _watch_soon(self, subscriber: Subscriber, mode: str, every_ms: int, sees_thread: bool) -> None:
        self.soon(lambda: self._watch(subscriber, mode, every_ms, sees_thread))

    def _watch(self, subscriber: Subscriber, mode: str, every_ms: int = 0, sees_thread: bool = False) -> None:
        """It watches this from now on; the rest is for states."""
        self._silent.pop(subscriber, None)
        if mode == subscriber.watches == EVERYTHING or subscriber.sock.fileno() == -1:
            return
        self._stop_telling(subscriber)
        subscriber.watches = mode
        if mode == EVERYTHING:
            self._followers.add(subscriber)
        elif mode == STATES:
            self._samples.add(subscriber, every_ms, sees_thread, self._producer.clock())
        self._followers.rest_if_unheard()

    def _stop_telling(self, subscriber: Subscriber) -> None:
        """It has heard everything until now, and hears nothing more."""
        self._followers.leave(subscriber)
        self._silent.pop(subscriber, None)
        self._samples.remove(subscriber)

    def _flush_one(self, subscriber: Subscriber) -> None:
        if subscriber.buffered and not subscriber.blocked:
            self._flush(subscriber.sock.fileno(), subscriber)

    def _dismiss_soon(self, subscriber: Subscriber, reason: str) -> None:
        self.soon(lambda: self.dismiss(subscriber, reason, 1))

    # inspectors come, speak and go

    def _hear(self) -> None:
        now = self._producer.clock()
        self._hearing.begin_ride()
        for fd, mask in self._poller.wait(0):
            subscriber = self._subscribers.get(fd)
            if subscriber is not None:
                if mask & ~POLLOUT:
                    self._hearing.hear(fd, subscriber, now)
                if mask & POLLOUT and fd in self._subscribers:
                    self._flush(fd, subscriber)
            elif fd in self._listeners:
                self._accept(fd, now)
            elif fd in self._heard_fds:
                self._heard_fds[fd]()
            elif fd in self._watched_fds:
                self._poller.delete(fd)
                self._watched_fds.pop(fd)()

    def _accept(self, fd: int, now: int) -> None:
        sock = self._listeners.accept(fd, now)
        if sock is not None and len(self._subscribers) < MOST_SUBSCRIBERS:
            subscriber = Subscriber(sock, control=self._control, limit=self._buffer)
            self._take(subscriber)
            self._silent[subscriber] = now + SILENCE_NS
            self._greet(subscriber)
            self._flush_one(subscriber)
        elif sock is not None:
            sock.close()
            self._listeners.in_vain(now)

    def _take(self, subscriber: Subscriber) -> int:
        subscriber.sock.setblocking(False)
        fd = subscriber.sock.fileno()
        self._subscribers[fd] = subscriber
        self._poller.add(fd, POLLIN)
        return fd

    def _wake(self) -> None:
        self.calm_until = 0

    def _drop(self, fd: int) -> None:
        """Let an inspector go. If it was the last one, it is a chore to see that."""
        self._chores_at = 0
        subscriber = self._subscribers.pop(fd)
        for leaves in self.on_leave:
            leaves(subscriber)
        self._taps.close_all(subscriber)
        self._hearing.forget(subscriber)
        if self._silent.pop(subscriber, 0):
            self._listeners.in_vain(self._producer.clock())
        self._samples.remove(subscriber)
        self._followers.forget(subscriber)
        self._poller.delete(fd)
        subscriber.sock.close()
        self._listeners.left()
        self._followers.rest_if_unheard()
        on_gone = self._on_gone.pop(fd, None)
        if on_gone is not None:
            on_gone()

    # the end

    def _say_goodbye(self, bye: wire.Frame) -> None:
        self._on_gone.clear()
        self._followers.end()
        now = self._producer.clock()
        for subscriber in self._subscribers.values():
            subscriber.send(bye)
            if not subscriber.blocked:
                subscriber.took_at = now
        self.flush_all()
        deliver(self._poller, self._subscribers, self._flush, self._drop, now)

    def _give_up(self, error: Exception) -> None:
        """The link itself is at fault: it is taken out, named, and the loop lives on."""
        if self._failed:
            return
        self._failed = True
        out = "the link to the inspectors failed and is taken out; the server goes on"
        if _is_robbed(error):
            say(f"{out}: the program has closed its descriptors")
        else:
            say(out)
            tell_error(error)
        self._close()

    def _close(self) -> None:
        self._producer.leave(self)
        self._followers.close()
        self._taps.end()
        for subscriber in self._subscribers.values():
            with suppress(OSError):  # the program has closed it
                subscriber.sock.close()
        self._subscribers.clear()
        self._silent.clear()
        self._listeners.close()
        self._poller.close()


def _is_robbed(error: Exception) -> bool:
    """Whether the program has closed a descriptor of the link."""
    return isinstance(error, OSError) and error.errno == errno.EBADF


def _by(until: int, now: int, timeout_ms: int) -> int:
    """How many ms to wait when something is due then, and the loop would wait for `timeout_ms`."""
    left = max(0, -((now - until) // 1_000_000))
    return left if timeout_ms < 0 else min(left, timeout_ms)
