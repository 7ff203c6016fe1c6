"""Going over a past: events are made only of the records that somebody may want.

Most records are passed over by their header's code and stream. Where state is asked for, a model is folded along, in
runs up to the next record that may be wanted; that one is folded event by event, so that each is seen with the state
right after it. Filter, search, export and check all go this way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from streamscope.core.records import Word
from streamscope.trace.decode import Decoder, Event
from streamscope.trace.durations import Durations, Spans
from streamscope.trace.keyframe import model_of
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.pieces import BatchLeaf, GapLeaf, Leaf
from streamscope.trace.untrusted import FeedError


def state_before(past: Past, row: int, blank: Model) -> tuple[int, int, Model]:
    """The latest state that can be had at or before a row: its row, the number of the piece that comes next, and the
    model. Without any, the beginning of all, or where that is lost, the end. `blank` is a model of the same feed.

    A keyframe that turns out to be damaged is forgotten, and `past.damage` tells of it.
    """
    while (keyframe := past.before(row)) is not None:
        try:
            return keyframe.row, keyframe.piece, model_of(keyframe.packed, blank)
        except FeedError as error:
            past.damage = str(error)
            past.without(keyframe)
    return (*past.beginning(), blank.blank())


class Walk:
    """Goes over the leaves of one feed, in their order. Of each it takes the records that `may_want` says something of
    for the kind of any of their events, and, if they are given, those of these `functions` and `streams` alone.

    With `measures`, events bring the durations that end with them (`Event.spans`); then the walk has to begin where the
    past does, and to be shown every leaf: `pass_over` is for those that nobody wants.

    While it goes, `spans` are the durations that end in the record where it is, by the number of the event in it, and
    `clock` reads the turn and the time that hold before it.
    """

    def __init__(
        self,
        decoder: Decoder,
        may_want: Callable[[str], bool],
        *,
        functions: Collection[str] | None = None,
        streams: Collection[int] | None = None,
        measures: bool = False,
    ) -> None:
        self._read = 0, 0, 0  # how far the clock has been read: turn, time, and the place in the batch
        self.spans: dict[int, Spans] = {}
        self._decoder = decoder
        self._functions = [functions is None or name in functions for name in decoder.functions]
        self._layout = decoder.layout
        self._joined = [code in decoder.layout.expansions for code in range(256)]  # whose header names no function
        self._streams = streams
        self._durations = Durations(decoder) if measures else None
        self.want(may_want)

    def want(self, may_want: Callable[[str], bool]) -> None:
        """From the next batch on, take records of other kinds."""
        kinds = self._decoder.kinds
        codes = [may_want(name) for name, _ in kinds] + [False] * (256 - len(kinds))
        for code, expansion in self._layout.expansions.items():
            codes[code] = any(codes[site & 255] and self._functions[site >> 8] for site, _ in expansion.steps)
        self._codes = codes
        self._by_code = self._streams is None and all(self._functions)
        self._everything = self._by_code and all(codes[: len(kinds)])

    # records

    def records(self, batch: BatchLeaf, words: Sequence[Word]) -> Iterator[tuple[int, int, int]]:
        """The records of the batch, whose words these are, that may be wanted: where each begins and ends, and the row
        of its first event.
        """
        self._read = batch.turn, batch.t, 0
        stops = self._stops(words, batch.first)
        return stops if self._durations is None else self._measured(self._durations, batch, words, stops)

    def _stops(self, words: Sequence[Word], row: int) -> Iterator[tuple[int, int, int]]:
        codes, functions, joined, streams = self._codes, self._functions, self._joined, self._streams
        lengths, weights = self._layout.lengths, self._layout.weights
        i, end = 0, len(words)
        if self._by_code:  # the most frequent way, and twice as quick
            while i < end:
                code: int = words[i] & 255  # type: ignore[operator]  # types were checked when the batch was appended
                after = i + lengths[code]
                if codes[code]:
                    yield i, after, row
                row += weights[code]
                i = after
            return
        while i < end:
            header: int = words[i]  # type: ignore[assignment]
            code = header & 255
            after = i + lengths[code]
            if (
                codes[code]
                and (streams is None or header >> 16 in streams)
                and (functions[header >> 8 & 255] or joined[code])
            ):
                yield i, after, row
            row += weights[code]
            i = after

    def _measured(
        self, durations: Durations, batch: BatchLeaf, words: Sequence[Word], stops: Iterator[tuple[int, int, int]]
    ) -> Iterator[tuple[int, int, int]]:
        durations.begin(batch.turn, batch.t)
        passed = 0
        for i, end, row in stops:
            durations.pass_over(words, passed, i)
            self.spans, passed = durations.ends_in(words, i), end
            yield i, end, row
        durations.pass_over(words, passed, len(words))

    def clock(self, words: Sequence[Word], i: int) -> tuple[int, int]:
        """The turn and the time that hold before the record at `i`, which is not before any that was asked for."""
        turn, t, at = self._read
        turn, t = self._layout.clock_after(words, at, i, turn, t)
        self._read = turn, t, i
        return turn, t

    def folding(self, batch: BatchLeaf, words: Sequence[Word], model: Model) -> Iterator[tuple[int, int, int]]:
        """As `records`, and the model has folded what comes before each; whoever takes a record folds it. Once it is
        exhausted, all of the batch is folded. Raises FeedError.
        """
        model.begin(batch.turn, batch.t)
        folded = 0
        for i, end, row in self.records(batch, words):
            if folded < i:
                model.proceed(words[folded:i])
            folded = end
            yield i, end, row
        model.proceed(words[folded:])
        model.settle()

    def pass_over(self, leaf: Leaf) -> None:
        """A leaf of which nothing is wanted, or that has no events."""
        if self._durations is None:
            return
        if isinstance(leaf, BatchLeaf):
            words = leaf.words()
            self._durations.begin(leaf.turn, leaf.t)
            self._durations.pass_over(words, 0, len(words))
        elif isinstance(leaf, GapLeaf):
            self._durations.lost()

    def lost(self) -> None:
        """Events are missing here."""
        if self._durations is not None:
            self._durations.lost()

    # events

    def events(self, batch: BatchLeaf) -> Iterator[tuple[int, Event]]:
        """The events that may be wanted, each with its row."""
        decoder = self._decoder
        if self._durations is None:
            if self._everything:
                yield from enumerate(decoder.expand(batch.place, batch.turn, batch.t, batch.words()), batch.first)
                return
            if self._streams is not None and len(self._streams) < _FEW and not any(map(batch.has, self._streams)):
                return
        words = batch.words()
        for i, end, row in self.records(batch, words):
            yield from enumerate(self._made(batch, words, i, end, *self.clock(words, i)), row)

    def fold(
        self, batch: BatchLeaf, model: Model, before: Callable[[Event], None] | None = None
    ) -> Iterator[tuple[int, Event]]:
        """As `events`; when an event comes out, the model has folded everything up to it and itself. `before` is called
        with each of them when the model has not yet. Once it is exhausted, all of the batch is folded.

        Raises FeedError.
        """
        words, expansions = batch.words(), self._layout.expansions
        for i, end, first in self.folding(batch, words, model):
            record = words[i:end]
            expansion = expansions.get(int(record[0]) & 255)
            singles: Sequence[Sequence[Word]] = [record]
            if expansion is not None:
                singles = [single for single, _ in expansion.unfold(record, 0)]
            events = self._made(batch, words, i, end, model.turn, model.t)
            for row, (event, single) in enumerate(zip(events, singles), first):
                if before is not None:
                    before(event)
                model.proceed(single)
                yield row, event

    def _made(self, batch: BatchLeaf, words: Sequence[Word], i: int, end: int, turn: int, t: int) -> list[Event]:
        events = list(self._decoder.expand(batch.place + i, turn, t, words[i:end]))
        if self._durations is not None:
            for number, spans in self.spans.items():
                events[number].spans = spans
        return events


_FEW = 20
"""So many streams are looked for in a batch before it is gone through."""
