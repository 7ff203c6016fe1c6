"""The engine behind a `Stage`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from streamscope.core import Check, Idle, Loop, Pipe, Prepare, Tcp, Timer, Tty, UVError, Wakeup
from streamscope.lessons.stage import Stage
from streamscope.lessons.stage.library import Address

RUNS = {"idle": Idle, "prepare": Prepare, "check": Check, "timer": Timer}


def status_of(call: Callable[[], Any]) -> int:
    """0 or what the call returned, or the number of the error it raised."""
    try:
        return call() or 0
    except UVError as error:
        return error.number


class EngineStage(Stage):
    """`make_loop` makes the engine's loop: another one, or one that is changed."""

    def __init__(self, *, make_loop: Callable[[], Loop] = Loop) -> None:
        super().__init__()
        self.loop = make_loop()
        self.loop.excepthook = self._raised
        self._handles: dict[str, Any] = {}
        self._names: dict[int, str] = {}
        self._requests_named: dict[int, str] = {}

    def _raised(self, handle: Any, callback: str, error: Exception) -> None:
        if self.failure is None:
            self.failure = f"in {callback} of {handle!r}: {type(error).__name__}: {error}"

    def handle_name(self, number: int) -> str:
        """What the program calls the handle with this number."""
        return self._names[number]

    def request_name(self, number: int) -> str:
        """What the program calls the request with this number."""
        return self._requests_named[number]

    # handles

    def descriptor(self, name: str) -> int:
        """See `Library`."""
        return int(self._handles[name].fd)

    def _new(self, name: str, make: Callable[[], Any]) -> int:
        def keep() -> None:
            self._handles[name] = h = make()
            self._names[h.number] = name

        return status_of(keep)

    def _pipe(self, name: str, ipc: bool) -> int:
        return self._new(name, lambda: Pipe(self.loop, ipc))

    def _tcp(self, name: str, family: int | None) -> int:
        return self._new(name, lambda: Tcp(self.loop, family))

    def _tty(self, name: str, fd: int) -> int:
        return self._new(name, lambda: Tty(self.loop, fd))

    def _plain(self, word: str, name: str) -> int:
        if word == "async":
            return self._new(name, lambda: Wakeup(self.loop, lambda _: self._called(name, "async_cb")))
        return self._new(name, lambda: RUNS[word](self.loop))

    def _signal(self, name: str, signum: int) -> None:
        self.loop.on_signal(signum, lambda _: self._called(name, "signal_cb"))

    def _close(self, name: str) -> None:
        self._handles[name].close(lambda _: self._called(name, "close_cb"))

    def _ask(self, function: str, name: str) -> int:
        ask = getattr(self._handles[name], function)
        if function == "fileno":
            return status_of(lambda: 0 * ask())
        return int(ask())

    def _plain_call(self, function: str, name: str) -> None:
        getattr(self._handles[name], function)()

    # streams

    def _open(self, name: str, fd: int) -> int:
        return status_of(lambda: self._handles[name].open(fd))

    def _read_start(self, name: str, buffer: int | None) -> int:
        def alloc(_: Any, suggested: int) -> bytearray:
            wanted = self._called(name, "alloc_cb", suggested)
            return bytearray(buffer or 0 if wanted is None else wanted)

        def read(_: Any, nread: int, buf: Any) -> None:
            self._called(name, "read_cb", nread, bytes(memoryview(buf)[:nread]) if nread > 0 else b"")

        return status_of(lambda: self._handles[name].read_start(None if buffer is None else alloc, read))

    def _read_stop(self, name: str) -> int:
        return status_of(self._handles[name].read_stop)

    def _named_request(self, name: str, make: Callable[[], Any]) -> int:
        def keep() -> None:
            self._requests_named[make().number] = name

        return status_of(keep)

    def _status_cb(self, request: str, callback: str) -> Callable[[Any, int], None]:
        return lambda _, status: self._called(request, callback, status)

    def _write(self, name: str, request: str, bufs: Sequence[bytes], send: str | None) -> int:
        h, cb = self._handles[name], self._status_cb(request, "write_cb")
        if send is None:
            return self._named_request(request, lambda: h.write(list(bufs), cb))
        return self._named_request(request, lambda: h.write2(list(bufs), self._handles[send], cb))

    def _try_write(self, name: str, bufs: Sequence[bytes]) -> int:
        return status_of(lambda: self._handles[name].try_write(list(bufs)))

    def _shutdown(self, name: str, request: str) -> int:
        cb = self._status_cb(request, "shutdown_cb")
        return self._named_request(request, lambda: self._handles[name].shutdown(cb))

    def _listen(self, name: str, backlog: int) -> int:
        return status_of(
            lambda: self._handles[name].listen(backlog, lambda _, status: self._called(name, "connection_cb", status))
        )

    def _accept(self, server: str, client: str) -> int:
        return status_of(lambda: self._handles[server].accept(self._handles[client]))

    def _set_blocking(self, name: str, on: bool) -> int:
        return status_of(lambda: self._handles[name].set_blocking(on))

    def _buffer_size(self, name: str, which: str, n: int) -> int:
        return status_of(lambda: getattr(self._handles[name], f"{which}_buffer_size")(n))

    # tcp, pipe and tty

    def _bind(self, name: str, address: Address, flags: int) -> int:
        return status_of(lambda: self._handles[name].bind(address, flags))

    def _connect(self, name: str, request: str, address: Address) -> int:
        cb = self._status_cb(request, "connect_cb")
        return self._named_request(request, lambda: self._handles[name].connect(address, cb))

    def _tcp_option(self, option: str, name: str, *values: int) -> int:
        return status_of(lambda: getattr(self._handles[name], option)(*values))

    def _close_reset(self, name: str) -> int:
        return status_of(lambda: self._handles[name].close_reset(lambda _: self._called(name, "close_cb")))

    def _address(self, which: str, name: str) -> tuple[int, Address]:
        try:
            found = getattr(self._handles[name], f"get{which}")()
        except UVError as error:
            return error.number, None
        return 0, (found[0], found[1])

    def _pipe_bind(self, name: str, path: str) -> int:
        return status_of(lambda: self._handles[name].bind(path))

    def _pipe_connect(self, name: str, request: str, path: str) -> None:
        cb = self._status_cb(request, "connect_cb")
        self._named_request(request, lambda: self._handles[name].connect(path, cb))

    def _pipe_name(self, which: str, name: str) -> tuple[int, str]:
        try:
            return 0, os.fsdecode(getattr(self._handles[name], f"get{which}")())
        except UVError as error:
            return error.number, ""

    def _chmod(self, name: str, mode: int) -> int:
        return status_of(lambda: self._handles[name].chmod(mode))

    def _set_mode(self, name: str, mode: int) -> int:
        return status_of(lambda: self._handles[name].set_mode(mode))

    def _winsize(self, name: str) -> Any:
        try:
            return list(self._handles[name].get_winsize())
        except UVError as error:
            return error.number

    # timers, loop watchers and the loop

    def _timer_start(self, name: str, timeout: int, repeat: int) -> int:
        return status_of(lambda: self._handles[name].start(lambda _: self._called(name, "timer_cb"), timeout, repeat))

    def _timer_again(self, name: str) -> int:
        return status_of(self._handles[name].again)

    def _start(self, word: str, name: str) -> int:
        return status_of(lambda: self._handles[name].start(lambda _: self._called(name, f"{word}_cb")))

    def _stop(self, word: str, name: str) -> int:
        return status_of(self._handles[name].stop)

    def _send(self, name: str) -> int:
        return status_of(self._handles[name].send)

    def _run(self, mode: int) -> int:
        return int(self.loop.run(mode))

    def _stop_loop(self) -> None:
        self.loop.stop()

    def _update_time(self) -> None:
        self.loop.update_time()

    def _loop_close(self) -> int:
        status = status_of(self.loop.close)
        if status:  # give back what is the loop's own all the same; what is lost is found at the end
            self.loop.handles.clear()
            self.loop.active_reqs = 0
            self.loop.close()
        return status
