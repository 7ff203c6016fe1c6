"""Going over a past with a filter: events are made only of records that it can want at all.

Most records are passed over by their header's code and stream. Where the filter asks for state, a model is folded
along, in runs up to the next record that may be wanted; that one is folded event by event, so that each is judged by
the state right after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from streamscope.core.records import Word
from streamscope.trace.decode import Decoder, Event
from streamscope.trace.filter import Filter
from streamscope.trace.history import History
from streamscope.trace.keyframe import thaw_like
from streamscope.trace.model import Model
from streamscope.trace.pieces import Batch
from streamscope.trace.untrusted import FeedError


def _codes_of(decoder: Decoder, query: Filter) -> list[bool]:
    """By the code of a record, whether it stands for an event that may be wanted."""
    codes = decoder.layout.codes(query.may_want)
    functions = _functions_of(decoder, query)
    for code, expansion in decoder.layout.expansions.items():
        codes[code] = any(codes[site & 255] and functions[site >> 8] for site, _ in expansion.steps)
    return codes


def _functions_of(decoder: Decoder, query: Filter) -> list[bool]:
    """By the code of a function, whether its events may be wanted."""
    return [query.functions is None or name in query.functions for name in decoder.functions]


def state_before(history: History, row: int, blank: Model) -> tuple[int, int, Model]:
    """The latest state that can be had at or before a row: its row, the number of the piece that comes next, and the
    model. Without any, the beginning of all, or where that is lost, the end. `blank` is a model of the same feed.
    """
    keyframe = history.before(row)
    while keyframe is not None:
        try:
            return keyframe.row, keyframe.piece, thaw_like(keyframe.packed, blank)
        except FeedError as error:
            history.damage = str(error)
            keyframe = history.before(keyframe.row - 1)
    return (*history.beginning(), blank.blank())


class Walk:
    """Goes over batches of one feed, for a filter; with `stream`, for the events of that stream alone."""

    def __init__(self, decoder: Decoder, query: Filter, stream: int | None = None) -> None:
        self._decoder = decoder
        self._codes = _codes_of(decoder, query)
        self._functions = _functions_of(decoder, query)
        self._joined = [code in decoder.layout.expansions for code in range(256)]  # whose header names no function
        self._streams = query.streams
        if stream is not None:
            self._streams = frozenset({stream}) if query.streams is None else query.streams & {stream}

    def _stops(self, words: Sequence[Word]) -> Iterator[tuple[int, int]]:
        """The records that may be wanted: where each begins, and how many events came before it."""
        codes, functions, joined, streams = self._codes, self._functions, self._joined, self._streams
        lengths, weights = self._decoder.layout.lengths, self._decoder.layout.weights
        i, end, events = 0, len(words), 0
        while i < end:
            header: int = words[i]  # type: ignore[assignment]  # types were checked when the batch was appended
            code = header & 255
            wanted = codes[code] and (streams is None or header >> 16 in streams)
            if wanted and (functions[header >> 8 & 255] or joined[code]):
                yield i, events
            i += lengths[code]
            events += weights[code]

    def events(self, batch: Batch) -> Iterator[tuple[int, Event]]:
        """The events that may be wanted, each with its row."""
        if self._streams is not None and not any(map(batch.has, self._streams)):
            return
        words, decoder = batch.words(), self._decoder
        turn, t, told = batch.turn, batch.t, 0
        for i, before in self._stops(words):
            turn, t = decoder.layout.clock_after(words, told, i, turn, t)
            told = i + decoder.layout.lengths[words[i] & 255]  # type: ignore[operator]
            for row, event in enumerate(
                decoder.expand(batch.place + i, turn, t, words[i:told]), batch.first + before
            ):  # fmt: skip
                yield row, event
                turn, t = event.turn, event.t

    def fold(
        self, batch: Batch, model: Model, before: Callable[[Event], None] | None = None
    ) -> Iterator[tuple[int, Event]]:
        """As `events`; when an event comes out, the model has folded everything up to it and itself. `before` is called
        with each of them when the model has not yet. Once it is exhausted, all of the batch is folded.

        Raises FeedError.
        """
        words, decoder = batch.words(), self._decoder
        model.begin(batch.turn, batch.t)
        folded = 0
        for i, earlier in self._stops(words):
            if folded < i:
                model.proceed(words[folded:i])
            folded = i + decoder.layout.lengths[words[i] & 255]  # type: ignore[operator]
            record = words[i:folded]
            events = list(decoder.expand(batch.place + i, model.turn, model.t, record))
            if len(events) == 1:
                singles: list[Sequence[Word]] = [record]
            else:
                singles = [single for single, _ in decoder.layout.expansions[int(record[0]) & 255].unfold(record, 0)]
            for row, (event, single) in enumerate(zip(events, singles), batch.first + earlier):
                if before is not None:
                    before(event)
                model.proceed(single)
                yield row, event
        model.proceed(words[folded:])
        model.settle()
