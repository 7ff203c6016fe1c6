"""What somebody who watches has happen to a stream: it comes out so, is told as injected, and is gone when it is
undone. The others know nothing of it.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from core_feed import lines
from core_kernel import OUT, Diary, World

from streamscope.core import JoinedLoop, Loop, Tcp, Timer
from streamscope.core.faults import Faults
from streamscope.core.flags import CLOSING, READING, SHUT
from streamscope.core.injecting import FaultError, act, undo
from streamscope.core.joined import stream_io
from streamscope.core.pokes import POKES
from streamscope.core.records import Word
from streamscope.link.engine import handle_state
from streamscope.link.states import HANDLE

FAULTS = list(HANDLE).index("faults")


@pytest.fixture(params=[Loop, JoinedLoop])
def world(request: pytest.FixtureRequest, make_world: Callable[..., World]) -> World:
    """Both loops: the one that is the text, and the one that has an everyday path to leave."""
    return make_world(make_loop=request.param)


@pytest.fixture
def echo(world: World, diary: Diary) -> Tcp:
    """A connection that is read, and answered with what came."""
    stream = Tcp(world.loop)
    stream.open(world.kernel.make("tcp"))

    def on_read(stream: Any, nread: int, data: Any) -> None:
        diary.read(stream, nread, data)
        if nread > 0:
            stream.write(data, diary.write)

    stream.read_start(None, on_read)
    world.turn()
    world.forget_calls()
    return stream


def _injected(feed: list[Word]) -> list[str]:
    return [line.partition(": ")[2] for line in lines(feed) if " injected: " in line]


def _comes(world: World, stream: Tcp, data: bytes) -> None:
    world.kernel[stream.fd].inbox.append(data)
    world.turn()
    world.turn()


def test_what_is_stopped_reads_no_more_until_it_is_started_with_the_callbacks_it_had(
    world: World, echo: Tcp, diary: Diary
) -> None:
    act(world.loop, echo.number, "read-stop")
    _comes(world, echo, b"one")
    assert diary.entries == []
    assert not echo.flags & READING

    act(world.loop, echo.number, "read-start")
    world.turn()
    assert diary.entries[0] == ("read", 3, b"one")


def test_a_program_that_starts_reading_itself_has_ended_the_fault(world: World, echo: Tcp, diary: Diary) -> None:
    act(world.loop, echo.number, "read-stop")
    echo.read_start(None, diary.read)
    _comes(world, echo, b"one")
    assert diary.entries == [("read", 3, b"one")]
    assert handle_state(echo, ())[FAULTS] == ""


def test_eagain_and_econnreset_come_out_of_the_next_call_alone(world: World, echo: Tcp, diary: Diary) -> None:
    act(world.loop, echo.number, "eagain")
    _comes(world, echo, b"one")
    assert diary.entries[:2] == [("read", 0, None), ("read", 3, b"one")]

    act(world.loop, echo.number, "econnreset")
    _comes(world, echo, b"two")
    assert diary.entries[-1] == ("read", -errno.ECONNRESET, None)
    assert echo.last_error == -errno.ECONNRESET


def test_a_partial_write_leaves_the_rest_to_the_next_one(world: World, echo: Tcp, diary: Diary) -> None:
    act(world.loop, echo.number, "partial", 2)
    request = echo.write([b"he", b"llo"], diary.write)
    assert (request.left, bytes(world.kernel[echo.fd].out)) == (3, b"he")
    world.turn()
    world.turn()
    assert bytes(world.kernel[echo.fd].out) == b"hello"
    assert diary.entries == [("write", 5, 0)]


def test_a_cap_lets_so_many_bytes_through_in_a_turn_and_no_more(world: World, echo: Tcp, diary: Diary) -> None:
    act(world.loop, echo.number, "cap-writes", 4)
    echo.write(b"0123456789", diary.write)
    gone = [len(world.kernel[echo.fd].out)]
    for _ in range(3):
        world.turn()
        gone.append(len(world.kernel[echo.fd].out))
    assert [b - a for a, b in pairwise(gone)] == [4, 2, 0]
    assert gone[0] == 4


def test_a_delayed_callback_comes_when_its_time_is_over_with_what_has_come_by_then(
    world: World, echo: Tcp, diary: Diary
) -> None:
    act(world.loop, echo.number, "delay", 50)
    _comes(world, echo, b"one")
    _comes(world, echo, b"two")
    assert diary.entries == []

    world.kernel.now += 50_000_000
    world.turn()
    assert diary.of("read") == [("read", 3, b"one")]
    act(world.loop, echo.number, "clear")
    world.turn()
    world.turn()
    assert diary.of("read") == [("read", 3, b"one"), ("read", 3, b"two")]
    assert not [handle for handle in world.loop.handles.values() if isinstance(handle, Timer)]


def test_what_is_put_off_comes_at_once_when_the_delay_is_undone(world: World, echo: Tcp, diary: Diary) -> None:
    act(world.loop, echo.number, "delay", 50)
    _comes(world, echo, b"one")
    undo(world.loop, echo.number, "delay")
    world.turn()
    assert diary.of("read") == [("read", 3, b"one")]


def test_a_server_that_is_held_accepts_nobody_until_it_is_released(world: World, diary: Diary) -> None:
    server = Tcp(world.loop)
    server.bind(("127.0.0.1", 7000))
    server.listen(8, lambda server, status: (diary.connection(server, status), server.accept(Tcp(world.loop))))
    world.turn()
    act(world.loop, server.number, "hold-accepts")
    world.kernel[server.fd].backlog.append(world.kernel.make("tcp"))
    world.turn()
    assert diary.entries == []

    act(world.loop, server.number, "release-accepts")
    world.turn()
    assert diary.entries == [("connection", 0)]


def test_close_reset_and_half_close_are_what_the_program_could_have_called(world: World, diary: Diary) -> None:
    streams = [Tcp(world.loop) for _ in range(3)]
    for stream in streams:
        stream.open(world.kernel.make("tcp"))
    closed, reset, shut = streams
    descriptor = world.kernel[shut.fd]
    for stream, name in zip(streams, ("close", "reset", "shutdown")):
        act(world.loop, stream.number, name)
    assert closed.flags & CLOSING
    assert reset.flags & CLOSING
    world.turn()
    assert descriptor.shut
    assert shut.flags & SHUT


def test_the_kernels_buffers_get_their_sizes_back(world: World, echo: Tcp) -> None:
    world.kernel[echo.fd].so_error = 2000  # what getsockopt says: what it had been given, doubled
    act(world.loop, echo.number, "send-buffer", 4096)
    act(world.loop, echo.number, "clear")
    assert [value for _, _, value in world.kernel[echo.fd].options] == [4096, 1000]


def test_all_of_it_is_told_as_injected_before_it_happens(world: World, echo: Tcp) -> None:
    feed: list[Word] = []
    world.loop.watch(feed)
    act(world.loop, echo.number, "eagain")
    act(world.loop, echo.number, "partial", 2)
    assert handle_state(echo, ())[FAULTS] == "eagain, partial 2"
    echo.write(b"hello")
    world.turn((echo.fd, OUT))

    assert _injected(feed) == [
        "injected 'eagain'",
        "faults 'eagain'",
        "injected 'partial 2'",
        "faults 'eagain, partial 2'",
        "injected 'EAGAIN for write(2)'",
        "faults 'partial 2'",
        "injected 'partial: 2 of 5 bytes go to write(2)'",
        "faults ''",
    ]
    told = lines(feed)
    at = told.index(f"#{echo.number} injected: injected 'EAGAIN for write(2)'")
    assert told[at + 2].startswith(f"#{echo.number} uv__writev: sys.write")
    assert told[at + 2].endswith("EAGAIN")


def test_with_its_last_fault_a_stream_is_an_everyday_one_again(world: World, echo: Tcp, diary: Diary) -> None:
    other = Tcp(world.loop)
    other.open(world.kernel.make("tcp"))
    act(world.loop, echo.number, "econnreset")
    assert (type(echo.system), other.system) == (Faults, world.loop.system)
    act(world.loop, echo.number, "clear")
    assert echo.system is world.loop.system
    if isinstance(world.loop, JoinedLoop):
        assert echo.io_cb is stream_io
    _comes(world, echo, b"one")
    assert diary.entries[0] == ("read", 3, b"one")


def test_closed_under_a_delay_it_leaves_nothing_behind(world: World, echo: Tcp, diary: Diary) -> None:
    act(world.loop, echo.number, "delay", 50)
    _comes(world, echo, b"one")
    act(world.loop, echo.number, "close")
    world.turn()
    world.turn()
    assert not world.loop.handles
    world.kernel.now += 50_000_000
    world.turn()
    assert diary.entries == []


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("jump", 0, "there is no action 'jump': there are read-stop, read-start, "),
        ("cap-writes", 0, "cap-writes takes 1 to 1,073,741,824 bytes"),
        ("delay", 60_001, "delay takes 1 to 60,000 ms"),
        ("close", 5, "close takes no value"),
        ("hold-accepts", 0, "#1 does not listen"),
        ("read-start", 0, "read-start undoes read-stop, and that is not set on #1"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_could_be(
    world: World, echo: Tcp, name: str, value: int, why: str
) -> None:
    with pytest.raises(FaultError) as refused:
        act(world.loop, echo.number, name, value)
    assert str(refused.value).startswith(why)
    assert echo.system is world.loop.system


def test_what_is_no_stream_or_closes_is_refused(world: World, echo: Tcp) -> None:
    timer = Timer(world.loop)
    for number, why in ((99, "there is no stream #99: there are #1"), (timer.number, "#2 is a timer, and no stream")):
        with pytest.raises(FaultError, match=why):
            act(world.loop, number, "clear")
    act(world.loop, echo.number, "shutdown")
    with pytest.raises(FaultError, match="shutdown does not fit #1 as it is: "):
        act(world.loop, echo.number, "shutdown")
    echo.close()
    for name in POKES:
        with pytest.raises(FaultError, match="#1 is closing already"):
            act(world.loop, echo.number, name, 1 if POKES[name].takes else 0)
