"""Frames: what is sent arrives, however it is cut; what is no frame is a FrameError and nothing else."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamscope.link import frames
from streamscope.link.batches import MOST_WORDS
from streamscope.link.frames import (
    MAX_COMMAND,
    MAX_FRAME,
    AnyFrame,
    BatchFrame,
    Command,
    Frame,
    FrameCutter,
    FrameError,
    GapFrame,
    GoodbyeFrame,
    NoteFrame,
    PayloadFrame,
    Reply,
    SliceFrame,
    Unknown,
    pack,
    read_frame,
)
from streamscope.link.rounds import MOST_REQUESTS, STREAMS_PER_SLICE
from streamscope.link.taps import MOST_BYTES
from streamscope.link.wire import read_command
from streamscope.trace.state import LoopState, RequestState, StreamState

FRAMES = [
    BatchFrame(7, 3, 10**12, [1 << 40, -11, "echo.py:31 on_connection", 0]),
    SliceFrame(9, LoopState(turn=5), [StreamState(3, write_queue=[RequestState(8, 3, 100, 50)])], True, False),
    GapFrame(12),
    PayloadFrame(3, 17, True, 5, b"\x00\xff"),
    NoteFrame(1.5, "stuck", "in crunch", 0),
    GoodbyeFrame("SIGTERM", 0),
    Reply(4, "no"),
]

anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(0, 9), inner),
    max_leaves=20,
)
tags = st.sampled_from(["hello", "records", "slice", "lost", "payload", "note", "bye", "command", "reply"])


@given(st.lists(st.sampled_from(FRAMES)), st.lists(st.integers(1, 200)))
def test_frames_arrive_whole_however_the_way_cuts_them(frames: list[object], cuts: list[int]) -> None:
    rest = b"".join(pack(frame) for frame in frames)  # type: ignore[arg-type]
    cutter = FrameCutter(MAX_FRAME)
    arrived = []
    for cut in [*cuts, len(rest)]:
        arrived += [read_frame(body) for body in cutter.feed(rest[:cut])]
        rest = rest[cut:]
    assert arrived == frames
    assert cutter.held == 0


@given(st.binary(max_size=400))
def test_garbage_is_an_error_of_frames_or_not_whole_yet(garbage: bytes) -> None:
    cutter = FrameCutter(1000)
    try:
        for body in cutter.feed(garbage):
            read_command(body)
    except FrameError:
        return
    assert cutter.held <= len(garbage)


@given(st.binary(max_size=200))
def test_a_body_of_garbage_is_no_frame_and_no_other_error(body: bytes) -> None:
    for read in (read_frame, read_command):
        try:
            frame = read(body)
        except FrameError:
            continue
        if isinstance(frame, Unknown):  # it has a name, which is none of ours
            assert body[1] & 0xE0 == 0xA0
            continue
        if not isinstance(frame, Frame):
            assert body[1:].startswith(b"\xa7command")
            continue
        assert body.startswith(msgspec.msgpack.encode([type(frame).__struct_config__.tag])[1:2], 1)


def test_a_frame_of_a_later_version_is_passed_over() -> None:
    later = msgspec.msgpack.encode(["smell", {"salt": 1}, b"\xff"])
    assert isinstance(read_frame(later), Unknown)


@given(tags, st.lists(anything, max_size=12))
def test_a_frame_with_wrong_fields_is_refused_or_read_as_what_it_says(tag: str, fields: list[object]) -> None:
    body = msgspec.msgpack.encode([tag, *fields])
    for read in (read_frame, read_command):
        try:
            frame = read(body)
        except FrameError:
            continue
        assert tag == (type(frame).__struct_config__.tag if isinstance(frame, msgspec.Struct) else "command")


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(FrameError):
        read_frame(b"\x92\xa4lost" + b"\x91" * 100_000 + b"\x01")
    with pytest.raises(FrameError):
        read_frame(b"\x93\xa4lost\x01" + b"\x91" * 100_000 + b"\x01")


def test_handles_that_are_cut_short_are_refused_before_they_are_made() -> None:
    """A handle that is read from two bytes takes hundreds."""
    loop = msgspec.msgpack.encode(LoopState())
    handles = b"\xdc" + (60).to_bytes(2, "big") + b"\x91\x01" * 60
    with pytest.raises(FrameError, match="cut short"):
        read_frame(b"\x96\xa5slice\x05" + loop + handles + b"\xc3\xc3")


def array_of(length: int) -> bytes:
    """How msgpack begins a long array."""
    return b"\xdd" + length.to_bytes(4, "big")


def slice_with(handles: bytes) -> bytes:
    return b"\x96\xa5slice\x05" + msgspec.msgpack.encode(LoopState()) + handles + b"\xc3\xc3"


BOUNDED = {
    "a batch has": b"\x95\xa7records\x00\x01\x01" + array_of(MOST_WORDS + 1) + b"\x01" * (MOST_WORDS + 1),
    "a slice has 65 handles": slice_with(msgspec.msgpack.encode([StreamState(n + 1) for n in range(65)])),
    "a slice has more than": slice_with(
        b"\x91"
        + msgspec.msgpack.encode(StreamState(1, write_queue=[RequestState(1, 3)])).replace(
            b"\x91" + msgspec.msgpack.encode(RequestState(1, 3)),
            array_of(MOST_REQUESTS + 5_000) + msgspec.msgpack.encode(RequestState(1, 3)) * (MOST_REQUESTS + 5_000),
        )
    ),
    "too long for what it says it is": b"\x99\xa5hello\x02\xa0\x01\xa1x\x90\x01"
    + array_of(1_000_000)
    + b"\x92\xa1a\x90" * 1_000_000
    + b"\x90",
}
"""What an engine puts into no frame, by what is said of it. All of it could be unpacked."""


@pytest.mark.parametrize("reason", BOUNDED)
def test_a_frame_in_which_there_is_more_than_an_engine_puts_there_is_refused_before_it_is_unpacked(
    reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked = 0

    class Counts:
        def decode(self, body: bytes) -> AnyFrame:
            nonlocal unpacked
            unpacked += 1
            return Unknown()

    monkeypatch.setattr(frames, "_any_frame", Counts())
    assert len(BOUNDED[reason]) <= MAX_FRAME
    with pytest.raises(FrameError, match=reason):
        read_frame(BOUNDED[reason])
    assert unpacked == 0


def test_as_much_as_an_engine_puts_into_a_frame_is_read() -> None:
    words = read_frame(pack(BatchFrame(0, 1, 1, [1] * MOST_WORDS))[4:])
    assert isinstance(words, BatchFrame)
    assert len(words.words) == MOST_WORDS
    handles = read_frame(pack(SliceFrame(0, LoopState(), [StreamState(n + 1) for n in range(STREAMS_PER_SLICE)]))[4:])
    assert isinstance(handles, SliceFrame)
    shown = read_frame(pack(PayloadFrame(1, 1, True, MOST_BYTES, bytes(MOST_BYTES)))[4:])
    assert isinstance(shown, PayloadFrame)


def test_a_length_beyond_all_bounds_is_refused_when_it_is_announced() -> None:
    cutter = FrameCutter(MAX_COMMAND)
    with pytest.raises(FrameError, match="announced"):
        list(cutter.feed((MAX_COMMAND + 1).to_bytes(4, "little")))


def test_a_frame_that_no_peer_would_take_is_not_packed() -> None:
    with pytest.raises(FrameError, match="larger"):
        pack(PayloadFrame(1, 1, True, 1, bytes(MAX_FRAME)))


def test_commands_carry_numbers_texts_and_switches_only() -> None:
    command = Command(1, "payload", {"stream": 7, "on": True, "text": "x"})
    read = read_command(pack(command)[4:])
    assert (read.number, read.name, read.arguments) == (1, "payload", {"stream": 7, "on": True, "text": "x"})
    with pytest.raises(FrameError):
        read_command(msgspec.msgpack.encode(["command", 1, "payload", {"stream": [7]}]))
