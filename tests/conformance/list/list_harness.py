"""What the tests of libuv's list share: a loop whose callbacks may fail a test, notes of callbacks in their order, and
peers to talk to.

The engine is under test, so the other end of a connection is a plain Python socket wherever one stream is enough.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streamscope.core import EOF, RUN_DEFAULT, RUN_ONCE, Handle, Loop, Stream, Tcp, UVError

LOCALHOST = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


class TookTooLong(BaseException):
    """A test ran into its deadline. No callback's `except Exception` catches it."""


class Failures:
    """The excepthook of a loop under test: keeps what a callback raised and stops the loop."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.raised: list[Exception] = []

    def __call__(self, handle: Handle | None, callback: str, error: Exception) -> None:
        self.raised.append(error)
        self.loop.stop()


def new_loop(make_loop: type[Loop] = Loop, **options: Any) -> Loop:
    """A loop whose callbacks may assert; `run` raises what they raise."""
    loop = make_loop(**options)
    loop.excepthook = Failures(loop)
    return loop


def run(loop: Loop, mode: int = RUN_DEFAULT) -> bool:
    """`loop.run`, after which the first exception of a callback is raised."""
    alive = loop.run(mode)
    assert isinstance(loop.excepthook, Failures)
    if loop.excepthook.raised:
        raise loop.excepthook.raised.pop(0)
    return alive


def run_until(loop: Loop, condition: Callable[[], Any]) -> None:
    """Turn until the condition holds. The loop must have something to wait for until then."""
    while not condition():
        assert run(loop, RUN_ONCE) or condition(), "the loop has died and the condition does not hold"


def finish(loop: Loop) -> None:
    """Close every handle that is left, and the loop, which must then be empty."""
    for handle in list(loop.handles.values()):
        if not handle.is_closing():
            handle.close()
    run(loop)
    assert not loop.handles
    assert loop.active_handles == 0
    assert loop.active_reqs == 0
    assert loop.nfds == 2  # its own two: wakeup and signals
    loop.close()


class Calls:
    """Notes callbacks in the order in which they run, with the status or nread each was told."""

    def __init__(self) -> None:
        self.all: list[tuple[str, int]] = []

    def note(self, name: str, then: Callable[..., Any] | None = None) -> Callable[..., None]:
        """A callback that notes itself under this name and then goes on with `then`."""

        def callback(subject: Any, status: int = 0, *more: Any) -> None:
            self.all.append((name, status))
            if then is not None:
                then(subject, status, *more)

        return callback

    def statuses(self, name: str) -> list[int]:
        return [status for noted, status in self.all if noted == name]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.all]


def failure(function: Callable[..., Any], *args: Any) -> str:
    """libuv's name of the error that a call fails with at once, "" if it does not fail."""
    try:
        function(*args)
    except UVError as error:
        return error.name
    return ""


def never(*args: Any) -> None:
    """A callback that must not run."""
    raise AssertionError(f"a callback ran that must not run: {args}")


@contextmanager
def listening(family: int = socket.AF_INET, backlog: int = 128) -> Iterator[socket.socket]:
    """A plain listening socket on the loopback interface."""
    with socket.socket(family) as listener:
        listener.bind((LOCALHOST[family], 0))
        listener.listen(backlog)
        yield listener


@contextmanager
def refusing(family: int = socket.AF_INET) -> Iterator[tuple[str, int]]:
    """An address that refuses connections: bound, so that nobody else gets it, but not listening."""
    with socket.socket(family) as bound:
        bound.bind((LOCALHOST[family], 0))
        yield bound.getsockname()[:2]


@contextmanager
def connected(loop: Loop, family: int = socket.AF_INET) -> Iterator[tuple[Tcp, socket.socket]]:
    """A stream of the loop and the plain socket at its other end, over TCP."""
    with listening(family) as listener:
        ours = socket.create_connection(listener.getsockname()[:2])
        peer, _ = listener.accept()
    stream = Tcp(loop)
    stream.open(ours.detach())
    with peer:
        yield stream, peer


def reset(peer: socket.socket) -> None:
    """Close a plain socket with a reset (RST)."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def received(peer: socket.socket) -> bytes:
    """All that arrives at a plain socket until its end."""
    pieces = []
    while piece := peer.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


class Echo:
    """A server in the loop under test that sends back what it gets and ends its side when the client does.

    It does not keep the loop alive; its connections do, until their clients are gone.
    """

    def __init__(self, server: Stream, new: Callable[[], Stream]) -> None:
        self.server = server
        self.new = new
        self.connections: list[Stream] = []
        server.listen(128, self._connection)
        server.unref()

    @property
    def address(self) -> Any:
        address = self.server.getsockname()  # type: ignore[attr-defined]
        return address[:2] if isinstance(address, tuple) else address

    def _connection(self, server: Stream, status: int) -> None:
        assert status == 0
        stream = self.new()
        server.accept(stream)
        self.connections.append(stream)
        echo_on(stream)


def echo_on(stream: Stream) -> None:
    """Send back on the stream what it reads; after its end, shut down and close it."""

    def on_read(stream: Stream, nread: int, buf: bytes) -> None:
        if nread > 0:
            stream.write(buf)
        elif nread == EOF:
            stream.shutdown(lambda request, status: stream.close())
        elif nread < 0:
            stream.close()

    stream.read_start(None, on_read)


ROUNDS = 1000


def ping_pong(stream: Stream, pieces: list[bytes], rounds: list[int]) -> None:
    """Send the pieces, wait until all of them have come back, and so on, `ROUNDS` times; then close. Each round is
    noted in `rounds`.
    """
    message = b"".join(pieces)
    back = bytearray()

    def ping() -> None:
        stream.write(pieces)

    def on_read(stream: Stream, nread: int, buf: bytes) -> None:
        assert nread >= 0
        back.extend(buf[:nread])
        if len(back) < len(message):
            return
        assert back == message
        back.clear()
        rounds.append(len(rounds))
        if len(rounds) < ROUNDS:
            ping()
        else:
            stream.close()

    stream.read_start(None, on_read)
    ping()


def tcp_server(loop: Loop, connection_cb: Callable[..., Any], family: int = socket.AF_INET) -> Tcp:
    """A server of the loop on the loopback interface."""
    server = Tcp(loop)
    server.bind((LOCALHOST[family], 0))
    server.listen(128, connection_cb)
    return server


def tcp_echo(loop: Loop, family: int = socket.AF_INET) -> Echo:
    """An echo server over TCP."""
    server = Tcp(loop)
    server.bind((LOCALHOST[family], 0))
    return Echo(server, lambda: Tcp(loop))


def address_of(server: Tcp) -> tuple[str, int]:
    """Where to connect to."""
    return server.getsockname()[:2]


def renumbered(sock: socket.socket, fd: int) -> int:
    """The socket under this descriptor number, which must be free; it is the caller's then."""
    if sock.fileno() == fd:  # the lowest free number is what the kernel gives
        return sock.detach()
    os.dup2(sock.fileno(), fd, inheritable=False)
    sock.close()
    return fd


def child_command(role: str, *args: object) -> list[str]:
    """The command of a child process that plays a role of list_children.py."""
    return [sys.executable, str(Path(__file__).with_name("list_children.py")), role, *map(str, args)]
