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
class Candidate:
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


def candidates(selection: Selection, streams: Collection[int] | None) -> list[Candidate]:
    """The streams of a stretch of the past, those first of which there is most to see; some of them, if any are named.

    One fold over the stretch, which looks at the streams that changed after each batch. Of very many streams, only the
    weightiest are kept.
    """
    model = selection.state(next((leaf.first for leaf in selection.leaves()), selection.first))
    found: dict[int, Candidate] = {}
    _look(model, model.streams.values(), found, streams)
    for leaf in selection.leaves():
        model.changed.clear()
        leaf.fold(model)
        changed = [state for number in model.changed if (state := model.streams.get(number)) is not None]
        _look(model, changed, found, streams)
        model.forget_closed(model.t)
    return sorted(found.values(), key=lambda candidate: candidate.weight, reverse=True)


def _look(
    model: Model, states: Collection[StreamState], found: dict[int, Candidate], streams: Collection[int] | None
) -> None:
    vocabulary = model.decoder.vocabulary
    for state in states:
        if state.type not in vocabulary.stream_types or (streams is not None and state.number not in streams):
            continue
        candidate = found.get(state.number)
        if candidate is None:
            candidate = found[state.number] = Candidate(state.number, begin=state.begin_t)
        candidate.title = title(state, vocabulary)
        candidate.until = state.closed_t
        candidate.peak = max(candidate.peak, state.write_queue_size)
        candidate.moved = state.bytes_in + state.bytes_out
    if len(found) > 4 * KEPT:
        for candidate in sorted(found.values(), key=lambda candidate: candidate.weight)[: len(found) - KEPT]:
            del found[candidate.number]
