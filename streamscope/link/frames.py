"""The frames that travel between an engine and its inspectors.

A frame is four bytes of length (little endian) and one msgpack array, whose first element names its type. Both ends check everything
while decoding: sizes are bounded, types are exact, and what does not fit is a `FrameError`, after which the peer is let go.

Engine to inspector, in order: `Hello`; then one round of `Slice`s between `Records`, after which the model is whole; then `Records`.
When an inspector has been too slow, whole batches are dropped: it gets `Lost` in their place, and a new round of slices.
"""

from __future__ import annotations

import msgspec

from streamscope.trace.state import LoopState, StreamState

PROTOCOL = 1
MAX_FRAME = 16 * 1024 * 1024


class FrameError(Exception):
    """The peer sent what is not a frame; the text says what was wrong."""


class Frame(msgspec.Struct, array_like=True, tag=True, forbid_unknown_fields=False):
    """What every frame is: a msgpack array that begins with its type's tag."""


class Hello(Frame, tag="hello"):
    """The first frame: who speaks, and the catalogue its records are to be read with."""

    protocol: int
    version: str  # of streamscope
    pid: int
    program: str  # `echo`
    addresses: list[str]  # what it listens on: `127.0.0.1:7000`
    started: float  # Unix time at which the feed's clock was 0
    kinds: list[tuple[str, list[str]]]  # name and argument names of each kind, in the order of their codes
    functions: list[str]
    log: str = ""  # file that holds what the program printed, "" if that goes to its own terminal
    control: bool = False  # whether this inspector may send commands that touch streams
    payload: int = 0  # bytes of each read and write that leave the engine unasked, 0 for none


class Records(Frame, tag="records"):
    """A batch of the feed: whole records, the place of its first word in the feed, and the clock that holds at its start."""

    place: int
    turn: int
    t: int
    words: list[int | str]


class Slice(Frame, tag="slice"):
    """Part of a snapshot, true at this place of the feed. `first` begins a round and `last` ends it: what the round named no
    slice for, and no record since, is gone."""

    place: int
    loop: LoopState
    streams: list[StreamState]
    first: bool = False
    last: bool = False


class Lost(Frame, tag="lost"):
    """So many events were dropped for this inspector since the last frame, because it did not read."""

    events: int


class Payload(Frame, tag="payload"):
    """Bytes that a stream read (`out` false) or handed to the kernel (`out` true); `total` is how many there were before cutting."""

    stream: int
    t: int
    out: bool
    total: int
    data: bytes


class Bye(Frame, tag="bye"):
    """The engine ends in order; `reason` says why, `status` is its exit status."""

    reason: str
    status: int


class Command(Frame, tag="command"):
    """Inspector to engine: `stop`, `payload` (stream, on), and what may touch streams."""

    number: int
    name: str
    arguments: dict[str, int | str | bool]


class Reply(Frame, tag="reply"):
    """Engine to inspector: how a command went; `error` is "" if well."""

    number: int
    error: str = ""


AnyFrame = Hello | Records | Slice | Lost | Payload | Bye | Command | Reply
