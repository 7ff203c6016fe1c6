"""Checking a past: one walk over it for all assertions, with one fold for those that ask for state."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from streamscope.core.records import Word
from streamscope.language import Saying, clauses, saying
from streamscope.trace.check.assertion import Assertion, Leads, Never
from streamscope.trace.check.leads import LeadsWatch
from streamscope.trace.check.quantities import QuantityWatch
from streamscope.trace.check.stops import QueueWithin, Step, stops
from streamscope.trace.check.watches import Instant, NeverWatch, Outcome, Watch, called, seconds
from streamscope.trace.decode import Event
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.pieces import BatchLeaf, GapLeaf, Leaf, SliceLeaf
from streamscope.trace.state import StreamState
from streamscope.trace.traveller import Traveller
from streamscope.trace.untrusted import FeedError
from streamscope.trace.walk import Walk, state_before

MOST_COUNTED = 100_000
"""So many handles are counted to say what there was."""


@dataclass(slots=True)
class Report:
    """What became of all assertions, in their order; and what is missing: rows before the first that could be judged,
    the losses, each as its row and how many events it was, and the end, unless the past `ends`.

    An assertion whose `where` was never so does not stand, unless that is allowed; one that had nothing to show stands,
    unless the report is `strict`.
    """

    outcomes: list[Outcome]
    events: int = 0
    missing_before: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    ends: bool = True
    allow_vacuous: bool = False
    strict: bool = False

    @property
    def ok(self) -> bool:
        """Whether every assertion is known to hold."""
        return all(map(self.stands, self.outcomes))

    def stands(self, outcome: Outcome) -> bool:
        """Whether the assertion is known to hold, of something."""
        return bool(outcome.holds) and not self.says_nothing(outcome)

    def says_nothing(self, outcome: Outcome) -> bool:
        """Whether it holds of nothing, and that is not enough."""
        nothing = (outcome.vacuous and not self.allow_vacuous) or (outcome.idle and self.strict)
        return outcome.holds is True and bool(nothing)


def check(
    past: Past,
    assertions: Iterable[Assertion],
    *,
    stated: Sequence[Event] = (),
    ends: bool = True,
    allow_vacuous: bool = False,
    strict: bool = False,
) -> Report:
    """Holds a past against assertions. `stated` are the events of words that others bring (`trace.stated`), in order.
    `ends` is False for one whose end is missing: what came then is not known, as
    after a loss. What turns out to be damaged is a loss, and `past.damage` tells of it.
    """
    report = Report([], ends=ends, allow_vacuous=allow_vacuous, strict=strict)
    return _Check(past, [watch_for(each) for each in assertions], report, stated).run()


def watch_for(assertion: Assertion) -> Watch:
    """The watch for an assertion."""
    meaning = assertion.meaning
    if isinstance(meaning, Never):
        return NeverWatch(assertion, meaning)
    return LeadsWatch(assertion, meaning) if isinstance(meaning, Leads) else QuantityWatch(assertion, meaning)


class _Check:
    def __init__(self, past: Past, watches: list[Watch], report: Report, stated: Sequence[Event] = ()) -> None:
        self._past = past
        self._stated = deque(stated)
        self._decoder = past.decoder
        self._assertions = watches
        helping = (helper for watch in watches for helper in (watch.where, watch.cause) if helper is not None)
        self._watches = [*watches, *helping]
        self._model: Model | None = None
        self._blind = False
        self._walk = Walk(past.decoder, self._wants, measures=any(watch.measures for watch in watches))
        self._stops = stops(past.decoder, self._watches)
        self._now: BatchLeaf | None = None
        self._queue: QueueWithin | None = None
        self._report = report
        self._request = past.decoder.vocabulary.request("write")
        self._t = 0
        self._row = 0

    def _wants(self, kind: str) -> bool:
        return kind == "handle.closed" or any(watch.wants(kind) for watch in self._watches)

    def run(self) -> Report:
        """The walk over all of the past."""
        past, report = self._past, self._report
        row, piece = past.first, 0
        if any(watch.needs_state for watch in self._watches):
            row, piece, model = state_before(past, past.reach, Model(past.decoder.vocabulary))
            self._stand(model)
            leaves: Iterable[Leaf] = self._leaves(piece)
        else:
            leaves = past.batches(row)
        report.missing_before = row
        for leaf in leaves:
            self._row = leaf.first
            try:
                self._leaf(leaf)
            except FeedError as error:  # only a file that somebody has damaged has such
                past.damage = str(error)
                self._lost(leaf.first, max(leaf.count, 1))
        end_t = max(past.end_t, self._t)
        self._tell_stated(end_t)
        if not report.ends:
            for watch in self._watches:
                watch.advance(end_t)
                watch.blind()
        certain = report.ends and not report.gaps and not report.missing_before
        report.outcomes = [watch.end(end_t, certain) for watch in self._assertions]
        report.events = past.end - row - len(report.gaps)
        for watch in self._assertions:
            self._say_of(watch)
        failed = [failure.at for outcome in report.outcomes for failure in outcome.failures]
        for at in failed:
            self._place(at)
        self._introduce([at for at in failed if at.stream and not at.called])
        return report

    def _say_of(self, watch: Watch) -> None:
        """What there is to say of an assertion beside whether it holds."""
        outcome, where, cause = watch.outcome, watch.where, watch.cause
        if where is not None and where.outcome.holds:
            outcome.vacuous = saying("nothing was as in where; {what}", what=self._what_there_was(where))
        elif cause is not None and cause.outcome.holds:
            outcome.idle = saying("{what} never came", what=cause.condition.text)
        if outcome.holds is None and watch.unknown is not None:
            unknown = saying("first unknown at {time}", time=seconds(watch.unknown.t))
            outcome.note = clauses((outcome.note, unknown))

    def _what_there_was(self, where: NeverWatch) -> Saying:
        """Why nothing was as in a `where`: what it could have been said of."""
        if where.of_events:
            return saying("there were {n} events", n=f"{self._report.events:,}")
        vocabulary, kinds = self._decoder.vocabulary, self._handles()
        if not where.every_handle:
            kinds = {number: kind for number, kind in kinds.items() if kind in vocabulary.stream_types}
        counted = Counter(map(vocabulary.type_text, kinds.values()))
        what = saying("handles") if where.every_handle else saying("streams")
        said = ", ".join(f"{count:,} {name}" for name, count in counted.most_common())
        if len(kinds) >= MOST_COUNTED:
            return saying("there were more than {n} {what}", n=f"{MOST_COUNTED:,}", what=what)
        if not kinds:
            return saying("there were no {what}", what=what)
        return saying("there were {n} {what}: {said}", n=f"{len(kinds):,}", what=what, said=said)

    def _handles(self) -> dict[int, int]:
        """The type of every handle there was, or of very many."""
        past = self._past
        _, piece, model = state_before(past, past.reach, Model(past.decoder.vocabulary))
        kinds = {state.number: state.type for state in model.known.values()}
        walk = Walk(self._decoder, lambda kind: kind == "handle.init")
        for _, leaf in past.leaves(piece):
            if isinstance(leaf, BatchLeaf):
                kinds.update((event.stream, int(event.fields.get("type", 0))) for _, event in walk.events(leaf))
            elif isinstance(leaf, SliceLeaf):
                kinds.update((state.number, state.type) for state in leaf.read().streams)
            if len(kinds) >= MOST_COUNTED:
                break
        return kinds

    def _leaves(self, piece: int) -> Iterator[Leaf]:
        """The leaves from a piece on. Where nothing certain is known, because events are missing, the next keyframe of
        a state that is whole makes it known again.
        """
        past = self._past
        for (here, number), leaf in past.leaves(piece):
            if self._blind and number == 0:
                keyframe = past.before(leaf.first)
                if keyframe is not None and keyframe.piece == here and self._model is not None:
                    model = state_before(past, leaf.first, self._model)[2]
                    if model.whole:
                        self._row = leaf.first
                        self._blind = False
                        self._stand(model)
            yield leaf

    # what the past is made of

    def _leaf(self, leaf: Leaf) -> None:
        self._tell_stated(leaf.t)
        if not isinstance(leaf, BatchLeaf):
            self._mark(leaf)
        elif self._model is None:
            self._batch_of_events(leaf)
        else:
            self._batch(leaf, self._model)
        found = [watch for watch in self._watches if watch.has_found]
        if found:  # these need not look any further
            self._watches = [watch for watch in self._watches if watch not in found]
            self._stops = stops(self._decoder, self._watches)
            self._walk.want(self._wants)

    def _tell_stated(self, t: int) -> None:
        """The events of words that others bring, until then: each comes before the batch in whose time it is."""
        while self._stated and self._stated[0].t <= t:
            event = self._stated.popleft()
            state = None if self._model is None else self._model.known.get(event.stream)
            for watch in self._watches:
                if watch.of_events and watch.wants(event.kind) and not (self._blind and watch.needs_state):
                    watch.saw(event, state, self._row)

    def _lost(self, row: int, events: int) -> None:
        """So many events are missing here."""
        self._report.gaps.append((row, events))
        self._blind = True
        self._queue = None
        self._walk.lost()
        for watch in self._watches:
            watch.blind()

    def _batch_of_events(self, batch: BatchLeaf) -> None:
        """A batch, where nobody asks for state."""
        words, every, functions = batch.words(), self._stops, self._decoder.functions
        for i, _, row in self._walk.records(batch, words):
            stop = every[words[i] & 255]  # type: ignore[operator]
            for step in stop.steps if stop is not None else ():
                if step.matters(words, i, functions):
                    event = self._event(batch, words, i, step, *self._walk.clock(words, i))
                    for watch in step.events:
                        watch.saw(event, None, row + step.number)

    def _event(self, batch: BatchLeaf, words: Sequence[Word], i: int, step: Step, turn: int, t: int) -> Event:
        """The event of a step of the record at `i`; `turn` and `t` hold before the record."""
        length = self._decoder.layout.lengths[words[i] & 255]  # type: ignore[operator]
        event = next(self._decoder.expand(batch.place + i, turn, t, words[i : i + length], skip=step.number))
        event.spans = self._walk.spans.get(step.number)
        return event

    def _batch(self, batch: BatchLeaf, model: Model) -> None:
        words = batch.words()
        self._now = batch
        for i, end, row in self._walk.folding(batch, words, model):
            stop = self._stops[words[i] & 255]  # type: ignore[operator]
            if stop is None:
                model.proceed(words[i:end])
            elif stop.one_by_one:
                records = self._decoder.layout.expansions[stop.code].unfold(words, i)
                for number, (record, _) in enumerate(records):
                    step = stop.by_number.get(number)
                    if step is None:
                        model.proceed(record)
                    else:
                        self._step(step, words, i, record, row + number, model)
            else:
                for step in stop.steps[:-1]:
                    self._look_within(step, words, i, row + step.number, model)
                step = stop.steps[-1]
                self._step(step, words, i, words[i:end], row + step.number, model)
        self._t = model.t

    def _step(self, step: Step, words: Sequence[Word], i: int, record: Sequence[Word], row: int, model: Model) -> None:
        """Folds a record, or the rest of a joined one, for those who watch for the event in this row."""
        number: int = words[i] >> 16  # type: ignore[operator]
        t: int = words[i + step.t_at] if step.t_at else model.t  # type: ignore[assignment]
        state = model.known.get(number)
        was_closed = state is not None and state.closed_t != 0
        if not self._blind:
            self._pass_time(t)
            if step.before and state is not None and not was_closed:
                for watch in step.before:
                    if number in watch.streams:
                        watch.before(state, t, row)
        if self._queue is not None:
            self._queue.undo()
            self._queue = None
        turn, before_t = model.turn, model.t
        model.proceed(record)
        state = model.known.get(number)
        if step.matters(words, i, self._decoder.functions):
            assert self._now is not None
            event = self._event(self._now, words, i, step, turn, before_t)
            for watch in step.events:
                if not (self._blind and watch.needs_state):
                    watch.saw(event, state, row)
        if state is None or self._blind:
            return
        if not (was_closed and state.closed_t):
            for watch in step.states:
                if number in watch.streams:
                    watch.look(state, t, row)
        if step.closes:
            for watch in self._watches:
                watch.gone(state, t)

    def _look_within(self, step: Step, words: Sequence[Word], i: int, row: int, model: Model) -> None:
        """An event within a joined record that changes the write queue, and nothing else that is watched: the queue is
        made what it was then for those who look, and what it was before when the whole record is folded.
        """
        number: int = words[i] >> 16  # type: ignore[operator]
        state = model.streams.get(number)
        if state is None or self._blind or state.closed_t:
            return
        t: int = words[i + step.t_at] if step.t_at else model.t  # type: ignore[assignment]
        self._pass_time(t)
        for watch in step.before:
            watch.before(state, t, row)
        if self._queue is None:
            self._queue = QueueWithin(state, self._request)
        self._queue.change(step.kind, step.value(words, i), t)
        for watch in step.states:
            watch.look(state, t, row)

    def _pass_time(self, t: int) -> None:
        for watch in self._watches:
            due = watch.due
            if due and due[0][0] <= t:
                watch.advance(t)

    def _mark(self, leaf: Leaf) -> None:
        model = self._model
        if isinstance(leaf, GapLeaf):
            self._lost(leaf.first, leaf.events)
        if model is None:
            return
        model.changed.clear()
        leaf.fold(model)
        if self._blind and model.whole:
            self._blind = False
            self._look_at(model.known.values())
        elif not self._blind:
            self._look_at([state for number in model.changed if (state := model.known.get(number)) is not None])
        model.changed.clear()

    def _stand(self, model: Model) -> None:
        """All that is known at the beginning."""
        self._model = model
        self._t = model.t
        for watch in self._watches:
            watch.streams = model.known if watch.every_handle else model.streams
        self._look_at(model.known.values())

    def _look_at(self, states: Iterable[StreamState]) -> None:
        """State has become known without an event."""
        model = self._model
        assert model is not None
        for state in list(states):
            if not state.closed_t:
                for watch in self._watches:
                    if state.number in watch.streams:
                        watch.look(state, model.t, self._row)

    def _place(self, at: Instant) -> None:
        """Finds the event of an instant, or where it came between two, the one that is nearest."""
        if at.event is not None or not at.t:
            return
        past = self._past
        at.between = at.row is None
        row = at.row if at.row is not None else past.row_at(t=at.t)
        for candidate in (row, row - 1, row + 1):
            event = past.event(candidate)
            if isinstance(event, Event):
                at.event, at.row = event, candidate
                return

    def _introduce(self, instants: list[Instant]) -> None:
        """Finds out what the streams of these are called, where nobody had to know it until now."""
        traveller = Traveller(self._past) if instants else None
        for at in sorted(instants, key=lambda at: at.row or 0):
            if traveller is not None and at.row is not None:
                traveller.go(at.row + 1)
                state = traveller.model.known.get(at.stream)
                if state is not None:
                    at.called, at.type = called(state), state.type
