"""Connections of this host in which something waits and nothing has moved for a second: the kernel tells whoever asks.

A loop that does little is looked at seldom, since a look costs it more than it does. What it has to be looked at for
shows from outside: bytes that nobody acknowledges, or reads. All TCP sockets of our own network are asked about at once
(`sock_diag`), and whose they are is known by their ports: that of the wrong one costs a look, and no more.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from streamscope.fleet.relayed import Relayed
from streamscope.link import sock_diag
from streamscope.trace.plain_text import host_and_port

SINCE_MS = 1000

Ports = tuple[int, int]


def _held_up() -> Iterator[Ports]:
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, struct.error):  # it answers nobody: loops that do little are looked at late then
            yield from sock_diag.held_up(family, SINCE_MS)


class HeldUp:
    """Has engines looked at in which something is held up. `ask` says where, as pairs of our port and the peer's; from
    any thread, and it takes a millisecond for a thousand sockets.
    """

    def __init__(self, ask: Callable[[], Iterable[Ports]] = _held_up) -> None:
        self.ask = ask
        self._known: dict[Relayed, tuple[int, set[Ports]]] = {}

    def look(self, engines: Iterable[Relayed], found: Iterable[Ports] | None = None) -> None:
        """Find out, where somebody has not `found` out already, and say so to those engines of which it is true."""
        before, self._known = self._known, {}
        owners: dict[Ports, list[Relayed]] = {}
        for engine in engines:
            t = engine.session.model.t
            known = before.get(engine)
            if known is None or known[0] != t:
                known = t, set(_ports_of(engine))
            self._known[engine] = known
            for ports in known[1]:
                owners.setdefault(ports, []).append(engine)
        if not owners:
            return
        for ours, theirs in self.ask() if found is None else found:
            for engine in owners.get((ours, theirs)) or owners.get((ours, 0)) or ():
                engine.is_held_up()


def _ports_of(engine: Relayed) -> Iterator[Ports]:
    """Of its connections; of a listening socket with 0 for the peer's, since who has come to it lately is not known."""
    for state in engine.session.model.streams.values():
        local, peer = host_and_port(state.local), host_and_port(state.peer)
        if local is not None and not state.closed_t:
            yield local[1], peer[1] if peer is not None else 0
