"""The frames that travel between an engine and its inspectors.

A frame is four bytes of length (little endian) and one msgpack array, whose first element names its type. Both ends
check everything while decoding: sizes are bounded, types are exact, and what does not fit is a `FrameError`, after
which the peer is let go.

Engine to inspector, in order: `Hello`; then one round of `Slice`s between `Records`, after which the model is whole;
then `Records`. When an inspector has been too slow, whole batches are dropped: it gets `Lost` in their place, and a new
round of slices.
"""

from __future__ import annotations

import msgspec

from streamscope.link import wire
from streamscope.link.wire import MAX_COMMAND as MAX_COMMAND
from streamscope.link.wire import MAX_FRAME as MAX_FRAME
from streamscope.link.wire import PROTOCOL as PROTOCOL
from streamscope.link.wire import FrameCutter as FrameCutter
from streamscope.link.wire import FrameError as FrameError
from streamscope.trace.state import LoopState, StreamState
from streamscope.trace.untrusted import a_path, a_time
from streamscope.trace.vocabulary import Words

READABLE = (1, 2)
"""Protocols that this version understands; 1 brought no vocabulary."""


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
    streams: int = 0  # how many TCP, pipe and tty handles there are now
    joined: list[tuple[str, list[str], list[tuple[int, list[tuple[int, int]]]]]] = []  # see `trace/recipes`
    probe: str = ""  # path of the socket where the engine takes inspectors, "" for none
    recording: str = ""  # path of the trace that the engine's own recorder writes, "" for none
    vocabulary: Words | None = None  # what the catalogue's words mean; None in protocol 1
    loop: int = 1  # which of its process's loops this feed is of

    def __post_init__(self) -> None:
        """What times and paths cannot be, is not taken for one: NaN and "" then."""
        self.started = a_time(self.started)
        self.log, self.probe, self.recording = a_path(self.log), a_path(self.probe), a_path(self.recording)


class Records(Frame, tag="records"):
    """A batch of the feed: whole records, the place of its first word, and the clock that holds at its start."""

    place: int
    turn: int
    t: int
    words: list[int | str]


class Slice(Frame, tag="slice"):
    """Part of a snapshot, true at this place of the feed. `first` begins a round and `last` ends it: what the round
    named no slice for, and no record since, is gone. One that comes `alone`, to an inspector that watches states only,
    may be of a later place than what came before it: what was told in between was not for this inspector.
    """

    place: int
    loop: LoopState
    streams: list[StreamState]
    first: bool = False
    last: bool = False
    alone: bool = False


class Lost(Frame, tag="lost"):
    """So many events were dropped for this inspector since the last frame, because it did not read."""

    events: int


class Payload(Frame, tag="payload"):
    """Bytes that a stream read (`out` false) or handed to the kernel (`out` true).

    `total` is how many there were; `data` has fewer when they were cut, and none when the inspector did not read in
    time.
    """

    stream: int
    t: int
    out: bool
    total: int
    data: bytes


class Notice(Frame, tag="notice"):
    """What a person should know: a process that writes for the engine has ended, or the engine will not go on with
    something. `recording` is the trace that is still being written, as in `Hello`.
    """

    text: str
    recording: str = ""


class Bye(Frame, tag="bye"):
    """The engine ends in order; `reason` says why, `status` is its exit status."""

    reason: str
    status: int


class Command(Frame, tag="command"):
    """Inspector to engine: `watch` (mode, every), `stop`, `payload` (stream, on), `record` (on), and what may touch
    streams.
    """

    number: int
    name: str
    arguments: dict[str, int | str | bool]


class Reply(Frame, tag="reply"):
    """Engine to inspector: how a command went; `error` is "" if well."""

    number: int
    error: str = ""


class Unknown:
    """A frame that a later version of the engine sends: passed over."""


_Known = Hello | Records | Slice | Lost | Payload | Notice | Bye | Command | Reply
AnyFrame = _Known | Unknown

_encoder = msgspec.msgpack.Encoder()
_any_frame = msgspec.msgpack.Decoder(_Known)
_MALFORMED = (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError)
_A_SLICE = b"\xa5slice"


class _SliceHead(Frame, tag="slice"):
    """A slice whose handles are packed yet."""

    place: int
    loop: msgspec.Raw
    streams: msgspec.Raw


_slice_head = msgspec.msgpack.Decoder(_SliceHead)
_TAGS = frozenset(
    str(kind.__struct_config__.tag).encode()
    for kind in (Hello, Records, Slice, Lost, Payload, Notice, Bye, Command, Reply)
)


def pack(frame: Frame) -> bytes:
    """The frame as it travels. Raises FrameError if it is larger than a peer would take, UnicodeError or OverflowError
    for text and numbers that msgpack has no form for.
    """
    return wire.with_length(_encoder.encode(frame))


def read_frame(body: bytes) -> AnyFrame:
    """What the engine said. Raises FrameError."""
    if _tag_of(body) not in _TAGS:
        return Unknown()
    try:
        if body[1:7] == _A_SLICE:
            from streamscope.trace.packing import has_cut_handles  # the engine's process does without that room

            if has_cut_handles(bytes(_slice_head.decode(body).streams)):
                raise FrameError("a slice has handles that are cut short")
        frame: AnyFrame = _any_frame.decode(body)
        return frame
    except _MALFORMED as error:
        raise FrameError(f"what came is no frame: {error}") from error


def _tag_of(body: bytes) -> bytes:
    """What the frame calls itself; a known name where it does not say, so that reading it tells what is wrong."""
    is_tagged = body[:1] and body[0] & 0xF0 == 0x90 and len(body) > 1 and body[1] & 0xE0 == 0xA0
    return body[2 : 2 + (body[1] & 0x1F)] if is_tagged else b"hello"


def as_received(frame: wire.Frame) -> AnyFrame:
    """A frame of a producer as an inspector has it."""
    return read_frame(_encoder.encode(frame))


def check_protocol(hello: Hello) -> None:
    """Raises FrameError unless this version understands what the engine is going to say."""
    if hello.protocol not in READABLE:
        raise FrameError(
            f"the engine (streamscope {hello.version[:20]}) speaks protocol {hello.protocol}, this inspector "
            f"up to {PROTOCOL}: use the same version of streamscope for both"
        )
