"""Checking a past: one walk over it for all assertions, with one fold for those that ask for state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from streamscope.trace.check.language import Assertion, Leads, Never
from streamscope.trace.check.quantities import QuantityWatch
from streamscope.trace.check.watches import Instant, LeadsWatch, NeverWatch, Verdict, Watch, who
from streamscope.trace.decode import Event, Kinds
from streamscope.trace.filter.walk import Walk, codes_of
from streamscope.trace.history import History
from streamscope.trace.keyframe import thaw
from streamscope.trace.model import Model
from streamscope.trace.pieces import Batch, GapRow, Leaf
from streamscope.trace.recipes import Recipes
from streamscope.trace.state import StreamState


@dataclass(slots=True)
class Report:
    """What became of all assertions, in their order; and what is missing: rows before the first that could be judged,
    and the losses, each as its row and how many events it was.
    """

    verdicts: list[Verdict]
    events: int = 0
    missing_before: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every assertion is known to hold."""
        return all(verdict.holds for verdict in self.verdicts)


def check(
    history: History, assertions: Iterable[Assertion], kinds: Kinds, functions: Sequence[str], joined: Recipes = ()
) -> Report:
    """Holds a past against assertions. The catalogue is that of its feed. Raises FeedError for a past that is no
    feed.
    """
    return _Check(history, [watch_for(each) for each in assertions], (kinds, functions, joined)).run()


def watch_for(assertion: Assertion) -> Watch:
    """The watch for an assertion."""
    meaning = assertion.meaning
    if isinstance(meaning, Never):
        return NeverWatch(assertion, meaning)
    return LeadsWatch(assertion, meaning) if isinstance(meaning, Leads) else QuantityWatch(assertion, meaning)


class _Check:
    def __init__(self, history: History, watches: list[Watch], catalogue: tuple[Kinds, Sequence[str], Recipes]) -> None:
        self._history = history
        self._watches = watches
        self._catalogue = catalogue
        self._model: Model | None = None
        self._blind = False
        self._closed = False  # whether the stream was closed before the event
        self._by_kind: dict[str, list[Watch]] = {}
        self._timed: list[Watch] = []
        codes = codes_of(history.decoder, lambda kind: bool(self._watches_of(kind)))
        self._walk = Walk(history.decoder, codes)
        self._report = Report([])
        self._t = 0
        self._row = 0

    def _watches_of(self, kind: str) -> list[Watch]:
        found = self._by_kind.get(kind)
        if found is None:
            found = self._by_kind[kind] = [watch for watch in self._watches if watch.wants(kind)]
        return found

    def run(self) -> Report:
        history, report = self._history, self._report
        keyframe = history.before(history.first)
        row, piece = history.beginning() if keyframe is None else (keyframe.row, keyframe.piece)
        if any(watch.needs_state for watch in self._watches):
            if keyframe is None and row > history.first and history.keyframes():
                keyframe = history.keyframes()[0]
                row, piece = keyframe.row, keyframe.piece
            self._stand(Model(*self._catalogue) if keyframe is None else thaw(keyframe.packed, *self._catalogue))
            leaves: Iterable[Leaf] = (leaf for _, leaf in history.leaves(piece))
        else:
            row, leaves = history.first, history.batches(history.first)
        report.missing_before = row
        for leaf in leaves:
            self._row = leaf.first
            if isinstance(leaf, Batch):
                self._batch(leaf)
            else:
                self._mark(leaf)
        end_t = max(history.end_t, self._t)
        certain = not report.gaps and not report.missing_before
        report.verdicts = [watch.end(end_t, certain) for watch in self._watches]
        for verdict in report.verdicts:
            for failure in verdict.failures:
                self._place(failure.at)
        report.events = history.end - row - len(report.gaps)
        return report

    # what the past is made of

    def _batch(self, batch: Batch) -> None:
        if self._model is None:
            for row, event in self._walk.events(batch):
                at = Instant(event.stream, event.t, event, row)
                for watch in self._by_kind[event.kind]:
                    watch.saw(event, None, at)
            return
        known, streams = self._model.known, self._model.streams
        for row, event in self._walk.fold(batch, self._model, self._before):
            watches = self._by_kind[event.kind]
            if not watches:  # another step of a joined record
                continue
            state = known.get(event.stream)
            at = Instant(event.stream, event.t, event, row, "" if state is None else who(state))
            alive = state is not None and event.stream in streams and not (self._closed and state.closed_t)
            for watch in watches:
                if self._blind and watch.needs_state:
                    continue
                if watch.of_events:
                    watch.saw(event, state, at)
                elif alive and state is not None:
                    watch.look(state, at)
            if event.kind == "handle.closed" and state is not None:
                for watch in self._watches:
                    watch.gone(state, at)
        self._t = self._model.t

    def _before(self, event: Event) -> None:
        assert self._model is not None
        state = self._model.known.get(event.stream)
        self._closed = state is not None and bool(state.closed_t)
        if self._blind:
            return
        t = event.t
        for watch in self._watches:
            due = watch.due
            if due and due[0][0] <= t:
                watch.advance(t)
        for watch in self._by_kind[event.kind]:
            watch.before(event)

    def _mark(self, leaf: Leaf) -> None:
        model = self._model
        if isinstance(leaf, GapRow):
            self._report.gaps.append((leaf.first, leaf.events))
            for watch in self._watches:
                watch.blind()
        if model is None:
            return
        model.changed.clear()
        leaf.fold(model)
        if isinstance(leaf, GapRow):
            self._blind = True
        elif self._blind and model.whole:
            self._blind = False
            self._look_at(model.streams.values())
        elif not self._blind:
            self._look_at([state for number in model.changed if (state := model.streams.get(number)) is not None])
        model.changed.clear()

    def _stand(self, model: Model) -> None:
        """All that is known at the beginning."""
        self._model = model
        self._t = model.t
        for watch in self._watches:
            watch.streams = model.streams
        self._look_at(model.streams.values())

    def _look_at(self, states: Iterable[StreamState]) -> None:
        """State has become known without an event."""
        model = self._model
        assert model is not None
        for state in list(states):
            if not state.closed_t:
                at = Instant(state.number, model.t, None, self._row, who(state))
                for watch in self._watches:
                    watch.look(state, at)

    def _place(self, at: Instant) -> None:
        """Finds the event of an instant that came between two."""
        if at.event is not None or not at.t:
            return
        history = self._history
        row = at.row if at.row is not None else history.row_at(t=at.t)
        for candidate in (row, row - 1, row + 1):
            event = history.event(candidate)
            if isinstance(event, Event):
                at.event, at.row = event, candidate
                return
