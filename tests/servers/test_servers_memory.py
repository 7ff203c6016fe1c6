"""What is closed lets go of everything at once, with no collector: callbacks and what holds them keep nothing alive."""

from __future__ import annotations

import gc
import socket
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from running_server import connections, read_exactly, reset
from waiting import PATIENCE_S

import streamscope.servers.http
import streamscope.servers.proxy
from streamscope.core import EOF, Check, Idle, JoinedLoop, Loop, Pipe, Prepare, Tcp, Timer, Wakeup
from streamscope.servers import flow


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """Only what nobody refers to goes."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def watched(module: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> list[weakref.ref[Any]]:
    """Weak references to everything that is made of this class of the module."""
    made: list[weakref.ref[Any]] = []

    class Watched(getattr(module, name)):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **keywords: Any) -> None:
            made.append(weakref.ref(self))
            super().__init__(*arguments, **keywords)

    monkeypatch.setattr(module, name, Watched)
    return made


def gone(made: list[weakref.ref[Any]]) -> bool:
    return bool(made) and not any(ref() for ref in made)


@pytest.mark.parametrize("way", ["close", "reset", "answered", "wrong"])
def test_an_http_connection_holds_nothing_once_it_is_closed(
    serve: Any, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    made = watched(streamscope.servers.http, "Connection", monkeypatch)
    valves = watched(streamscope.servers.http, "Valve", monkeypatch)
    readers = watched(streamscope.servers.http, "RequestReader", monkeypatch)
    running = serve("http")
    for _ in range(5):
        client = running.connect()
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"x" * 200)
        if way == "answered":
            client.sendall(b"x" * 800)
            read_exactly(client, 1000)
        elif way == "wrong":
            client.sendall(b"x" * 800 + b"\x01\r\n\r\n")
        if way == "reset":
            reset(client)
        else:
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass
            client.close()
    running.until(lambda loop: len(made) == 5 and not connections(loop))
    running.until(lambda loop: gone(made) and gone(valves) and gone(readers))


@pytest.mark.parametrize("way", ["ends", "client", "server", "refused"])
def test_a_proxied_connection_holds_nothing_once_it_is_closed(
    serve: Any, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    made = watched(streamscope.servers.proxy, "Relay", monkeypatch)
    valves = watched(streamscope.servers.proxy, "Valve", monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as behind:
        behind.settimeout(PATIENCE_S)
        running = serve("proxy", to="{}:{}".format(*behind.getsockname()))
        if way == "refused":
            behind.close()
        with running.connect() as client:
            if way != "refused":
                server, _ = behind.accept()
                client.sendall(b"x")
                read_exactly(server, 1)
                if way == "server":
                    reset(server)
                elif way == "client":
                    reset(client)
                else:
                    server.shutdown(socket.SHUT_WR)
                    client.shutdown(socket.SHUT_WR)
                server.close()
        running.until(lambda loop: made and not connections(loop))
        running.until(lambda loop: gone(made) and (way == "refused" or gone(valves)))


class Own:
    """A program's class, all of whose methods are callbacks of the handles that it holds."""

    def __init__(self, loop: Loop, stream: Any) -> None:
        self.stream = stream
        self.read: list[bytes] = []
        self.handles = [kind(loop) for kind in (Timer, Idle, Prepare, Check)]
        self.handles.append(Wakeup(loop, self.on_event))
        self.listener = Tcp(loop)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1, self.on_connection)
        stream.data = self
        stream.tap = self.on_piece
        stream.read_start(self.on_alloc, self.on_read)
        for handle in self.handles[1:4]:
            handle.start(self.on_event)
        self.handles[0].start(self.on_event, 10_000, 10_000)

    def on_alloc(self, stream: Any, size: int) -> bytearray:
        return bytearray(size)

    def on_read(self, stream: Any, nread: int, data: Any) -> None:
        if nread > 0:
            self.read.append(data)
            stream.write(b"answer", self.on_written)
        elif nread == EOF:
            for handle in (*self.handles, self.listener):
                handle.close(self.on_closed)
            flow.close(stream)

    def on_event(self, handle: Any) -> None:
        pass

    def on_connection(self, server: Any, status: int) -> None:
        pass

    def on_piece(self, out: bool, piece: Any) -> None:
        pass

    def on_written(self, request: Any, status: int) -> None:
        pass

    def on_closed(self, handle: Any) -> None:
        assert handle.is_closing()


@pytest.mark.parametrize("make_loop", [Loop, JoinedLoop])
def test_a_programs_own_class_is_free_once_its_handles_are_closed(make_loop: type[Loop]) -> None:
    loop = make_loop()
    ours, theirs = socket.socketpair()
    pipe = Pipe(loop)
    pipe.open(ours.detach())
    own = weakref.ref(Own(loop, pipe))
    assert own() is not None
    theirs.sendall(b"x" * 1000)
    theirs.shutdown(socket.SHUT_WR)

    loop.run()

    assert own() is None
    assert (pipe.read_cb, pipe.data, pipe.callbacks) == (None, None, 0)
    loop.close()
    theirs.close()
