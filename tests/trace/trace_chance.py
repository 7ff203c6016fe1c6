"""Pasts that chance makes, for tests that compare a quick way with a slow one."""

from __future__ import annotations

import random

from feeds import at, record
from trace_past import Grown
from trace_records import begun, opened, written

from streamscope.core import flags as uv
from streamscope.core.joined_records import joined_site
from streamscope.core.records import Word


def some_past(seed: int, batches: int = 60, max_bytes: int = 1 << 30, losses: bool = True) -> Grown:
    """Streams that come, read, write and go, with losses, slices and keyframes where chance wants them."""
    chance = random.Random(seed)
    grown = Grown(max_bytes)
    t, request = 0, 0
    for number in range(batches):
        words: list[Word] = []
        begin_t = t
        for _ in range(chance.randrange(1, 12)):
            stream = chance.randrange(7, 11)
            t += 1_000_000
            request += 1
            size = chance.randrange(1, chance.choice([20_000, 200_000]))
            words += chance.choice([
                at(t), opened(stream), written(stream, request, size),
                [*begun(stream, request, size), *record("write_queue_size", stream, 0, size),
                 *record("write_queue.push", stream, request)],
                record("write_queue_size", stream, size, 0), record("flag.set", stream, uv.READING),
                record("flag.clear", stream, uv.READING), record("handle.name", stream, "echo"),
                record("sys.read", stream, 3, 65536, -104), record("handle.closed", stream),
                [stream << 16 | joined_site("write"), request, size, 12, 1],
                [stream << 16 | joined_site("read"), t, 12, size],
                [stream << 16 | joined_site("answer"), t, 12, 9, request, size, 1, t + 1],
                [stream << 16 | joined_site("written.rearm"), request - 1, 0],
            ])  # fmt: skip
        grown.records(words, number, begin_t)
        if chance.random() < 0.15:
            grown.keyframe()
        if chance.random() < 0.08 and losses:
            grown.lost(chance.randrange(1, 50))
            grown.slice(grown.model.loop, list(grown.model.known.values()), True, True)
        if chance.random() < 0.08:
            grown.forget_closed(t - 20_000_000)
    return grown
