"""Who goes with whom, for the screen: what a diagnosis has seen of it, of the streams that are there at the instant
that is looked at. Nothing is gone over here that is not asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from operator import attrgetter
from typing import NamedTuple

from streamscope.diagnosis.groups import Group
from streamscope.diagnosis.links import Links
from streamscope.diagnosis.shapes import Told
from streamscope.language import tr, trn
from streamscope.trace.roles import short
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.safe import visible


class Tie(NamedTuple):
    """One that a stream goes with: `who` is `client #2`, `why` how that is known; since when the stream holds that one
    back, or is held back by it, 0 for neither.
    """

    number: int
    who: str
    why: str = ""
    holds_t: int = 0
    held_t: int = 0


class Company(NamedTuple):
    """All that a stream goes with, and how many of them it `holds` back. `group` is `31 members` for a hub,
    `of #4, with 30 others` for a member; `unknown` says why an engine cannot tell who feeds whom at all.
    """

    ties: tuple[Tie, ...] = ()
    holds: int = 0
    group: str = ""
    unknown: str = ""


NOBODY = Company()


class SeenTies:
    """What was seen of who feeds whom, of these streams. `told` is what is found at the instant, which may not be known
    yet where one has just gone there; `links` are known before that.
    """

    def __init__(
        self, told: Told, links: Links | None, streams: Mapping[int, StreamState], vocabulary: Vocabulary
    ) -> None:
        self._told = told
        self._links = links
        self._streams = streams
        self._words = vocabulary

    def __bool__(self) -> bool:
        """Whether anybody was seen to feed another."""
        return self._links is not None and self._links.any

    @property
    def grouped(self) -> bool:
        """Whether there is any group."""
        return self._links is not None and self._links.groups.any

    def beside(self, number: int) -> Collection[int]:
        """The streams that this one makes pairs with; they may be gone."""
        return () if self._links is None else self._links.beside(number)

    def hub_of(self, number: int) -> int:
        """The hub of the group that this one is of, be it that itself; 0 for none."""
        group = self._group(number)
        return 0 if group is None else group.hub

    def _group(self, number: int) -> Group | None:
        return None if self._links is None else self._links.group(number)

    def states(self, number: int) -> Iterator[StreamState]:
        """Those that this one makes pairs with, as far as they are there."""
        streams = self._streams
        return (streams[other] for other in self.beside(number) if other in streams)

    def head_text(self, hub: int) -> str:
        """`#4 to 31 members`: a group, where it is drawn once."""
        return tr("#{hub} to {members}", hub=hub, members=_counted(self._members(hub)))

    def _members(self, hub: int) -> int:
        """How many members are there."""
        group, streams = self._group(hub), self._streams
        members = () if group is None else group.members
        return sum([number != hub and number in streams and not streams[number].closed_t for number in members])

    def company(self, number: int) -> Company:
        """All that a stream goes with, those first that it is held back by or holds back; of its group, only these."""
        told, links = self._told, self._links
        if told.unlinked:
            return Company(unknown=visible(tr(told.unlinked)))
        whys = {partner.number: tr(partner.why) for partner in (() if links is None else links.partners(number))}
        held = told.held.get(number)
        holds = told.holds(number)
        for other in (*([held.by] if held is not None else []), *holds[:1]):
            if other != number:
                whys.setdefault(other, "")
        ties = [self._tie(number, other, why) for other, why in whys.items() if other in self._streams]
        ties.sort(key=lambda tie: (not tie.held_t, not tie.holds_t))
        hub = self.hub_of(number)
        return Company(tuple(ties), len(holds), self._group_text(number, hub) if hub else "")

    def other_side(self, number: int) -> int | None:
        """The stream that makes a conversation with this one: the nearest to the root of those that it goes with; else
        of a group the hub, or for that the member in which most waits. None for one that goes with nobody.
        """
        ties = self.company(number).ties
        if ties:
            return ties[0].number
        group, streams = self._group(number), self._streams
        if group is None:
            return None
        if group.hub != number:
            return group.hub if group.hub in streams else None
        members = [streams[each] for each in group.members if each != number and each in streams]
        return max(members, key=attrgetter("write_queue_size")).number if members else None

    def _tie(self, number: int, other: int, why: str) -> Tie:
        holder, held = self._told.held.get(other), self._told.held.get(number)
        return Tie(
            other,
            tr(short(self._streams[other], self._words)),
            why,
            holder.since if holder is not None and holder.by == number else 0,
            held.since if held is not None and held.by == other else 0,
        )

    def _group_text(self, number: int, hub: int) -> str:
        count = self._members(hub)
        if number == hub:
            return _counted(count)
        return trn("of #{hub}, with {n} other", "of #{hub}, with {n} others", max(count - 1, 0), hub=hub)


def _counted(count: int) -> str:
    return trn("{n} member", "{n} members", count)
