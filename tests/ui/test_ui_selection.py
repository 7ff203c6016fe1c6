"""One stream is selected, whatever screen shows it; and what one comes back to is what one has left."""

from __future__ import annotations

import pytest
from textual.widgets import Input
from ui_pilot import a_while, calm_scene, looking_at, screen_text, text_of
from ui_scenes import backpressure

from streamscope.ui.screens.base import LiveScreen
from streamscope.ui.screens.stream import StreamScreen
from streamscope.ui.screens.timeline import TimelineScreen
from streamscope.ui.screens.wall import WallScreen

# one selection


async def test_the_stream_that_is_selected_in_the_table_is_the_one_on_the_wall_and_on_the_time_line() -> None:
    async with looking_at(calm_scene(7, 8, 9)) as (pilot, overview):
        overview.table.select(9)
        await pilot.press("2")
        await pilot.pause()
        assert isinstance(pilot.app.screen, WallScreen)
        assert pilot.app.screen.subject[0] == 9

        await pilot.press("3")
        await pilot.pause()
        assert isinstance(pilot.app.screen, TimelineScreen)
        assert pilot.app.screen.subject[0] == 9


async def test_what_is_selected_on_another_screen_has_the_cursor_and_the_panel_when_one_comes_back() -> None:
    async with looking_at(calm_scene(7, 8, 9)) as (pilot, overview):
        overview.table.select(7)
        await pilot.press("3", "right_square_bracket")
        await pilot.pause()
        there = pilot.app.screen
        assert isinstance(there, TimelineScreen)
        number = there.subject[0]
        assert number != 7

        await pilot.press("1")
        await pilot.pause()
        assert overview.table.cursor == number
        assert overview.panels.numbers == [number]
        assert overview.events.selected == number


async def test_moving_on_the_wall_selects() -> None:
    async with looking_at(calm_scene(7, 8, 9), size=(140, 40)) as (pilot, overview):
        await pilot.press("2")
        await pilot.pause()
        before = overview.view.selected
        await pilot.press("right")
        await pilot.pause()
        wall = pilot.app.screen
        assert isinstance(wall, WallScreen)
        assert wall.subject[0] == overview.view.selected != before

        await pilot.press("escape")
        await pilot.pause()
        assert overview.table.cursor == overview.view.selected


async def test_a_stream_that_was_gone_through_on_the_whole_screen_is_the_one_that_one_comes_back_to() -> None:
    async with looking_at(calm_scene(7, 8, 9)) as (pilot, overview):
        overview.table.select(7)
        await pilot.press("enter", "right_square_bracket")
        await pilot.pause()
        assert isinstance(pilot.app.screen, StreamScreen)
        number = pilot.app.screen.number
        await pilot.press("escape")
        await pilot.pause()
        assert overview.table.cursor == number != 7


async def test_a_click_on_the_sentence_goes_to_its_stream_on_every_screen() -> None:
    scene, view = backpressure()
    async with looking_at(scene, view) as (pilot, overview):
        overview.table.select(9)
        for key in ("1", "2", "3"):
            overview.view.selected = 9
            await pilot.press(key)
            await pilot.pause()
            screen = pilot.app.screen
            assert isinstance(screen, LiveScreen)
            await pilot.click("Sentence", offset=(10, 0))
            await pilot.pause()
            if "#7" in text_of(pilot)[1] or "51507" in text_of(pilot)[1]:
                assert screen.subject[0] == 7


# esc takes a filter away before it leaves a screen


async def test_esc_clears_a_filter_that_was_kept_and_the_footer_says_so() -> None:
    async with looking_at(calm_scene(7, 8, 9)) as (pilot, overview):
        assert "esc" not in text_of(pilot)[-1]
        await pilot.press("slash", "8", "enter")
        await pilot.pause()
        assert overview.table.order == [8]
        assert "esc clear filter" in text_of(pilot)[-1]

        await pilot.press("escape")
        await pilot.pause()
        assert len(overview.table.order) == 4
        assert "esc" not in text_of(pilot)[-1]
        assert overview.focused is overview.table


async def test_what_no_stream_matches_says_what_to_do() -> None:
    async with looking_at(calm_scene(7)) as (pilot, _):
        await pilot.press("slash", *"4711", "enter")
        await pilot.pause()

        assert "No stream matches the filter; esc shows all of them." in screen_text(pilot)


