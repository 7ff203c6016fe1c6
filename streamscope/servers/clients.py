"""The built-in clients: a little traffic to look at, from a process of its own.

    python -m streamscope.servers.clients ADDRESS KIND

Some are polite, one asks for much and reads slowly, so that a queue grows past its high-water mark and drains again,
one comes and goes, one ends its side and waits for the other. ADDRESS is what the server says it listens on:
`127.0.0.1:7000`, the path of a Unix socket, or `@name` for an abstract one. KIND is the server's name, so that they say
what it understands. Together they send some hundred messages a second. They end when the server does, or when their
standard input ends: whoever starts them holds its other end, and need not remember to stop them.

They are programs on the engine too, and as such an example of connecting, of timers and of reading with a buffer of
one's own.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from streamscope.core import Loop, Pipe, Tcp, Timer, UVError, Wakeup
from streamscope.servers.address import AddressError, parse, pipe_name
from streamscope.servers.flow import close
from streamscope.telling import tell

if TYPE_CHECKING:
    from streamscope.core import ConnectRequest, Stream
    from streamscope.core.system import Buffer

Address: TypeAlias = tuple[str, int] | str
"""Host and port, or what the kernel calls a Unix socket."""

LINE = b"the quick brown fox looks inside the lazy stream\n"


@dataclass(frozen=True, slots=True)
class Script:
    """What is said to one kind of server: a short message, how often, and what brings much back."""

    message: bytes = LINE
    burst: bytes = LINE * 1000
    bursts: int = 30
    every_ms: int = 20
    sip: int = 0
    """Bytes that a polite client reads at a time, once per message; 0 reads all there is."""
    polite: int = 6
    """How many polite clients there are."""


LANGUAGES = {
    "chat": Script(every_ms=400),
    "http": Script(b"GET / HTTP/1.1\r\nHost: demo\r\n\r\n", b"GET /bytes/2000000 HTTP/1.1\r\nHost: demo\r\n\r\n", 1),
    "ipc": Script(every_ms=4000, polite=16),  # quiet long enough to be given back, and then many at once
    "source": Script(b"", b"", 0, every_ms=100, sip=16384),
}


@dataclass(frozen=True, slots=True)
class Habit:
    """How one client behaves, visit by visit. Times are milliseconds, sizes bytes."""

    message: bytes
    every_ms: int
    messages: int = 0
    """Messages of one visit; 0 stays for good."""
    sip: int = 0
    """Bytes read at each tick of the timer; 0 reads all there is, at once."""
    end: str = "close"
    """How a visit ends: `close`, `reset`, or `shutdown`, which ends our side and waits for the peer's."""
    rest_ms: int = 1500
    """Until the next visit."""


def habits(kind: str) -> list[Habit]:
    """Who comes to a server of this kind."""
    say = LANGUAGES.get(kind, Script())
    polite = [Habit(say.message, say.every_ms + 7 * i, sip=say.sip) for i in range(say.polite)]
    slow = Habit(say.burst, every_ms=100, messages=say.bursts, sip=12_000, end="shutdown", rest_ms=3000)
    comer = Habit(say.message, every_ms=150, messages=8, sip=say.sip)
    resetter = Habit(say.message, every_ms=400, messages=6, sip=say.sip, end="reset", rest_ms=4000)
    halver = Habit(say.message, every_ms=200, messages=5, sip=say.sip, end="shutdown", rest_ms=1000)
    if (
        kind == "source"
    ):  # it writes until its peer is gone, whatever the peer says, and so would wait for an end for ever
        halver = replace(halver, end="close")
    return [*polite, slow, comer, resetter, halver]


