"""The process of the real library, as one that is looked at from outside: after each step it says what it reads inside,
by addresses, and waits until whoever looks has read the same.

Requests and answers are `worker`'s; between them goes a line for each step, and an empty one back.
"""

from __future__ import annotations

import ctypes as C
import socket
import sys
from typing import Any

import libuv_abi as abi
import msgspec
from libuv import STREAMS, LibuvBackend, library
from runs import run

from streamscope.core.flags import CLOSED

LINK = socket.socket(fileno=int(sys.argv[1])).makefile("rwb")
"""What is said goes another way than a scenario's own standard descriptors."""


class PeekedLibuv(LibuvBackend):
    """Says at each step what it is."""

    def _did(self, what: str, status: Any = None) -> Any:
        status = super()._did(what, status)
        # one that is closed is in the loop's list no more when its close_cb runs
        streams = {
            name: self._handles[name]
            for name in self.names
            if self._types[name] in STREAMS and not self._handles[name].flags & CLOSED
        }
        said = {
            "what": what,
            "loop": C.addressof(self.loop),
            "epoll": self.loop.backend_fd,
            "counts": [self.loop.active_handles, self.loop.active_reqs & 0xFFFFFFFF, self.loop.nfds],
            "closing": sorted(self._closing_addresses()),
            "streams": {str(C.addressof(handle)): _inside(handle) for handle in streams.values()},
        }
        LINK.write(msgspec.json.encode(said) + b"\n")
        LINK.flush()
        LINK.readline()
        return status

    def _closing_addresses(self) -> list[int]:
        found, at = [], self.loop.closing_handles
        while at:
            found.append(at)
            at = abi.Handle.from_address(at).next_closing
        return found


def _inside(handle: Any) -> dict[str, Any]:
    io = handle.io_watcher
    queued = abi.QueuedFds.from_address(handle.queued_fds) if handle.queued_fds else None
    fields = {name: getattr(handle, name) or 0 for name in
              ("flags", "write_queue_size", "alloc_cb", "read_cb", "connect_req", "shutdown_req", "connection_cb",
               "delayed_error", "accepted_fd")}  # fmt: skip
    return fields | {
        "type": handle.type,
        "fd": io.fd,
        "pevents": io.pevents,
        "events": io.events,
        "pending": io.pending_queue.next,
        "watched": io.watcher_queue.next,
        "ipc": bool(handle.type == abi.HANDLE_TYPES["pipe"] and handle.ipc),
        "room": queued.size if queued else 0,
        "queued": list((C.c_int * queued.offset).from_address(handle.queued_fds + 8)) if queued else [],
        "writes": _requests(handle, "write_queue"),
        "completed": _requests(handle, "write_completed_queue"),
    }


def _requests(handle: Any, field: str) -> list[list[int]]:
    found = []
    for link in abi.walk(C.addressof(handle) + getattr(type(handle), field).offset):
        request = abi.Write.from_address(link - abi.Write.queue.offset)
        bufs = (abi.Buf * request.nbufs).from_address(request.bufs) if request.bufs else []
        left = sum(buf.len for buf in bufs[request.write_index :])
        found.append([C.addressof(request), left, request.nbufs, request.write_index, request.send_handle or 0,
                      request.error])  # fmt: skip
    return found


def main() -> None:
    """Answer requests until there are no more."""
    library()
    while line := LINK.readline():
        module, function, arguments = msgspec.json.decode(line)
        answer = run(PeekedLibuv, module, function, arguments)
        LINK.write(msgspec.json.encode({"answer": answer}) + b"\n")
        LINK.flush()


if __name__ == "__main__":
    main()
