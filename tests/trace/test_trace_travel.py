"""State after a jump to any row is the state folded event by event from the start, field for field."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import msgspec
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from test_core_joined import Program, steps
from trace_past import Grown, differences, everything, states_from_the_start

from streamscope.core import JoinedLoop, Loop
from streamscope.core.records import Word
from streamscope.link.engine import handle_state, loop_state
from streamscope.trace.state import LoopState, StreamState
from streamscope.trace.traveller import WORTH_A_KEYFRAME

happenings = st.lists(
    st.one_of(
        st.tuples(st.just("step"), steps),
        st.tuples(st.just("step"), steps),
        st.tuples(st.just("step"), steps),
        st.tuples(st.just("ship"), st.none()),
        st.tuples(st.just("keyframe"), st.none()),
        st.tuples(st.just("lose"), st.booleans()),
        st.tuples(st.just("forget"), st.none()),
    ),
    max_size=60,
)


class Told:
    """A program whose feed goes into a past, in batches; some of it is lost, and slices make it whole again."""

    def __init__(self, make_loop: type[Loop]) -> None:
        self.program = Program(make_loop)
        self.grown = Grown()
        self.turn = self.t = 0

    def do(self, happening: tuple[str, Any]) -> None:
        name, what = happening
        if name == "step":
            self.program.do(what)
        elif name == "ship":
            self.ship()
        elif name == "keyframe":
            self.grown.keyframe()
        elif name == "forget":
            self.grown.forget_closed(self.grown.model.t - 100)
        elif name == "lose":
            self.lose(slices=what)

    def ship(self) -> None:
        words: list[Word] = list(self.program.feed)
        self.program.feed.clear()
        if words:
            self.grown.records(words, self.turn, self.t)
            self.turn, self.t = self.grown.model.turn, self.grown.model.t

    def lose(self, slices: bool) -> None:
        words = list(self.program.feed)
        self.program.feed.clear()
        if words:
            self.grown.lost(self.grown.decoder.count(words), len(words))
        if slices:
            loop = self.program.loop
            handles = [handle_state(handle, loop.closing_list) for handle in loop.handles.values()]
            states = msgspec.convert(handles, list[StreamState])
            state = msgspec.convert(loop_state(loop, loop.tick), LoopState)
            half = len(states) // 2
            self.grown.slice(state, states[:half], True, False)
            self.grown.slice(state, states[half:], False, True)
            self.turn, self.t = loop.turn, loop.tick


@settings(max_examples=examples(60))
@given(
    program=happenings,
    make_loop=st.sampled_from([Loop, JoinedLoop]),
    jumps=st.lists(st.floats(0, 1), max_size=30),
    worth=st.sampled_from([0, 20, WORTH_A_KEYFRAME]),
)
def test_a_jump_to_any_row_gives_the_state_that_was_folded_to_there(
    program: list[tuple[str, Any]], make_loop: type[Loop], jumps: list[float], worth: int
) -> None:
    told = Told(make_loop)
    try:
        for happening in program:
            told.do(happening)
        told.ship()
    finally:
        told.program.world.end()
    past = told.grown.past
    states = states_from_the_start(past, told.grown.decoder)
    assert states[-1] == everything(told.grown.model)

    # when somebody jumps about, and walks every row to the end and back
    traveller = told.grown.traveller()
    with patch("streamscope.trace.traveller.WORTH_A_KEYFRAME", worth):
        for row in [*(int(jump * past.end) for jump in jumps), *range(past.end + 1), *range(past.end, -1, -7)]:
            assert traveller.go(row) == row == traveller.row

            # then each time all is as it was
            here = everything(traveller.model)
            assert here == states[row], differences(here, states[row])
