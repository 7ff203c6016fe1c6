"""Lines in Chinese: what they say, that they keep their cells, and that no language stays behind in a cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import fleet_told
import pytest
from feeds import STARTED, record, turn
from rich.cells import cell_len
from ui_pilot import calm_scene
from ui_scenes import connection, stalled_proxy, view_of

from streamscope.core import flags as uv
from streamscope.diagnosis.shapes import Told
from streamscope.fleet.roster import Roster
from streamscope.language import speak, tr
from streamscope.link.asking import STUCK, Standstill
from streamscope.trace.compare import difference
from streamscope.trace.decode import Decoder
from streamscope.trace.outline import Outline
from streamscope.trace.sentence import sentence
from streamscope.trace.state import LoopState, StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui import stuck
from streamscope.ui.columns import COLUMNS
from streamscope.ui.difference_lines import difference_lines
from streamscope.ui.event_lines import event_parts, layout
from streamscope.ui.fleet_lines import head, header_line, sentence_line
from streamscope.ui.glossary import of_panel, of_totals, things_in
from streamscope.ui.ladder import Holds, Unread, ladder_lines, ladder_out
from streamscope.ui.letters_legend import legend
from streamscope.ui.lines import Line, length
from streamscope.ui.noted import Noted, about_text
from streamscope.ui.passage_lines import line_parts
from streamscope.ui.row_words import in_room, what_of
from streamscope.ui.sentences import said
from streamscope.ui.sight import SightLine
from streamscope.ui.talker_lines import Widths, head_line
from streamscope.ui.view import View
from streamscope.ui.why_lines import why_lines

HERE = Vocabulary.here()
T = TypeVar("T")


@contextmanager
def in_chinese() -> Iterator[None]:
    speak("zh")
    try:
        yield
    finally:
        speak("en")


def in_both(say: Callable[[], T]) -> tuple[T, T]:
    """What is said in English and in Chinese; and in English again, as if nothing had been."""
    english = say()
    with in_chinese():
        chinese = say()
    assert say() == english
    return english, chinese


def text(lines: list[Line]) -> list[str]:
    return ["".join(part for part, _ in line).rstrip() for line in lines]


def queued(**changes: int) -> StreamState:
    kernel = {HERE.kernel_number(name): value for name, value in (("outq", 4096), ("notsent", 1024))}
    return connection(7, write_queue_size=29 << 10, kernel=kernel, **changes)


@pytest.mark.parametrize("width", [50, 64, 80, 160])
def test_the_legend_is_as_wide_as_its_place_in_both_languages(width: int) -> None:
    english, chinese = in_both(lambda: legend(HERE, width, 20))

    assert "pair" in text(english)[-1]
    assert "成对" in text(chinese)[-1]
    assert all(cell_len(line) <= width for line in text(chinese))


@pytest.mark.parametrize("width", [40, 59, 72, 140])
def test_a_ladders_numbers_stand_below_the_heads_that_they_belong_to(width: int) -> None:
    def ladder() -> list[Line]:
        return ladder_lines(ladder_out(queued(), HERE, 0, unread=Unread(512, "nginx")), width)

    _, (heads, numbers, bar, *words) = in_both(ladder)

    head, row = text([heads])[0], text([numbers])[0]
    assert "队列" in head
    for name, number in (("队列", "29 KiB"), ("内核", "1.0 KiB"), ("在途", "3.0 KiB"), ("未读", "512 B")):
        if name in head:
            assert row[cell_len(head[: head.index(name)]) :].startswith(number)
    assert length(bar) == width - 1
    assert all(length(line) <= width for line in (heads, *words))


def test_why_bytes_wait_is_a_whole_sentence_in_both_languages() -> None:
    state = queued()
    (english, chinese) = in_both(
        lambda: ladder_out(state, HERE, 0, holds=Holds("stalled", rung="kernel", why="nobody knows")).words
    )
    assert english == "1.0 KiB wait in the kernel: nobody knows."
    assert chinese == "1.0 KiB 在内核中等待：nobody knows。"


@pytest.mark.parametrize("width", [50, 78, 102, 138])
def test_every_row_of_events_is_as_wide_as_the_list(width: int) -> None:
    words = [*turn(18402, 12_345_678_901), *record("write_queue_size", 7, 1_245_184, 1_226_752)]
    event = list(Decoder.here().events(0, 0, 0, words))[-1]
    english, chinese = in_both(lambda: event_parts(event, layout(width), STARTED, HERE))

    assert length(chinese) == length(english)


def test_the_sentence_says_that_all_is_well_and_what_is_not() -> None:
    calm, (_, stalled) = view_of(calm_scene(2, 3)), stalled_proxy()

    assert in_both(lambda: said(calm).text) == (
        "All flows: 2 streams, nothing waits to go out.",
        "全部流畅：2 条流，没有数据等待发出。",
    )
    finding = stalled.told.findings[0]
    english, chinese = in_both(lambda: text(why(stalled, 80)))
    assert any(line.startswith("  evidence") for line in english)
    assert any(line.startswith("  证据") for line in chinese)
    assert f"  {finding.what} · 确定 · 始于" in chinese[0]
    with in_chinese():
        assert all(length(line) <= 80 for line in why(stalled, 80))


def why(view: View, width: int) -> list[Line]:
    told = view.told
    return list(why_lines(told.findings[0], told, started=STARTED, now_t=view.now_t, cursor=0, width=width,
                          height=40).lines)  # fmt: skip


def test_the_word_of_a_row_is_cut_between_its_words() -> None:
    view = stalled_proxy()[1]
    held = view.model.streams[2]
    english, chinese = in_both(lambda: what_of(held, view.known).text)

    assert (english, chinese) == ("held by #3", "#3 拖住")
    assert in_room(english, 8) == "by #3"
    assert in_room(chinese, 6) == "#3"


def test_heads_of_columns_stand_over_their_columns() -> None:
    widths = Widths.of(100)
    english, chinese = in_both(lambda: head_line(widths, "bytes"))

    assert [length([part]) for part in chinese] == [length([part]) for part in english]


def test_a_column_of_ours_says_in_both_languages_what_it_is() -> None:
    for column in (column for column in COLUMNS if len(column.fields) != 1):
        english, chinese = in_both(lambda column=column: (column.sorted_by(HERE), column.explained(HERE)))
        assert english[1]
        assert english[1] != chinese[1], column.id


def test_i_finds_the_words_that_are_drawn_in_the_language_that_is_spoken() -> None:
    def found() -> list[str]:
        drawn = ladder_lines(ladder_out(queued(), HERE, 0, unread=Unread(512)), 80)
        return [thing.name for thing in things_in(drawn, of_panel(HERE))]

    english, chinese = in_both(found)
    assert english == ["queue", "kernel", "in flight", "acknowledged", "unread"]
    assert chinese == ["队列", "内核", "在途", "已确认", "未读"]
    english, chinese = in_both(
        lambda: [each.name for each in things_in([head_line(Widths.of(100), "bytes")], of_totals())]
    )
    assert len(english) == len(chinese) == 6
    assert "收/s" in chinese


def test_what_a_flag_means_is_said_with_the_functions_that_set_it() -> None:
    english, chinese = in_both(lambda: of_panel(HERE)["READING"])

    assert "Set by uv__read_start" in english
    assert "由 uv__read_start" in chinese
    assert "Set by" not in chinese


def test_what_a_cycle_did_and_each_of_its_events_are_told_in_both_languages() -> None:
    view = stalled_proxy()[1]
    outline = Outline(view.past, lambda stream: None)

    def told() -> dict[str, str]:
        return {each.plain: each.names for episode in outline.after((0, 0), 50).episodes for each in episode.passages}

    english, chinese = in_both(told)
    assert len(chinese) == len(english)
    assert english["queued 64 KiB"] == "read 65,536 B → wrote 0 of 65,536 B"
    assert chinese["排队 64 KiB"] == "读 65,536 B → 写 0 / 65,536 B"
    assert "创建于 proxy.py:35 Relay" in chinese["已打开"]
    words = [*turn(1, 1), *record("request.begin", 7, 41, uv.UV_WRITE, 49, 1, 1)]
    event = list(Decoder.here().events(0, 0, 0, words))[-1]
    assert in_both(lambda: sentence(event, HERE)[0]) == (
        "write 41 begins: 49 B in 1 buffer",
        "write 41 开始：49 B，1 个缓冲区",
    )


def test_where_a_program_is_stuck_is_a_sentence_of_each_language() -> None:
    frames = [("/srv/server.py", 18, "parse"), ("/srv/server.py", 31, "on_read")]
    stands = Standstill(STUCK, 4.1, stream=3, callback="read_cb", frames=frames, asked=4, answered_ago=0.3, waiting=3)

    assert in_both(lambda: stuck.sentence(stands, 7)) == (
        "The program has not come back to its loop for 4.1 s: it runs server.py:18 in parse, called by on_read of #3. "
        "3 clients wait in the kernel.",
        "程序已 4.1 s 没有回到事件循环：正在 parse 中执行 server.py:18，由流 #3 的 on_read 调用。"
        "内核中有 3 个客户端在等待。",
    )
    english, chinese = in_both(lambda: stuck.title(stands))
    assert english == "where the program is · asked 4 times, last 0.3s ago · the same each time"
    assert chinese == "程序停在哪里 · 已询问 4 次，最近一次在 0.3s 前 · 每次都相同"
    assert in_both(lambda: stuck.word_of_row(stands, 10))[1] == "在 on_read"


def test_what_differs_stands_below_each_other_in_cells() -> None:
    before = {7: connection(7, bytes_in=1024)}
    after = {7: connection(7, bytes_in=5120, reads=3, flags=0)}
    found = difference(before, after, LoopState(turn=5), LoopState(turn=18_402), HERE)
    english, chinese = in_both(lambda: text(difference_lines(found, HERE)))

    assert len(english) == len(chinese)
    assert chinese[0] == "事件循环" or chinese[0] == "循环"
    labels = [line for line in difference_lines(found, HERE) if len(line) > 2]
    assert {length(line[:1]) for line in labels} == {12}
    with in_chinese():
        labels = [line for line in difference_lines(found, HERE) if len(line) > 2]
        assert {length(line[:1]) for line in labels} == {12}
    assert any("○ 已清除" in line for line in chinese)


def test_a_fleet_says_how_it_is_with_the_others() -> None:
    clock = fleet_told.Clock()
    roster = Roster(clock, clock)
    fleet_told.tell(roster, "web-01", 7, streams=190)
    fleet_told.tell(roster, "web-02", 7, streams=3)
    shown = lambda: text([sentence_line(roster, roster.sorted(), "nats://one")])[0]  # noqa: E731

    assert in_both(shown) == ("Nothing is wrong: 2 engines flow.", "一切正常：2 个引擎畅通。")
    english, chinese = in_both(lambda: text([header_line(roster, "nats://one", ("live", "good")), head(120)]))
    assert "2 engines on 2 hosts" in english[0]
    assert "2 个引擎，2 台主机" in chinese[0]
    assert cell_len(chinese[1]) <= 120


def test_a_note_is_told_in_the_language_and_kept_in_english() -> None:
    told = stalled_proxy()[1].told
    with in_chinese():
        noted = Noted()
        found, over = noted.notes(told, STARTED)[0], noted.notes(Told(), STARTED)[0]
    line = SightLine(((1, 0), 0), 1, found)
    english, chinese = in_both(lambda: text([line_parts(line, 140, STARTED, HERE, of=None, found=False)])[0])

    assert (over.about, str(over.text)) == ("over", "stalled no longer")
    assert "PEER" in str(found.text)
    assert "stalled, PEER" in english
    assert "takes nothing" in english
    assert "stalled，PEER" in chinese
    assert "takes nothing" not in chinese
    assert cell_len(chinese) <= 140
    with in_chinese():
        assert about_text(over) == tr("it is over")
