"""What the screen says in every state: empty, too small, ended, gone, lost; and that it obeys the person's settings."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from feeds import Clock, Scene, record
from textual.geometry import Region
from textual.widgets._toast import Toast
from ui_child import Child
from ui_past import past_scene, replay_scene
from ui_pilot import a_while, calm_scene, looking_at, text_of
from ui_scenes import backpressure, config, connection, listener, opened, view_of

from streamscope.app import StreamscopeApp
from streamscope.departure import Departure
from streamscope.servers.traffic import Traffic
from streamscope.trace.instant import Target
from streamscope.ui.screens.help import HelpScreen
from streamscope.ui.widgets.event_list import EventList
from streamscope.ui.widgets.footer import KeyFooter, fitting, hints


async def test_an_empty_screen_teaches_where_to_connect_and_with_what() -> None:
    scene = calm_scene()
    async with looking_at(scene) as (pilot, _):
        text = "\n".join(text_of(pilot))
        assert "echo listens on 127.0.0.1:7000" in text
        assert "nc 127.0.0.1 7000" in text
        assert "Nobody has connected yet." in text
        assert "g   starts built-in clients" in text

        scene.snapshot([listener(), connection(7)])
        await a_while(pilot, scene)
        assert "Nobody has connected" not in "\n".join(text_of(pilot))


@pytest.mark.parametrize(
    ("program", "address", "command"),
    [
        ("http", "127.0.0.1:8080", "curl http://127.0.0.1:8080/"),
        ("http", "[::1]:8080", "curl http://[::1]:8080/"),
        ("chat", "0.0.0.0:7000", "nc 127.0.0.1 7000"),
        ("source", "127.0.0.1:7000", "nc 127.0.0.1 7000 > /dev/null"),
        ("echo", ":::7000", "nc ::1 7000"),
        ("echo", "/run/echo.sock", "nc -U /run/echo.sock"),
    ],
)
async def test_the_command_to_try_suits_the_server(program: str, address: str, command: str) -> None:
    scene = Scene(Clock(200.0), program=program, addresses=[address])
    scene.snapshot([listener(local=address)])
    async with looking_at(scene) as (pilot, _):
        assert command in "\n".join(text_of(pilot))


async def test_before_the_engine_has_said_anything_the_screen_says_what_it_waits_for() -> None:
    scene = Scene(Clock(200.0))
    scene.hello, scene.status = None, "connecting"
    async with looking_at(scene) as (pilot, _):
        text = "\n".join(text_of(pilot))
        assert "◌ connecting" in text
        assert "✓ its process answers" in text
        assert "◌ who it is, and what it serves   for 0.0s" in text
        assert "· the state of its streams" in text
        assert "Waiting" not in text

        await a_while(pilot, scene, 2.1)
        assert "◌ who it is, and what it serves   for 2.1s" in "\n".join(text_of(pilot))


async def test_before_the_state_of_its_streams_is_known_nobody_is_said_to_be_absent() -> None:
    scene = Scene(Clock(200.0))
    async with looking_at(scene) as (pilot, _):
        text = "\n".join(text_of(pilot))
        assert "✓ who it is, and what it serves" in text
        assert "◌ the state of its streams   for 0.0s" in text
        assert "Nobody has connected" not in text

        scene.snapshot([listener()])
        await a_while(pilot, scene)
        assert "Nobody has connected yet." in "\n".join(text_of(pilot))


async def test_when_the_engine_ends_the_screen_stays_says_why_and_keeps_the_last_state() -> None:
    scene, view = backpressure()
    async with looking_at(scene, view) as (pilot, overview):
        scene.status, scene.reason = "ended", "stopped by SIGTERM"
        await a_while(pilot, scene)
        lines = text_of(pilot)
        assert "■ ended" in lines[0]
        assert "The engine has ended: stopped by SIGTERM. Its last state stays; q leaves." in lines[1]
        assert any("1.2 MiB" in line for line in lines)
        assert any("streams · as they ended" in line for line in lines)

        await pilot.press("down")
        assert overview.panels.numbers == [overview.table.cursor]


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40)])
async def test_when_the_engine_has_ended_the_screen_says_why_and_what_can_still_be_done(size: tuple[int, int]) -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=size) as (pilot, overview):
        scene.status, scene.reason, scene.exit_status = "ended", "stopped by SIGTERM", 0
        await a_while(pilot, scene)
        await a_while(pilot, scene)
        text = "\n".join(text_of(pilot))
        assert "■ echo ended at 22:17:00, status 0." in text
        assert "topped by SIGTERM" in text
        assert re.search(r"\d+ connections?, [\d.]+ \w+ in, [\d.]+ \w+ out\.", text) or size[0] < 80
        assert "The past is whole: 20 s, 174 events." in text
        assert "← → go through it" in text
        assert "q leaves" in text
        assert "← → step" in text_of(pilot)[-1] or size[0] < 120

        # what it says can be done, can be done
        await pilot.press("left")
        await a_while(pilot, scene)
        assert overview.view.moved
        assert "echo ended at" not in "\n".join(text_of(pilot))


class Ended:
    """An engine's process that has ended."""

    grace = 1.0

    def __init__(self) -> None:
        self._ended = os.eventfd(1)

    def fileno(self) -> int:
        return self._ended

    def send(self, signum: int) -> None:
        raise AssertionError("there is nobody to send it to")


