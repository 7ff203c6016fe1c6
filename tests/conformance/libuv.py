"""The real libuv behind a `Backend`, through ctypes. Runs in a process of its own, since the library's asserts abort.

Whatever the library may still point at (requests, buffers, callbacks) is kept until the backend is gone.
"""

from __future__ import annotations

import ctypes as C
import os
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import libuv_abi as abi
from backend import Backend, kernel_masks

from streamscope.core.flags import CLOSING, RUN_NOWAIT, flag_names, poll_names
from streamscope.lessons.stage.library import Address

STREAMS = ("pipe", "tcp", "tty")
ALLOCATED = 65536
_lib: Any = None


def library() -> Any:
    """The loaded library. Its one-time initialisation opens descriptors, so a first loop is made and closed here."""
    global _lib
    if _lib is None:
        _lib = abi.load()
        first = C.create_string_buffer(C.sizeof(abi.Loop))
        _lib.uv_loop_init(first)
        _lib.uv_loop_close(first)
    return _lib


def sockaddr(address: Address) -> Any:
    """A struct sockaddr for a numeric address; None gives one of no family at all."""
    storage = C.create_string_buffer(128)
    if address is not None:
        convert = _lib.uv_ip6_addr if ":" in address[0] else _lib.uv_ip4_addr
        if convert(address[0].encode(), address[1], storage) != 0:
            raise ValueError(f"no numeric address: {address}")
    return storage


