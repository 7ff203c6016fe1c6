"""What matters of the events on a screen: lines that are followed, held, unfolded and searched; and every event."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from feeds import MS, Scene, joined, record, turn
from test_ui_events_filter import filtered
from test_ui_events_list import PaneApp, running, turns
from textual.pilot import Pilot
from ui_past import past_scene
from ui_scenes import after_a_minute, config, opened, wrote

from streamscope.app import StreamscopeApp
from streamscope.core import flags as uv
from streamscope.trace import outline
from streamscope.trace.contents import Gap, Note
from streamscope.trace.decode import Event
from streamscope.trace.passages import Passage
from streamscope.ui.choices import Choices
from streamscope.ui.passage_lines import few_names
from streamscope.ui.screens.overview import OverviewScreen
from streamscope.ui.screens.stream import StreamScreen
from streamscope.ui.sight import tree

OF_A_CYCLE = 18
"""Events of a read that is answered, and of the end of what was written."""


def answers(feed: Scene, first: int, last: int, stream: int = 9) -> None:
    """So many reads, each answered whole, each in a turn of its own."""
    for number in range(first, last + 1):
        t = number * MS
        feed.feed(
            turn(number, t),
            joined("answer", stream, t + 1, 12, number, number, number, 1, t + 90_001),
            turn(number, t + 100_000),
            joined("written.rearm", stream, number, 0),
        )


@asynccontextmanager
async def outlined(feed: Scene, *, height: int = 12) -> AsyncIterator[tuple[PaneApp, Pilot[None]]]:
    async with running(feed, height=height, every=False) as (app, pilot):
        yield app, pilot


def lines(app: PaneApp) -> list[str]:
    """What the list shows, as text."""
    shown = app.pane.outline
    return [shown.render_line(y).text.rstrip() for y in range(shown.size.height)]


def read_bytes(app: PaneApp) -> list[int]:
    """The bytes that were read in the lines in sight."""
    return [int(line.split("read ")[1].split(" B")[0].replace(",", "")) for line in lines(app) if "read " in line]


async def shown(app: PaneApp, pilot: Pilot[None]) -> None:
    app.pane.show(set())
    await pilot.pause()


async def test_the_newest_lines_are_followed_and_a_cycle_is_one() -> None:
    feed = after_a_minute()
    answers(feed, 1, 30)
    async with outlined(feed) as (app, pilot):
        assert read_bytes(app) == list(range(21, 31))
        assert "#9" in lines(app)[-1]
        assert "answered 30 B" in lines(app)[-1]
        assert app.pane.border_title.startswith(" events · what matters · all streams · following ")

        answers(feed, 31, 35)
        await shown(app, pilot)
        assert read_bytes(app) == list(range(26, 36))


async def test_a_reader_is_left_in_peace_until_the_end_is_asked_for() -> None:
    feed = after_a_minute()
    answers(feed, 1, 30)
    async with outlined(feed) as (app, pilot):
        await pilot.press("up", "k")
        before = lines(app)
        answers(feed, 31, 60)
        await shown(app, pilot)
        assert lines(app) == before
        assert before[-2].startswith("›")

        await pilot.press("end")
        assert read_bytes(app)[-1] == 60
        answers(feed, 61, 61)
        app.pane.show(set())
        assert read_bytes(app)[-1] == 61


async def test_keys_and_wheel_go_through_the_whole_past() -> None:
    feed = after_a_minute()
    answers(feed, 1, 100)
    async with outlined(feed) as (app, pilot):
        await pilot.press("home")
        assert read_bytes(app)[0] == 1
        assert lines(app)[0].startswith("›")
        await pilot.press("pagedown")
        line = app.pane.outline.selected
        assert line is not None
        assert isinstance(line.item, Passage)
        assert line.item.read == 10

        app.pane.outline.scroll_rows(5)
        assert read_bytes(app)[0] == 6
        app.pane.outline.scroll_rows(1000)
        assert app.pane.outline.following
        app.pane.outline.scroll_rows(-3)
        assert not app.pane.outline.following
        assert read_bytes(app)[-1] == 97


async def test_lines_do_not_move_while_older_ones_are_dropped() -> None:
    feed = after_a_minute(max_bytes=600 * 60)
    answers(feed, 1, 60)
    async with outlined(feed) as (app, pilot):
        for _ in range(6):
            await pilot.press("up")
        before, dropped = lines(app), feed.past.dropped
        answers(feed, 61, 75)
        await shown(app, pilot)

        assert feed.past.dropped > dropped
        assert lines(app) == before


async def test_enter_unfolds_a_line_into_its_events_and_folds_it_again() -> None:
    feed = after_a_minute()
    answers(feed, 1, 3)
    async with outlined(feed, height=30) as (app, pilot):
        folded = lines(app)
        await pilot.press("up", "up", "enter")
        unfolded = lines(app)

        assert len([line for line in unfolded if line]) == 3 + OF_A_CYCLE
        assert app.pane.list.has_focus
        assert unfolded[1].startswith("›")
        assert "├ uv__io_poll" in unfolded[2]
        assert "ready: IN" in unfolded[2]
        assert "read(12, 65536 B) = 2" in "\n".join(unfolded)
        assert "│ ├ uv_write2" in "\n".join(unfolded)
        assert "└ uv__" in unfolded[1 + OF_A_CYCLE]
        assert "answered 3 B" in unfolded[2 + OF_A_CYCLE]

        await pilot.press("enter")
        assert [line[1:] for line in lines(app)] == [line[1:] for line in folded]


async def test_enter_on_an_event_below_a_line_folds_it_and_selects_the_line() -> None:
    feed = after_a_minute()
    answers(feed, 1, 3)
    async with outlined(feed, height=30) as (app, pilot):
        await pilot.press("up", "enter", "down", "down")
        line = app.pane.outline.selected
        assert line is not None
        assert isinstance(line.item, Event)

        await pilot.press("enter")
        line = app.pane.outline.selected
        assert line is not None
        assert isinstance(line.item, Passage)
        assert line.item.read == 3


async def test_the_cursor_keeps_its_event_when_every_event_is_shown() -> None:
    feed = after_a_minute()
    answers(feed, 1, 30)
    async with outlined(feed) as (app, pilot):
        await pilot.press("up", "up", "up")
        line = app.pane.outline.selected
        assert line is not None
        app.view.every_event = True
        await shown(app, pilot)
        await pilot.pause()
        event = app.pane.every.selected
        assert event == line.event
        assert app.pane.every.has_focus

        await pilot.press("down", "down", "down")
        inside = app.pane.every.selected
        app.view.every_event = False
        await shown(app, pilot)
        await pilot.pause()
        assert app.pane.outline.selected == line

        app.view.every_event = True
        await shown(app, pilot)
        await pilot.pause()
        assert app.pane.every.selected == inside


async def test_who_follows_still_follows_when_every_event_is_shown() -> None:
    feed = after_a_minute()
    answers(feed, 1, 30)
    async with outlined(feed) as (app, pilot):
        app.view.every_event = True
        await shown(app, pilot)
        await pilot.pause()
        assert app.pane.every.following
        assert app.pane.every.cursor is None


async def test_selecting_a_line_selects_its_stream_and_explains_it() -> None:
    feed = after_a_minute()
    feed.feed(turn(1, MS), *opened(7))
    answers(feed, 2, 2, stream=7)
    async with outlined(feed) as (app, pilot):
        await pilot.press("up")
        assert app.chosen == [7]
        assert app.explained()[0].startswith("cycle  What the loop did for a stream in one go")
        assert "events below it" in app.explained()[1]
        assert "of the feed" in str(app.pane.border_title)

        await pilot.press("up")
        assert app.explained()[0].startswith("handle.init")


async def test_a_filter_leaves_lines_and_n_unfolds_the_one_with_the_next_match() -> None:
    feed = after_a_minute()
    answers(feed, 1, 5)
    answers(feed, 6, 10, stream=8)
    async with outlined(feed, height=40) as (app, pilot):
        await filtered(app, pilot, "sys.write and stream==8")
        assert read_bytes(app) == [6, 7, 8, 9, 10]
        assert app.pane.outline.has_focus

        await pilot.press("N")
        line = app.pane.outline.selected
        assert line is not None
        assert isinstance(line.item, Event)
        assert (line.item.kind, line.item.turn) == ("sys.write", 10)
        assert "› " in "\n".join(lines(app))
        await pilot.press("N")
        line = app.pane.outline.selected
        assert line is not None
        assert line.event is not None
        assert (line.event.kind, line.event.turn) == ("sys.write", 9)
        await pilot.press("n")
        line = app.pane.outline.selected
        assert line is not None
        assert line.event is not None
        assert (line.event.kind, line.event.turn) == ("sys.write", 10)


async def test_a_filter_that_nothing_that_matters_matches_says_where_the_rest_is() -> None:
    feed = after_a_minute()
    turns(feed, 1, 30)
    async with outlined(feed) as (app, pilot):
        await filtered(app, pilot, "turn==3")
        assert "v shows every event, and these" in lines(app)[1] or "v shows every event, and these" in lines(app)[0]


async def test_a_loss_and_what_was_found_have_lines_of_their_own() -> None:
    feed = after_a_minute()
    answers(feed, 1, 2)
    feed.past.note(Note(feed.clock.wall(), "stalled", "PEER   #9 takes nothing", 9))
    feed.lose(1234)
    answers(feed, 90, 90)
    async with outlined(feed) as (app, pilot):
        assert lines(app)[2].startswith("▲ ")
        assert "stalled, PEER" in lines(app)[2]
        assert "#9 takes nothing" in lines(app)[2]
        assert "╌ lost 1,234 events ╌" in lines(app)[3]

        await pilot.press("up", "up")
        line = app.pane.outline.selected
        assert line is not None
        assert isinstance(line.item, Gap)
        await pilot.press("up")
        assert app.explained()[0].startswith("stalled")
        assert app.explained()[1].startswith("note")


async def test_where_next_to_nothing_matters_the_list_says_how_far_it_has_looked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outline, "AT_ONCE", 100)
    feed = after_a_minute()
    answers(feed, 1, 3)
    turns(feed, 10, 200)
    async with outlined(feed) as (app, pilot):
        assert "…  nothing that matters from here on" in lines(app)[0]

        for _ in range(20):
            await shown(app, pilot)
        assert read_bytes(app) == [1, 2, 3]
        assert "…" not in "\n".join(lines(app))


async def test_an_empty_list_says_what_is_awaited() -> None:
    feed = after_a_minute()
    async with outlined(feed) as (app, pilot):
        assert lines(app)[0] == " Nothing has happened yet: every change of a stream will be told here."
        await pilot.press("up", "down", "enter", "home", "end", "o", "pageup", "pagedown", "n", "N")
        assert app.pane.outline.cursor is None

        turns(feed, 1, 3)
        await shown(app, pilot)
        assert lines(app)[0] == " Nothing that matters has happened yet; v shows every event."


async def test_another_engine_begins_another_list() -> None:
    feed = after_a_minute()
    answers(feed, 1, 30)
    async with outlined(feed) as (app, pilot):
        await pilot.press("up")
        other = after_a_minute()
        answers(other, 500, 503)
        feed.past, feed.model = other.past, other.model
        await shown(app, pilot)

        assert read_bytes(app) == [500, 501, 502, 503]
        assert app.pane.outline.following


async def test_in_the_past_what_will_happen_stands_below_and_enter_goes_to_an_event() -> None:
    feed = after_a_minute()
    answers(feed, 1, 30)
    async with outlined(feed, height=20) as (app, pilot):
        app.view.pause()
        assert app.view.travel is not None
        app.view.travel.go(feed.past.end - 10 * 20)
        app.view.advance(0.0)
        await shown(app, pilot)
        now = [line for line in lines(app) if line.startswith("▶")]
        assert len(now) == 1
        assert 15 < int(now[0].split("read ")[1].split()[0]) < 25
        assert lines(app).index(now[0]) < len([line for line in lines(app) if line]) - 1


async def test_where_room_is_short_the_title_has_fewer_words_and_no_half_one() -> None:
    feed = after_a_minute()
    answers(feed, 1, 30)
    async with outlined(feed, height=20) as (app, pilot):
        app.view.pause()
        assert app.view.travel is not None
        app.view.travel.go(100)
        app.view.advance(0.0)
        for width, last in ((120, "what is to come is dim"), (70, "at 22:13:20.005"), (50, "all streams")):
            await pilot.resize_terminal(width, 20)
            await shown(app, pilot)
            assert re.split(r" (\[.*\])?──", str(app.pane.border_title))[0].strip().endswith(last)


async def test_what_opens_is_told_with_its_peer_and_what_is_queued_by_its_pieces() -> None:
    feed = after_a_minute()
    feed.feed(turn(1, MS), *opened(7))
    feed.feed(
        turn(2, 2 * MS), *wrote(7, 1, 65536, 18432, 40960), record("io.start", 7, uv.POLLIN, uv.POLLIN | uv.POLLOUT)
    )
    async with outlined(feed) as (app, _pilot):
        text = "\n".join(lines(app))
        assert "opened" in text
        assert "← 127.0.0.1:51507   by #1" in text
        assert "queued 46 KiB" in text
        assert "wrote 18,432 of 65,536 B" in text
        assert "above its mark" in text
        assert "the kernel takes no more" in text


async def test_the_clipboard_gets_the_selected_line_or_those_in_sight() -> None:
    feed = after_a_minute()
    answers(feed, 1, 30)
    async with outlined(feed) as (app, pilot):
        assert len(app.pane.copy_text().splitlines()) == 10
        await pilot.press("up")
        assert app.pane.copy_text().endswith("#9  answered 30 B  read 30 B → wrote 30 B  90 µs")


async def test_text_of_an_engine_is_no_markup() -> None:
    feed = after_a_minute()
    feed.feed(turn(1, MS), record("callback.error", 7, 2, "[bold red]x[/] \x1b[2J"))
    async with outlined(feed) as (app, _pilot):
        assert "[bold red]x[/]" in lines(app)[0]
        assert "\x1b" not in lines(app)[0]


def test_the_tree_shows_what_happened_within_which_callback() -> None:
    kinds = ["epoll.event", "callback.begin", "sys.write", "callback.end", "flag.set"]
    made = [
        Event(n, 0, 0, 1, kind, "f", None, None, {"callback": 2} if "callback" in kind else {})
        for n, kind in enumerate(kinds)
    ]

    assert tree(made) == ["├ ", "├ ", "│ └ ", "├ ", "└ "]


async def test_only_lines_in_sight_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = after_a_minute(max_bytes=64 << 20)
    answers(feed, 1, 2000)
    async with outlined(feed) as (app, pilot):
        expanded: list[int] = []
        expand = feed.past.decoder.expand

        def counting(place: int, turn: int, t: int, words, **options: int):
            expanded.append(len(words))
            return expand(place, turn, t, words, **options)

        monkeypatch.setattr(feed.past.decoder, "expand", counting)
        answers(feed, 2001, 2300)
        await shown(app, pilot)

        assert 0 < len(expanded) <= 2 * app.pane.outline.size.height


async def test_v_turns_every_list_of_events_and_the_choice_is_kept(tmp_path: Path) -> None:
    choices = Choices(tmp_path / "choices")
    for every, label in ((False, "what matters"), (True, "every event")):
        scene, view = past_scene()
        app = StreamscopeApp(scene, config(), view=view, choices=choices)
        async with app.run_test(size=(140, 50)) as pilot:
            await pilot.pause()
            overview = app.screen
            assert isinstance(overview, OverviewScreen)
            assert overview.events.every.display is every
            assert f"events · {label}" in str(overview.events.border_title)

            await pilot.press("v")
            await pilot.pause()
            assert overview.events.every.display is not every
            await pilot.press("enter")
            await pilot.pause()
            assert isinstance(app.screen, StreamScreen)
            assert app.screen.events.every.display is not every


@pytest.mark.parametrize(
    ("names", "width", "shown"),
    [
        ("write_queue_size 56 KiB → 120 KiB   mark 64 KiB", 60, "write_queue_size 56 KiB → 120 KiB   mark 64 KiB"),
        ("write_queue_size 56 KiB → 120 KiB   mark 64 KiB", 33, "write_queue_size 56 KiB → 120 KiB"),
        ("write_queue_size 56 KiB → 120 KiB   mark 64 KiB", 27, "write_queue_size → 120 KiB"),
        ("write_queue_size 56 KiB → 120 KiB   mark 64 KiB", 12, "120 KiB"),
        ("write_queue_size 56 KiB → 120 KiB   mark 64 KiB", 3, ""),
        ("READING on → off   ACTIVE on → off", 14, "READING → off"),
        ("READING on → off   ACTIVE on → off", 11, "READING off"),
        ("READING on → off   ACTIVE on → off", 9, "READING …"),
    ],
)
def test_where_names_have_no_room_what_has_become_of_it_stays(names: str, width: int, shown: str) -> None:
    assert few_names(names, width) == shown