async def test_what_was_started_here_runs_again_once_the_person_has_said_so_twice() -> None:
    scene, view = past_scene()
    view.own = True
    async with looking_at(scene, view) as (pilot, _):
        await pilot.press("r", "r")
        assert not pilot.app._notifications, "while it runs, r turns the ladder"
        app = pilot.app
        assert isinstance(app, StreamscopeApp)
        app._departure = departure = Departure(Ended(), lambda: None)
        view.own = True
        scene.status, scene.exit_status = "ended", 0
        await a_while(pilot, scene)
        await a_while(pilot, scene)
        assert "r runs it again" in "\n".join(text_of(pilot))

        await pilot.press("r")
        assert [notice.message for notice in app._notifications] == [
            "r again runs it anew; what is kept of its past goes. R keeps that in a file."
        ]
        assert not departure.again
        await pilot.press("r")
        assert departure.again
        assert departure.begun


async def test_where_there_is_little_room_the_end_gives_way_to_the_stream_that_one_looks_at() -> None:
    scene, view = backpressure()
    async with looking_at(scene, view, size=(80, 24)) as (pilot, _):
        scene.status, scene.exit_status = "ended", 0
        await a_while(pilot, scene)
        await a_while(pilot, scene)
        assert "echo ended at" in "\n".join(text_of(pilot))

        await pilot.press("down")
        await a_while(pilot, scene)
        text = "\n".join(text_of(pilot))
        assert "echo ended at" not in text
        assert "write_queue" in text


async def test_the_log_opens_by_itself_when_the_program_has_failed_and_not_when_it_ended_well(tmp_path: Path) -> None:
    log = tmp_path / "program.log"
    log.write_text("Traceback (most recent call last):\nValueError: no\n")
    for exit_status, opens in ((0, False), (1, True)):
        scene = Scene(Clock(200.0), log=str(log))
        scene.snapshot([listener(), connection(7)])
        async with looking_at(scene, size=(80, 24)) as (pilot, _):
            scene.status, scene.exit_status = "ended", exit_status
            await a_while(pilot, scene)
            await a_while(pilot, scene)
            text = "\n".join(text_of(pilot))
            assert ("ValueError: no" in text) == opens
            assert "L has the program's log" in text


async def test_a_small_terminal_does_not_speak_of_a_server_where_there_is_only_a_replay() -> None:
    scene, view = replay_scene()
    async with looking_at(scene, view, size=(50, 20)) as (pilot, _):
        text = "\n".join(text_of(pilot))
        assert "The replay goes on meanwhile." in text
        assert "server" not in text


async def test_when_the_engine_is_killed_the_screen_says_by_what_and_whether_it_tries_again() -> None:
    scene, view = backpressure()
    async with looking_at(scene, view) as (pilot, _):
        scene.status, scene.reason, scene.reconnects = "gone", "the engine was killed by SIGKILL", True
        await a_while(pilot, scene)

        assert "The engine was killed by SIGKILL. The last state stays; trying again; q leaves." in text_of(pilot)[1]


