"""The overview under the fingers of a person: moving, sorting, filtering, pinning, pausing, opening."""

from __future__ import annotations

import pytest
from feeds import Clock, Scene, record
from textual import events
from textual.widgets import Input
from ui_pilot import a_while, calm_scene, looking_at, text_of
from ui_scenes import OPEN, backpressure, connection, listener

from streamscope.core import flags as uv
from streamscope.ui.screens.stream import StreamScreen

# moving


async def test_arrows_and_vi_keys_move_the_cursor_and_the_panel_follows() -> None:
    async with looking_at(calm_scene(7, 8, 9, 10)) as (pilot, overview):
        await pilot.press("home")
        seen = []
        for key in ("down", "j", "j", "up", "k", "end", "pageup", "G"):
            await pilot.press(key)
            assert overview.panels.numbers == [overview.table.cursor]
            seen.append(overview.table.cursor)

        assert seen == [7, 8, 9, 8, 7, 10, 1, 10]


async def test_before_anybody_moves_the_cursor_it_stands_on_a_stream_that_tells_something() -> None:
    scene, view = backpressure()
    async with looking_at(scene, view) as (_, overview):
        assert overview.table.cursor == 7


async def test_the_first_connection_takes_the_cursor_from_the_server() -> None:
    scene = calm_scene()
    async with looking_at(scene) as (pilot, overview):
        assert overview.table.cursor == 1
        scene.snapshot([listener(), connection(7)])
        await a_while(pilot, scene)

        assert overview.table.cursor == 7


async def test_a_click_selects_a_row_and_a_second_one_opens_it() -> None:
    async with looking_at(calm_scene(7, 8, 9)) as (pilot, overview):
        await pilot.click("#streams", offset=(10, 4))
        assert overview.table.cursor == overview.table.order[2]

        await pilot.double_click("#streams", offset=(10, 4))
        await pilot.pause()
        assert isinstance(pilot.app.screen, StreamScreen)
        assert pilot.app.screen.number == overview.table.order[2]


async def test_arrows_go_from_the_table_to_the_panels_and_back() -> None:
    async with looking_at(calm_scene(7)) as (pilot, overview):
        await pilot.press("right")
        assert overview.focused is overview.panels.panels[0]
        await pilot.press("h")
        assert overview.focused is overview.table


# sorting


async def test_s_sorts_by_the_next_column_and_S_turns_the_order_round() -> None:
    scene, view = backpressure()
    async with looking_at(scene, view) as (pilot, overview):
        table = overview.table
        assert table.sort_by == "what"
        await pilot.press("s")
        assert table.sort_by != "what"
        while table.sort_by != "number":
            await pilot.press("s")
        assert table.order[1:] == sorted(table.order[1:])
        await pilot.press("S")
        assert table.order[2:] == sorted(table.order[2:], reverse=True)


async def test_a_click_on_a_columns_head_sorts_by_it_and_again_the_other_way_round() -> None:
    scene, view = backpressure()
    async with looking_at(scene, view) as (pilot, overview):
        x = overview.table.head_of("number")
        await pilot.click("#streams", offset=(x + 1, 1))
        assert (overview.table.sort_by, overview.table.descending) == ("number", False)
        await pilot.click("#streams", offset=(x + 1, 1))
        assert (overview.table.sort_by, overview.table.descending) == ("number", True)
        assert overview.table.order == sorted(overview.table.order, reverse=True)


async def test_the_order_is_made_anew_once_a_second_at_most() -> None:
    scene = calm_scene(7, 8, 9)
    async with looking_at(scene) as (pilot, overview):
        before = list(overview.table.order)
        scene.records(record("write_queue_size", 9, 0, 50_000))
        await a_while(pilot, scene, 0.5)
        assert overview.table.order == before

        await a_while(pilot, scene, 0.6)
        assert overview.table.order[0] == 9


