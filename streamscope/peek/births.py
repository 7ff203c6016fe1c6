"""Who is who from one glimpse to the next, though programs use memory again.

An address is no name: a connection closes, and the next one may lie where it was. But a loop's list of handles is in
the order of their birth, and newcomers stand at its end. So whoever stands behind one that was not there before was
born after it, and whoever stands behind one that was younger than he is was born anew. Where the order does not decide,
at the youngest of those that seem to have stayed, the descriptor does: no two sockets have one inode while either
lives.

Requests have no list of births. One is another than that at its address before if it is not of the same shape, or has
more left than it had, or has overtaken another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import count
from typing import NamedTuple

from streamscope.peek.walking import Glimpse, Seen, Write

CLOSING = 0x1


class Born(NamedTuple):
    """A stream that is known: its number, when it was first seen, its type, and what its descriptor was open on, 0 for
    none yet; and whether it was closing.
    """

    number: int
    t: int
    type: int
    inode: int = 0
    closes: bool = False


class Judgement(NamedTuple):
    """Who of those that were known is there no more, be it that another has his place; and the inodes that were asked
    for, by address.
    """

    gone: Collection[int]
    inodes: dict[int, int]


class Births:
    """The streams of one loop, by address. `inode` tells what a descriptor is open on now."""

    def __init__(self, inode: Callable[[int], int]) -> None:
        self._inode = inode
        self._order: Sequence[int] = []
        self._places: dict[int, int] = {}
        self._numbers = count(1)
        self._nameless: set[int] = set()  # streams that had no descriptor yet
        self.known: dict[int, Born] = {}

    def judge(self, glimpse: Glimpse, changed: Collection[int]) -> Judgement:
        """Compare a glimpse with the one before; `changed` are the streams that are not as they were then. To be asked
        while nothing of it can have changed: descriptors are looked up.
        """
        gone = self._by_order(glimpse.order) if glimpse.order is not self._order else set()
        for address in changed:
            if address in self.known and _is_another(self.known[address], glimpse.streams[address]):
                gone.add(address)
        inodes: dict[int, int] = {}
        for address in reversed(glimpse.order):
            was = self.known.get(address)
            if was is None or address in gone or not was.inode or address not in glimpse.streams:
                continue
            inodes[address] = self._inode_of(glimpse.streams[address])
            if inodes[address] in (0, was.inode):
                break
            gone.add(address)
        fresh = [a for a in glimpse.streams if a not in self.known or a in gone] if self._is_new(glimpse, gone) else []
        for address in (*fresh, *self._nameless):
            if address in glimpse.streams and address not in inodes:
                inodes[address] = self._inode_of(glimpse.streams[address])
        return Judgement(gone, inodes)

    def _by_order(self, order: Sequence[int]) -> set[int]:
        there = set(order)
        gone = {address for address in self.known if address not in there}
        youngest, is_new = -1, False
        for address in order:
            place = self._places.get(address)
            if place is None or place < youngest:
                is_new = True
            if is_new:
                gone.add(address)
            elif place is not None:
                youngest = place
        return gone & self.known.keys()

    def _inode_of(self, seen: Seen) -> int:
        return self._inode(seen.fields.fd) if seen.fields.fd >= 0 else 0

    def _is_new(self, glimpse: Glimpse, gone: Collection[int]) -> bool:
        """Whether there may be anybody who is not known."""
        return bool(gone) or glimpse.order is not self._order or len(glimpse.streams) != len(self.known)

    def settle(
        self, glimpse: Glimpse, change: Judgement, changed: Collection[int], t: int
    ) -> tuple[list[Born], list[int]]:
        """Take a glimpse for the present; returns those that are gone, and the addresses of those that are new."""
        is_new = self._is_new(glimpse, change.gone)
        gone = [self.known.pop(address) for address in change.gone]
        born: list[int] = []
        if glimpse.order is not self._order:
            self._order = glimpse.order
            self._places = {address: place for place, address in enumerate(glimpse.order)}
        for address in self._order if is_new else ():
            if address in glimpse.streams and address not in self.known:
                self.known[address] = Born(next(self._numbers), t, glimpse.streams[address].type)
                born.append(address)
        for address, inode in change.inodes.items():
            if address in self.known and inode:
                self.known[address] = self.known[address]._replace(inode=inode)
        for address in (*changed, *born):
            if address in self.known:
                closes = bool(glimpse.streams[address].fields.flags & CLOSING)
                self.known[address] = self.known[address]._replace(closes=closes)
        self._nameless.update(born)
        self._nameless = {a for a in self._nameless if a in self.known and not self.known[a].inode}
        return gone, born


def _is_another(was: Born, now: Seen) -> bool:
    """Whether what was there cannot have become this."""
    return was.type != now.type or (was.closes and not now.fields.flags & CLOSING)


class BornRequest(NamedTuple):
    """A request that is known: its number, when it was first seen, and how much it had left then."""

    number: int
    t: int
    bytes: int
    write: Write


class RequestBirths:
    """The write requests of one stream, the oldest first; `numbers` gives each its number."""

    def __init__(self, numbers: Callable[[], int]) -> None:
        self._numbers = numbers
        self._known: list[BornRequest] = []

    def see(self, writes: Sequence[Write], t: int) -> list[BornRequest]:
        """Take in what there is now, in its order."""
        before = {known.write.address: (place, known) for place, known in enumerate(self._known)}
        youngest, found = -1, []
        for write in writes:
            place, was = before.get(write.address, (-1, None))
            if was is not None and place > youngest and _is_same(was.write, write):
                youngest = place
                found.append(was._replace(write=write))
            else:
                youngest = len(self._known)  # what follows was born after it
                found.append(BornRequest(self._numbers(), t, write.left, write))
        self._known = found
        return found


def _is_same(old: Write, new: Write) -> bool:
    return old.nbufs == new.nbufs and new.left <= old.left and new.write_index >= old.write_index