async def test_a_reconnected_engine_takes_the_sentence_away() -> None:
    scene = calm_scene(7)
    async with looking_at(scene) as (pilot, _):
        scene.status, scene.reason = "connecting", "connecting again to /run/1.sock"
        await a_while(pilot, scene)
        assert "Connecting again to /run/1.sock …" in text_of(pilot)[1]

        scene.status = "live"
        await a_while(pilot, scene)
        assert "All flows: 1 stream, nothing waits to go out." in text_of(pilot)[1]


async def test_a_loss_is_counted_in_the_header_and_the_wait_for_a_snapshot_is_said() -> None:
    scene = calm_scene(7)
    async with looking_at(scene) as (pilot, _):
        assert "lost 0" in text_of(pilot)[0]
        scene.model.lost(12_345)
        await a_while(pilot, scene)
        assert "lost 12,345" in text_of(pilot)[0]
        assert "waiting for a snapshot" in text_of(pilot)[1]

        scene.snapshot([listener(), connection(7)])
        await a_while(pilot, scene)
        assert "lost 12,345" in text_of(pilot)[0]
        assert "waiting for a snapshot" not in text_of(pilot)[1]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
async def test_whether_events_were_lost_is_said_at_every_width(width: int) -> None:
    scene = calm_scene(7)
    scene.model.lost(7)
    async with looking_at(scene, size=(width, 30)) as (pilot, _):
        assert "lost 7" in text_of(pilot)[0]
        assert "live" in text_of(pilot)[0]


async def test_a_small_terminal_is_told_politely_and_works_once_it_is_larger() -> None:
    scene = calm_scene(7)
    async with looking_at(scene, size=(50, 20)) as (pilot, overview):
        text = "\n".join(text_of(pilot))
        assert "streamscope needs 60 × 15 cells" in text
        assert "has 50 × 20 here" in text

        await pilot.resize_terminal(80, 24)
        await a_while(pilot, scene)
        text = "\n".join(text_of(pilot))
        assert "needs" not in text
        assert "51507" in text
        assert "write_queue_size" in text
        await pilot.press("down")
        assert overview.panels.numbers == [overview.table.cursor]


async def test_what_the_program_prints_is_announced_until_the_log_is_opened(tmp_path: Path) -> None:
    log = tmp_path / "program.log"
    log.write_text("echo listening on 127.0.0.1:7000\n")
    scene = Scene(Clock(200.0), log=str(log))
    scene.snapshot([listener(), connection(7)])
    async with looking_at(scene) as (pilot, _):
        await a_while(pilot, scene)
        assert "log +" not in text_of(pilot)[0]

        with log.open("a") as file:
            file.write("Traceback (most recent call last):\nValueError: no\n")
        await a_while(pilot, scene)
        assert "log +2" in text_of(pilot)[0]

        await pilot.press("L")
        await a_while(pilot, scene)
        assert "log +" not in text_of(pilot)[0]
        assert any("ValueError: no" in line for line in text_of(pilot))


async def test_at_the_beginning_of_the_past_the_table_says_what_was_so_then() -> None:
    scene = Scene(Clock(200.0))
    scene.snapshot([])
    scene.clock.seconds += 1
    scene.records(record("loop.turn", 0, 1, scene.clock.t), *opened(7), record("handle.closed", 7))
    view = view_of(scene)
    async with looking_at(scene, view) as (pilot, _):
        view.go_to(Target("start"))
        await a_while(pilot, scene)
        text = "\n".join(text_of(pilot))
        assert "Nothing had been opened yet, 22:16:40." in text
        assert "Waiting" not in text

        # and once something was, and is gone, that nothing was open
        view.go_to(Target("t", scene.clock.t + 100))
        assert view.travel is not None
        view.travel.model.forget_closed(2**62)
        await a_while(pilot, scene)
        assert "Nothing was open, 22:16:41." in "\n".join(text_of(pilot))


