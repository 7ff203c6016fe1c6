"""The frames that travel between an engine and its inspectors.

A frame is four bytes of length (little endian) and one msgpack array, whose first element names its type. Both ends
check everything while decoding: sizes are bounded, types are exact, and what does not fit is a `FrameError`, after
which the peer is let go. A frame of 16 MiB could hold what takes seconds to unpack. So a batch and a slice have no more
in them than an engine puts there, which is looked at first, and every other frame is small.

Engine to inspector, in order: `Hello`; then one round of slices between batches, after which the model is whole; then
batches. When an inspector has been too slow, whole batches are dropped: it gets a gap in their place, and a new round
of slices.
"""

from __future__ import annotations

from typing import get_args

import msgspec

from streamscope.language import tr
from streamscope.link import wire
from streamscope.link.batches import MOST_WORDS
from streamscope.link.rounds import MOST_REQUESTS, REQUESTS_PER_SLICE, STREAMS_PER_SLICE
from streamscope.link.wire import MAX_COMMAND as MAX_COMMAND
from streamscope.link.wire import MAX_FRAME as MAX_FRAME
from streamscope.link.wire import PROTOCOL as PROTOCOL
from streamscope.link.wire import FrameCutter as FrameCutter
from streamscope.link.wire import FrameError as FrameError
from streamscope.trace.contents import Batch, Gap, Goodbye, Note, Payload, Slice
from streamscope.trace.untrusted import a_path, a_time
from streamscope.trace.words import Words

MOST_OTHER = 512 * 1024
"""Bytes of a frame that is neither batch nor slice: payload is the largest, a greeting has some 32 KiB."""

READABLE = (1, 2, 3)
"""Protocols that this version understands; 1 brought no vocabulary, 2 no `numbers`."""


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
    joined: list[tuple[str, list[str], list[tuple[int, list[tuple[int, int]]]]]] = []  # see `trace/expansions`
    probe: str = ""  # path of the socket where the engine takes inspectors, "" for none
    recording: str = ""  # path of the trace that the engine's own recorder writes, "" for none
    vocabulary: Words | None = None  # what the catalogue's words mean; None in protocol 1
    loop: int = 1  # which of its process's loops this feed is of
    injected: str = ""  # the faults that are set now, and by whom it is frozen: `#5 read-stop`
    host: str = ""  # the machine that it runs on, "" for this one
    thread: int = 0  # the loop's thread, by its number in the engine's namespace; 0 where that is not known

    def __post_init__(self) -> None:
        """What times and paths cannot be, is not taken for one: NaN and "" then."""
        self.started = a_time(self.started)
        self.log, self.probe, self.recording = a_path(self.log), a_path(self.probe), a_path(self.recording)


class BatchFrame(Batch, tag="records"):
    """A batch of the feed."""


class _Numbers(Frame, tag="numbers"):
    """A batch of the feed that has integers alone; who reads frames gets it as a `BatchFrame`."""

    place: int
    turn: int
    t: int
    words: bytes

    def batch(self) -> BatchFrame:
        """As it is read. Raises ValueError."""
        return BatchFrame(self.place, self.turn, self.t, list[int | str](wire.from_a_row(self.words)))


class SliceFrame(Slice, tag="slice"):
    """Part of a snapshot."""


class GapFrame(Gap, tag="lost"):
    """So many events were dropped for this inspector since the last frame, because it did not read."""


class PayloadFrame(Payload, tag="payload"):
    """Bytes that went through a stream."""


class Notice(Frame, tag="notice"):
    """What a person should know: a process that writes for the engine has ended, or the engine will not go on with
    something. `recording` is the trace that is still being written, as in `Hello`.
    """

    text: str
    recording: str = ""


class NoteFrame(Note, tag="note"):
    """What somebody found out who looks at the engine from beside."""


class GoodbyeFrame(Goodbye, tag="bye"):
    """The engine ends in order."""


class Command(Frame, tag="command"):
    """Inspector to engine: `watch` (mode, every), `stop`, `payload` (stream, on), `record` (on), and what may touch
    streams.
    """

    number: int
    name: str
    arguments: dict[str, int | str | bool]