class LibuvBackend(Backend):
    """See the module."""

    def __init__(self) -> None:
        self.lib = library()
        super().__init__()
        self._loop_memory = C.create_string_buffer(C.sizeof(abi.Loop))
        self.loop = abi.Loop.from_buffer(self._loop_memory)
        status = self.lib.uv_loop_init(self._loop_memory)
        if status:
            raise OSError(f"uv_loop_init = {status}")
        self._fdinfo = os.open(f"/proc/self/fdinfo/{self.loop.backend_fd}", os.O_RDONLY | os.O_CLOEXEC)
        self._kept: list[Any] = []
        self._handles: dict[str, Any] = {}
        self._types: dict[str, str] = {}
        self._first_io_cb: dict[str, int] = {}
        self._name_at: dict[int, str] = {}
        self._signals: list[Any] = []
        self._slab = C.create_string_buffer(ALLOCATED)
        self._on_alloc = abi.ALLOC_CB(self._alloc)
        self._on_read = abi.READ_CB(self._read)
        self._on_status = {
            word: abi.STATUS_CB(lambda at, status, word=word: self._called(self._name_at[at], word, status))
            for word in ("write_cb", "connect_cb", "shutdown_cb", "connection_cb")
        }
        self._on_status["signal_cb"] = abi.STATUS_CB(lambda at, signum: self._called(self._name_at[at], "signal_cb"))
        self._on_plain = {
            word: abi.PLAIN_CB(lambda at, word=word: self._called(self._name_at[at], word))
            for word in ("close_cb", "timer_cb", "idle_cb", "prepare_cb", "check_cb", "async_cb")
        }

    # callbacks

    def _alloc(self, at: int, suggested: int, buf: Any) -> None:
        name = self._name_at[at]
        size = self.buffers[name]
        if size is None:
            size = suggested
        else:
            wanted = self._called(name, "alloc_cb", suggested)
            size = size if wanted is None else wanted
        buf.contents.base = C.addressof(self._slab) if size else None
        buf.contents.len = size

    def _read(self, at: int, nread: int, buf: Any) -> None:
        data = C.string_at(buf.contents.base, nread) if nread > 0 else b""
        self._called(self._name_at[at], "read_cb", nread, data)

    # fields

    def _link_names(self, head: int, offset: int) -> list[str]:
        return [self._name_at.get(link - offset, "?") for link in abi.walk(head)]

    def _loop(self) -> dict[str, Any]:
        loop = self.loop
        base = C.addressof(loop)
        watchers = {
            base + abi.Loop.async_io_watcher.offset: "wakeup",
            base + abi.Loop.signal_io_watcher.offset: "signal",
        }
        watchers |= {C.addressof(h.io_watcher): n for n, h in self._handles.items() if self._types[n] in STREAMS}

        def queue(field: str, link: str) -> list[str]:
            offset = getattr(abi.Io, link).offset
            return [watchers.get(at - offset, "?") for at in abi.walk(base + getattr(abi.Loop, field).offset)]

        fds = {h.io_watcher.fd: n for n, h in self._handles.items() if n in self.names and self._types[n] in STREAMS}
        fds |= {loop.async_io_watcher.fd: "wakeup", loop.signal_io_watcher.fd: "signal"}
        masks = kernel_masks(self._fdinfo)
        return {
            "active_handles": loop.active_handles,
            "active_reqs": loop.active_reqs & 0xFFFFFFFF,
            "nfds": loop.nfds,
            "stop_flag": bool(loop.stop_flag),
            "alive": bool(self.lib.uv_loop_alive(self._loop_memory)),
            "spare": loop.emfile_fd != -1,
            "pending": queue("pending_queue", "pending_queue"),
            "watcher_queue": queue("watcher_queue", "watcher_queue"),
            "closing": list(self._closing()),
            "idle": self._watchers("idle_handles"),
            "prepare": self._watchers("prepare_handles"),
            "check": self._watchers("check_handles"),
            "epoll": sorted([fds.get(fd, "?"), poll_names(mask & ~0x18)] for fd, mask in masks.items()),
        }

    def _closing(self) -> Iterator[str]:
        at = self.loop.closing_handles
        while at:
            yield self._name_at[at]
            at = abi.Handle.from_address(at).next_closing

    def _watchers(self, field: str) -> list[str]:
        head = C.addressof(self.loop) + getattr(abi.Loop, field).offset
        return self._link_names(head, abi.LoopWatcher.queue.offset)

    def _handle(self, name: str) -> dict[str, Any]:
        h, kind = self._handles[name], self._types[name]
        fields: dict[str, Any] = {"flags": f"{h.flags:#x} {' '.join(flag_names(h.flags, h.type))}"}
        if kind in STREAMS:
            fields |= self._stream(name, h)
        if kind == "pipe":
            fields |= {"ipc": bool(h.ipc), "pipe_fname": bool(h.pipe_fname)}
        elif kind == "timer":
            fields["repeat"] = h.repeat
        return fields

    def _stream(self, name: str, h: Any) -> dict[str, Any]:
        io = h.io_watcher
        queued = abi.QueuedFds.from_address(h.queued_fds) if h.queued_fds else None
        fields = {
            "fd": io.fd != -1,
            "write_queue_size": h.write_queue_size,
            "write_queue": self._requests(h, "write_queue"),
            "write_completed_queue": self._requests(h, "write_completed_queue"),
            "read_cb": bool(h.read_cb),
            "connection_cb": bool(h.connection_cb),
            "connect_req": self._name_at.get(h.connect_req) if h.connect_req else None,
            "shutdown_req": self._name_at.get(h.shutdown_req) if h.shutdown_req else None,
            "delayed_error": h.delayed_error,
            "accepted_fd": h.accepted_fd != -1,
            "queued_fds": [queued.size, queued.offset] if queued else None,
            "pevents": poll_names(io.pevents),
            "events": poll_names(io.events),
            "serves": io.cb != self._first_io_cb[name],
            "watched": self._is_watched(io),
        }
        if self.buffers.get(name) is not None:
            fields["alloc_cb"] = bool(h.alloc_cb)
        if not h.flags & CLOSING:
            fields["pending"] = io.pending_queue.next != C.addressof(io.pending_queue)
            fields["in_watcher_queue"] = io.watcher_queue.next != C.addressof(io.watcher_queue)
        return fields

    def _is_watched(self, io: Any) -> bool:
        if not 0 <= io.fd < self.loop.nwatchers:
            return False
        return bool(C.c_void_p.from_address(self.loop.watchers + 8 * io.fd).value == C.addressof(io))

    def _requests(self, h: Any, field: str) -> list[Any]:
        found = []
        for link in abi.walk(C.addressof(h) + getattr(type(h), field).offset):
            request = abi.Write.from_address(link - abi.Write.queue.offset)
            left = None
            if request.bufs:
                bufs = (abi.Buf * request.nbufs).from_address(request.bufs)
                left = [bufs[i].len for i in range(request.write_index, request.nbufs)]
            sends = self._name_at.get(request.send_handle) if request.send_handle else None
            name = self._name_at[C.addressof(request)]
            found.append([name, request.write_index, request.nbufs, left, request.error, sends])
        return found

    # calls

    def descriptor(self, name: str) -> int:
        return int(self._handles[name].io_watcher.fd)

    def _new(self, name: str, kind: str, layout: Any, init: Any) -> int:
        memory = C.create_string_buffer(max(C.sizeof(layout), self.lib.uv_handle_size(abi.HANDLE_TYPES[kind])))
        status = int(init(memory))
        if status == 0:
            h = layout.from_buffer(memory)
            self._handles[name] = h
            self._types[name] = kind
            self._name_at[C.addressof(h)] = name
            if kind in STREAMS:
                self._first_io_cb[name] = h.io_watcher.cb
        self._kept.append(memory)
        return status

    def _at(self, name: str) -> Any:
        return C.byref(self._handles[name])

    def _request(self, layout: Any, name: str) -> Any:
        request = layout()
        self._kept.append(request)
        self._name_at[C.addressof(request)] = name
        return request

    def _pipe(self, name: str, ipc: bool) -> int:
        return self._new(name, "pipe", abi.Pipe, lambda at: self.lib.uv_pipe_init(self._loop_memory, at, ipc))

    def _tcp(self, name: str, family: int | None) -> int:
        if family is None:
            return self._new(name, "tcp", abi.Stream, lambda at: self.lib.uv_tcp_init(self._loop_memory, at))
        return self._new(name, "tcp", abi.Stream, lambda at: self.lib.uv_tcp_init_ex(self._loop_memory, at, family))

    def _tty(self, name: str, fd: int) -> int:
        return self._new(name, "tty", abi.Stream, lambda at: self.lib.uv_tty_init(self._loop_memory, at, fd, 0))

    def _plain(self, word: str, name: str) -> int:
        if word == "async":
            cb = self._on_plain["async_cb"]
            return self._new(name, word, abi.Async, lambda at: self.lib.uv_async_init(self._loop_memory, at, cb))
        layout = abi.Timer if word == "timer" else abi.LoopWatcher
        init = getattr(self.lib, f"uv_{word}_init")
        return self._new(name, word, layout, lambda at: init(self._loop_memory, at))

    def _signal(self, name: str, signum: int) -> None:
        handle = abi.Signal()
        self._signals.append(handle)
        self._name_at[C.addressof(handle)] = name
        self.lib.uv_signal_init(self._loop_memory, C.byref(handle))
        self.lib.uv_signal_start(C.byref(handle), self._on_status["signal_cb"], signum)
        self.lib.uv_unref(C.byref(handle))

    def _close(self, name: str) -> None:
        self.lib.uv_close(self._at(name), self._on_plain["close_cb"])

    def _ask(self, function: str, name: str) -> int:
        if function == "fileno":
            return int(self.lib.uv_fileno(self._at(name), C.byref(C.c_int())))
        if function in ("pending_count", "pending_type"):
            return int(getattr(self.lib, f"uv_pipe_{function}")(self._at(name)))
        return int(bool(getattr(self.lib, f"uv_{function}")(self._at(name))))

    def _plain_call(self, function: str, name: str) -> None:
        getattr(self.lib, f"uv_{function}")(self._at(name))

    def _open(self, name: str, fd: int) -> int:
        return int(getattr(self.lib, f"uv_{self._types[name]}_open")(self._at(name), fd))

    def _read_start(self, name: str, buffer: int | None) -> int:
        before = self.buffers.get(name)
        self.buffers[name] = buffer
        status = int(self.lib.uv_read_start(self._at(name), self._on_alloc, self._on_read))
        if status:
            self.buffers[name] = before
        return status

    def _read_stop(self, name: str) -> int:
        return int(self.lib.uv_read_stop(self._at(name)))

    def _bufs(self, bufs: Sequence[bytes]) -> Any:
        array = (abi.Buf * len(bufs))()
        for slot, data in zip(array, bufs):
            memory = C.create_string_buffer(data, len(data))
            self._kept.append(memory)
            slot.base, slot.len = C.addressof(memory), len(data)
        self._kept.append(array)
        return array

    def _write(self, name: str, request: str, bufs: Sequence[bytes], send: str | None) -> int:
        sends = self._at(send) if send else None
        req = self._request(abi.Write, request)
        cb = self._on_status["write_cb"]
        return int(self.lib.uv_write2(C.byref(req), self._at(name), self._bufs(bufs), len(bufs), sends, cb))

    def _try_write(self, name: str, bufs: Sequence[bytes]) -> int:
        return int(self.lib.uv_try_write(self._at(name), self._bufs(bufs), len(bufs)))

    def _shutdown(self, name: str, request: str) -> int:
        req = self._request(abi.Shutdown, request)
        return int(self.lib.uv_shutdown(C.byref(req), self._at(name), self._on_status["shutdown_cb"]))

    def _listen(self, name: str, backlog: int) -> int:
        return int(self.lib.uv_listen(self._at(name), backlog, self._on_status["connection_cb"]))

    def _accept(self, server: str, client: str) -> int:
        return int(self.lib.uv_accept(self._at(server), self._at(client)))

    def _set_blocking(self, name: str, on: bool) -> int:
        return int(self.lib.uv_stream_set_blocking(self._at(name), on))

    def _buffer_size(self, name: str, which: str, n: int) -> int:
        value = C.c_int(n)
        status = int(getattr(self.lib, f"uv_{which}_buffer_size")(self._at(name), C.byref(value)))
        if n and status == 0:  # setting returns nothing; ask again for what the kernel made of it
            value = C.c_int(0)
            status = int(getattr(self.lib, f"uv_{which}_buffer_size")(self._at(name), C.byref(value)))
        return status or value.value

    def _bind(self, name: str, address: Address, flags: int) -> int:
        return int(self.lib.uv_tcp_bind(self._at(name), sockaddr(address), flags))

    def _connect(self, name: str, request: str, address: Address) -> int:
        req = self._request(abi.Connect, request)
        cb = self._on_status["connect_cb"]
        return int(self.lib.uv_tcp_connect(C.byref(req), self._at(name), sockaddr(address), cb))

    def _tcp_option(self, option: str, name: str, *values: int) -> int:
        return int(getattr(self.lib, f"uv_tcp_{option}")(self._at(name), *values))

    def _close_reset(self, name: str) -> int:
        return int(self.lib.uv_tcp_close_reset(self._at(name), self._on_plain["close_cb"]))

    def _address(self, which: str, name: str) -> tuple[int, Address]:
        storage, length = C.create_string_buffer(128), C.c_int(128)
        status = int(getattr(self.lib, f"uv_tcp_get{which}")(self._at(name), storage, C.byref(length)))
        if status:
            return status, None
        family = int.from_bytes(storage.raw[:2], "little")
        port = int.from_bytes(storage.raw[2:4], "big")
        raw = storage.raw[8:24] if family == socket.AF_INET6 else storage.raw[4:8]
        return 0, (socket.inet_ntop(family, raw), port)

    def _pipe_bind(self, name: str, path: str) -> int:
        return int(self.lib.uv_pipe_bind(self._at(name), os.fsencode(path)))

    def _pipe_connect(self, name: str, request: str, path: str) -> None:
        req = self._request(abi.Connect, request)
        self.lib.uv_pipe_connect(C.byref(req), self._at(name), os.fsencode(path), self._on_status["connect_cb"])

    def _pipe_name(self, which: str, name: str) -> tuple[int, str]:
        storage, length = C.create_string_buffer(256), C.c_size_t(256)
        status = int(getattr(self.lib, f"uv_pipe_get{which}")(self._at(name), storage, C.byref(length)))
        return status, "" if status else os.fsdecode(storage.raw[: length.value])

    def _chmod(self, name: str, mode: int) -> int:
        return int(self.lib.uv_pipe_chmod(self._at(name), mode))

    def _set_mode(self, name: str, mode: int) -> int:
        return int(self.lib.uv_tty_set_mode(self._at(name), mode))

    def _winsize(self, name: str) -> Any:
        width, height = C.c_int(), C.c_int()
        status = int(self.lib.uv_tty_get_winsize(self._at(name), C.byref(width), C.byref(height)))
        return status or [width.value, height.value]

    def _timer_start(self, name: str, timeout: int, repeat: int) -> int:
        return int(self.lib.uv_timer_start(self._at(name), self._on_plain["timer_cb"], timeout, repeat))

    def _timer_again(self, name: str) -> int:
        return int(self.lib.uv_timer_again(self._at(name)))

    def _start(self, word: str, name: str) -> int:
        return int(getattr(self.lib, f"uv_{word}_start")(self._at(name), self._on_plain[f"{word}_cb"]))

    def _stop(self, word: str, name: str) -> int:
        return int(getattr(self.lib, f"uv_{word}_stop")(self._at(name)))

    def _send(self, name: str) -> int:
        return int(self.lib.uv_async_send(self._at(name)))

    def _run(self, mode: int) -> int:
        return int(bool(self.lib.uv_run(self._loop_memory, mode)))

    def _stop_loop(self) -> None:
        self.lib.uv_stop(self._loop_memory)

    def _update_time(self) -> None:
        self.lib.uv_update_time(self._loop_memory)

    def _loop_close(self) -> int:
        os.close(self._fdinfo)
        for handle in self._signals:
            self.lib.uv_close(C.byref(handle), None)
        if self._signals:
            self.lib.uv_run(self._loop_memory, RUN_NOWAIT)
        return int(self.lib.uv_loop_close(self._loop_memory))
