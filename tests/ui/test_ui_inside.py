"""Where we are, and the engine's text beside it, on a real feed: an echo that was served on a scripted kernel."""

from __future__ import annotations

import pytest
from core_kernel import IN, World
from feeds import Clock, Scene
from moon import moonrise
from rich.cells import cell_len
from test_ui_moon import LIBUVS, words_of
from ui_picture import Compare, at
from ui_pilot import looking_at, screen_text, text_of
from ui_scenes import view_of

from streamscope.app import StreamscopeApp
from streamscope.core import JoinedLoop, Tcp
from streamscope.core.records import Word
from streamscope.source.inside import PHASES
from streamscope.trace.decode import Event
from streamscope.ui import inside_lines
from streamscope.ui.config_file import Config
from streamscope.ui.screens.inside_screen import InsideScreen
from streamscope.ui.screens.overview import OverviewScreen
from streamscope.ui.view import View
from streamscope.ui.widgets.inside_panes import InsideNow

SIZES = [(80, 24), (140, 40)]


def echo() -> Scene:
    """A connection that is read and answered twice, and then ended by its peer; told joined, as engines do."""
    world = World(make_loop=JoinedLoop)
    words: list[Word] = []
    world.loop.watch(words)
    stream = Tcp(world.loop)
    stream.open(world.kernel.make())
    stream.read_start(None, lambda stream, nread, data: stream.write(data) if nread > 0 else stream.close())
    for _ in range(2):
        world.kernel[stream.fd].inbox.append(b"hello")
        world.kernel.now += 1_000_000
        world.turn((stream.fd, IN))
    world.kernel[stream.fd].ended = True
    world.turn((stream.fd, IN))
    world.loop.unwatch()
    world.end()
    scene = Scene(Clock(1.0))
    scene.model.apply(0, 0, 0, words)
    scene.past.append(0, 0, 0, words)
    return scene


def row_of(scene: Scene, kind: str, number: int = 0) -> Event:
    rows = [row for row in scene.past.rows(0, scene.past.end) if isinstance(row, Event) and row.kind == kind]
    return rows[number]


async def go(pilot: object, view: View, event: Event) -> None:
    assert view.travel is not None
    view.travel.go(view.past.row_at(seq=event.seq) + 1)
    app = pilot.app  # type: ignore[attr-defined]
    app.drain()
    app.show_at_once()
    await pilot.pause()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [40, 60, 80, 140])
@pytest.mark.parametrize("height", [3, 8, 12, 30])
def test_every_event_has_its_place_in_any_room(width: int, height: int) -> None:
    scene = echo()
    view = view_of(scene)
    view.advance(0.01)
    view.pause()
    inside = InsideNow(view)
    assert view.travel is not None
    for row in range(1, scene.past.end, 7):
        view.travel.go(row)
        where = inside.now
        for line in inside_lines.whole(where, view.vocabulary, width, height)[:height]:
            text = "".join(text for text, _ in line)
            assert cell_len(text) <= width or not text.startswith(("[", "uv", "└", " "))
        shown = inside_lines.source(where, 0, width, height)
        assert 0 < len(shown.lines) <= max(height, 1)
        assert sum(line[0][0] == inside_lines.LIT for line in shown.lines) == 1


async def test_x_shows_the_line_that_told_and_inside_which_functions() -> None:
    scene = echo()
    async with looking_at(scene, size=(80, 24)) as (pilot, _):
        view = pilot.app.view  # type: ignore[attr-defined]
        await pilot.press("x")
        assert isinstance(pilot.app.screen, InsideScreen)
        assert view.paused

        await go(pilot, view, row_of(scene, "sys.write"))

        text = screen_text(pilot)
        assert "timers ▸ pending ▸ idle ▸ prepare ▸ [poll] ▸ check ▸ closing" in text
        assert "… ▸ read_cb ▸ uv_write ▸ uv_write2 ▸ uv__write ▸ uv__try_write ▸ uv__writev" in text
        assert "streamscope/core/stream/write.py · uv__writev" in text
        lit = next(line for line in text_of(pilot) if inside_lines.LIT in line)
        assert "emit((stream.mark | (_SYS_WRITE if one else _SYS_WRITEV)" in lit
        assert "libuv 1.44.2: src/unix/stream.c, uv__writev" in text
        assert "chapter 3.1.4: Writing" in text

        await pilot.press("x")
        assert isinstance(pilot.app.screen, OverviewScreen)


