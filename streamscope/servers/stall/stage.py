"""A scenario's stage: who plays its peers, and the timer that gives the sign for the trouble to begin."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from streamscope.core import Tcp, Timer, format_address
from streamscope.language import tr
from streamscope.servers.address import AddressError
from streamscope.servers.traffic import end

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from streamscope.core import Loop

BEFORE_MS = 1000
"""How long all goes well."""


class Stage(Timer):
    """The timer gives the sign once; its name says what begins then. Its processes end when it is closed."""

    __slots__ = ("_players", "_trouble")

    def __init__(self, loop: Loop, trouble: str) -> None:
        super().__init__(loop)
        self.name = "all goes well"
        self._trouble = trouble
        self._players: list[subprocess.Popen[bytes]] = []

    def behind(self, part: str) -> str:
        """Have a server come, for a proxy to stand before; returns its address, as HOST:PORT."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address: tuple[str, int] = listener.getsockname()
            self._play(part, address, pass_fds=[listener.fileno()])
        return format_address(address)

    def begin(self, part: str) -> None:
        """Have the peers come to the server that listens now, and later give the sign to all."""
        (listener,) = [h for h in self.loop.handles.values() if isinstance(h, Tcp) and h.connection_cb is not None]
        host, port = listener.getsockname()[:2]
        self._play(part, (host, port))
        if self._trouble:
            self.start(self.on_sign, BEFORE_MS)

    def on_sign(self, timer: Timer) -> None:
        """The trouble begins: note it in the feed, and let the players know."""
        self.name = self._trouble
        for player in self._players:
            assert player.stdin is not None
            player.stdin.write(b"!")

    def _play(self, part: str, address: tuple[str, int], pass_fds: Sequence[int] = ()) -> None:
        """Start a process, and wait until it has set up what its part needs. Raises AddressError if it does not."""
        command = [
            sys.executable,
            "-P",
            "-m",
            "streamscope.servers.stall.peers",
            part,
            *map(str, [*address, *pass_fds]),
        ]
        try:
            player = subprocess.Popen(
                command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=pass_fds, process_group=0
            )
        except OSError as error:
            raise AddressError(tr("stall cannot start its peers: {error}", error=error.strerror), 1) from error
        self._players.append(player)
        assert player.stdout is not None
        with player.stdout:
            if not player.stdout.read(1):
                raise AddressError(tr("stall cannot go on without its peers: {part} has ended", part=part), 1)

    def close(self, close_cb: Callable[[Any], None] | None = None) -> None:
        """Close the timer, and end the processes."""
        super().close(close_cb)
        for player in self._players:
            end(player)