async def test_esc_clears_the_filter_of_the_events_when_they_have_the_focus() -> None:
    async with looking_at(calm_scene(7, 8)) as (pilot, overview):
        overview.events.list.focus()
        await pilot.press("slash", *"error", "enter")
        await pilot.pause()
        assert overview.events.list.wanted is not None
        assert "esc clear filter" in text_of(pilot)[-1]

        await pilot.press("escape")
        await pilot.pause()
        assert overview.events.list.wanted is None


async def test_on_a_streams_own_screen_esc_clears_first_and_then_goes_back() -> None:
    async with looking_at(calm_scene(7, 8)) as (pilot, overview):
        await pilot.press("enter", "slash", *"error", "enter")
        await pilot.pause()
        assert "esc clear filter" in text_of(pilot)[-1]
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(pilot.app.screen, StreamScreen)
        assert "esc back" in text_of(pilot)[-1]
        await pilot.press("escape")
        await pilot.pause()
        assert pilot.app.screen is overview


# a terminal that becomes small, and large again


@pytest.mark.parametrize("size", [(50, 20), (80, 12), (60, 15), (79, 23)])
async def test_focus_and_selection_come_back_as_they_were(size: tuple[int, int]) -> None:
    scene = calm_scene(7, 8, 9)
    async with looking_at(scene) as (pilot, overview):
        overview.table.select(8)
        overview.events.list.focus()
        await pilot.pause()

        await pilot.resize_terminal(*size)
        await a_while(pilot, scene)
        assert not overview.events.list.has_focus
        await pilot.resize_terminal(140, 40)
        await a_while(pilot, scene)

        assert overview.events.list.has_focus
        assert overview.table.cursor == 8


async def test_whoever_writes_a_filter_while_the_terminal_is_made_smaller_goes_on_writing() -> None:
    scene = calm_scene(7, 8)
    async with looking_at(scene) as (pilot, _):
        await pilot.press("slash", "8")
        await pilot.resize_terminal(50, 10)
        await a_while(pilot, scene)
        await pilot.resize_terminal(100, 30)
        await a_while(pilot, scene)

        assert isinstance(pilot.app.focused, Input)
        await pilot.press("5")
        assert pilot.app.focused.value == "85"


async def test_where_there_is_room_for_one_pane_it_is_the_table_and_enter_shows_the_panel() -> None:
    scene, view = backpressure()
    async with looking_at(scene, view, size=(60, 15)) as (pilot, overview):
        text = screen_text(pilot)
        assert "streams · " in text
        assert "events · " not in text
        assert overview.table.has_focus

        await pilot.press("enter")
        await a_while(pilot, scene)
        text = screen_text(pilot)
        assert "queue" in text
        assert "payload · " not in text
        await pilot.press("escape")
        await pilot.pause()
        assert pilot.app.screen is overview


async def test_a_screen_behind_has_the_right_panes_when_one_comes_back_to_it_on_another_terminal() -> None:
    scene = calm_scene(7, 8)
    async with looking_at(scene) as (pilot, _):
        await pilot.press("enter")
        await pilot.resize_terminal(80, 24)
        await a_while(pilot, scene)
        await pilot.press("escape")
        await a_while(pilot, scene)

        assert all(len(line) == 80 for line in text_of(pilot))
        assert "╭" not in screen_text(pilot), "panes have borders where there is room for them alone"


# more rows than fit


async def test_a_table_with_more_rows_than_fit_has_a_scroll_bar_and_says_how_many_there_are() -> None:
    scene = calm_scene(*range(2, 122))
    async with looking_at(scene, size=(140, 40)) as (pilot, overview):
        height = overview.table.scrollable_content_region.height - 1
        assert overview.table.show_vertical_scrollbar
        assert f"{height} of 121" in screen_text(pilot)

        await pilot.press("end")
        await pilot.pause()
        overview.show_at_once()
        await pilot.pause()
        assert "121 of 121" in screen_text(pilot)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40)])
async def test_a_table_whose_rows_all_fit_has_no_scroll_bar(size: tuple[int, int]) -> None:
    async with looking_at(calm_scene(7, 8), size=size) as (pilot, overview):
        assert not overview.table.show_vertical_scrollbar
        assert "3 of 3" in screen_text(pilot)
