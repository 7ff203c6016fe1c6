"""What the screen looks at: pausing freezes it, closed streams leave, rates are over the last second."""

from __future__ import annotations

from feeds import SECOND, Clock, Scene, record
from ui_pilot import calm_scene
from ui_scenes import connection, grow_queue, listener, view_of

from streamscope.core import flags as uv
from streamscope.trace.model import Model
from streamscope.trace.state import LoopState


def test_pausing_freezes_what_is_seen_while_the_model_goes_on() -> None:
    # given a paused view
    scene = calm_scene(7)
    view = view_of(scene)
    view.advance(0.01)
    view.pause()
    assert view.advance(0.01) == {1, 7}

    # when the stream changes
    scene.clock.seconds += 5
    scene.records(record("write_queue_size", 7, 0, 5000))
    changed = view.advance(0.01)

    # then nothing of it is seen, but the model has it and says how much was missed
    assert changed == frozenset()
    assert view.model.streams[7].write_queue_size == 0
    assert view.now_t == 200 * SECOND
    assert scene.model.streams[7].write_queue_size == 5000
    assert view.events_missed == 1


def test_resuming_shows_the_present_and_names_every_stream_as_changed() -> None:
    scene = calm_scene(7, 8)
    view = view_of(scene)
    view.advance(0.01)
    view.pause()
    scene.records(record("write_queue_size", 7, 0, 5000))
    view.advance(0.01)

    view.resume()

    assert view.advance(0.01) == {1, 7, 8}
    assert view.model.streams[7].write_queue_size == 5000
    assert view.events_missed == 0


def test_the_events_that_belong_on_a_paused_screen_end_where_the_pause_began() -> None:
    scene = calm_scene(7)
    view = view_of(scene)
    scene.records(record("handle.close", 7))
    view.pause()

    scene.records(record("handle.closed", 7))

    assert (view.past_end, scene.past.end) == (1, 2)
    view.resume()
    assert view.past_end == 2


def test_curves_stand_still_while_paused_and_have_no_hole_afterwards() -> None:
    scene = calm_scene(7)
    view = view_of(scene)
    grow_queue(scene, view, 7, seconds=10)
    before = view.queue_trend(7, 30)
    view.pause()
    for _ in range(10):
        scene.clock.seconds += 0.5
        view.advance(0.01)

    assert view.queue_trend(7, 30) == before
    view.resume()
    assert all(view.queue_trend(7, 30)[-11:])


def test_what_was_lost_is_told_even_while_paused() -> None:
    scene = calm_scene(7)
    view = view_of(scene)
    view.pause()

    scene.model.lost(40)

    assert view.events_lost == 40


def test_a_closed_stream_stays_for_a_while_and_then_leaves() -> None:
    scene = calm_scene(7)
    view = view_of(scene, closed_seconds=10)
    scene.records(record("handle.closed", 7))
    for _ in range(9):
        scene.clock.seconds += 1
        view.advance(0.01)

    assert view.stream(7) is not None

    scene.clock.seconds += 2
    changed = view.advance(0.01)

    assert view.stream(7) is None
    assert changed == {1}


def test_a_pin_goes_with_its_stream() -> None:
    scene = calm_scene(7)
    view = view_of(scene)
    assert view.pin(7) is True
    scene.records(record("handle.closed", 7))

    scene.clock.seconds += 12
    view.advance(0.01)

    assert view.pinned == []


def test_pinning_twice_unpins() -> None:
    view = view_of(calm_scene(7))

    assert [view.pin(7), view.pin(7)] == [True, False]


def test_only_so_many_closed_streams_are_kept_however_quickly_they_close(monkeypatch: object) -> None:
    scene = Scene(Clock(200.0))
    scene.snapshot([listener()])
    view = view_of(scene)
    view.advance(0.01)
    for number in range(2, 3002):
        scene.records(
            record("handle.init", number, uv.UV_TCP, ""),
            record("handle.closed", number),
        )
        scene.clock.seconds += 0.001

    scene.clock.seconds += 1
    view.advance(0.01)

    assert len(view.model.streams) <= 2002
    assert 3001 in view.model.streams


def test_rates_are_over_the_last_second() -> None:
    scene = calm_scene(7)
    view = view_of(scene)
    for step in range(60):  # three seconds, the first of which is quiet
        if step >= 20:
            scene.records(*[record("handle.name", 7, "x")] * 50)
        scene.clock.seconds += 0.05
        view.advance(0.01)

    assert round(view.curves.rates.events) == 1000


def test_shares_of_poll_and_callbacks_are_of_the_time_that_the_engine_told_of() -> None:
    scene = calm_scene(7)
    view = view_of(scene)
    for _ in range(12):
        loop = scene.model.loop
        scene.snapshot(
            [connection(7)],
            LoopState(1, scene.clock.t, 0, 0, 0, loop.poll_ns + 70_000_000, loop.callback_ns + 25_000_000),
        )
        view.advance(0.01)
        scene.clock.seconds += 0.1

    assert view.curves.rates.poll is not None
    assert round(view.curves.rates.poll, 2) == 0.70
    assert view.curves.rates.callbacks is not None
    assert round(view.curves.rates.callbacks, 2) == 0.25


def test_no_share_is_claimed_while_the_engine_tells_of_nothing() -> None:
    scene = calm_scene(7)
    view = view_of(scene)
    for _ in range(30):
        view.advance(0.01)
        scene.clock.seconds += 0.1

    assert view.curves.rates.poll is None
    assert view.curves.rates.callbacks is None


def test_streams_and_connections_are_counted_apart() -> None:
    scene = calm_scene(7, 8)
    view = view_of(scene)

    view.advance(0.01)

    assert (view.counts.open, view.counts.connections, view.counts.accepted[1]) == (3, 2, 2)


def test_time_stands_still_when_the_engine_has_ended() -> None:
    scene = calm_scene(7)
    view = view_of(scene)
    view.advance(0.01)
    scene.status = "ended"

    scene.clock.seconds += 100

    assert view.now_t == 200 * SECOND


def test_another_engine_begins_anew() -> None:
    # given a view with curves of one engine
    scene = calm_scene(7)
    view = view_of(scene)
    grow_queue(scene, view, 7, seconds=5)

    # when the session holds another model, as after a reconnection
    scene.model = Model.here()
    scene.snapshot([connection(7)])
    changed = view.advance(0.01)

    assert changed == {7}
    assert not any(view.queue_trend(7, 30))
