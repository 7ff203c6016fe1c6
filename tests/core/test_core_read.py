"""Reading: rounds, buffers, EAGAIN, errors and the end, on a kernel that does as it is told."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from core_kernel import HUP, IN, OUT, Diary, World

from streamscope.core import EOF, Tcp, UVError
from streamscope.core.flags import (
    ACTIVE,
    READ_EOF,
    READ_PARTIAL,
    READABLE,
    READING,
    WRITABLE,
)  # fmt: skip

FULL = 64 * 1024


def alloc(size: int) -> Any:
    return lambda stream, suggested: bytearray(size)


def test_read_start_refuses_in_libuvs_order(world: World, tcp: Tcp, diary: Diary) -> None:
    fresh = Tcp(world.loop)
    with pytest.raises(UVError, match="EINVAL"):
        tcp.read_start(None, None)  # type: ignore[arg-type]
    with pytest.raises(UVError, match="ENOTCONN"):
        fresh.read_start(None, diary.read)
    tcp.read_start(None, diary.read)
    with pytest.raises(UVError, match="EALREADY"):
        tcp.read_start(None, diary.read)
    tcp.close()
    with pytest.raises(UVError, match="EINVAL"):
        tcp.read_start(None, diary.read)


def test_read_start_clears_the_end_that_was_reached_before(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.kernel[tcp.fd].ended = True
    world.turn((tcp.fd, IN))
    assert tcp.flags & READ_EOF
    tcp.read_start(None, diary.read)
    assert not tcp.flags & READ_EOF
    assert tcp.flags & READING


def test_a_short_read_ends_the_rounds_and_sets_read_partial(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.kernel[tcp.fd].inbox.extend([b"abc", b"def"])
    world.turn((tcp.fd, IN))
    assert diary.entries == [("read", 3, b"abc")]
    assert tcp.flags & READ_PARTIAL
    world.turn((tcp.fd, IN))
    assert diary.entries[1:] == [("read", 3, b"def")]


def test_a_full_read_reads_again_without_read_partial(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(alloc(4), diary.read)
    world.kernel[tcp.fd].inbox.extend([b"aaaa", b"bbbb"])
    world.turn((tcp.fd, IN))
    assert diary.entries == [("read", 4, b"aaaa"), ("read", 4, b"bbbb"), ("read", 0, None)]
    assert not tcp.flags & READ_PARTIAL


def test_read_partial_is_set_after_the_callback_and_cleared_before_the_next_read(world: World, tcp: Tcp) -> None:
    seen: list[bool] = []
    tcp.read_start(None, lambda stream, nread, buf: seen.append(bool(stream.flags & READ_PARTIAL)))
    for _ in range(2):
        world.kernel[tcp.fd].inbox.append(b"x")
        world.turn((tcp.fd, IN))
    assert seen == [False, False]
    assert tcp.flags & READ_PARTIAL


def test_one_event_reads_at_most_32_times(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(alloc(1), diary.read)
    world.kernel[tcp.fd].inbox.extend([b"x"] * 40)
    world.turn((tcp.fd, IN))
    assert len(diary.entries) == 32
    world.turn((tcp.fd, IN))
    assert len(diary.entries) == 41  # the other 8, and the EAGAIN after them
    assert diary.entries[-1] == ("read", 0, None)


def test_eagain_tells_zero_and_goes_on_reading(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.turn((tcp.fd, IN))
    assert diary.entries == [("read", 0, None)]
    assert tcp.flags & READING
    assert tcp.pevents == IN
    assert tcp.errors == 0


def test_eintr_reads_again_without_telling(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.kernel[tcp.fd].inbox.append(b"late")
    world.kernel.interruptions = 3
    world.turn((tcp.fd, IN))
    assert diary.entries == [("read", 4, b"late")]
    assert len(world.kernel.called("read")) == 4


def test_alloc_cb_is_asked_for_64_kib_and_its_buffer_comes_to_read_cb(world: World, tcp: Tcp) -> None:
    asked: list[int] = []
    got: list[Any] = []
    buffer = bytearray(10)

    def give(stream: Any, size: int) -> bytearray:
        asked.append(size)
        return buffer

    tcp.read_start(give, lambda stream, nread, buf: got.append((nread, buf)))
    world.kernel[tcp.fd].inbox.append(b"hello")
    world.turn((tcp.fd, IN))
    assert asked == [FULL]
    assert got == [(5, buffer)]
    assert got[0][1] is buffer
    assert buffer == b"hello\0\0\0\0\0"


@pytest.mark.parametrize("nothing", [None, bytearray(), memoryview(b"")])
def test_an_alloc_cb_that_gives_no_room_leads_to_enobufs_and_reading_goes_on(
    world: World, tcp: Tcp, diary: Diary, nothing: Any
) -> None:
    world.loop.excepthook = lambda handle, callback, error: None  # an empty read-only view is an error as well
    tcp.read_start(lambda stream, size: nothing, diary.read)
    world.kernel[tcp.fd].inbox.append(b"x")
    world.turn((tcp.fd, IN))
    assert diary.entries == [("read", -errno.ENOBUFS, None)]
    assert tcp.flags & READING
    assert not world.kernel.called("read")


def test_an_alloc_cb_that_raises_gives_no_room(world: World, tcp: Tcp, diary: Diary) -> None:
    told: list[Any] = []
    world.loop.excepthook = lambda handle, callback, error: told.append((handle, callback, repr(error)))
    tcp.read_start(lambda stream, size: 1 // 0, diary.read)  # type: ignore[arg-type,return-value]
    world.turn((tcp.fd, IN))
    assert told == [(tcp, "alloc_cb", "ZeroDivisionError('integer division or modulo by zero')")]
    assert diary.entries == [("read", -errno.ENOBUFS, None)]


@pytest.mark.parametrize("wrong", [b"bytes are read-only", "text", 7, memoryview(bytearray(8))[::2]])
def test_an_alloc_cb_that_gives_what_cannot_be_read_into_is_an_error_of_the_callback(
    world: World, tcp: Tcp, diary: Diary, wrong: Any
) -> None:
    told: list[str] = []
    world.loop.excepthook = lambda handle, callback, error: told.append(f"{callback}: {type(error).__name__}")
    tcp.read_start(lambda stream, size: wrong, diary.read)
    world.turn((tcp.fd, IN))
    assert told == ["alloc_cb: TypeError"]
    assert diary.entries == [("read", -errno.ENOBUFS, None)]


def test_a_buffer_of_wide_elements_counts_in_bytes(world: World, tcp: Tcp, diary: Diary) -> None:
    wide = memoryview(bytearray(16)).cast("i")
    tcp.read_start(lambda stream, size: wide, diary.read)
    world.kernel[tcp.fd].inbox.append(b"12345678")
    world.turn((tcp.fd, IN))
    assert diary.entries == [("read", 8, b"12345678")]
    assert tcp.flags & READ_PARTIAL  # 8 of 16 bytes, although there are only 4 elements


@pytest.mark.parametrize("how", ["close", "read_stop"])
def test_an_alloc_cb_may_close_or_stop_the_stream(world: World, tcp: Tcp, diary: Diary, how: str) -> None:
    def give(stream: Any, size: int) -> bytearray:
        getattr(stream, how)()
        return bytearray(10)

    tcp.read_start(give, diary.read)
    world.kernel[tcp.fd].inbox.append(b"x")
    world.turn((tcp.fd, IN))
    assert diary.entries == []
    assert not world.kernel.called("read")


def test_read_stop_inside_read_cb_ends_the_rounds(world: World, tcp: Tcp, diary: Diary) -> None:
    def read(stream: Any, nread: int, buf: Any) -> None:
        diary.read(stream, nread, buf)
        stream.read_stop()

    tcp.read_start(alloc(1), read)
    world.kernel[tcp.fd].inbox.extend([b"a", b"b"])
    world.turn((tcp.fd, IN))
    assert diary.entries == [("read", 1, b"a")]
    assert (tcp.flags & (READING | ACTIVE), tcp.pevents, tcp.read_cb, tcp.alloc_cb) == (0, 0, None, None)


def test_a_restart_inside_read_cb_is_used_by_the_next_round(world: World, tcp: Tcp, diary: Diary) -> None:
    def first(stream: Any, nread: int, buf: Any) -> None:
        diary.note("first", nread)
        stream.read_stop()
        stream.read_start(alloc(1), lambda *_: diary.note("second"))

    tcp.read_start(alloc(1), first)
    world.kernel[tcp.fd].inbox.extend([b"a", b"b"])
    world.turn((tcp.fd, IN))
    assert diary.entries == [("first", 1), ("second",), ("second",)]  # b, and the EAGAIN after it


def test_closing_inside_read_cb_ends_everything(world: World, tcp: Tcp, diary: Diary) -> None:
    def read(stream: Any, nread: int, buf: Any) -> None:
        diary.read(stream, nread, buf)
        stream.close(diary.closed)

    tcp.read_start(alloc(1), read)
    fd = tcp.fd
    world.kernel[fd].inbox.extend([b"a", b"b"])
    world.turn((fd, IN | OUT | HUP))
    assert diary.entries == [("read", 1, b"a"), ("closed", "tcp")]
    assert len(world.kernel.called("read")) == 1


def test_an_error_clears_readable_and_writable_before_it_is_told(world: World, tcp: Tcp) -> None:
    seen: list[tuple[int, int, int]] = []

    def read(stream: Any, nread: int, buf: Any) -> None:
        seen.append((nread, stream.flags & (READABLE | WRITABLE), stream.flags & READING))

    tcp.read_start(None, read)
    world.kernel[tcp.fd].inbox.append(-errno.ECONNRESET)
    world.turn((tcp.fd, IN))
    assert seen == [(-errno.ECONNRESET, 0, READING)]


def test_after_an_error_reading_stops_but_the_callbacks_stay(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.kernel[tcp.fd].inbox.append(-errno.ECONNRESET)
    world.turn((tcp.fd, IN))
    assert tcp.flags & (READING | ACTIVE) == 0
    assert tcp.pevents == 0
    assert tcp.read_cb == diary.read
    assert tcp.errors == 1
    assert world.loop.active_handles == 0


def test_the_end_is_told_once_and_leaves_readable_and_writable(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.kernel[tcp.fd].ended = True
    world.turn((tcp.fd, IN))
    assert diary.entries == [("read", EOF, None)]
    assert tcp.flags & (READING | ACTIVE) == 0
    assert tcp.flags & (READ_EOF | READABLE | WRITABLE) == READ_EOF | READABLE | WRITABLE
    assert tcp.read_cb == diary.read


def test_reading_that_begins_again_inside_the_end_goes_on(world: World, tcp: Tcp, diary: Diary) -> None:
    def read(stream: Any, nread: int, buf: Any) -> None:
        diary.read(stream, nread, buf)
        if nread == EOF and len(diary.entries) < 3:
            stream.read_start(None, read)

    tcp.read_start(None, read)
    world.kernel[tcp.fd].ended = True
    for _ in range(3):
        world.turn()
    assert diary.entries == [("read", EOF, None)] * 3
    assert not tcp.flags & READING


def test_a_hang_up_after_a_short_read_is_the_end(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.kernel[tcp.fd].inbox.append(b"last")
    world.turn((tcp.fd, IN | HUP))
    assert diary.entries == [("read", 4, b"last"), ("read", EOF, None)]
    assert len(world.kernel.called("read")) == 1


def test_a_hang_up_after_a_full_read_waits_for_what_may_still_come(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(alloc(1), diary.read)
    world.kernel[tcp.fd].inbox.extend([b"x"] * 33)
    world.turn((tcp.fd, IN | HUP))
    assert diary.entries == [("read", 1, b"x")] * 32
    assert not tcp.flags & READ_EOF


def test_a_hang_up_after_the_end_tells_no_second_end(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.kernel[tcp.fd].ended = True
    world.turn((tcp.fd, IN | HUP))
    assert diary.entries == [("read", EOF, None)]


def test_read_stop_stops_the_handle_whatever_else_it_does(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_stop()  # nothing happens
    tcp.read_start(None, diary.read)
    world.kernel[tcp.fd].room = 0
    tcp.write(b"waits", diary.write)
    tcp.read_stop()
    assert tcp.flags & ACTIVE == 0
    assert tcp.pevents == OUT
    assert world.loop.alive()  # by its request


def test_bytes_reads_and_their_time_are_counted(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.kernel[tcp.fd].inbox.extend([b"abc"])
    world.kernel.now += 5_000_000
    world.turn((tcp.fd, IN))
    world.turn((tcp.fd, IN))  # EAGAIN
    assert (tcp.bytes_in, tcp.reads, tcp.errors) == (3, 1, 0)
    assert tcp.last_read_t == 5_000_001


def test_a_tap_is_shown_every_read_before_the_callback(world: World, tcp: Tcp) -> None:
    seen: list[Any] = []
    tcp.tap = lambda out, data: seen.append((out, bytes(data)))
    tcp.read_start(alloc(4), lambda stream, nread, buf: seen.append(nread))
    world.kernel[tcp.fd].inbox.extend([b"abcd", b"ef"])
    world.turn((tcp.fd, IN))
    assert seen == [(False, b"abcd"), 4, (False, b"ef"), 2]
