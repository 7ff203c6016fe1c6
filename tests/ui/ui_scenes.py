"""Scenes for tests of the screen: streams in the states that a person meets, as snapshots and as records."""

from __future__ import annotations

from typing import Any

import msgspec
from feeds import SECOND, Clock, Scene, record
from patient import Patient

from streamscope.core import flags as uv
from streamscope.core.probe import CB_CONNECTION, CB_READ
from streamscope.core.records import Word
from streamscope.diagnosis.track import TICK
from streamscope.trace.state import RequestState, StreamState
from streamscope.ui.config_file import Config
from streamscope.ui.view import View

OPEN = uv.READABLE | uv.WRITABLE | uv.READING | uv.ACTIVE | uv.BOUND | uv.REF
LISTENER = uv.BOUND | uv.ACTIVE | uv.REF


def listener(number: int = 1, **changes: Any) -> StreamState:
    values: dict[str, Any] = {
        "number": number, "type": uv.UV_TCP, "flags": LISTENER, "fd": 7, "local": "127.0.0.1:7000",
        "place": "echo.py:31 main",
        "callbacks": 1 << CB_CONNECTION, "pevents": uv.POLLIN, "events": uv.POLLIN, "begin_t": SECOND,
    }  # fmt: skip
    return StreamState(**{**values, **changes})


def connection(number: int, **changes: Any) -> StreamState:
    values: dict[str, Any] = {
        "number": number, "type": uv.UV_TCP, "flags": OPEN, "fd": 5 + number, "local": "127.0.0.1:7000",
        "peer": f"127.0.0.1:{51500 + number}", "place": "echo.py:40 on_connection", "server": 1,
        "callbacks": 1 << CB_READ,
        "pevents": uv.POLLIN, "events": uv.POLLIN, "begin_t": 76 * SECOND, "bytes_in": 1000 * number,
        "bytes_out": 990 * number,
    }  # fmt: skip
    return StreamState(**{**values, **changes})


def opened(stream: int, peer: str = "", *, server: int = 1, fd: int = 12) -> list[list[Word]]:
    """A connection that a server has accepted, reading."""
    return [
        record("handle.init", stream, uv.UV_TCP, "echo.py:31 on_connection"),
        record("fd", stream, -1, fd),
        record("flag.set", stream, uv.READABLE, fn="uv__stream_open"),
        record("flag.set", stream, uv.WRITABLE, fn="uv__stream_open"),
        record("handle.accepted", stream, server),
        record("handle.address", stream, "127.0.0.1:7000", peer or f"127.0.0.1:{51500 + stream}", fn="uv_accept"),
        record("flag.set", stream, uv.READING, fn="uv__read_start"),
        record("io.start", stream, 0, uv.POLLIN),
    ]


def wrote(stream: int, request: int, asked: int, took: int, queued: int) -> list[list[Word]]:
    """A write of which the kernel took a part; `queued` is write_queue_size before it."""
    return [
        record("request.begin", stream, request, uv.UV_WRITE, asked, 1, 1),
        record("write_queue_size", stream, queued, queued + asked),
        record("write_queue.push", stream, request),
        record("sys.write", stream, 12, asked, took),
        record("request.progress", stream, request, 0, asked - took),
        record("write_queue_size", stream, queued + asked, queued + asked - took, fn="uv__write_req_update"),
    ]


def stalled(number: int, clock: Clock, **changes: Any) -> StreamState:
    """A stream whose peer does not read: queue above the mark, POLLOUT armed."""
    queue = [RequestState(41, uv.UV_WRITE, 65536, 16384, 1, 0, 0, 0, clock.ago(3.1))]
    queue += [RequestState(42 + i, uv.UV_WRITE, 65536, 65536, 1, 0, 0, 0, clock.ago(3.0 - i * 0.05)) for i in range(19)]
    values: dict[str, Any] = {
        "write_queue_size": sum(request.left for request in queue), "write_queue": queue,
        "pevents": uv.POLLIN | uv.POLLOUT,
        "events": uv.POLLIN | uv.POLLOUT, "armed_t": clock.ago(3.1), "above_t": clock.ago(2.9), "bytes_in": 3_565_158,
        "bytes_out": 2_306_867, "last_read_t": clock.ago(0.2), "last_write_t": clock.ago(3.1),
    }  # fmt: skip
    return connection(number, **{**values, **changes})


def grow_queue(scene: Scene, view: View, number: int, seconds: float = 30.0, end_size: int = 1_258_291) -> None:
    """Half a minute in which a stream's queue grows, sampled as the screen would."""
    steps = int(seconds * 2)
    size = 0
    for step in range(steps):
        new = int(end_size * ((step + 1) / steps) ** 2)
        scene.records(record("write_queue_size", number, size, new))
        size = new
        view.advance(0.01)
        scene.clock.seconds += 0.5
    view.advance(0.01)


