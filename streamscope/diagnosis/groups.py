"""Groups: one to many. Who speaks in a chat and all who hear it are a hub and its members, and not a pair each.

A callback that writes to more than `MOST_PARTNERS` other streams makes one, and so does a stream that has come to have
more partners than that. A stream is in one group at most: where members speak in their turn, as in a chat, those who
hear them join the group that is there. The hub is who spoke first, and once that is gone, who speaks next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from streamscope.trace.state import StreamState

MOST_PARTNERS = 4
"""Who has more than so many has a group."""
MOST_MEMBERS = 20_000
"""So many members are kept of all groups together."""
_FEW = 32

Streams = Mapping[int, StreamState]
"""Those that there are; an empty one is that nobody knows which there are."""


class Group:
    """One of them. Readers may look: `hub` is the number of who speaks, `members` are those of the others, in the order
    in which they joined; `speakers` are the hub and the members that have fed the others, too. Members may be gone.
    """

    __slots__ = ("_many", "hub", "members", "speakers")

    def __init__(self, hub: int) -> None:
        self.hub = hub
        self.members: dict[int, None] = {}
        self.speakers: dict[int, None] = {}
        self._many = _FEW  # when to look for members that are gone

    def gone(self, streams: Streams) -> list[int]:
        """The members that are there no more, and are looked for when there have come to be many; they are let go."""
        if len(self.members) <= self._many:
            return []
        gone = [number for number in self.members if not is_there(number, streams)]
        for number in gone:
            del self.members[number]
            self.speakers.pop(number, None)
        self._many = max(_FEW, 2 * len(self.members))
        return gone


class Groups:
    """All of them."""

    def __init__(self) -> None:
        self._of: dict[int, Group] = {}

    def of(self, number: int) -> Group | None:
        """The group that the stream is in, as its hub or as a member."""
        return self._of.get(number)

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return bool(self._of)

    def heard_from(self, number: int) -> Collection[int]:
        """The members of its group, if it speaks in one."""
        group = self._of.get(number)
        return group.members if group is not None and number in group.speakers else ()

    def gather(self, hub: int, others: Iterable[int], streams: Streams, *, speaks: bool = True) -> None:
        """One stream and others make a group, or join the one that is there. `speaks` is whether it feeds them, and not
        they it.
        """
        others = [number for number in others if number != hub]
        group = self._of.get(hub) or self._most_are_in(others)
        if group is None:
            if len(self._of) >= MOST_MEMBERS:
                self.forget_gone(streams)
            if len(self._of) >= MOST_MEMBERS:
                return
            group = self._of[hub] = Group(hub)
        elif hub not in self._of:
            self._join(group, hub)
        if group.hub != hub and not is_there(group.hub, streams):
            self._of.pop(group.hub, None)
            group.speakers.pop(group.hub, None)
            group.hub = hub
            group.members.pop(hub, None)
        if speaks:
            group.speakers[hub] = None
        for number in others:
            if number not in self._of:
                self._join(group, number)
        for number in group.gone(streams):
            del self._of[number]

    def _most_are_in(self, numbers: Sequence[int]) -> Group | None:
        """The group that more than half of these are in."""
        found = Counter(self._of[number].hub for number in numbers if number in self._of).most_common(1)
        return self._of.get(found[0][0]) if found and 2 * found[0][1] > len(numbers) else None

    def _join(self, group: Group, number: int) -> None:
        if len(self._of) < MOST_MEMBERS:
            self._of[number] = group
            group.members[number] = None

    def forget_gone(self, streams: Streams) -> None:
        """Lets go of members that are there no more, and of hubs that have none left."""
        for number in [number for number in self._of if not is_there(number, streams)]:
            group = self._of[number]
            group.members.pop(number, None)
            group.speakers.pop(number, None)
            if group.hub != number or not group.members:
                del self._of[number]


def is_there(number: int, streams: Streams) -> bool:
    """Whether it has not closed, as far as that is known."""
    state = streams.get(number)
    return not streams if state is None else not state.closed_t