# what is told for a moment


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40)])
async def test_what_is_told_for_a_moment_covers_the_past_and_the_keys_alone(size: tuple[int, int]) -> None:
    scene = calm_scene(7)
    app = StreamscopeApp(scene, config(), view=view_of(scene))
    async with app.run_test(size=size, notifications=True) as pilot:
        for text, lines in (("Marked.", 1), ("word " * 24, 2), ("word " * 90, 2)):
            pilot.app.notify(text, timeout=60, markup=False)
            await pilot.pause()
            await pilot.pause()
            (toast,) = pilot.app.screen.query(Toast)
            assert (toast.region.y, toast.region.height) == (size[1] - 2, lines)
            assert toast.region.right == size[0]
            assert text[:6].strip() in text_of(pilot)[-2]


async def test_what_is_told_takes_the_place_of_what_was_told_before() -> None:
    async with looking_at(calm_scene(7)) as (pilot, _):
        await pilot.press("m", "E")
        await pilot.pause()
        assert [note.message for note in pilot.app._notifications] == ["Nothing is wrong, and no stream has failed."]


# what the person has chosen


async def test_a_key_from_the_config_file_takes_the_place_of_the_usual_one() -> None:
    scene = calm_scene(7)
    async with looking_at(scene, keys={"pause": "z", "streams.down": "n"}) as (pilot, overview):
        assert " z pause" in text_of(pilot)[-1]
        await pilot.press("space")
        assert not overview.view.paused
        await pilot.press("z")
        assert overview.view.paused

        await pilot.press("home", "n")
        assert overview.table.cursor == overview.table.order[1]


async def test_columns_from_the_config_file_are_the_ones_that_are_shown() -> None:
    async with looking_at(calm_scene(7), columns=("fd", "peer", "wants")) as (pilot, _):
        head = text_of(pilot)[3]
        assert "fd" in head
        assert "wants" in head
        assert "waits" not in head.partition("││")[0]


async def test_a_theme_from_the_config_file_is_in_force() -> None:
    async with looking_at(calm_scene(7), theme="nord") as (pilot, _):
        assert pilot.app.theme == "nord"
        await pilot.press("t")
        assert len(pilot.app.screen_stack) == 2


async def test_without_colour_nothing_is_coloured_and_everything_can_still_be_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    scene, view = backpressure()
    async with looking_at(scene, view) as (pilot, _):
        strips = pilot.app.screen._compositor.render_strips()
        styles = {segment.style for strip in strips for segment in strip if segment.style is not None}
        assert all(style.color is None or style.color.is_default for style in styles)
        assert all(style.bgcolor is None or style.bgcolor.is_default for style in styles)

        row = next(line for line in text_of(pilot)[3:] if "51507" in line[:40])
        assert row.startswith("│▲› ")


async def test_an_empty_wish_for_no_colour_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    async with looking_at(calm_scene(7)) as (pilot, _):
        assert not pilot.app.no_color


# footer, help and palette


async def test_the_footer_shows_what_works_for_what_has_the_focus() -> None:
    async with looking_at(calm_scene(7)) as (pilot, overview):
        assert "s sort" in text_of(pilot)[-1]
        overview.events.list.focus()
        await pilot.pause()
        assert "s sort" not in text_of(pilot)[-1]
        assert "f follow" in text_of(pilot)[-1]

        await pilot.press("slash")
        assert "esc clear" in text_of(pilot)[-1]


async def test_from_120_columns_on_the_footer_names_what_has_the_focus() -> None:
    scene = calm_scene(7)
    async with looking_at(scene, size=(120, 40)) as (pilot, overview):
        assert text_of(pilot)[-1].startswith(" streams  space pause")
        overview.query_one(EventList).focus()
        await pilot.pause()
        assert text_of(pilot)[-1].startswith(" events  ")
        await pilot.press("3")
        await pilot.pause()
        assert text_of(pilot)[-1].startswith(" time line  ")

        await pilot.press("1")
        await pilot.resize_terminal(119, 40)
        await a_while(pilot, scene)
        assert text_of(pilot)[-1].startswith(" space pause")


