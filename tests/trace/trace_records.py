"""What the records of feeds made by hand come to, for the tests of the trace room: openings, writes, whole models."""

from __future__ import annotations

from feeds import HERE, JOINED_HERE, joined, record

from streamscope.core import flags as uv
from streamscope.core.probe import FUNCTIONS
from streamscope.core.records import Word
from streamscope.trace.model import Model
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

MARK = 65536  # the high_water that a stream begins with


def opened(stream: int, handle_type: int = uv.UV_TCP) -> list[Word]:
    """A handle comes into being."""
    return record("handle.init", stream, handle_type, "echo.py:31 on_connection")


def begun(
    stream: int, request: int, size: int, *, kind: int = uv.UV_WRITE, nbufs: int = 1, active: int = 1
) -> list[Word]:
    """A request begins."""
    return record("request.begin", stream, request, kind, size, nbufs, active)


def written(stream: int, request: int, size: int) -> list[Word]:
    """A write of one buffer that the kernel takes at once, until its callback."""
    return [
        *begun(stream, request, size),
        *record("write_queue_size", stream, 0, size),
        *record("write_queue.push", stream, request),
        *record("sys.write", stream, 12, size, size),
        *record("write_queue_size", stream, size, 0),
        *record("write_queue.pop", stream, request),
        *record("write_completed_queue.push", stream, request),
        *record("io.feed", stream),
        *record("pending.pop", stream),
        *record("write_completed_queue.pop", stream, request),
        *record("request.end", stream, request, 0, 0, uv.UV_WRITE),
    ]


def echoed(stream: int, request: int, t: int = 1000) -> list[Word]:
    """A read of 64 bytes and the write of as many within its callback, joined up."""
    return [
        *joined("read.again", stream, t, 12, 64),
        *joined("write", stream, request, 64, 12, 1),
        *joined("read.end", stream, t + 5),
    ]


def folded(*records: list[Word], t: int = 1000) -> Model:
    """The model after one batch, which begins at turn 1 and time `t`."""
    model = Model(Vocabulary(HERE, FUNCTIONS, JOINED_HERE))
    model.apply(0, 1, t, [word for words in records for word in words])
    return model


def stream_after(*records: list[Word], t: int = 1000) -> StreamState:
    """Stream 7 after being opened and these records."""
    return folded(opened(7), *records, t=t).streams[7]