class BuiltInClient:
    """One client and its habit: it connects, speaks at each tick, ends the visit, rests, and comes again."""

    stream: Tcp | Pipe

    def __init__(self, loop: Loop, address: Address, habit: Habit) -> None:
        self.loop, self.address, self.habit = loop, address, habit
        self.timer = Timer(loop)
        self.buffer = memoryview(bytearray(habit.sip or 65536))
        self.visit(self.timer)

    def visit(self, timer: Timer) -> None:
        """Connect; a server that takes no connections has ended, and so do we."""
        self.said = 0
        try:
            self.connect()
        except UVError:
            self.loop.stop()

    def connect(self) -> None:
        """Raises UVError for an address that nothing can connect to."""
        if isinstance(self.address, str):
            self.stream = pipe = Pipe(self.loop)
            pipe.connect(self.address, self.on_connect)
            return
        self.stream = tcp = Tcp(self.loop)
        if self.habit.sip:
            tcp.open(narrow_socket(self.address[0]))
        tcp.connect(self.address, self.on_connect)

    def on_connect(self, request: ConnectRequest, status: int) -> None:
        """Begin to speak and to read."""
        if status < 0:
            if not self.stream.is_closing():
                self.loop.stop()
            return
        self.stream.read_start(self.on_alloc, self.on_read)
        self.timer.start(self.on_tick, 0, self.habit.every_ms)

    def on_tick(self, timer: Timer) -> None:
        """Take the next sip, and say the next thing; after the last one, end the visit."""
        stream, habit = self.stream, self.habit
        if habit.sip and not stream.is_active():
            stream.read_start(self.on_alloc, self.on_read)
        if habit.messages and self.said > habit.messages:
            return  # waiting for the peer's end
        self.said += 1
        if habit.messages and self.said > habit.messages:
            self.leave()
        elif habit.message and stream.write_queue_size == 0:  # never more at once than the server takes
            stream.write(habit.message)

    def leave(self) -> None:
        """End the visit in the way of this client."""
        if self.habit.end == "shutdown":
            self.stream.shutdown()
        elif self.habit.end == "reset" and isinstance(self.stream, Tcp):
            self.stream.close_reset(self.on_closed)  # a Unix socket has no reset
        else:
            self.stream.close(self.on_closed)

    def on_alloc(self, stream: Stream, suggested_size: int) -> memoryview:
        """As many bytes as a sip has."""
        return self.buffer

    def on_read(self, stream: Stream, nread: int, buffer: Buffer) -> None:
        """Drop what came; at an end or an error the visit is over."""
        if nread > 0 and self.habit.sip:
            stream.read_stop()  # until the next tick
        elif nread < 0:
            stream.close(self.on_closed)

    def on_closed(self, stream: Stream) -> None:
        """Rest, and come again."""
        if not self.timer.is_closing():
            self.timer.start(self.visit, self.habit.rest_ms)


def narrow_socket(host: str) -> int:
    """A TCP socket that takes little at a time: small segments keep the server's send buffer small, so its queue shows.

    On loopback a segment has 64 KiB and the kernel would hold megabytes before `write_queue` saw the first byte.
    """
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1000)
    return sock.detach()


def run(where: str, kind: str) -> None:
    """Be all of the clients until the server or our standard input ends. Raises AddressError."""
    address = pipe_name(where) if where.startswith(("/", "@")) else parse(where)
    loop = Loop()

    def wait_for_end() -> None:
        while os.read(0, 4096):
            pass
        with suppress(UVError):  # the loop has ended by itself just now
            wakeup.send()

    wakeup = Wakeup(loop, lambda _: loop.stop())
    threading.Thread(target=wait_for_end, daemon=True).start()
    for habit in habits(kind):
        BuiltInClient(loop, address, habit)
    loop.run()
    for handle in loop.handles.values():
        close(handle)
    loop.run()
    loop.close()


def main(arguments: list[str]) -> int:
    """The command; returns the exit status."""
    try:
        where, kind = arguments
        run(where, kind)
    except ValueError:
        sys.stderr.write("usage: python -m streamscope.servers.clients ADDRESS KIND\n")
        return 2
    except AddressError as error:
        tell(f"clients: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
