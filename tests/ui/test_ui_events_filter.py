"""A filtered list of events: it shows what matches, live and back through the past, and says how far it has looked."""

from __future__ import annotations

from feeds import MS, Scene, record, turn
from test_ui_events_list import PaneApp, running, turns
from textual.pilot import Pilot
from ui_scenes import after_a_minute, opened, wrote
from waiting import until_async

from streamscope.core import flags as uv
from streamscope.trace.decode import Event
from streamscope.ui.widgets.event_list import EventList


def busy_feed(streams: int = 3, batches: int = 20) -> Scene:
    feed = after_a_minute()
    feed.feed(turn(1, MS))
    for stream in range(7, 7 + streams):
        feed.feed(*opened(stream))
    for number in range(2, batches + 2):
        feed.feed(turn(number, number * MS), *wrote(7 + number % streams, number, 1000 * number, 500, 0))
    return feed


async def filtered(app: PaneApp, pilot: Pilot[None], text: str) -> None:
    """Write a filter into the pane's own line, keep it, and let the search end."""
    app.pane.open_filter()
    await pilot.pause()
    await pilot.press(*("space" if letter == " " else letter for letter in text), "enter")
    await until_searched(app, pilot)


async def until_searched(app: PaneApp, pilot: Pilot[None]) -> None:
    async def step() -> None:
        app.pane.show(set())
        await pilot.pause()

    await step()
    await until_async(lambda: "searching" not in app.pane.list.searched, lambda: app.pane.list.searched, step)


def shown(view_list: EventList) -> list[Event]:
    rows = view_list.load(view_list.span()[0], 10_000)
    return [row for row in rows if isinstance(row, Event)]


async def test_only_events_that_match_are_shown() -> None:
    feed = busy_feed()
    async with running(feed) as (app, pilot):
        await filtered(app, pilot, "kind==sys.write and stream==8")
        assert {(event.kind, event.stream) for event in shown(app.list)} == {("sys.write", 8)}
        assert len(shown(app.list)) == 6
        assert "6 found" in str(app.pane.border_title)
        assert app.list.has_focus

        await filtered(app, pilot, "")
        await pilot.press("escape")


async def test_a_filter_may_ask_what_the_stream_was_like_then() -> None:
    feed = busy_feed()
    async with running(feed) as (app, pilot):
        await filtered(app, pilot, "kind == sys.write and wq > 15000")
        assert [event.turn for event in shown(app.list)] == [16, 17, 18, 19, 20, 21]


async def test_what_matches_is_followed_as_it_comes() -> None:
    feed = busy_feed()
    async with running(feed) as (app, pilot):
        await filtered(app, pilot, "flag==SHUT")
        assert shown(app.list) == []
        assert any("No event matches the filter" in line for line in app.lines())

        feed.feed(turn(50, 50 * MS), record("flag.set", 8, uv.SHUT, fn="uv__drain"))
        app.pane.show({8})
        await until_searched(app, pilot)
        assert [event.turn for event in shown(app.list)] == [50]
        assert app.list.following
        assert any("SHUT" in line for line in app.lines())


async def test_escape_in_the_filter_shows_everything_again() -> None:
    feed = busy_feed()
    async with running(feed) as (app, pilot):
        everything = len(shown(app.list))
        await filtered(app, pilot, "error")
        assert len(shown(app.list)) < everything
        app.pane.open_filter()
        await pilot.pause()
        await pilot.press("escape")
        assert app.list.wanted is None
        assert len(shown(app.list)) == everything
        assert "found" not in str(app.pane.border_title)


async def test_one_streams_events_can_be_filtered_too() -> None:
    feed = busy_feed()
    async with running(feed) as (app, pilot):
        await filtered(app, pilot, "sys.write")
        app.pane.stream = 9
        await until_searched(app, pilot)
        assert {(event.kind, event.stream) for event in shown(app.list)} == {("sys.write", 9)}
        app.pane.stream = None
        await until_searched(app, pilot)
        assert {event.stream for event in shown(app.list)} == {7, 8, 9}


async def test_found_events_can_be_selected_and_explained() -> None:
    feed = busy_feed()
    async with running(feed) as (app, pilot):
        await filtered(app, pilot, "sys.write")
        await pilot.press("home")
        row = app.list.selected
        assert isinstance(row, Event)
        assert (row.kind, row.turn) == ("sys.write", 2)
        await pilot.press("down")
        row = app.list.selected
        assert isinstance(row, Event)
        assert row.turn == 3
        assert app.explained()[0].startswith("sys.write")


async def test_losses_stay_in_sight_whatever_is_filtered() -> None:
    feed = busy_feed()
    feed.lose(42)
    turns(feed, 30, 31)
    async with running(feed) as (app, pilot):
        await filtered(app, pilot, "flag==SHUT")
        assert any("lost 42 events" in line for line in app.lines())


async def test_a_long_past_is_searched_a_little_at_a_time() -> None:
    feed = after_a_minute(max_bytes=1 << 30)
    for number in range(60):
        turns = [turn(500 * number + n, (500 * number + n) * MS) for n in range(500)]
        feed.feed(*turns, record("flag.set", 8, uv.SHUT, fn="uv__drain"))
    feed.clock.step = 0.001
    async with running(feed) as (app, pilot):
        app.pane.open_filter()
        await pilot.pause()
        await pilot.press(*"turn==3", "enter")
        assert "searching" in app.list.searched
        await until_searched(app, pilot)
        assert [event.turn for event in shown(app.list)] == [3]
