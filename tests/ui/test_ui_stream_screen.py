"""One stream on the whole screen: everything of it is there, and its payload is asked for only while it is open."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from feeds import SECOND, Scene, record, turn
from textual.pilot import Pilot
from ui_scenes import after_a_minute, opened, view_of, wrote

from streamscope.app import StreamscopeApp
from streamscope.core import flags as uv
from streamscope.core.probe import CB_CONNECTION
from streamscope.diagnosis.other_end import OtherEnd, OtherEnds
from streamscope.trace.contents import Note, Payload
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.beside import STANDS_S
from streamscope.ui.config_file import Config
from streamscope.ui.screens.stream import StreamScreen
from streamscope.ui.widgets.event_list import EventList
from streamscope.ui.widgets.payload_view import PayloadView


def feed_of(*numbers: int, **options: object) -> Scene:
    """An engine with these streams, #7 with a write that the kernel took a part of."""
    feed = after_a_minute(**options)  # type: ignore[arg-type]
    feed.feed(turn(1, 58 * SECOND), *(told for number in numbers for told in opened(number)))
    feed.model.slice(feed.place, feed.model.loop, list(feed.model.streams.values()), True, True)
    feed.feed(turn(2, 59 * SECOND), *wrote(7, 1, 65536, 18432, 0))
    return feed


def passed(data: bytes, *, out: bool = False, stream: int = 7, at_s: int = 59) -> Payload:
    return Payload(stream, at_s * SECOND, out, len(data), data)


@asynccontextmanager
async def running(
    feed: Scene, *, size: tuple[int, int] = (120, 40), stream: int = 7
) -> AsyncIterator[tuple[StreamscopeApp, Pilot[int]]]:
    app = StreamscopeApp(feed, Config(), view=view_of(feed))
    async with app.run_test(size=size) as pilot:
        app.open_stream(stream)
        await pilot.pause()
        yield app, pilot


def screen_of(app: StreamscopeApp) -> StreamScreen:
    assert isinstance(app.screen, StreamScreen)
    return app.screen


def payload(app: StreamscopeApp) -> list[str]:
    """The rows of the payload in sight."""
    view = app.screen.query_one(PayloadView)
    lines = [view.render_line(y).text.rstrip() for y in range(view.scrollable_content_region.height)]
    return [line for line in lines if line]


async def test_payload_is_asked_for_while_the_stream_is_open_and_no_longer() -> None:
    feed = feed_of(7)
    async with running(feed) as (app, pilot):
        assert feed.asked == [7]
        await pilot.press("escape")

        assert feed.asked == [7, None]
        assert not isinstance(app.screen, StreamScreen)


async def test_payload_is_followed_as_it_passes() -> None:
    feed = feed_of(7)
    async with running(feed, size=(140, 40)) as (app, pilot):
        assert payload(app)[0].startswith(" Nothing has passed since the stream was opened here;")
        feed.payload.append(passed(b"hello\n"))
        app.screen.show(set())  # type: ignore[attr-defined]
        await pilot.pause()
        assert payload(app) == [" < 22:14:19.000 hello\\n"]

        feed.payload.append(passed(b"HELLO\n", out=True))
        for number in range(60):
            feed.payload.append(passed(b"line %d\n" % number))
        screen_of(app).show(set())
        await pilot.pause()
        assert payload(app)[-1].endswith("line 59\\n")


async def test_payload_can_be_read_as_hex() -> None:
    feed = feed_of(7)
    feed.payload.append(passed(b"hello\x1b\n"))
    async with running(feed, size=(80, 24)) as (app, pilot):
        await pilot.press("h")
        assert payload(app) == [" < 000000 68 65 6c 6c 6f 1b 0a" + " " * 30 + "hello··"]

        await pilot.press("h")
        assert payload(app)[0].endswith("hello␛\\n")


async def test_an_inspector_that_may_only_look_says_so() -> None:
    async with running(feed_of(7, control=False), size=(200, 40)) as (app, _):
        assert payload(app) == [
            " Payload stays in the engine: this inspector may only look (attach to one run with --control)."
        ]


async def test_payload_is_no_markup_and_no_escape() -> None:
    feed = feed_of(7)
    feed.payload.append(passed(b"[bold red]x[/] \x1b]52;c;AAAA\x07 \x9b2J\n"))
    async with running(feed) as (app, _):
        assert payload(app)[0].endswith("[bold red]x[/] ␛]52;c;AAAA␇ \\x9b2J\\n")


async def test_the_rows_hold_still_for_a_reader() -> None:
    feed = feed_of(7)
    feed.payload += [passed(b"line %d\n" % number) for number in range(100)]
    async with running(feed) as (app, pilot):
        await pilot.press("pageup")
        before = payload(app)
        feed.payload.append(passed(b"more\n"))
        screen_of(app).show(set())
        await pilot.pause()
        assert payload(app) == before

        await pilot.press("f")
        assert payload(app)[-1].endswith("more\\n")


async def test_a_flood_takes_no_rows_away_from_a_reader() -> None:
    feed = feed_of(7)
    feed.payload += [passed(b"line %d\n" % number) for number in range(100)]
    async with running(feed) as (app, pilot):
        await pilot.press("pageup")
        before = payload(app)
        for _ in range(30):
            feed.payload.append(passed(b"flood\n" * 5000))
            screen_of(app).show(set())
        await pilot.pause()
        assert payload(app) == before

        await pilot.press("f")
        assert payload(app)[-1].endswith("flood\\n")


