"""The everyday path joined up tells and does the same as the plain one, whatever the kernel and the program do.

Random programs run on two scripted kernels, once plainly and once joined; the events of both feeds, expanded, must be
the same one by one, and so must the streams, the calls to the kernel, and the state that a model folds from either
feed, be it at once or event by event.
"""

from __future__ import annotations

import errno
from collections import deque
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from chance import examples
from core_kernel import HUP, IN, OUT, Kernel, World
from feeds import JOINED_HERE
from hypothesis import given, settings
from hypothesis import strategies as st

from streamscope.core import JoinedLoop, Loop, Tcp, UVError
from streamscope.core.injecting import FaultError, act
from streamscope.core.joined_records import JOINED
from streamscope.core.records import FIRST_JOINED, Word
from streamscope.trace.decode import Decoder
from streamscope.trace.expansions import JoinedAsTold
from streamscope.trace.model import Model
from streamscope.trace.rules import KNOWN
from streamscope.trace.vocabulary import Vocabulary

STREAMS = 2
CODES = {FIRST_JOINED + place: joined.name for place, joined in enumerate(JOINED)}

arrivals = st.sampled_from([b"x", b"four", b"y" * 65536, b"z" * 70000, -errno.ECONNRESET, -errno.EAGAIN, -errno.EINTR])
takes = st.sampled_from([0, 1, 3, -errno.EAGAIN, -errno.ENOBUFS, -errno.EPIPE, -errno.EINTR])
acts = st.sampled_from(
    [
        "echo",
        "echo",
        "echo",
        "twice",
        "list",
        "empty",
        "with_cb",
        "raise",
        "stop",
        "start",
        "close",
        "shutdown",
        "nothing",
    ]
)
pokes = st.sampled_from(
    [
        ("eagain", 0),
        ("econnreset", 0),
        ("partial", 2),
        ("cap-writes", 3),
        ("delay", 1),
        ("read-stop", 0),
        ("read-start", 0),
        ("clear", 0),
        ("clear", 0),
        ("shutdown", 0),
        ("close", 0),
    ]
)
steps = st.one_of(
    st.tuples(st.just("arrive"), st.integers(0, STREAMS - 1), arrivals),
    st.tuples(st.just("take"), st.integers(0, STREAMS - 1), takes),
    st.tuples(st.just("plan"), st.just(0), acts),
    st.tuples(st.just("act"), st.integers(0, STREAMS - 1), acts),
    st.tuples(st.just("end"), st.integers(0, STREAMS - 1), st.none()),
    st.tuples(st.just("event"), st.integers(0, STREAMS - 1), st.sampled_from([IN, OUT, IN | HUP, IN | OUT])),
    st.tuples(st.just("refuse"), st.integers(0, STREAMS - 1), st.none()),
    st.tuples(st.just("poke"), st.integers(0, STREAMS - 1), pokes),
    st.tuples(st.just("turn"), st.just(0), st.none()),
)


class TickingKernel(Kernel):
    """The clock moves with every reading, so that a reading too many or too few shows."""

    def clock_ns(self) -> int:
        self.now += 7
        return self.now


