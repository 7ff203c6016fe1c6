"""The part of `toggle.py` that has sockets of its own: streams between which `sock_sendall` waits, and Unix sockets of
which each datagram is sent by a task of its own, so that asyncio forgets some that wait.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
import time
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from looked import PAIRS, PATIENCE_S, STEPS, Looked

SIZES = (1, 100, 5_000, 60_000)


class LookedAtSockets(Looked):
    """The same of what the program has no transports for; `ends` are all that there ever were."""

    def __init__(self, loop: Any, folder: str) -> None:
        super().__init__(loop, folder)
        self.sockets = self.producer.sockets
        self.ends: list[Talker] = []
        self.accepting: Any = None  # the task that does, and the socket on which it does
        self.listening: Any = None

    def begin(self) -> None:
        super().begin()
        for end in self.ends:
            end.before = end.came, end.went + self._partly(end.sock)

    def _key(self, sock: socket.socket) -> Any:
        fd = sock.fileno()
        return None if fd == -1 else self.selector.get_map().get(fd)

    def _waiting(self, sock: socket.socket) -> Any:
        """The arguments of what waits to send, if anything does."""
        key = self._key(sock)
        return None if key is None or key.data[1] is None else key.data[1]._args

    def _partly(self, sock: socket.socket) -> int:
        """How much is gone of what `sock_sendall` waits with."""
        waits = self._waiting(sock)
        return waits[3][0] if waits is not None and isinstance(waits[3], list) else 0

    def look(self) -> None:
        """See `Looked`. What has gone of what waits is looked at ten times a second otherwise."""
        if self.now is None:
            return
        self.sockets.look(self.sockets._due)
        so = {}
        for end in self.ends:
            sock = end.sock
            if sock.fileno() == -1 or end.is_broken or (end.called_in is not self.now and sock not in self._known()):
                continue
            if any(is_about_to_run(task) for task in (*end.tasks, self.accepting)):
                continue  # what has come of its call is the program's when it runs on
            key, waits, partly = self._key(sock), self._waiting(sock), self._partly(sock)
            mask = 0 if key is None else (key.events & 1) | (key.events & 2) << 1
            size = 0 if waits is None else len(waits[2]) - partly
            came, went = end.before
            server = self.producer._numbers[self.listening] if end.accepted_in is self.now else 0
            so[self.producer._numbers.get(sock, 0)] = [
                size, 0, mask, 0, 0, "socket", end.came - came, end.went + partly - went, server
            ]  # fmt: skip
        self.now["looks"].append([len(self.now["words"]), so])

    def _known(self) -> set[socket.socket]:
        return {sock for book in self.sockets._known.values() if (sock := book.sock()) is not None}


def is_about_to_run(task: Any) -> bool:
    """Whether what a task waited for is there, and it has not run since."""
    return task is not None and task._fut_waiter is not None and task._fut_waiter.done()


class Talker:
    """One end of a connection: says what it does, and knows what its calls have brought. `before` is how much had come
    and gone when telling began last; `called_in` and `accepted_in` are the stretches in which that was.
    """

    def __init__(self, looked: LookedAtSockets, sock: socket.socket, chance: random.Random) -> None:
        self.looked, self.sock, self.chance = looked, sock, chance
        self.loop = asyncio.get_running_loop()
        self.names = sock.getsockname(), self.peer()
        self.sent, self.got = hashlib.md5(), hashlib.md5()
        self.came = self.went = self.gone = 0
        self.before = 0, 0
        self.called_in: Any = None
        self.accepted_in: Any = None
        self.rough = self.ended = self.is_broken = False
        self.reads, self.has_more = asyncio.Event(), asyncio.Event()
        self.reads.set()
        self.todo: deque[Any] = deque()
        self.tasks: set[asyncio.Task[None]] = set()
        looked.ends.append(self)
        self.begin()

    def peer(self) -> Any:
        try:
            return self.sock.getpeername()
        except OSError:
            return None

    def begin(self) -> None:
        self.do(self.receive())
        self.do(self.send())

    def do(self, what: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(what)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def give(self, data: Any) -> None:
        """Something to send."""
        if not self.ended and len(self.todo) < 3:
            self.todo.append(data)
            self.has_more.set()

    def calls(self) -> None:
        self.looked.look()
        self.called_in = self.looked.now

    async def send(self) -> None:
        while True:
            await self.has_more.wait()
            self.has_more.clear()
            while self.todo:
                data = self.todo.popleft()
                self.calls()
                try:
                    await self.loop.sock_sendall(self.sock, data)
                except OSError:  # the other end is gone: nobody knows how much of this went
                    self.rough = self.is_broken = True
                    return
                except asyncio.CancelledError:
                    self.went += self.gone
                    raise
                self.went += len(data)
                self.sent.update(data)
                self.looked.look()

    async def receive(self) -> None:
        buffer = bytearray(10_000)
        while True:
            await self.reads.wait()
            self.calls()
            try:
                if self.chance.random() < 0.5:
                    data = await self.loop.sock_recv(self.sock, 50_000)
                else:
                    data = bytes(buffer[: await self.loop.sock_recv_into(self.sock, buffer)])
            except OSError:
                self.rough = True
                return
            self.came += len(data)
            self.got.update(data)
            self.looked.look()
            if not data:
                return

    async def close(self) -> None:
        """With nothing of it in the selector any more, as a program should."""
        self.rough = self.ended = True
        await self.stop()
        self.sock.close()
        self.looked.look()

    async def stop(self) -> None:
        """Cancel what waits: no call of which something has come already, for that would be lost."""
        while any(map(is_about_to_run, tasks := self.tasks - {asyncio.current_task()})):
            await asyncio.sleep(0)
        self.gone = self.looked._partly(self.sock)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def break_off(self) -> None:
        """Whatever it is that waits does so no more, and another begins."""
        self.rough = True
        await self.stop()
        self.looked.look()
        self.begin()

    def end(self) -> None:
        if not self.ended and not self.todo:
            self.rough = self.ended = True
            with suppress(OSError):  # which it is, where the other end has broken off
                self.sock.shutdown(socket.SHUT_WR)


class Mailer(Talker):
    """One that sends datagrams to `to`, and gets some."""

    def __init__(self, looked: LookedAtSockets, sock: socket.socket, chance: random.Random, to: str) -> None:
        self.to = to
        super().__init__(looked, sock, chance)

    async def send(self) -> None:
        """Each by a task of its own: see `give`."""

    def give(self, data: Any) -> None:
        if not self.ended:
            self.do(self.mail(data[:5000]))

    async def mail(self, data: Any) -> None:
        self.calls()
        try:
            n = await self.loop.sock_sendto(self.sock, data, self.to)
            self.went += n
        except OSError:  # the other is gone
            self.rough = True
        self.looked.look()

    async def receive(self) -> None:
        buffer = bytearray(10_000)
        while True:
            await self.reads.wait()
            self.calls()
            if self.chance.random() < 0.5:
                n = len((await self.loop.sock_recvfrom(self.sock, 10_000))[0])
            else:
                n = (await self.loop.sock_recvfrom_into(self.sock, buffer))[0]
            self.came += n
            self.looked.look()

    def end(self) -> None:
        """There is none of datagrams."""


def act_on(chance: random.Random, end: Talker) -> None:
    """Something that a program may do with a socket of its own."""
    what = chance.random()
    if end.sock.fileno() == -1 or end.ended:
        return
    if what < 0.6:
        data = bytes([chance.randrange(1, 255)]) * chance.randrange(1, chance.choice(SIZES) + 1)
        end.give(chance.choice((bytes, bytearray, memoryview))(data))
    elif what < 0.8:
        end.reads.clear()
    elif what < 0.97:
        end.reads.set()
    elif what < 0.98:
        end.do(end.break_off())
    elif what < 0.99:
        end.end()
    else:
        end.do(end.close())
    end.looked.look()


async def serve(looked: LookedAtSockets, listener: socket.socket, chance: random.Random) -> None:
    loop = asyncio.get_running_loop()
    while True:
        sock, _ = await loop.sock_accept(listener)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        end = Talker(looked, sock, chance)
        end.accepted_in = end.called_in = looked.now
        looked.look()


async def with_sockets(seed: int, folder: str) -> dict[str, Any]:
    """The same with sockets of the program's own."""
    chance = random.Random(seed)
    loop = asyncio.get_running_loop()
    looked = LookedAtSockets(loop, folder)
    looked.listening = listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)  # what is accepted has it, too
    listener.setblocking(False)
    looked.accepting = serving = loop.create_task(serve(looked, listener, chance))
    connected = 0
    for step in range(STEPS):
        if connected < PAIRS or chance.random() < 0.03:
            connected += 1
            if chance.random() < 0.3:
                mail(looked, chance, f"{folder}/a{step}", f"{folder}/b{step}")
            else:
                sock = socket.socket()
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
                sock.setblocking(False)
                await loop.sock_connect(sock, listener.getsockname())
                Talker(looked, sock, chance)
        looked.look()
        if chance.random() < 0.12:
            looked.end() if looked.now is not None else looked.begin()
        for _ in range(chance.randrange(6)):
            act_on(chance, chance.choice([end for end in looked.ends if not end.ended] or looked.ends))
        await asyncio.sleep(0)
    if looked.now is not None:
        looked.end()
    for end in looked.ends:
        end.reads.set()
    until = time.monotonic() + PATIENCE_S
    while (wrong := broken_talks(looked.ends)) and time.monotonic() < until:
        await asyncio.sleep(0.005)
    serving.cancel()
    for end in looked.ends:
        await end.close()
    return looked.found(wrong, len(looked.ends))


def mail(looked: LookedAtSockets, chance: random.Random, *paths: str) -> None:
    """Two that send each other datagrams."""
    socks = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in paths]
    for sock, path in zip(socks, paths):
        sock.setblocking(False)
        sock.bind(path)
    for sock, to in zip(socks, reversed(paths)):
        Mailer(looked, sock, chance, to)


def broken_talks(ends: list[Talker]) -> int:
    """Connections that nobody ended roughly, and whose bytes did not arrive as they were sent."""
    left = [end for end in ends if not isinstance(end, Mailer) and not end.rough]
    of = {end.names: end for end in left}
    pairs = [(end, of.get(end.names[::-1])) for end in left]
    return sum(one.sent.digest() != other.got.digest() for one, other in pairs if other is not None)