async def test_the_row_under_the_cursor_keeps_its_line_while_the_others_move() -> None:
    # given a person who has put the cursor on the second row
    scene = calm_scene(*range(2, 60))
    async with looking_at(scene) as (pilot, overview):
        await pilot.press("home", "down")
        chosen = overview.table.cursor
        line = next(place for place, text in enumerate(text_of(pilot)) if "›" in text[:8])

        # when every other stream has more to say
        scene.records(*(record("write_queue_size", number, 0, number) for number in range(3, 60)))
        await a_while(pilot, scene)

        # then the cursor is on the same stream and on the same line
        assert overview.table.cursor == chosen
        assert "›" in text_of(pilot)[line][:8]
        assert f" {chosen} " in text_of(pilot)[line]


# closed streams


async def test_a_closed_stream_stays_dimmed_for_a_while_and_then_leaves() -> None:
    scene = calm_scene(7, 8)
    async with looking_at(scene, closed_seconds=10) as (pilot, overview):
        scene.records(record("flag.set", 8, uv.CLOSED, fn="uv__finish_close"), record("handle.closed", 8))
        await a_while(pilot, scene)
        row = next(text for text in text_of(pilot) if "51508" in text)
        assert row.lstrip("│").startswith("◦")

        for _ in range(12):
            await a_while(pilot, scene, 1)
        assert overview.table.order == [1, 7]
        assert not any("51508" in text for text in text_of(pilot))


async def test_the_cursor_goes_to_a_neighbour_when_its_stream_has_left() -> None:
    scene = calm_scene(7, 8, 9)
    async with looking_at(scene) as (pilot, overview):
        await pilot.press("home", "down", "down")
        assert overview.table.cursor == 8
        scene.records(record("handle.closed", 8))
        for _ in range(12):
            await a_while(pilot, scene, 1)

        assert overview.table.cursor == 9


# the filter


async def test_slash_filters_while_typing_enter_keeps_it_and_esc_shows_all() -> None:
    async with looking_at(calm_scene(7, 8, 9)) as (pilot, overview):
        await pilot.press("slash", *":51508")
        assert overview.table.order == [8]
        assert any("1 of 4 match" in text for text in text_of(pilot))

        await pilot.press("enter")
        assert overview.focused is overview.table
        assert overview.table.order == [8]

        await pilot.press("slash", "escape")
        assert overview.table.order == [1, 7, 8, 9]
        assert overview.focused is overview.table


async def test_a_filter_that_nothing_matches_says_so() -> None:
    async with looking_at(calm_scene(7)) as (pilot, overview):
        await pilot.press("slash", *"nobody")

        assert overview.table.order == []
        assert any("No stream matches the filter" in text for text in text_of(pilot))


async def test_streams_that_come_later_are_filtered_too() -> None:
    scene = calm_scene(7)
    async with looking_at(scene) as (pilot, overview):
        await pilot.press("slash", *"!reading", "enter")
        scene.snapshot([listener(), connection(7), connection(8), connection(9, flags=OPEN & ~uv.READING)])
        await a_while(pilot, scene)

        assert overview.table.order == [1, 9]


async def test_a_slash_in_a_filter_is_a_letter_and_what_is_typed_in_one_go_is_the_filter() -> None:
    async with looking_at(calm_scene(7, 8)) as (pilot, overview):
        for key, character in (("slash", "/"), ("slash", "/"), ("t", "t"), ("p", "p"), ("q", "q")):
            pilot.app.post_message(events.Key(key, character))  # nobody waits between them, as over a slow line
        await pilot.pause()
        await pilot.pause()

        assert isinstance(overview.focused, Input)
        assert overview.focused.value == "/tpq"
        assert overview.view.pinned == []
        assert "/ filter" not in text_of(pilot)[-1]


async def test_what_an_empty_table_says_leaves_with_the_first_stream() -> None:
    scene = Scene(Clock(200.0))
    scene.snapshot([])
    async with looking_at(scene) as (pilot, _):
        assert any("It has no streams." in text for text in text_of(pilot))
        scene.snapshot([listener()])
        await a_while(pilot, scene)

        assert any("▸" in text and ":7000" in text for text in text_of(pilot))
        assert not any("It has no streams." in text for text in text_of(pilot))


# pins


