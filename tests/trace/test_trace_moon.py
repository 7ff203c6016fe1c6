"""A feed of another engine is folded, told, counted and exported by its own words and numbers."""

from __future__ import annotations

import pytest
from feeds import HERE, SECOND
from moon import FLOW, FULL, LAND, MOON, SEA, TIDAL, WAXING, moonrise, record
from trace_lanes import exact

from streamscope.observe.aio_kinds import KINDS as AIO_KINDS
from streamscope.trace.compare import difference
from streamscope.trace.decode import Event, event_as_json
from streamscope.trace.effects import EFFECTS
from streamscope.trace.export import perfetto, svg, table
from streamscope.trace.export.selection import Selection
from streamscope.trace.lanes import Lanes, lanes_of_feed
from streamscope.trace.sentence import sentence
from streamscope.trace.state import LoopState


def events() -> list[Event]:
    past = moonrise().past
    return [row for row in past.rows(0, past.end) if isinstance(row, Event)]


def test_its_types_say_what_is_a_stream() -> None:
    model = moonrise().model

    assert {number: state.type for number, state in model.streams.items()} == {7: SEA, 8: SEA}
    assert {number: state.type for number, state in model.handles.items()} == {9: LAND}


def test_what_a_handle_is_at_first_is_what_its_words_say() -> None:
    assert moonrise().model.streams[8].high_water == 1000


def test_its_own_requests_are_told_apart_and_its_writes_counted() -> None:
    model = moonrise().model

    assert model.streams[7].writes == 1
    assert model.streams[7].errors == 1
    assert [(request.request, request.error) for request in model.finished(7)] == [(7, -5000), (FLOW, 0)]


def test_a_known_kind_may_have_further_arguments_at_its_end() -> None:
    state = moonrise().model.streams[7]

    assert state.write_queue_size == 5000
    assert state.above_t == 200 * SECOND


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("flag.set", ("flags", "FULL off → on")),
        ("callback.begin", ("on_shore(EDRY)", "")),
        ("request.begin", ("ebb 1 begins: 70 B in 1 buffer", "active_reqs 1")),
        ("moon.phase", ("the phase changed phase=FULL lit=99", "")),
        ("moon.tide", ("the tide turned", "100 → 200")),
        ("moon.quake", ("the ground shook status=EDRY", "")),
        ("moon.seen", ("somebody looked up by=a cat", "")),
    ],
)
def test_its_events_read_in_its_words(kind: str, told: tuple[str, str]) -> None:
    event = next(event for event in events() if event.kind == kind)

    assert sentence(event, MOON) == told


def test_its_events_are_written_in_its_words() -> None:
    ended = next(event for event in events() if event.kind == "request.end")

    written = event_as_json(ended, MOON)
    assert (written["fn"], written["status_name"], written["request"]) == ("pull", "EDRY", "ebb")


def test_its_flags_have_lanes_however_high_their_bits_are() -> None:
    scene = moonrise()
    scene.clock.seconds += 10
    scene.records(record("loop.turn", 0, 13, 210 * SECOND), record("flag.clear", 7, WAXING))
    lanes = Lanes(scene.past, 7)

    (column,) = exact(lanes, 0, 250 * SECOND, 1)

    assert lanes.flags == FULL | WAXING | TIDAL
    assert (column.any, column.writes, column.pending) == (FULL | WAXING | TIDAL, 1, 0)
    assert [lane.name for lane in lanes_of_feed(MOON) if lane.off(column)][:2] == ["FULL", "NEW"]
    assert "wants WAVE" not in [lane.name for lane in lanes_of_feed(MOON)]  # it has no such field


def test_a_stream_that_is_new_differs_from_nothing_by_what_was_told_of_it() -> None:
    model = moonrise().model

    found = difference({}, {8: model.streams[8]}, LoopState(), LoopState(), MOON)

    assert [change.name for change in found.streams[0].changes] == ["peer", "place"]


def test_what_the_rules_read_of_a_kind_is_what_an_engine_tells_first() -> None:
    of_asyncio = {kind.name: tuple(name for name, _ in kind.args) for kind in AIO_KINDS}
    kinds = {**of_asyncio, **{name: tuple(arguments) for name, arguments in HERE}}
    for name in EFFECTS.keys() - {"sys.*"}:
        wanted = EFFECTS[name].arguments
        assert kinds[name][: len(wanted)] == wanted, name


def test_its_past_is_exported_under_its_names_and_nothing_of_what_it_cannot_know() -> None:
    past = moonrise().past
    selection = Selection(past, 0, past.end)
    picture = svg.Picture("moon", 0, 250 * SECOND, [svg.Subject(7, "#7 sea")])

    drawn = svg.draw(past, picture)
    packed = b"".join(perfetto.packets(selection, "moon", 1, 0.0))
    rows = b"".join(table.rows_of_csv(selection.rows(), MOON)).decode()

    assert all(f">{name}<" in drawn for name in ("FULL", "WAXING", "TIDAL", "ballast"))
    assert not any(f">{name}<" in drawn for name in ("READING", "write_queue_size", "reads", "errors"))
    assert all(name in packed for name in (b"#7 sea \xe2\x86\x92 Lisbon", b"FULL", b"ebb", b"on_shore", b"ballast"))
    assert b"write_queue_size" not in packed
    assert "moon.quake,rise" in rows
    assert "EDRY" in rows
