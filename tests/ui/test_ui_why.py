"""Why: the verdict with its evidence and instants, and keys that go there and come back."""

from __future__ import annotations

import pytest
from feeds import SECOND
from rich.cells import cell_len
from ui_picture import Compare, at
from ui_pilot import a_while, calm_scene, looking_at, screen_text, text_of
from ui_scenes import config, stalled_proxy

from streamscope.app import StreamscopeApp
from streamscope.diagnosis.shapes import Evidence, Finding, Level, Sure, Told, Verdict, Word
from streamscope.ui.screens.overview import OverviewScreen
from streamscope.ui.screens.why import WhyScreen
from streamscope.ui.why_lines import why_lines


def line_with(lines: list[str], text: str) -> str:
    return next(line for line in lines if text in line)


async def test_w_says_who_is_at_fault_with_evidence_and_what_was_weighed() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=(80, 24)) as (pilot, _):
        await pilot.press("w")
        lines = text_of(pilot)
    # header and sentence stay
    assert "takes nothing: 3.3 MiB have waited" in lines[1]
    # the verdict
    assert "▲ why · upstream #3 → 127.0.0.1:9901" in lines[3]
    assert "w esc closes" in lines[3]
    assert "PEER · certain · since 22:15:02.250, 30s" in lines[4]
    assert "Its window has been 0 for 30s, and 0 B acknowledged since." in lines[5]
    # the evidence, with its instants
    assert "snd_wnd 0" in line_with(lines, "the peer's window")
    assert "22:15:02.2 … now" in line_with(lines, "the peer's window")
    assert "bytes_acked stays 1,536,248" in line_with(lines, "nothing was acknowledged")
    # what it is not, what would change it, who suffers, and what to do
    assert "no retransmit" in line_with(lines, "NETWORK ")
    assert "ends the stall" in line_with(lines, "changes ")
    assert "Client #2 is held back by it." in line_with(lines, "follows ")
    assert "Look at the reader of 127.0.0.1:9901" in line_with(lines, "to do ")


async def test_enter_goes_to_the_instant_of_the_evidence_and_esc_comes_back() -> None:
    scene, view = stalled_proxy()
    since = view.told.findings[0].since
    async with looking_at(scene, view, size=(80, 24)) as (pilot, overview):
        await pilot.press("w", "down", "enter")
        assert pilot.app.screen is overview
        assert view.paused
        assert view.now_t == since
        assert "esc back" in text_of(pilot)[-1]
        await pilot.press("escape")
        assert not view.paused
        assert isinstance(pilot.app.screen, WhyScreen)
        assert pilot.app.screen.pane.cursor == 1
        await pilot.press("escape")
        assert pilot.app.screen is overview
        assert "esc back" not in text_of(pilot)[-1]


async def test_q_leaves_from_there_too() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=(80, 24)) as (pilot, _):
        await pilot.press("w")
        assert "q quit" in text_of(pilot)[-1]
        await pilot.press("q")
        assert not pilot.app.is_running


async def test_beside_the_table_no_word_of_the_evidence_is_cut() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=(160, 50)) as (pilot, _):
        await pilot.press("w")
        lines = text_of(pilot)
    assert "rwnd_limited" in line_with(lines, "it holds the sender back")
    assert "…" not in line_with(lines, "what waits in the kernel")


@pytest.mark.parametrize("keys", [("b",), ("w", "b")])
async def test_b_goes_to_where_it_began(keys: tuple[str, ...]) -> None:
    scene, view = stalled_proxy()
    since = view.told.findings[0].since
    async with looking_at(scene, view) as (pilot, overview):
        await pilot.press(*keys)
        assert pilot.app.screen is overview
        assert (view.paused, view.now_t) == (True, since)
        await pilot.press("escape")
        assert not view.paused


async def test_esc_comes_back_to_the_instant_of_the_past_that_one_left() -> None:
    scene, view = stalled_proxy()
    since = view.told.findings[0].since
    async with looking_at(scene, view) as (pilot, _):
        await pilot.press("space")
        paused_at = view.now_t
        await pilot.press("b")
        assert view.now_t == since
        await pilot.press("escape")
        assert (view.paused, view.now_t) == (True, paused_at)


