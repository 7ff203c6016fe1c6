"""One face for two libraries: a scenario is a function of a `Backend`, and runs on the engine and on the real libuv.

Every call and every callback is written down as a step: what happened, and after it every field of the loop and of
each handle. Two runs agree when their steps are equal. What libuv itself leaves undefined is left out of the
fields: descriptor numbers and pointers, and queue membership of a handle that is closing (libuv leaves stale links).

A scenario gives names to handles, requests and peers, calls the methods below with them, and says with `on` what is
to happen inside a callback:

    def echo(b: Backend) -> None:
        fd, peer_fd = b.socketpair()
        b.pipe("A")
        b.open("A", fd)
        b.peer("peer", peer_fd)
        b.on("A", "read_cb", lambda nread, data: b.write("A", "w1", [data]))
        b.read_start("A")
        b.peer_send("peer", b"hello")
        b.turn()

Methods return libuv's status, 0 or negative, and never raise for it. What a scenario leaves open `finish` closes,
which is compared too.
"""

from __future__ import annotations

import os
import select
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from descriptors import LevelGround
from library import Address, Library
from patience import patience_s
from peers import Peers

from streamscope.core.flags import RUN_DEFAULT, RUN_NOWAIT, RUN_ONCE

Step: TypeAlias = dict[str, Any]
"""`what` happened, the `loop`'s fields, and the fields of all `handles` by name."""

RUN_NAMES = {RUN_DEFAULT: "DEFAULT", RUN_ONCE: "ONCE", RUN_NOWAIT: "NOWAIT"}
TURNS_TO_FINISH = 40


def shown(data: bytes) -> str:
    """Bytes as they stand in a step: in full when short, otherwise their length and checksum."""
    return data.hex() if len(data) <= 16 else f"{len(data)} bytes {zlib.crc32(data):08x}"


def _sizes(bufs: Sequence[bytes]) -> str:
    return str([len(b) for b in bufs]) if len(bufs) < 20 else f"{len(bufs)} buffers, {sum(map(len, bufs))} bytes"


