"""What a program on asyncio is told to be, while telling begins and ends, and what it is: the test compares them."""

from __future__ import annotations

import socket
import time
from typing import Any

from streamscope.observe import watching

PAIRS, STEPS = 12, 700
PATIENCE_S = 30.0


class Looked:
    """What was told, and what was so."""

    def __init__(self, loop: Any, folder: str) -> None:
        self.listener = listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{folder}/door")
        listener.listen()
        listener.setblocking(False)
        self.watching = watching.Watching(
            loop, 1, time.monotonic_ns() - 1, listener, f"{folder}/door", lambda open_again: None
        )
        self.watching._publisher.chores.clear()  # there is no inspector: the test takes what is told
        self.watching.begin()
        self.producer = self.watching._producer
        self.selector = loop._selector
        self.stretches: list[dict[str, Any]] = []
        self.now: dict[str, Any] | None = None
        self.others: list[socket.socket] = []

    def found(self, wrong: int, ends: int) -> dict[str, Any]:
        """The end of it: all that was told and looked at."""
        hello = self.watching._publisher._hello.frame()
        self.watching.end("enough")
        self.listener.close()
        return {"hello": hello, "stretches": self.stretches, "wrong": wrong, "ends": ends}

    def begin(self) -> None:
        words: list[Any] = []
        self.producer.watch(words, lambda: None)
        turn, t = self.producer.told()
        states = [state for state in self.producer.states(self.producer.numbers()) if state is not None]
        self.now = {"turn": turn, "t": t, "loop": self.producer.loop(t), "slices": states, "words": words, "looks": []}
        self.stretches.append(self.now)

    def end(self) -> None:
        self.look()
        self.now = None
        self.producer.unwatch()

    def look(self) -> None:
        """Compare later: how every transport is at this place."""
        if self.now is None:
            return
        so = {}
        for transport, number in list(self.producer._numbers.items()):
            if hasattr(transport, "_sslobj"):
                so.update(self._of_layer(transport, number))
                continue
            if transport._sock is None or type(transport) not in self.producer._kinds:
                continue
            key = self.selector.get_map().get(transport._sock_fd)
            mask = 0 if key is None else (key.events & 1) | (key.events & 2) << 1
            so[number] = [transport.get_write_buffer_size(), int(transport._protocol_paused), mask,
                          int(transport._closing), transport._high_water,
                          "plain" if hasattr(transport, "_eof") else "datagrams"]  # fmt: skip
        self.now["looks"].append([len(self.now["words"]), so])

    def _of_layer(self, layer: Any, number: int) -> dict[int, list[Any]]:
        """The same of a TLS layer: what its own transport says."""
        transport = layer._app_transport
        if layer._transport is None or transport is None or transport._ssl_protocol is None:
            return {}
        key = self.selector.get_map().get(layer._transport._sock_fd)
        mask = 0 if key is None else (key.events & 1) | (key.events & 2) << 1
        _, high = transport.get_write_buffer_limits()
        return {number: [transport.get_write_buffer_size(), int(transport._protocol_paused), mask,
                         int(transport.is_closing()), high, "tls"]}  # fmt: skip