async def test_a_paused_screen_takes_no_payload() -> None:
    feed = feed_of(7)
    async with running(feed) as (app, pilot):
        await pilot.press("space")
        feed.payload.append(passed(b"later\n", at_s=61))
        screen_of(app).show(set())
        await pilot.pause()
        assert "later" not in "".join(payload(app))

        await pilot.press("space")
        assert payload(app)[-1].endswith("later\\n")


async def test_frames_that_the_session_had_no_room_for_leave_a_word() -> None:
    feed = feed_of(7)
    feed.payload.append(passed(b"first\n"))
    async with running(feed, size=(200, 40)) as (app, pilot):
        feed.payload = deque([passed(b"much later\n")])
        screen_of(app).show(set())
        await pilot.pause()

        assert [line.split("  ")[-1] for line in payload(app)][1].endswith(
            "╌ bytes of both ways went by too fast to be kept ╌"
        )


async def test_its_requests_and_its_own_events_are_there() -> None:
    feed = feed_of(7, 8)
    async with running(feed) as (app, pilot):
        app.view.every_event = True
        screen = screen_of(app)
        screen.show(set())
        await pilot.pause()
        requests = [screen.beside.render_line(y).text.rstrip() for y in range(3)]
        events = app.screen.query_one(EventList)
        lines = [events.render_line(y).text for y in range(events.size.height)]

        assert requests[0].startswith("w1      ██")
        assert "18 KiB of 64 KiB" in requests[0]
        assert screen.beside.border_title == "requests · 1 under way"
        assert "uv__write     write_queue_size 65,536 → 47,104" in "".join(lines)
        assert "loop" not in "".join(lines)


async def test_the_next_and_the_previous_stream_can_be_opened_from_here() -> None:
    feed = feed_of(7, 8, 9)
    async with running(feed, stream=8) as (app, pilot):
        app._overview.table.set_sort("number", False)
        seen = []
        for key in ("right_square_bracket", "right_square_bracket", "left_square_bracket"):
            await pilot.press(key)
            seen.append(screen_of(app).number)

        assert seen == [9, 9, 8]
        assert feed.opened == (8,)


async def test_a_stream_that_closes_stays_on_the_screen() -> None:
    feed = feed_of(7)
    async with running(feed) as (app, pilot):
        feed.feed(record("flag.set", 7, uv.CLOSED, fn="uv__finish_close"), record("handle.closed", 7))
        screen_of(app).show({7})
        await pilot.pause()

        assert "closed" in str(screen_of(app).panel.border_title)
        assert payload(app)[0].startswith(" The stream is closed, and nothing passed")


async def test_a_listening_stream_shows_its_events_instead_of_a_payload_that_it_cannot_have() -> None:
    feed = feed_of(7)
    feed.feed(
        record("handle.init", 1, uv.UV_TCP, "echo.py:9 main"),
        record("callbacks", 1, 0, 1 << CB_CONNECTION, fn="uv_tcp_listen"),
    )
    async with running(feed, stream=1) as (app, _):
        assert not screen_of(app).payload.display
        assert app.focused is screen_of(app).events.list
        assert screen_of(app).events.list.size.height > 20


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 40), (200, 60)])
async def test_every_pane_has_room_and_the_focus_reaches_it(size: tuple[int, int]) -> None:
    feed = feed_of(7)
    async with running(feed, size=size) as (app, pilot):
        reached = []
        panes = ["OutlineList", "Panel", "PayloadView"]
        if size[0] >= 160:
            panes.append("Timeline")
        for _ in panes:
            assert app.focused is not None
            assert app.focused.size.height >= 2, app.focused
            reached.append(type(app.focused).__name__)
            await pilot.press("tab")

        assert sorted(reached) == panes


async def test_what_has_the_focus_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = feed_of(7)
    feed.payload.append(passed(b"hello\n"))
    async with running(feed) as (app, pilot):
        copied: list[str] = []
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        await pilot.press("y", "tab", "up", "y")

        assert copied[0] == "< hello"
        assert copied[1].split("  ")[1:3] == ["#7", "queued 46 KiB"]


class Beside(OtherEnds):
    """Whoever asks for the other end of a stream is told this."""

    def __init__(self, *ends: OtherEnd | None) -> None:
        super().__init__()
        self.ends = list(ends)
        self.asked: list[int] = []

    def look(self, state: StreamState, vocabulary: Vocabulary, pid: int) -> OtherEnd | None:
        self.asked.append(state.number)
        return self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]


async def test_whose_the_other_end_is_stands_in_the_panel_and_is_noted_while_the_stream_is_open() -> None:
    feed = feed_of(7)
    notes: list[Note] = []
    reader = OtherEnd(200_000, 77, "sleepy")
    async with running(feed) as (app, pilot):
        beside = Beside(OtherEnd(200_000), reader)
        app.view.beside.look(beside, notes.append)
        for _ in range(5):
            screen_of(app).show_at_once()

        assert set(beside.asked) == {7}
        assert [(note.about, note.stream, note.text) for note in notes] == [
            ("other end", 7, OtherEnd(200_000).sentence()), ("other end", 7, reader.sentence()),
        ]  # fmt: skip
        assert "sleepy (77)" in screen_of(app).panel.copy_text()

        asked = len(beside.asked)
        await pilot.press("escape")
        app.screen.show(set())  # type: ignore[attr-defined]
        assert len(beside.asked) == asked
        feed.clock.seconds += STANDS_S + 0.1
        assert app.view.other_end(7) is None
