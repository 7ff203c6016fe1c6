"""Going back in time with the keys and the mouse, on every screen: what a person presses, and what they see then."""

from __future__ import annotations

from feeds import SECOND, record
from textual import events
from textual.widgets import Input
from ui_past import TURNS, WRITE, here, past_scene, replay_scene, t_of
from ui_pilot import a_while, looking_at, screen_text, text_of

from streamscope.app import StreamscopeApp
from streamscope.trace.contents import Payload
from streamscope.trace.decode import Event
from streamscope.trace.instant import Target
from streamscope.ui.screens.difference import DifferenceScreen
from streamscope.ui.screens.goto import GotoScreen
from streamscope.ui.view import View
from streamscope.ui.widgets.event_list import EventList
from streamscope.ui.widgets.panel import Panel
from streamscope.ui.widgets.scrub import Scrub

TALL = (140, 50)


# live


async def test_space_pauses_and_arrows_then_step_wherever_the_focus_is() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view) as (pilot, overview):
        for focus in (overview.table, overview.panels.panels[0], overview.events.list):
            focus.focus()
            await pilot.press("space", "left")
            assert view.past_end == scene.past.end - 1
            await pilot.press("left", "right")
            assert view.past_end == scene.past.end - 1
            assert overview.focused is focus
            await pilot.press("end")
            assert not view.paused


async def test_in_the_present_arrows_are_the_panes_own() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view) as (pilot, overview):
        await pilot.press("right")

        assert overview.focused in overview.panels.panels
        assert not view.paused


async def test_shift_and_ctrl_arrows_leave_the_present_by_themselves() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view) as (pilot, overview):
        overview.table.select(7)
        await pilot.press("shift+left")
        assert (here(view).kind, here(view).turn) == ("loop.turn", TURNS - 1)
        await pilot.press("shift+right", "end", "ctrl+left")
        assert (here(view).kind, here(view).stream, here(view).turn) == ("flag.clear", 7, 30)
        await pilot.press("ctrl+left")
        assert here(view).turn == 29
        await pilot.press("ctrl+right")
        assert here(view).turn == 30


async def test_the_header_says_how_far_back_one_is() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=(160, 40)) as (pilot, _):
        await pilot.press("space")
        assert "❚❚ paused" in text_of(pilot)[0]
        assert "−" not in text_of(pilot)[0]
        await pilot.press("colon", *"22:16:45", "enter")
        assert "❚❚ paused −15.2 s   22:16:45.000" in text_of(pilot)[0]
        assert "turn 10 " in text_of(pilot)[0]

        await pilot.press("space")
        await a_while(pilot, scene, 1.0)
        assert "▶ 1× −15.2 s   22:16:46.000" in text_of(pilot)[0]
        assert "space pause" in text_of(pilot)[-1]


async def test_home_is_the_oldest_instant_and_end_the_present() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view) as (pilot, _):
        await pilot.press("space", "home")
        assert view.past_end == 0
        assert "start" not in text_of(pilot)[-1]
        assert "End live" in text_of(pilot)[-1]
        await pilot.press("end")
        assert "● live" in text_of(pilot)[0]


async def test_the_line_of_the_past_says_what_is_kept_in_the_present_and_back_in_time() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view) as (pilot, _):
        for _ in range(2):
            await a_while(pilot, scene, 0.0)
            line = text_of(pilot)[-2]
            assert line.startswith(" 22:16:40 ")
            assert "past 20.2 s" in line
            assert f"{scene.past.end} events" in line
            assert "of 4.0 MiB" in line
            assert "┃" in line
            await pilot.press("space")


async def test_a_click_on_the_line_of_the_past_goes_there() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view) as (pilot, overview):
        await pilot.press("space")
        await a_while(pilot, scene, 0.0)
        scrub = overview.query_one(Scrub)
        line = text_of(pilot)[-2]
        middle = (10 + line.index("  past") - 9) // 2
        await pilot.click(scrub, offset=(middle, 0))

        assert abs(view.now_t - t_of(20)) < 2 * SECOND


# colon


async def test_colon_goes_to_what_is_written() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view) as (pilot, _):
        for text, turn in (("turn 17", 17), ("22:16:46", 12), ("-2s", 8), (f"#{here_seq(view, 30)}", 30)):
            await pilot.press("colon", *text, "enter")
            assert view.model.turn == turn, text
        await pilot.press("colon", *"end", "enter")
        assert not view.paused


def here_seq(view: View, turn: int) -> int:
    event = view.past.event(view.past.row_at(turn=turn))
    assert isinstance(event, Event)
    return event.seq


