"""Shutting down and closing: who is told what, in which order, and that a stream may be closed anywhere."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest
from core_kernel import HUP, IN, OUT, Diary, World

from streamscope.core import Check, Idle, Pipe, Prepare, Tcp, Timer, UVError, Wakeup
from streamscope.core.flags import CLOSED, SHUT, SHUTTING, WRITABLE

ECANCELED = -errno.ECANCELED


def test_shutdown_waits_for_the_queue_and_then_for_nothing(world: World, tcp: Tcp, diary: Diary) -> None:
    d = world.kernel[tcp.fd]
    d.room = 0
    tcp.write(b"last", diary.write)
    request = tcp.shutdown(diary.shutdown)
    assert tcp.shutdown_req is request
    assert tcp.flags & (SHUTTING | SHUT | WRITABLE) == SHUTTING
    assert not tcp.is_writable()
    assert not tcp.pending
    d.room = 9
    world.turn((tcp.fd, OUT))
    assert diary.entries == [("write", 4, 0), ("shutdown", 0)]
    assert d.shut
    assert tcp.flags & (SHUTTING | SHUT) == SHUT
    assert tcp.shutdown_req is None


def test_shutdown_of_an_empty_queue_is_fed_not_polled_for(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.shutdown(diary.shutdown)
    assert (tcp.pending, tcp.pevents, diary.entries) == (True, 0, [])
    world.turn()
    assert diary.entries == [("shutdown", 0)]


def test_a_shutdown_that_the_kernel_refuses_is_told_and_the_stream_is_not_shut(
    world: World, tcp: Tcp, diary: Diary
) -> None:
    world.kernel[tcp.fd].shutdown_result = -errno.ENOTCONN
    tcp.shutdown(diary.shutdown)
    world.turn()
    assert diary.entries == [("shutdown", -errno.ENOTCONN)]
    assert tcp.flags & (SHUTTING | SHUT) == 0
    assert tcp.errors == 2  # the call and the request


def test_what_cannot_be_shut_down_is_enotconn(world: World, tcp: Tcp) -> None:
    closing, shut = Tcp(world.loop), Tcp(world.loop)
    closing.open(world.kernel.make())
    closing.close()
    shut.open(world.kernel.make())
    shut.shutdown()
    tcp.shutdown()
    world.turn()
    for stream in (Tcp(world.loop), closing, shut, tcp):
        with pytest.raises(UVError, match="ENOTCONN"):
            stream.shutdown()


def test_closing_cancels_connect_then_writes_then_shutdown(world: World, diary: Diary) -> None:
    stream = Tcp(world.loop)
    stream.connect(("127.0.0.1", 1), diary.connect)
    stream.write(b"one", diary.write)
    stream.write(b"three", diary.write)
    stream.shutdown(diary.shutdown)
    stream.close(diary.closed)
    assert diary.entries == []
    world.turn()
    assert diary.entries == [
        ("connect", ECANCELED),
        ("write", 3, ECANCELED),
        ("write", 5, ECANCELED),
        ("shutdown", ECANCELED),
        ("closed", "tcp"),
    ]
    assert (world.loop.active_reqs, stream.write_queue_size) == (0, 0)


def test_writes_that_had_completed_keep_their_status(world: World, tcp: Tcp, diary: Diary) -> None:
    world.kernel[tcp.fd].takes.extend([3, -errno.EAGAIN])
    tcp.write(b"one", diary.write)
    tcp.write(b"three", diary.write)
    tcp.close(diary.closed)
    assert tcp.write_queue_size == 5
    world.turn()
    assert diary.entries == [("write", 3, 0), ("write", 5, ECANCELED), ("closed", "tcp")]


def test_connect_req_is_still_there_inside_the_cancelled_callback(world: World) -> None:
    """uv__stream_destroy clears it after the callback, uv__stream_connect before."""
    seen: list[bool] = []
    stream = Tcp(world.loop)
    stream.connect(("127.0.0.1", 1), lambda request, status: seen.append(stream.connect_req is request))
    stream.close()
    world.turn()
    assert seen == [True]
    assert stream.connect_req is None


def test_a_stream_closed_by_its_write_callback_cancels_its_shutdown_in_the_same_phase(
    world: World, tcp: Tcp, diary: Diary
) -> None:
    def written(request: Any, status: int) -> None:
        diary.write(request, status)
        tcp.close(diary.closed)

    tcp.write(b"x", written)
    tcp.shutdown(diary.shutdown)
    checks = Check(world.loop)
    checks.start(lambda handle: diary.note("check"))
    world.turn()
    assert diary.entries == [("write", 1, 0), ("shutdown", ECANCELED), ("check",), ("closed", "tcp")]


def test_a_failed_close_is_counted_and_the_handle_closes_all_the_same(world: World, tcp: Tcp, diary: Diary) -> None:
    del world.kernel.descriptors[tcp.fd]
    tcp.close(diary.closed)
    world.turn()
    assert (diary.entries, tcp.errors) == ([("closed", "tcp")], 1)


@pytest.mark.parametrize("fd", [0, 1, 2])
def test_standard_descriptors_are_let_go_but_not_closed(world: World, fd: int) -> None:
    world.kernel.descriptors[fd] = world.kernel.descriptors[world.kernel.make()]
    stream = Tcp(world.loop)
    stream.open(fd)
    stream.close()
    assert stream.fd == -1
    assert fd in world.kernel.descriptors


CLOSERS: dict[str, Callable[[World, Tcp, Diary, Any], None]] = {}


def closer(function: Callable[[World, Tcp, Diary, Any], None]) -> Callable[[World, Tcp, Diary, Any], None]:
    CLOSERS[function.__name__] = function
    return function


@closer
def alloc_cb(world: World, tcp: Tcp, diary: Diary, close: Any) -> None:
    tcp.read_start(lambda stream, size: close() or bytearray(9), diary.read)
    world.poller.script.append([(tcp.fd, IN | OUT | HUP)])


@closer
def read_cb(world: World, tcp: Tcp, diary: Diary, close: Any) -> None:
    tcp.read_start(None, lambda *_: close())
    world.poller.script.append([(tcp.fd, IN | OUT | HUP)])


@closer
def read_cb_at_the_end(world: World, tcp: Tcp, diary: Diary, close: Any) -> None:
    tcp.read_start(None, lambda *_: close())
    world.kernel[tcp.fd].ended = True
    world.poller.script.append([(tcp.fd, IN | OUT | HUP)])


@closer
def read_cb_after_a_hang_up(world: World, tcp: Tcp, diary: Diary, close: Any) -> None:
    tcp.read_start(None, lambda stream, nread, buf: close() if nread < 0 else None)
    world.kernel[tcp.fd].inbox.append(b"x")
    world.poller.script.append([(tcp.fd, IN | OUT | HUP)])


@closer
def read_cb_after_an_error(world: World, tcp: Tcp, diary: Diary, close: Any) -> None:
    tcp.read_start(None, lambda *_: close())
    world.kernel[tcp.fd].inbox.append(-errno.ECONNRESET)
    world.poller.script.append([(tcp.fd, IN | OUT | HUP)])


@closer
def write_cb(world: World, tcp: Tcp, diary: Diary, close: Any) -> None:
    tcp.write(b"1", lambda request, status: close())
    tcp.write(b"2", diary.write)


@closer
def shutdown_cb(world: World, tcp: Tcp, diary: Diary, close: Any) -> None:
    tcp.shutdown(lambda request, status: close())


@closer
def timer_cb(world: World, tcp: Tcp, diary: Diary, close: Any) -> None:
    world.loop.update_time()
    Timer(world.loop).start(lambda t: close(), 0)


@closer
def idle_cb(world: World, tcp: Tcp, diary: Diary, close: Any) -> None:
    Idle(world.loop).start(lambda h: close())


@closer
def prepare_cb(world: World, tcp: Tcp, diary: Diary, close: Any) -> None:
    Prepare(world.loop).start(lambda h: close())
    world.poller.script.append([(tcp.fd, IN | OUT | HUP)])


@closer
def check_cb(world: World, tcp: Tcp, diary: Diary, close: Any) -> None:
    Check(world.loop).start(lambda h: close())


@closer
def close_cb(world: World, tcp: Tcp, diary: Diary, close: Any) -> None:
    Timer(world.loop).close(lambda h: close())


@closer
def async_cb(world: World, tcp: Tcp, diary: Diary, close: Any) -> None:
    wakeup = Wakeup(world.loop, lambda w: close())
    wakeup.send()
    world.poller.script.append([(world.loop.async_watcher.fd, IN)])


@pytest.mark.parametrize("where", CLOSERS)
def test_a_stream_may_be_closed_inside_every_callback(world: World, tcp: Tcp, diary: Diary, where: str) -> None:
    """Closed there while it reads and has writes and a shutdown under way, it tells each of them once and then is
    closed; descriptors and counters are given back.
    """

    def close() -> None:
        if not tcp.is_closing():
            tcp.close(diary.closed)

    if where not in ("write_cb", "shutdown_cb"):
        world.kernel[tcp.fd].room = 0
        tcp.write(b"pending", diary.write)
        tcp.shutdown(diary.shutdown)
    CLOSERS[where](world, tcp, diary, close)
    world.turn()
    world.turn()
    assert tcp.flags & CLOSED
    assert diary.entries[-1] == ("closed", "tcp")
    assert len(diary.of("closed")) == 1
    if where not in ("write_cb", "shutdown_cb"):
        assert diary.of("write", "shutdown") == [("write", 7, ECANCELED), ("shutdown", ECANCELED)]
    assert world.loop.active_reqs == 0
    assert not any(w is tcp for w in world.loop.watchers)
    assert list(world.loop.watcher_queue) == []


@pytest.mark.parametrize("where", ["connect_cb", "connection_cb"])
def test_a_stream_may_be_closed_inside_the_callbacks_of_connections(world: World, diary: Diary, where: str) -> None:
    stream = Tcp(world.loop)
    if where == "connect_cb":
        stream.connect(("127.0.0.1", 1), lambda request, status: stream.close(diary.closed))
        world.turn((stream.fd, IN | OUT | HUP))
    else:
        stream.listen(1, lambda server, status: server.close(diary.closed))
        world.kernel[stream.fd].backlog.append(world.kernel.make())
        world.turn((stream.fd, IN))
    assert diary.entries == [("closed", "tcp")]
    assert (world.loop.active_handles, world.loop.active_reqs) == (0, 0)


def test_closing_a_pending_stream_takes_it_out_of_the_queue(world: World, diary: Diary) -> None:
    streams = [Pipe(world.loop) for _ in range(3)]
    for stream in streams:
        stream.open(world.kernel.make("unix"))

    def close_the_last(request: Any, status: int) -> None:
        diary.shutdown(request, status)
        streams[2].close(diary.closed)

    streams[0].shutdown(close_the_last)
    streams[1].shutdown(diary.shutdown)
    streams[2].shutdown(diary.shutdown)
    world.turn()
    assert diary.entries == [("shutdown", 0), ("shutdown", 0), ("shutdown", ECANCELED), ("closed", "pipe")]
