"""Every field of the greeting and of a trace's header, with whatever fits its type: nothing fails but in its own words.

A greeting goes through all that reads one without a screen: `ps`, a session, the log's follower, instants. A trace is
looked at, and exported in every way.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from feeds import greeted
from trace_mutants import Taken, a_trace, look_at_everything, opened_from, taken_apart

from streamscope.link.discovery import FoundEngine
from streamscope.link.engines_table import engines_table
from streamscope.link.frames import FrameError, Hello, Notice, pack, read_frame
from streamscope.link.replaying import Replay
from streamscope.link.session import Session
from streamscope.trace.export import options as exported
from streamscope.trace.export.options import ExportError, ExportOptions
from streamscope.trace.export.svg import picture
from streamscope.trace.instant import InstantError, Standpoint, parse
from streamscope.trace.store.format import TraceError, TraceHeader
from streamscope.ui.log_tail import LogTail
from streamscope.ui.recording import recorded
from streamscope.ui.scale import Window, instant_text, ticks

TIMES = [math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, -1.0, 0.0, 1e11, 1e12, 2.0**34, 2.0**63]
TEXTS = [
    "",
    "\0",
    "/tmp/\0x",
    "\x1b[2J",
    "\x9b31m",
    "x" * 100_000,
    "../../etc/passwd",
    "/",
    "\ud7ff\U0010ffff",
    "[red]",
]
NUMBERS = [0, -1, 1 << 31, -(1 << 31), (1 << 63) - 1, -(1 << 63), (1 << 64) - 1]
OTHERS: list[Any] = [[], {}, [[]], [["x", ["y"]]], [[["x"], "y"]], ["\0"] * 300, [["x", ["y"] * 300]] * 300, None, True]
VALUES = [*TIMES, *TEXTS, *NUMBERS, *OTHERS]


def fields_of(kind: type[msgspec.Struct]) -> list[str]:
    return list(kind.__struct_fields__)


def greetings(field: str) -> Iterator[Hello]:
    """The greeting with each value in this field, as far as it can be read."""
    whole = msgspec.msgpack.decode(pack(greeted())[4:])
    place = 1 + fields_of(Hello).index(field)
    for value in (whole[place], *VALUES):
        body = msgspec.msgpack.encode([*whole[:place], value, *whole[place + 1 :]])
        try:
            frame = read_frame(body)
        except FrameError:
            continue
        assert isinstance(frame, Hello)
        yield frame


@pytest.mark.parametrize("field", fields_of(Hello))
def test_a_greeting_is_refused_or_read_whatever_it_says(field: str) -> None:
    read = 0
    for told in greetings(field):
        read += 1
        engine = FoundEngine(told.pid, __file__, told)  # type: ignore[arg-type]
        for now in (0.0, 1.7e9):
            assert all(line.isprintable() for line in engines_table([engine], now=now))
        assert instant_text(told.started, 5 * 10**9)
        assert ticks(Window(0, 10**9, 80), told.started)
        try:
            parse("12:00:01", Standpoint(5, 1, 1, told.started))
        except InstantError:
            pass
        for path in (told.log, told.recording, told.probe):
            tail = LogTail(path)
            tail.read()
            tail.close()
            recorded(path)
        ours, theirs = socket.socketpair()
        with theirs:
            session = Session(ours)
            theirs.setblocking(False)
            packed = pack(told)
            if len(packed) < 100_000:
                theirs.sendall(packed)
                session.receive()
                session.fold(1.0)
            session.close()
    assert read


@pytest.mark.parametrize("path", TEXTS)
def test_a_notice_that_names_a_recording_is_read_whatever_it_names(path: str) -> None:
    frame = read_frame(msgspec.msgpack.encode(["notice", "text", path]))
    assert isinstance(frame, Notice)
    recorded(frame.recording)


TAKEN = taken_apart(a_trace())


@pytest.mark.parametrize("field", fields_of(TraceHeader))
def test_a_trace_is_refused_or_read_and_exported_whatever_its_header_says(field: str) -> None:
    known = msgspec.msgpack.decode(TAKEN.header)
    opened = 0
    for value in (known[field], *VALUES):
        header = msgspec.msgpack.encode({**known, field: value})
        try:
            trace = opened_from(Taken(header, TAKEN.segments, TAKEN.goodbye).together())
        except TraceError:
            continue
        opened += 1
        with trace:
            look_at_everything(trace)
            for write in (exported.lines_of_json, exported.rows_of_csv, exported.perfetto_packets):
                assert b"".join(write(trace, ExportOptions()))
            for request in (ExportOptions(), ExportOptions(begin="12:00:01"), ExportOptions(end="00:00:00")):
                try:
                    assert picture(trace, request, theme="light", title="").startswith("<")
                except (ExportError, InstantError):
                    pass
            assert Replay(trace).hello is not None
    assert opened


def test_what_cannot_be_a_time_is_not_known_and_said_so() -> None:
    told = greeted()
    for value in (math.nan, math.inf, 1e308, -1.0):
        body = msgspec.msgpack.decode(pack(told)[4:])
        body[1 + fields_of(Hello).index("started")] = value
        frame = read_frame(msgspec.msgpack.encode(body))
        assert isinstance(frame, Hello)
        assert engines_table([FoundEngine(1, __file__, frame)])[1].endswith("–")  # type: ignore[arg-type]
        assert instant_text(frame.started, 5_250_000_000) == "+5.250"
