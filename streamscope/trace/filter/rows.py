"""The rows of a past that a filter wants, found a little at a time: what a filtered list of events shows.

A past may have ten million rows, so a search goes on for as long as its owner gives it in each frame. It begins at the
end: what comes is judged as it comes, and what was there before is looked at backwards, a stretch at a time. Rows found
have numbers of their own, which never shift; room is left below for those that are still to be found.

Where the filter asks for state, a stretch is what lies between two keyframes, and a model is folded along. Where it
asks for durations, the search begins with the oldest row: nobody can say backwards how long something took.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from itertools import islice, pairwise

from streamscope.trace.contents import Gap
from streamscope.trace.decode import Decoder, Event
from streamscope.trace.filter import Filter
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.pieces import BatchLeaf, GapLeaf, Leaf
from streamscope.trace.untrusted import FeedError
from streamscope.trace.walk import Walk, state_before

MOST_FOUND = 1_000_000
"""So many rows are remembered; when they have been found, nothing older is looked for."""
MOST_EVENTS = 2_000
"""So many events are kept made, of those found or shown last."""
SPARE = 10_000
"""So many rows that have left the past may still be remembered."""
BREATH = 200
"""So many events are judged between two looks at the clock."""
NEARLY = 200_000
"""A search that has come so near to a row goes on to it; further away, another one begins there."""
NEAR = 500
"""Rows that are no further apart than this are made in one go."""


class FoundRows:
    """The rows of a past that a filter wants, of one stream or of some if they are given; gaps are always among them.

    - `extent()`: own numbers of the first, and after the last, that are found and still there;
    - `looked`: the past's rows between which everything has been judged;
    - `whole`: whether everything has been.
    """

    def __init__(
        self,
        past: Past,
        query: Filter,
        stream: int | Collection[int] | None = None,
        *,
        start: int | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """A search that has not begun. It goes both ways from `start`, or back from the end. `monotonic` is what its
        budgets of time are held on.
        """
        self.past = past
        self.query = query
        self._monotonic = monotonic
        streams = frozenset({stream}) if isinstance(stream, int) else None if stream is None else frozenset(stream)
        self._walk = walk_for(past.decoder, query, streams)
        self._later: array[int] = array("q")
        self._earlier: array[int] = array("q")  # backwards: the newest first
        self._blank = Model(past.decoder.vocabulary)
        self._model: Model | None = None
        self._piece = 0  # the place of the leaf that the model stands before
        if query.measures:
            start = max(past.first, past.reach)
        start = past.end if start is None else max(past.first, min(start, past.end))
        if query.needs_state:  # from the last keyframe on, so that state is known of the rows that come first
            start, self._piece, self._model = state_before(past, start, self._blank)
        elif start < past.end:
            start = next((leaf.first for leaf in past.batches(start) if leaf.first + leaf.count > start), start)
        self._high = start
        self._low = self._high
        self._base = max(self._high, MOST_FOUND)
        self._events: OrderedDict[int, Event | Gap] = OrderedDict()
        self._forward = self._follow()
        self._backward: Iterator[None] | None = None
        self._full = False  # as many were found as are remembered: nothing older is looked for

    # what is known

    @property
    def looked(self) -> tuple[int, int]:
        """Everything from the first of these rows up to the second has been judged."""
        return max(self._low, self.past.first), self._high

    @property
    def whole(self) -> bool:
        """Whether all rows there are have been judged, or as many were found as are remembered."""
        return self._high >= self.past.end and (self._low <= self._floor or self._full)

    @property
    def _floor(self) -> int:
        """The oldest row that can be judged."""
        past = self.past
        return max(past.first, past.reach) if self.query.needs_state else past.first

    def covers(self, row: int) -> bool:
        """Whether the search began near enough to this row to have it soon."""
        return self.query.measures or self._low - NEARLY <= row <= self._high + NEARLY

    def extent(self, before: int | None = None) -> tuple[int, int]:
        """Own numbers of the first found row and after the last; of those before a row of the past, if one is
        given.
        """
        first = self._number_of(self.past.first)
        return first, self._base + len(self._later) if before is None else max(first, self._number_of(before))

    def _number_of(self, row: int) -> int:
        """The number of the first found row that is not before this row of the past."""
        place = bisect_left(self._later, row)
        if place or not self._earlier or (self._later and self._later[0] < row):
            return self._base + place
        oldest = -len(self._earlier)
        return self._base + oldest + bisect_left(range(oldest, 0), row, key=self._earlier_row)

    def _earlier_row(self, place: int) -> int:
        return self._earlier[-1 - place]

    def row(self, number: int) -> int | None:
        """The past's row that a found row is."""
        place = number - self._base
        if 0 <= place < len(self._later):
            return self._later[place]
        return self._earlier[-1 - place] if 0 <= -1 - place < len(self._earlier) else None

    def number_at(self, row: int) -> int:
        """The number of the first found row at or after this row of the past."""
        return self._number_of(row)

    def rows(self, start: int, count: int) -> list[Event | Gap]:
        """The found rows from this number on, at most so many."""
        rows = [row for number in range(start, start + count) if (row := self.row(number)) is not None]
        missing = [row for row in rows if row not in self._events]
        while missing:
            near = next((n for n, (one, two) in enumerate(pairwise(missing), 1) if two - one > NEAR), None)
            group, missing = missing[:near], missing[near:] if near else []
            made = self.past.rows(group[0], group[-1] - group[0] + 1)
            first = max(group[0], self.past.first)
            for row in group:
                if 0 <= row - first < len(made):
                    self._keep(row, made[row - first])
        return [self._events[row] for row in rows if row in self._events]

    def _keep(self, row: int, event: Event | Gap) -> None:
        self._events[row] = event
        if len(self._events) > MOST_EVENTS:
            self._events.popitem(last=False)

    # the search

    def work(self, budget_s: float) -> bool:
        """Search for about so many seconds; whether anything was found. What turns out to be damaged is a
        loss, and `past.damage` tells of it.
        """
        until = self._monotonic() + budget_s
        self._trim()
        found = len(self._later) + len(self._earlier)
        forward = True
        while self._monotonic() < until:
            comes = self._high < self.past.end
            if comes and forward:
                next(self._forward)
            elif not self._step_back() and not comes:
                break
            forward = not forward
        return len(self._later) + len(self._earlier) != found

    def _trim(self) -> None:
        """Lets go of rows that have left the past, and of the oldest of too many."""
        earlier, later = self._earlier, self._later
        first, spare = self.past.first, SPARE
        if later and len(earlier) + len(later) > MOST_FOUND + SPARE:
            self._full = True
            first, spare = max(first, later[len(later) // 2]), 0
        while earlier and earlier[-1] < first:
            earlier.pop()
        if not earlier and later and later[0] < first - spare:
            gone = bisect_left(later, first)
            del later[:gone]
            self._base += gone

    def _step_back(self) -> bool:
        if self._backward is None:
            if self._full or self._low <= self._floor:
                return False
            self._backward = self._back()
        if next(self._backward, self) is self:
            self._backward = None
        return True

    def _follow(self) -> Iterator[None]:
        """Judges what comes, for ever, a leaf at a time. Where the past has dropped what was due next, it goes on
        with what is left.
        """
        while True:
            for leaf, model in self._due():
                for judged in self._judged(leaf, model):
                    if judged is None:
                        yield
                    elif judged[0] >= self._high:
                        self._later.append(judged[0])
                        self._keep(*judged)
                self._high = max(self._high, leaf.first + leaf.count)
                yield
            yield

    def _due(self) -> Iterator[tuple[Leaf, Model | None]]:
        """The leaves that nobody has judged, each with the model that stands before it, if the filter asks for one."""
        past = self.past
        if self._high < past.first:
            self._walk.lost()
        if not self.query.needs_state:
            self._high = max(self._high, past.first)
            for leaf in past.batches(self._high):
                if leaf.count and leaf.first >= self._high:
                    yield leaf, None
            return
        if self._model is None or not past.has_piece(self._piece):
            self._begin()
        for (piece, _), leaf in past.leaves(self._piece):
            yield leaf, self._model
            self._piece = piece + 1

    def _begin(self) -> None:
        """Stands the model where the search goes on, or as near before it as state can be had."""
        self._high = max(self._high, self.past.reach)
        row, self._piece, self._model = state_before(self.past, self._high, self._blank)
        self._high = max(self._high, row)

    def _judged(self, leaf: Leaf, model: Model | None) -> Iterator[tuple[int, Event | Gap] | None]:
        """The rows of a leaf that are wanted, and None now and then, to take a breath."""
        wants, looked = self.query.of_event, 0
        if isinstance(leaf, BatchLeaf):
            if model is None:
                for row, event in self._walk.events(leaf):
                    if wants(event):
                        yield row, event
                    looked += 1
                    if not looked % BREATH:
                        yield None
            else:
                known = model.known
                try:
                    for row, event in self._walk.fold(leaf, model):
                        if wants(event, known.get(event.stream)):
                            yield row, event
                        looked += 1
                        if not looked % BREATH:
                            yield None
                except FeedError as error:
                    self.past.damage = str(error)
                    model.lost(leaf.count)
                    self._walk.lost()
            return
        self._walk.pass_over(leaf)
        if model is not None:
            try:
                leaf.fold(model)
            except FeedError as error:
                self.past.damage = str(error)
                model.lost(1)
        if isinstance(leaf, GapLeaf):
            yield leaf.first, Gap(leaf.events)

    def _back(self) -> Iterator[None]:
        """Judges one more stretch before what has been judged."""
        past, end = self.past, self._low
        found: list[int] = []
        leaves: Iterator[Leaf]
        model: Model | None
        if not self.query.needs_state:
            piece = next(past.pieces_from(end - 1, -1))
            begin = piece.first
            model, leaves = None, iter(piece.leaves())
        else:
            begin, number, model = state_before(past, end - 1, self._blank)
            leaves = (leaf for _, leaf in past.leaves(number))
        for leaf in leaves:
            if leaf.first >= end:
                break
            for judged in self._judged(leaf, model):
                if judged is None:
                    yield
                elif judged[0] < end:
                    found.append(judged[0])
            yield
        self._low = min(end, begin)
        room = MOST_FOUND - len(self._earlier) - len(self._later)
        self._full = len(found) >= room
        self._earlier.extend(islice(reversed(found), max(room, 0)))


def walk_for(decoder: Decoder, query: Filter, streams: frozenset[int] | None = None) -> Walk:
    """The walk that passes over what the filter cannot want, or is of none of these streams."""
    if query.streams is not None:
        streams = query.streams if streams is None else query.streams & streams
    return Walk(decoder, query.may_want, functions=query.functions, streams=streams, measures=query.measures)
