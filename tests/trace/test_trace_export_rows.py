"""What is exported of a trace, as lines of JSON and as CSV: the rows that were asked for, and nothing that runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from feeds import MS, record
from hypothesis import given
from hypothesis import strategies as st
from trace_past import one_by_one
from trace_records import opened
from trace_scene import QUICK, SLOW, Stage, play

from streamscope.trace.contents import Gap
from streamscope.trace.decode import Event, event_as_json
from streamscope.trace.export.options import ExportError, ExportOptions, lines_of_json, rows_of_csv
from streamscope.trace.export.selection import ExportedGap
from streamscope.trace.export.table import cell, columns
from streamscope.trace.filter import Filter
from streamscope.trace.model import Model
from streamscope.trace.pieces import BatchLeaf
from streamscope.trace.plain_text import printable_json
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.vocabulary import Vocabulary


@pytest.fixture
def trace(tmp_path: Path) -> Any:
    with play(Stage(tmp_path / "x.scope")).close() as opened:
        yield opened


def exported(trace: TraceFile, request: ExportOptions) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in b"".join(lines_of_json(trace, request)).splitlines()]


def rows(trace: TraceFile) -> list[Event | Gap]:
    return trace.past.rows(0, trace.past.end)


def events_that(trace: TraceFile, wanted: Callable[[Event], bool]) -> list[dict[str, Any]]:
    return [event_as_json(row, Vocabulary.here()) for row in rows(trace) if isinstance(row, Event) and wanted(row)]


def without_losses(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["kind"] != "lost"]


def test_every_event_is_a_line_and_a_loss_stands_in_its_place(trace: TraceFile) -> None:
    lines = exported(trace, ExportOptions())

    kinds = [row.kind if isinstance(row, Event) else "lost" for row in rows(trace)]
    assert [line["kind"] for line in lines] == kinds
    assert without_losses(lines) == events_that(trace, lambda event: True)
    place = kinds.index("lost")
    assert lines[place]["events"] == 1234
    assert lines[place - 1]["seq"] < lines[place]["seq"] <= lines[place + 1]["seq"]
    assert lines[place]["t"] >= lines[place - 1]["t"]


def test_a_loss_at_the_end_is_told(tmp_path: Path) -> None:
    stage = play(Stage(tmp_path / "x.scope"))
    stage.lose(7)
    with stage.close() as trace:
        last, lost = exported(trace, ExportOptions())[-2:]

    assert (lost["kind"], lost["events"]) == ("lost", 7)
    assert lost["seq"] > last["seq"]


def test_only_the_streams_that_are_named(trace: TraceFile) -> None:
    lines = without_losses(exported(trace, ExportOptions(streams=(QUICK,))))

    assert lines == events_that(trace, lambda event: event.stream == QUICK)
    assert len(lines) > 10


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("kind==flag.set", lambda event: event.kind == "flag.set"),
        ("stream==7 and flag==READING", lambda e: e.stream == SLOW and e.fields.get("flag") == 0x1000),
        ('fn=="uv__write_callbacks" and status<0', lambda e: e.kind == "request.end" and e.fields["status"] == -104),
        ("kind==request.begin", lambda event: event.kind == "request.begin"),
    ],
)
def test_only_the_events_that_the_filter_wants(trace: TraceFile, text: str, wanted: Callable[[Event], bool]) -> None:
    lines = without_losses(exported(trace, ExportOptions(filter=text)))

    assert lines == events_that(trace, wanted)
    assert lines


def test_a_filter_of_state_sees_each_event_with_its_stream_right_after_it(trace: TraceFile) -> None:
    header, decoder = trace.header, trace.past.decoder
    model = Model(Vocabulary(header.kinds, header.functions, header.joined))
    expected = []
    for leaf in trace.past.batches(0):
        if not isinstance(leaf, BatchLeaf):
            leaf.fold(model)
            continue
        model.begin(leaf.turn, leaf.t)
        for event, told in zip(leaf.rows(decoder, None, 0), one_by_one(leaf.words(), decoder)):
            model.proceed(told)
            stream = model.known.get(event.stream) if isinstance(event, Event) else None
            if stream is not None and stream.write_queue_size > 65536 and isinstance(event, Event):
                expected.append(event_as_json(event, Vocabulary.here()))

    lines = without_losses(exported(trace, ExportOptions(filter="wq > 64KiB")))

    assert Filter.parse("wq > 64KiB", Vocabulary.here()).needs_state
    assert lines == expected
    assert len(expected) > 5
    later = without_losses(exported(trace, ExportOptions(filter="wq > 64KiB", begin="550ms")))
    assert later == [line for line in expected if line["t"] >= 550 * MS]


@pytest.mark.parametrize(
    ("begin", "end", "t0", "t1"),
    [
        ("200ms", "", 200 * MS, 10**12),
        ("", "0.3s", 0, 300 * MS),
        ("110ms", "200ms", 110 * MS, 200 * MS),
        ("-500ms", "", 502 * MS, 10**12),
        ("start", "end", 0, 10**12),
    ],
)
def test_only_a_stretch_of_time(trace: TraceFile, begin: str, end: str, t0: int, t1: int) -> None:
    lines = without_losses(exported(trace, ExportOptions(begin=begin, end=end)))

    assert lines == events_that(trace, lambda event: t0 <= event.t < t1)
    assert lines


def test_a_stretch_may_begin_and_end_within_one_record(trace: TraceFile) -> None:
    events = [row for row in rows(trace) if isinstance(row, Event)]
    place = next(i for i, event in enumerate(events) if event.kind == "write_queue.push")
    first, last = events[place], events[place + 2]

    for text in ("", "seq > 0"):
        lines = exported(trace, ExportOptions(begin=f"seq {first.seq}", end=f"#{last.seq}", filter=text))
        assert lines == [event_as_json(event, Vocabulary.here()) for event in events[place : place + 2]]


def test_turns_bound_a_stretch_too(trace: TraceFile) -> None:
    lines = without_losses(exported(trace, ExportOptions(begin="turn 2", end="turn 3")))

    assert lines == events_that(trace, lambda event: event.turn == 2)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (ExportOptions(filter="wq >"), "--filter: "),
        (ExportOptions(filter="flag == NOSUCH"), "NOSUCH"),
        (ExportOptions(begin="mark"), "there are no marks here"),
        (ExportOptions(end="yesterday"), "--to-time yesterday: "),
        (ExportOptions(begin="17"), "of what?"),
        (ExportOptions(begin="300ms", end="200ms"), "the end is not after the beginning"),
        (ExportOptions(begin="turn 3", end="turn 2"), "the end is not after the beginning"),
        (ExportOptions(begin="250ms", end="250ms"), "the end is not after the beginning"),
        (ExportOptions(begin="9s"), "--from 9s: the trace ends before that, at 1.002 s"),
        (ExportOptions(begin="turn 99"), "--from turn 99: the trace ends before that, at 1.002 s"),
        (ExportOptions(end="start"), "--to-time start: the trace begins only at 0.000 s"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_written(
    trace: TraceFile, request_: ExportOptions, said: str
) -> None:
    for way in (lines_of_json, rows_of_csv):
        with pytest.raises(ExportError, match=said):
            way(trace, request_)


def test_a_stretch_in_which_nothing_happens_has_no_lines(trace: TraceFile) -> None:
    assert exported(trace, ExportOptions(begin="210ms", end="290ms")) == []


@given(st.text(max_size=20))
def test_lines_of_json_do_nothing_to_a_terminal_and_say_the_same(text: str) -> None:
    line = msgspec.json.encode({"name": text + "\x9b2J\u202ename\U000e0001é"})

    shown = printable_json(line)

    assert shown.decode().replace("\x7f", "").isprintable()  # which terminals pass over
    assert msgspec.json.decode(shown) == msgspec.json.decode(line)
    assert "é".encode() in shown


def test_a_name_out_of_a_trace_reaches_no_terminal_as_it_came(tmp_path: Path) -> None:
    with play(Stage(tmp_path / "x.scope"), name="\x1b[2J\x9b31mé").close() as trace:
        out = b"".join(lines_of_json(trace, ExportOptions(filter="kind == handle.name")))

    assert rb'"name":"\u001b[2J\u009b31m' + "é".encode() in out


# CSV


def table(trace: TraceFile, request: ExportOptions) -> list[dict[str, str]]:
    text = b"".join(rows_of_csv(trace, request)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_the_same_rows_with_a_column_for_everything(trace: TraceFile) -> None:
    lines, found = exported(trace, ExportOptions()), table(trace, ExportOptions())

    assert len(found) == len(lines)
    for line, row in zip(lines, found):
        told = {name: value for name, value in row.items() if value != ""}
        assert told == {name: str(value) for name, value in line.items() if value is not None and value != ""}


def test_csv_columns_are_those_of_the_feeds_own_catalogue() -> None:
    names = columns(
        Vocabulary([("a", ["old", "new", "fd"]), ("sys.read", ["fd", "asked", "result"]), ("b", ["unheard_of"])], [])
    )

    assert names == ["seq", "t", "turn", "stream", "kind", "fn", "old", "new", "fd", "asked", "result",
                     "result_name", "unheard_of", "events"]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "|x", "%0A", "'=1", "\t=1", "\r=1", "\n=1"],
)
def test_what_a_spreadsheet_would_run_is_text(tmp_path: Path, name: str) -> None:
    with play(Stage(tmp_path / "x.scope"), name=name).close() as trace:
        named = next(row for row in table(trace, ExportOptions()) if row["kind"] == "handle.name")

    assert named["name"].startswith(("'", "\\"))
    assert not set(named["name"]) & set("\t\r\n\x1b\0")


@given(st.text(max_size=60))
def test_a_cell_shows_control_characters_and_runs_nothing(text: str) -> None:
    shown = cell(text)

    assert shown.isprintable()
    assert not shown.startswith(("=", "+", "-", "@", "|", "%"))


def test_numbers_below_nothing_stay_numbers(trace: TraceFile) -> None:
    ended = next(row for row in table(trace, ExportOptions()) if row["kind"] == "request.end" and row["status"] != "0")

    assert (ended["status"], ended["status_name"]) == ("-104", "ECONNRESET")


def test_an_error_that_is_kept_for_later_has_its_name(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "x.scope")
    stage.batch(opened(SLOW), record("delayed_error", SLOW, 0, -111))
    with stage.close() as trace:
        kept = table(trace, ExportOptions())[-1]

    assert (kept["new"], kept["new_name"]) == ("-111", "ECONNREFUSED")


def test_a_loss_is_a_row(trace: TraceFile) -> None:
    (lost,) = [row for row in table(trace, ExportOptions(streams=(QUICK,))) if row["kind"] == "lost"]

    assert lost["events"] == "1234"
    assert [row for row in ExportOptions(streams=(QUICK,)).select(trace).rows() if isinstance(row, ExportedGap)]
