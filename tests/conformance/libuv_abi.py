"""The memory layout of libuv 1.44.2 on 64-bit Linux, as far as the comparison reads it, and the library's functions.

`load` checks every size against what the library says of itself before anything is read.
"""

from __future__ import annotations

import ctypes as C
from collections.abc import Iterator
from functools import cache
from typing import Any

VERSION = "1.44.2"


class Queue(C.Structure):
    _fields_ = (("next", C.c_void_p), ("prev", C.c_void_p))


class Buf(C.Structure):
    _fields_ = (("base", C.c_void_p), ("len", C.c_size_t))


class Io(C.Structure):
    _fields_ = (
        ("cb", C.c_void_p),
        ("pending_queue", Queue),
        ("watcher_queue", Queue),
        ("pevents", C.c_uint),
        ("events", C.c_uint),
        ("fd", C.c_int),
    )


_HANDLE: tuple[tuple[str, Any], ...] = (
    ("data", C.c_void_p),
    ("loop", C.c_void_p),
    ("type", C.c_int),
    ("close_cb", C.c_void_p),
    ("handle_queue", Queue),
    ("u", C.c_void_p * 4),
    ("next_closing", C.c_void_p),
    ("flags", C.c_uint),
)


class Handle(C.Structure):
    _fields_ = _HANDLE


class LoopWatcher(C.Structure):
    """idle, prepare and check."""

    _fields_ = (*_HANDLE, ("cb", C.c_void_p), ("queue", Queue))


class Async(C.Structure):
    _fields_ = (*_HANDLE, ("async_cb", C.c_void_p), ("queue", Queue), ("pending", C.c_int))


class Timer(C.Structure):
    _fields_ = (
        *_HANDLE,
        ("timer_cb", C.c_void_p),
        ("heap_node", C.c_void_p * 3),
        ("timeout", C.c_uint64),
        ("repeat", C.c_uint64),
        ("start_id", C.c_uint64),
    )


class Signal(C.Structure):
    _fields_ = (
        *_HANDLE,
        ("signal_cb", C.c_void_p),
        ("signum", C.c_int),
        ("tree_entry", C.c_void_p * 4),
        ("caught_signals", C.c_uint),
        ("dispatched_signals", C.c_uint),
    )


_STREAM: tuple[tuple[str, Any], ...] = (
    *_HANDLE,
    ("write_queue_size", C.c_size_t),
    ("alloc_cb", C.c_void_p),
    ("read_cb", C.c_void_p),
    ("connect_req", C.c_void_p),
    ("shutdown_req", C.c_void_p),
    ("io_watcher", Io),
    ("write_queue", Queue),
    ("write_completed_queue", Queue),
    ("connection_cb", C.c_void_p),
    ("delayed_error", C.c_int),
    ("accepted_fd", C.c_int),
    ("queued_fds", C.c_void_p),
)


class Stream(C.Structure):
    _fields_ = _STREAM


class Pipe(C.Structure):
    _fields_ = (*_STREAM, ("ipc", C.c_int), ("pipe_fname", C.c_void_p))


class QueuedFds(C.Structure):
    """uv__stream_queued_fds_t of src/unix/internal.h; the descriptors follow."""

    _fields_ = (("size", C.c_uint), ("offset", C.c_uint))


_REQUEST: tuple[tuple[str, Any], ...] = (("data", C.c_void_p), ("type", C.c_int), ("reserved", C.c_void_p * 6))


class Write(C.Structure):
    _fields_ = (
        *_REQUEST,
        ("cb", C.c_void_p),
        ("send_handle", C.c_void_p),
        ("handle", C.c_void_p),
        ("queue", Queue),
        ("write_index", C.c_uint),
        ("bufs", C.c_void_p),
        ("nbufs", C.c_uint),
        ("error", C.c_int),
        ("bufsml", Buf * 4),
    )


class Connect(C.Structure):
    _fields_ = (*_REQUEST, ("cb", C.c_void_p), ("handle", C.c_void_p), ("queue", Queue))


class Shutdown(C.Structure):
    _fields_ = (*_REQUEST, ("handle", C.c_void_p), ("cb", C.c_void_p))


