"""What much room is used for, and how panes are framed in it."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from textual.pilot import Pilot
from ui_past import past_scene
from ui_pilot import a_while, calm_scene, looking_at
from ui_scenes import backpressure, stalled_proxy

from streamscope.ui.screens.stream import StreamScreen
from streamscope.ui.widgets.timeline_pane import Timeline

VAST = (160, 50)


async def test_from_160_columns_on_the_time_line_stands_beside_the_panel_and_the_events_beside_the_table() -> None:
    async with looking_at(*backpressure(), size=VAST) as (_, overview):
        panel, lanes = overview.panels.panels[0].region, overview.timeline.region
        table, events = overview.table.region, overview.events.region

        assert (lanes.y, lanes.height) == (panel.y, panel.height)
        assert (events.y, events.height) == (table.y, table.height)
        assert lanes.x == panel.right == events.x == table.right
        assert (table.x, events.right) == (0, 160)
        assert overview.timeline.number == overview.view.selected


@pytest.mark.parametrize("size", [(140, 50), (120, 40), (80, 24)])
async def test_with_less_room_the_time_line_comes_when_it_is_asked_for(size: tuple[int, int]) -> None:
    async with looking_at(*backpressure(), size=size) as (pilot, overview):
        assert not overview.timeline.display
        await pilot.press("T")
        assert overview.timeline.display


async def test_who_does_not_want_the_time_line_is_not_shown_it_again() -> None:
    async with looking_at(*backpressure(), size=VAST) as (pilot, overview):
        await pilot.press("T")
        assert not overview.timeline.display
        await pilot.resize_terminal(140, 50)
        await pilot.pause()
        await pilot.resize_terminal(200, 60)
        await pilot.pause()
        assert not overview.timeline.display
        assert overview.events.region.bottom == overview.panels.region.bottom, "the events have its room"


async def test_a_terminal_that_grows_has_the_time_line_and_one_that_shrinks_has_it_no_more() -> None:
    async with looking_at(*backpressure(), size=(140, 40)) as (pilot, overview):
        await pilot.resize_terminal(160, 50)
        await pilot.pause()
        assert overview.timeline.region.y == overview.panels.region.y

        await pilot.resize_terminal(140, 40)
        await pilot.pause()
        assert not overview.timeline.display
        assert overview.events.region.width == 140


async def test_where_nobody_is_there_is_no_time_line() -> None:
    async with looking_at(calm_scene(), size=VAST) as (_, overview):
        assert not overview.timeline.display


async def test_a_stream_that_is_opened_has_its_time_line_too() -> None:
    async with looking_at(*backpressure(), size=VAST) as (pilot, _):
        await pilot.press("enter")
        await pilot.pause()
        screen = pilot.app.screen
        assert isinstance(screen, StreamScreen)
        assert screen.timeline.region.width == 160
        assert screen.payload.region.x == screen.panel.region.right


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (140, 50), (173, 47), (220, 60)])
async def test_a_replays_time_line_fills_its_width_whatever_that_is(size: tuple[int, int]) -> None:
    scene, view = past_scene()
    scene.status = "replay"
    async with looking_at(scene, view, size=size) as (pilot, overview):
        overview.table.select(7)
        await a_while(pilot, scene)
        assert_all_is_shown(overview.timeline)

        overview.timeline.focus()
        await pilot.press("plus", "plus")
        assert overview.timeline._window is not None
        assert overview.timeline._window.t1 < view.past.span_t()[1] or overview.timeline._window.t0 > 0
        await pilot.press("0")
        assert_all_is_shown(overview.timeline)
        await pilot.resize_terminal(size[0] + 17, size[1])
        await a_while(pilot, scene)
        assert_all_is_shown(overview.timeline)


async def test_where_there_is_room_for_one_pane_a_replay_shows_its_streams_and_the_time_line_once_it_is_asked_for() -> (
    None
):
    scene, view = past_scene()
    scene.status = "replay"
    async with looking_at(scene, view, size=(60, 15)) as (pilot, overview):
        assert not overview.timeline.display
        assert overview.table.size.height > len(overview.table.order)

        await pilot.press("T")
        assert overview.timeline.display


def assert_all_is_shown(timeline: Timeline) -> None:
    window = timeline._window
    assert window is not None
    first_t, last_t = timeline._view.past.span_t()
    assert window.cell_of(first_t) in (0, 1)
    assert window.cells - 2 <= window.cell_of(last_t) < window.cells


async def test_in_the_present_0_goes_on_to_show_all_of_the_past() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=VAST) as (pilot, overview):
        overview.table.select(7)
        overview.timeline.focus()
        await pilot.press("0")
        for _ in range(4):
            await a_while(pilot, scene, 30.0)
            window = overview.timeline._window
            assert window is not None
            assert window.t0 <= view.past.span_t()[0]
            assert window.cell_of(view.now_t) == window.cells - 1


@pytest.mark.parametrize("focused", [False, True])
@pytest.mark.parametrize("size", [(140, 40), (80, 24)])
async def test_the_border_of_a_pinned_panel_is_one_line_of_one_colour(size: tuple[int, int], focused: bool) -> None:
    async with looking_at(*stalled_proxy(), size=size) as (pilot, overview):
        await pilot.press("p")
        await pilot.pause()
        if focused:
            overview.panels.panels[0].focus()
            await pilot.pause()
        edge = top_edge(pilot)
        text = "".join(segment.text for segment in edge)
        assert text.rstrip("╮─ ").endswith("· pinned")
        lines = {str(segment.style.color) for segment in edge if segment.style and set(segment.text) <= set("─╭╮")}
        assert len(lines) == 1, lines


def top_edge(pilot: Pilot[int]) -> list[Segment]:
    """The upper edge of the first panel, cell by cell."""
    screen = pilot.app.screen
    region = next(panel for panel in screen.query("Panel") if panel.display).region
    strip = screen._compositor.render_strips()[region.y].crop(region.x, region.right)
    return [Segment(sign, segment.style) for segment in strip for sign in segment.text]