async def test_what_is_written_is_explained_and_what_is_wrong_is_marked() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view) as (pilot, overview):
        await pilot.press("colon", *"turn 17")
        assert "→ the beginning of turn 17" in screen_text(pilot)

        await pilot.press("ctrl+u", *"22:61")
        lines = text_of(pilot)
        written = next(line for line in lines if "22:61" in line)
        wrong = lines[lines.index(written) + 1]
        assert wrong.index("▔▔") == written.index("61")
        assert "there are no 61 minutes" in wrong

        await pilot.press("enter")
        assert isinstance(pilot.app.screen, GotoScreen), "one cannot go there"
        await pilot.press("escape")
        assert pilot.app.screen is overview
        assert not view.paused


async def test_what_is_typed_in_one_go_with_the_colon_is_written() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view) as (pilot, _):
        for key, character in (("colon", ":"), ("t", "t"), ("space", " "), ("1", "1"), ("7", "7")):
            pilot.app.post_message(events.Key(key, character))  # nobody waits between them, as over a slow line
        await pilot.pause()
        await pilot.pause()

        assert isinstance(pilot.app.screen, GotoScreen)
        assert pilot.app.screen.query_one(Input).value == "t 17"


async def test_nobody_goes_to_a_mark_that_is_not_there() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view) as (pilot, _):
        await pilot.press("colon", *"mark", "enter")

        assert "nothing is marked yet" in screen_text(pilot)


async def test_keys_that_are_written_do_not_travel() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view) as (pilot, overview):
        await pilot.press("space", "slash", *"abc", "left", "home")

        assert view.past_end == scene.past.end
        assert overview.query_one(Input).cursor_position == 0


# marks and differences


async def test_the_difference_between_a_mark_and_now_follows_while_one_travels() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=TALL) as (pilot, overview):
        overview.table.select(7)
        view.go_to(Target("t", t_of(9)))
        await pilot.press("m")
        view.go_to(Target("t", t_of(12)))
        await pilot.press("d")
        assert isinstance(pilot.app.screen, DifferenceScreen)
        assert f"write_queue_size  0 B → {3 * WRITE / 1024:.0f} KiB" in screen_text(pilot)
        assert "0 → 3  +3  joined w10, w11, w12" in screen_text(pilot)
        assert "◆ 22:16:44.500 → ▼ 22:16:46.000" in screen_text(pilot)

        await pilot.press("shift+left")
        assert f"write_queue_size  0 B → {2 * WRITE / 1024:.0f} KiB" in screen_text(pilot)
        await pilot.press("d")
        assert pilot.app.screen is overview


async def test_without_a_mark_the_difference_says_how_to_set_one() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view) as (pilot, _):
        await pilot.press("d")

        assert any("m marks this instant" in note.message for note in pilot.app._notifications)


async def test_a_mark_in_the_present_is_compared_with_the_present() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=TALL) as (pilot, _):
        await pilot.press("m", "d")
        assert "No stream differs." in screen_text(pilot)
        scene.records(record("write_queue_size", 7, 0, 5000))
        await a_while(pilot, scene)

        assert "write_queue_size  0 B → 4.9 KiB" in screen_text(pilot)


# the other panes in the past


async def test_events_of_the_past_are_pointed_at_and_those_to_come_are_dim() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=TALL) as (pilot, overview):
        await pilot.press("v")
        view.go_to(Target("turn", 20))
        await a_while(pilot, scene, 0.0)
        overview.show_at_once()
        await pilot.pause()
        lines = [line for line in text_of(pilot) if line.startswith("│▶") or "│  " in line[:3]]
        pointed = next(line for line in lines if line.startswith("│▶"))
        assert "turn 20" in pointed
        after = lines[lines.index(pointed) + 1]
        assert "read(12, 65536 B) = 1000" not in pointed
        assert "20  22:16:50" in after

        events = overview.query_one(EventList)
        events.stream = 7
        overview.show_at_once()
        await pilot.pause()
        pointed = next(line for line in text_of(pilot) if line.startswith("│▶"))
        assert "     19  22:16:49.500" in pointed
        assert "write_queue joined" in pointed


async def test_enter_on_an_event_of_the_past_goes_to_it() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=TALL) as (pilot, overview):
        await pilot.press("v", "space")
        overview.query_one(EventList).focus()
        await pilot.press("up", "up", "up", "enter")

        assert view.past_end == scene.past.end - 2


async def test_a_selected_stream_stays_selected_where_it_is_not_there_yet() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=TALL) as (pilot, overview):
        overview.table.select(8)
        await pilot.pause()
        view.go_to(Target("t", t_of(3)))
        await a_while(pilot, scene)
        assert overview.table.cursor == 8
        assert "#8 is not there at this instant." in screen_text(pilot)

        view.go_to(Target("t", t_of(20)))
        await a_while(pilot, scene)
        assert "#8 client ← 127.0.0.1:51508" in screen_text(pilot)


# replaying