class Program:
    """One run of a list of steps. Callbacks do what was planned for them, one after the other."""

    def __init__(self, make_loop: type[Loop], redundant_mod: bool = True) -> None:
        self.world = World(make_loop=make_loop, redundant_mod=redundant_mod)
        self.world.kernel.__class__ = TickingKernel
        self.loop = self.world.loop
        self.loop._clock_ns = self.world.kernel.clock_ns
        self.loop.excepthook = lambda handle, callback, error: None
        self.feed: list[Word] = []
        self.loop.watch(self.feed)
        self.plan: deque[str] = deque()
        self.streams = [self._open() for _ in range(STREAMS)]

    def _open(self) -> Tcp:
        stream = Tcp(self.loop)
        stream.open(self.world.kernel.make())
        stream.read_start(None, self._on_read)
        return stream

    def _on_read(self, stream: Tcp, nread: int, data: Any) -> None:
        self._act(stream, self.plan.popleft() if self.plan else "echo", data if nread > 0 else b"none")

    def _act(self, stream: Tcp, act: str, data: bytes) -> None:
        try:
            if act == "echo":
                stream.write(data)
            elif act == "twice":
                stream.write(data)
                stream.write(b"again")
            elif act == "list":
                stream.write([data, b"", b"tail"])
            elif act == "empty":
                stream.write(b"")
            elif act == "with_cb":
                stream.write(data, lambda request, status: self._act(stream, self._next(), b"later"))
            elif act == "raise":
                raise ValueError("planned")
            elif act == "stop":
                stream.read_stop()
            elif act == "start":
                stream.read_start(None, self._on_read)
            elif act == "close":
                stream.close()
            elif act == "shutdown":
                stream.shutdown()
        except UVError:
            pass  # what is refused, is refused either way

    def _next(self) -> str:
        return self.plan.popleft() if self.plan else "nothing"

    def do(self, step: tuple[str, int, Any]) -> None:
        name, n, what = step
        stream = self.streams[n]
        descriptor = self.world.kernel.descriptors.get(stream.fd)
        if name == "plan":
            self.plan.append(what)
        elif name == "turn":
            self.world.turn()
        elif name == "act":
            try:
                self._act(stream, what, b"unasked")
            except ValueError:
                pass
        elif name == "poke":
            with suppress(FaultError):  # what does not fit does not fit either way
                act(self.loop, stream.number, *what)
        elif descriptor is None:
            return
        elif name == "arrive":
            descriptor.inbox.append(what)
        elif name == "take":
            descriptor.takes.append(what)
        elif name == "end":
            descriptor.ended = True
        elif name == "refuse":
            self.world.poller.refuses.add(stream.fd)
        elif name == "event":
            self.world.turn((stream.fd, what))

    def told_epoll(self) -> list[Any]:
        """The epoll_ctl calls for the streams; the loop's own descriptors are real and differ."""
        return [call for call in self.world.poller.ctl if call[1] > 1000]

    def look(self) -> list[Any]:
        """Everything about the streams and the loop that a program or a test can see."""
        names = [name for cls in Tcp.__mro__ for name in getattr(cls, "__slots__", ())]
        skipped = {
            "loop", "io_cb", "read_cb", "data", "close_cb", "write_first", "write_last", "completed_first",
            "completed_last", "shutdown_req", "system",
        }  # fmt: skip
        held = [
            [
                {name: getattr(stream, name) for name in names if name not in skipped},
                None if stream.shutdown_req is None else stream.shutdown_req.number,
                [(r.number, r.total, r.left, r.nbufs, r.write_index, r.error) for r in stream.write_queue],
                [(r.number, r.total, r.left, r.nbufs, r.write_index, r.error) for r in stream.write_completed_queue],
            ]
            for stream in self.streams
        ]
        loop = self.loop
        return [held, loop.active_handles, loop.active_reqs, loop.nfds, loop.turn, loop.tick, loop.callback_ns]


def fields(feed: list[Word]) -> list[list[Any]]:
    """The feed's events without their places, which differ, and without the loop's own descriptors, which are real."""
    events = Decoder.here().events(0, 0, 0, feed)
    return [
        list(msgspec.structs.astuple(event))[1:]
        for event in events
        if event.stream or not event.kind.startswith("epoll.") or "fd" not in event.fields
    ]


def folded(feed: list[Word], told: JoinedAsTold = JOINED_HERE) -> list[Any]:
    """What a model makes of it; joined records that it does not know by name it folds event by event."""
    decoder = Decoder.here()
    model = Model(Vocabulary(decoder.kinds, decoder.functions, told))
    model.apply(0, 0, 0, feed)
    return [model.streams, model.loop, {n: list(done) for n, done in model.completed.items()}, model.events_seen]


def assert_same_both_ways(program: list[tuple[str, int, Any]], redundant_mod: bool) -> None:
    """Run it plain and joined: calls, events and state are the same after every step."""
    plain, joined = Program(Loop, redundant_mod), Program(JoinedLoop, redundant_mod)
    try:
        for step in program:
            plain.do(step)
            joined.do(step)
            assert joined.look() == plain.look()
        assert joined.world.kernel.calls == plain.world.kernel.calls
        assert joined.told_epoll() == plain.told_epoll()
        assert fields(joined.feed) == fields(plain.feed)
        assert folded(joined.feed) == folded(plain.feed)
        assert folded(joined.feed, [(f"other.{name}", args, steps) for name, args, steps in JOINED_HERE]) == folded(
            plain.feed
        )
    finally:
        plain.world.end()
        joined.world.end()


@settings(max_examples=examples(200))
@given(program=st.lists(steps, max_size=40), redundant_mod=st.booleans())
def test_both_ways_tell_and_do_the_same(program: list[tuple[str, int, Any]], redundant_mod: bool) -> None:
    assert_same_both_ways(program, redundant_mod)


FULL = b"f" * 65536


@pytest.mark.parametrize(
    "then",
    [
        [],
        [b"short"],
        [FULL, FULL, b"short"],
        [FULL] * 40,  # more than one event reads
        [-errno.ECONNRESET],
        [-errno.EINTR, b"more"],
        [-errno.EINTR, FULL],
        [b"y" * 70000],
    ],
    ids=["nothing", "a short one", "two full ones", "more than 32", "a reset", "EINTR", "EINTR and full", "more"],
)
@pytest.mark.parametrize("act", ["echo", "stop", "close", "shutdown", "raise", "nothing"])
@pytest.mark.parametrize("ended", [False, True])
def test_what_follows_a_full_read_is_the_same_both_ways(then: list[bytes | int], act: str, ended: bool) -> None:
    arrivals = [("arrive", 0, data) for data in (FULL, *then)]
    plans = [("plan", 0, "echo"), ("plan", 0, act)]
    end = [("end", 0, None)] if ended else []
    events = [("event", 0, IN), ("event", 0, IN | HUP), ("turn", 0, None)]
    assert_same_both_ways([*arrivals, *end, *plans, *events], redundant_mod=False)


