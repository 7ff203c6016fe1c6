"""Which streams a picture shows, if nobody has named them: those whose queues grew longest; and when they lived."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from streamscope.trace.export.selection import Selection
from streamscope.trace.export.titles import title
from streamscope.trace.model import Model
from streamscope.trace.state import StreamState

KEPT = 1024


@dataclass(slots=True)
class Role:
    """A stream, as far as choosing goes. Times are ns on the feed's clock; `until` is 0 while it is open."""

    number: int
    title: str = ""
    begin: int = 0
    until: int = 0
    peak: int = 0
    moved: int = 0

    @property
    def weight(self) -> tuple[int, int, int]:
        """How much there is to see: first the queue, then traffic, then who was first."""
        return self.peak, self.moved, -self.number


def cast(selection: Selection, streams: Collection[int] | None) -> list[Role]:
    """The streams of a stretch of the past, those first of which there is most to see; some of them, if any are named.

    One fold over the stretch, which looks at the streams that changed after each batch. Of very many streams, only the
    weightiest are kept.
    """
    model = selection.state(next((leaf.first for leaf in selection.leaves()), selection.first))
    roles: dict[int, Role] = {}
    _look(model, model.streams.values(), roles, streams)
    for leaf in selection.leaves():
        model.changed.clear()
        leaf.fold(model)
        changed = [state for number in model.changed if (state := model.streams.get(number)) is not None]
        _look(model, changed, roles, streams)
        model.forget_closed(model.t)
    return sorted(roles.values(), key=lambda role: role.weight, reverse=True)


def _look(
    model: Model, states: Collection[StreamState], roles: dict[int, Role], streams: Collection[int] | None
) -> None:
    vocabulary = model.decoder.vocabulary
    for state in states:
        if state.type not in vocabulary.stream_types or (streams is not None and state.number not in streams):
            continue
        role = roles.get(state.number)
        if role is None:
            role = roles[state.number] = Role(state.number, begin=state.begin_t)
        role.title = title(state, vocabulary)
        role.until = state.closed_t
        role.peak = max(role.peak, state.write_queue_size)
        role.moved = state.bytes_in + state.bytes_out
    if len(roles) > 4 * KEPT:
        for role in sorted(roles.values(), key=lambda role: role.weight)[: len(roles) - KEPT]:
            del roles[role.number]
