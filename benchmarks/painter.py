"""The screen with many streams, painting: what `frame` measures, run in a terminal of its own.

    python -m benchmarks.painter STREAMS SLICES FILE

The real app looks at a source that is always about to say that some streams have changed. In slices of frames, in
random order, nothing changes, three visible lines do, or all streams do. CPU ms per frame of each slice are written
to FILE as JSON.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import time
from collections import deque
from pathlib import Path

from streamscope.app import StreamscopeApp
from streamscope.core import flags as uv
from streamscope.core.probe import FUNCTIONS, KINDS
from streamscope.link.frames import PROTOCOL, Hello
from streamscope.link.session import Session
from streamscope.trace.state import LoopState, StreamState
from streamscope.ui.widgets.stream_table import StreamTable

FRAMES_PER_SLICE = 10
FLAGS = uv.READABLE | uv.WRITABLE | uv.READING | uv.ACTIVE | uv.REF
MODES = ("still", "dirty", "full")


class Restless(Session):
    """A session whose streams change as the slice under way wants, once a frame."""

    def __init__(self, streams: int, slices: int) -> None:
        ours, self._engines_end = socket.socketpair()
        super().__init__(ours)
        kinds = [(kind.name, [argument.name for argument in kind.args]) for kind in KINDS]
        self.hello = Hello(PROTOCOL, "0", 1, "echo", ["127.0.0.1:7000"], time.time(), kinds, list(FUNCTIONS))
        self.status = "live"
        states = [stream(number) for number in range(2, streams + 2)]
        self.model.slice(0, LoopState(turn=1, t=1), states, True, True)
        self.app: StreamscopeApp | None = None
        self.found: dict[str, list[float]] = {mode: [] for mode in MODES}
        self._slices = deque(mode for _ in range(slices) for mode in random.sample(MODES, len(MODES)))
        self._mode = "full"  # the first slice is not counted: it draws everything for the first time
        self._counts = False
        self._table: StreamTable | None = None
        self._frames = -3 * FRAMES_PER_SLICE
        self._begin = 0

    def receive(self) -> None:
        """Nothing comes."""

    def fold(self, budget_s: float) -> bool:
        """The next frame begins: change what it is to show."""
        self._frames += 1
        if self._frames >= FRAMES_PER_SLICE:
            self._next_slice()
        visible = self._visible()
        if self._mode != "still" and visible:
            touched = visible if self._mode == "full" else random.sample(visible, 3)
            for number in touched:
                self.model.streams[number].flags ^= uv.READ_PARTIAL
            self.model.changed.update(self.model.streams if self._mode == "full" else touched)
        return self._mode != "still"

    def _next_slice(self) -> None:
        now = time.process_time_ns()
        if self._counts:
            self.found[self._mode].append((now - self._begin) / self._frames / 1e6)
        self._frames, self._counts, self._begin = 0, True, now
        if self._slices:
            self._mode = self._slices.popleft()
        elif self.app is not None:
            self.app.exit(0)

    def _visible(self) -> list[int]:
        assert self.app is not None
        if self._table is None:  # looked for once: searching the screen would count as part of every frame
            self._table = next(iter(self.app.screen.query(StreamTable)), None)
        table = self._table
        if table is None:
            return []
        top = int(table.scroll_y)
        return table.order[top : top + table.size.height - 1]


def stream(number: int) -> StreamState:
    """An idle connection."""
    peer = f"127.0.0.{number >> 14}:{1024 + (number & 16383)}"
    return StreamState(number, uv.UV_TCP, FLAGS, fd=number + 10, local="127.0.0.1:7000", peer=peer, server=1, begin_t=1)


def main(streams: int, slices: int, file: Path) -> None:
    """Paint, and write down what it took."""
    source = Restless(streams, slices)
    source.app = StreamscopeApp(source)
    source.app.run()
    file.write_text(json.dumps(source.found))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
