"""The sockets at which inspectors come to an engine.

When the program has taken every descriptor there is, is when one wants to look: a few are kept in reserve. Once these
are taken, too, one who comes cannot be let in, and asking again in every poll would burn the server's time. So the
sockets rest for a second then; and for a moment when many come one after the other, all the more when they leave
without having said what they want.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from streamscope.core.flags import POLLIN
from streamscope.core.poller import EpollPoller
from streamscope.link.descriptors import Reserve
from streamscope.link.patience import Patience
from streamscope.link.subscriber import peer_uid

if TYPE_CHECKING:
    from pathlib import Path  # which is slow to load

REST_NS = 1_000_000_000

VISIT_NS = 20_000_000
VISITS_AT_ONCE = 16
LONGEST_VISIT_NS = 64_000_000
"""Fifty visitors a second are let in, and so many at once; fifteen, when they come for nothing. So who comes for
something waits a second at most: until all who wait before it in the kernel, as many as come at once, were let in.
"""


class Listeners:
    """The sockets, watched by the link's own epoll. `rest_until` is when they are watched again, on the feed's clock in
    ns; 0 while they are.
    """

    def __init__(self, poller: EpollPoller) -> None:
        self._poller = poller
        self._sockets: dict[int, socket.socket] = {}
        self._paths: list[Path] = []
        self._reserve: Reserve | None = None
        self._patience = Patience(VISIT_NS, VISITS_AT_ONCE, LONGEST_VISIT_NS)
        self.rest_until = 0

    def __contains__(self, fd: int) -> bool:
        return fd in self._sockets

    def add(self, listener: socket.socket, path: Path | None = None) -> None:
        """Let inspectors come to this socket; it is ours now, and so is the file at `path`."""
        listener.setblocking(False)
        self._sockets[listener.fileno()] = listener
        self._poller.add(listener.fileno(), POLLIN)
        if path is not None:
            self._paths.append(path)
        self._reserve = self._reserve or Reserve()

    def accept(self, fd: int, now: int) -> socket.socket | None:
        """Whoever has come to the socket with this descriptor; None if there is nobody after all, or nobody who may
        look: the same user and root may.
        """
        while True:
            try:
                sock, _ = self._sockets[fd].accept()
                break
            except (BlockingIOError, ConnectionError):
                return None
            except OSError:
                if self._reserve is not None and self._reserve.give_up():
                    continue
                self._rest(now + REST_NS)
                return None
        self._patience.use(now)
        if until := self._patience.gone_until(now):
            self._rest(until)
        if peer_uid(sock) in (0, os.getuid()):
            return sock
        sock.close()
        self.in_vain(now)
        return None

    def in_vain(self, now: int) -> None:
        """Somebody had come for nothing."""
        self._patience.fault(now)

    def left(self) -> None:
        """Somebody has left, and a descriptor is free."""
        if self._reserve is not None:
            self._reserve.fill()

    def wake(self, now: int) -> None:
        """Watch the sockets again, if they have rested."""
        if self.rest_until and now >= self.rest_until:
            self.rest_until = 0
            self._watch(POLLIN)

    def close(self) -> None:
        """Nobody can come any more, nor finds where one could."""
        self.rest_until = 0
        for path in self._paths:
            with suppress(OSError):
                path.unlink()
        self._paths.clear()
        for listener in self._sockets.values():
            with suppress(OSError):  # the program has closed it
                listener.close()
        self._sockets.clear()
        if self._reserve is not None:
            self._reserve.close()
            self._reserve = None

    def _rest(self, until: int) -> None:
        self.rest_until = until
        self._watch(0)

    def _watch(self, mask: int) -> None:
        for fd in self._sockets:
            self._poller.modify(fd, mask)
