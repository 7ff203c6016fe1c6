"""Recordings of what an engine told an inspector, and a player that tells it again.

A recording is gzipped msgpack: who the engine was (its Hello, field by field, so that fields that are added later do
not matter), and the frames that followed as they travelled, each with the moment at which it came, in nanoseconds on
the feed's clock. The player puts them into one end of a socket pair and a real session on the other, with a clock that
only it moves. So a picture goes the whole way that live frames go, and is the same on every machine.
"""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import msgspec

from streamscope.link.discovery import ProbeError, connect
from streamscope.link.frames import MAX_FRAME, Command, FrameCutter, Hello, pack, read_frame
from streamscope.link.session import Session
from streamscope.sampling.starting import peeked
from streamscope.ui.view import View

SERVER = Path(__file__).with_name("server.js")
READERS = 6
SECOND = 1_000_000_000
STEP = SECOND // 20


class Recording(msgspec.Struct):
    """What one engine told: its Hello's fields by name, and the packed frames after it with their times."""

    hello: dict[str, Any] = msgspec.field(default_factory=dict)
    frames: list[tuple[int, bytes]] = msgspec.field(default_factory=list)


def load(path: Path) -> Recording:
    """A recording from its file."""
    return msgspec.msgpack.decode(gzip.decompress(path.read_bytes()), type=Recording)


def save(path: Path, recording: Recording) -> None:
    """Write a recording."""
    path.write_bytes(gzip.compress(msgspec.msgpack.encode(recording), mtime=0))


def record(target: list[str], seconds: float, payload_of: list[int]) -> Recording:
    """What an engine tells that runs this target for so many seconds, and the payload of these streams."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "engine.sock"
        command = [sys.executable, "-m", "streamscope", "run", *target, "--headless"]
        engine = subprocess.Popen(
            [*command, "--no-probe", "--probe", str(path), "--control"], stdout=subprocess.DEVNULL
        )
        try:
            return _listen(engine, path, seconds, payload_of)
        finally:
            engine.terminate()
            engine.wait()


def record_node(seconds: float) -> Recording:
    """What is told of a Node server that is looked at from outside, and one of whose clients reads nothing."""
    with ExitStack() as stack:
        node = subprocess.Popen(["node", SERVER.name], cwd=SERVER.parent, stdout=subprocess.PIPE, text=True)
        stack.callback(node.wait)
        stack.callback(node.kill)
        assert node.stdout is not None
        port = int(node.stdout.readline())
        path, _ = stack.enter_context(peeked(node.pid))
        _ask(stack, port)
        return _listen(node, path, seconds, [])


def record_uvicorn(seconds: float) -> Recording:
    """What a program of asyncio's tells that is observed, and one of whose clients reads nothing."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = int(sock.getsockname()[1])
        uvicorn = [
            str(Path(sys.executable).with_name("uvicorn")),
            "app:app",
            "--port",
            str(port),
            "--timeout-graceful-shutdown",
            "1",
        ]
        command = [sys.executable, "-m", "streamscope", "run", "--headless", "--how", "observe", "--", *uvicorn]
        process = subprocess.Popen(
            command,
            cwd=SERVER.parent,
            env={
                **os.environ,
                "STREAMSCOPE_RUNTIME_DIR": f"{folder}/streamscope",
                "PYTHONPATH": str(SERVER.parents[1]),
            },
        )
        stack.callback(process.wait)
        stack.callback(process.terminate)
        for _ in range(500):
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.02)
        _ask(stack, port)
        [path] = Path(folder, "streamscope").glob("*.sock")
        return _listen(process, path, seconds, [])


def _ask(stack: ExitStack, port: int) -> None:
    """Clients of a server of HTTP's, one of which reads nothing of its answer."""
    for place in range(READERS + 1):
        client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        if place != READERS // 2:
            threading.Thread(target=_read_all, args=(client,), daemon=True).start()


def _read_all(client: socket.socket) -> None:
    with suppress(OSError):
        while client.recv(1 << 16):
            pass


def _listen(engine: subprocess.Popen[bytes], path: Path, seconds: float, payload_of: list[int]) -> Recording:
    until = time.monotonic() + 10
    while True:
        try:
            sock = connect(path)
            break
        except ProbeError:
            if engine.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.02)
    with sock:
        sock.setblocking(True)
        sock.settimeout(1.0)
        cutter = FrameCutter(MAX_FRAME)
        recording = Recording()
        asked = False
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for body in cutter.feed(sock.recv(1 << 18)):
                frame = read_frame(body)
                if isinstance(frame, Hello):
                    recording.hello = {**msgspec.structs.asdict(frame), "log": "", "version": "0", "pid": 4711}
                else:
                    t = int((time.time() - recording.hello["started"]) * SECOND)
                    recording.frames.append((t, pack(frame)))
            if not asked and time.monotonic() > until - seconds + 2:
                asked = True
                for number, stream in enumerate(payload_of):
                    sock.sendall(pack(Command(number, "payload", {"stream": stream, "on": True})))
        return recording


class Player:
    """A recording, played into a view whose clock stands at `t` nanoseconds after the engine began."""

    def __init__(self, recording: Recording) -> None:
        self._frames = iter(recording.frames)
        self._next = next(self._frames, None)
        self._engine, inspector = socket.socketpair()
        self.session = Session(inspector, monotonic=self._monotonic)
        self.t = 0
        hello = {name: recording.hello[name] for name in Hello.__struct_fields__ if name in recording.hello}
        self._started: float = hello["started"]
        self.view = View(self.session, monotonic=self._monotonic, wall=self._wall)
        self._send(pack(Hello(**hello)))

    def _monotonic(self) -> float:
        return self.t / SECOND

    def _wall(self) -> float:
        return self._started + self.t / SECOND

    def play_to(self, seconds: float) -> None:
        """Let time pass, and the frames come that came meanwhile."""
        end = int(seconds * SECOND)
        while self.t < end:
            self.t = min(self.t + STEP, end)
            while self._next is not None and self._next[0] <= self.t:
                self._send(self._next[1])
                self._next = next(self._frames, None)
            self.view.advance(1.0)

    def play_on(self, enough: Callable[[Session], bool]) -> None:
        """The same, until there is enough to see. Raises EOFError if the recording ends before."""
        while not enough(self.session):
            if self._next is None:
                raise EOFError("the recording does not show what the picture needs: record it anew")
            self.play_to((self.t + STEP) / SECOND)

    def _send(self, packed: bytes) -> None:
        """One frame, in pieces that fit into the socket's buffer: the session reads between two of them."""
        for start in range(0, len(packed), 32768):
            self._engine.sendall(packed[start : start + 32768])
            self.session.receive()

    def close(self) -> None:
        """Let go of both ends."""
        self.session.close()
        self._engine.close()


def in_utc() -> None:
    """Times of day are the same everywhere: this process lives in UTC from now on."""
    os.environ["TZ"] = "UTC"
    time.tzset()