class Loop(C.Structure):
    _fields_ = (
        ("data", C.c_void_p),
        ("active_handles", C.c_uint),
        ("handle_queue", Queue),
        ("active_reqs", C.c_uint64),
        ("internal_fields", C.c_void_p),
        ("stop_flag", C.c_uint),
        ("flags", C.c_ulong),
        ("backend_fd", C.c_int),
        ("pending_queue", Queue),
        ("watcher_queue", Queue),
        ("watchers", C.c_void_p),
        ("nwatchers", C.c_uint),
        ("nfds", C.c_uint),
        ("wq", Queue),
        ("wq_mutex", C.c_uint64 * 5),
        ("wq_async", Async),
        ("cloexec_lock", C.c_uint64 * 7),
        ("closing_handles", C.c_void_p),
        ("process_handles", Queue),
        ("prepare_handles", Queue),
        ("check_handles", Queue),
        ("idle_handles", Queue),
        ("async_handles", Queue),
        ("async_unused", C.c_void_p),
        ("async_io_watcher", Io),
        ("async_wfd", C.c_int),
        ("timer_heap", C.c_void_p * 2),
        ("timer_counter", C.c_uint64),
        ("time", C.c_uint64),
        ("signal_pipefd", C.c_int * 2),
        ("signal_io_watcher", Io),
        ("child_watcher", Signal),
        ("emfile_fd", C.c_int),
        ("inotify_read_watcher", Io),
        ("inotify_watchers", C.c_void_p),
        ("inotify_fd", C.c_int),
    )


ALLOC_CB = C.CFUNCTYPE(None, C.c_void_p, C.c_size_t, C.POINTER(Buf))
READ_CB = C.CFUNCTYPE(None, C.c_void_p, C.c_ssize_t, C.POINTER(Buf))
STATUS_CB = C.CFUNCTYPE(None, C.c_void_p, C.c_int)
PLAIN_CB = C.CFUNCTYPE(None, C.c_void_p)

HANDLE_TYPES = {"async": 1, "check": 2, "idle": 6, "pipe": 7, "prepare": 9, "tcp": 12, "timer": 13, "tty": 14}
_SIZES = {1: Async, 2: LoopWatcher, 6: LoopWatcher, 7: Pipe, 9: LoopWatcher, 12: Stream, 13: Timer, 16: Signal}
_REQUEST_SIZES = {2: Connect, 3: Write, 4: Shutdown}


def walk(head: int) -> Iterator[int]:
    """The addresses of a queue's links, first to last, without its head."""
    link = Queue.from_address(head).next
    while link != head:
        yield link
        link = Queue.from_address(link).next


def load() -> Any:
    """The library with its functions declared. Raises OSError if there is none, or if it is not what this file
    describes.
    """
    lib = C.CDLL("libuv.so.1")
    lib.uv_version_string.restype = C.c_char_p
    version = lib.uv_version_string().decode()
    if version != VERSION:
        raise OSError(f"libuv.so.1 is {version}")
    for function in ("uv_loop_size", "uv_handle_size", "uv_req_size"):
        getattr(lib, function).restype = C.c_size_t
    sizes = [(C.sizeof(layout), lib.uv_handle_size(number)) for number, layout in _SIZES.items()]
    sizes += [(C.sizeof(layout), lib.uv_req_size(number)) for number, layout in _REQUEST_SIZES.items()]
    sizes.append((C.sizeof(Loop), lib.uv_loop_size()))
    if any(guessed != true for guessed, true in sizes):
        raise OSError(f"libuv.so.1 lays out its structures differently: {sizes}")
    for function in ("uv_close", "uv_ref", "uv_unref", "uv_stop", "uv_update_time", "uv_pipe_connect"):
        getattr(lib, function).restype = None
    void, integer, unsigned, u64 = C.c_void_p, C.c_int, C.c_uint, C.c_uint64
    lib.uv_timer_start.argtypes = [void, PLAIN_CB, u64, u64]
    lib.uv_write2.argtypes = [void, void, void, unsigned, void, STATUS_CB]
    lib.uv_try_write.argtypes = [void, void, unsigned]
    lib.uv_tcp_init_ex.argtypes = [void, void, unsigned]
    lib.uv_tcp_bind.argtypes = [void, void, unsigned]
    lib.uv_tcp_keepalive.argtypes = [void, integer, unsigned]
    lib.uv_pipe_getsockname.argtypes = lib.uv_pipe_getpeername.argtypes = [void, void, void]
    return lib


@cache
def why_not() -> str:
    """Why nothing can be compared with the real library here, in a line; "" if it can."""
    try:
        load()
    except OSError as error:
        return f"{error}; the comparison needs libuv.so.1 {VERSION}, as Debian 12 has it"
    return ""