async def test_arrows_climb_to_the_calls_around_and_back() -> None:
    scene = echo()
    async with looking_at(scene, size=(80, 24)) as (pilot, _):
        view = pilot.app.view  # type: ignore[attr-defined]
        await pilot.press("x")
        await go(pilot, view, row_of(scene, "sys.write"))

        await pilot.press("up", "up")
        assert "stream/write.py · uv__write ─" in screen_text(pilot)
        lit = next(line for line in text_of(pilot) if inside_lines.LIT in line)
        assert "n = uv__try_write(stream, request.bufs" in lit

        await pilot.press(*["up"] * 20)
        assert "loop.py · uv_run ─" in screen_text(pilot)
        await pilot.press(*["down"] * 20)
        assert "stream/write.py · uv__writev ─" in screen_text(pilot)


async def test_one_steps_over_what_a_function_calls_and_out_of_it_on_and_back() -> None:
    scene = echo()
    async with looking_at(scene) as (pilot, _):
        view = pilot.app.view  # type: ignore[attr-defined]
        await pilot.press("x")
        begins = row_of(scene, "callback.begin")
        await go(pilot, view, begins)

        def here() -> tuple[str, str]:
            event = view.travel.event
            assert isinstance(event, Event)
            return event.kind, event.fn

        await pilot.press("right_parenthesis")
        assert here() == ("callback.end", "uv__read")
        await pilot.press("left_parenthesis")
        assert here() == ("callback.begin", "uv__read")
        await pilot.press("right")
        assert here() == ("request.begin", "uv_write2")
        await pilot.press("right_parenthesis", "right_parenthesis", "right_parenthesis")
        assert here() == ("callback.end", "uv__read")

        await go(pilot, view, row_of(scene, "sys.write"))
        await pilot.press("right_curly_bracket")
        assert here() == ("write_queue_size", "uv__write_req_update")
        await pilot.press("left_curly_bracket")
        assert here() == ("sys.write", "uv__writev")
        await pilot.press("left_curly_bracket")
        assert here() == ("write_queue.push", "uv_write2")


async def test_the_selected_event_is_the_one_that_is_shown() -> None:
    scene = echo()
    async with looking_at(scene) as (pilot, overview):
        overview.events.list.focus()
        await pilot.press("v")
        await pilot.pause()
        overview.events.list.focus()
        await pilot.press("up", "up", "up")
        chosen = overview.chosen_event
        assert chosen is not None

        await pilot.press("x")

        assert f"event {chosen:,}" in screen_text(pilot)


async def test_an_engine_that_brings_no_text_says_so() -> None:
    async with looking_at(moonrise()) as (pilot, _):
        await pilot.press("x")

        assert "does not bring its text along." in screen_text(pilot)
        assert not words_of(screen_text(pilot)) & LIBUVS


async def test_before_anything_has_happened_there_is_nothing_to_show() -> None:
    async with looking_at(Scene(Clock(1.0))) as (pilot, _):
        await pilot.press("x")

        assert inside_lines.NOTHING_YET in screen_text(pilot)


def test_every_phase_of_a_turn_is_named_by_the_function_that_runs_it() -> None:
    assert list(PHASES) == ["timers", "pending", "idle", "prepare", "poll", "check", "closing"]


@at(*SIZES)
def test_picture_of_a_write_from_inside(compare: Compare, size: tuple[int, int]) -> None:
    scene = echo()
    app = StreamscopeApp(scene, Config(), view=view_of(scene))
    keys = ("x", "home", *["ctrl+right"] * 22)

    compare(app, size, "def uv__io_feed(loop: Loop, w: Watcher) -> None:", *keys)