class Backend(Peers, Library):
    """What scenarios see. A subclass makes the calls (`_read_start`, …) and reads the fields (`_loop`, `_handle`)."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.failure: str | None = None
        self.ground = LevelGround()
        self.names: list[str] = []
        """Handles that are not closed yet, in the order of their making."""
        self.buffers: dict[str, int | None] = {}
        self._handlers: dict[tuple[str, str], Callable[..., Any]] = {}

    # writing down

    def _did(self, what: str, status: Any = None) -> Any:
        """Write a step down."""
        if status is not None:
            what = f"{what} = {status}"
        self.steps.append({"what": what, "loop": self._loop(), "handles": {n: self._handle(n) for n in self.names}})
        return status

    def _called(self, name: str, callback: str, *values: Any) -> Any:
        """A callback of the library: write it down, then do what the scenario wants done in it."""
        try:
            text = ", ".join(shown(v) if isinstance(v, bytes) else str(v) for v in (name, *values))
            self._did(f"{callback}({text})")
            if callback == "close_cb":
                self.names.remove(name)
            handler = self._handlers.get((name, callback))
            return handler(*values) if handler is not None else None
        except Exception as error:  # ctypes would swallow it; `run` raises it once the library has returned
            if self.failure is None:
                self.failure = f"in {callback}({name}): {type(error).__name__}: {error}"
            return None

    def on(self, name: str, callback: str, handler: Callable[..., Any]) -> None:
        """What to do in a callback of this handle or request from now on.

        `read_cb` handlers take (nread, data), `alloc_cb` (suggested) and return the size of the buffer to give, all
        others what libuv gives: (status) or nothing.
        """
        self._handlers[name, callback] = handler

    def note(self, what: str, value: Any) -> Any:
        """Write down something that the scenario found out itself; both sides must find the same."""
        return self._did(what, value)

    # handles

    def _made(self, name: str, what: str, status: int) -> int:
        if status == 0:
            self.names.append(name)
        return int(self._did(f"{what}({name})", status))

    def pipe(self, name: str, ipc: bool = False) -> int:
        return self._made(name, "uv_pipe_init", self._pipe(name, ipc))

    def tcp(self, name: str, family: int | None = None) -> int:
        """With a family this is `uv_tcp_init_ex`."""
        return self._made(name, "uv_tcp_init", self._tcp(name, family))

    def tty(self, name: str, fd: int) -> int:
        return self._made(name, "uv_tty_init", self._tty(name, fd))

    def timer(self, name: str) -> int:
        return self._made(name, "uv_timer_init", self._plain("timer", name))

    def wakeup(self, name: str) -> int:
        return self._made(name, "uv_async_init", self._plain("async", name))

    def loop_watcher(self, word: str, name: str) -> int:
        """`word` is idle, prepare or check."""
        return self._made(name, f"uv_{word}_init", self._plain(word, name))

    def close(self, name: str) -> None:
        self._close(name)
        self._did(f"uv_close({name})")

    def ask(self, function: str, name: str) -> int:
        """`is_active`, `is_closing`, `has_ref`, `is_readable`, `is_writable` (0 or 1), `fileno` (0 or an error),
        `pending_count`, `pending_type`."""
        return int(self._did(f"uv_{function}({name})", self._ask(function, name)))

    def ref(self, name: str) -> None:
        self._plain_call("ref", name)
        self._did(f"uv_ref({name})")

    def unref(self, name: str) -> None:
        self._plain_call("unref", name)
        self._did(f"uv_unref({name})")

    def is_closing(self, name: str) -> bool:
        """For a scenario that wants to know; no step."""
        return bool(self._ask("is_closing", name))

    def is_pipe(self, name: str) -> bool:
        """For a scenario that wants to know; no step."""
        return "ipc" in self._handle(name)

    def is_ipc(self, name: str) -> bool:
        """For a scenario that wants to know; no step."""
        return bool(self._handle(name).get("ipc"))

    def holds_descriptor(self, name: str) -> bool:
        """For a scenario that wants to know; no step."""
        return bool(self._handle(name).get("accepted_fd"))

    def signal(self, name: str, signum: int) -> None:
        """Have signal_cb(name) called when the signal comes. The engine has no signal handles, so libuv's is no part
        of the fields; it does not keep the loop alive either.
        """
        self._signal(name, signum)
        self._did(f"uv_signal_start({name})")

    # streams

    def open(self, name: str, fd: int) -> int:
        return int(self._did(f"open({name})", self._open(name, fd)))

    def read_start(self, name: str, buffer: int | None = None) -> int:
        """With a buffer size, alloc_cb is a step of its own; without, the engine makes its own buffers of 64 KiB."""
        status = self._read_start(name, buffer)
        if status == 0:
            self.buffers[name] = buffer
        return int(self._did(f"uv_read_start({name}, {buffer or 'any'})", status))

    def read_stop(self, name: str) -> int:
        return int(self._did(f"uv_read_stop({name})", self._read_stop(name)))

    def write(self, name: str, request: str, bufs: Sequence[bytes], send: str | None = None) -> int:
        """`uv_write`, or `uv_write2` with a handle to send."""
        what = f"uv_write({name}, {request}, {_sizes(bufs)}{', send ' + send if send else ''})"
        return int(self._did(what, self._write(name, request, bufs, send)))

    def try_write(self, name: str, bufs: Sequence[bytes]) -> int:
        return int(self._did(f"uv_try_write({name}, {_sizes(bufs)})", self._try_write(name, bufs)))

    def shutdown(self, name: str, request: str) -> int:
        return int(self._did(f"uv_shutdown({name}, {request})", self._shutdown(name, request)))

    def listen(self, name: str, backlog: int = 16) -> int:
        return int(self._did(f"uv_listen({name}, {backlog})", self._listen(name, backlog)))

    def accept(self, server: str, client: str) -> int:
        return int(self._did(f"uv_accept({server}, {client})", self._accept(server, client)))

    def set_blocking(self, name: str, on: bool) -> int:
        return int(self._did(f"uv_stream_set_blocking({name}, {on})", self._set_blocking(name, on)))

    def buffer_size(self, name: str, which: str, n: int = 0) -> int:
        """`which` is send or recv; returns what the kernel says afterwards."""
        return int(self._did(f"uv_{which}_buffer_size({name}, {n})", self._buffer_size(name, which, n)))

    # tcp and pipe

    def bind(self, name: str, address: Address, flags: int = 0) -> int:
        where = None if address is None else address[0]
        return int(self._did(f"uv_tcp_bind({name}, {where}, {flags})", self._bind(name, address, flags)))

    def connect(self, name: str, request: str, address: Address) -> int:
        where = None if address is None else address[0]
        return int(self._did(f"uv_tcp_connect({name}, {request}, {where})", self._connect(name, request, address)))

    def tcp_option(self, option: str, name: str, *values: int) -> int:
        """`nodelay` (on), `keepalive` (on, delay), `simultaneous_accepts` (on)."""
        return int(self._did(f"uv_tcp_{option}({name}, {values})", self._tcp_option(option, name, *values)))

    def close_reset(self, name: str) -> int:
        return int(self._did(f"uv_tcp_close_reset({name})", self._close_reset(name)))

    def address(self, which: str, name: str) -> Address:
        """`which` is sockname or peername; the step holds the status and the host, the port is only returned."""
        status, address = self._address(which, name)
        found = status if address is None else f"{status} {address[0]} {'port' if address[1] else 'no port'}"
        self._did(f"uv_tcp_get{which}({name})", found)
        return address

    def pipe_bind(self, name: str, path: str) -> int:
        return int(self._did(f"uv_pipe_bind({name})", self._pipe_bind(name, path)))

    def pipe_connect(self, name: str, request: str, path: str) -> None:
        self._pipe_connect(name, request, path)
        self._did(f"uv_pipe_connect({name}, {request})")

    def pipe_name(self, which: str, name: str) -> tuple[int, str]:
        """`which` is sockname or peername: the status and the path."""
        found = self._pipe_name(which, name)
        self._did(f"uv_pipe_get{which}({name})", f"{found[0]} {'named' if found[1] else 'nameless'}")
        return found

    def chmod(self, name: str, mode: int) -> int:
        return int(self._did(f"uv_pipe_chmod({name}, {mode})", self._chmod(name, mode)))

    def set_mode(self, name: str, mode: int) -> int:
        return int(self._did(f"uv_tty_set_mode({name}, {mode})", self._set_mode(name, mode)))

    def winsize(self, name: str) -> Any:
        return self._did(f"uv_tty_get_winsize({name})", self._winsize(name))

    # timers and loop watchers

    def timer_start(self, name: str, timeout: int, repeat: int = 0) -> int:
        return int(self._did(f"uv_timer_start({name}, {timeout}, {repeat})", self._timer_start(name, timeout, repeat)))

    def timer_again(self, name: str) -> int:
        return int(self._did(f"uv_timer_again({name})", self._timer_again(name)))

    def start(self, word: str, name: str) -> int:
        """idle, prepare or check."""
        return int(self._did(f"uv_{word}_start({name})", self._start(word, name)))

    def stop(self, word: str, name: str) -> int:
        """timer, idle, prepare or check."""
        return int(self._did(f"uv_{word}_stop({name})", self._stop(word, name)))

    def send(self, name: str) -> int:
        return int(self._did(f"uv_async_send({name})", self._send(name)))

    # the loop

    def run(self, mode: int = RUN_NOWAIT) -> int:
        """Returns 1 while the loop is alive."""
        alive = int(self._run(mode))
        if self.failure is not None:
            raise AssertionError(self.failure)
        return int(self._did(f"uv_run({RUN_NAMES[mode]})", alive))

    def turn(self, count: int = 1) -> int:
        """That many turns without waiting; returns 1 while the loop is alive."""
        alive = 1
        for _ in range(count):
            alive = self.run(RUN_NOWAIT)
        return alive

    def turn_when(self, name: str, events: int = select.POLLIN) -> int:
        """One turn, once the kernel has these events for the handle's descriptor: TCP may take a moment."""
        self.await_descriptor(self.descriptor(name), events)
        return self.turn()

    def stop_loop(self) -> None:
        self._stop_loop()
        self._did("uv_stop()")

    @staticmethod
    def await_descriptor(fd: int, events: int) -> None:
        poll = select.poll()
        poll.register(fd, events)
        if not poll.poll(patience_s() * 1000):
            raise AssertionError(f"descriptor {fd} has never had one of the events {events:#x}")

    def wait_ms(self, ms: int) -> None:
        """Let the clock advance by so much, and the loop's time with it."""
        until = time.monotonic() + ms / 1000
        while (left := until - time.monotonic()) > 0:
            time.sleep(left)
        self._update_time()
        self._did(f"{ms} ms later")

    def finish(self) -> dict[str, list[str]]:
        """Close what is left, let the loop end, close it and the peers; returns the descriptors that were lost or
        are too many.
        """
        self.give_descriptors_back()
        try:
            for name in list(self.names):
                if not self.is_closing(name):
                    self.close(name)
            for _ in range(TURNS_TO_FINISH):
                if not self.turn():
                    break
        except Exception as error:
            self.failure = self.failure or f"while finishing: {type(error).__name__}: {error}"
        status = self._loop_close()
        self.steps.append({"what": f"uv_loop_close() = {status}", "loop": {}, "handles": {}})
        self.close_peers()
        self.remove_folder()
        return self.ground.leave()


def kernel_masks(fdinfo: int) -> dict[int, int]:
    """What the kernel's epoll holds, by descriptor: read from the epoll descriptor's open /proc/self/fdinfo file."""
    masks = {}
    for line in os.pread(fdinfo, 1 << 16, 0).split(b"\n"):
        if line.startswith(b"tfd:"):
            words = line.split()
            masks[int(words[1])] = int(words[3], 16)
    return masks
