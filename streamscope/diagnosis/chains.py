"""Chains: from a stream that does not get on to the one that is the root of it, over any number of pairs.

A stream that is not read is held back by one that it feeds and that takes no more. Where the other end of that one is
in the same process, and is not read either, the chain goes on there: it may be held back in its turn. What stands last
is the root. It may be that the streams wait for each other, in a ring: then nobody outside is to blame.

    client #2 ⇠ upstream #3 = client #4 ⇠ upstream #5 ⇠ [127.0.0.1:9901]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from streamscope.diagnosis.groups import Streams
from streamscope.language import saying
from streamscope.trace.plain_text import host_and_port, visible
from streamscope.trace.state import StreamState

_MAPPED = "[::ffff:"


class Chain(NamedTuple):
    """The streams by number, the one that was asked for first and the root last; of each step between two, whether the
    second is the other end of the first, and not what holds it back; and whether the last waits for one of the others.
    """

    streams: tuple[int, ...]
    other_ends: tuple[bool, ...] = ()
    is_ring: bool = False

    @property
    def root(self) -> int:
        """The last of them."""
        return self.streams[-1]

    def text(self, name_of: Callable[[int], str], peer: str = "") -> str:
        """`client #2 ⇠ upstream #3 = client #4 ⇠ upstream #5 ⇠ [127.0.0.1:9901]`; `peer` is the address to which the
        root writes, "" where it is not to blame.
        """
        text = name_of(self.streams[0])
        for number, is_end in zip(self.streams[1:], self.other_ends):
            text = _step(text, "=" if is_end else "⇠", name_of(number))
        if self.is_ring:
            return _step(text, "⇠", "…")
        return _step(text, "⇠", f"[{visible(peer, 80)}]") if peer else text


def _step(text: str, sign: str, name: str) -> str:
    return saying("{text} {sign} {name}", text=text, sign=sign, name=name)


class Chains:
    """Those of one look. `held` has by stream the one that holds it back, `here` by stream that takes no more the one
    in the same process that is its other end and is not read.
    """

    __slots__ = ("_holds", "_roots", "held", "here")

    def __init__(self, held: Mapping[int, int] | None = None, here: Mapping[int, int] | None = None) -> None:
        self.held: Mapping[int, int] = held or {}
        self.here: Mapping[int, int] = here or {}
        self._roots: dict[int, int] = {}
        self._holds: dict[int, list[int]] | None = None

    def of(self, number: int, *, out: bool = False) -> Chain:
        """The chain from a stream on: where it is held back, over what holds it back, else over its other end. `out` is
        whether its way out alone is asked about.
        """
        streams, ends = [number], list[bool]()
        seen = {(number, out)}
        while True:
            by = number if out else self.held.get(number, number)
            is_end = by == number
            step = self.here.get(number) if is_end else by
            if step is None:
                return Chain(tuple(streams), tuple(ends))
            number, out = step, not is_end  # what holds another back takes no more: its way out is what tells
            if (number, out) in seen:
                return Chain(tuple(streams), tuple(ends), is_ring=True)
            seen.add((number, out))
            streams.append(number)
            ends.append(is_end)

    def root(self, number: int) -> int:
        """The last of the chain from a stream on; kept, since whoever sorts asks it of every stream."""
        by = self.held.get(number, number)
        if by not in self.here:  # it ends there, as nearly all do
            return by
        root = self._roots.get(number)
        if root is None:
            chain = self.of(number)
            root = chain.root
            held = self.held.items()
            for each, by in zip(chain.streams, chain.streams[1:]):  # the same for all that stand on the way
                if (each, by) in held or each not in self.held:
                    self._roots[each] = root
            self._roots[number] = root
        return root

    def holds(self, number: int) -> Sequence[int]:
        """The streams that a stream holds back, without itself."""
        if self._holds is None:
            self._holds = {}
            for held, by in self.held.items():
                if held != by:
                    self._holds.setdefault(by, []).append(held)
        return self._holds.get(number, ())


def other_ends(full: Iterable[StreamState], unread: Iterable[int], streams: Streams) -> dict[int, int]:
    """Of streams that take no more, those whose other end is among the ones of this process that are not read, and
    which that is: addresses turned round are one connection.
    """
    wanted: dict[str, dict[str, int]] = {}  # by the address here and there of what is looked for, who looks for it
    for state in full:
        if host_and_port(state.peer) is not None and state.local:
            there = wanted.setdefault(_plain(state.peer), {})
            there[_plain(state.local)] = state.number
            wanted.setdefault(_mapped(state.peer), there)
    found: dict[int, int] = {}
    for number in unread if wanted else ():
        state = streams[number]
        here = wanted.get(state.local)
        if here is not None and (full_one := here.get(_plain(state.peer))) is not None and full_one != number:
            found[full_one] = number
    return found


def _plain(address: str) -> str:
    """An address of IPv4 that came to a socket of IPv6, as what it is."""
    return address[len(_MAPPED) :].replace("]:", ":") if address.startswith(_MAPPED) else address


def _mapped(address: str) -> str:
    """An address of IPv4 as a socket of IPv6 has it."""
    host, _, port = _plain(address).rpartition(":")
    return f"{_MAPPED}{host}]:{port}"
