"""What keyframes, slices and trace files have in common when they are unpacked: nothing may make much of little.

msgpack takes one byte for an empty array, and Python some hundred for the handle that it stands for. So the account
that an array gives of itself is compared with its size before its elements are made.
"""

from __future__ import annotations

import msgspec

from streamscope.language import tr
from streamscope.trace.fold import MOST_REQUESTS
from streamscope.trace.state import StreamState
from streamscope.trace.untrusted import MALFORMED, FeedError

_HANDLE_BYTES = 38
"""What a handle takes at least: an array with a byte or more for each of the 37 fields that it has always had."""

_QUEUES = ("write_queue", "write_completed_queue")
_Held = msgspec.defstruct(
    "_Held", [(name, msgspec.Raw, msgspec.Raw()) for name in StreamState.__struct_fields__], array_like=True
)
"""A handle of which each field is packed yet."""

_read_held = msgspec.msgpack.Decoder(list[_Held]).decode  # type: ignore[valid-type]
_read_handles = msgspec.msgpack.Decoder(list[StreamState]).decode


def array_head(length: int) -> bytes:
    """How msgpack begins an array of so many elements."""
    if length < 16:
        return bytes((0x90 | length,))
    return b"\xdc" + length.to_bytes(2, "big") if length < 1 << 16 else b"\xdd" + length.to_bytes(4, "big")


def array_length(packed: bytes | memoryview) -> int:
    """How many elements the array has that these bytes begin with, by its own account; -1 if they begin with none."""
    head = packed[0] if packed else 0
    if head in (0xDC, 0xDD):
        return int.from_bytes(packed[1 : 3 if head == 0xDC else 5], "big")
    return head & 15 if head & 0xF0 == 0x90 else -1


def has_cut_handles(packed: bytes | memoryview) -> bool:
    """Whether an array says that it has more handles than so many bytes can hold."""
    return array_length(packed) * _HANDLE_BYTES > len(packed)


def requests_in(packed: bytes | memoryview) -> int:
    """How many requests wait in the queues of an array of handles, by their own account. Raises what `MALFORMED` has
    for what are no handles.
    """
    return sum(max(0, array_length(memoryview(getattr(held, name)))) for held in _read_held(packed) for name in _QUEUES)


def check_handles(packed: bytes | memoryview) -> None:
    """Raises FeedError for an array that has handles cut short."""
    if has_cut_handles(packed):
        raise FeedError(tr("there are handles that are cut short"))


def read_handles(packed: bytes | memoryview) -> list[StreamState]:
    """The handles in an array. Raises FeedError for what is none, and for more requests than a fold would take."""
    check_handles(packed)
    try:
        handles = _read_handles(packed)
    except MALFORMED as error:
        raise FeedError(tr("what came are no handles: {error}", error=error)) from error
    if sum(len(state.write_queue) + len(state.write_completed_queue) for state in handles) > MOST_REQUESTS:
        raise FeedError(tr("there are handles with more than {most} requests", most=f"{MOST_REQUESTS:,}"))
    return handles
