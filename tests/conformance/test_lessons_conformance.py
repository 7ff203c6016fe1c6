"""Every claim of a lesson is held by the real library too, as far as it can show it.

The lesson's program runs on both libraries. Every field is equal after every call and every callback; so the claims of
events, which the engine alone can tell of, stand between equal states. The claims of state are asked of the library's
own fields at each step.
"""

from __future__ import annotations

from typing import Any

import lesson_state
import pytest
import runs

from streamscope.lessons import LESSONS, load
from streamscope.lessons.claims import engine_only, parsed
from streamscope.lessons.performing import perform
from streamscope.trace.vocabulary import Vocabulary


@pytest.mark.real("libuv")
@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_claims_nothing_that_is_not_so_in_libuv(name: str, record_property: Any) -> None:
    wanted = load(name)

    found = runs.differences(wanted.program)
    real = runs.real_library.run(wanted.program)
    performance = perform(wanted)

    assert not found, "\n".join(found)
    places = lesson_state.steps_of(real)
    assert len(places) == len(performance.moments)
    vocabulary = Vocabulary.here()
    held = beyond = events = 0
    for place, moment in zip(places, performance.moments):
        for claim in moment.step.claims:
            asked = parsed(claim, vocabulary)
            if asked.event_only:
                events += 1
            elif engine_only(asked):
                beyond += 1
            else:
                state = lesson_state.state_at(real, place, claim.of)
                assert asked.of_stream(state, 0), f"{moment.step.title}: {claim.text}, but libuv has {state}"
                held += 1
    assert held
    record_property("claims of lessons held by libuv", held)
    record_property("claims of lessons that libuv cannot show (engine only)", beyond)
    record_property("claims of events in lessons, held by the engine between equal states", events)
    performance.close()
