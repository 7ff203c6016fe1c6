"""A glimpse says what lies in memory, and what does not fit together is no glimpse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from forged import Forged, forged

from streamscope.peek import offsets
from streamscope.peek.offsets import LAYOUTS, UV_NAMED_PIPE
from streamscope.peek.walking import Glimpse, Torn, Walker

TIMER = 13


@pytest.fixture(params=LAYOUTS, ids=["mutex of 40", "mutex of 48"])
def loop(request: pytest.FixtureRequest) -> Iterator[Forged]:
    with forged(request.param) as made:
        yield made


def walked(walker: Walker) -> Glimpse:
    """The first walk finds out where the loop counts, and says nothing."""
    with pytest.raises(Torn):
        walker.walk()
    return walker.walk()


def test_every_field_of_a_stream_is_where_libuv_has_it(loop: Forged) -> None:
    stream = loop.stream(fd=7, kind=UV_NAMED_PIPE, flags=0xD00C)
    loop.put(stream + 104, "QQQQ", 0x1000, 0x2000, 0x3000, 0x4000)
    loop.put(stream + 176, "IIi", 5, 1, 7)
    loop.put(stream + 224, "Qii", 0x5000, -32, 9)
    loop.put(stream + 248, "i", 1)
    queued = loop.take(64)
    loop.put(queued, "II3i", 8, 3, 21, 22, 23)
    loop.put(stream + 240, "Q", queued)

    seen = walked(loop.walker()).streams[stream]

    assert (seen.type, seen.ipc, seen.room, seen.queued) == (UV_NAMED_PIPE, True, 8, (21, 22, 23))
    fields = seen.fields
    assert (fields.flags, fields.fd, fields.pevents, fields.events) == (0xD00C, 7, 5, 1)
    assert (fields.alloc_cb, fields.read_cb, fields.connect_req, fields.shutdown_req) == (
        0x1000,
        0x2000,
        0x3000,
        0x4000,
    )
    assert (fields.connection_cb, fields.delayed_error, fields.accepted_fd) == (0x5000, -32, 9)


def test_requests_stand_in_their_order_with_what_is_left_of_them(loop: Forged) -> None:
    stream, other = loop.stream(fd=7), loop.stream(fd=8)
    first = loop.write(stream, 0, 300, 500)
    loop.put(first + 104, "I", 1)  # the first buffer is written
    many = loop.write(stream, *range(1, 11))
    loop.put(many + 72, "Q", other)
    done = loop.write(stream, 70, queue=offsets.WRITE_COMPLETED_QUEUE)
    loop.put(done + 112, "QIi", 0, 1, -104)  # its buffers are given back

    seen = walked(loop.walker()).streams[stream]

    assert [(w.address, w.left, w.nbufs, w.write_index, w.send_handle) for w in seen.writes] == [
        (first, 800, 3, 1, 0),
        (many, 55, 10, 0, other),
    ]
    assert [(w.address, w.left, w.error) for w in seen.completed] == [(done, 0, -104)]


def test_only_streams_that_are_not_as_they_were_have_changed(loop: Forged) -> None:
    still, moved, born_with = loop.stream(fd=7), loop.stream(fd=8), loop.stream(fd=9)
    walker = loop.walker()
    assert walked(walker).changed == {still, moved, born_with}

    loop.put(moved + 88, "I", 0xD00C)
    loop.write(born_with, 10)
    assert walker.walk().changed == {moved, born_with}
    assert walker.walk().changed == frozenset()


def test_progress_of_a_request_shows_though_the_stream_is_as_it_was(loop: Forged) -> None:
    stream = loop.stream(fd=7)
    request = loop.write(stream, 100)
    walker = loop.walker()
    walked(walker)

    loop.put(request + 124, "i", -32)

    assert walker.walk().changed == {stream}


def test_handles_come_and_go(loop: Forged) -> None:
    first, timer = loop.stream(fd=7), loop.handle(TIMER)
    walker = loop.walker()
    assert walked(walker).order == [loop.at + loop.layout.wq_async, first, timer]

    second = loop.stream(fd=8)
    loop.close(first)
    found = walker.walk()

    assert found.order == [loop.at + loop.layout.wq_async, timer, second]
    assert set(found.streams) == {second}


def test_memory_that_held_a_timer_may_hold_a_stream(loop: Forged) -> None:
    place = loop.handle(TIMER)
    walker = loop.walker()
    walked(walker)

    loop.close(place)
    loop.stream(fd=7, at=place)
    with pytest.raises(Torn):
        walker.walk()

    assert set(walker.walk().streams) == {place}


def test_the_closing_list_names_its_handles(loop: Forged) -> None:
    first, second, _ = loop.stream(fd=7), loop.stream(fd=8), loop.stream(fd=9)
    loop.put(loop.at + loop.layout.closing_handles, "Q", second)
    loop.put(second + 80, "Q", first)

    assert walked(loop.walker()).closing == {first, second}


@pytest.mark.parametrize("fault", ["astray", "circle", "stranger", "no type", "back"])
def test_a_list_of_handles_that_does_not_fit_is_no_glimpse(loop: Forged, fault: str) -> None:
    first, second = loop.stream(fd=7), loop.stream(fd=8)
    walker = loop.walker()
    walked(walker)
    if fault == "astray":
        loop.put(second + 32, "Q", 0x10)
    elif fault == "circle":
        loop.put(second + 32, "Q", first + 32)
    elif fault == "stranger":
        loop.put(second + 8, "Q", loop.at + 8)
    elif fault == "no type":
        loop.put(second + 16, "i", 4711)
    else:
        loop.put(second + 40, "Q", second + 32)

    for _ in range(20):
        with pytest.raises(Torn):
            walker.walk()


@pytest.mark.parametrize("fault", ["astray", "another's", "no write", "circle of fds"])
def test_a_stream_that_does_not_fit_is_torn_and_the_others_are_seen(loop: Forged, fault: str) -> None:
    sound, broken = loop.stream(fd=7), loop.stream(fd=8)
    request = loop.write(broken, 100)
    if fault == "astray":
        loop.put(request + 88, "Q", 0x18)
    elif fault == "another's":
        loop.put(request + 80, "Q", sound)
    elif fault == "no write":
        loop.put(request + 8, "i", 2)
    else:
        loop.put(broken + 240, "Q", loop.take(16))
        loop.put(loop.get(broken + 240, "Q"), "II", 2, 3)

    found = walked(loop.walker())

    assert found.torn == {broken}
    assert set(found.streams) == {sound}


def test_a_queue_that_runs_in_a_circle_ends(loop: Forged) -> None:
    stream = loop.stream(fd=7)
    first, second = loop.write(stream, 1), loop.write(stream, 1)
    loop.put(second + offsets.WRITE_LINK, "Q", first + offsets.WRITE_LINK)

    assert len(walked(loop.walker()).streams[stream].writes) == 1024
