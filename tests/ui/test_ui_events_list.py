"""The list of every event on a screen: it follows, holds still for a reader, never jumps, and says what is missing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from feeds import MS, Scene, record, turn
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from ui_scenes import after_a_minute, opened, view_of, wrote

from streamscope.trace.contents import Gap
from streamscope.trace.decode import Event
from streamscope.trace.filter import Filter
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.messages import StreamSelected
from streamscope.ui.view import View
from streamscope.ui.widgets.event_list import EventList
from streamscope.ui.widgets.event_pane import EventPane, Explanation

HERE = Vocabulary.here()


class PaneApp(App[None]):
    """Nothing but the events."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self.view = view
        self.pane = EventPane(view)
        self.chosen: list[int | None] = []

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_stream_selected(self, message: StreamSelected) -> None:
        self.chosen.append(message.number)

    @property
    def list(self) -> EventList:
        return self.pane.query_one(EventList)

    def lines(self) -> list[str]:
        """What the list shows, as text."""
        return [self.list.render_line(y).text.rstrip() for y in range(self.list.size.height)]

    def turns(self) -> list[str]:
        """The turns of the rows in sight."""
        return [line.split()[0].lstrip("›") for line in self.lines() if line.strip()]

    def explained(self) -> list[str]:
        return [self.pane.query_one(Explanation).render_line(y).text.strip() for y in range(2)]


@asynccontextmanager
async def running(feed: Scene, *, height: int = 12, every: bool = True) -> AsyncIterator[tuple[PaneApp, Pilot[None]]]:
    """The pane with every event, or with what matters."""
    app = PaneApp(view_of(feed))
    app.view.every_event = every
    async with app.run_test(size=(120, height)) as pilot:
        app.pane.list.focus()
        app.pane.show(set())
        await pilot.pause()
        yield app, pilot


def turns(feed: Scene, first: int, last: int) -> None:
    for number in range(first, last + 1):
        feed.feed(turn(number, number * MS))


async def test_the_newest_event_is_followed() -> None:
    feed = after_a_minute()
    turns(feed, 1, 30)
    async with running(feed) as (app, pilot):
        assert app.turns() == [str(number) for number in range(21, 31)]

        turns(feed, 31, 35)
        app.pane.show(set())
        await pilot.pause()
        assert app.turns() == [str(number) for number in range(26, 36)]
        assert app.pane.border_title.startswith(" events · every event · all streams · following ")


async def test_a_reader_who_goes_up_is_left_in_peace_until_the_end_is_asked_for() -> None:
    feed = after_a_minute()
    turns(feed, 1, 30)
    async with running(feed) as (app, pilot):
        await pilot.press("up", "k")
        before = app.lines()
        turns(feed, 31, 60)
        app.pane.show(set())
        await pilot.pause()

        assert app.lines() == before
        assert before[-2].startswith("›")
        assert app.pane.border_title.startswith(" events · every event · all streams · held · end follows ")

        await pilot.press("end")
        assert app.turns()[-1] == "60"
        turns(feed, 61, 61)
        app.pane.show(set())
        assert app.turns()[-1] == "61"


async def test_the_mouse_wheel_holds_the_rows_and_gives_them_back_at_the_end() -> None:
    feed = after_a_minute()
    turns(feed, 1, 30)
    async with running(feed) as (app, pilot):
        app.list.scroll_rows(-5)
        turns(feed, 31, 40)
        app.pane.show(set())
        await pilot.pause()
        assert app.turns()[0] == "16"
        assert not app.list.following

        app.list.scroll_rows(100)
        await pilot.pause()
        assert app.list.following


async def test_rows_do_not_move_while_older_ones_are_dropped() -> None:
    feed = after_a_minute(max_bytes=430 * 40)
    turns(feed, 1, 40)
    async with running(feed) as (app, pilot):
        await pilot.press("up")
        for _ in range(6):
            await pilot.press("up")
        before = app.lines()
        cursor = app.list.cursor
        dropped = feed.past.dropped
        turns(feed, 41, 60)
        app.pane.show(set())
        await pilot.pause()

        assert feed.past.dropped > dropped
        assert app.lines() == before
        assert app.list.cursor == cursor


async def test_a_reader_of_rows_that_are_dropped_gets_the_oldest_that_are_left() -> None:
    feed = after_a_minute(max_bytes=430 * 40)
    turns(feed, 1, 40)
    async with running(feed) as (app, pilot):
        await pilot.press("home")
        turns(feed, 41, 200)
        app.pane.show(set())
        await pilot.pause()

        assert int(app.turns()[0]) == feed.past.first + 1
        assert app.list.selected is None

        await pilot.press("down")
        assert isinstance(app.list.selected, Event)


async def test_selecting_an_event_selects_its_stream_and_explains_it() -> None:
    feed = after_a_minute()
    feed.feed(turn(1, MS), *opened(7), *wrote(7, 1, 65536, 18432, 0))
    async with running(feed) as (app, pilot):
        assert app.explained()[0].startswith("↑  or a click selects an event")

        await pilot.press("up")
        assert app.chosen == [7]
        assert app.explained() == [
            "write_queue_size      How many bytes the stream still has to hand to the kernel changed.",
            "uv__write_req_update  counts what the kernel took: off write_queue_size, and past buffers that are done.",
        ]


async def test_a_click_selects_the_event_under_it() -> None:
    feed = after_a_minute()
    feed.feed(turn(1, MS), *opened(7), *opened(8))
    async with running(feed) as (app, pilot):
        await pilot.click(EventList, offset=(20, 3))

        assert app.lines()[3].startswith("›")
        assert isinstance(app.list.selected, Event)
        assert app.chosen == [app.list.selected.stream]


