"""What of an outline is in sight, line by line: passages, and below an unfolded one every event of its cycle.

An *line* is one line of the list. Where it stands is its `Place`: the episode's key, and the number of the line in the
episode. Places never shift, since rows do not; so a list that holds one keeps its lines where they are, whatever comes
behind them or is dropped before them. Nothing here draws.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from streamscope.trace.contents import Gap, Note
from streamscope.trace.decode import Event
from streamscope.trace.outline import Episode, Key, Outline
from streamscope.trace.passages import Passage

Place = tuple[Key, int]
UNFOLDED_KEPT = 64
"""So many cycles stay unfolded; then the one that was unfolded first is folded again."""


class Passed(msgspec.Struct, frozen=True):
    """Here a look has ended: up to this row nothing matters, and before it nobody has looked yet."""

    row: int


class SightLine(msgspec.Struct, frozen=True):
    """One line: its place, what stands there, and the row with which it begins; of an event also how it hangs in the
    tree of calls.
    """

    place: Place
    row: int
    item: Passage | Event | Gap | Note | Passed
    episode: Episode | None = None
    branch: str = ""

    @property
    def event(self) -> Event | None:
        """The event that it tells of, or begins with."""
        if isinstance(self.item, Passage):
            return self.item.event
        return self.item if isinstance(self.item, Event) else None


class Sight:
    """Lines of an outline around any place, with some of its cycles unfolded."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self._unfolded: OrderedDict[int, Sequence[SightLine]] = OrderedDict()

    # folding

    def is_unfolded(self, episode: Episode) -> bool:
        """Whether the events of a cycle stand below it."""
        return episode.row in self._unfolded

    def unfold(self, episode: Episode) -> None:
        """Put the events of a cycle below it."""
        if episode.passages and episode.row not in self._unfolded:
            events = self.outline.events(episode)
            branches = tree([event for _, event in events])
            self._unfolded[episode.row] = [
                SightLine((episode.key, len(episode.passages) + number), row, event, episode, branch)
                for number, ((row, event), branch) in enumerate(zip(events, branches))
            ]
            if len(self._unfolded) > UNFOLDED_KEPT:
                self._unfolded.popitem(last=False)

    def fold(self, episode: Episode) -> None:
        """Take them away again."""
        self._unfolded.pop(episode.row, None)

    def entries(self, episode: Episode) -> list[SightLine]:
        """The lines of an episode."""
        key = episode.key
        if episode.gap is not None:
            return [SightLine((key, 0), episode.row, episode.gap, episode)]
        if episode.notes:
            return [SightLine((key, number), episode.row, note, episode) for number, note in enumerate(episode.notes)]
        lines = [SightLine((key, number), each.row, each, episode) for number, each in enumerate(episode.passages)]
        return [*lines, *self._unfolded.get(episode.row, ())]

    # looking

    def before(self, place: Place, count: int) -> list[SightLine]:
        """The last entries before this place, at most so many; above them a `Passed` where the look has ended first."""
        key, number = place
        here = self.outline.after(key, 1).episodes if number else []
        found = [entry for episode in here[:1] for entry in self.entries(episode) if entry.place < place]
        if len(found) < count:
            look = self.outline.before(key, count - len(found))
            found = [*(entry for episode in look.episodes for entry in self.entries(episode)), *found]
            if not look.whole and len(found) < count:
                found.insert(0, SightLine(((look.row, 0), -1), look.row, Passed(look.row)))
        return found[-count:] if count > 0 else []

    def after(self, place: Place, count: int, end: int) -> list[SightLine]:
        """The first entries at or behind this place that begin before row `end`, at most so many; below them a `Passed`
        where the look has ended first.
        """
        key, number = place
        look = self.outline.after(key, count + max(number, 0))
        found = [
            entry
            for episode in look.episodes
            if episode.row < end + bool(episode.notes)
            for entry in self.entries(episode)
        ]
        found = [entry for entry in found if entry.place >= place]
        if not look.whole and len(found) < count and look.row < end:
            found.append(SightLine(((look.row, 1), -1), look.row, Passed(look.row)))
        return found[:count]

    def of_row(self, row: int) -> SightLine | None:
        """The entry that tells of this row of the past, None where nothing does: the event itself if its cycle is
        unfolded, else the passage that had begun.
        """
        episode = self.outline.at(row)
        if episode is None:
            return None
        entries = self.entries(episode)
        exact = next((entry for entry in entries if isinstance(entry.item, Event) and entry.row == row), None)
        begun = [entry for entry in entries if not isinstance(entry.item, Event) and entry.row <= row]
        return exact or (begun or entries)[-1 if begun else 0]


def tree(events: Sequence[Event]) -> list[str]:
    """How each event hangs in the tree of calls: below the callback within which it happened."""
    depths, depth = [], 0
    for event in events:
        ends = event.kind.endswith(".end") and "callback" in event.fields
        begins = event.kind.endswith(".begin") and "callback" in event.fields
        depth = max(depth - ends, 0)
        depths.append(depth)
        depth += begins
    branches, open_at = [], set[int]()
    for at in reversed(depths):
        open_at = {level for level in open_at if level <= at}
        bars = "".join("│ " if level in open_at else "  " for level in range(at))
        branches.append(bars + ("├ " if at in open_at else "└ "))
        open_at.add(at)
    return branches[::-1]
