"""Going back in time, below the screen: where one stands, how one moves, what the state and the rates are there."""

from __future__ import annotations

from itertools import count

import pytest
from feeds import SECOND, Clock, Scene, record
from ui_past import BEGIN_S, TURNS, WRITE, past_scene, replay_scene, t_of
from ui_scenes import after_a_minute, connection, listener, opened, view_of

from streamscope.core import flags as uv
from streamscope.trace.decode import Event
from streamscope.trace.instant import Target
from streamscope.trace.state import LoopState
from streamscope.ui.travel import SPEEDS, Travel
from streamscope.ui.view import View


def journey(view: View) -> Travel:
    view.pause()
    assert view.travel is not None
    return view.travel


def event_of(travel: Travel) -> Event:
    event = travel.event
    assert isinstance(event, Event)
    return event


def test_a_pause_stands_at_the_present_and_shows_the_same_state() -> None:
    scene, view = past_scene()
    live = view.model.streams[7]
    now_t = view.now_t

    travel = journey(view)

    assert (travel.row, travel.t, view.moved) == (scene.past.end, now_t, False)
    assert view.model.streams[7] == live
    assert view.model.streams[7] is not live


def test_steps_go_from_event_to_event_and_back_to_where_one_was() -> None:
    _, view = past_scene()
    travel = journey(view)
    end = travel.row

    assert travel.step(-1)
    assert (travel.row, view.moved) == (end - 1, True)
    assert travel.t == t_of(TURNS - 1), "time stands at the event that happened last"
    assert travel.step(1)
    assert (travel.row, view.moved) == (end, False)
    assert view.now_t == int((BEGIN_S + TURNS / 2 + 0.25) * SECOND), "and is the pause's again where one paused"
    assert not travel.step(1), "there is nothing ahead"


def test_a_step_passes_over_what_the_kernel_was_asked_meanwhile() -> None:
    scene, view = past_scene()
    asked = [word for field in range(20) for word in record("kernel.sample", 7, field, field)] * 30
    scene.records(
        record("flag.set", 7, uv.SHUT), record("loop.waits", 0, scene.clock.t), asked, record("flag.clear", 7, uv.SHUT)
    )  # fmt: skip
    travel = journey(view)
    assert event_of(travel).kind == "flag.clear"

    assert travel.step(-1)
    assert event_of(travel).kind == "flag.set"
    assert travel.step(1)
    assert event_of(travel).kind == "flag.clear"


def test_turns_begin_with_their_own_event() -> None:
    _, view = past_scene()
    travel = journey(view)

    for turn in (TURNS, TURNS - 1, TURNS - 2):
        if turn < TURNS:
            travel.step_turn(-1)
            assert (event_of(travel).kind, event_of(travel).turn) == ("loop.turn", turn)
    travel.step_turn(1)
    assert event_of(travel).turn == TURNS - 1


@pytest.mark.parametrize("turn", [1, 12, 19, 25, 33])
def test_state_at_an_instant_is_what_it_was(turn: int) -> None:
    _, view = past_scene()
    view.go_to(Target("t", t_of(turn)))

    state = view.model.streams[7]
    assert view.now_t == t_of(turn)
    assert state.write_queue_size == WRITE * (max(min(turn, 19) - 9, 0) - max(min(turn, 29) - 19, 0))
    assert bool(state.flags & uv.READING) == (turn < 30)
    assert state.bytes_in == 1000 * min(turn, 29)
    assert (8 in view.model.streams) == (turn >= 15)