async def test_under_a_dialog_the_footer_shows_the_dialogs_keys() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view) as (pilot, overview):

        def footer() -> str:
            return next(iter(overview.query_one(KeyFooter).render_lines(Region(0, 0, 140, 1)))).text

        await pilot.press("colon")
        assert "⏎ go there  esc stay" in footer()
        assert "f1 help" in footer(), "a question mark would be written"
        assert "filter" not in footer()

        await pilot.press("f1")
        assert footer().strip() == "help  esc close"
        await pilot.press("escape", "escape", "space", "m", "d")
        assert "esc close" in footer()
        assert "space resume  ← → step" in footer(), "the keys that travel work there too"

        await pilot.press("question_mark")
        assert isinstance(pilot.app.screen, HelpScreen)
        assert footer().strip() == "help  esc close"
        await pilot.press("escape")
        assert "? help" in footer()
        await pilot.press("escape")
        assert "/ filter" in footer()
        assert "q quit" in footer()


async def test_a_narrow_footer_leaves_the_least_important_keys_out() -> None:
    async with looking_at(calm_scene(7)) as (_, overview):
        found = hints(overview.active_bindings)
        for width in range(10, 200):
            kept = fitting(found, width)
            assert sum(hint.width for hint in kept) <= width + 2
            if kept:
                assert min(hint.action.rank for hint in found) in {hint.action.rank for hint in kept}


async def test_a_click_on_a_key_in_the_footer_presses_it() -> None:
    async with looking_at(calm_scene(7)) as (pilot, overview):
        await pilot.click(KeyFooter, offset=(text_of(pilot)[-1].index("pause"), 0))

        assert overview.view.paused


async def test_the_mouse_over_a_columns_head_explains_it() -> None:
    async with looking_at(calm_scene(7)) as (pilot, overview):
        await pilot.hover("#streams", offset=(overview.table.head_of("waits") + 2, 1))

        assert "in the queue and in the kernel" in str(overview.table.tooltip)


@pytest.mark.parametrize(
    ("focus", "words"),
    [
        ("StreamTable", "Every stream of the engine"),
        ("Panel", "One stream, field by field"),
        ("OutlineList", "What matters of what happened, in order"),
    ],
)
async def test_help_is_about_what_has_the_focus(focus: str, words: str) -> None:
    async with looking_at(calm_scene(7)) as (pilot, overview):
        overview.query(focus).first().focus()
        await pilot.press("question_mark")
        assert isinstance(pilot.app.screen, HelpScreen)
        assert any(words in line for line in text_of(pilot))

        await pilot.press("q")
        assert pilot.app.screen is overview


async def test_the_help_lists_the_keys_as_the_person_has_set_them() -> None:
    async with looking_at(calm_scene(7), size=(140, 50), keys={"streams.sort": "o"}) as (pilot, _):
        await pilot.press("question_mark")

        assert any("│  o  " in line and "Sort by" in line for line in text_of(pilot))


async def test_the_palette_offers_what_works_here_and_does_it() -> None:
    async with looking_at(calm_scene(7)) as (pilot, _):
        await pilot.press("ctrl+p")
        await pilot.press(*"wall of")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        await pilot.press("down", "enter")

        assert pilot.app.screen.id is None
        assert type(pilot.app.screen).__name__ == "WallScreen"


async def test_the_palette_teaches_the_keys_and_says_nothing_twice() -> None:
    async with looking_at(calm_scene(7), size=(80, 40), keys={"streams.pin": "o"}) as (pilot, _):
        await pilot.press("ctrl+p")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()

        lines = [line.strip(" ─│╭╮╰╯") for line in text_of(pilot)]
        assert lines[lines.index("Open the selected stream") + 1] == "⏎   Open the stream on the whole screen."
        assert lines[lines.index("Pin or unpin the selected stream") + 1].startswith("o   Keep")
        assert lines[lines.index("Sort by the next column") + 1] == "s   A click on a column's head sorts by it."


async def test_the_palette_finds_streams_by_their_address() -> None:
    async with looking_at(calm_scene(7, 8)) as (pilot, _):
        await pilot.press("ctrl+p")
        await pilot.press(*":51508")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        await pilot.press("down", "enter")

        assert type(pilot.app.screen).__name__ == "StreamScreen"


