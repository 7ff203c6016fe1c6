"""The time line under keys and mouse: which stream and lanes it shows, and how one goes through the past on it."""

from __future__ import annotations

from feeds import SECOND
from textual.pilot import Pilot
from ui_past import here, past_scene, t_of
from ui_pilot import a_while, looking_at, screen_text, text_of

from streamscope.ui.screens.timeline import TimelineScreen
from streamscope.ui.widgets.timeline_pane import Timeline

TALL = (140, 50)


def timeline_of(pilot: Pilot[int]) -> Timeline:
    return pilot.app.screen.query_one(Timeline)


async def test_the_time_line_comes_with_T_and_shows_the_selected_stream() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=TALL) as (pilot, overview):
        assert not overview.timeline.display
        overview.table.select(7)
        await pilot.press("T")
        await a_while(pilot, scene)
        lines = text_of(pilot)
        assert any("time line · #7 client ← 127.0.0.1:51507" in line for line in lines)
        reading = next(line for line in lines if line.startswith("│ READING "))
        assert reading.rstrip("│ ").endswith("○")
        assert "▄▄▄" in reading
        assert "▁▁▁▁" in reading

        await pilot.press("T")
        assert not overview.timeline.display


async def test_lanes_are_selected_and_changes_of_the_lane_are_gone_to() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=TALL) as (pilot, overview):
        overview.table.select(7)
        await pilot.press("T")
        await a_while(pilot, scene)
        overview.timeline.focus()
        while overview.timeline.lane != "errors":
            await pilot.press("down")
        await pilot.press("up", "up", "up", "down", "down", "down")
        assert overview.timeline.lane == "errors"

        overview.table.focus()
        await pilot.press("ctrl+left")
        assert (here(view).kind, here(view).turn) == ("sys.read", 25)
        await pilot.press("ctrl+left")
        assert here(view).turn == 25
        assert any("no change before this" in note.message for note in pilot.app._notifications)


async def test_a_click_on_the_time_line_goes_there_and_one_on_a_name_selects_the_lane() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=TALL) as (pilot, overview):
        overview.table.select(7)
        await pilot.press("T")
        await a_while(pilot, scene)
        axis = next(line for line in text_of(pilot) if "┬22:1" in line)
        cell = axis.index("┬22:16:45") - 1
        await pilot.click(overview.timeline, offset=(cell + 1, 3))
        assert t_of(10) <= view.now_t < t_of(11)
        assert "▼" in screen_text(pilot)

        await pilot.click(overview.timeline, offset=(4, 2))
        assert overview.timeline.lane != ""


async def test_dragging_on_the_time_line_goes_along() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=TALL) as (pilot, overview):
        overview.table.select(7)
        await pilot.press("T")
        await a_while(pilot, scene)
        await pilot.mouse_down(overview.timeline, offset=(100, 3))
        await pilot.pause()
        first = view.now_t
        await pilot.hover(overview.timeline, offset=(110, 3))
        await pilot.mouse_up(overview.timeline, offset=(110, 3))

        assert view.now_t - first == 10 * SECOND // 2


async def test_zooming_and_scrolling() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=TALL) as (pilot, overview):
        overview.table.select(7)
        await pilot.press("T")
        overview.timeline.focus()
        await a_while(pilot, scene)
        for keys, step in (("+", "200 ms"), ("+", "100 ms"), ("-", "200 ms"), ("0", "200 ms"), ("-", "500 ms")):
            await pilot.press({"+": "plus", "-": "minus"}.get(keys, keys))
            assert f"{step} a cell" in str(overview.timeline.border_subtitle), keys

        await pilot.press("plus", "plus", "plus")
        before = overview.timeline._window
        await pilot.press("pageup")
        after = overview.timeline._window
        assert before is not None
        assert after is not None
        assert after.t0 < before.t0
        await pilot.press("pagedown")
        assert overview.timeline._window == before


async def test_the_time_line_fills_a_screen_of_its_own() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=TALL) as (pilot, overview):
        overview.table.select(7)
        await pilot.press("3")
        await a_while(pilot, scene)
        assert isinstance(pilot.app.screen, TimelineScreen)
        text = screen_text(pilot)
        assert "time line · #7" in text
        assert "events · what matters · #7 only" in text
        for lane in ("READABLE", "READ_EOF", "CLOSED", "wants IN", "requests", "turns"):
            assert f"│ {lane} " in text

        order = overview.table.order
        await pilot.press("right_square_bracket")
        assert timeline_of(pilot).number == order[order.index(7) + 1]
        await pilot.press("left_square_bracket")
        assert timeline_of(pilot).number == 7
        await pilot.press("ctrl+left")
        assert (here(view).stream, here(view).turn) == (7, 30)
        await pilot.press("3")
        assert pilot.app.screen is overview


async def test_the_streams_screen_has_a_time_line_too() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=(140, 60)) as (pilot, overview):
        overview.table.select(7)
        await pilot.press("enter", "T")
        await a_while(pilot, scene)
        assert timeline_of(pilot).display
        assert timeline_of(pilot).number == 7
        timeline_of(pilot).focus()
        await pilot.press("T")
        assert not timeline_of(pilot).display
        assert not timeline_of(pilot).has_focus


async def test_the_time_line_explains_its_signs() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=TALL) as (pilot, overview):
        await pilot.press("T")
        overview.timeline.focus()
        await pilot.press("question_mark")

        assert "⠤ where it was set and cleared" in screen_text(pilot)
