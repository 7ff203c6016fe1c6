"""A server on a loop in a thread of its own, and a way to ask for the engine's state from the test's thread."""

from __future__ import annotations

import queue
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from waiting import PATIENCE_S, until

from streamscope.core import Loop, Pipe, Stream, Tcp, Wakeup

T = TypeVar("T")


class RunningServer:
    """One server, listening on a free port or at `path`; `ask` runs a question between two callbacks of its loop."""

    def __init__(self, main: Callable[..., Any], **options: Any) -> None:
        self.loop = Loop()
        self.failures: list[tuple[str, Exception]] = []
        self.loop.excepthook = lambda handle, callback, error: self.failures.append((callback, error))
        self._questions: queue.SimpleQueue[tuple[Callable[[Loop], Any], queue.SimpleQueue[Any]]] = queue.SimpleQueue()
        self._wakeup = Wakeup(self.loop, self._answer)
        main(self.loop, **({} if "path" in options else {"port": 0}), **options)
        (self.server,) = [
            h for h in self.loop.handles.values() if isinstance(h, Stream) and h.connection_cb is not None
        ]
        name = self.server.getsockname()
        self.address: Any = name if isinstance(self.server, Pipe) else name[:2]
        self._closed = False
        self._thread = threading.Thread(target=self.loop.run)
        self._thread.start()

    def _answer(self, wakeup: Wakeup) -> None:
        while not self._questions.empty():
            question, answers = self._questions.get()
            try:
                answers.put((question(self.loop), None))
            except Exception as error:
                answers.put((None, error))

    def ask(self, question: Callable[[Loop], T]) -> T:
        """What the question finds, asked in the loop's thread."""
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._questions.put((question, answers))
        self._wakeup.send()
        answer, error = answers.get(timeout=PATIENCE_S)
        if error is not None:
            raise error
        return answer

    def until(self, condition: Callable[[Loop], T]) -> T:
        """Ask again and again, until the answer is true."""
        return until(lambda: self.ask(condition), "what the loop was asked for")

    def streams(self) -> list[dict[str, Any]]:
        """State of every connection, by field; the listening stream is left out."""
        return self.ask(lambda loop: [state(h) for h in connections(loop)])

    def connect(self) -> socket.socket:
        """A connection to the server, that gives up waiting at some time."""
        if isinstance(self.server, Pipe):
            pipe = socket.socket(socket.AF_UNIX)
            pipe.settimeout(PATIENCE_S)
            pipe.connect(self.address)
            return pipe
        client = socket.create_connection(self.address, timeout=PATIENCE_S)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def close(self) -> None:
        """Close every handle, end the thread, and see that nothing raised in a callback. Once is enough."""
        if self._closed:
            return
        self._closed = True
        self.ask(lambda loop: [h.close() for h in loop.handles.values() if not h.is_closing()])
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        self.loop.close()
        assert self.failures == []


def connections(loop: Loop) -> list[Stream]:
    """The streams that are connected or connecting; a pipe to a child process is no connection."""
    streams = [h for h in loop.handles.values() if isinstance(h, Tcp) or (isinstance(h, Pipe) and not h.ipc)]
    return [stream for stream in streams if stream.connection_cb is None and not stream.is_closing()]


def state(stream: Stream) -> dict[str, Any]:
    """What the tests look at, copied out of the loop's thread."""
    return {
        "number": stream.number,
        "name": stream.name,
        "reading": stream.is_active(),
        "write_queue_size": stream.write_queue_size,
        "above": stream.write_queue_size > stream.high_water,
        "bytes_in": stream.bytes_in,
        "bytes_out": stream.bytes_out,
    }


def held(loop: Loop) -> list[Stream]:
    """The connections that are not read now."""
    return [h for h in connections(loop) if not h.is_active()]


def flowing(loop: Loop) -> list[Stream]:
    """The connections that are read and have nothing left to write."""
    return [h for h in connections(loop) if h.is_active() and h.write_queue_size == 0]


def reset(client: socket.socket) -> None:
    """End a connection by a reset; a Unix socket has none."""
    if client.family != socket.AF_UNIX:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def read_to_end(client: socket.socket) -> bytes:
    """Everything until the peer's end of file."""
    pieces = []
    while piece := client.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def read_exactly(client: socket.socket, count: int) -> bytes:
    """This many bytes."""
    pieces = []
    while count and (piece := client.recv(min(count, 65536))):
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


def push_until_held(client: socket.socket, data: bytes, running: RunningServer, enough: int = 1) -> int:
    """Write without reading until the server reads `enough` connections no more; returns how many bytes went out."""
    sent = 0

    def push() -> int:
        nonlocal sent
        try:
            while True:
                sent += client.send(data)
        except BlockingIOError:
            return sent

    client.setblocking(False)
    wait_until_nothing_moves(running, push, lambda loop: len(held(loop)) >= enough)
    client.settimeout(PATIENCE_S)
    return sent


def wait_until_nothing_moves(
    running: RunningServer,
    push: Callable[[], int] = int,
    also: Callable[[Loop], Any] = connections,
) -> None:
    """Wait until no byte has moved for a while, although `push` tried, and `also` holds."""
    unmoved, moved = 0, None

    def rests() -> bool:
        nonlocal unmoved, moved
        now = (push(), running.ask(lambda loop: [(s.bytes_in, s.bytes_out) for s in connections(loop)]))
        unmoved = unmoved + 1 if now == moved and running.ask(also) else 0
        moved = now
        return unmoved == 20

    until(rests, "no byte moves any more")
