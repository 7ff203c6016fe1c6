"""Programs that no one thought of, on kernels that do as they please: what must hold, holds after every step.

- `write_queue_size` is what the queued and the failed requests have left; `nfds` counts the watchers; `active_reqs` the
  requests that have not been told; `active_handles` the handles that are active and referenced.
- A request is told at most once, and once by the end; what the kernel took is what was written, in order.
- The feed is whole: it decodes, and every change begins where the one before it ended.
"""

from __future__ import annotations

import errno
from collections import deque
from typing import Any

from core_feed import records
from core_kernel import ERR, EVERYTHING, HUP, IN, OUT, World
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streamscope.core import Tcp, Timer, UVError
from streamscope.core.flags import ACTIVE, CLOSED, CLOSING, REF
from streamscope.core.records import Word

STREAMS = 4
which = st.integers(0, STREAMS - 1)
buffers = st.lists(st.binary(max_size=5), min_size=1, max_size=4)
taken = st.one_of(
    st.integers(0, 6), st.sampled_from([-errno.EAGAIN, -errno.ENOBUFS, -errno.EPIPE, -errno.EINTR, -errno.ECONNRESET])
)
masks = st.sampled_from([IN, OUT, IN | OUT, IN | HUP, OUT | HUP, IN | OUT | ERR | HUP, ERR, HUP])
acts = st.sampled_from(["nothing", "close", "write", "read_stop", "read_start", "shutdown", "raise", "unref", "open"])


class FeedChecker:
    """Follows a feed: every change must begin where the last one of its kind ended."""

    def __init__(self) -> None:
        self.words: list[Word] = []
        self.values: dict[tuple[int, str], int] = {}
        self.flags: dict[int, int] = {}
        self.shared = {"handle.start": "active", "handle.stop": "active", "io.start": "pevents", "io.stop": "pevents"}

    def check(self) -> None:
        for number, function, kind, arguments in records(self.words):
            if kind.name in ("flag.set", "flag.clear"):
                (flag,) = arguments
                assert isinstance(flag, int)
                before = self.flags.get(number, 0)
                assert bool(before & flag) is (kind.name == "flag.clear"), (number, function, kind.name, flag)
                self.flags[number] = before ^ flag
            elif [arg.name for arg in kind.args] == ["old", "new"]:
                name = self.shared.get(kind.name, kind.name)
                if name in ("active", "loop.nfds"):
                    key = (0, name)
                elif number:
                    key = (number, name)
                else:
                    continue  # the loop's own two watchers, which have no numbers
                old, new = arguments
                assert isinstance(new, int)
                assert self.values.get(key, old) == old, (number, function, kind.name, old, new)
                assert old != new, (number, function, kind.name, old)
                self.values[key] = new
        self.words.clear()


