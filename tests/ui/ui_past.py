"""A past to travel in: twenty seconds of one stream whose queue fills and drains, beside one that is quiet.

Turn `n` begins at `BEGIN + n` half seconds. In it stream 7 reads, and sets READ_PARTIAL or clears it; from turn 10 to
19 each turn adds a write to its queue, from turn 20 on each takes one out. At turn 25 it has an error, from turn 30 on
it does not read any more. Stream 8 comes at turn 15.
"""

from __future__ import annotations

from feeds import SECOND, Clock, Scene, record
from ui_scenes import connection, listener, view_of

from streamscope.core import flags as uv
from streamscope.trace.decode import Event
from streamscope.trace.state import LoopState
from streamscope.ui.view import View

BEGIN_S = 200.0
TURNS = 40
WRITE = 20_000


def t_of(turn: int) -> int:
    """When a turn begins."""
    return int((BEGIN_S + turn / 2) * SECOND)


def past_scene() -> tuple[Scene, View]:
    """The scene at the end of that past, a quarter of a second after the last turn."""
    scene = Scene(Clock(BEGIN_S))
    scene.snapshot([listener(), connection(7, begin_t=SECOND, bytes_in=0, bytes_out=0)], LoopState(turn=0, t=t_of(0)))
    view = view_of(scene)
    queued = 0
    for turn in range(1, TURNS + 1):
        scene.clock.seconds = BEGIN_S + turn / 2
        records = [record("loop.turn", 0, turn, scene.clock.t)]
        if turn == 15:
            records += [
                record("handle.init", 8, uv.UV_TCP, "echo.py:31 on_connection"),
                record("handle.accepted", 8, 1),
                record("handle.address", 8, "127.0.0.1:7000", "127.0.0.1:51508", fn="uv_accept"),
                record("flag.set", 8, uv.READABLE, fn="uv__stream_open"),
            ]
        if turn < 30:
            records.append(record("sys.read", 7, 12, 65536, 1000))
            change = "flag.set" if turn % 2 else "flag.clear"
            records.append(record(change, 7, uv.READ_PARTIAL, fn="uv__read"))
        if turn == 30:
            records.append(record("flag.clear", 7, uv.READING))
        if 10 <= turn < 20:
            records += [
                record("request.begin", 7, turn, uv.UV_WRITE, WRITE, 1, 1),
                record("write_queue_size", 7, queued, queued + WRITE),
                record("write_queue.push", 7, turn),
            ]
            queued += WRITE
        elif 20 <= turn < 30:
            records += [
                record("sys.write", 7, 12, WRITE, WRITE),
                record("write_queue_size", 7, queued, queued - WRITE, fn="uv__write_req_update"),
                record("write_queue.pop", 7, turn - 10),
                record("request.end", 7, turn - 10, 0, 0, uv.UV_WRITE),
            ]
            queued -= WRITE
        if turn == 25:
            records.append(record("sys.read", 7, 12, 65536, -104))
        scene.records(*records, turn=turn - 1)
        view.advance(0.01)
    scene.clock.seconds += 0.25
    view.advance(0.01)
    return scene, view


class Replayed(Scene):
    """The same past as a recorded trace has it: no present any more."""

    @classmethod
    def of(cls, scene: Scene) -> Replayed:
        """A replay of what a scene has been through."""
        replay = cls(scene.clock)
        replay.model, replay.past, replay.status = scene.model, scene.past, "replay"
        return replay


def replay_scene() -> tuple[Scene, View]:
    """The same past, replayed from its beginning."""
    scene, _ = past_scene()
    replay = Replayed.of(scene)
    return replay, view_of(replay)


def here(view: View) -> Event:
    """What has happened last where the view stands."""
    assert view.travel is not None
    event = view.travel.event
    assert isinstance(event, Event)
    return event
