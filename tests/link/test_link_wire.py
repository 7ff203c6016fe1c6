"""What a producer packs with the standard library alone is what everybody else reads, and the other way round."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamscope.link import frames, msgpack, states, wire
from streamscope.link.frames import as_received, read_frame
from streamscope.link.msgpack import MOST_DEPTH, MOST_VALUES, UnpackError
from streamscope.trace.state import LoopState, RequestState, StreamState

integers = st.integers(-(2**63), 2**64 - 1)
words = st.lists(st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20), max_size=80)
values = st.recursive(
    st.none() | st.booleans() | integers | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=40) | st.dictionaries(st.text() | st.integers(0, 9), inner),
    max_leaves=60,
)
arguments = st.dictionaries(st.text(max_size=20), integers | st.text(max_size=40) | st.booleans(), max_size=12)


def ours(frame: wire.Frame) -> frames.AnyFrame:
    """Packed with the standard library alone, and read as an inspector reads it."""
    return read_frame(msgpack.encode(frame))


# writing


@given(values)
def test_every_reader_of_msgpack_reads_what_was_written(value: object) -> None:
    assert msgspec.msgpack.decode(msgpack.encode(value)) == value


@given(st.lists(integers | st.booleans() | st.text(max_size=3), min_size=16, max_size=400))
def test_long_lists_are_written_in_runs_and_read_as_they_were(value: list[object]) -> None:
    read = msgspec.msgpack.decode(msgpack.encode(value))
    assert read == value
    assert [type(word) for word in read] == [type(word) for word in value]


@pytest.mark.parametrize("length", [0, 31, 32, 255, 256, 65535, 65536])
def test_texts_bytes_lists_and_maps_of_any_length_are_read(length: int) -> None:
    for value in ("x" * length, b"x" * length, ["x"] * length, dict.fromkeys(range(length), True)):
        assert msgspec.msgpack.decode(msgpack.encode(value), type=type(value)) == value


@pytest.mark.parametrize("value", [1 << 64, -(1 << 63) - 1, [1 << 64] * 20])
def test_numbers_beyond_64_bits_have_no_form(value: object) -> None:
    with pytest.raises(OverflowError):
        msgpack.encode(value)


def test_text_that_is_no_text_has_no_form_and_nor_have_objects() -> None:
    with pytest.raises(UnicodeError):
        msgpack.encode("caf\udce9")
    with pytest.raises(TypeError):
        msgpack.encode(object())


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=1300), st.booleans())
def test_records_of_integers_alone_go_in_a_row_unless_a_faster_library_packs(words: list[int], faster: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "encode", msgspec.msgpack.encode if faster else msgpack.encode)
        frame = wire.records(3, 2, 9, [*words])
        assert frame[0] == ("records" if faster else "numbers")
        assert ours(frame) == frames.BatchFrame(3, 2, 9, [*words])
    assert wire.from_a_row(wire.in_a_row(words)) == words


@pytest.mark.parametrize(
    ("row", "why"), [(b"\0" * 7, "frame"), (b"\0" * 8 * (frames.MOST_WORDS + 16), "more words"), ([1, 2], "frame")]
)
def test_a_row_that_is_none_or_too_long_is_said(row: object, why: str) -> None:
    with pytest.raises(wire.FrameError, match=why):
        ours(["numbers", 0, 0, 0, row])


@given(st.integers(0, 1 << 60), st.integers(0, 1 << 40), st.integers(0, 1 << 60), words)
def test_records_arrive_word_for_word(place: int, turn: int, t: int, words: list[int | str]) -> None:
    assert ours(wire.records(place, turn, t, words)) == frames.BatchFrame(place, turn, t, words)


@given(st.text(), st.integers(0, 1 << 40), st.binary(), st.booleans())
def test_the_other_frames_arrive_as_they_were(text: str, number: int, data: bytes, flag: bool) -> None:
    assert ours(wire.lost(number)) == frames.GapFrame(number)
    assert ours(wire.payload(number, 5, flag, 9, data)) == frames.PayloadFrame(number, 5, flag, 9, data)
    assert ours(wire.notice(text, "x")) == frames.Notice(text, "x")
    assert ours(wire.note(1.5, "stuck", text, 7)) == frames.NoteFrame(1.5, "stuck", text, 7)
    assert ours(wire.bye(text, 3)) == frames.GoodbyeFrame(text, 3)
    assert ours(wire.reply(number, text)) == frames.Reply(number, text)


def test_a_greeting_arrives_with_every_field(greeting: wire.Hello) -> None:
    hello = ours(greeting.frame())
    assert isinstance(hello, frames.Hello)
    fields = {name: getattr(hello, name) for name in hello.__struct_fields__ if name != "vocabulary"}
    assert fields == {name: value for name, value in vars(greeting).items() if name != "vocabulary"}
    assert msgspec.to_builtins(hello.vocabulary)["engine"] == "asyncio, CPython 3.12.1"
    assert as_received(greeting.frame()) == hello


@pytest.fixture
def greeting() -> wire.Hello:
    hello = wire.Hello(
        version="1",
        pid=7,
        program="uvicorn",
        started=1.5,
        kinds=[("loop.turn", ["turn", "t"])],
        functions=["select"],
        joined=[("read", ["t"], [(0, [(1, 3), (0, 0)])])],
        vocabulary={"engine": "asyncio, CPython 3.12.1"},
        loop=2,
    )
    hello.addresses, hello.log, hello.control, hello.payload = ["[::1]:80"], "log", True, 9
    hello.streams, hello.probe, hello.recording = 4, "7.2.sock", "x.scope"
    return hello


# states


def test_states_have_the_fields_of_the_structures_they_are_read_into() -> None:
    for made, read in ((states.LOOP, LoopState), (states.REQUEST, RequestState), (states.HANDLE, StreamState)):
        assert tuple(made) == read.__struct_fields__
    assert msgspec.convert(states.loop_state(), LoopState) == LoopState()
    assert msgspec.convert(states.request_state(), RequestState) == RequestState(0, 0)
    assert msgspec.convert(states.handle_state(), StreamState) == StreamState(0)


def test_a_slice_arrives_as_state() -> None:
    request = states.request_state(number=4, request=3, bytes=10, left=5)
    handle = states.handle_state(number=3, type=12, name="x", write_queue=[request], closing=True)
    frame = wire.slice_of(9, states.loop_state(turn=2), [handle], True, False, True, 41)
    state = StreamState(3, 12, name="x", write_queue=[RequestState(4, 3, 10, 5)], closing=True)
    assert ours(frame) == frames.SliceFrame(9, LoopState(turn=2), [state], True, False, True, 41)


def test_a_field_that_there_is_not_is_said() -> None:
    with pytest.raises(TypeError, match="colour"):
        states.handle_state(number=1, colour=3)


def test_the_fields_that_programs_set_are_known_by_place() -> None:
    names = [StreamState.__struct_fields__[place] for place in states.SET_BY_PROGRAMS]
    assert set(names) == {"name", "place", "local", "peer", "session", "paused_at", "high_water"}


# reading


@given(st.integers(-(2**63), 2**63 - 1), st.text(max_size=40), arguments)
def test_commands_are_read_as_they_were_given(number: int, name: str, given: dict[str, int | str | bool]) -> None:
    command = wire.read_command(frames.pack(frames.Command(number, name, given))[4:])
    assert (command.number, command.name, command.arguments) == (number, name, given)
    assert [type(value) for value in command.arguments.values()] == [type(value) for value in given.values()]


@given(values)
def test_whatever_msgspec_writes_is_read_as_the_same_or_refused(value: object) -> None:
    try:
        read = msgpack.decode(msgspec.msgpack.encode(value))
    except UnpackError:
        return
    assert read == value


@given(st.binary(max_size=300))
def test_garbage_is_refused_and_nothing_else_happens(garbage: bytes) -> None:
    try:
        msgpack.decode(garbage)
    except UnpackError:
        pass


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\x91" * 60_000 + b"\x01", "nested deeper"),
        (b"\x91" * (MOST_DEPTH + 1) + b"\x01", "nested deeper"),
        (b"\xdd\xff\xff\xff\xff", "more than"),
        (b"\xdf\xff\xff\xff\xff", "more than"),
        (b"\xdc" + (60_000).to_bytes(2, "big") + b"\x01" * 60_000, "more than"),
        (b"\x9f" + b"\xdc\x01\x00" + b"\x90" * 256 + b"\xdc\x03\x00" + b"\x90" * 768, "more than"),
        (b"\xdb\xff\xff\xff\xffabc", "cut off"),
        (b"\xc6\xff\xff\xff\xffabc", "cut off"),
        (b"\xa3ab", "cut off"),
        (b"\xcd\x01", "cut off"),
        (b"", "cut off"),
        (b"\x01\x01", "follows"),
        (b"\xc1", "kind that is not taken"),
        (b"\xd4\x01\x01", "kind that is not taken"),
        (b"\x81\x90\x01", "neither text nor number"),
        (b"\xa1\xff", "UTF-8"),
    ],
)
def test_what_would_take_much_time_or_memory_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(UnpackError, match=why):
        msgpack.decode(body)


def test_no_more_values_are_looked_at_than_the_bound() -> None:
    class Counting(msgpack._Reader):
        looked = 0

        def value(self, depth: int) -> object:
            Counting.looked += 1
            return super().value(depth)

    inner = b"\xdc\x02\x00" + b"\x01" * 512
    reader = Counting(b"\x94" + 4 * inner)
    with pytest.raises(UnpackError, match="more than"):
        reader.value(MOST_DEPTH)
    assert Counting.looked <= MOST_VALUES
