"""Whatever a trace holds: every format ends in what it claims to be, or in one sentence; never in anything else."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from chance import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as pb
from trace_scene import Stage

from streamscope.core.probe import KINDS, site
from streamscope.core.records import Word
from streamscope.trace.export.options import ExportError, ExportOptions, lines_of_json, perfetto_packets, rows_of_csv
from streamscope.trace.export.svg import picture
from streamscope.trace.lanes import Lanes
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.untrusted import FeedError

NUMBERS = st.one_of(
    st.integers(-5, 20),
    st.sampled_from([0x1000, 0x4000, 1 << 31, -(1 << 31), 1 << 47, (1 << 63) - 1, -(1 << 63), 10**12]),
)
STREAMS = st.sampled_from([0, 1, 2, 3, (1 << 47) - 1, -1])


@st.composite
def some_record(draw: st.DrawFn) -> list[Word]:
    kind = draw(st.sampled_from(KINDS))
    function = draw(st.sampled_from(kind.functions))
    words: list[Word] = [draw(STREAMS) << 16 | site(kind.name, function)]
    for argument in kind.args:
        words.append(draw(st.text(max_size=5)) if argument.domain == "text" else draw(NUMBERS))
    return words


HAPPENINGS = st.lists(st.one_of(st.lists(some_record(), min_size=1, max_size=12), st.integers(1, 9)), max_size=8)


def recorded(folder: Path, happenings: list[Any]) -> TraceFile:
    """A trace of all of it that a writer takes."""
    stage = Stage(folder / "x.scope")
    for happening in happenings:
        if isinstance(happening, int):
            stage.lose(happening)
            continue
        try:
            stage.batch(*happening)
        except FeedError:
            break
    return stage.close()


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(HAPPENINGS, st.sampled_from(["", "stream==1", "wq > 0", "kind==flag.set or error"]))
def test_every_format_takes_whatever_a_writer_took(
    tmp_path_factory: pytest.TempPathFactory, happenings: list[Any], text: str
) -> None:
    with recorded(tmp_path_factory.mktemp("trace"), happenings) as trace:
        request = ExportOptions(filter=text)
        lines = [json.loads(line) for line in b"".join(lines_of_json(trace, request)).splitlines()]
        assert all(line["kind"] for line in lines)
        assert b"".join(rows_of_csv(trace, request)).decode().count("\n") >= len(lines)
        with contextlib.suppress(ExportError):  # the filter may want no stream
            pb.Trace().ParseFromString(b"".join(perfetto_packets(trace, request)))
            ElementTree.fromstring(picture(trace, request, theme="auto"))


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(HAPPENINGS, NUMBERS, NUMBERS, st.integers(1, 50))
def test_a_time_line_takes_whatever_a_writer_took(
    tmp_path_factory: pytest.TempPathFactory, happenings: list[Any], t0: int, t1: int, n: int
) -> None:
    with recorded(tmp_path_factory.mktemp("trace"), happenings) as trace:
        for stream in (1, 2, (1 << 47) - 1):
            lanes = Lanes(trace.past, stream)
            columns = lanes.window(t0, t1, n)
            for _ in range(200):
                if not lanes.work(1.0):
                    break
            else:
                raise AssertionError("there is always more to do")
            assert len(lanes.window(t0, t1, n)) == len(columns) == max(0, min(n, t1 - t0))
