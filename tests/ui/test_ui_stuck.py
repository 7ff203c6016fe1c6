"""An engine that does not come round: the screen says in what, in every place where it would else say that all is
well.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from feeds import SECOND, Clock, Scene, record, turn
from feeds import at as at_
from ui_picture import Compare, at
from ui_pilot import a_while, looking_at, screen_text, text_of
from ui_scenes import config, connection, listener, view_of

from streamscope.app import StreamscopeApp
from streamscope.core.probe import CB_READ
from streamscope.link.asking import IN_KERNEL, NO_CPU, STOPPED, STUCK, Standstill
from streamscope.ui import stuck

FRAMES = [("/srv/server.py", 18, "parse"), ("/srv/server.py", 31, "on_read")]

IN_READ = Standstill(
    STUCK, 4.1, stream=3, callback="read_cb", frames=FRAMES, engine=["uv__read", "uv__io_poll", "uv_run"], asked=4,
    answered_ago=0.3, cpu=0.998, delay=0.002, waiting=3,
)  # fmt: skip


def stuck_scene(stands: Standstill = IN_READ) -> Scene:
    """A server with two clients, in whose read_cb of #3 the program is, after one that took 1.2 s."""
    scene = Scene(Clock(190.0))
    begin = scene.clock.t
    scene.snapshot([listener(), connection(2, last_read_t=begin), connection(3)])
    scene.records(
        turn(7, begin),
        record("callback.begin", 2, CB_READ, 12, fn="uv__read"),
        record("callback.end", 2, CB_READ, begin + 1_200_000_000, fn="uv__read"),
    )
    scene.clock.seconds = 200.0
    scene.standstill = stands
    return scene


def line_with(lines: list[str], text: str) -> str:
    return next(line for line in lines if text in line)


async def test_header_sentence_rows_and_pane_say_in_what_it_is_stuck() -> None:
    async with looking_at(stuck_scene(), size=(180, 40)) as (pilot, _):
        lines = text_of(pilot)
    # the header, in place of "live"
    assert "■ stuck in read_cb of #3 for 4.1 s: on_read, server.py:18" in lines[0]
    assert "live" not in lines[0]
    # the sentence
    assert "has not come back to its loop for 4.1 s: it runs server.py:18 in parse, called by on_read of #3" in lines[1]
    # the rows
    assert line_with(lines, "51503").startswith("│■")
    assert "in on_read" in line_with(lines, "51503")
    assert "3 wait ↓" in line_with(lines, "▸")
    assert "not accepted" in line_with(lines, "▸")
    assert "as they were 4.1s ago" in line_with(lines, "─ streams")
    # where the program is
    assert "asked 4 times, last 0.3s ago · the same each time" in line_with(lines, "where the program is")
    assert "server.py:31  on_read" in line_with(lines, "server.py:31")
    assert "uv__read ◂ uv__io_poll ◂ uv_run" in line_with(lines, "the engine")
    assert "CPU 100 % of a core · not waiting, not in the kernel · run delay 0.2 %" in line_with(lines, "CPU")
    assert "read_cb 1.2 s #2" in line_with(lines, "Slowest before")


async def test_ages_stand_still_but_for_the_stream_that_it_is_stuck_in() -> None:
    scene = stuck_scene()
    async with looking_at(scene, columns=("number", "peer", "idle", "lifetime")) as (pilot, _):
        before = text_of(pilot)
        scene.standstill = msgspec.structs.replace(IN_READ, seconds=34.1)
        await a_while(pilot, scene, 30.0)
        after = text_of(pilot)
    assert line_with(before, "51502") == line_with(after, "51502")
    assert line_with(before, "51503") != line_with(after, "51503")


async def test_afterwards_it_is_said_for_two_seconds_for_how_long_it_was() -> None:
    scene = stuck_scene(msgspec.structs.replace(IN_READ, seconds=5.9))
    async with looking_at(scene) as (pilot, _):
        await a_while(pilot, scene, 0.1)
        # when the engine comes round, and its feed says that it was a little longer than when we looked last
        scene.standstill = None
        scene.feed(at_(scene.clock.t - 6 * SECOND), record("callback.end", 3, CB_READ, scene.clock.t, fn="uv__read"))
        await a_while(pilot, scene, 0.2)
        assert "■ was stuck in read_cb of #3 for 6.0 s" in text_of(pilot)[0]
        assert "where the program is" not in screen_text(pilot)
        await a_while(pilot, scene, 2.1)
        # then all is as before, and the length of the slowest callback stays
        assert "● live" in text_of(pilot)[0]
        assert "slowest cb 6 s" in text_of(pilot)[0]
        assert "has not come back" not in screen_text(pilot)


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_nobody_has_connected_is_not_said_while_somebody_waits(size: tuple[int, int]) -> None:
    scene = Scene(Clock(200.0))
    scene.snapshot([listener()])
    scene.standstill = Standstill(STUCK, 14.0, stream=1, callback="connection_cb", frames=FRAMES, waiting=1)
    async with looking_at(scene, size=size) as (pilot, _):
        text = screen_text(pilot)
    assert "Nobody has connected yet" not in text
    assert "1 client waits in the kernel" in " ".join(text.split())


