"""The time line of one stream: for any window of time, how it stood in each column of it.

A past has millions of events and a screen a hundred columns, so the past is gone over once and remembered in *blocks*:
the `Tally` of some batches, and how the stream stood before them. A column is the sum of the blocks that lie in it.
Only blocks that an edge of a column falls into are gone over again, at most one for each edge, however long the past
is; and when one looks so closely that columns are narrower than blocks, those few blocks are all there is.

Nothing here takes long. What has not been gone over yet shows at once as the keyframes tell it, and is made exact
within `work`, which the owner calls as often as there is time. Memory is bounded: when there are too many blocks,
neighbours become one.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import chain, islice, pairwise
from typing import NamedTuple

from streamscope.trace.keyframe import KeptHandle, look
from streamscope.trace.lane_blocks import Block, Covered, CutBlock, Place
from streamscope.trace.past import Keyframe, Past
from streamscope.trace.pieces import BatchLeaf, GapLeaf, Leaf, SliceLeaf
from streamscope.trace.tally import ALL, Standing, Tallier, Tally
from streamscope.trace.tally_rules import Tables
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary


class Lane(NamedTuple):
    """What is lit at times and dark at others: a flag, or a poll event that the engine wants (`wants IN`)."""

    name: str
    bit: int
    wanted: bool = False

    def some(self, tally: Tally) -> int:
        """Not 0 if it was lit at some time."""
        return (tally.wanted if self.wanted else tally.any) & self.bit

    def off(self, tally: Tally) -> int:
        """Not 0 if it was dark at some time."""
        return (tally.unwanted if self.wanted else tally.off) & self.bit


def lanes_of_feed(vocabulary: Vocabulary) -> list[Lane]:
    """The lanes that there can be: first the flags, from the lowest bit up, then what the engine wants of the kernel.
    What an engine has not, or cannot know, has none.
    """
    flags = [Lane(name, bit) for bit, name in vocabulary.flag_names.items() if vocabulary.tells("flags")]
    wants = [Lane(f"wants {name}", bit, True) for bit, name in vocabulary.polls.items() if vocabulary.tells("pevents")]
    return flags + wants


MOST_COLUMNS = 4096
MOST_BLOCKS = 8192
SAMPLES_KEPT = 1024
COLUMNS_KEPT = 2 * MOST_COLUMNS
CUT_BLOCKS_KEPT = MOST_COLUMNS
AT_ONCE_S = 0.004
"""So long `window` itself may go over records; the rest is `work`'s."""


class LaneColumn(Tally):
    """A column: the tally of all that happened at times from `t0` up to, and without, `t1` (ns on the feed's clock).

    Not `exact` are columns that come from keyframes, or have not been gone over up to their end.
    """

    t0: int = 0
    t1: int = 0
    exact: bool = True


