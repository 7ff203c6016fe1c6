"""The wall: the troubled large, the others in a line each; keys go through both, and only what is in sight is drawn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from feeds import Scene, record
from textual.pilot import Pilot
from ui_pilot import a_while, calm_scene, looking_at, text_of
from ui_scenes import backpressure, connection, listener, stalled_proxy, view_of

from streamscope.ui.glyphs import in_ascii
from streamscope.ui.screens.overview import OverviewScreen
from streamscope.ui.screens.stream import StreamScreen
from streamscope.ui.screens.wall import WallScreen
from streamscope.ui.view import View

SIZE = (140, 40)


@asynccontextmanager
async def on_the_wall(
    scene: Scene, view: View | None = None, size: tuple[int, int] = SIZE, **settings: Any
) -> AsyncIterator[tuple[Pilot[int], WallScreen]]:
    async with looking_at(scene, view, size=size, **settings) as (pilot, _):
        await pilot.press("2")
        await pilot.pause()
        wall = pilot.app.screen
        assert isinstance(wall, WallScreen)
        yield pilot, wall


async def test_on_the_wall_the_keys_offer_no_way_to_the_wall() -> None:
    async with on_the_wall(calm_scene(7), size=(160, 50)) as (pilot, _):
        keys = text_of(pilot)[-1]
        assert "2 wall" not in keys
        assert "3 time line" in keys
        await pilot.press("2")
        assert isinstance(pilot.app.screen, OverviewScreen), "and it leads back all the same"


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_no_word_of_a_line_is_cut(size: tuple[int, int]) -> None:
    scene, view = stalled_proxy()
    asked = scene.model.decoder.vocabulary.kernel_number("accept_queue")
    for each in scene.model.streams.values():
        each.kernel = {**(each.kernel or {}), asked: 0} if each.number == 1 else each.kernel
    async with on_the_wall(scene, view, size=size) as (pilot, _):
        text = "\n".join(text_of(pilot))
    assert "unread…" not in text
    assert "unread …" not in text
    assert "kerne" not in text.replace("kernel", "")


def large(wall: WallScreen) -> list[int | None]:
    return wall.panels.numbers


def in_lines(wall: WallScreen) -> list[int]:
    return [number for line in wall.lines.lines for number in line]


async def test_2_leads_to_the_wall_and_esc_back() -> None:
    async with looking_at(calm_scene(7)) as (pilot, overview):
        await pilot.press("2")
        assert isinstance(pilot.app.screen, WallScreen)

        await pilot.press("escape")
        assert pilot.app.screen is overview


async def test_the_two_of_a_stall_stand_large_side_by_side_the_cause_first() -> None:
    scene, view = stalled_proxy()
    async with on_the_wall(scene, view) as (pilot, wall):
        assert large(wall)[:2] == [3, 2]
        top, first = text_of(pilot)[2:4]

        assert top.index("▲ #3") < top.index("⇠ #2")
        assert top.count("31s ─") >= 1
        assert "PEER · certain" in first
        assert any("[3.3 MiB]" in line and "[29 KiB]" in line for line in text_of(pilot))


async def test_all_others_have_a_line_each_and_the_failed_the_first() -> None:
    scene, view = backpressure()
    async with on_the_wall(scene, view, size=(80, 24)) as (pilot, wall):
        first = wall.lines.lines[0]
        line = next(text for text in text_of(pilot) if "✗ #16" in text)

        assert first == (16,)
        assert "a call failed" in line or "failed" in line
        assert sorted([*in_lines(wall), *(number for number in large(wall) if number)]) == sorted(view.model.streams)
        assert any("1 failed" in text for text in text_of(pilot))


async def test_a_line_says_where_from_what_waits_and_how_much_passes() -> None:
    scene = calm_scene(*range(2, 40))
    scene.snapshot([listener(), connection(2, write_queue_size=29_696), *(connection(n) for n in range(3, 40))])
    view = view_of(scene)
    view.pinned = [30]
    async with on_the_wall(scene, view, size=(80, 24)) as (pilot, wall):
        assert large(wall) == [30]
        line = next(text for text in text_of(pilot) if " #2 " in text)

        assert "← 127.0.0.1:51502" in line
        assert "29 KiB" in line
        assert "B/s" in line


async def test_who_heals_stays_large_for_ten_seconds_and_is_then_the_last_line() -> None:
    scene, view = backpressure()
    async with on_the_wall(scene, view, size=(80, 24)) as (pilot, wall):
        assert large(wall) == [7]
        scene.snapshot([listener(), *(connection(number) for number in range(7, 17))])
        for _ in range(4):
            await a_while(pilot, scene, 2.0)
        assert not view.told.findings
        assert large(wall) == [7]

        for _ in range(3):
            await a_while(pilot, scene, 2.0)
        assert 7 not in large(wall)
        assert wall.lines.lines[-1] == (7,)


async def test_panels_keep_their_places_while_streams_come_and_go() -> None:
    scene = calm_scene(*range(2, 5))
    async with on_the_wall(scene) as (pilot, wall):
        before = large(wall)
        scene.snapshot([listener(), *(connection(number) for number in range(2, 9))])
        await a_while(pilot, scene)

        assert [number for number in before if number] == [2, 3, 4]
        assert large(wall)[:3] == [2, 3, 4]


async def test_arrows_move_between_panels_and_lines_and_enter_opens_what_is_selected() -> None:
    async with on_the_wall(calm_scene(*range(2, 40))) as (pilot, wall):
        numbers = large(wall)
        assert wall.view.selected == numbers[0]
        await pilot.press("l", "j")
        assert wall.view.selected == numbers[3]

        await pilot.press("j")
        assert wall.focused is wall.lines
        first = in_lines(wall)[0]
        assert wall.view.selected == first
        await pilot.press("l", "h", "k")
        assert wall.view.selected in numbers[2:4]

        await pilot.press("j", "l", "enter")
        assert isinstance(pilot.app.screen, StreamScreen)
        assert pilot.app.screen.number == in_lines(wall)[1]


async def test_p_makes_a_line_large_and_keeps_it_and_p_again_lets_it_go() -> None:
    scene, view = stalled_proxy()
    async with on_the_wall(scene, view, size=(80, 24)) as (pilot, wall):
        assert in_lines(wall) == [1]
        wall.lines.focus()
        await pilot.press("p")
        assert 1 not in in_lines(wall) or 1 in view.pinned

        await pilot.press("p")
        assert view.pinned == []


async def test_p_on_a_healthy_wall_makes_the_selected_line_large() -> None:
    async with on_the_wall(calm_scene(*range(2, 40))) as (pilot, wall):
        number = in_lines(wall)[-1]
        wall.lines.focus()
        await pilot.press("end")
        assert wall.view.selected == number
        await pilot.press("p")
        assert large(wall)[0] == number
        assert wall.focused is wall.panels.panels[0]
        assert "pinned" in text_of(pilot)[2]

        await pilot.press("p")
        assert wall.view.pinned == []


async def test_the_selection_is_the_other_screens_too() -> None:
    async with on_the_wall(calm_scene(*range(2, 40))) as (pilot, wall):
        await pilot.press("l", "1")
        overview = pilot.app.screen
        assert isinstance(overview, OverviewScreen)

        assert wall.view.selected == large(wall)[1]


async def test_more_lines_than_fit_have_a_scroll_bar_and_say_how_many() -> None:
    async with on_the_wall(calm_scene(*range(2, 123)), size=(80, 24)) as (pilot, wall):
        assert wall.lines.show_vertical_scrollbar
        assert any(f" of {len(in_lines(wall))}" in text for text in text_of(pilot))

        wall.lines.focus()
        await pilot.press("end")
        assert any("#122 " in text for text in text_of(pilot))


async def test_only_what_is_in_sight_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = calm_scene(*range(2, 10_002))
    async with on_the_wall(scene) as (pilot, wall):
        assert len(in_lines(wall)) > 9_990
        looked: list[int] = []
        from streamscope.ui.widgets import wall_list

        before = wall_list.wall_row
        monkeypatch.setattr(
            wall_list, "wall_row", lambda view, line, *a, **k: (looked.extend(line), before(view, line, *a, **k))[1]
        )
        scene.records(*(record("write_queue_size", number, 0, 5) for number in range(5000, 6000)))
        await a_while(pilot, scene, 0.2)

        assert len(looked) <= 100


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (160, 50), (220, 60)])
async def test_the_wall_can_be_drawn_in_ascii_cell_for_cell(size: tuple[int, int]) -> None:
    scene, view = backpressure()
    async with on_the_wall(scene, view, size=size) as (pilot, _):
        for line in text_of(pilot):
            assert in_ascii(line).isascii()
            assert len(in_ascii(line)) == size[0]