class Programs(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.feed = FeedChecker()
        self.world.loop.watch(self.feed.words)
        self.world.loop.excepthook = lambda handle, name, error: None
        self.streams: list[Tcp] = [self.fresh() for _ in range(STREAMS)]
        self.plan: deque[tuple[str, int]] = deque()
        self.told: dict[Any, int] = {}
        self.written: dict[Tcp, list[Any]] = {}
        self.outs: dict[Tcp, Any] = {}

    def fresh(self) -> Tcp:
        return Tcp(self.world.loop)

    # what callbacks do

    def act(self) -> None:
        if self.plan:
            name, n = self.plan.popleft()
            if name == "raise":
                raise ValueError("planned")
            self.do(name, n)

    def do(self, name: str, n: int) -> None:
        stream = self.streams[n]
        try:
            if name == "close":
                stream.close(lambda handle: self.act())
            elif name == "write":
                self.write_now(stream, [b"from", b"", b"callback"])
            elif name == "read_stop":
                stream.read_stop()
            elif name == "read_start":
                stream.read_start(None, lambda *_: self.act())
            elif name == "shutdown":
                self.began(stream.shutdown(self.ended))
            elif name == "unref":
                (stream.unref if stream.has_ref() else stream.ref)()
            elif name == "open":
                self.open_now(n)
        except UVError:
            pass  # what libuv refuses, it refuses

    def began(self, request: Any) -> None:
        self.told.setdefault(request, 0)

    def ended(self, request: Any, status: int) -> None:
        self.told[request] = self.told.get(request, 0) + 1
        assert self.told[request] == 1
        assert request.status == status
        self.act()

    def write_now(self, stream: Tcp, bufs: list[bytes]) -> None:
        request = stream.write(bufs, self.ended)
        self.began(request)
        self.written.setdefault(stream, []).append((request, b"".join(bufs)))

    def open_now(self, n: int) -> None:
        if self.streams[n].flags & CLOSED:
            self.streams[n] = self.fresh()
        stream = self.streams[n]
        if stream.fd == -1 and not stream.flags & CLOSING:
            stream.open(self.world.kernel.make())
            self.outs[stream] = self.world.kernel[stream.fd]

    # what the program does

    @rule(n=which)
    def opens(self, n: int) -> None:
        self.do("open", n)

    @rule(n=which)
    def connects(self, n: int) -> None:
        stream = self.streams[n]
        try:
            self.began(stream.connect(("127.0.0.1", 1), self.ended))
            self.outs.setdefault(stream, self.world.kernel[stream.fd])
        except UVError:
            pass

    @rule(n=which, bufs=buffers)
    def writes(self, n: int, bufs: list[bytes]) -> None:
        try:
            self.write_now(self.streams[n], bufs)
        except UVError:
            pass

    @rule(n=which, name=acts)
    def does(self, n: int, name: str) -> None:
        if name != "raise":
            self.do(name, n)

    @rule(n=which, name=acts)
    def plans(self, n: int, name: str) -> None:
        self.plan.append((name, n))

    @rule(ms=st.integers(0, 3), repeat=st.integers(0, 2))
    def starts_a_timer(self, ms: int, repeat: int) -> None:
        self.world.loop.update_time()
        timer = Timer(self.world.loop)
        timer.start(lambda t: (self.act(), t.stop()), ms + 1, repeat)

    # what the kernel does

    @precondition(lambda self: self.world.kernel.descriptors)
    @rule(n=which, results=st.lists(taken, max_size=4), room=st.sampled_from([0, 3, EVERYTHING]))
    def takes(self, n: int, results: list[int], room: int) -> None:
        d = self.world.kernel.descriptors.get(self.streams[n].fd)
        if d is not None:
            d.takes.extend(results)
            d.room = room

    @rule(
        n=which, data=st.one_of(st.binary(min_size=1, max_size=9), st.sampled_from([-errno.ECONNRESET, -errno.EINTR]))
    )
    def gives(self, n: int, data: bytes | int) -> None:
        d = self.world.kernel.descriptors.get(self.streams[n].fd)
        if d is not None:
            d.inbox.append(data)

    @rule(n=which, error=st.sampled_from([0, errno.ECONNREFUSED, errno.EINPROGRESS]))
    def answers(self, n: int, error: int) -> None:
        d = self.world.kernel.descriptors.get(self.streams[n].fd)
        if d is not None:
            d.so_error = error

    @rule(n=which)
    def ends(self, n: int) -> None:
        d = self.world.kernel.descriptors.get(self.streams[n].fd)
        if d is not None:
            d.ended = True

    @rule(events=st.lists(st.tuples(which, masks), max_size=5), ms=st.integers(0, 3))
    def turns(self, events: list[tuple[int, int]], ms: int) -> None:
        self.world.kernel.now += ms * 1_000_000
        known = self.world.poller.registered
        self.world.turn(*[(self.streams[n].fd, mask) for n, mask in events if self.streams[n].fd in known])

    # what must hold

    @invariant()
    def queues_are_what_they_say(self) -> None:
        for stream in self.streams:
            queued = sum(request.left for request in stream.write_queue)
            failed = sum(request.left for request in stream.write_completed_queue if request.bufs is not None)
            assert stream.write_queue_size == queued + failed
            assert all(request.bufs is not None for request in stream.write_queue)
            assert (stream.above_t != 0) is (stream.write_queue_size > stream.high_water)
            if stream.fd != -1:
                assert (stream.armed_t != 0) is bool(stream.pevents & OUT)

    @invariant()
    def counters_are_what_they_say(self) -> None:
        loop = self.world.loop
        assert loop.nfds == sum(w is not None for w in loop.watchers)
        assert loop.active_reqs == sum(not times for times in self.told.values())
        active = [h for h in loop.handles.values() if h.flags & (ACTIVE | REF) == ACTIVE | REF and not h.is_closing()]
        assert loop.active_handles == len(active)
        assert all(w.watched for w in loop.watcher_queue)

    @invariant()
    def what_was_taken_is_what_was_written(self) -> None:
        for stream, writes in self.written.items():
            sent = b"".join(data[: request.total - request.left] for request, data in writes)
            assert bytes(self.outs[stream].out) == sent

    @invariant()
    def the_feed_is_whole(self) -> None:
        self.feed.check()

    def teardown(self) -> None:
        self.plan.clear()
        for d in self.world.kernel.descriptors.values():
            d.takes.clear()
            d.inbox.clear()
        self.world.end()
        assert all(times == 1 for times in self.told.values())
        self.feed.check()


TestPrograms = Programs.TestCase
TestPrograms.settings = settings(max_examples=60, stateful_step_count=40, derandomize=True)