class Reply(Frame, tag="reply"):
    """Engine to inspector: how a command went; `error` is "" if well, `runs` as in `Slice`."""

    number: int
    error: str = ""
    runs: int = -1


class Unknown:
    """A frame that a later version of the engine sends: passed over."""


_Known = Hello | BatchFrame | SliceFrame | GapFrame | PayloadFrame | Notice | NoteFrame | GoodbyeFrame | Command | Reply
AnyFrame = _Known | Unknown

_encoder = msgspec.msgpack.Encoder()
_any_frame = msgspec.msgpack.Decoder(_Known | _Numbers)
_MALFORMED = (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError, ValueError)


class _PackedSlice(Frame, tag="slice"):
    """A slice whose handles are packed yet."""

    place: int
    loop: msgspec.Raw
    streams: msgspec.Raw


class _PackedBatch(Frame, tag="records"):
    """A batch whose words are packed yet."""

    place: int
    turn: int
    t: int
    words: msgspec.Raw


_packed_slice = msgspec.msgpack.Decoder(_PackedSlice)
_packed_batch = msgspec.msgpack.Decoder(_PackedBatch)
_TAGS = frozenset(str(kind.__struct_config__.tag).encode() for kind in (*get_args(_Known), _Numbers))


def pack(frame: msgspec.Struct) -> bytes:
    """The frame as it travels. Raises FrameError if it is larger than a peer would take, UnicodeError or OverflowError
    for text and numbers that msgpack has no form for.
    """
    return wire.with_length(_encoder.encode(frame))


def read_frame(body: bytes) -> AnyFrame:
    """What the engine said. Raises FrameError."""
    tag = _tag_of(body)
    if tag not in _TAGS:
        return Unknown()
    try:
        _check_bounds(tag, body)
        frame: AnyFrame | _Numbers = _any_frame.decode(body)
        return frame.batch() if isinstance(frame, _Numbers) else frame
    except _MALFORMED as error:
        raise FrameError(tr("what came is no frame: {error}", error=error)) from error


def _check_bounds(tag: bytes, body: bytes) -> None:
    """Raises FrameError for a frame that has more in it than an engine puts there. Nothing is unpacked for that."""
    if tag == b"records":
        if len(body) > MOST_WORDS:
            from streamscope.trace.packing import array_length  # the engine's process does without that room

            words = array_length(memoryview(_packed_batch.decode(body).words))
            if words > MOST_WORDS:
                raise FrameError(
                    tr(
                        "a batch has {words} words, and {most} is the most there is",
                        words=f"{words:,}",
                        most=f"{MOST_WORDS:,}",
                    )
                )
    elif tag == b"numbers":
        if len(body) > 8 * (MOST_WORDS + 16):
            raise FrameError(
                tr("a batch has more words than {most}, which is the most there is", most=f"{MOST_WORDS:,}")
            )
    elif tag == b"slice":
        from streamscope.trace.packing import array_length, has_cut_handles, requests_in

        handles = bytes(_packed_slice.decode(body).streams)
        if array_length(handles) > STREAMS_PER_SLICE:
            raise FrameError(
                tr(
                    "a slice has {n} handles, and {most} is the most",
                    n=f"{array_length(handles):,}",
                    most=STREAMS_PER_SLICE,
                )
            )
        if has_cut_handles(handles):
            raise FrameError(tr("a slice has handles that are cut short"))
        most = MOST_REQUESTS + REQUESTS_PER_SLICE
        if len(handles) > most and requests_in(handles) > most:
            raise FrameError(tr("a slice has more than {most} requests", most=f"{MOST_REQUESTS:,}"))
    elif len(body) > MOST_OTHER:
        raise FrameError(tr("a frame of {n} bytes is too long for what it says it is", n=f"{len(body):,}"))


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
            tr(
                "the engine (streamscope {version}) speaks protocol {protocol}, this inspector "
                "up to {ours}: use the same version of streamscope for both",
                version=hello.version[:20],
                protocol=hello.protocol,
                ours=PROTOCOL,
            )
        )