def test_an_instant_between_two_events_keeps_its_own_time() -> None:
    _, view = past_scene()

    view.go_to(Target("t", t_of(12) + SECOND // 4))

    assert view.now_t == t_of(12) + SECOND // 4
    assert view.model.turn == 12


def test_turns_and_numbers_are_gone_to_right_after_their_event() -> None:
    scene, view = past_scene()
    view.go_to(Target("turn", 17))
    assert view.travel is not None
    event = event_of(view.travel)
    assert (event.kind, event.turn) == ("loop.turn", 17)

    view.go_to(Target("seq", event.seq))
    assert event_of(view.travel) == event

    view.go_to(Target("start"))
    assert view.travel.row == scene.past.reach
    view.go_to(Target("turn", 10**9))
    assert view.travel.row == scene.past.end, "as near as there is"


def test_the_end_is_the_present() -> None:
    _, view = past_scene()
    view.go_to(Target("start"))

    assert view.go_to(Target("end"))
    assert not view.paused
    assert not view.go_to(Target("end"))


def test_what_happens_meanwhile_is_kept_and_can_be_gone_to() -> None:
    scene, view = past_scene()
    travel = journey(view)
    scene.clock.seconds += 1
    scene.records(record("write_queue_size", 7, 0, 5000))
    view.advance(0.01)

    assert view.events_missed == 1
    assert view.model.streams[7].write_queue_size == 0
    assert travel.step(1)
    assert view.model.streams[7].write_queue_size == 5000


@pytest.mark.parametrize(
    ("lane", "turn"),
    [("READING", 30), ("queue", 29), ("errors", 25), ("reads", 29), ("writes", 29), ("pending", 29), ("turns", 39)],
)
def test_a_lane_changes_where_its_own_events_are(lane: str, turn: int) -> None:
    _, view = past_scene()
    travel = journey(view)

    assert travel.change(7, lane, -1, budget_s=60.0)
    assert event_of(travel).turn == turn


def test_no_change_further_back_is_said_and_one_stays() -> None:
    _, view = past_scene()
    travel = journey(view)
    assert travel.change(7, "READING", -1, budget_s=60.0)
    row = travel.row

    assert travel.change(7, "READING", -1, budget_s=60.0) is False
    assert travel.row == row


def test_a_search_that_takes_longer_than_a_frame_goes_on_in_the_next() -> None:
    _, view = past_scene()
    travel = journey(view)
    clock = count(0.0, 0.01)
    travel._monotonic = lambda: next(clock)

    result = travel.change(7, "errors", -1, budget_s=0.025)
    frames = 0
    while result is None:
        result = travel.search_on(0.025)
        frames += 1

    assert frames > 1
    assert result is True
    assert event_of(travel).turn == 25


def test_playing_goes_as_fast_as_it_was_and_faster() -> None:
    scene, view = past_scene()
    travel = journey(view)
    travel.go_t(t_of(4))
    travel.play()

    scene.clock.seconds += 1.0
    view.advance(0.01)
    assert (view.now_t, view.model.turn) == (t_of(6), 6)

    travel.change_speed(2)  # 5 times
    scene.clock.seconds += 1.0
    view.advance(0.01)
    assert (view.now_t, view.model.turn) == (t_of(16), 16)

    travel.stop()
    scene.clock.seconds += 1.0
    view.advance(0.01)
    assert view.now_t == t_of(16)


def test_playing_up_to_the_present_is_back_in_it() -> None:
    scene, view = past_scene()
    travel = journey(view)
    travel.go_t(t_of(TURNS - 2))
    travel.change_speed(+6)
    travel.play()

    scene.clock.seconds += 0.5
    view.advance(0.01)

    assert not view.paused


def test_speeds_reach_from_a_hundredth_to_a_hundred_times() -> None:
    _, view = past_scene()
    travel = journey(view)

    travel.change_speed(-100)
    assert travel.speed == 0.01
    seen = [travel.speed]
    while travel.speed < 100:
        travel.change_speed(1)
        seen.append(travel.speed)
    assert tuple(seen) == SPEEDS


def test_a_replay_plays_from_the_start_and_stands_still_at_its_end() -> None:
    scene, view = replay_scene()
    travel = view.travel
    assert travel is not None
    assert (view.replaying, travel.row, travel.t) == (True, 0, t_of(0))

    travel.play()
    scene.clock.seconds += 3600
    view.advance(0.01)
    assert (travel.playing, travel.at_end, view.now_t) == (False, True, t_of(TURNS))

    travel.play()
    assert (travel.playing, travel.row) == (True, 0), "and begins anew from there"


def test_a_replay_has_no_present_to_go_back_to() -> None:
    _, view = replay_scene()

    view.go_to(Target("end"))
    view.resume()

    assert view.paused
    assert view.travel is not None
    assert view.travel.at_end


# what was so in the past


def settled(view: View) -> None:
    """Let the curves become what they were."""
    for _ in range(1000):
        if not view.advance(0.01):
            return
    raise AssertionError("the curves never settle")


def test_rates_and_curves_of_the_past_are_those_of_the_past() -> None:
    _, view = past_scene()
    view.advance(0.01)
    view.go_to(Target("t", t_of(19) + SECOND // 10))
    settled(view)

    assert round(view.rate_in(7)) == 2000, "a thousand bytes each half second"
    assert view.queue_trend(7, 30)[-1] == WRITE * 9, "what was queued just before this half second"
    assert view.queue_trend(7, 30)[-11:-9] == [0.0, 0.0]
    assert round(view.curves.rates.events) == 12, "six events a turn, two turns a second"


def test_rates_that_are_still_counted_are_not_said_to_be_none() -> None:
    _, view = past_scene()
    view.advance(0.01)
    view.go_to(Target("t", t_of(19) + SECOND // 10))
    view.advance(0.0)

    assert view.rate_in(7) is None
    assert view.curves.rates.events is None

    settled(view)
    assert view.rate_in(7)
    assert view.curves.rates.events
    view.go_to(Target("start"))
    settled(view)
    assert view.curves.rates.events == 0, "nothing has happened before"


def test_in_the_first_second_rates_are_those_since_the_beginning() -> None:
    scene = Scene(Clock(0.0))
    scene.snapshot([listener(), connection(7)], LoopState(turn=0, t=0))
    view = view_of(scene)
    scene.clock.seconds = 0.2
    scene.records(*(record("loop.turn", 0, turn, scene.clock.t) for turn in range(1, 11)))
    scene.clock.seconds = 3.0
    view.advance(0.01)

    view.go_to(Target("t", SECOND // 2))
    view.advance(0.0)
    settled(view)

    assert view.curves.rates.events is not None
    assert round(view.curves.rates.events) == 20, "ten events in half a second"


def test_curves_a_short_way_back_only_lack_their_oldest_part() -> None:
    _, view = past_scene()
    view.go_to(Target("t", t_of(30)))
    settled(view)
    at_30 = view.queue_trend(7, 30)

    view.go_to(Target("t", t_of(28)))
    settled(view)

    assert view.queue_trend(7, 30)[-40:] == at_30[-42:-2]


def test_at_the_moment_of_the_pause_nothing_looks_different() -> None:
    _, view = past_scene()
    before = (view.queue_trend(7, 30), view.rate_in(7), view.curves.rates)

    view.pause()
    view.advance(0.01)

    assert (view.queue_trend(7, 30), view.rate_in(7), view.curves.rates) == before


def test_streams_are_counted_as_they_were() -> None:
    _, view = past_scene()
    assert view.counts.open == 3

    view.go_to(Target("t", t_of(10)))
    settled(view)

    assert (view.counts.open, view.counts.connections) == (2, 1)


def test_streams_are_counted_where_there_are_none() -> None:
    feed = after_a_minute()
    feed.feed(*opened(7))
    view = view_of(feed)
    view.advance(0.01)
    assert view.counts.open == 1

    view.go_to(Target("start"))
    view.advance(0.01)

    assert view.counts.open == 0


def test_a_pin_survives_a_time_when_its_stream_is_not_there() -> None:
    scene, view = past_scene()
    view.pin(8)
    view.go_to(Target("t", t_of(3)))
    for _ in range(3):
        scene.clock.seconds += 1
        view.advance(0.01)

    view.go_to(Target("end"))
    view.advance(0.01)

    assert view.pinned == [8]


# marks


def test_a_mark_keeps_the_state_that_it_was_set_at() -> None:
    _, view = past_scene()
    view.go_to(Target("t", t_of(12)))
    assert view.set_mark()
    assert view.mark is not None

    view.go_to(Target("t", t_of(25)))
    assert view.mark.streams[7].write_queue_size == 3 * WRITE
    assert view.go_to(Target("mark"))
    assert view.now_t == t_of(12)


def test_marking_the_same_instant_again_takes_the_mark_away() -> None:
    _, view = past_scene()
    view.pause()

    assert [view.set_mark(), view.set_mark()] == [True, False]
    assert view.mark is None
    assert not view.go_to(Target("mark"))


def test_before_the_engine_has_said_who_it_is_there_is_nothing_to_leave() -> None:
    scene, view = past_scene()
    scene.hello = None

    view.pause()

    assert not view.paused
