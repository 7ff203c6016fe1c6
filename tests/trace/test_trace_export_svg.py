"""The picture of a time line: what it shows is what happened, it is well-formed, and text cannot break out of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from feeds import MS, record
from hypothesis import given
from hypothesis import strategies as st
from trace_scene import QUICK, SERVER, SLOW, Stage, accepted, play

from streamscope.core import flags as uv
from streamscope.trace.export import scales
from streamscope.trace.export.options import ExportError, ExportOptions
from streamscope.trace.export.pen import DARK, LIGHT, clean, fitting, width_of
from streamscope.trace.export.stretches import BUSY, LIT, is_busy, lanes_of, lit, missing
from streamscope.trace.export.svg import UNITS, picture
from streamscope.trace.lanes import Lane, LaneColumn, lanes_of_feed
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.vocabulary import Vocabulary

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def trace(tmp_path: Path) -> Iterator[TraceFile]:
    with play(Stage(tmp_path / "x.scope")).close() as opened:
        yield opened


class Drawn:
    """A picture, parsed."""

    def __init__(self, text: str) -> None:
        self.root = ElementTree.fromstring(text)
        self.texts = [element.text or "" for element in self.root.iter(f"{SVG}text")]
        self.titles = [element.text or "" for element in self.root.iter(f"{SVG}title")]

    def slices(self, name: str) -> list[str]:
        return [title.split(": ")[1] for title in self.titles if title.startswith(f"{name}: ")]


def drawn(trace: TraceFile, request: ExportOptions, theme: str = "light", title: str = "") -> Drawn:
    return Drawn(picture(trace, request, theme=theme, title=title))


def test_a_picture_shows_the_stream_whose_queue_grew_longest(trace: TraceFile) -> None:
    found = drawn(trace, ExportOptions())

    assert "#7 tcp ← 127.0.0.1:50000" in found.texts
    assert not any("#8" in text for text in found.texts)
    assert found.texts[0] == "echo 127.0.0.1:7000"
    assert "2023-11-14 22:13:20 UTC" in found.texts[1]


def test_a_slide_is_sixteen_to_nine(trace: TraceFile) -> None:
    assert drawn(trace, ExportOptions()).root.get("viewBox") == "0 0 1280 720"


def test_lanes_are_named_as_libuv_names_them_and_say_when_they_were_lit(trace: TraceFile) -> None:
    found = drawn(trace, ExportOptions(streams=(SLOW,), begin="0s", end="1s"))

    names = [text for text in found.texts if text.isupper() or text.startswith("wants ")]
    assert names == ["READABLE", "WRITABLE", "READING", "READ_PARTIAL", "wants IN", "wants OUT", "CLOSING", "CLOSED"]
    (reading,) = found.slices("READING")
    assert re.fullmatch(r"0\.10\d s – 0\.20\d s \(10\d ms\)", reading)
    assert len(found.slices("READABLE")) == 2  # events are missing between them


def test_the_queue_has_its_peak_and_how_long_it_was_above_the_mark(trace: TraceFile) -> None:
    found = drawn(trace, ExportOptions(streams=(SLOW,), begin="0s", end="1s"))

    (said,) = [text for text in found.texts if text.startswith("write_queue_size peaks")]
    assert re.fullmatch(r"write_queue_size peaks at 97\.7 KiB, 0\.\d{3} s · above high_water for 21\d ms", said)
    assert "high_water 64 KiB" in found.texts
    assert "97.7 KiB" in found.texts


def test_what_is_missing_is_said(trace: TraceFile) -> None:
    found = drawn(trace, ExportOptions(streams=(SLOW,)))

    assert "1,234 events lost" in found.texts
    assert "events are missing" in found.texts
    assert [rect for rect in found.root.iter(f"{SVG}rect") if rect.get("fill") == "url(#lost)"]


def test_what_happened_is_counted_beside_its_ticks(trace: TraceFile) -> None:
    found = drawn(trace, ExportOptions(streams=(SLOW,)))

    for label, total in (("reads", "1 · 46.9 KiB"), ("writes", "1 · 66.4 KiB"), ("errors", "3")):
        assert label in found.texts
        assert total in found.texts
    assert "errors" not in drawn(trace, ExportOptions(streams=(QUICK,))).texts


def test_streams_stand_in_the_order_in_which_they_were_named(trace: TraceFile) -> None:
    found = drawn(trace, ExportOptions(streams=(QUICK, SLOW, SERVER)))

    assert [text.split()[0] for text in found.texts if text.startswith("#")] == ["#8", "#7", "#1"]
    box = str(found.root.get("viewBox")).split()
    assert float(box[3]) > 720
    assert found.texts.count("loop turns") == 1


def test_a_stretch_in_which_nothing_happens_is_drawn_as_it_stands(trace: TraceFile) -> None:
    found = drawn(trace, ExportOptions(begin="210ms", end="290ms"))

    assert found.slices("wants OUT") == ["210.00 ms – 290.00 ms (80 ms)"]
    assert "write_queue_size peaks at 78.1 KiB, 210.00 ms · above high_water for 80 ms" in found.texts


def test_an_instant_is_told_as_exactly_as_one_looks() -> None:
    assert scales.instant(44_410_250) == "0.044 s"
    assert scales.instant(44_410_250, 80 * MS) == "44.41 ms"
    assert scales.instant(44_410_250, 8 * MS) == "44.410 ms"
    assert scales.instant(31_402_117_000, 30_000 * MS) == "31.40 s"
    assert scales.instant(31_402_117_000, 1) == "31.402117000 s"


def test_what_is_long_leaves_room_for_what_stands_beside_it(tmp_path: Path) -> None:
    name = "a name that its program has made far too long " * 4
    with play(Stage(tmp_path / "x.scope"), name=name).close() as trace:
        found = drawn(
            trace, ExportOptions(streams=(SLOW,)), title="Nobody reads what the server writes to its slowest client"
        )
        longer = drawn(trace, ExportOptions(streams=(SLOW,)), title="x" * 190)

    sizes = {element.text: float(element.get("font-size", 0)) for element in found.root.iter(f"{SVG}text")}
    assert 17 < sizes["Nobody reads what the server writes to its slowest client"] < 27
    [heading] = [text for text in found.texts if text.startswith("#7")]
    assert heading.startswith("#7 tcp a name that its")
    assert heading.endswith("…")
    assert width_of(heading, 17) + width_of(found.texts[3], 14) < UNITS
    assert longer.texts[0].endswith("x…")
    assert width_of(longer.texts[0], 17) + width_of(longer.texts[1], 15) < 1200
    assert fitting("漢字漢字漢字", 10, 60) == "漢字漢字…"


def test_a_filter_chooses_the_streams(trace: TraceFile) -> None:
    found = drawn(trace, ExportOptions(filter='peer ~ ":50001"'))

    assert [text.split()[0] for text in found.texts if text.startswith("#")] == ["#8"]


def test_without_times_it_shows_the_life_of_what_it_shows(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "x.scope")
    stage.batch(stage.turn_to(10_000), accepted(SLOW, 50000), record("write_queue_size", SLOW, 0, 5))
    stage.batch(stage.turn_to(10_100), record("handle.closed", SLOW))
    stage.batch(stage.turn_to(20_000))
    with stage.close() as trace:
        found = drawn(trace, ExportOptions())

    assert found.slices("READABLE") == ["9.9999 s – 10.1001 s (100 ms)"]
    assert "105 ms" in found.texts[1]


@pytest.mark.parametrize(
    "asked", [ExportOptions(streams=(99,)), ExportOptions(streams=(SLOW, 99)), ExportOptions(filter="stream==99")]
)
def test_a_stream_that_is_not_there_is_told(trace: TraceFile, asked: ExportOptions) -> None:
    with pytest.raises(ExportError, match="no stream"):
        drawn(trace, asked)


def test_too_many_streams_are_refused(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "x.scope")
    for number in range(1, 15):
        stage.batch(accepted(number, 40000 + number))
    with stage.close() as trace, pytest.raises(ExportError, match="12 streams at most, not 14"):
        drawn(trace, ExportOptions(streams=tuple(range(1, 15))))


def test_a_trace_without_streams_is_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "x.scope")
    stage.batch(stage.turn_to(10))
    with stage.close() as trace, pytest.raises(ExportError, match="no stream"):
        drawn(trace, ExportOptions())


@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_every_theme_is_well_formed_and_has_its_own_ground(trace: TraceFile, theme: str) -> None:
    text = picture(trace, ExportOptions(), theme=theme)

    ground = ElementTree.fromstring(text).findall(f"{SVG}rect")[0]
    assert ground.get("fill") == (DARK if theme == "dark" else LIGHT)["paper"]
    assert ("prefers-color-scheme: dark" in text) == (theme == "auto")


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_stands_out_from_its_ground(theme: dict[str, str]) -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for ground in ("paper", "panel"):
        for ink, least in (("ink", 12), ("muted", 4.5), ("mark", 4.5), ("bad", 4.5), ("can", 3), ("does", 3),
                           ("wants", 3), ("ends", 3)):  # fmt: skip
            one, other = sorted((luminance(theme[ink]), luminance(theme[ground])))
            assert (other + 0.05) / (one + 0.05) >= least, (ink, ground)


def test_names_cannot_break_out_of_the_picture(tmp_path: Path) -> None:
    evil = '</text><script>alert(1)</script>&x;"\x00\x1b[2J\ud800'
    with play(Stage(tmp_path / "x.scope", program=evil[:-1]), name=evil[:-1]).close() as trace:
        found = drawn(trace, ExportOptions(), title='"><image href="http://example.org"/>')

    assert {element.tag.removeprefix(SVG) for element in found.root.iter()} <= {
        "svg", "title", "desc", "defs", "pattern", "rect", "line", "path", "circle", "text",
    }  # fmt: skip
    assert found.texts[0] == '"><image href="http://example.org"/>'
    assert any("</text><script>" in text for text in found.texts)


@given(st.text())
def test_any_text_is_well_formed_and_printable(text: str) -> None:
    shown = ElementTree.fromstring(f"<a>{clean(text)}</a>").text or ""

    assert shown.isprintable()


# what lies in one piece

LANE = Lane("CLOSING", 1)
LANES = lanes_of_feed(Vocabulary.here())


def columns(*any_off: tuple[int, int]) -> list[LaneColumn]:
    return [LaneColumn(known=True, any=any_, off=off, t0=i, t1=i + 1) for i, (any_, off) in enumerate(any_off)]


def test_the_ends_of_a_lit_stretch_belong_to_it() -> None:
    dark, busy, full = (0, 1), (1, 1), (1, 0)

    assert lit(columns(dark, busy, full, full, busy, dark), LANE) == [(LIT, 1, 5)]
    assert lit(columns(dark, busy, dark), LANE) == [(BUSY, 1, 2)]
    assert lit(columns(full, busy, busy, busy, full), LANE) == [(LIT, 0, 1), (BUSY, 1, 4), (LIT, 4, 5)]
    assert is_busy(columns(full, busy, busy, busy, full), [LANE])
    assert not is_busy(columns(full, busy, full), [LANE])


def test_lanes_stand_in_the_order_of_a_streams_life() -> None:
    seen = uv.CLOSED | uv.READING | uv.REF | uv.READABLE | uv.READ_EOF

    assert [lane.name for lane in lanes_of(columns((seen, 0)), LANES)] == [
        "READABLE",
        "READING",
        "READ_EOF",
        "CLOSED",
        "REF",
    ]


def test_after_a_gap_events_are_missing_until_the_stream_is_known_again() -> None:
    known, gap, unknown = LaneColumn(known=True), LaneColumn(known=True, gap=True, lost=5), LaneColumn()

    assert missing([known, gap, unknown, unknown, known, unknown]) == [(5, 1, 4)]
    assert missing([unknown, known, LaneColumn(gap=True), LaneColumn(lost=3, gap=True)]) == [(3, 2, 4)]


# axes


@given(st.integers(0, 10**15), st.integers(1, 10**15), st.integers(2, 20))
def test_ticks_are_few_round_and_within(t0: int, span: int, most: int) -> None:
    ticks = scales.time_ticks(t0, t0 + span, most)

    assert len(ticks) <= most + 1
    assert all(t0 <= tick <= t0 + span for tick in ticks)
    step = scales.time_step(span, most)
    assert all(tick % step == 0 for tick in ticks)
    assert len({scales.time_label(tick, step) for tick in ticks}) == len(ticks)


@pytest.mark.parametrize(
    ("t", "step", "text"),
    [
        (2_000_000_000, 500_000_000, "2.0 s"),
        (12_350_000_000, 50_000_000, "12.35 s"),
        (350_000_000, 50_000_000, "350 ms"),
        (7_000, 1_000, "7 µs"),
        (150_000_000_000, 30_000_000_000, "150 s"),
        (180_000_000_000, 60_000_000_000, "3 min"),
        (7_500_000_000_000, 300_000_000_000, "2:05 h"),
    ],
)
def test_times_on_an_axis(t: int, step: int, text: str) -> None:
    assert scales.time_label(t, step) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [(0, "0 ns"), (999, "999 ns"), (1_234_567, "1.23 ms"), (6_210_000_000, "6.21 s"), (59_999_999_999, "60 s"),
     (150_000_000_000, "2 min 30 s"), (3_725_000_000_000, "1 h 2 min")],
)  # fmt: skip
def test_durations(span: int, text: str) -> None:
    assert scales.duration(span) == text


@given(st.integers(0, 1 << 50))
def test_the_ticks_of_a_size_reach_above_its_peak(peak: int) -> None:
    ticks = scales.byte_ticks(peak)

    assert ticks[0] == 0
    assert peak <= ticks[-1]
    assert 2 <= len(ticks) <= 5


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (1023, "1,023 B"), (1536, "1.5 KiB"), (97.7 * 1024, "97.7 KiB")]
)
def test_sizes(number: float, text: str) -> None:
    assert scales.size(int(number)) == text


def test_a_picture_has_a_column_for_every_unit(trace: TraceFile) -> None:
    found = drawn(trace, ExportOptions(streams=(SLOW,), begin="0s", end=f"{UNITS}ms"))

    (reading,) = found.slices("READING")
    assert reading == "100.0 ms – 201.0 ms (101 ms)"


MEANINGS = ("can", "does", "wants", "ends", "is", "queue", "above", "mark", "bad")


@pytest.mark.parametrize("streams", [(SLOW,), (QUICK, SLOW), (SERVER,)])
def test_the_legend_explains_each_colour_that_is_to_be_seen(trace: TraceFile, streams: tuple[int, ...]) -> None:
    text = picture(trace, ExportOptions(streams=streams), theme="light")
    used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', text.partition("</defs>")[2]))
    swatches = re.findall(r'<rect [^>]*width="26" height="12" rx="2" fill="(#[0-9a-f]{6})"', text)

    assert {LIGHT[name] for name in MEANINGS} & used == set(swatches)
    assert len(swatches) == len(set(swatches)), "what looks the same is explained in one place"


def test_the_legend_says_it_in_words_and_within_the_picture(trace: TraceFile) -> None:
    found = drawn(trace, ExportOptions(streams=(SLOW,), begin="0s", end="1s"))
    height = float((found.root.get("viewBox") or "").split()[3])
    places = {
        element.text: (float(element.get("x", 0)), float(element.get("y", 0)))
        for element in found.root.iter(f"{SVG}text")
    }

    for words in ("write_queue_size, what it does, reads", "above high_water", "what it wants of the kernel"):
        assert words in places
        x, y = places[words]
        assert y < height - 5
        assert x + width_of(words, 13) < 1280
