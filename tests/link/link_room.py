"""An engine and its inspectors in one process, turned by hand: what the tests of the link share."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Callable
from types import TracebackType
from typing import Any

import msgspec
from feeds import greeted
from waiting import until

from streamscope.core import RUN_NOWAIT, JoinedLoop, Loop, System, Tcp
from streamscope.link.engine import EngineProducer, handle_state, loop_state
from streamscope.link.frames import Hello
from streamscope.link.greeting import greeting
from streamscope.link.publisher import Publisher
from streamscope.link.session import Session
from streamscope.link.subscriber import Subscriber
from streamscope.servers import echo
from streamscope.trace.state import LoopState, StreamState

MS = 1_000_000


class StillClock(System):
    """A clock that moves when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.ns = 1_000 * MS
        self.step = 0  # what each look at it takes

    def clock_ns(self) -> int:
        self.ns += self.step
        return self.ns


def hello(program: str = "echo") -> Hello:
    return greeted(program)


class Room:
    """An echo server on a loop that somebody may watch."""

    def __init__(self, *, make_loop: type[Loop] = JoinedLoop, system: System | None = None, **options: Any) -> None:
        self.loop = make_loop(system=system)
        self.producer = EngineProducer(self.loop)
        self.stops = 0
        self.publisher = Publisher(self.producer, greeting("echo", 0), stop=self._stop, **options)
        self.publisher.board()
        echo.main(self.loop, port=0)
        self.server = next(handle for handle in self.loop.handles.values() if isinstance(handle, Tcp))
        self.sessions: list[Session] = []
        self.clients: list[socket.socket] = []

    def _stop(self) -> None:
        self.stops += 1

    def __enter__(self) -> Room:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self.clients:
            client.close()
        for handle in list(self.loop.handles.values()):
            if not handle.is_closing():
                handle.close()
        self.loop.run()
        self.publisher.finish("the test is over", 0)
        for session in self.sessions:
            session.close()
        self.loop.close()

    def watch(self, *, kernel_buffer: int = 0, on_gone: Callable[[], None] | None = None, **options: Any) -> Session:
        """A session over a socket pair. `kernel_buffer` makes the kernel keep little, so that losses come soon."""
        ours, theirs = socket.socketpair()
        if kernel_buffer:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, kernel_buffer)
        self.publisher.adopt(Subscriber(ours, **options), on_gone)
        session = Session(theirs)
        self.sessions.append(session)
        return session

    def connect(self) -> socket.socket:
        client = socket.create_connection(self.server.getsockname())
        client.setblocking(False)
        self.clients.append(client)
        return client

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.loop.run(RUN_NOWAIT)

    def turn_until(self, done: Callable[[], object]) -> None:
        """Turn, and let every session fold, until it is so."""

        def turned() -> object:
            if seen := done():
                return seen
            self.turn()
            for session in self.sessions:
                session.receive()
                session.fold(0.1)
            return False

        until(turned, "what the room turns for", pause_s=0)

    def bring_up_to_date(self, session: Session) -> None:
        """Everything told so far is shipped and folded; the loop does not turn meanwhile."""
        self.publisher.wait(0, self.loop.tick)
        self.publisher.ship()

        def folded() -> bool:
            if not self.queued(session) and not session.fold(1.0):
                return True
            session.receive()
            session.fold(1.0)
            self.publisher.hear()
            return False

        until(folded, "the inspector is up to date", pause_s=0)

    def queued(self, session: Session) -> int:
        """Bytes that the engine still has for this session."""
        return self.subscriber(session).buffered

    def subscriber(self, session: Session) -> Subscriber:
        return self.publisher.subscribers[self.sessions.index(session)]


def engine_state(room: Room) -> dict[int, dict[str, Any]]:
    """What a snapshot would say of every handle now."""
    closing = frozenset(room.loop.closing_list)
    states = (as_handle(handle_state(handle, closing)) for handle in room.loop.handles.values())
    return {state.number: as_fields(state) for state in states}


def model_state(session: Session) -> dict[int, dict[str, Any]]:
    """What the model knows of every handle that is not closed."""
    known = {**session.model.streams, **session.model.handles}
    return {number: as_fields(state) for number, state in known.items() if not state.closed_t}


def as_handle(state: list[Any]) -> StreamState:
    """A handle's state as an inspector reads it."""
    return msgspec.convert(state, StreamState)


def as_fields(state: msgspec.Struct) -> dict[str, Any]:
    """Without what only the kernel knows (test_link_kernel.py is about that)."""
    fields = {name: msgspec.to_builtins(getattr(state, name)) for name in state.__struct_fields__}
    return {name: value for name, value in fields.items() if name not in ("kernel", "kernel_t")}


def assert_model_is_engine(room: Room, session: Session) -> None:
    """Field for field. (An address that the kernel no longer knows, because the peer is gone, stays known.)"""
    engine, model = engine_state(room), model_state(session)
    assert model.keys() == engine.keys()
    for number, fields in engine.items():
        for name in ("local", "peer"):
            if not fields[name]:
                fields[name] = model[number][name]
        assert model[number] == fields
    told = msgspec.convert(loop_state(room.loop, room.producer.told()[1]), LoopState)
    assert as_fields(session.model.loop) == as_fields(told)


class Crowd:
    """Clients that do what nobody planned, from one seed."""

    def __init__(self, room: Room, seed: int) -> None:
        self._room = room
        self._random = random.Random(seed)
        self._clients: list[socket.socket] = []

    def act(self) -> None:
        """One client does one thing."""
        choose = self._random
        if not self._clients or (len(self._clients) < 12 and choose.random() < 0.15):
            self._clients.append(self._room.connect())
            return
        client = choose.choice(self._clients)
        try:
            getattr(self, choose.choice(["_send", "_send", "_send", "_read", "_read", "_end", "_close", "_reset"]))(
                client
            )
        except OSError:
            self._forget(client)

    def _send(self, client: socket.socket) -> None:
        try:
            client.send(bytes(self._random.choice([1, 64, 4096, 300_000])))
        except BlockingIOError:
            pass

    def _read(self, client: socket.socket) -> None:
        try:
            if not client.recv(self._random.choice([10, 65536, 1 << 20])):
                self._forget(client)
        except BlockingIOError:
            pass

    def _end(self, client: socket.socket) -> None:
        if self._random.random() < 0.2:
            client.shutdown(socket.SHUT_WR)

    def _close(self, client: socket.socket) -> None:
        if self._random.random() < 0.2:
            self._forget(client)

    def _reset(self, client: socket.socket) -> None:
        if self._random.random() < 0.2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._forget(client)

    def _forget(self, client: socket.socket) -> None:
        client.close()
        self._clients.remove(client)
