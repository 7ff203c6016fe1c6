"""The frames of the link as a producer makes them, and the commands that it gets: standard library only.

    engine's side   wire      plain lists, packed by `pack`; works in programs that have nothing of ours
    inspector's     frames    the same frames as checked structures, and what each is for

A frame is a list: its type's tag, then its fields in their order. Fields are only ever added at the end. A test holds
these against `frames`: what is packed here reads there as what it was, and what is packed there reads here.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterator
from sys import byteorder
from typing import Any, TypeAlias

from streamscope.link import msgpack

PROTOCOL = 3
MAX_FRAME = 16 * 1024 * 1024
MAX_COMMAND = 64 * 1024
"""Bytes of one frame at most, from the engine and from an inspector."""

Frame: TypeAlias = list[Any]
Argument: TypeAlias = int | str | bool

_HEAD = 4


class FrameError(Exception):
    """The peer sent what is not a frame; the text says what was wrong."""


class Hello:
    """The first frame: who speaks, and how its records are to be read. See `frames.Hello` for each field."""

    def __init__(
        self,
        *,
        version: str,
        pid: int,
        program: str,
        started: float,
        kinds: list[tuple[str, list[str]]],
        functions: list[str],
        joined: list[tuple[str, list[str], list[tuple[int, list[tuple[int, int]]]]]],
        vocabulary: dict[str, Any] | None,
        loop: int = 1,
    ) -> None:
        self.protocol = PROTOCOL
        self.version = version
        self.pid = pid
        self.program = program
        self.addresses: list[str] = []
        self.started = started
        self.kinds = kinds
        self.functions = functions
        self.log = ""
        self.control = False
        self.payload = 0
        self.streams = 0
        self.joined = joined
        self.probe = ""
        self.recording = ""
        self.vocabulary = vocabulary
        self.loop = loop
        self.host = ""
        self.injected = ""
        self.thread = 0

    def frame(self) -> Frame:
        """As it is sent."""
        return [
            "hello", self.protocol, self.version, self.pid, self.program, self.addresses, self.started, self.kinds,
            self.functions, self.log, self.control, self.payload, self.streams, self.joined, self.probe,
            self.recording, self.vocabulary, self.loop, self.injected, self.host, self.thread,
        ]  # fmt: skip


def records(place: int, turn: int, t: int, words: list[int | str]) -> Frame:
    """A batch of the feed; of integers alone, where no faster library packs: `numbers`, which we pack four times as
    fast.
    """
    if encode is msgpack.encode:
        try:
            return ["numbers", place, turn, t, in_a_row(words)]
        except struct.error:  # there is text among them
            pass
    return ["records", place, turn, t, words]


_RUN = struct.Struct("<512q")


def in_a_row(words: list[Any]) -> bytes:
    """Integers as eight bytes each, little endian. Raises struct.error for what is none, or beyond 64 bits."""
    rest = len(words) % 512
    last = struct.pack(f"<{rest}q", *words[-rest:]) if rest else b""
    return b"".join([*(_RUN.pack(*words[i : i + 512]) for i in range(0, len(words) - rest, 512)), last])


def from_a_row(data: bytes) -> list[int]:
    """The same back. Raises ValueError for what is no row."""
    words = array("q")
    words.frombytes(data)
    if byteorder == "big":
        words.byteswap()
    return words.tolist()


def slice_of(
    place: int, loop: list[Any], handles: list[list[Any]], first: bool, last: bool, alone: bool, runs: int = -1
) -> Frame:
    """Part of a snapshot; `loop` and `handles` are as `states` makes them, `runs` is as in `contents.Slice`."""
    return ["slice", place, loop, handles, first, last, alone, runs]


def lost(events: int) -> Frame:
    """So many events were dropped."""
    return ["lost", events]


def payload(stream: int, t: int, out: bool, total: int, data: bytes) -> Frame:
    """Bytes of a stream."""
    return ["payload", stream, t, out, total, data]


def notice(text: str, recording: str = "") -> Frame:
    """What a person should know."""
    return ["notice", text, recording]


def note(at: float, about: str, text: str, stream: int = 0) -> Frame:
    """What was found out beside the feed."""
    return ["note", at, about, text, stream]


def bye(reason: str, status: int) -> Frame:
    """The end."""
    return ["bye", reason, status]


def reply(number: int, error: str = "", runs: int = -1) -> Frame:
    """How a command went; `runs` is as in `contents.Slice`."""
    return ["reply", number, error, runs]


class Command:
    """What an inspector asks for."""

    __slots__ = ("arguments", "name", "number")

    def __init__(self, number: int, name: str, arguments: dict[str, Argument]) -> None:
        self.number = number
        self.name = name
        self.arguments = arguments


encode: Callable[[Any], bytes] = msgpack.encode
"""What packs frames; `encode_with` exchanges it."""


def encode_with(faster: Callable[[Any], bytes]) -> None:
    """Have frames packed by another library, in a process that has one."""
    global encode
    encode = faster


def pack(frame: Frame) -> bytes:
    """The frame as it travels. Raises FrameError if it is larger than a peer would take, UnicodeError or OverflowError
    for text and numbers that msgpack has no form for.
    """
    return with_length(encode(frame))


def with_length(body: bytes) -> bytes:
    """A packed frame with its length before it. Raises FrameError if it is larger than a peer would take."""
    if len(body) > MAX_FRAME:
        raise FrameError(f"a frame of {len(body):,} bytes is larger than the {MAX_FRAME:,} that a peer takes")
    return len(body).to_bytes(_HEAD, "little") + body


def read_command(body: bytes) -> Command:
    """What an inspector said. Raises FrameError."""
    try:
        said = msgpack.decode(body)
    except msgpack.UnpackError as error:
        raise FrameError(f"what came is no command: {error}") from error
    if type(said) is not list or len(said) < 4 or said[0] != "command":
        raise FrameError("what came is no command")
    number, name, arguments = said[1:4]
    if type(number) is not int or type(name) is not str or type(arguments) is not dict:
        raise FrameError("what came is no command: a field has the wrong type")
    if any(type(key) is not str or type(value) not in (int, str, bool) for key, value in arguments.items()):
        raise FrameError("what came is no command: an argument has the wrong type")
    return Command(number, name, arguments)


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
