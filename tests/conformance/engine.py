"""The engine behind a `Backend`: the same calls and the same fields as the real library."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from backend import Backend, kernel_masks

from streamscope.core import Loop, Pipe, Stream, Timer
from streamscope.core.flags import CLOSING, flag_names, poll_names
from streamscope.core.stream.io import uv__stream_io
from streamscope.lessons.stage.on_engine import EngineStage


class EngineBackend(Backend, EngineStage):
    """With `watched`, the engine also tells of everything it does; `feed` then holds the records."""

    def __init__(self, *, watched: bool = False, make_loop: Callable[[], Loop] = Loop) -> None:
        super().__init__(make_loop=make_loop)
        self.feed: list[int | str] = []
        if watched:
            self.loop.watch(self.feed)
        poller: Any = self.loop.poller
        self._fdinfo = os.open(f"/proc/self/fdinfo/{poller.fileno()}", os.O_RDONLY | os.O_CLOEXEC)

    # fields

    def _loop(self) -> dict[str, Any]:
        loop = self.loop
        watchers: dict[Any, str] = {loop.async_watcher: "wakeup", loop.signals.watcher: "signal"}
        watchers |= {h: n for n, h in self._handles.items() if isinstance(h, Stream)}
        fds = {h.fd: n for n, h in self._handles.items() if n in self.names and isinstance(h, Stream)}
        fds |= {loop.async_watcher.fd: "wakeup", loop.signals.watcher.fd: "signal"}
        masks = kernel_masks(self._fdinfo)
        return {
            "active_handles": loop.active_handles,
            "active_reqs": loop.active_reqs,
            "nfds": loop.nfds,
            "stop_flag": loop.stop_flag,
            "alive": loop.alive(),
            "spare": loop.emfile_fd != -1,
            "pending": [watchers.get(w, "?") for w in loop.pending_queue],
            "watcher_queue": [watchers.get(w, "?") for w in loop.watcher_queue],
            "closing": [self._names[h.number] for h in loop.closing_handles],
            **{
                word: [self._names[h.number] for h in loop.loop_watchers[word]] for word in ("idle", "prepare", "check")
            },
            "epoll": sorted([fds.get(fd, "?"), poll_names(mask & ~0x18)] for fd, mask in masks.items()),
        }

    def _handle(self, name: str) -> dict[str, Any]:
        h = self._handles[name]
        fields: dict[str, Any] = {"flags": f"{h.flags:#x} {' '.join(flag_names(h.flags, h.type))}"}
        if isinstance(h, Stream):
            fields |= self._stream(name, h)
        if isinstance(h, Pipe):
            fields |= {"ipc": h.ipc, "pipe_fname": h.pipe_fname is not None}
        elif isinstance(h, Timer):
            fields["repeat"] = h.repeat
        return fields

    def _stream(self, name: str, h: Stream) -> dict[str, Any]:
        queued = h.queued_fds
        fields = {
            "fd": h.fd != -1,
            "write_queue_size": h.write_queue_size,
            "write_queue": [self._request(r) for r in h.write_queue],
            "write_completed_queue": [self._request(r) for r in h.write_completed_queue],
            "read_cb": h.read_cb is not None,
            "connection_cb": h.connection_cb is not None,
            "connect_req": self._requests_named.get(h.connect_req.number) if h.connect_req else None,
            "shutdown_req": self._requests_named.get(h.shutdown_req.number) if h.shutdown_req else None,
            "delayed_error": h.delayed_error,
            "accepted_fd": h.accepted_fd != -1,
            "queued_fds": None if queued is None else [queued.capacity, len(queued)],
            "pevents": poll_names(h.io_watcher.pevents),
            "events": poll_names(h.io_watcher.events),
            "serves": h.io_cb is not uv__stream_io,
            "watched": 0 <= h.fd < len(self.loop.watchers) and self.loop.watchers[h.fd] is h,
        }
        if self.buffers.get(name) is not None:
            fields["alloc_cb"] = h.alloc_cb is not None
        if not h.flags & CLOSING:
            fields["pending"] = h.pending
            fields["in_watcher_queue"] = h.watched
        return fields

    def _request(self, request: Any) -> list[Any]:
        bufs = request.bufs
        left = None if bufs is None else [len(b) for b in bufs[request.write_index :]]
        sends = None if request.send_handle is None else self._names[request.send_handle.number]
        name = self._requests_named.get(request.number)
        return [name, request.write_index, request.nbufs, left, request.error, sends]

    def _loop_close(self) -> int:
        os.close(self._fdinfo)
        return super()._loop_close()
