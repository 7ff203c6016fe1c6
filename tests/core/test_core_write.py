"""Writing: the queue, partial writes in every shape, EAGAIN and its relatives, errors, callbacks, and the counters."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from core_kernel import EVERYTHING, IN, OUT, Diary, World

from streamscope.core import Pipe, Tcp, Timer, UVError
from streamscope.core.flags import BLOCKING_WRITES, CLOSED, POLLOUT, WRITABLE

EAGAIN, ENOBUFS, EPIPE, EBADF, ECANCELED = (
    -errno.EAGAIN, -errno.ENOBUFS, -errno.EPIPE, -errno.EBADF, -errno.ECANCELED,
)  # fmt: skip


def sizes(world: World) -> list[tuple[Any, ...]]:
    """The writing calls so far: name, bytes offered, buffers offered."""
    return [(name, n, bufs) for name, _, n, bufs in world.kernel.called("write", "writev", "sendmsg")]


def test_a_write_that_the_kernel_takes_whole_is_done_at_once_and_told_later(
    world: World, tcp: Tcp, diary: Diary
) -> None:
    request = tcp.write(b"hello", diary.write)
    assert world.kernel[tcp.fd].out == b"hello"
    assert diary.entries == []
    assert (tcp.write_queue_size, list(tcp.write_queue), list(tcp.write_completed_queue)) == (0, [], [request])
    assert (request.bufs, request.left, request.write_index, request.status) == (None, 0, 1, 0)
    assert tcp.pevents == 0
    world.turn()
    assert diary.entries == [("write", 5, 0)]
    assert world.loop.active_reqs == 0


def test_one_buffer_goes_through_write_and_several_through_writev(world: World, tcp: Tcp) -> None:
    tcp.write(b"one")
    tcp.write([b"a", bytearray(b"bc"), memoryview(b"def")])
    tcp.write([b"single"])
    assert sizes(world) == [("write", 3, 1), ("writev", 6, 3), ("write", 6, 1)]
    assert world.kernel[tcp.fd].out == b"oneabcdefsingle"


@pytest.mark.parametrize("taken", range(1, 10))
def test_a_partial_write_goes_on_where_it_stopped(world: World, tcp: Tcp, diary: Diary, taken: int) -> None:
    d = world.kernel[tcp.fd]
    d.takes.append(taken)
    request = tcp.write([b"abc", b"", b"defg", b"hij"], diary.write)
    assert tcp.write_queue_size == request.left == 10 - taken
    assert tcp.pevents == POLLOUT
    assert request.bufs is not None
    assert b"".join(bytes(b) for b in request.bufs[request.write_index :]) == b"abcdefghij"[taken:]
    while diary.entries == []:
        world.turn((tcp.fd, OUT))
    assert d.out == b"abcdefghij"
    assert tcp.write_queue_size == 0
    assert tcp.pevents == 0


def test_empty_buffers_at_the_end_take_a_write_each(world: World, tcp: Tcp, diary: Diary) -> None:
    request = tcp.write([b"abc", b"", b""], diary.write)
    progress = [request.write_index]
    while diary.entries == []:
        world.turn((tcp.fd, OUT))
        progress.append(request.write_index)
    assert sizes(world) == [("writev", 3, 3), ("writev", 0, 2), ("write", 0, 1)]
    assert progress == [1, 2, 3]


def test_a_write_of_nothing_but_an_empty_buffer_is_one_call(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.write(b"", diary.write)
    assert sizes(world) == [("write", 0, 1)]
    assert tcp.write_queue_size == 0
    world.turn()
    assert diary.entries == [("write", 0, 0)]


def test_more_than_iov_max_buffers_go_in_portions(world: World, tcp: Tcp, diary: Diary) -> None:
    request = tcp.write([b"x"] * 2500, diary.write)
    assert (request.write_index, tcp.write_queue_size) == (1024, 1476)
    while diary.entries == []:
        world.turn((tcp.fd, OUT))
    assert sizes(world) == [("writev", 1024, 1024), ("writev", 1024, 1024), ("writev", 452, 452)]
    assert world.kernel[tcp.fd].out == b"x" * 2500


@pytest.mark.parametrize("status", [EAGAIN, ENOBUFS])
def test_eagain_and_enobufs_wait_for_pollout(world: World, tcp: Tcp, diary: Diary, status: int) -> None:
    world.kernel[tcp.fd].takes.append(status)
    tcp.write(b"data", diary.write)
    assert (tcp.pevents, tcp.write_queue_size, diary.entries) == (POLLOUT, 4, [])
    world.turn((tcp.fd, OUT))
    assert diary.entries == [("write", 4, 0)]
    assert tcp.pevents == 0


def test_eintr_writes_again_at_once(world: World, tcp: Tcp) -> None:
    world.kernel.interruptions = 2
    tcp.write(b"data")
    assert sizes(world) == [("write", 4, 1)] * 3
    assert world.kernel[tcp.fd].out == b"data"


@pytest.mark.parametrize("status", [EAGAIN, ENOBUFS])
def test_blocking_writes_try_again_at_once(world: World, tcp: Tcp, status: int) -> None:
    tcp.flags |= BLOCKING_WRITES
    world.kernel[tcp.fd].takes.extend([status, 1, status, 2])
    tcp.write([b"ab", b"cd"])
    assert world.kernel[tcp.fd].out == b"abcd"
    assert tcp.pevents == 0
    assert len(sizes(world)) == 5


def test_a_second_write_queues_behind_the_first_without_a_call(world: World, tcp: Tcp, diary: Diary) -> None:
    d = world.kernel[tcp.fd]
    d.room = 0
    told: list[Any] = []

    def written(request: Any, status: int) -> None:
        told.append((request.total, bytes(d.out), list(tcp.write_queue)))

    first, second = tcp.write(b"first", written), tcp.write(b"second", written)
    assert len(sizes(world)) == 1
    assert list(tcp.write_queue) == [first, second]
    assert len(tcp.write_queue) == 2
    assert tcp.write_queue_size == 11
    d.room = EVERYTHING
    world.turn((tcp.fd, OUT))
    # One request is finished for each event; the pending queue brings the next. (libuv 1.45 and newer go on at once.)
    assert told == [(5, b"first", [second]), (6, b"firstsecond", [])]


def test_whether_to_write_at_once_depends_on_write_queue_size_not_on_the_queue(
    world: World, tcp: Tcp, diary: Diary
) -> None:
    """A failed request counts until its callback: a write after it waits for POLLOUT."""
    world.kernel[tcp.fd].takes.append(EPIPE)
    tcp.write(b"fails", diary.write)
    assert (tcp.write_queue_size, list(tcp.write_queue)) == (5, [])
    tcp.write(b"waits", diary.write)
    assert len(sizes(world)) == 1
    assert tcp.pevents == POLLOUT
    world.turn()  # pending runs as if POLLOUT had come: it writes, then calls back for both
    assert diary.entries == [("write", 5, EPIPE), ("write", 5, 0)]
    assert tcp.write_queue_size == 0


def test_an_error_finishes_the_request_and_keeps_its_bytes_counted_until_the_callback(world: World, tcp: Tcp) -> None:
    seen: list[Any] = []
    d = world.kernel[tcp.fd]
    d.takes.extend([2, EPIPE])
    request = tcp.write([b"ab", b"cdef"], lambda r, status: seen.append((status, r.handle.write_queue_size, r.bufs)))
    world.poller.script.append([(tcp.fd, OUT)])
    before: list[Any] = []
    timer = Timer(world.loop)
    timer.start(lambda t: before.append((tcp.write_queue_size, request.error, request.bufs is None)), 0)
    world.loop.run(2)
    assert before == [(4, 0, False)]
    assert seen == [(EPIPE, 0, None)]
    assert tcp.pevents == 0
    assert (tcp.writes, tcp.errors) == (0, 2)  # the call, and the request


def test_write_callbacks_run_in_order_and_never_inside_write(world: World, tcp: Tcp, diary: Diary) -> None:
    inside = False

    def chained(request: Any, status: int) -> None:
        assert not inside
        diary.write(request, status)

    for n in (1, 2, 3):
        inside = True
        tcp.write(b"x" * n, chained)
        inside = False
    world.turn()
    assert diary.entries == [("write", 1, 0), ("write", 2, 0), ("write", 3, 0)]


def test_a_write_inside_a_write_callback_is_told_by_a_later_run_of_pending(
    world: World, tcp: Tcp, diary: Diary
) -> None:
    turns: list[int] = []

    def again(request: Any, status: int) -> None:
        turns.append(world.loop.turn)
        if len(turns) < 12:
            tcp.write(b"x", again)

    tcp.write(b"x", again)
    world.turn()
    assert turns == [1] * 9  # one run before poll, eight after it
    world.turn()
    assert turns == [1] * 9 + [2] * 3


@pytest.mark.parametrize(
    ("make_ready", "name"),
    [
        (lambda world, tcp: tcp.shutdown(), "EPIPE"),
        (lambda world, tcp: tcp.close(), "EBADF"),
    ],
    ids=["not writable", "no descriptor"],
)
def test_writing_to_what_cannot_be_written_to_fails_at_once(world: World, tcp: Tcp, make_ready: Any, name: str) -> None:
    make_ready(world, tcp)
    with pytest.raises(UVError, match=name):
        tcp.write(b"x")
    assert world.loop.active_reqs == (1 if name == "EPIPE" else 0)


def test_writing_no_buffers_is_invalid_and_text_is_a_type_error(world: World, tcp: Tcp) -> None:
    with pytest.raises(UVError, match="EINVAL"):
        tcp.write([])
    for wrong in ("text", 5, [b"good", "bad"], None):
        with pytest.raises(TypeError):
            tcp.write(wrong)  # type: ignore[arg-type]
    assert (world.loop.active_reqs, tcp.write_queue_size) == (0, 0)


def test_a_queued_bytearray_cannot_change_its_length(world: World, tcp: Tcp) -> None:
    world.kernel[tcp.fd].room = 0
    data = bytearray(b"queued")
    tcp.write(data)
    with pytest.raises(BufferError):
        data.extend(b"more")
    world.kernel[tcp.fd].room = EVERYTHING
    world.turn((tcp.fd, OUT))
    assert world.kernel[tcp.fd].out == b"queued"
    data.extend(b"more")


def test_views_of_wide_elements_count_in_bytes(world: World, tcp: Tcp) -> None:
    world.kernel[tcp.fd].takes.append(3)
    request = tcp.write(memoryview(bytearray(b"12345678")).cast("i"))
    assert (request.total, request.left) == (8, 5)


def test_a_sequence_of_buffers_may_change_after_the_call(world: World, tcp: Tcp) -> None:
    world.kernel[tcp.fd].room = 0
    pieces = [b"a", b"b"]
    request = tcp.write(pieces)
    pieces.clear()
    assert request.nbufs == 2
    world.kernel[tcp.fd].room = EVERYTHING
    world.turn((tcp.fd, OUT))
    assert world.kernel[tcp.fd].out == b"ab"


def test_try_write_takes_what_the_kernel_takes_and_never_queues(world: World, tcp: Tcp) -> None:
    d = world.kernel[tcp.fd]
    d.takes.extend([3, EAGAIN, ENOBUFS, EPIPE])
    assert tcp.try_write([b"ab", b"cdef"]) == 3
    for name in ("EAGAIN", "EAGAIN", "EPIPE"):
        with pytest.raises(UVError, match=name):
            tcp.try_write(b"x")
    assert tcp.try_write(b"") == 0
    assert (tcp.write_queue_size, tcp.pevents, world.loop.active_reqs) == (0, 0, 0)
    assert tcp.bytes_out == 3


def test_try_write_says_eagain_before_anything_else(world: World, tcp: Tcp) -> None:
    world.kernel[tcp.fd].room = 0
    tcp.write(b"queued")
    tcp.flags &= ~WRITABLE
    with pytest.raises(UVError, match="EAGAIN"):
        tcp.try_write(b"x")
    connecting = Tcp(world.loop)
    connecting.connect(("127.0.0.1", 5))
    with pytest.raises(UVError, match="EAGAIN"):
        connecting.try_write(b"x")
    with pytest.raises(UVError, match="EBADF"):
        Tcp(world.loop).try_write(b"x")


def test_a_write_while_connecting_waits_for_the_connection(world: World, diary: Diary) -> None:
    stream = Tcp(world.loop)
    stream.connect(("127.0.0.1", 5), diary.connect)
    stream.write(b"early", diary.write)
    assert sizes(world) == []
    assert stream.write_queue_size == 5
    world.turn((stream.fd, OUT))
    assert diary.entries == [("connect", 0)]
    assert stream.pevents == POLLOUT  # left on, because something is queued
    world.turn((stream.fd, OUT))
    assert diary.entries == [("connect", 0), ("write", 5, 0)]


def test_what_a_descriptor_closed_behind_the_engines_back_gives_comes_to_the_callback(
    world: World, tcp: Tcp, diary: Diary
) -> None:
    del world.kernel.descriptors[tcp.fd]
    tcp.write(b"x", diary.write)
    world.turn()
    assert diary.entries == [("write", 1, EBADF)]


def test_counters_taps_and_the_high_water_mark(world: World, tcp: Tcp) -> None:
    d = world.kernel[tcp.fd]
    shown: list[Any] = []
    tcp.tap = lambda out, data: shown.append((out, bytes(data)))
    tcp.high_water = 4
    d.takes.extend([5, EAGAIN])
    world.kernel.now += 7_000_000
    world.turn()  # a turn reads the clock
    assert world.loop.turn == 0  # but nothing kept this loop alive
    world.loop.update_time()
    tcp.write([b"abc", b"defghij"])
    assert shown == [(True, b"abc"), (True, b"de")]
    assert (tcp.bytes_out, tcp.writes) == (5, 0)
    assert (tcp.last_write_t, tcp.armed_t, tcp.above_t) == (1, 1, 1)  # no reading of the clock was told since
    d.takes.clear()
    world.turn((tcp.fd, OUT))
    assert shown[2:] == [(True, b"fghij")]
    assert (tcp.bytes_out, tcp.writes, tcp.errors) == (10, 1, 0)
    assert (tcp.armed_t, tcp.above_t) == (0, 0)
    assert tcp.last_write_t == 7_000_001


def test_above_t_follows_the_mark_when_it_is_moved(world: World, tcp: Tcp) -> None:
    world.kernel[tcp.fd].room = 0
    assert tcp.high_water == 64 * 1024
    tcp.write(b"x" * 100)
    assert tcp.above_t == 0
    tcp.high_water = 99
    assert tcp.above_t == world.loop.tick
    tcp.high_water = 100
    assert tcp.above_t == 0


def test_a_failed_write_gives_its_bytes_back_below_the_mark(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.high_water = 10
    world.kernel[tcp.fd].takes.append(EPIPE)
    tcp.write(b"x" * 11, diary.write)
    assert tcp.above_t != 0
    world.turn()
    assert tcp.above_t == 0


# write2


def test_a_handle_is_sent_once_even_if_the_write_is_partial(world: World, ipc: Pipe, tcp: Tcp, diary: Diary) -> None:
    d = world.kernel[ipc.fd]
    d.takes.extend([2])
    request = ipc.write2(b"abc", tcp, diary.write)
    assert request.send_handle is None
    world.turn((ipc.fd, OUT))
    assert sizes(world) == [("sendmsg", 3, 1), ("write", 1, 1)]
    assert d.sent == [tcp.fd]
    assert diary.entries == [("write", 3, 0)]


def test_a_handle_waits_with_its_request_for_pollout(world: World, ipc: Pipe, tcp: Tcp, diary: Diary) -> None:
    d = world.kernel[ipc.fd]
    d.takes.extend([EAGAIN, ENOBUFS])
    request = ipc.write2(b"abc", tcp, diary.write)
    assert request.send_handle is tcp
    world.turn((ipc.fd, OUT))
    assert request.send_handle is tcp
    world.kernel.interruptions = 1
    world.turn((ipc.fd, OUT))
    assert d.sent == [tcp.fd]
    assert (ipc.bytes_out, ipc.errors) == (3, 1)  # ENOBUFS is a failure of the call, if a passing one


def test_sending_fails_for_a_handle_that_was_closed_meanwhile(world: World, ipc: Pipe, tcp: Tcp, diary: Diary) -> None:
    world.kernel[ipc.fd].room = 0
    ipc.write(b"first", diary.write)
    ipc.write2(b"second", tcp, diary.write)
    tcp.close()
    world.kernel[ipc.fd].room = EVERYTHING
    world.turn((ipc.fd, OUT))
    assert tcp.flags & CLOSED
    world.turn((ipc.fd, OUT))
    assert diary.entries == [("write", 5, 0), ("write", 6, EBADF)]
    assert ipc.write_queue_size == 0


def test_what_cannot_be_sent_is_refused_at_once(world: World, ipc: Pipe, tcp: Tcp) -> None:
    plain = Pipe(world.loop)
    plain.open(world.kernel.make("unix"))
    for stream, handle, name in [
        (plain, tcp, "EINVAL"),
        (tcp, ipc, "EINVAL"),
        (ipc, Tcp(world.loop), "EBADF"),
        (ipc, Timer(world.loop), "EBADF"),
    ]:
        with pytest.raises(UVError, match=name):
            stream.write2(b"x", handle)
    assert world.loop.active_reqs == 0


def test_sendmsg_takes_at_most_iov_max_buffers_and_is_tapped(world: World, ipc: Pipe, tcp: Tcp) -> None:
    shown: list[bytes] = []
    ipc.tap = lambda out, data: shown.append(bytes(data))
    ipc.write2([b"x"] * 1025, tcp)
    assert sizes(world) == [("sendmsg", 1024, 1024)]
    assert b"".join(shown) == b"x" * 1024


def test_pollin_alone_does_not_write(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.kernel[tcp.fd].room = 0
    tcp.write(b"x")
    world.turn((tcp.fd, IN))
    assert len(sizes(world)) == 1
