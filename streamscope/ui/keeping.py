"""Keeping the past of an engine that has ended: what is in memory becomes a trace, a little of it in every frame.

While an engine runs, a process of its own records it (`recording`). Afterwards there is nobody to attach to, but what
has been seen is still here, bounded as it is, and a trace is made of the same leaves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from streamscope.trace.contents import Goodbye, Slice
from streamscope.trace.keyframe import snapshot
from streamscope.trace.past import Past
from streamscope.trace.store.copying import copy_leaf
from streamscope.trace.store.writer import EngineGreeting, TraceWriter


class Keeping:
    """Writes one past into a new file. `work` goes on with it; `close` says that it is over."""

    def __init__(self, path: Path, hello: EngineGreeting, past: Past, bye: Goodbye | None) -> None:
        """`bye` is the engine's own end, None where nothing is known of that. Raises OSError."""
        self.path = path
        self._file = open(path, "xb")  # noqa: SIM115 (it is open for as long as there is something to write)
        self._bye = bye
        try:
            self._writer = TraceWriter(self._file, hello)
        except OSError:
            self._file.close()
            raise
        self._left = self._frames(past)

    def work(self, budget_s: float, monotonic: Callable[[], float] = time.monotonic) -> bool:
        """Write for about so many seconds; whether there is more. Raises OSError where it cannot be written, and
        FeedError where what is kept is no feed; the file ends with what could be, then.
        """
        until = monotonic() + budget_s
        for write in self._left:
            write()
            if monotonic() >= until:
                return True
        self._writer.close(self._bye)
        self.close()
        return False

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _frames(self, past: Past) -> Iterator[Callable[[], None]]:
        """One thing to write after the other: the state where the past begins, if that is not its own beginning, and
        then its leaves.
        """
        writer = self._writer
        first = past.before(past.reach) if past.dropped else None
        leaves = past.batches(first) if first is not None else (leaf for _, leaf in past.leaves(past.pieces[0]))
        known = None if first is None else snapshot(first.packed)
        for leaf in leaves:
            if known is not None:
                begin = Slice(leaf.place, *known, first=True, last=True)
                yield partial(writer.slice, begin)
                known = None
            yield partial(copy_leaf, writer, leaf)