@pytest.mark.parametrize(
    ("stands", "header", "words"),
    [
        (Standstill(STOPPED, 3.0), "stopped by a signal for 3.0 s", "nothing of it runs until kill -CONT 4711"),
        (Standstill(NO_CPU, 3.0, cpu=0.0, delay=0.97), "waits for a CPU for 3.0 s", "run delay 97.0 %"),
        (Standstill(IN_KERNEL, 3.0, wchan="nfs_wait"), "in the kernel for 3.0 s, in nfs_wait", "does not return"),
        (Standstill(STUCK, 3.0, untold="it does not say in what: the program has taken SIGURG for itself"),
         "stuck in something", "has taken SIGURG for itself"),
    ],
)  # fmt: skip
async def test_what_the_kernel_says_of_it_is_told_as_that(stands: Standstill, header: str, words: str) -> None:
    async with looking_at(stuck_scene(stands)) as (pilot, _):
        assert f"■ {header}" in text_of(pilot)[0]
        assert words in screen_text(pilot)


@pytest.mark.parametrize("size", [(80, 24), (60, 15), (200, 60), (121, 30)])
async def test_hostile_words_of_an_engine_stay_words_at_every_size(size: tuple[int, int]) -> None:
    evil = "\x1b[2J" + "界" * 80
    frames = [(f"/{evil}", 10**9, evil)] * 64
    stands = msgspec.structs.replace(
        IN_READ, frames=[(stuck.visible(a), b, stuck.visible(c)) for a, b, c in frames], engine=["uv_x" * 15] * 64,
        callback="x" * 40, waiting=10**9,
    )  # fmt: skip
    async with looking_at(stuck_scene(stands), size=size) as (pilot, _):
        assert "\x1b" not in screen_text(pilot)
        assert "q ends it" in screen_text(pilot) or "q leaves" in screen_text(pilot) or size == (60, 15)


async def test_y_copies_the_stack() -> None:
    async with looking_at(stuck_scene()) as (pilot, _):
        await pilot.press("y")
        copied = pilot.app.clipboard.splitlines()
    assert copied[:3] == [IN_READ.text, "/srv/server.py:18 parse", "/srv/server.py:31 on_read"]


async def test_in_the_past_the_screen_shows_the_past() -> None:
    scene = stuck_scene()
    async with looking_at(scene) as (pilot, _):
        await pilot.press("space")
        assert "❚❚ paused" in text_of(pilot)[0]
        assert "as they were" not in screen_text(pilot)
        assert "has not come back to its loop" in text_of(pilot)[1]  # and is still told


def test_of_many_frames_the_innermost_and_the_callback_are_shown() -> None:
    frames = [("/srv/a.py", number, f"f{number}") for number in range(1, 40)]
    stands = msgspec.structs.replace(IN_READ, frames=frames)
    lines = stuck.lines(stands, [], view_of(stuck_scene()).vocabulary, started=0.0, height=7)
    text = ["".join(part for part, _ in line) for line in lines]
    assert [line.split()[0] for line in text[:3]] == ["a.py:1", "a.py:2", "a.py:3"]
    assert text[3] == "… 35 calls between"
    assert text[4].startswith("a.py:39")
    assert len(text) == 7


def test_the_line_of_source_is_shown_unless_it_was_changed_since(tmp_path: Path) -> None:
    source = tmp_path / "server.py"
    source.write_text("one\n    two = 2\n")
    changed = source.stat().st_mtime
    assert stuck.source_line(str(source), 2, changed + 1) == "two = 2"
    assert stuck.source_line(str(source), 2, changed - 1) == ""
    assert stuck.source_line(str(source), 3, changed + 1) == ""
    assert stuck.source_line(str(tmp_path), 1, changed + 1) == ""
    assert stuck.source_line("/dev/zero", 1, changed + 1) == ""


@at((80, 24), (140, 40))
def test_picture_of_a_program_that_is_stuck(compare: Compare, size: tuple[int, int]) -> None:
    scene = stuck_scene()
    compare(StreamscopeApp(scene, config(), view=view_of(scene)), size, "it runs server.py:18 in")


@at((80, 24))
def test_picture_of_a_program_that_is_stuck_before_anybody_was_accepted(
    compare: Compare, size: tuple[int, int]
) -> None:
    scene = Scene(Clock(200.0))
    scene.snapshot([listener()])
    scene.standstill = Standstill(STUCK, 14.0, stream=1, callback="connection_cb", frames=FRAMES, waiting=1)
    compare(StreamscopeApp(scene, config(), view=view_of(scene)), size, "1 client waits")


def test_it_stands_still_from_when_it_was_last_heard() -> None:
    scene = stuck_scene()
    view = view_of(scene)
    view.advance(0.01)
    assert view.now_t == pytest.approx(scene.clock.ago(4.1), abs=SECOND // 100)


async def test_the_slowest_callbacks_are_listed_and_enter_goes_to_where_one_returned() -> None:
    # given an engine that turns again, in whose past a callback took 1.2 s
    scene = stuck_scene()
    scene.standstill = None
    async with looking_at(scene) as (pilot, _):
        await pilot.press("C")
        text = screen_text(pilot)
        assert "slowest callbacks" in text
        assert "1.2 s  read_cb        #2     22:16:31.200  turn 7  echo.py:40 on_connection" in text
        # when it is chosen
        await pilot.press("enter")
        # then the screen stands where it returned
        assert "❚❚ paused" in text_of(pilot)[0]
        assert "22:16:31.200" in text_of(pilot)[0]


async def test_without_any_callback_the_list_says_so_and_enter_does_nothing() -> None:
    async with looking_at(Scene(Clock(200.0))) as (pilot, _):
        await pilot.press("C")
        assert "No callback has returned yet." in screen_text(pilot)
        await pilot.press("enter")
        await pilot.press("escape")
        assert "slowest callbacks" not in screen_text(pilot)
