"""Joined records are folded at once, alone and in runs: the state is that of their events, folded one by one."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from chance import examples
from feeds import JOINED_HERE, joined, record
from hypothesis import given, settings
from hypothesis import strategies as st
from trace_records import opened

from streamscope.core import flags as uv
from streamscope.core.joined_records import joined_site
from streamscope.core.records import Word
from streamscope.trace.decode import Decoder
from streamscope.trace.expansions import JoinedAsTold
from streamscope.trace.model import Model
from streamscope.trace.state import StreamState
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary

STREAMS = 4
STRANGER = 99
"""Nobody has told of a handle with this number."""

OTHERS: JoinedAsTold = [(f"other.{name}", args, steps) for name, args, steps in JOINED_HERE]
"""The same joined records under names that this version does not know, so that they are folded one by one."""


class Server:
    """Makes the feed of an engine that echoes: a list of records, whatever the streams are told to do."""

    def __init__(self) -> None:
        self.t = 1000
        self.requests = 0
        self.records: list[list[Word]] = [opened(stream) for stream in range(1, STREAMS + 1)]
        self.done: list[tuple[int, int]] = []

    def read(self, stream: int, what: str) -> None:
        """Something came, and the callback writes as often as `what` says, or tells of something else in between."""
        self.t += 7
        if what == "answer":
            self.requests += 1
            self.done.append((stream, self.requests))
            self._tell("answer", stream, self.t, 12, 64, self.requests, 65, len(self.done), self.t + 5)
            self.t += 5
            return
        self._tell("read" if what == "first" else "read.again", stream, self.t, 12, 64)
        for write in {"first": ["write"], "echo": ["write"], "twice": ["write", "write.more"]}.get(what, []):
            self.requests += 1
            self.done.append((stream, self.requests))
            self._tell(write, stream, self.requests, 64, 12, len(self.done))
        if what == "named":
            self.records.append(record("handle.name", stream, "named"))
        self.t += 5
        self._tell("read.end", stream, self.t)

    def end_turn(self, rearm: bool) -> None:
        """All writes are over, and the streams are registered anew."""
        streams = list(dict.fromkeys(stream for stream, _ in self.done))
        for left, (stream, number) in reversed(list(enumerate(self.done))):
            self._tell("written.rearm" if rearm else "written", stream, number, left)
        for stream in streams if rearm else []:
            self._tell("rearm", stream, 12, uv.POLLIN)
        self.done = []
        self.records.append(record("loop.turn", 0, self.t, self.t))

    def _tell(self, name: str, stream: int, *words: int) -> None:
        self.records.append(joined(name, stream, *words))


def looked_at(model: Model) -> dict[str, Any]:
    """Everything that a reader may look at."""
    state = {
        name: getattr(model, name)
        for name in ("streams", "handles", "loop", "requests", "carried", "lit", "changed", "events_seen", "membership")
    }
    return {**state, "completed": {number: list(done) for number, done in model.completed.items()}}


def folded(batches: list[list[Word]], joined_records: JoinedAsTold) -> list[dict[str, Any]]:
    """What can be seen after each batch."""
    decoder = Decoder.here()
    model = Model(Vocabulary(decoder.kinds, decoder.functions, joined_records))
    seen = []
    for batch in batches:
        model.changed.clear()
        model.apply(0, 0, model.t, batch)
        seen.append(deepcopy(looked_at(model)))
    return seen


reads = st.tuples(
    st.sampled_from([*range(1, STREAMS + 1), STRANGER]),
    st.sampled_from(["answer", "answer", "answer", "echo", "first", "twice", "nothing", "named"]),
)
turns = st.lists(st.tuples(st.lists(reads, max_size=6), st.booleans()), max_size=8)


@settings(max_examples=examples(200))
@given(turns=turns, cuts=st.sets(st.integers(1, 80)))
def test_runs_of_joined_records_are_folded_as_their_events_one_by_one(
    turns: list[tuple[list[tuple[int, str]], bool]], cuts: set[int]
) -> None:
    server = Server()
    for told, rearm in turns:
        for stream, what in told:
            server.read(stream, what)
        server.end_turn(rearm)
    batches: list[list[Word]] = [[]]
    for place, words in enumerate(server.records):
        if place in cuts:
            batches.append([])
        batches[-1] += words

    assert folded(batches, JOINED_HERE) == folded(batches, OTHERS)


def test_joined_records_at_other_codes_than_this_versions_are_folded_too() -> None:
    server = Server()
    server.read(1, "echo")
    server.end_turn(rearm=True)
    words = [word for words in server.records for word in words]
    first, last = joined_site("read"), joined_site(JOINED_HERE[-1][0])
    turned = [
        word - (word & 255) + first + last - (word & 255)
        if isinstance(word, int) and word >> 16 == 1 and first <= word & 255 <= last
        else word
        for word in words
    ]

    assert folded([turned], JOINED_HERE[::-1]) == folded([words], JOINED_HERE)


@pytest.mark.parametrize("cut", range(1, 17))
def test_a_run_that_is_cut_off_within_a_record_is_an_error(cut: int) -> None:
    server = Server()
    server.read(1, "answer")
    server.read(1, "answer")
    server.end_turn(rearm=True)
    words = [word for words in server.records[STREAMS:-1] for word in words]
    ends = [8, 8 + 8, 8 + 8 + 3]
    model = Model.here()
    model.apply(0, 0, 0, [word for words in server.records[:STREAMS] for word in words])

    if cut in ends:
        model.apply(0, 0, 0, words[:cut])
    else:
        with pytest.raises(FeedError, match="cut off"):
            model.apply(0, 0, 0, words[:cut])


def test_an_echo_leaves_nothing_but_traces_of_itself() -> None:
    model = Model.here()
    server = Server()
    server.read(2, "echo")
    server.end_turn(rearm=True)

    model.apply(0, 0, 0, [word for words in server.records for word in words])

    assert model.streams[2] == StreamState(
        2,
        uv.UV_TCP,
        uv.READ_PARTIAL,
        place="echo.py:31 on_connection",
        bytes_in=64,
        bytes_out=64,
        reads=1,
        writes=1,
        last_read_t=1007,
        last_write_t=1007,
    )
    assert (model.requests, [request.left for request in model.completed[2]]) == ({}, [0])
