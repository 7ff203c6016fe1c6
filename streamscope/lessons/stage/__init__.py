"""Where a lesson's program plays: one face for two libraries, the engine and the real libuv.

A program gives names to handles, requests and peers, calls the methods below with them, and says with `on` what is to
happen inside a callback. Between its calls, and inside callbacks too, `step` says what there is to be seen now:

    def echo(s: Stage) -> None:
        fd, peer_fd = s.socketpair()
        s.pipe("A")
        s.open("A", fd)
        s.peer("peer", peer_fd)
        s.on("A", "read_cb", lambda nread, data: s.write("A", "w1", [data]))
        s.read_start("A")
        s.step("It reads", "The flag is on at once, epoll hears of it in the next turn.", of="A", claims=("READING",))
        s.peer_send("peer", b"hello")
        s.turn()

Methods return libuv's status, 0 or negative, and never raise for it. What a program leaves open `finish` closes.

Every call and every callback passes through `_did` when it is over: `tests/conformance` writes down there what every
field was then, and compares.
"""

from __future__ import annotations

import select
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from streamscope.core.flags import RUN_DEFAULT, RUN_NOWAIT, RUN_ONCE
from streamscope.language import tr
from streamscope.lessons.stage.library import Address, Library
from streamscope.lessons.stage.plain_peers import Peers, StageError
from streamscope.lessons.step import LessonStep, step

RUN_NAMES = {RUN_DEFAULT: "DEFAULT", RUN_ONCE: "ONCE", RUN_NOWAIT: "NOWAIT"}
TURNS_TO_FINISH = 40


def shown(data: bytes) -> str:
    """Bytes as they are told of: in full when short, otherwise their length and checksum."""
    return data.hex() if len(data) <= 16 else f"{len(data)} bytes {zlib.crc32(data):08x}"


def _sizes(bufs: Sequence[bytes]) -> str:
    return str([len(b) for b in bufs]) if len(bufs) < 20 else f"{len(bufs)} buffers, {sum(map(len, bufs))} bytes"


