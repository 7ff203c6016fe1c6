"""What differs between two states of one engine: flags, queues, masks, counters, and which streams came and went.

Pure. States are compared stream by stream; streams that are equal cost one comparison each, so ten thousand of which a
few differ are quick to go through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from streamscope.language import N_
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary

FLAGS, QUEUES, MASKS, COUNTERS, OTHERS = N_("flags"), N_("queues"), N_("masks"), N_("counters"), N_("others")
"""What a change is of, in the order in which changes are told."""

Value = int | str | bool | None


class ChangedField(NamedTuple):
    """One field that differs. A flag is False or True, a mask its names, and what is not there None. `unit` is `bytes`,
    `requests`, `descriptors`, `ns`, or empty; `joined` and `left` name what came into a queue and what went.
    """

    group: str
    name: str
    old: Value
    new: Value
    unit: str = ""
    left: tuple[int, ...] = ()
    joined: tuple[int, ...] = ()

    @property
    def delta(self) -> int | None:
        """By how much a number grew, None for what is no number."""
        if self.group in (FLAGS, MASKS) or not isinstance(self.old, int) or not isinstance(self.new, int):
            return None
        return None if isinstance(self.new, bool) else self.new - self.old


class StreamDifference(msgspec.Struct, frozen=True):
    """A stream that differs. `fate` is `new` or `gone` for one that only one of the states has, `not yet` for one that
    begins after the other state, `closed` for one that has closed in between, else empty; `state` is the one of
    `after`, if that has it.
    """

    state: StreamState
    fate: str
    changes: tuple[ChangedField, ...]


class Difference(msgspec.Struct, frozen=True):
    """All that differs. Streams stand in the order of their numbers."""

    loop: tuple[ChangedField, ...]
    streams: tuple[StreamDifference, ...]
    same: int
    """How many streams both states have and do not differ in."""


def difference(
    before: Mapping[int, StreamState],
    after: Mapping[int, StreamState],
    loop_before: LoopState,
    loop_after: LoopState,
    vocabulary: Vocabulary,
) -> Difference:
    """From one state to the other, whichever is earlier; both of an engine with this vocabulary."""
    found = []
    same = 0
    for number in sorted(before.keys() | after.keys()):
        old, new = before.get(number), after.get(number)
        if old == new:
            same += 1
        elif new is None:
            assert old is not None
            fate = "not yet" if loop_after.t < old.begin_t else "gone"
            found.append(StreamDifference(old, fate, ()))
        elif old is None:
            found.append(
                StreamDifference(new, "new", stream_changes(vocabulary.fresh(number, new.type), new, vocabulary))
            )
        else:
            fate = "closed" if new.closed_t and not old.closed_t else ""
            found.append(StreamDifference(new, fate, stream_changes(old, new, vocabulary)))
    return Difference(loop_changes(loop_before, loop_after, vocabulary), tuple(found), same)


def loop_changes(old: LoopState, new: LoopState, vocabulary: Vocabulary) -> tuple[ChangedField, ...]:
    """What differs in the loop."""
    units = {"t": "ns", "poll_ns": "ns", "callback_ns": "ns"}
    return (
        *(
            ChangedField(COUNTERS, name, getattr(old, name), getattr(new, name), units.get(name, ""))
            for name in LoopState.__struct_fields__
            if name not in ("kernel", "kernel_t", "frozen_t", "thawed_t") and getattr(old, name) != getattr(new, name)
        ),
        *_said_by_kernel(old.kernel, new.kernel, vocabulary),
    )


def _said_by_kernel(
    old: dict[int, int] | None, new: dict[int, int] | None, vocabulary: Vocabulary
) -> Iterable[ChangedField]:
    for field, was, now in _by_key(old, new):
        yield ChangedField(COUNTERS, f"kernel {vocabulary.kernel_text(field)}", was, now)


_COUNTERS = {"bytes_in": "bytes", "bytes_out": "bytes", "reads": "", "writes": "", "errors": "", "outgoing": "bytes",
             "incoming": "bytes", "reader_size": "bytes", "dropped": ""}  # fmt: skip
_PLAIN = ("fd", "accepted_fd", "delayed_error", "last_error", "high_water", "name", "local", "peer", "server",
          "place", "faults", "ipc", "pending", "watched", "closing", "over", "under", "session", "low_water",
          "reader_limit", "paused_at")  # fmt: skip
_DESCRIPTORS = {"fd", "accepted_fd"}

TOLD = {"number", "type", "flags", "write_queue_size", "write_queue", "write_completed_queue", "queued_fds",
        "queued_fds_capacity", "connect_req", "shutdown_req", "callbacks", "pevents", "events", "kernel", "feeds",
        *_COUNTERS, *_PLAIN}  # fmt: skip
"""Fields of which changes are told."""
INSTANTS = {"begin_t", "closed_t", "last_read_t", "last_write_t", "armed_t", "above_t", "kernel_t", "injected_t"}
"""Fields that say since when another is as it is; the other one tells of the change."""


def stream_changes(old: StreamState, new: StreamState, vocabulary: Vocabulary) -> tuple[ChangedField, ...]:
    """What differs in one stream, group by group."""
    return (
        *_flags(old.flags, new.flags, vocabulary),
        *_queues(old, new),
        *_masks(old, new, vocabulary),
        *(
            ChangedField(COUNTERS, name, getattr(old, name), getattr(new, name), unit)
            for name, unit in _COUNTERS.items()
            if getattr(old, name) != getattr(new, name)
        ),
        *_said_by_kernel(old.kernel, new.kernel, vocabulary),
        *(ChangedField(OTHERS, f"feeds #{to}", was, now) for to, was, now in _by_key(old.feeds, new.feeds)),
        *_others(old, new, vocabulary),
    )


def _flags(old: int, new: int, vocabulary: Vocabulary) -> Iterable[ChangedField]:
    for bit, name in vocabulary.flag_names.items():
        if (old ^ new) & bit:
            yield ChangedField(FLAGS, name, bool(old & bit), bool(new & bit))
    unnamed = (old ^ new) & ~sum(vocabulary.flag_names)
    if unnamed:
        yield ChangedField(FLAGS, hex(unnamed), bool(old & unnamed), bool(new & unnamed))


def _queues(old: StreamState, new: StreamState) -> Iterable[ChangedField]:
    if old.write_queue_size != new.write_queue_size:
        yield ChangedField(QUEUES, "write_queue_size", old.write_queue_size, new.write_queue_size, "bytes")
    for name in ("write_queue", "write_completed_queue"):
        numbers, numbers_now = _numbers(getattr(old, name)), _numbers(getattr(new, name))
        if numbers != numbers_now:
            yield _queue(name, numbers, numbers_now, "requests")
    if old.write_queue and new.write_queue:
        head, now = old.write_queue[0], new.write_queue[0]
        if head.number == now.number and head.left != now.left:
            yield ChangedField(QUEUES, f"write {head.number} left", head.left, now.left, "bytes")
    if old.queued_fds != new.queued_fds:
        yield _queue("queued_fds", old.queued_fds, new.queued_fds, "descriptors")
    if old.queued_fds_capacity != new.queued_fds_capacity:
        yield ChangedField(QUEUES, "queued_fds.capacity", old.queued_fds_capacity, new.queued_fds_capacity)
    for name in ("connect_req", "shutdown_req"):
        before, after = _number(getattr(old, name)), _number(getattr(new, name))
        if before != after:
            yield ChangedField(QUEUES, name, before, after, "request")


def _numbers(requests: Iterable[RequestState]) -> list[int]:
    return [request.number for request in requests]


def _number(request: RequestState | None) -> int | None:
    return None if request is None else request.number


def _queue(name: str, old: list[int], new: list[int], unit: str) -> ChangedField:
    before, after = set(old), set(new)
    left = tuple(number for number in old if number not in after)
    joined = tuple(number for number in new if number not in before)
    return ChangedField(QUEUES, name, len(old), len(new), unit, left, joined)


def _masks(old: StreamState, new: StreamState, vocabulary: Vocabulary) -> Iterable[ChangedField]:
    for field, name in (("pevents", "epoll wants"), ("events", "epoll registered")):
        if getattr(old, field) != getattr(new, field):
            yield ChangedField(
                MASKS, name, vocabulary.mask_text(getattr(old, field)), vocabulary.mask_text(getattr(new, field))
            )
    if old.callbacks != new.callbacks:
        yield ChangedField(
            MASKS, "callbacks", vocabulary.callbacks_text(old.callbacks), vocabulary.callbacks_text(new.callbacks)
        )


def _by_key(old: dict[int, Any] | None, new: dict[int, Any] | None) -> Iterator[tuple[int, Any, Any]]:
    """What differs between two maps: the key, and what it was and is, None where there is nothing."""
    was, now = old or {}, new or {}
    return (
        (key, was.get(key), now.get(key)) for key in sorted(was.keys() | now.keys()) if was.get(key) != now.get(key)
    )


def _others(old: StreamState, new: StreamState, vocabulary: Vocabulary) -> Iterable[ChangedField]:
    for name in _PLAIN:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            none = name in _DESCRIPTORS
            yield ChangedField(
                OTHERS,
                name,
                None if none and before == -1 else before,
                None if none and after == -1 else after,
                "bytes" if name == "high_water" else "error" if name == "delayed_error" else "",
            )
    if old.type != new.type:
        yield ChangedField(OTHERS, "type", vocabulary.type_text(old.type), vocabulary.type_text(new.type))


def copied(streams: Mapping[int, StreamState]) -> dict[int, StreamState]:
    """The states as they are now, for whoever compares with them later: a fold changes its own in place."""
    states = msgspec.msgpack.decode(msgspec.msgpack.encode(list(streams.values())), type=list[StreamState])
    return {state.number: state for state in states}
