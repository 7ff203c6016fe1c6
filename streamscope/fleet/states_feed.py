"""States alone as a feed: of an engine that is told nothing to, and only asked for its states now and then.

Looks at its model go in; out come the greeting of an engine that is looked at, and frames as it would send them: a
round first, then batches of what differs, told by `sampled` (`trace.differ`). So whoever reads, folds, records or
checks needs to know nothing of it, and what happened between two looks is not there to be asked for: the greeting has
only the kinds that a look can tell.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from streamscope.core.records import SAMPLED, Word
from streamscope.link.frames import BatchFrame, Hello, SliceFrame
from streamscope.link.rounds import STREAMS_PER_SLICE
from streamscope.trace.differ import Differ
from streamscope.trace.fold import EXACT
from streamscope.trace.model import Model
from streamscope.trace.state import LoopState, StreamState
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import Words

TOLD_BY_LOOKS = frozenset({
    "accepted_fd", "bytes_in", "bytes_out", "callbacks", "closing.pop", "closing.push", "connect_req", "delayed_error",
    "errors", "fd", "feeds", "flag.clear", "flag.set", "handle.accepted", "handle.address", "handle.closed",
    "handle.init", "handle.ipc", "handle.name", "high_water", "io.events", "io.feed", "io.start", "io.stop",
    "kernel.same", "kernel.sample", "kernel.unknown", "last_error", "loop.active_handles", "loop.active_reqs",
    "loop.callback_ns", "loop.nfds", "loop.poll_ns", "loop.turn", "pending.pop", "queued_fds.capacity",
    "queued_fds.pop", "queued_fds.push", "reads", "request.begin", "request.end", "request.error", "request.progress",
    "request.send", "sample.taken", "shutdown_req", "watcher_queue.pop", "watcher_queue.push",
    "write_completed_queue.pop", "write_completed_queue.push", "write_queue.pop", "write_queue.push",
    "write_queue_size", "writes",
})  # fmt: skip
"""The kinds that `Differ` tells."""


def looked_at(hello: Hello, every_s: float = 0.0) -> Hello:
    """The greeting of the same engine, looked at so often: with the kinds that a look can tell, those that it has not
    among them as our own engine has them, and the one function `sampled`. Raises FeedError.
    """
    theirs = {name: list(arguments) for name, arguments in hello.kinds}
    ours = {name: list(arguments) for name, arguments in Vocabulary.here().kinds}
    names = [name for name in ours if name in TOLD_BY_LOOKS]
    here = Vocabulary.here().words
    words = hello.vocabulary if hello.vocabulary is not None else here
    if not isinstance(words, Words):
        raise FeedError("the engine has no vocabulary")
    kinds = {name: words.kinds.get(name, here.kinds.get(name)) for name in names}
    kinds = {
        name: msgspec.structs.replace(said, functions=[SAMPLED]) for name, said in kinds.items() if said is not None
    }
    return msgspec.structs.replace(
        hello,
        kinds=[(name, theirs.get(name, ours[name])) for name in names],
        functions=[SAMPLED],
        joined=[],
        payload=0,
        vocabulary=msgspec.structs.replace(
            words,
            engine=f"{words.engine}, states alone, every {every_s:g} s",
            every_ms=int(every_s * 1000),
            kinds=kinds,
            functions={SAMPLED: here.functions.get(SAMPLED, "")},
        ),
    )  # fmt: skip


def with_looks(hello: Hello) -> Hello:
    """The greeting of the same engine, in whose feed looks may be told, too: what it lacks for that stands at the end
    of its lists. Raises FeedError.
    """
    theirs = {name for name, _ in hello.kinds}
    looked = looked_at(hello)
    more = [kind for kind in looked.kinds if kind[0] not in theirs]
    functions = hello.functions if SAMPLED in hello.functions else [*hello.functions, SAMPLED]
    words = hello.vocabulary
    if words is not None:
        mine = looked.vocabulary
        assert mine is not None
        words = msgspec.structs.replace(
            words,
            kinds={**{name: mine.kinds[name] for name, _ in more if name in mine.kinds}, **words.kinds},
            functions={**mine.functions, **words.functions},
        )
    return msgspec.structs.replace(hello, kinds=[*hello.kinds, *more], functions=functions, vocabulary=words)


class Translation:
    """Has what was told in one greeting's codes told in another's. Raises FeedError for kinds that it lacks."""

    def __init__(self, told: Hello, wanted: Hello) -> None:
        self._lengths = Model(Vocabulary.of(told)).decoder.layout.lengths
        places = {name: code for code, (name, _) in enumerate(wanted.kinds)}
        function = wanted.functions.index(SAMPLED) << 8
        self._sites = [function | places[name] for name, _ in told.kinds if name in places]
        if len(self._sites) != len(told.kinds):
            raise FeedError("what was kept has kinds that the engine has not")

    def __call__(self, words: list[Word]) -> list[Word]:
        """The words, which are whole records."""
        told, i, end = list(words), 0, len(words)
        while i < end:
            header = told[i]
            if not isinstance(header, int) or header & 255 >= len(self._sites):
                raise FeedError("what was kept is no feed")
            told[i] = header >> 16 << 16 | self._sites[header & 255]
            i += self._lengths[header & 255]
        return told


class StatesFeed:
    """Makes the feed, look by look."""

    def __init__(self, hello: Hello, every_s: float) -> None:
        """`hello` is the engine's own, which is looked at so often. Raises FeedError."""
        self.hello = looked_at(hello, every_s)
        self.vocabulary = Vocabulary.of(self.hello)
        self._differ = Differ(self.vocabulary)
        self._decoder = Model(self.vocabulary).decoder
        self._loop = LoopState()
        self._known: dict[int, StreamState] = {}
        self._place = 0
        self.has_begun = False
        """Whether there was a look."""

    def count(self, batch: BatchFrame) -> int:
        """How many events it tells of."""
        return self._decoder.count(batch.words)

    def look(self, model: Model) -> BatchFrame | None:
        """What differs from the look before, in a model that slices alone have made; None at the first look, before
        the first round, and where nothing was told since. Raises FeedError for a clock that goes back.
        """
        loop = model.loop
        if self.has_begun and loop.t <= self._loop.t:
            if loop.t < self._loop.t:
                raise FeedError("the engine's clock went back")
            return None
        # a slice brings new states and changes none that are there, so those of the look before stay what they were
        before, self._known = self._known, dict(model.known)
        loop_before, self._loop = self._loop, loop
        if not self.has_begun:
            self.has_begun = True
            return None
        words = self._differ.words(before, self._known, (loop_before, loop), EXACT)
        place, self._place = self._place, self._place + len(words)
        return BatchFrame(place, loop_before.turn, loop_before.t, words)

    def round(self) -> Iterator[SliceFrame]:
        """All that the last look has seen, as a round: for whoever comes later. Nothing before the first look."""
        if not self.has_begun:
            return
        states = list(self._known.values())
        for first in range(0, max(len(states), 1), STREAMS_PER_SLICE):
            part = states[first : first + STREAMS_PER_SLICE]
            last = first + STREAMS_PER_SLICE >= len(states)
            yield SliceFrame(self._place, self._loop, part, first == 0, last)