async def test_a_replay_plays_and_pauses_with_space_and_has_a_speed() -> None:
    scene, view = replay_scene()
    async with looking_at(scene, view, size=TALL) as (pilot, overview):
        assert view.playing, "it plays from the start"
        assert overview.timeline.display, "with its time line"
        await a_while(pilot, scene, 2.0)
        assert "▶ replay 1×" in text_of(pilot)[0]
        assert view.model.turn == 4

        await pilot.press("greater_than_sign", "greater_than_sign")
        await a_while(pilot, scene, 2.0)
        assert "▶ replay 5×" in text_of(pilot)[0]
        assert view.model.turn == 24
        await pilot.press("less_than_sign", "space")
        await a_while(pilot, scene, 2.0)
        assert "❚❚ replay 2×" in text_of(pilot)[0]
        assert view.model.turn == 24
        await pilot.press("end")
        assert view.past_end == scene.past.end
        await pilot.press("home")
        assert view.past_end == 0


async def test_a_replay_can_begin_at_an_instant() -> None:
    scene, view = replay_scene()
    app = StreamscopeApp(scene, view=view, begin=Target("turn", 21))
    async with app.run_test(size=TALL) as pilot:
        await pilot.pause()

        assert not view.playing
        assert view.model.turn == 21


async def test_at_the_end_of_a_replay_it_is_said_how_the_recording_ended() -> None:
    scene, view = replay_scene()
    scene.reason = "the recording ends here: stopped by SIGTERM"
    async with looking_at(scene, view, size=TALL) as (pilot, _):
        assert "ends here" not in screen_text(pilot)
        await pilot.press("end")
        await a_while(pilot, scene)

        assert "The recording ends here: stopped by SIGTERM." in text_of(pilot)[1]


# help


async def test_the_help_lists_the_keys_of_a_journey_once_there_is_one() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=(140, 70)) as (pilot, _):
        await pilot.press("space", "question_mark")
        text = screen_text(pilot)

        assert "Back in time" in text
        assert "Step one event back." in text
        assert "Go back to the present" in text


async def test_payload_of_the_past_is_what_had_passed_by_then() -> None:
    scene, view = past_scene()
    for turn, data in ((5, b"early\n"), (20, b"late\n")):
        scene.payload.append(Payload(7, t_of(turn), False, len(data), data))
    async with looking_at(scene, view, size=TALL) as (pilot, overview):
        overview.table.select(7)
        await pilot.press("enter")
        await a_while(pilot, scene)
        assert "early" in screen_text(pilot)
        assert "late" in screen_text(pilot)

        await pilot.press("colon", *"turn 10", "enter")
        assert "early" in screen_text(pilot)
        assert "late\\n" not in screen_text(pilot)
        await pilot.press("colon", *"turn 21", "enter")
        assert "late\\n" in screen_text(pilot)


async def test_above_and_below_the_events_stands_where_in_the_past_one_is_and_what_can_be_done() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=TALL) as (pilot, overview):

        def said() -> str:
            return str(overview.events.border_title).removeprefix("events · what matters · all streams · ")

        assert said() == "following"
        await pilot.press("space")
        assert said() == "paused"
        assert "and goes to an event below it" in screen_text(pilot)
        view.go_to(Target("turn", 20))
        overview.show_at_once()
        assert said() == "at 22:16:50.000 · what is to come is dim"
        await pilot.press("space")
        assert said() == "playing"
        await pilot.press("end")
        assert said() == "following"


async def test_a_step_from_where_memory_has_ended_says_that_it_is_none() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view) as (pilot, _):
        await pilot.press("space", "left")
        assert not pilot.app._notifications
        scene.past.max_bytes = 1
        scene.records(record("loop.turn", 0, TURNS + 1, scene.clock.t))
        await pilot.press("left")

        [note] = pilot.app._notifications
        assert note.message == "What was here is no longer in memory; this is the oldest that is."


async def test_the_past_can_be_gone_through_when_the_engine_is_gone() -> None:
    scene, view = past_scene()
    scene.status, scene.reason = "gone", "the engine was killed by SIGKILL"
    async with looking_at(scene, view, size=TALL) as (pilot, overview):
        overview.table.select(7)
        await pilot.press("ctrl+left")
        assert here(view).turn == 30
        await pilot.press("space")
        await a_while(pilot, scene, 60.0)

        assert not view.paused
        assert "✗ gone" in text_of(pilot)[0]


async def test_a_wall_travels_too_and_goes_to_changes_of_the_panel_with_the_focus() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view, size=TALL) as (pilot, _):
        await pilot.press("2")
        await a_while(pilot, scene)
        panel = next(each for each in pilot.app.screen.query(Panel) if each.number == 7)
        panel.focus()
        await pilot.press("ctrl+left")

        assert (here(view).stream, here(view).turn) == (7, 30)
        assert "past 21." in text_of(pilot)[-2]
