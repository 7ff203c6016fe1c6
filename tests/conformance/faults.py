"""Faults that can be planted into the engine, and which test of the suite must catch each.

A fault is a small change to the text of one function, as a slip of the pen would be.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
from dataclasses import dataclass
from types import FunctionType

TCP = "list/test_libuv_tcp_"


@dataclass(frozen=True)
class Fault:
    """In `function` of `module` (below streamscope.core), the text `was` becomes `becomes`; `caught_by` is a test."""

    name: str
    module: str
    function: str
    was: str
    becomes: str
    caught_by: str

    def faulty(self) -> FunctionType:
        """The function with the fault in it. Raises ValueError where the text is not (or not only once) to be found:
        then the engine has changed, and the fault must follow it.
        """
        module = importlib.import_module(f"streamscope.core.{self.module}")
        source = textwrap.dedent(inspect.getsource(getattr(module, self.function)))
        if source.count(self.was) != 1:
            raise ValueError(f"{self.name}: {self.function} has {source.count(self.was)} times the text {self.was!r}")
        code = compile(
            source.replace(self.was, self.becomes),
            f"<{self.function} with a fault>",
            "exec",
            flags=annotations.compiler_flag,
            dont_inherit=True,
        )
        made: dict[str, FunctionType] = {}
        exec(code, vars(module), made)
        return made[self.function]


def plant(fault: Fault) -> None:
    """Put the faulty function in the place of the right one, wherever the engine has bound it."""
    faulty = fault.faulty()
    right = getattr(importlib.import_module(f"streamscope.core.{fault.module}"), fault.function)
    importlib.import_module("streamscope.core")
    for name, module in list(sys.modules.items()):
        if not name.startswith("streamscope.core"):
            continue
        places = [module, *(value for value in vars(module).values() if isinstance(value, type))]
        for place in places:
            for attribute, value in list(vars(place).items()):
                if value is right:
                    setattr(place, attribute, faulty)


_ALL = (
    # reading
    Fault(
        "the read loop ignores read_stop",
        "stream.read",
        "uv__read",
        "    for _ in range(ROUNDS):\n"
        "        if stream.read_cb is None or not stream.flags & READING:\n            return\n",
        "    read_cb = stream.read_cb\n    for _ in range(ROUNDS):\n        stream.read_cb = read_cb\n",
        f"{TCP}read.py::test_tcp_read_stop_start",
    ),
    Fault(
        "READ_PARTIAL is never set",
        "stream.read",
        "uv__read",
        "            stream.flags |= READ_PARTIAL\n",
        "",
        "list/test_libuv_tty.py::test_tty_pty_partial",
    ),
    Fault(
        "the end clears READABLE and WRITABLE",
        "stream.read",
        "uv__stream_eof",
        "uv__clear_flags(stream, READING, _UNFLAG_EOF)",
        "uv__clear_flags(stream, READING | READABLE | WRITABLE, _UNFLAG_EOF)",
        f"{TCP}read.py::test_readable_on_eof",
    ),
    Fault(
        "a restart in the callback of the end is undone, as in the chapter",
        "stream.read",
        "uv__stream_eof",
        "    _call_read_cb(stream, EOF, buf, _BEGIN_EOF, _END_EOF)",
        "    _call_read_cb(stream, EOF, buf, _BEGIN_EOF, _END_EOF)\n    uv__clear_flags(stream, READING, _UNFLAG_EOF)",
        f"{TCP}read.py::test_readable_on_eof",
    ),
    Fault(
        "a read error leaves the stream writable",
        "stream.read",
        "_read_failed",
        "uv__clear_flags(stream, READABLE | WRITABLE, _UNFLAG_READ)",
        "uv__clear_flags(stream, READABLE, _UNFLAG_READ)",
        f"{TCP}read.py::test_not_readable_nor_writable_on_read_error",
    ),
    Fault(
        "EALREADY is missing",
        "stream.read",
        "uv_read_start",
        '    if flags & READING:\n        raise UVError(-114, "read_start")\n',
        "",
        f"{TCP}read.py::test_shutdown_eof",
    ),
    Fault(
        "a listening stream may read",
        "stream.read",
        "uv_read_start",
        "    if not flags & READABLE:\n",
        "    if False:\n",
        f"{TCP}bind.py::test_tcp_bind_writable_flags",
    ),
    Fault(
        "an empty buffer stops the reading",
        "stream.read",
        "uv__read",
        "                _call_read_cb(stream, ENOBUFS, buf)\n",
        "                uv__clear_flags(stream, READING, _UNFLAG_READ)\n"
        "                _call_read_cb(stream, ENOBUFS, buf)\n",
        f"{TCP}read.py::test_tcp_alloc_cb_fail",
    ),
    # writing
    Fault(
        "write callbacks run last in, first out",
        "stream.write",
        "complete",
        "    last = stream.completed_last\n    if last is None:\n        stream.completed_first = request\n    else:\n"
        "        last.next = request\n    stream.completed_last = request\n",
        "    request.next = stream.completed_first\n    stream.completed_first = stream.completed_last = request\n",
        f"{TCP}write.py::test_tcp_write_queue_order",
    ),
    Fault(
        "a write callback runs twice",
        "stream.write",
        "uv__write_callbacks",
        "        if request.cb is not None:\n",
        "        for _ in range(2):\n",
        f"{TCP}close.py::test_tcp_close",
    ),
    Fault(
        "a write callback runs inside write",
        "stream.write",
        "uv_write2",
        "        uv__write(stream)\n",
        "        uv__write(stream)\n        uv__write_callbacks(stream)\n",
        f"{TCP}connect.py::test_callback_stack",
    ),
    Fault(
        "several requests are finished in one uv__write",
        "stream.write",
        "uv__write",
        "                uv__write_req_finish(request)\n                return\n",
        "                uv__write_req_finish(request)\n                continue\n",
        f"{TCP}write.py::test_tcp_write_in_a_row",
    ),
    Fault(
        "the bytes of a failed write are not given back",
        "stream.write",
        "_give_back",
        "    stream.write_queue_size = size\n",
        "",
        f"{TCP}connect.py::test_tcp_write_after_connect",
    ),
    Fault(
        "a write to a stream without WRITABLE is taken",
        "stream.write",
        "uv__check_before_write",
        "    if not stream.flags & WRITABLE:\n        return -32  # EPIPE\n",
        "",
        f"{TCP}bind.py::test_tcp_bind_writable_flags",
    ),
    # shutting down
    Fault(
        "the shutdown comes before the queue has drained",
        "stream.io",
        "uv__stream_io",
        "        if stream.write_first is None:\n",
        "        if True:\n",
        f"{TCP}write.py::test_tcp_writealot",
    ),
    Fault(
        "WRITABLE is not cleared by shutdown",
        "stream.shutdown",
        "uv_shutdown",
        "    uv__clear_flags(stream, WRITABLE, _UNFLAG)\n",
        "",
        f"{TCP}close.py::test_not_writable_after_shutdown",
    ),
    Fault(
        "POLLOUT is never disarmed",
        "stream.shutdown",
        "uv__drain",
        "        uv__io_stop(stream.loop, stream, POLLOUT)\n",
        "        pass\n",
        f"{TCP}write.py::test_tcp_write_in_a_row",
    ),
    # closing
    Fault(
        "queued writes of a closed stream are told 0, not ECANCELED",
        "stream.close",
        "uv__stream_flush_write_queue",
        "        request.error = error\n",
        "",
        f"{TCP}write.py::test_tcp_write_queue_order",
    ),
    Fault(
        "a connect that is closed under way has no callback",
        "stream.close",
        "uv__stream_destroy",
        "            if request.cb is not None:\n",
        "            if False:\n",
        "list/test_libuv_pipe.py::test_pipe_connect_close_multiple",
    ),
    Fault(
        "a held connection is not closed with its server",
        "stream.close",
        "uv__stream_close",
        "        _close(stream, stream.accepted_fd)\n",
        "",
        f"{TCP}listen.py::test_multiple_listen",
    ),
    Fault(
        "a socket's file stays behind",
        "pipe",
        "uv__pipe_close",
        "            os.unlink(pipe.pipe_fname)\n",
        "            pass\n",
        "list/test_libuv_pipe.py::test_pipe_server_close",
    ),
    # connecting, listening, accepting
    Fault(
        "the error that bind kept is lost",
        "tcp",
        "uv__tcp_bind",
        "    _set_delayed(tcp, status, _DELAYED_BIND)\n",
        "",
        f"{TCP}bind.py::test_tcp_bind_error_addrinuse_connect",
    ),
    Fault(
        "a connect keeps the loop alive for ever",
        "stream.connect",
        "uv__stream_connect",
        "    loop.active_reqs -= 1\n",
        "",
        f"{TCP}close.py::test_tcp_ref3",
    ),
    Fault(
        "out of descriptors without the trick",
        "stream.listen",
        "uv__server_io",
        "                status = uv__emfile_trick(stream)\n",
        "                status = EAGAIN\n",
        f"{TCP}listen.py::test_emfile",
    ),
    Fault(
        "the spare descriptor is not opened again",
        "stream.listen",
        "uv__emfile_trick",
        "    loop.emfile_fd = open_spare(loop.system)\n",
        "",
        f"{TCP}listen.py::test_emfile",
    ),
    Fault(
        "POLLIN stays on while a connection is held",
        "stream.listen",
        "uv__server_io",
        "        if stream.accepted_fd != -1:\n            uv__io_stop(loop, stream, POLLIN)\n"
        "            return\n        if stream.type",
        "        if stream.accepted_fd != -1:\n            return\n        if stream.type",
        f"{TCP}listen.py::test_delayed_accept",
    ),
    Fault(
        "an accept that fails leaks the descriptor",
        "stream.listen",
        "uv_accept",
        "        server.loop.system.close(fd)\n",
        "        pass\n",
        f"{TCP}bind.py::test_tcp_create_early_accept",
    ),
    Fault(
        "a second descriptor replaces the first",
        "stream.open",
        "uv__stream_open",
        "        return -16  # EBUSY\n",
        "        pass\n",
        f"{TCP}write.py::test_tcp_open_twice",
    ),
    # descriptors over pipes
    Fault(
        "queued descriptors are lost",
        "stream.fds",
        "uv__stream_queue_fd",
        "        queued.append(fd)\n",
        "        pass\n",
        "list/test_libuv_ipc.py::test_pipe_sendmsg",
    ),
    Fault(
        "queued descriptors move up last in, first out",
        "stream.listen",
        "uv_accept",
        "queued.pop(0)",
        "queued.pop()",
        "list/test_libuv_ipc.py::test_pipe_sendmsg",
    ),
    # the loop, watchers and handles
    Fault(
        "pending is not detached before it is run",
        "loop",
        "uv__run_pending",
        "    loop.pending_list = []\n",
        "",
        f"{TCP}write.py::test_tcp_write_ready",
    ),
    Fault(
        "an event that was fetched before reaches a reused descriptor",
        "watcher",
        "uv__platform_invalidate_fd",
        "                fetched[i] = (-1, 0)\n",
        "                pass\n",
        f"{TCP}listen.py::test_tcp_close_accept",
    ),
    Fault(
        "epoll is not told of a close",
        "watcher",
        "uv__platform_invalidate_fd",
        "        loop.poller.delete(w.fd)\n",
        "        pass\n",
        "list/test_libuv_pipe.py::test_iouring_pollhup",
    ),
    Fault(
        "ref does not count",
        "handle",
        "uv_ref",
        "            _count_active(handle, 1, _START_REF)\n",
        "            pass\n",
        f"{TCP}close.py::test_tcp_ref2",
    ),
)

FAULTS: dict[str, Fault] = {fault.name: fault for fault in _ALL}