# built-in clients


async def test_g_starts_clients_that_suit_the_server_and_again_stops_them() -> None:
    child = Child()
    async with looking_at(calm_scene(7)) as (pilot, _):
        app = pilot.app
        assert isinstance(app, StreamscopeApp)
        app.traffic = Traffic(child.begin)
        await pilot.press("g")
        assert child.arguments[-2:] == ["127.0.0.1:7000", "echo"]
        assert app.traffic.running

        await pilot.press("g")
        assert child.signals == ["terminate", "wait"]
        assert not app.traffic.running


async def test_g_says_so_when_there_is_nothing_to_connect_to() -> None:
    scene = Scene(Clock(200.0), addresses=[])
    scene.snapshot([connection(7)])
    async with looking_at(scene) as (pilot, _):
        await pilot.press("g")

        assert any("listens nowhere" in note.message for note in pilot.app._notifications)


async def test_what_the_engine_refuses_is_shown() -> None:
    scene = calm_scene(7)
    async with looking_at(scene) as (pilot, _):
        scene.notices.append("payload stays in the engine: \x1b[2J[bold]start it with --control")
        await a_while(pilot, scene)

        notes = [(note.message, note.markup) for note in pilot.app._notifications]
        assert notes == [("payload stays in the engine: ␛[2J[bold]start it with --control", False)]


# text from outside


@pytest.mark.parametrize("started", [float("nan"), float("inf"), -1e300, 1e300, 0.0])
async def test_an_engine_that_lies_about_its_start_does_no_harm(started: float) -> None:
    scene = Scene(Clock(200.0), started=started, program="\0", addresses=["\0:1"])
    scene.snapshot([listener(), connection(7)])
    scene.records(record("handle.close", 7))
    child = Child()
    async with looking_at(scene) as (pilot, _):
        assert isinstance(pilot.app, StreamscopeApp)
        pilot.app.traffic = Traffic(child.begin)
        await pilot.press("g")
        await a_while(pilot, scene)

        assert child.arguments[-2:] == [r"\x00:1", r"\x00"]
        assert any("51507" in line for line in text_of(pilot))


HOSTILE = [
    "\x1b]52;c;aGFoYQ==\x07\x1b[2J\x9b31m",
    "[bold red]markup[/] [@click=app.quit]x[/]",
    "a" * 5000,
    "你好" * 200,
    "\u202eevil\u2066\u200b \u05d0\u05d1 \ud800 \U0001f1e9\U0001f1ea e\u0301\u0300",
    "\r\n\t\x00",
]


@pytest.mark.parametrize("screen", ["overview", "wall", "stream", "palette"])
async def test_names_and_addresses_never_command_the_terminal_nor_move_their_neighbours(screen: str) -> None:
    # given an engine that gives everything hostile names
    scene = Scene(Clock(200.0), program=HOSTILE[0], addresses=[HOSTILE[1]])
    states = [
        connection(number, name=text, peer=text, local=text, place=text) for number, text in enumerate(HOSTILE, 7)
    ]
    scene.snapshot([listener(local=HOSTILE[4], name=HOSTILE[3]), *states])
    for number, text in enumerate(HOSTILE, 7):
        text = text.encode("utf-8", "replace").decode()
        scene.records(record("handle.name", number, text), record("callback.error", number, 2, text))
    columns = ("number", "name", "peer", "place", "local", "queue")
    async with looking_at(scene, size=(200, 50), columns=columns) as (pilot, _):
        scene.status, scene.reason = "gone", HOSTILE[0]
        keys = {"wall": ["2"], "stream": ["enter"], "palette": ["ctrl+p", "7"]}.get(screen, [])
        await pilot.press("home", "down", *keys)
        await a_while(pilot, scene)

        # then every line is as wide as the terminal and holds characters that print only themselves
        for line, strip in zip(text_of(pilot), pilot.app.screen._compositor.render_strips()):
            assert line.isprintable()
            assert strip.cell_length == 200
        if screen == "overview":
            assert any("[bold red]markup[/]" in line for line in text_of(pilot))
            assert any("␛]52;c" in line for line in text_of(pilot))
