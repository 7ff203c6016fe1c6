"""The frames that travel between an engine and its inspectors.

A frame is four bytes of length (little endian) and one msgpack array, whose first element names its type. Both ends
check everything while decoding: sizes are bounded, types are exact, and what does not fit is a `FrameError`, after
which the peer is let go.

Engine to inspector, in order: `Hello`; then one round of `Slice`s between `Records`, after which the model is whole;
then `Records`. When an inspector has been too slow, whole batches are dropped: it gets `Lost` in their place, and a new
round of slices.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from streamscope.trace.state import LoopState, StreamState
from streamscope.trace.untrusted import a_path, a_time
from streamscope.trace.vocabulary import Words

PROTOCOL = 2
READABLE = (1, 2)
"""Protocols that this version understands; 1 brought no vocabulary."""
MAX_FRAME = 16 * 1024 * 1024
MAX_COMMAND = 64 * 1024
"""Bytes of one frame at most, from the engine and from an inspector."""


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
    streams: int = 0  # how many TCP, pipe and tty handles there are now
    joined: list[tuple[str, list[str], list[tuple[int, list[tuple[int, int]]]]]] = []  # see `trace/recipes`
    probe: str = ""  # path of the socket where the engine takes inspectors, "" for none
    recording: str = ""  # path of the trace that the engine's own recorder writes, "" for none
    vocabulary: Words | None = None  # what the catalogue's words mean; None in protocol 1

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
    named no slice for, and no record since, is gone.
    """

    place: int
    loop: LoopState
    streams: list[StreamState]
    first: bool = False
    last: bool = False


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
    """Inspector to engine: `stop`, `payload` (stream, on), `record` (on), and what may touch streams."""

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

_HEAD = 4
_encoder = msgspec.msgpack.Encoder()
_any_frame = msgspec.msgpack.Decoder(_Known)
_command = msgspec.msgpack.Decoder(Command)
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
    packed = bytearray(_HEAD)
    _encoder.encode_into(frame, packed, _HEAD)
    length = len(packed) - _HEAD
    if length > MAX_FRAME:
        raise FrameError(f"a frame of {length:,} bytes is larger than the {MAX_FRAME:,} that a peer takes")
    packed[:_HEAD] = length.to_bytes(_HEAD, "little")
    return bytes(packed)


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


def read_command(body: bytes) -> Command:
    """What an inspector said. Raises FrameError."""
    try:
        return _command.decode(body)
    except _MALFORMED as error:
        raise FrameError(f"what came is no command: {error}") from error


def check_protocol(hello: Hello) -> None:
    """Raises FrameError unless this version understands what the engine is going to say."""
    if hello.protocol not in READABLE:
        raise FrameError(
            f"the engine (streamscope {hello.version[:20]}) speaks protocol {hello.protocol}, this inspector "
            f"up to {PROTOCOL}: use the same version of streamscope for both"
        )


class FrameCutter:
    """Cuts what arrives into the bodies of frames. Holds at most one unfinished frame beside what it was last fed."""

    def __init__(self, max_frame: int) -> None:
        self._max_frame = max_frame
        self._arrived = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Takes bytes of any number and yields every body that is whole now. Raises FrameError for a length beyond all
        bounds, as soon as it is announced.
        """
        arrived = self._arrived
        arrived += data
        while len(arrived) >= _HEAD:
            length = int.from_bytes(arrived[:_HEAD], "little")
            if length > self._max_frame:
                raise FrameError(
                    f"a frame of {length:,} bytes was announced, and {self._max_frame:,} is the most there is"
                )
            end = _HEAD + length
            if len(arrived) < end:
                return
            body = bytes(memoryview(arrived)[_HEAD:end])
            del arrived[:end]
            yield body

    @property
    def held(self) -> int:
        """Bytes of an unfinished frame."""
        return len(self._arrived)