async def test_a_pinned_panel_stays_when_the_cursor_moves_on() -> None:
    async with looking_at(calm_scene(7, 8, 9), size=(200, 60)) as (pilot, overview):
        await pilot.press("home", "down", "p", "down")
        assert overview.panels.numbers == [7, 8]
        assert any("#7 client" in text and "pinned" in text for text in text_of(pilot))
        assert any("◆" in text[:8] for text in text_of(pilot))

        await pilot.press("up", "p", "down")
        assert overview.panels.numbers == [8]


async def test_the_selected_stream_has_a_panel_however_many_are_pinned() -> None:
    async with looking_at(calm_scene(*range(2, 12)), size=(80, 24)) as (pilot, overview):
        await pilot.press("home", "down", "p", "down", "p", "down")

        assert overview.panels.numbers == [overview.table.cursor]


# pausing


async def test_space_freezes_the_screen_and_lets_it_go_on() -> None:
    scene = calm_scene(7)
    async with looking_at(scene) as (pilot, _):
        await pilot.press("space")
        before = text_of(pilot)
        scene.records(record("write_queue_size", 7, 0, 50_000))
        await a_while(pilot, scene, 30)
        after = text_of(pilot)
        assert after[1:-2] == before[1:-2]
        assert "❚❚ paused −30 s" in after[0]
        assert "1 event since" in after[0]
        assert "space resume" in after[-1]

        await pilot.press("space")
        await a_while(pilot, scene)
        assert "● live" in text_of(pilot)[0]
        assert any("49 KiB" in text for text in text_of(pilot))


async def test_a_paused_screen_can_be_sorted_filtered_and_moved_in() -> None:
    scene, view = backpressure()
    async with looking_at(scene, view) as (pilot, overview):
        await pilot.press("space", "home", "down", "S", "slash", *"tcp", "enter")

        assert len(overview.table.order) == 11
        assert overview.panels.numbers == [overview.table.cursor]


# other screens


async def test_enter_opens_the_stream_and_esc_comes_back_to_the_same_row() -> None:
    async with looking_at(calm_scene(7, 8, 9)) as (pilot, overview):
        await pilot.press("home", "down", "down", "enter")
        assert isinstance(pilot.app.screen, StreamScreen)

        await pilot.press("escape")
        assert pilot.app.screen is overview
        assert overview.table.cursor == 8


async def test_L_shows_the_log_and_e_hides_the_events() -> None:
    async with looking_at(calm_scene(7)) as (pilot, overview):
        await pilot.press("L", "e")
        assert (overview.log_pane.display, overview.events.display) == (True, False)

        await pilot.press("L", "e")
        assert (overview.log_pane.display, overview.events.display) == (False, True)


async def test_selecting_an_event_selects_its_stream() -> None:
    scene, view = backpressure()
    async with looking_at(scene, view) as (pilot, overview):
        overview.events.list.focus()
        await pilot.press("up", "enter")

        assert overview.table.cursor == 8


# copying


async def test_y_copies_what_has_the_focus() -> None:
    async with looking_at(calm_scene(7, 8)) as (pilot, _):
        await pilot.press("home", "down", "y")
        assert "peer=127.0.0.1:51507" in pilot.app.clipboard

        await pilot.press("right", "y")
        assert pilot.app.clipboard.startswith("#7 client ← 127.0.0.1:51507")
        assert "write_queue_size" in pilot.app.clipboard


# many streams


async def test_only_the_rows_in_sight_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = calm_scene(*range(2, 10_002))
    async with looking_at(scene) as (pilot, overview):
        assert len(overview.table.order) == 10_001
        looked: list[int] = []
        from streamscope.ui.widgets import stream_table

        before = stream_table.row_of
        monkeypatch.setattr(
            stream_table,
            "row_of",
            lambda view, number, *a, **k: (looked.append(number), before(view, number, *a, **k))[1],
        )
        scene.records(*(record("write_queue_size", number, 0, 5) for number in range(5000, 6000)))
        await a_while(pilot, scene, 0.2)
        assert len(looked) <= 40

        await pilot.press("end")
        assert overview.table.cursor == overview.table.order[-1]
        assert any(f" {overview.table.cursor} " in text for text in text_of(pilot))
