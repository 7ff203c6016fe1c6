"""Pasts of which tests know everything: the state at each row, folded event by event from the start."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from feeds import HERE, JOINED_HERE

from streamscope.core.probe import FUNCTIONS
from streamscope.core.records import Word
from streamscope.trace.decode import Decoder
from streamscope.trace.keyframe import keyframe_of
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.pieces import BatchLeaf
from streamscope.trace.state import LoopState, StreamState
from streamscope.trace.traveller import Traveller
from streamscope.trace.vocabulary import Vocabulary

CATALOGUE = HERE, FUNCTIONS, JOINED_HERE


def everything(model: Model) -> bytes:
    """All that a model holds, so that two can be compared; and which of the requests that a stream holds are those
    that records still change.
    """
    held = [
        (number, place, model.requests.get(request.number) is request)
        for number, state in model.known.items()
        for place, request in enumerate(
            [state.connect_req, state.shutdown_req, *state.write_queue, *state.write_completed_queue]
        )
        if request is not None
    ]
    fields = {
        "known": list(model.known.items()),
        "streams": list(model.streams),
        "handles": list(model.handles),
        "loop": model.loop,
        "requests": sorted(model.requests.items()),
        "carried": sorted(model.carried.items()),
        "completed": [(number, list(model.finished(number))) for number in sorted({*model.completed, *model.unread})],
        "lit": [(flag, *each) for flag, changed in model.lit.items() for each in changed.items()],
        "closed": list(model.closed),
        "slowest": (model.slowest, model.slow_ns),
        "round": None if model.round is None else sorted(model.round),
        "whole": model.whole,
        "membership": model.membership,
        "events": (model.events_seen, model.events_lost),
        "held": held,
    }
    assert all(state is (model.streams.get(n) or model.handles[n]) for n, state in model.known.items())
    return msgspec.msgpack.encode(fields)


def differences(a: bytes, b: bytes) -> list[str]:
    """What two states differ in, for a person to read."""
    one, other = msgspec.msgpack.decode(a), msgspec.msgpack.decode(b)
    return [f"{name}: {one[name]} != {other[name]}" for name in one if one[name] != other[name]]


def one_by_one(words: list[Word], decoder: Decoder) -> Iterator[list[Word]]:
    """The single events that a batch tells of, each as a plain record."""
    i = 0
    while i < len(words):
        code = int(words[i]) & 255
        expansion = decoder.layout.expansions.get(code)
        if expansion is None:
            yield words[i : i + decoder.layout.lengths[code]]
        else:
            for record, start in expansion.unfold(words, i):
                yield list(record[start:])
        i += decoder.layout.lengths[code]


class Grown:
    """A past and a model that grow together as a session's do, with a keyframe where the test wants one."""

    def __init__(self, max_bytes: int = 1 << 30) -> None:
        self.past = Past(max_bytes)
        self.model = Model(Vocabulary(*CATALOGUE))
        self.decoder = Decoder(Vocabulary(*CATALOGUE))
        self.place = 0

    def records(self, words: list[Word], turn: int, t: int) -> None:
        count = self.model.apply(self.place, turn, t, words)
        self.past.append(self.place, turn, t, words, count, self.model.t)
        self.place += len(words)

    def slice(self, loop: LoopState, streams: list[StreamState], first: bool, last: bool) -> None:
        self.model.slice(self.place, loop, streams, first, last)
        self.past.slice(self.place, loop, streams, first, last)

    def lost(self, events: int, words: int = 1) -> None:
        self.model.lost(events)
        self.past.gap(events)
        self.place += words

    def forget_closed(self, before_t: int) -> None:
        self.model.forget_closed(before_t)
        self.past.forget(before_t)

    def keyframe(self) -> None:
        self.past.keyframe(keyframe_of(self.model))

    def traveller(self) -> Traveller:
        return Traveller(self.past)


def states_from_the_start(past: Past, decoder: Decoder) -> list[bytes]:
    """What holds at each row, from the first on: the fold event by event, with no keyframe."""
    model = Model(Vocabulary(*CATALOGUE))
    states: list[bytes] = [b""] * (past.end + 1)
    row = 0

    def note() -> None:
        states[row] = everything(model)

    note()
    for leaf in past.batches(0):
        if isinstance(leaf, BatchLeaf):
            model.begin(leaf.turn, leaf.t)
            for record in one_by_one(leaf.words(), decoder):
                model.proceed(record)
                row += 1
                if row < leaf.first + leaf.count:
                    note()
            model.settle()
        else:
            leaf.fold(model)
            row += leaf.count
        note()
    assert row == past.end
    return states