class Stage(Peers, Library):
    """What programs see. A subclass makes the calls (`_read_start`, …)."""

    def __init__(self) -> None:
        super().__init__()
        self.failure: str | None = None
        """What went wrong inside a callback, where nobody could be told."""
        self.names: list[str] = []
        """Handles that are not closed yet, in the order of their making."""
        self.buffers: dict[str, int | None] = {}
        self._handlers: dict[tuple[str, str], Callable[..., Any]] = {}

    # telling

    def _did(self, what: str, status: Any = None) -> Any:
        """Something has been done, with this status if it has one, which is returned."""
        return status

    def _stands(self, step: LessonStep) -> None:
        """The program has come to a step."""

    def step(
        self, title: str, text: str, *, of: str, look: str = "", claims: Sequence[str] = (), chapter: str = ""
    ) -> None:
        """Say what there is to be seen now of the handle `of`: see `LessonStep`. `look` are names of fields, between
        spaces.
        """
        self._stands(step(title, text, of, look, claims, chapter))

    def _called(self, name: str, callback: str, *values: Any) -> Any:
        """A callback of the library: tell of it, then do what the program wants done in it."""
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
        """Tell of something that the program found out itself; both libraries must find the same."""
        return self._did(what, value)

    # handles

    def _made(self, name: str, what: str, status: int) -> int:
        if status == 0:
            self.names.append(name)
        return int(self._did(f"{what}({name})", status))

    def pipe(self, name: str, ipc: bool = False) -> int:
        """`uv_pipe_init`."""
        return self._made(name, "uv_pipe_init", self._pipe(name, ipc))

    def tcp(self, name: str, family: int | None = None) -> int:
        """With a family this is `uv_tcp_init_ex`."""
        return self._made(name, "uv_tcp_init", self._tcp(name, family))

    def tty(self, name: str, fd: int) -> int:
        """`uv_tty_init`."""
        return self._made(name, "uv_tty_init", self._tty(name, fd))

    def timer(self, name: str) -> int:
        """`uv_timer_init`."""
        return self._made(name, "uv_timer_init", self._plain("timer", name))

    def wakeup(self, name: str) -> int:
        """`uv_async_init`."""
        return self._made(name, "uv_async_init", self._plain("async", name))

    def loop_watcher(self, word: str, name: str) -> int:
        """`word` is idle, prepare or check."""
        return self._made(name, f"uv_{word}_init", self._plain(word, name))

    def close(self, name: str) -> None:
        """`uv_close`."""
        self._close(name)
        self._did(f"uv_close({name})")

    def ask(self, function: str, name: str) -> int:
        """`is_active`, `is_closing`, `has_ref`, `is_readable`, `is_writable` (0 or 1), `fileno` (0 or an error),
        `pending_count`, `pending_type`."""
        return int(self._did(f"uv_{function}({name})", self._ask(function, name)))

    def ref(self, name: str) -> None:
        """`uv_ref`."""
        self._plain_call("ref", name)
        self._did(f"uv_ref({name})")

    def unref(self, name: str) -> None:
        """`uv_unref`."""
        self._plain_call("unref", name)
        self._did(f"uv_unref({name})")

    def is_closing(self, name: str) -> bool:
        """For a program that wants to know."""
        return bool(self._ask("is_closing", name))

    def signal(self, name: str, signum: int) -> None:
        """Have signal_cb(name) called when the signal comes. It does not keep the loop alive; the engine has no signal
        handles.
        """
        self._signal(name, signum)
        self._did(f"uv_signal_start({name})")

    # streams

    def open(self, name: str, fd: int) -> int:
        """`uv_pipe_open` or `uv_tcp_open`."""
        return int(self._did(f"open({name})", self._open(name, fd)))

    def read_start(self, name: str, buffer: int | None = None) -> int:
        """With a buffer size, alloc_cb is told of; without, the engine makes its own buffers of 64 KiB."""
        status = self._read_start(name, buffer)
        if status == 0:
            self.buffers[name] = buffer
        return int(self._did(f"uv_read_start({name}, {buffer or 'any'})", status))

    def read_stop(self, name: str) -> int:
        """`uv_read_stop`."""
        return int(self._did(f"uv_read_stop({name})", self._read_stop(name)))

    def write(self, name: str, request: str, bufs: Sequence[bytes], send: str | None = None) -> int:
        """`uv_write`, or `uv_write2` with a handle to send."""
        what = f"uv_write({name}, {request}, {_sizes(bufs)}{', send ' + send if send else ''})"
        return int(self._did(what, self._write(name, request, bufs, send)))

    def try_write(self, name: str, bufs: Sequence[bytes]) -> int:
        """`uv_try_write`."""
        return int(self._did(f"uv_try_write({name}, {_sizes(bufs)})", self._try_write(name, bufs)))

    def shutdown(self, name: str, request: str) -> int:
        """`uv_shutdown`."""
        return int(self._did(f"uv_shutdown({name}, {request})", self._shutdown(name, request)))

    def listen(self, name: str, backlog: int = 16) -> int:
        """`uv_listen`."""
        return int(self._did(f"uv_listen({name}, {backlog})", self._listen(name, backlog)))

    def accept(self, server: str, client: str) -> int:
        """`uv_accept`."""
        return int(self._did(f"uv_accept({server}, {client})", self._accept(server, client)))

    def set_blocking(self, name: str, on: bool) -> int:
        """`uv_stream_set_blocking`."""
        return int(self._did(f"uv_stream_set_blocking({name}, {on})", self._set_blocking(name, on)))

    def buffer_size(self, name: str, which: str, n: int = 0) -> int:
        """`which` is send or recv; returns what the kernel says afterwards."""
        return int(self._did(f"uv_{which}_buffer_size({name}, {n})", self._buffer_size(name, which, n)))

    # tcp and pipe

    def bind(self, name: str, address: Address, flags: int = 0) -> int:
        """`uv_tcp_bind`."""
        where = None if address is None else address[0]
        return int(self._did(f"uv_tcp_bind({name}, {where}, {flags})", self._bind(name, address, flags)))

    def connect(self, name: str, request: str, address: Address) -> int:
        """`uv_tcp_connect`."""
        where = None if address is None else address[0]
        return int(self._did(f"uv_tcp_connect({name}, {request}, {where})", self._connect(name, request, address)))

    def tcp_option(self, option: str, name: str, *values: int) -> int:
        """`nodelay` (on), `keepalive` (on, delay), `simultaneous_accepts` (on)."""
        return int(self._did(f"uv_tcp_{option}({name}, {values})", self._tcp_option(option, name, *values)))

    def close_reset(self, name: str) -> int:
        """`uv_tcp_close_reset`."""
        return int(self._did(f"uv_tcp_close_reset({name})", self._close_reset(name)))

    def address(self, which: str, name: str) -> Address:
        """`which` is sockname or peername; told of are the status and the host, the port is only returned."""
        status, address = self._address(which, name)
        found = status if address is None else f"{status} {address[0]} {'port' if address[1] else 'no port'}"
        self._did(f"uv_tcp_get{which}({name})", found)
        return address

    def pipe_bind(self, name: str, path: str) -> int:
        """`uv_pipe_bind`."""
        return int(self._did(f"uv_pipe_bind({name})", self._pipe_bind(name, path)))

    def pipe_connect(self, name: str, request: str, path: str) -> None:
        """`uv_pipe_connect`."""
        self._pipe_connect(name, request, path)
        self._did(f"uv_pipe_connect({name}, {request})")

    def pipe_name(self, which: str, name: str) -> tuple[int, str]:
        """`which` is sockname or peername: the status and the path."""
        found = self._pipe_name(which, name)
        self._did(f"uv_pipe_get{which}({name})", f"{found[0]} {'named' if found[1] else 'nameless'}")
        return found

    def chmod(self, name: str, mode: int) -> int:
        """`uv_pipe_chmod`."""
        return int(self._did(f"uv_pipe_chmod({name}, {mode})", self._chmod(name, mode)))

    def set_mode(self, name: str, mode: int) -> int:
        """`uv_tty_set_mode`."""
        return int(self._did(f"uv_tty_set_mode({name}, {mode})", self._set_mode(name, mode)))

    def winsize(self, name: str) -> Any:
        """`uv_tty_get_winsize`."""
        return self._did(f"uv_tty_get_winsize({name})", self._winsize(name))

    # timers and loop watchers

    def timer_start(self, name: str, timeout: int, repeat: int = 0) -> int:
        """`uv_timer_start`."""
        return int(self._did(f"uv_timer_start({name}, {timeout}, {repeat})", self._timer_start(name, timeout, repeat)))

    def timer_again(self, name: str) -> int:
        """`uv_timer_again`."""
        return int(self._did(f"uv_timer_again({name})", self._timer_again(name)))

    def start(self, word: str, name: str) -> int:
        """idle, prepare or check."""
        return int(self._did(f"uv_{word}_start({name})", self._start(word, name)))

    def stop(self, word: str, name: str) -> int:
        """timer, idle, prepare or check."""
        return int(self._did(f"uv_{word}_stop({name})", self._stop(word, name)))

    def send(self, name: str) -> int:
        """`uv_async_send`."""
        return int(self._did(f"uv_async_send({name})", self._send(name)))

    # the loop

    def run(self, mode: int = RUN_NOWAIT) -> int:
        """Returns 1 while the loop is alive."""
        alive = int(self._run(mode))
        if self.failure is not None:
            raise StageError(self.failure)
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
        """`uv_stop`."""
        self._stop_loop()
        self._did("uv_stop()")

    def await_descriptor(self, fd: int, events: int) -> None:
        """Wait until the kernel has one of these events for a descriptor."""
        poll = select.poll()
        poll.register(fd, events)
        if not poll.poll(self.patience_s * 1000):
            raise StageError(tr("descriptor {fd} has never had one of the events {events:#x}", fd=fd, events=events))

    def wait_ms(self, ms: int) -> None:
        """Let the clock advance by so much, and the loop's time with it."""
        until = time.monotonic() + ms / 1000
        while (left := until - time.monotonic()) > 0:
            time.sleep(left)
        self._update_time()
        self._did(f"{ms} ms later")

    def finish(self) -> None:
        """Close what is left, let the loop end, and close it and the peers."""
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
        self._ended(self._loop_close())
        self.close_peers()
        self.remove_folder()

    def _ended(self, status: int) -> None:
        """The loop was closed, with this status."""