def test_every_joined_record_is_told_by_an_everyday_program_and_folded_at_once() -> None:
    # given two programs that echo: one as libuv does, one without the redundant EPOLL_CTL_MOD
    told: set[str] = set()
    for redundant_mod in (True, False):
        program = Program(JoinedLoop, redundant_mod)
        program.plan.extend(["echo", "twice", "echo"])

        # when a few messages come, one a turn
        for _ in range(4):
            program.do(("arrive", 0, b"hello"))
            program.do(("event", 0, IN))
        lengths = Decoder.here().layout.lengths
        i = 0
        while i < len(program.feed):
            code = int(program.feed[i]) & 255
            told.add(CODES.get(code, ""))
            i += lengths[code]
        program.world.end()

    # then each kind of joined record was told, and the model has a handler for each
    assert told - {""} == set(CODES.values())
    assert all(map(KNOWN.of_joined, told - {""}))


@pytest.mark.parametrize("make_loop", [Loop, JoinedLoop])
def test_what_passes_through_a_write_callback_leaves_the_others_waiting(make_loop: type[Loop]) -> None:
    # given two streams whose writes are done, and the callback of the first will be interrupted
    program = Program(make_loop)
    first, second = program.streams

    def interrupt(request: Any, status: int) -> None:
        raise KeyboardInterrupt

    first.write(b"one", interrupt)
    second.write(b"two")

    # when it is, then the second still waits
    with pytest.raises(KeyboardInterrupt):
        program.do(("turn", 0, None))
    assert second in program.loop.pending_queue
    assert program.loop.active_reqs == 1

    # and the next turn is its own
    program.do(("turn", 0, None))
    assert (program.loop.active_reqs, second.writes) == (0, 1)
    program.world.end()


@pytest.mark.parametrize("make_loop", [Loop, JoinedLoop])
def test_what_is_no_ordinary_exception_passes_through_and_the_callback_has_ended(make_loop: type[Loop]) -> None:
    program = Program(make_loop)
    stream = program.streams[0]
    stream.read_stop()

    def interrupt(stream: Tcp, nread: int, data: Any) -> None:
        raise KeyboardInterrupt

    stream.read_start(None, interrupt)
    program.do(("arrive", 0, b"hello"))
    with pytest.raises(KeyboardInterrupt):
        program.do(("event", 0, IN))

    kinds = [event.kind for event in Decoder.here().events(0, 0, 0, program.feed)]
    assert kinds[-1] == "callback.end"
    program.world.end()


def kinds_of(words: list[Word]) -> list[str]:
    return [event.kind for event in Decoder.here().events(0, 0, 0, words)]


def test_who_looks_while_a_callback_runs_finds_its_read_and_its_write_not_yet_told() -> None:
    # given a stream whose reads are told together with the write within their callback
    program = Program(JoinedLoop)
    stream = program.streams[0]
    program.do(("arrive", 0, b"the first is told at once"))
    program.do(("event", 0, IN))
    seen: list[list[str]] = []

    def look(stream: Tcp, nread: int, data: Any) -> None:
        assert isinstance(program.loop, JoinedLoop)
        seen.append(kinds_of(program.loop.untold()))
        stream.write(data)
        seen.append(kinds_of(program.loop.untold()))

    stream.read_stop()
    stream.read_start(None, look)
    program.feed.clear()

    # when its callback looks, before and after it has written
    program.do(("arrive", 0, b"again"))
    program.do(("event", 0, IN))

    # then it finds what the feed does not have yet, and has in the end
    assert seen[0][-1] == "callback.begin"
    assert seen[1][-1] == "io.feed"
    told = kinds_of(program.feed)
    begin = told.index("epoll.event")
    assert told[begin : begin + len(seen[1]) + 2] == [*seen[1], "callback.end", "flag.set"]
    assert program.loop.untold() == []  # type: ignore[attr-defined]
    program.world.end()


@pytest.mark.parametrize("again", [False, True])
def test_who_stops_watching_within_a_callback_has_been_told_of_whole_records(again: bool) -> None:
    program = Program(JoinedLoop)
    stream = program.streams[0]
    later: list[Word] = []

    def stop_watching(stream: Tcp, nread: int, data: Any) -> None:
        stream.write(data)
        program.loop.unwatch()
        if again:
            program.loop.watch(later)

    program.do(("arrive", 0, b"hello"))
    program.do(("event", 0, IN))
    stream.read_stop()
    stream.read_start(None, stop_watching)
    for n in range(STREAMS):
        program.do(("arrive", n, b"hello"))
    program.world.turn(*((each.fd, IN) for each in program.streams))

    told = kinds_of(program.feed)
    assert told.count("callback.begin") == told.count("callback.end")
    assert told[-2:] == ["callback.end", "flag.set"]
    assert ("epoll.event" in kinds_of(later)) == again  # the other stream's, after it
    assert (program.loop.emit is not None) == again
    program.loop.unwatch()
    program.world.end()
