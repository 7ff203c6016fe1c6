"""Batches: whatever a program says reaches the inspectors as whole records."""

from __future__ import annotations

from streamscope.core.joined_records import JOINED, joined_site
from streamscope.core.probe import KINDS, site
from streamscope.core.records import Word
from streamscope.link.batches import MOST_WORDS, OwnLayout, pack_batch
from streamscope.link.frames import BatchFrame, read_frame
from streamscope.trace.decode import Decoder

LAYOUT = OwnLayout([(kind.name, [arg.name for arg in kind.args]) for kind in KINDS], JOINED)
NAME = 1 << 16 | site("handle.name", "name")
HIGH_WATER = 1 << 16 | site("high_water", "high_water")
TURN = site("loop.turn", "uv_run")
FLAG = 1 << 16 | site("flag.set", "uv_close")


def unpacked(words: list[Word], place: int = 0, turn: int = 1, t: int = 10) -> list[BatchFrame]:
    frames = []
    for packed, part in pack_batch(LAYOUT, place, turn, t, words):
        frame = read_frame(packed[4:])
        assert isinstance(frame, BatchFrame)
        assert len(frame.words) == len(part)
        frames.append(frame)
    return frames


def test_an_ordinary_batch_is_one_frame() -> None:
    words: list[Word] = [NAME, "echo", FLAG, 1]
    assert unpacked(words, 5, 2, 30) == [BatchFrame(5, 2, 30, words)]


def test_text_that_is_no_text_arrives_as_its_code() -> None:
    [frame] = unpacked([NAME, "caf\udce9"])
    assert frame.words == [NAME, "caf\\udce9"]


def test_numbers_beyond_64_bits_arrive_as_the_widest_there_is() -> None:
    [frame] = unpacked([HIGH_WATER, 65536, 1 << 80])
    assert frame.words == [HIGH_WATER, 65536, (1 << 63) - 1]


def test_a_batch_too_large_for_a_frame_is_cut_between_records_and_keeps_its_clock() -> None:
    words: list[Word] = []
    for turn in range(1, 200_000):
        words += [TURN, turn, turn * 1000, FLAG, 1]
    frames = unpacked(words)
    assert len(frames) > 1
    assert all(len(frame.words) <= MOST_WORDS for frame in frames)
    decoder = Decoder.here()
    place, turn, t = 0, 1, 10
    for frame in frames:
        assert (frame.place, frame.turn, frame.t) == (place, turn, t)
        last = list(decoder.events(frame.place, frame.turn, frame.t, frame.words))[-1]
        place, turn, t = place + len(frame.words), last.turn, last.t
    assert place == len(words)


def test_a_batch_full_of_long_text_is_cut_until_it_fits() -> None:
    frames = unpacked([NAME, "é" * 40_000] * 400)
    assert sum(len(frame.words) for frame in frames) == 800
    assert all(word == NAME or word == "é" * 512 for frame in frames for word in frame.words)


def test_lengths_used_for_cutting_are_the_decoders() -> None:
    decoder = Decoder.here()
    assert (LAYOUT.lengths, LAYOUT.weights) == (decoder.layout.lengths, decoder.layout.weights)


def test_a_cut_behind_a_joined_record_knows_the_time_it_carried() -> None:
    end = joined_site("read.end")
    words: list[Word] = [word for t in range(300_000) for word in (1 << 16 | end, t)]
    frames = unpacked(words)
    assert len(frames) > 1
    assert frames[1].t == frames[0].words[-1]