async def test_a_allows_what_was_found_and_the_palette_heeds_it_again() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view) as (pilot, overview):
        await pilot.press("w", "a")
        await a_while(pilot, scene, 0.5)
        assert pilot.app.screen is overview
        assert view.allowed == {"stalled"}
        assert "▲" not in text_of(pilot)[0]
        [notice] = [notice.message for notice in pilot.app._notifications]
        assert "--allow stalled" in notice
        await pilot.press("ctrl+p")
        await pilot.press(*"heed again st")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        await pilot.press("down", "enter")
        await pilot.pause()
        await a_while(pilot, scene, 0.5)
        assert view.allowed == set()
        assert "▲ 1" in text_of(pilot)[0]


async def test_of_one_that_is_held_back_the_cause_is_explained() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view) as (pilot, overview):
        overview.table.select(2)
        await pilot.press("w")
        assert "why · upstream #3" in screen_text(pilot)


async def test_where_nothing_is_wrong_it_says_so() -> None:
    async with looking_at(calm_scene(7)) as (pilot, overview):
        await pilot.press("w")
        assert pilot.app.screen is overview
        assert [notice.message for notice in pilot.app._notifications] == ["Nothing is found to be wrong."]


async def test_a_stall_that_ends_while_it_is_explained_is_said_to_be_over() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=(80, 24)) as (pilot, _):
        await pilot.press("w")
        scene.snapshot([state for state in view.model.streams.values() if state.number != 3])
        await a_while(pilot, scene)
        await a_while(pilot, scene)
        assert "it is over" in screen_text(pilot)
        assert "PEER · certain" in screen_text(pilot)
        await pilot.press("w")
        assert isinstance(pilot.app.screen, OverviewScreen)


async def test_r_turns_the_ladder_to_the_other_side() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view) as (pilot, _):
        assert "▸ acknowledged" in screen_text(pilot)
        await pilot.press("r")
        assert "at the peer ▸ kernel   ▸ program" in screen_text(pilot)
        await pilot.press("r")
        assert "▸ acknowledged" in screen_text(pilot)


EVIL = "\\x1b[2J" + "界" * 90


def evil() -> Finding:
    lines = tuple(Evidence(EVIL, "snd_wnd", EVIL, 1, 2 * SECOND) for _ in range(9))
    dropped = tuple((word, EVIL) for word in Word)
    verdict = Verdict(Word.PEER, Sure.LIKELY, 3, 1, EVIL, EVIL, lines, dropped, (EVIL,) * 5, EVIL)
    return Finding("stalled", Level.ERROR, 3, 1, EVIL, lines, verdict)


@pytest.mark.parametrize("width", [30, 60, 76, 100, 200])
@pytest.mark.parametrize("height", [0, 3, 18, 60])
def test_no_line_is_wider_and_there_are_no_more_than_there_is_room_for(width: int, height: int) -> None:
    told = Told([evil()], {3: [evil(), Finding("peer_gone", Level.WARNING, 3, 1, EVIL)]}, follows={3: EVIL})

    for finding in told.by_stream[3]:
        why = why_lines(finding, told, started=0.0, now_t=5 * SECOND, cursor=2, width=width, height=height)
        assert len(why.lines) == len(why.places) <= height
        for line in why.lines:
            assert sum(cell_len(text) for text, _ in line) <= width or width < 60


@at((80, 24), (140, 40))
def test_picture_of_a_stall_explained(compare: Compare, size: tuple[int, int]) -> None:
    scene, view = stalled_proxy()
    compare(StreamscopeApp(scene, config(), view=view), size, "bytes_acked stays 1,536,248", "w")


@at((80, 24), (120, 40), (160, 50))
def test_picture_of_a_stall(compare: Compare, size: tuple[int, int]) -> None:
    scene, view = stalled_proxy()
    compare(StreamscopeApp(scene, config(), view=view), size, "3.3 MiB wait in the kernel: the peer takes")


async def test_the_help_explains_what_was_found() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=(140, 60)) as (pilot, _):
        await pilot.press("question_mark")
        text = screen_text(pilot)
    assert "▲ stalled" in text
    assert "It looks for this: bytes are to go out and none was acknowledged for 1 s" in text
    assert "To do:" in text