async def test_a_loss_has_a_line_of_its_own() -> None:
    feed = after_a_minute()
    turns(feed, 1, 3)
    feed.lose(1234)
    turns(feed, 90, 91)
    async with running(feed) as (app, pilot):
        assert "╌ lost 1,234 events ╌" in app.lines()[3]

        await pilot.press("up", "up", "up")
        assert isinstance(app.list.selected, Gap)
        assert app.explained()[1] == (
            "state  It was sent anew after the gap: what the panels show is right, only the past has a hole."
        )


async def test_only_the_selected_events_stream_and_back_keep_the_event_selected() -> None:
    feed = after_a_minute()
    for number in range(1, 9):
        feed.feed(turn(number, number * MS), *opened(7 + number % 2))
    async with running(feed) as (app, pilot):
        await pilot.press("up", "up", "up")
        row = app.list.selected
        assert isinstance(row, Event)
        await pilot.press("o")

        assert app.pane.stream == row.stream
        assert app.list.selected == row
        assert app.pane.border_title.startswith(f" events · every event · #{row.stream} only · held · end follows ")
        assert all("loop" not in line for line in app.lines())

        await pilot.press("o")
        assert app.pane.stream is None
        assert app.list.selected == row


async def test_only_this_stream_means_the_selected_one_while_no_event_is() -> None:
    feed = after_a_minute()
    feed.feed(turn(1, MS), *opened(7), *opened(8))
    async with running(feed) as (app, pilot):
        app.pane.selected = 8
        await pilot.press("o")

        assert app.pane.stream == 8
        assert app.list.following


async def test_a_paused_screen_shows_the_moment_of_the_pause() -> None:
    feed = after_a_minute()
    for number in range(1, 20):
        feed.feed(turn(number, number * MS), *opened(7))
    async with running(feed) as (app, pilot):
        for stream in (None, 7):
            app.pane.stream = stream
            await pilot.pause()
            before = app.lines()
            app.view.pause()
            app.pane.show(set())
            feed.feed(turn(50, 50 * MS), *opened(7))
            app.pane.show(set())
            await pilot.pause()
            assert app.lines() == before

            app.view.resume()
            app.pane.show(set())
            await pilot.pause()
            assert app.lines() != before


async def test_an_empty_list_says_what_is_awaited() -> None:
    async with running(after_a_minute()) as (app, pilot):
        assert app.lines()[0] == " Nothing has happened yet: every change of a stream will be told here."
        await pilot.press("up", "down", "enter", "home", "end", "o", "pageup", "pagedown")
        assert app.list.cursor is None


async def test_another_engine_begins_another_list() -> None:
    feed = after_a_minute()
    turns(feed, 1, 30)
    async with running(feed) as (app, pilot):
        await pilot.press("up")
        other = after_a_minute()
        turns(other, 500, 503)
        feed.past, feed.model = other.past, other.model
        app.pane.show(set())
        await pilot.pause()

        assert app.turns() == ["500", "501", "502", "503"]
        assert app.list.following


async def test_only_rows_in_sight_are_expanded(monkeypatch) -> None:
    feed = after_a_minute(max_bytes=64 << 20)
    batch = [turn(number, number) for number in range(1, 501)]
    for _ in range(100):
        feed.feed(*batch)
    async with running(feed) as (app, pilot):
        asked: list[tuple[int, int]] = []
        rows = feed.past.rows

        def counting(start: int, count: int, stream: int | None = None):
            asked.append((start, count))
            return rows(start, count, stream)

        monkeypatch.setattr(feed.past, "rows", counting)
        feed.feed(*batch)
        app.pane.show(set())
        await pilot.pause()
        app.lines()

        assert asked
        assert sum(count for _, count in asked) <= 2 * app.list.size.height


async def test_nothing_is_painted_when_nothing_in_sight_changed() -> None:
    feed = after_a_minute()
    turns(feed, 1, 30)
    async with running(feed) as (app, pilot):
        await pilot.press("home")
        painted = []
        refresh = app.list.refresh
        app.list.refresh = lambda *regions, **options: painted.append(regions) or refresh(*regions, **options)  # type: ignore[method-assign]
        turns(feed, 31, 60)
        app.pane.show(set())
        await pilot.pause()

        assert painted == []


async def test_the_clipboard_gets_the_selected_event_or_those_in_sight() -> None:
    feed = after_a_minute()
    turns(feed, 1, 30)
    async with running(feed) as (app, pilot):
        assert len(app.pane.copy_text().splitlines()) == 10
        await pilot.press("up")
        assert app.pane.copy_text().split("  ")[0] == "30"
        assert app.pane.copy_text().endswith("loop  uv_run  turn 30")


async def test_text_of_an_engine_is_no_markup() -> None:
    feed = after_a_minute()
    feed.feed(turn(1, MS), record("handle.name", 7, "[bold red]x[/] \x1b[2J"))
    async with running(feed) as (app, _pilot):
        assert "named [bold red]x[/]" in app.lines()[1]
        assert "\x1b" not in app.lines()[1]


async def test_what_the_kernel_was_asked_is_shown_to_who_filters_for_it() -> None:
    feed = Scene()
    feed.records(
        *opened(7), record("kernel.sample", 7, HERE.kernel_number("outq"), 4096),
        record("loop.waits", 0, feed.clock.t), record("kernel.same", 7), *wrote(7, 10, 5, 5, 0),
    )  # fmt: skip
    async with running(feed) as (app, pilot):
        assert not any("kernel" in line for line in app.lines())

        app.list.wanted = Filter.parse("kind == kernel.sample", HERE)
        app.list.show(set())
        await pilot.pause()

        assert any("kernel: outq = 4,096 B" in line for line in app.lines())
