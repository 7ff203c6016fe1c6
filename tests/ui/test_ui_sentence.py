"""The sentence under the header: the worst in words, in its own place, and that all flows where nothing is wrong."""

from __future__ import annotations

import msgspec
import pytest
from feeds import Clock, Scene
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from ui_pilot import a_while, calm_scene, looking_at, text_of
from ui_scenes import connection, listener, stalled, stalled_proxy, view_of

from streamscope.diagnosis.chains import Chains
from streamscope.diagnosis.shapes import Finding, Level, Limit, Told
from streamscope.ui.safe import visible
from streamscope.ui.sentences import Said, following, said, shown
from streamscope.ui.widgets.sentence_bar import Sentence, sentence_lines


def finding(number: int, text: str = "It takes nothing.") -> Finding:
    return Finding("stalled", Level.ERROR, number, 1, text)


def drawn(told: Said, width: int, height: int) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in sentence_lines(told, width, height)]


async def test_without_a_key_one_sentence_names_the_cause_where_the_bytes_are_and_who_suffers() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=(80, 24)) as (pilot, _):
        lines = text_of(pilot)
    assert lines[1].rstrip() == " ▲ Upstream #3 → 127.0.0.1:9901 takes nothing: 3.3 MiB have waited in the"
    assert lines[2].rstrip() == "   kernel for 30s. Client #2 is held back by it.       w why   b where it began"
    assert "▲ 1  ⇠ 1" in lines[0]


@pytest.mark.parametrize(("width", "rows"), [(80, 2), (119, 2), (120, 1), (140, 1), (200, 1)])
async def test_its_place_is_always_there_so_nothing_moves_when_trouble_comes(width: int, rows: int) -> None:
    scene = calm_scene(7)
    async with looking_at(scene, size=(width, 40)) as (pilot, overview):
        assert overview.query_one(Sentence).size.height == rows
        assert "All flows: 1 stream, nothing waits to go out." in text_of(pilot)[1]
        before = overview.table.region
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=(width, 40)) as (pilot, overview):
        assert overview.query_one(Sentence).size.height == rows
        assert "Upstream #3 → 127.0.0.1:9901 takes nothing" in text_of(pilot)[1]
        assert overview.table.region == before


def test_how_much_waits_is_told_where_all_flows() -> None:
    clock = Clock(200.0)
    scene = Scene(clock)
    scene.snapshot([listener(), connection(8), stalled(7, clock)])

    assert said(view_of(scene)).text == "All flows: 2 streams, 1.2 MiB wait to go out, the oldest write for 3.1s."


@pytest.mark.parametrize(
    ("by", "text"),
    [
        ("peer", "All flows, client #2 only as fast as upstream #3 → 127.0.0.1:9901 takes it; 3.4 MiB wait to go out."),
        ("program", "All flows: 2 streams, 3.4 MiB wait to go out, the oldest write for 31s."),
    ],
)
def test_who_is_slow_is_named_with_whom_that_slows_even_where_it_is_no_trouble(by: str, text: str) -> None:
    _, view = stalled_proxy()
    limit = Limit(by, 0.94, "Limited.", "kernel")
    view._diagnosed.told = msgspec.structs.replace(view.told, findings=(), by_stream={}, limits={3: limit})

    assert said(view).text == text


def test_nobody_is_said_to_flow_where_nobody_is() -> None:
    scene = Scene(Clock(200.0))
    scene.snapshot([listener()])

    assert said(view_of(scene)).text == "Nobody is connected."


def test_who_has_gone_is_not_said_to_flow() -> None:
    scene = Scene(Clock(200.0))
    scene.snapshot([listener(), connection(2), connection(3, closed_t=199_000_000_000)])

    assert said(view_of(scene)).text == "All flows: 1 stream, nothing waits to go out."


def test_an_engine_whose_words_do_not_suffice_is_not_said_to_flow() -> None:
    _, view = stalled_proxy()
    view._diagnosed.diagnosis.unavailable = (("stalled", "write_queue_size cannot be known"),)
    view._diagnosed.told = Told()

    assert said(view).text == "2 streams; whether they stall cannot be told of this engine."


