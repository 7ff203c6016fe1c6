"""The sockets at which inspectors come to an engine.

When the program has taken every descriptor there is, one who comes cannot be let in, and asking again in every poll
would burn the server's time. So the sockets rest for a second then.
"""

from __future__ import annotations

import os
import socket

from streamscope.core.flags import POLLIN
from streamscope.core.poller import EpollPoller
from streamscope.link.subscriber import peer_uid

REST_NS = 1_000_000_000


class Listeners:
    """The sockets, watched by the link's own epoll. `rest_until` is when they are watched again, on the feed's clock in
    ns; 0 while they are.
    """

    def __init__(self, poller: EpollPoller) -> None:
        self._poller = poller
        self._sockets: dict[int, socket.socket] = {}
        self.rest_until = 0

    def __contains__(self, fd: int) -> bool:
        return fd in self._sockets

    def add(self, listener: socket.socket) -> None:
        """Let inspectors come to this socket; it is ours now."""
        listener.setblocking(False)
        self._sockets[listener.fileno()] = listener
        self._poller.add(listener.fileno(), POLLIN)

    def accept(self, fd: int, now: int) -> socket.socket | None:
        """Whoever has come to the socket with this descriptor; None if there is nobody after all, or nobody who may
        look: the same user and root may.
        """
        try:
            sock, _ = self._sockets[fd].accept()
        except (BlockingIOError, ConnectionError):
            return None
        except OSError:
            self.rest_until = now + REST_NS
            self._watch(0)
            return None
        if peer_uid(sock) in (0, os.getuid()):
            return sock
        sock.close()
        return None

    def wake(self, now: int) -> None:
        """Watch the sockets again, if they have rested."""
        if self.rest_until and now >= self.rest_until:
            self.rest_until = 0
            self._watch(POLLIN)

    def close(self) -> None:
        """Nobody can come any more."""
        self.rest_until = 0
        for listener in self._sockets.values():
            listener.close()
        self._sockets.clear()

    def _watch(self, mask: int) -> None:
        for fd in self._sockets:
            self._poller.modify(fd, mask)
