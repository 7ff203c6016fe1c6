"""The outline of a past: what matters in it, in lines, as far as somebody looks.

Nothing is kept of the past as a whole. Whoever asks names a place and how many lines he wants before or behind it, and
the cycles there are found and told (`cycles`, `passages`). Where next to nothing matters, a look ends after so many
events and says how far it has come; what it has passed over is remembered, so that the next goes on from there.

An *episode* is what stands together: the passages of a cycle, a gap, or what was noted between two rows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from streamscope.core.records import Word
from streamscope.language import spoken
from streamscope.trace.contents import Gap, Note
from streamscope.trace.cycles import Cycle, Cycles
from streamscope.trace.decode import Event, is_aside
from streamscope.trace.matters import Matters
from streamscope.trace.notes import with_notes
from streamscope.trace.passages import MarkOf, Passage, passages
from streamscope.trace.past import Past
from streamscope.trace.pieces import BatchLeaf, GapLeaf, Leaf, NoteLeaf
from streamscope.trace.walk import Walk

if TYPE_CHECKING:
    from streamscope.trace.filter.rows import FoundRows

AT_ONCE = 40_000
"""A look goes over so many events at most that nobody has gone over before: some ten milliseconds."""
EPISODES_KEPT = 4_096
LEAVES_KEPT = 4_096
STRETCHES_KEPT = 10_000
WRITES_WITHIN = 20_000
"""The end of a write is looked for within so many events behind it."""

Key = tuple[int, int]
"""Where an episode stands: its row, and 0 for notes, which stand before it, or 1."""


class Episode(msgspec.Struct, frozen=True):
    """What stands together: passages, a gap, or notes. Its rows are those from `key[0]` up to `end`."""

    key: Key
    end: int
    passages: tuple[Passage, ...] = ()
    gap: Gap | None = None
    notes: tuple[Note, ...] = ()

    @property
    def row(self) -> int:
        """Its first row."""
        return self.key[0]

    @property
    def lines(self) -> int:
        """How many lines it has, folded."""
        return len(self.passages) or len(self.notes) or 1


class Extract(msgspec.Struct):
    """What a look has found: episodes in order, and the row up to which it has come. `whole` is whether it has found as
    many lines as were asked for, or has come to the end of what there is.
    """

    episodes: list[Episode]
    row: int
    whole: bool


class _Told(NamedTuple):
    """A batch, and its cycles that may tell."""

    leaf: BatchLeaf
    cycles: Sequence[Cycle]


class Outline:
    """The lines of a past, of one stream or of some if they are given; with `found`, those with a row that was found.

    `mark_of` says above how many bytes a stream's queue should not be. `noted` are notes that were made of the past
    afterwards, in order, each before the row that it has; there may be more of them at every look.
    """

    def __init__(
        self,
        past: Past,
        mark_of: MarkOf,
        stream: int | Collection[int] | None = None,
        found: FoundRows | None = None,
        noted: Callable[[], Sequence[NoteLeaf]] = tuple,
    ) -> None:
        self.past = past
        self._noted = noted
        self.streams = (stream,) if isinstance(stream, int) else tuple(stream or ())
        """Those whose lines they are, none for all."""
        self.found = found
        self.matters = Matters(past.decoder.vocabulary)
        self._mark_of = mark_of
        self._cycles = Cycles(past.decoder, self.matters)
        self._told: OrderedDict[int, _Told] = OrderedDict()  # by the first row of the batch
        self._episodes: OrderedDict[tuple[int, str], Episode | None] = OrderedDict()  # by its cycle, and the language
        self._words: tuple[int, Sequence[Word]] = -1, ()  # of the batch that was read last
        self._empty: dict[int, int] = {}  # stretches in which nothing is told: where they begin, by where they end
        self._empty_on: dict[int, int] = {}  # the other way round
        self._spent = self._notes_seen = 0
        self._unsure = False  # whether what is told now may be told otherwise once more is known

    # looking

    def before(self, key: Key, lines: int) -> Extract:
        """The last episodes before this place that have so many lines, or more by those that stand together."""
        look = self._look(self._back(key), lines, key[0])
        look.episodes.reverse()
        return look

    def after(self, key: Key, lines: int) -> Extract:
        """The first episodes at or behind this place that have so many lines, or more by those that stand together."""
        return self._look(self._on(key), lines, key[0])

    def _look(self, steps: Iterator[tuple[int, Episode | None]], lines: int, row: int) -> Extract:
        """Take steps until there are enough lines, or enough was gone over."""
        self._spent = 0
        if (noted := len(self._noted())) != self._notes_seen:  # there may be some where nothing was told
            self._notes_seen = noted
            self._empty.clear()
            self._empty_on.clear()
        episodes: list[Episode] = []
        for row, episode in steps:
            if episode is not None:
                episodes.append(episode)
                lines -= episode.lines
            if lines <= 0:
                break
            if self._spent >= AT_ONCE:
                return Extract(episodes, row, whole=False)
        return Extract(episodes, row, whole=True)

    def at(self, row: int) -> Episode | None:
        """The episode that tells of this row, None if nothing does."""
        for leaf in self._told_leaves(row, 1):
            if leaf.first + leaf.count > row >= leaf.first:
                if isinstance(leaf, GapLeaf):
                    return _gap(leaf)
                told = self._told_in(leaf) if isinstance(leaf, BatchLeaf) else None
                place = -1 if told is None else bisect_right(told.cycles, row, key=_ROW) - 1
                if told is None or place < 0 or row >= told.cycles[place].end:
                    return None
                return self._episode(told, place)
            if leaf.first > row:
                break
        return None

    # the steps of a look

    def _back(self, key: Key) -> Iterator[tuple[int, Episode | None]]:
        """Backwards: how far this has come, and the episode there if there is one."""
        if self.found is not None:
            yield from self._back_found(self.found, key)
            return
        row, going = key[0], True
        end: int | None = None  # of the stretch in which nothing is told
        while going:
            going = False
            for unit in self._units(row, -1):
                if isinstance(unit, Episode):
                    if unit.key < key:
                        yield unit.row, unit
                        end = None
                    continue
                told = False
                for episode in self._episodes_of(unit, key, back=True):
                    told = True
                    yield episode.row, episode
                row = max(unit.first, self.past.first)
                if told or end is None:
                    end = row
                jump = self._empty.get(row, row)
                if jump < end:
                    _keep(self._empty, end, jump)
                yield jump, None
                if jump <= self.past.first:
                    return
                if jump < row:
                    row, going = jump, True
                    break

    def _on(self, key: Key) -> Iterator[tuple[int, Episode | None]]:
        """On: as `_back`."""
        if self.found is not None:
            yield from self._on_found(self.found, key)
            return
        row, going = key[0], True
        begin: int | None = None  # of the stretch in which nothing is told
        while going:
            going = False
            for unit in self._units(row, 1):
                if isinstance(unit, Episode):
                    if unit.key >= key:
                        yield unit.row, unit
                        begin = None
                    continue
                told = False
                for episode in self._episodes_of(unit, key, back=False):
                    told = True
                    yield episode.end, episode
                row = unit.first + unit.count
                if told or begin is None:
                    begin = row
                jump = self._empty_on.get(row, row)
                if begin < jump < self.past.end:  # the last batch may be followed by what nobody has looked at
                    _keep(self._empty_on, begin, jump)
                yield jump, None
                if jump > row:
                    row, going = jump, True
                    break

    def _back_found(self, found: FoundRows, key: Key) -> Iterator[tuple[int, Episode | None]]:
        """The episodes of what was found before this place."""
        first, number = found.extent()[0], found.number_at(key[0]) - 1
        while number >= first and (row := found.row(number)) is not None:
            episode = self.at(row)
            self._spent += 2
            if episode is not None and episode.key < key:
                yield episode.row, episode
            number = number - 1 if episode is None else min(found.number_at(episode.row), number) - 1
            yield row, None

    def _on_found(self, found: FoundRows, key: Key) -> Iterator[tuple[int, Episode | None]]:
        """The episodes of what was found from this place on."""
        number, end = found.number_at(key[0]), found.extent()[1]
        while number < end and (row := found.row(number)) is not None:
            episode = self.at(row)
            self._spent += 2
            if episode is not None and episode.key >= key:
                yield episode.end, episode
            number = number + 1 if episode is None else max(found.number_at(episode.end), number + 1)
            yield row, None

    def _units(self, row: int, step: int) -> Iterator[Episode | Leaf]:
        """The leaves that have rows, from the one with this row on or backwards. Notes that stand together are an
        episode between them.
        """
        notes: list[Note] = []
        place = row
        for leaf in self._leaves(row if step < 0 else row - 1, step):
            self._spent += 1
            if isinstance(leaf, NoteLeaf):
                if not self.streams or leaf.note.stream in self.streams:
                    place = leaf.first
                    notes.insert(len(notes) if step > 0 else 0, leaf.note)
            elif leaf.count:
                if notes:
                    yield Episode((place, 0), place, notes=tuple(notes))
                    notes = []
                yield leaf
        if notes:
            yield Episode((place, 0), place, notes=tuple(notes))

    def _leaves(self, row: int, step: int) -> Iterator[Leaf]:
        """The leaves from the one with this row on, or backwards, and what was noted afterwards between them."""
        return with_notes(self._told_leaves(row, step), self._noted(), row, step)

    def _told_leaves(self, row: int, step: int) -> Iterator[Leaf]:
        for piece in self.past.pieces_from(row, step):
            if isinstance(piece, Leaf):
                yield piece
            elif not self.streams or any(map(piece.has, self.streams)):
                leaves = piece.leaves()
                for leaf in leaves if step > 0 else reversed(leaves):
                    if leaf.first + leaf.count >= row if step > 0 else leaf.first <= row:
                        yield leaf

    def _episodes_of(self, leaf: Leaf, key: Key, *, back: bool) -> Iterator[Episode]:
        """The episodes of a leaf, backwards those before the place, or on those from there."""
        if isinstance(leaf, GapLeaf):
            episode = _gap(leaf)
            if (episode.key < key) is back:
                yield episode
            return
        if not isinstance(leaf, BatchLeaf):
            return
        told = self._told_in(leaf)
        at = bisect_left(told.cycles, key[0], key=_ROW)
        for place in reversed(range(at)) if back else range(at, len(told.cycles)):
            episode_there = self._episode(told, place)
            if episode_there is not None:
                yield episode_there

    # what is told

    def _told_in(self, leaf: BatchLeaf) -> _Told:
        """The cycles of a batch that may tell."""
        told = self._told.get(leaf.first)
        if told is None:
            cycles: Sequence[Cycle] = ()
            if not self.streams or any(map(leaf.has, self.streams)):
                self._spent += leaf.count
                cycles = self._cycles_in(leaf)
            else:
                self._spent += leaf.count // 50
            told = self._told[leaf.first] = _Told(leaf, cycles)
            if len(self._told) > LEAVES_KEPT:
                self._told.popitem(last=False)
        return told

    def _cycles_in(self, leaf: BatchLeaf) -> Sequence[Cycle]:
        """The cycles of a batch of which a line may come, of these streams, in order."""
        of = [
            self._cycles.of(self._read(leaf), leaf.first, leaf.turn, leaf.t, stream=stream)
            for stream in self.streams or (None,)
        ]
        return of[0] if len(of) == 1 else sorted({cycle.row: cycle for cycles in of for cycle in cycles}.values())

    def _read(self, leaf: BatchLeaf) -> Sequence[Word]:
        if self._words[0] != leaf.first:
            self._words = leaf.first, leaf.words()
        return self._words[1]

    def _episode(self, told: _Told, place: int) -> Episode | None:
        """What a cycle tells, None where nothing in it matters after all."""
        cycle = told.cycles[place]
        key = cycle.row, spoken()
        if key not in self._episodes:
            self._spent += cycle.end - cycle.row
            self._unsure = False
            found = self._tell(told.leaf, cycle)
            episode = Episode((cycle.row, 1), cycle.end, found) if found else None
            if self._unsure:
                return episode
            self._episodes[key] = episode
            if len(self._episodes) > EPISODES_KEPT:
                self._episodes.popitem(last=False)
        return self._episodes[key]

    def _mark(self, stream: int) -> int | None:
        """The mark of a stream; where nobody knows it, somebody may later."""
        mark = self._mark_of(stream)
        self._unsure = self._unsure or mark is None
        return mark

    def _tell(self, leaf: BatchLeaf, cycle: Cycle) -> tuple[Passage, ...]:
        decoder = self.past.decoder
        words = self._read(leaf)[cycle.start : cycle.stop]
        events = list(decoder.expand(leaf.place + cycle.start, cycle.turn, cycle.t, words))
        found = passages(events, cycle.row, decoder.vocabulary, self.matters, self._mark)
        return tuple(each for each in found if not self.streams or any(map(each.is_of, self.streams)))

    # every event

    def events(self, episode: Episode) -> list[tuple[int, Event]]:
        """Every event of an episode, each with its row; and those of the cycles in which its writes end, if nothing is
        told of these.
        """
        own = self._events_between(episode.row, episode.end)
        begun = {
            event.fields.get("req")
            for _, event in own
            if self.matters.of(event.kind).begins and event.fields.get("bytes")
        }
        return [*own, *self._ends_of(begun, episode.end)] if begun else own

    def _events_between(self, row: int, end: int) -> list[tuple[int, Event]]:
        rows = enumerate(self.past.rows(row, end - row), max(row, self.past.first))
        return [(at, event) for at, event in rows if isinstance(event, Event) and not is_aside(event.kind)]

    def _ends_of(self, begun: set[Word | None], row: int) -> list[tuple[int, Event]]:
        """The events of the cycles behind a row in which these requests end, where nothing is told of those."""
        ends = Walk(self.past.decoder, lambda kind: self.matters.of(kind).ends)
        found: list[tuple[int, Event]] = []
        end = row
        for leaf in self._told_leaves(row - 1, 1):
            if leaf.first > row + WRITES_WITHIN or not begun:
                break
            if not isinstance(leaf, BatchLeaf) or leaf.first + leaf.count <= row:
                continue
            cycles = self._cycles.of(leaf.words(), leaf.first, leaf.turn, leaf.t, every=True)
            for at, event in ends.events(leaf):
                if at < row or event.fields.get("req") not in begun:
                    continue
                begun.discard(event.fields.get("req"))
                cycle = cycles[bisect_right(cycles, at, key=_ROW) - 1]
                if cycle.row >= end and not self.at(cycle.row):
                    found += self._events_between(cycle.row, cycle.end)
                    end = cycle.end
        return found


_ROW = attrgetter("row")


def _keep(stretches: dict[int, int], one: int, other: int) -> None:
    """Note a stretch in which nothing is told; of too many all are forgotten, and found again where somebody looks."""
    if len(stretches) >= STRETCHES_KEPT:
        stretches.clear()
    stretches[one] = other


def _gap(leaf: GapLeaf) -> Episode:
    return Episode((leaf.first, 1), leaf.first + 1, gap=Gap(leaf.events))