def test_what_is_known_of_the_engine_itself_comes_before_every_finding() -> None:
    scene, view = stalled_proxy()
    assert said(view).mark == "▲"

    scene.status, scene.reason = "ended", "stopped by SIGTERM"
    assert said(view).text == "The engine has ended: stopped by SIGTERM. Its last state stays; q leaves."


def test_of_several_the_worst_is_said_and_the_person_goes_on_from_there() -> None:
    found = [finding(3), finding(5), finding(9)]
    told = Told(found, {each.stream: [each] for each in found})

    assert shown(told, None) == found[0]
    assert shown(told, ("stalled", 5)) == found[1]
    assert shown(told, ("stalled", 77)) == found[0]
    assert following(found, ("stalled", 5)) == found[2]
    assert following(found, ("stalled", 9)) == found[0]
    assert following([], None) is None


def test_a_chain_of_more_than_two_is_drawn_where_words_would_name_its_end_alone() -> None:
    _, view = stalled_proxy()
    assert said(view).chains == ()
    # given that the other end is in the same process, and does not read either
    view._diagnosed.told = msgspec.structs.replace(view.told, chains=Chains({2: 3, 4: 5}, {3: 4}))
    assert said(view).chains[0] == "client #2 ⇠ upstream #3 = #4 ⇠ #5"


async def test_E_goes_from_one_trouble_to_the_next_in_the_sentence_and_in_the_table() -> None:
    scene, view = stalled_proxy()
    found = [*view.told.findings, finding(2, "Client #2 is slow.")]
    view._diagnosed.told = msgspec.structs.replace(
        view.told, findings=found, by_stream={each.stream: [each] for each in found}
    )
    async with looking_at(scene, view, size=(80, 24)) as (pilot, overview):
        assert "1 of 2" in text_of(pilot)[2]
        await pilot.press("E")
        assert overview.table.cursor == 2
        assert "Client #2 is slow." in text_of(pilot)[1]
        assert "2 of 2" in text_of(pilot)[2]
        await pilot.press("E")
        assert overview.table.cursor == 3
        assert "takes nothing" in text_of(pilot)[1]


async def test_a_click_on_it_goes_to_the_stream_that_it_speaks_of() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view) as (pilot, overview):
        overview.table.select(1)
        await pilot.click(Sentence)
        assert overview.table.cursor == 3


async def test_a_stall_that_ends_leaves_no_trace_in_it() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view) as (pilot, _):
        scene.snapshot([listener(), connection(2), connection(3)])
        await a_while(pilot, scene)
        await a_while(pilot, scene)
        assert "All flows: 2 streams" in text_of(pilot)[1]
        assert not any("▲" in line for line in text_of(pilot) if "alarm" not in line and "stalled, " not in line)


def test_where_there_is_little_room_the_keys_go_first_then_who_suffers() -> None:
    told = Said("▲", "error", "Upstream #3 takes nothing: 3 MiB wait. Client #2 waits.", finding=finding(3))

    assert drawn(told, 100, 1) == [
        " ▲ Upstream #3 takes nothing: 3 MiB wait. Client #2 waits.                 w why   b where it began"
    ]
    assert drawn(told, 80, 1)[0].endswith("w why   b began")
    assert drawn(told, 66, 1)[0].endswith("Client #2 waits.  w why")
    assert drawn(told, 60, 1) == [" ▲ Upstream #3 takes nothing: 3 MiB wait. Client #2 waits."]
    assert drawn(told, 50, 1) == [" ▲ Upstream #3 takes nothing: 3 MiB wait.   w why"]
    assert drawn(told, 30, 1) == [" ▲ Upstream #3 takes nothing…"]


@given(st.text(max_size=300).map(visible), st.integers(10, 220), st.integers(1, 2), st.booleans())
def test_whatever_it_says_it_stays_in_its_place(text: str, width: int, height: int, found: bool) -> None:
    told = Said("▲", "error", text, "value", "" if found else "q leaves", finding(1) if found else None, "1 of 3")

    lines = sentence_lines(told, width, height)

    assert len(lines) == height
    for line in lines:
        assert sum(cell_len(part) for part, _ in line) <= max(width, 40)
