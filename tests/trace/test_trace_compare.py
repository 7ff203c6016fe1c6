"""What differs between two states: every field that can change is told of once, and equal streams are not."""

from __future__ import annotations

import msgspec
import pytest

from streamscope.core import flags as uv
from streamscope.trace.compare import (
    FLAGS,
    INSTANTS,
    MASKS,
    QUEUES,
    TOLD,
    ChangedField,
    copied,
    difference,
    loop_changes,
    stream_changes,
)
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary

HERE = Vocabulary.here()


def stream(number: int = 7, **changes: object) -> StreamState:
    return msgspec.structs.replace(StreamState(number, uv.UV_TCP, uv.READABLE | uv.WRITABLE, fd=12), **changes)


def named(changes: tuple[ChangedField, ...]) -> dict[str, ChangedField]:
    assert len({change.name for change in changes}) == len(changes), "nothing is told twice"
    return {change.name: change for change in changes}


def test_flags_are_told_one_by_one() -> None:
    found = named(stream_changes(stream(), stream(flags=uv.READABLE | uv.READING | uv.SHUT), HERE))

    assert found == {
        "WRITABLE": ChangedField(FLAGS, "WRITABLE", True, False),
        "READING": ChangedField(FLAGS, "READING", False, True),
        "SHUT": ChangedField(FLAGS, "SHUT", False, True),
    }
    assert found["READING"].delta is None


def test_queues_say_what_joined_and_what_left() -> None:
    requests = [RequestState(number, uv.UV_WRITE, 100, 100) for number in (1, 2, 3, 4)]
    before = stream(write_queue=requests[:2], write_queue_size=200)
    after = stream(write_queue=requests[1:], write_queue_size=300)

    found = named(stream_changes(before, after, HERE))

    assert found["write_queue"] == ChangedField(QUEUES, "write_queue", 2, 3, "requests", (1,), (3, 4))
    assert found["write_queue_size"] == ChangedField(QUEUES, "write_queue_size", 200, 300, "bytes")
    assert found["write_queue_size"].delta == 100


def test_progress_of_the_request_at_the_head_is_told() -> None:
    before = stream(write_queue=[RequestState(41, uv.UV_WRITE, 65536, 65536)])
    after = stream(write_queue=[RequestState(41, uv.UV_WRITE, 65536, 16384)])

    assert named(stream_changes(before, after, HERE)) == {
        "write 41 left": ChangedField(QUEUES, "write 41 left", 65536, 16384, "bytes")
    }


def test_masks_are_told_by_name() -> None:
    found = named(stream_changes(stream(pevents=uv.POLLIN), stream(pevents=uv.POLLIN | uv.POLLOUT), HERE))

    assert found["epoll wants"] == ChangedField(MASKS, "epoll wants", "IN", "IN|OUT")


def test_counters_say_by_how_much_they_grew() -> None:
    found = named(stream_changes(stream(bytes_in=1000), stream(bytes_in=5096, reads=2), HERE))

    assert {name: change.delta for name, change in found.items()} == {"bytes_in": 4096, "reads": 2}


def test_what_was_not_there_is_none() -> None:
    request = RequestState(9, uv.UV_SHUTDOWN)
    found = named(stream_changes(stream(fd=-1), stream(fd=12, shutdown_req=request, accepted_fd=13), HERE))

    assert (found["fd"].old, found["fd"].new) == (None, 12)
    assert (found["accepted_fd"].old, found["accepted_fd"].new) == (None, 13)
    assert (found["shutdown_req"].old, found["shutdown_req"].new) == (None, 9)
    assert found["shutdown_req"].delta is None


@pytest.mark.parametrize("name", sorted(set(StreamState.__struct_fields__) - INSTANTS - {"number"}))
def test_every_field_that_can_change_is_told_of(name: str) -> None:
    values: dict[str, object] = {
        "write_queue": [RequestState(1, uv.UV_WRITE)], "write_completed_queue": [RequestState(1, uv.UV_WRITE)],
        "connect_req": RequestState(1, uv.UV_CONNECT), "shutdown_req": RequestState(1, uv.UV_SHUTDOWN),
        "queued_fds": [5], "name": "x", "place": "x", "local": "x", "peer": "x", "pending": True, "watched": True,
        "closing": True, "ipc": True, "type": uv.UV_NAMED_PIPE, "kernel": {1: 5},
        "feeds": {9: "proxied"},
    }  # fmt: skip

    changes = stream_changes(stream(), stream(**{name: values.get(name, 1)}), HERE)

    assert changes
    assert name in TOLD


def test_streams_that_came_closed_and_went() -> None:
    before = {1: stream(1), 2: stream(2), 3: stream(3)}
    after = {1: stream(1), 2: stream(2, flags=uv.CLOSED, closed_t=5), 4: stream(4)}

    found = difference(before, after, LoopState(), LoopState(), HERE)

    assert [(each.state.number, each.fate) for each in found.streams] == [(2, "closed"), (3, "gone"), (4, "new")]
    assert found.same == 1
    assert "READABLE" in named(found.streams[2].changes)
    assert found.loop == ()


def test_seen_from_a_later_mark_a_stream_that_has_not_begun_is_not_gone() -> None:
    marked, earlier = {7: stream(7, begin_t=50)}, LoopState(t=40)

    found = difference(marked, {}, LoopState(t=60), earlier, HERE)

    assert [(each.state.number, each.fate) for each in found.streams] == [(7, "not yet")]


def test_there_and_back_tells_the_opposite() -> None:
    one = stream(flags=uv.READING, bytes_in=5, write_queue_size=9)
    other = stream(flags=uv.SHUT, bytes_in=50, write_queue_size=0)

    there, back = stream_changes(one, other, HERE), stream_changes(other, one, HERE)

    assert [(c.name, c.old, c.new) for c in there] == [(c.name, c.new, c.old) for c in back]


def test_the_loop_differs_by_its_counters() -> None:
    found = named(loop_changes(LoopState(turn=5, t=100, poll_ns=50), LoopState(turn=9, t=300, poll_ns=60), HERE))

    assert {name: (change.delta, change.unit) for name, change in found.items()} == {
        "turn": (4, ""), "t": (200, "ns"), "poll_ns": (10, "ns"),
    }  # fmt: skip


def test_a_copy_stays_as_it_is_while_the_fold_goes_on() -> None:
    streams = {7: stream(write_queue=[RequestState(1, uv.UV_WRITE, 10, 10)])}
    kept = copied(streams)

    streams[7].flags = 0
    streams[7].write_queue[0].left = 3

    assert kept[7].flags == uv.READABLE | uv.WRITABLE
    assert kept[7].write_queue[0].left == 10
