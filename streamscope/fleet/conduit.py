"""A conduit: a connection to an engine whose frames go out on a subject of NATS, as they are.

The engine sees an inspector like any other. When NATS takes nothing, nothing is read here, and the engine counts what
it drops for an inspector that does not read. Payload stays here unless the relay was told otherwise.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from streamscope.fleet.crossing import Headers, Sender
from streamscope.link.discovery import connect
from streamscope.link.frames import (
    MAX_FRAME,
    AnyFrame,
    BatchFrame,
    Command,
    FrameCutter,
    GapFrame,
    GoodbyeFrame,
    Hello,
    PayloadFrame,
    Reply,
    pack,
    read_frame,
)
from streamscope.link.subscriber import EVERYTHING, NOTHING
from streamscope.trace.decode import Decoder
from streamscope.trace.model import Model
from streamscope.trace.vocabulary import Vocabulary

_RECEIVE = 256 * 1024
_HEAD = 4

Publish = Callable[[bytes, Headers], Awaitable[None]]


class Conduit:
    """One of them, from `run` on. `sent` counts bytes."""

    def __init__(self, path: Path, publish: Publish, *, payload: bool = False) -> None:
        """Raises ProbeError if nobody listens at the path."""
        self._sock = connect(path)
        self._publish = publish
        self._payload = payload
        self._sender = Sender()
        self._decoder: Decoder | None = None
        self.sent = 0
        self._say(EVERYTHING)

    async def run(self) -> None:
        """Pass on what comes, until the engine ends or this is cancelled. Raises FrameError and FeedError for an engine
        that says what is none, OSError when it is gone.
        """
        loop = asyncio.get_running_loop()
        cutter = FrameCutter(MAX_FRAME)
        while data := await loop.sock_recv(self._sock, _RECEIVE):
            for body in cutter.feed(data):
                frame = read_frame(body)
                if self._goes_out(frame):
                    await self._pass(body, self._events(frame))
                if isinstance(frame, GoodbyeFrame):
                    return

    def round(self) -> None:
        """Have the engine send its states again, between what it sends: who watches nothing and then everything is
        told so.
        """
        self._say(NOTHING)
        self._say(EVERYTHING)

    def close(self) -> None:
        """Leave the engine."""
        self._sock.close()

    async def _pass(self, body: bytes, events: int) -> None:
        for data, headers in self._sender.messages(body, events):
            self.sent += len(data)
            await self._publish(data, headers)

    def _goes_out(self, frame: AnyFrame) -> bool:
        if isinstance(frame, PayloadFrame):
            return self._payload
        return not isinstance(frame, Reply)

    def _events(self, frame: AnyFrame) -> int:
        if isinstance(frame, Hello):
            self._decoder = Model(Vocabulary.of(frame)).decoder
        elif isinstance(frame, BatchFrame) and self._decoder is not None:
            return self._decoder.count(frame.words)
        elif isinstance(frame, GapFrame):
            return frame.events
        return 0

    def _say(self, mode: str) -> None:
        try:
            self._sock.send(pack(Command(0, "watch", {"mode": mode})), socket.MSG_DONTWAIT)
        except OSError:
            return  # it has gone, or takes nothing now: reading finds out
