"""One event as a row of the list: every field in its place at every width, and nothing in it commands the terminal."""

from __future__ import annotations

import unicodedata

import pytest
from feeds import STARTED, record, turn
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from streamscope.core import flags as uv
from streamscope.core.probe import KINDS, Kind, site
from streamscope.trace.contents import Gap
from streamscope.trace.decode import Decoder, Event
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.event_lines import event_parts, explanation, gap_parts, layout, row_text, what_style

HERE = Vocabulary.here()


def one(*words) -> Event:
    """The last event of these words, told at turn 18402, 12.345 s after the start."""
    return list(Decoder.here().events(0, 0, 0, [*turn(18402, 12_345_678_901), *words]))[-1]


def text(event: Event, width: int, *, with_stream: bool = True) -> str:
    return "".join(part for part, _ in event_parts(event, layout(width, with_stream=with_stream), STARTED, HERE))


WRITE = record("sys.write", 7, 12, 65536, 18432)
SIZE = record("write_queue_size", 7, 1_245_184, 1_226_752, fn="uv__write_req_update")


@pytest.mark.parametrize(
    ("width", "row"),
    [
        (138, "  18402  22:13:32.345  #7     uv__write_req_update  −18,432 B       "
              "                        write_queue_size 1,245,184 → 1,226,752"),
        (102, "  18402  22:13:32.345  #7     uv__write_req_update  −18,432 B  write_queue_size 1,245,184 → 1,226,752"),
        (78, "22:13:32.345  #7    uv__write_req     write_queue_size 1,245,184 → 1,226,752"),
        (50, "32.345  #7    uv__write     1,245,184 → 1,226,752"),
    ],
)  # fmt: skip
def test_a_row_reads_from_left_to_right_and_gives_way_at_the_edges(width: int, row: str) -> None:
    assert text(one(*SIZE), width).rstrip() == row


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.name.startswith("write_completed")])
def test_at_120_columns_names_of_the_engine_are_whole(kind: Kind) -> None:
    for function in kind.functions:
        shown = text(one(*record(kind.name, 7, 31, fn=function)), 117)
        assert f"  {function}  " in shown
        assert "write_completed_queue" in shown


@pytest.mark.parametrize("width", [50, 78, 100, 138])
def test_a_long_number_is_never_cut_and_what_follows_keeps_its_place(width: int) -> None:
    short, long = (text(one(*record("sys.write", n, 12, 65536, 9)), width) for n in (7, 26_117))

    assert " #26117  uv__writev " in long
    assert long.index("write(12") == short.index("write(12")


def test_a_list_of_one_stream_does_not_repeat_its_number() -> None:
    assert text(one(*WRITE), 78, with_stream=False).startswith(
        "22:13:32.345  uv__writev        write(12, 65536 B) = 18432"
    )


def test_the_loops_own_events_are_the_loops() -> None:
    assert "  loop   uv_run " in text(one(*turn(3, 5)), 100)


def test_what_is_new_stands_out_from_what_was() -> None:
    parts = event_parts(one(*SIZE), layout(138), STARTED, HERE)

    assert [(part.strip(), style) for part, style in parts][-2:] == [
        ("write_queue_size 1,245,184 →", "muted"),
        ("1,226,752", "value"),
    ]


@pytest.mark.parametrize(
    ("words", "style"),
    [
        (record("sys.write", 7, 12, 10, -32), "error"),
        (record("sys.read", 7, 12, 65536, -11), "muted"),
        (record("sys.read", 7, 12, 65536, 10), ""),
        (record("request.end", 7, 3, -125, 0, uv.UV_WRITE), "error"),
        (record("callback.error", 7, 2, "ValueError: no"), "error"),
        (record("callback.begin", 7, 2, -4095), ""),
    ],
)
def test_a_failure_looks_like_one_and_eagain_does_not(words: list, style: str) -> None:
    assert what_style(one(*words)) == style


@pytest.mark.parametrize("width", [20, 48, 80, 140])
def test_a_loss_goes_right_across_the_list(width: int) -> None:
    ((drawn, style),) = gap_parts(Gap(1234), width)

    assert cell_len(drawn) == width
    assert "lost 1,234 events" in drawn
    assert style == "error"


def test_the_clipboard_gets_a_whole_row() -> None:
    assert row_text(one(*SIZE), STARTED, HERE) == (
        "18402  22:13:32.345  #7  uv__write_req_update  −18,432 B  write_queue_size 1,245,184 → 1,226,752"
    )
    assert row_text(Gap(5), STARTED, HERE) == "lost 5 events"


def test_every_kind_is_explained_by_the_catalogue_and_its_function() -> None:
    for kind in KINDS:
        arguments = ["x" if arg.domain == "text" else 1 for arg in kind.args]
        event = one(7 << 16 | site(kind.name, kind.functions[0]), *arguments)
        (name, meaning), (function, sentence) = explanation(event, Vocabulary.here())

        assert (name, function) == (kind.name, kind.functions[0])
        assert meaning.endswith(kind.meaning)
        assert meaning == kind.meaning or kind.name.startswith("flag.")
        assert sentence[0].islower()


def test_what_another_version_tells_of_is_shown_and_not_explained() -> None:
    decoder = Decoder(Vocabulary([("moon.phase", ["phase"])], ["uv__moon"]))
    (event,) = decoder.events(0, 1, 2, [7 << 16, 3])

    assert "moon.phase phase=3" in text(event, 100)
    assert explanation(event, decoder.vocabulary) == [
        ("moon.phase", "This engine tells of an event without saying what it means."),
        ("uv__moon", "is a function of the engine."),
    ]


@given(
    place=st.text(alphabet=st.characters(), max_size=80),
    local=st.text(alphabet=st.characters(), max_size=80),
    width=st.integers(12, 220),
)
def test_no_text_of_an_engine_commands_the_terminal_or_leaves_its_cells(place: str, local: str, width: int) -> None:
    for words in (
        record("handle.init", 7, uv.UV_TCP, place),
        record("handle.address", 7, local, place, fn="uv_accept"),
        record("callback.error", 7, 2, local),
    ):
        row = text(one(*words), width)

        assert not {unicodedata.category(character) for character in row} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        assert cell_len(row) <= max(width, 40)