class Lanes:
    """The time line of one stream over a past that may grow at its end and be dropped at its beginning."""

    def __init__(self, past: Past, stream: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.past = past
        self.stream = stream
        self.flags = 0
        """Every flag that has been seen on the stream: the lanes that are worth drawing."""
        self.wants = 0
        """Every poll event that has been wanted."""
        self.peak = 0
        """The greatest write_queue_size that has been seen."""
        self._monotonic = monotonic
        self._tables = Tables(past.decoder)
        self._covered: list[Covered] = []  # in order; no two touch
        self._samples: OrderedDict[int, KeptHandle] = OrderedDict()  # by the row of their keyframe
        self._sampled: list[tuple[int, int]] = []  # time and row of each, in order
        self._columns: OrderedDict[tuple[int, int], LaneColumn] = OrderedDict()  # exact ones, that nothing can change
        self._cuts: OrderedDict[tuple[Place, Place], CutBlock] = OrderedDict()
        self._edges: list[int] = []

    def window(self, t0: int, t1: int, n: int, now: int | None = None) -> list[LaneColumn]:
        """The columns of a window: `n` of them, or as many as there are nanoseconds; none if it is empty.

        Up to `now` silence means that nothing has changed since the last event. Without it, nothing is known of the
        time after that.
        """
        n = min(n, MOST_COLUMNS, t1 - t0)
        self._edges = [t0 + (t1 - t0) * i // n for i in range(n + 1)] if n > 0 else []
        self._forget_dropped()
        self._refine(AT_ONCE_S)
        return [self._column(a, b, now) for a, b in pairwise(self._edges)]

    def work(self, budget_s: float) -> bool:
        """Make what the last window showed more exact, for about so long; returns whether there was anything to do, so
        that `window` has something better now.
        """
        return self._refine(budget_s)

    @property
    def blocks(self) -> int:
        """How many blocks are kept: what memory is taken for."""
        return sum(len(covered.blocks) for covered in self._covered)

    # going over the past

    def _refine(self, budget_s: float) -> bool:
        if not self._edges or self.past.first == self.past.end:
            return False
        until = self._monotonic() + budget_s
        worked = False
        for step in chain(self._look_into_keyframes(), self._go_on(), self._cut_blocks()):
            worked = worked or step
            if self._monotonic() >= until:
                break
        return worked

    def _look_into_keyframes(self) -> Iterator[bool]:
        """Sample the stream for what has not been gone over yet, here and there first and then in between."""
        edges = [edge for a, b in pairwise(self._edges) if self._covering(a, b) is None for edge in (a, b)]
        frames = self.past.keyframes()
        places = sorted({place for edge in edges if (place := bisect_right(frames, edge, key=_time) - 1) >= 0})
        for place in sorted(range(len(places)), key=_scattered):
            keyframe = frames[places[place]]
            if keyframe.row not in self._samples:
                self._sample(keyframe)
                yield True

    def _sample(self, keyframe: Keyframe) -> KeptHandle:
        """How the stream stood at a keyframe."""
        samples = self._samples
        if keyframe.row not in samples:
            samples[keyframe.row] = found = self._look(keyframe)
            insort(self._sampled, (keyframe.t, keyframe.row))
            if len(samples) > SAMPLES_KEPT:
                oldest, _ = samples.popitem(last=False)
                self._sampled = [each for each in self._sampled if each[1] != oldest]
            if found.state is not None:
                self.flags |= found.state.flags & ALL
                self.wants |= found.state.pevents & ALL
                self.peak = max(self.peak, found.state.write_queue_size)
        samples.move_to_end(keyframe.row)
        return samples[keyframe.row]

    def _look(self, keyframe: Keyframe) -> KeptHandle:
        """What a keyframe has of the stream; of one that is damaged, nothing."""
        try:
            return look(keyframe.packed, self.stream)
        except FeedError as error:
            self.past.damage = str(error)
            return KeptHandle(None, whole=False, in_round=False)

    def _go_on(self) -> Iterator[bool]:
        """Go over the window's part of the past, leaf by leaf."""
        t1 = self._edges[-1]
        covered = self._covered_at(self._edges[0])
        covered.grow()
        joined = True
        while joined and covered.t1 < t1:
            joined = False
            for place, leaf in self.past.leaves(*covered.end):
                if self._takes_in_next(covered, place):
                    joined = True
                    break
                self._extend(covered, place, leaf)
                yield True
                if covered.t1 >= t1:
                    return

    def _covered_at(self, t: int) -> Covered:
        """The part that is to be extended so that this time is covered."""
        for covered in self._covered:
            if covered.t0 < t <= covered.t1:
                return covered
        oldest = self._oldest()
        keyframe = self._whole_before(t)
        place = max(oldest, (keyframe.piece, 0)) if keyframe is not None else oldest
        for covered in self._covered:
            if covered.first <= place <= covered.end:
                return covered
        standing, row, start = Standing(), self.past.first, self.past.span_t()[0]
        if keyframe is not None and place == (keyframe.piece, 0):
            state = self._sample(keyframe).state
            standing = Standing(sure=True) if state is None else Standing.of(state)
            row, start = keyframe.row, keyframe.t
        covered = Covered(place, row, start, Tallier(self._tables, self.stream, standing, start))
        self._covered.insert(bisect_left(self._covered, place, key=_first), covered)
        return covered

    def _whole_before(self, t: int) -> Keyframe | None:
        """The last keyframe before this time at which all was known."""
        frames = self.past.keyframes()
        for place in range(bisect_left(frames, t, key=_time) - 1, -1, -1):
            if self._sample(frames[place]).whole:
                return frames[place]
        return None

    def _extend(self, covered: Covered, place: Place, leaf: Leaf) -> None:
        tallier = covered.tallier
        before, t0 = tallier.standing(), covered.t1
        self._go_over(tallier, leaf)
        covered.t1 = max(t0, tallier.t)
        covered.end = place[0], place[1] + 1
        covered.row = leaf.first + leaf.count
        covered.gap = (leaf, leaf.events) if isinstance(leaf, GapLeaf) else None
        tally = tallier.take()
        covered.blocks.append(Block(place, covered.end, t0, covered.t1, before, tally))
        self.flags |= tally.any
        self.wants |= tally.wanted
        self.peak = max(self.peak, tally.wq_max)
        if self.blocks > MOST_BLOCKS:
            for each in self._covered:
                each.condense()

    def _go_over(self, tallier: Tallier, leaf: Leaf) -> None:
        if isinstance(leaf, BatchLeaf):
            tallier.reach(leaf.t)
            tallier.go_over(leaf.words())
        elif isinstance(leaf, GapLeaf):
            tallier.missing(leaf.events)
        elif isinstance(leaf, SliceLeaf) and not tallier.sure:
            try:
                tallier.told(leaf.read())
            except FeedError as error:  # the next snapshot, or keyframe, may say it
                self.past.damage = str(error)

    def _takes_in_next(self, covered: Covered, place: Place) -> bool:
        """Whether the part has reached the next one, which it then takes in."""
        after = self._covered.index(covered) + 1
        if after == len(self._covered) or place < self._covered[after].first:
            return False
        covered.take_in(self._covered.pop(after))
        return True

    def _cut_blocks(self) -> Iterator[bool]:
        """Go once more over the blocks into which an edge of the window falls."""
        edges = self._edges
        for covered in self._covered:
            inner: dict[int, list[int]] = {}
            for edge in edges[bisect_right(edges, covered.t0) : bisect_right(edges, covered.t1)]:
                place = bisect_left(covered.blocks, edge, key=_last_time)
                if place < len(covered.blocks) and covered.blocks[place].t0 < edge:
                    inner.setdefault(place, []).append(edge)
            for place, cuts in inner.items():
                block = covered.blocks[place]
                cut = self._cuts.get((block.first, block.end))
                if cut is None or cut.edges != cuts:
                    self._cut(block, cuts)
                    yield True

    def _cut(self, block: Block, cuts: list[int]) -> None:
        tallier = Tallier(self._tables, self.stream, block.before, block.t0)
        tallies: list[Tally] = []
        tallier.cut_at(cuts, tallies)
        for place, leaf in self.past.leaves(*block.first):
            if place >= block.end:
                break
            self._go_over(tallier, leaf)
        tallies.append(tallier.take())
        tallies += [Tally()] * (len(cuts) + 1 - len(tallies))  # only where the clock ran backwards
        self._cuts[block.first, block.end] = CutBlock(cuts, tallies)
        if len(self._cuts) > CUT_BLOCKS_KEPT:
            self._cuts.popitem(last=False)

    # columns

    def _column(self, a: int, b: int, now: int | None) -> LaneColumn:
        column = self._columns.get((a, b))
        if column is not None:
            self._columns.move_to_end((a, b))
            return column
        covered = self._covering(a, b)
        if covered is None:
            return self._coarse(a, b)
        column = LaneColumn(t0=a, t1=b)
        place = bisect_left(covered.blocks, a, key=_last_time)
        if place == len(covered.blocks) and now is not None and now > a:
            column.add(covered.tallier.tally)
            return column
        for block in islice(covered.blocks, place, None):
            if block.t0 >= b:
                break
            self._add_block(column, block)
        if covered.t1 >= b and column.exact:
            self._columns[a, b] = column
            if len(self._columns) > COLUMNS_KEPT:
                self._columns.popitem(last=False)
        return column

    def _add_block(self, column: LaneColumn, block: Block) -> None:
        """Add what lies in the column."""
        a, b = column.t0, column.t1
        if a <= block.t0 and block.t1 < b:
            column.add(block.tally)
            return
        cut = self._cuts.get((block.first, block.end))
        piece = cut.between(block, a, b) if cut is not None else None
        if piece is not None:
            self._cuts.move_to_end((block.first, block.end))
            column.add(piece)
        else:  # for now, the whole block counts where it begins
            column.exact = False
            column.add(block.tally if a <= block.t0 else block.tally.standing_only())

    def _covering(self, a: int, b: int) -> Covered | None:
        """The part that has all of what is left of the past between these times."""
        oldest, end = self._oldest(), self.past.end
        for covered in self._covered:
            if (covered.t0 < a or covered.first <= oldest) and (covered.t1 >= b or covered.row >= end):
                return covered
        return None

    def _coarse(self, a: int, b: int) -> LaneColumn:
        """A column from the last keyframes before its ends that have been looked into."""
        column = LaneColumn(t0=a, t1=b, exact=False)
        places = [bisect_right(self._sampled, edge, key=_sample_time) - 1 for edge in (a, b)]
        found = [self._samples[self._sampled[place][1]].state for place in places if place >= 0]
        states = [state for state in found if state is not None]
        for state in states:
            standing = Standing.of(state)
            if standing.there:
                column.add(standing.tally())
        if len(states) == 2:
            before, after = states
            column.reads, column.writes = after.reads - before.reads, after.writes - before.writes
            column.bytes_in, column.bytes_out = after.bytes_in - before.bytes_in, after.bytes_out - before.bytes_out
            column.errors = after.errors - before.errors
        return column

    def _oldest(self) -> Place:
        return self.past.pieces[0], 0

    def _forget_dropped(self) -> None:
        """Blocks of which the past has dropped anything are of no use: they cannot be cut any more."""
        oldest = self._oldest()
        for covered in self._covered:
            gone = bisect_left(covered.blocks, oldest, key=_first)
            if gone:
                del covered.blocks[:gone]
                covered.first = covered.blocks[0].first if covered.blocks else covered.end
                covered.t0 = covered.blocks[0].t0 if covered.blocks else covered.t1
        self._covered = [covered for covered in self._covered if covered.end >= oldest]


def _scattered(number: int) -> int:
    """Orders 0, 1, 2, … so that the first of them lie far apart: by their bits, backwards."""
    return int(f"{number:016b}"[::-1], 2)


def _sample_time(sample: tuple[int, int]) -> int:
    return sample[0]


def _time(keyframe: Keyframe) -> int:
    return keyframe.t


def _first(part: Covered | Block) -> Place:
    return part.first


def _last_time(block: Block) -> int:
    return block.t1