def backpressure() -> tuple[Scene, View]:
    """A server with calm streams, one whose peer does not read, one that has just closed and one of which a call
    failed.
    """
    clock = Clock(170.0)
    scene = Scene(clock)
    wants = uv.POLLIN | uv.POLLOUT
    grows = connection(7, pevents=wants, events=wants, armed_t=clock.t)
    scene.snapshot([listener(), grows, *(connection(number) for number in range(8, 17))])
    view = view_of(scene)
    grow_queue(scene, view, 7)
    closed = connection(15, flags=OPEN | uv.CLOSING | uv.CLOSED, closed_t=clock.ago(4), fd=-1)
    states = [
        listener(),
        stalled(7, clock),
        *(connection(number) for number in range(8, 15)),
        closed,
        connection(16, errors=1),
    ]
    scene.snapshot(states)
    scene.records(
        record("sys.write", 7, 12, 65536, 18432),
        record("request.progress", 7, 41, 0, 16384),
        record("flag.set", 9, uv.READ_PARTIAL, fn="uv__read"),
        record("sys.read", 9, 14, 65536, 2048),
        record("request.begin", 8, 90, uv.UV_WRITE, 2048, 1, 1),
        record("write_queue.push", 8, 90),
        record("sys.write", 8, 13, 2048, 2048),
        record("write_queue.pop", 8, 90),
        record("write_completed_queue.push", 8, 90),
        record("write_completed_queue.pop", 8, 90),
        record("request.end", 8, 90, 0, 0, uv.UV_WRITE),
    )
    return scene, view


def after_a_minute(**changes: Any) -> Scene:
    """An engine that began a minute ago and obeys, and of which nothing is known yet."""
    return Scene(Clock(60.0), **{"control": True, **changes})


def view_of(scene: Scene, **options: Any) -> View:
    return View(scene, monotonic=scene.clock.monotonic, wall=scene.clock.wall, **options)


def config(**changes: Any) -> Config:
    return Config(**{"theme": "streamscope", "frames_per_second": 20, **changes})


def stalled_proxy(seconds: float = 31.0) -> tuple[Scene, View]:
    """A proxy before a server that stops reading: client #2 feeds upstream #3, whose bytes wait in the kernel."""
    patient = Patient()
    scene = patient.scene
    scene.hello = msgspec.structs.replace(scene.hello, program="proxy", addresses=["127.0.0.1:7702"])
    patient.listener()
    client = patient.stream(peer="127.0.0.1:41026", server=1)
    upstream = patient.stream()
    view = view_of(scene)

    def a_tick(**kernel: int) -> None:
        scene.clock.seconds += TICK / SECOND
        scene.feed(record("sample.taken", 0, scene.clock.t - 10_000_000, scene.clock.t, "exact"))
        patient.says(upstream, **kernel)
        view.advance(0.01)

    for acked in range(0, 1_536_248, 192_031):
        patient.reads_on(client, 65_536, upstream, taken=0)
        patient.drains(upstream, 65_536)
        a_tick(outq=500_000, notsent=300_000, bytes_acked=acked, snd_wnd=60_000, total_retrans=1, rtt=4_700)
    for _ in range(2):
        patient.reads_on(client, 65_536, upstream, taken=12_288)
    patient.stops_reading(client)
    patient.says(client, inq=29_696, outq=0, notsent=0, bytes_acked=0)
    spent = 0
    for _ in range(round(seconds * SECOND / TICK)):
        spent += TICK // 1000
        a_tick(outq=3_474_642, notsent=3_474_642, bytes_acked=1_536_248, snd_wnd=0, busy=spent, rwnd_limited=spent)
    return scene, view


def chat(members: int = 6) -> tuple[Scene, View]:
    """A chat in which each has spoken, the first of them first; all that is said is heard by all."""
    patient = Patient()
    patient.scene.hello = msgspec.structs.replace(patient.scene.hello, program="chat")
    patient.listener()
    here = [patient.stream(peer=f"127.0.0.1:{41000 + place}", server=1) for place in range(members)]
    view = view_of(patient.scene)
    for speaker in here:
        patient.turn(
            record("sys.read", speaker, speaker + 10, 65536, 6),
            record("callback.begin", speaker, CB_READ, 6),
            *(each for member in here for each in patient.written(member, 6, 6, arms=False)),
            record("callback.end", speaker, CB_READ, patient.clock.t),
        )
        for member in here:
            patient.drains(member, 6)
        patient.clock.seconds += TICK / SECOND
        view.advance(0.01)
    return patient.scene, view


def held_chat() -> tuple[Scene, View]:
    """A chat in which the last member takes nothing, and the first two have said more than it can be sent."""
    patient = Patient()
    patient.scene.hello = msgspec.structs.replace(patient.scene.hello, program="chat")
    patient.listener()
    here = [patient.stream(peer=f"127.0.0.1:{41000 + place}", server=1) for place in range(6)]
    view = view_of(patient.scene)

    def a_tick() -> None:
        patient.clock.seconds += TICK / SECOND
        patient.scene.feed(record("loop.waits", 0, patient.clock.t))
        view.advance(0.01)

    for speaker in (*here[:2], *here[:2]):
        patient.turn(
            record("sys.read", speaker, speaker + 10, 65536, 40_000),
            record("callback.begin", speaker, CB_READ, 40_000),
            *(each for member in here for each in patient.written(member, 40_000, 0, arms=False)),
            record("callback.end", speaker, CB_READ, patient.clock.t),
        )
        for member in here[:-1]:
            patient.drains(member, 40_000)
        a_tick()
    for speaker in here[:2]:
        patient.stops_reading(speaker)
    for _ in range(24):
        a_tick()
    return patient.scene, view
