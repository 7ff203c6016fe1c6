"""What an idle connection costs, and that what ends leaves nothing behind."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import tracemalloc
from typing import Any

import pytest
from core_kernel import IN, OUT, World

from streamscope.core import Tcp

CONNECTIONS = 2000
MOST_BYTES = 700
"""For one idle connection that was accepted and reads: the object, its numbers, its places in the loop. (About 655, of
which 130 are headers made beforehand.)"""


def traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def serve(world: World) -> Tcp:
    def accept(server: Any, status: int) -> None:
        client = Tcp(world.loop)
        server.accept(client)
        client.read_start(None, echo)

    def echo(stream: Any, nread: int, data: Any) -> None:
        if nread > 0:
            stream.write(data)
        else:
            stream.close()

    server = Tcp(world.loop)
    server.listen(128, accept)
    world.turn()
    return server


def test_an_idle_connection_is_small(world: World) -> None:
    server = serve(world)
    fds = [world.kernel.make() for _ in range(CONNECTIONS)]
    world.kernel[server.fd].backlog.extend(fds)
    tracemalloc.start()
    try:
        before = traced()
        world.turn((server.fd, IN))
        world.turn((fds[0], OUT))
        world.forget_calls()
        world.poller.registered.clear()  # what the test's own poller keeps is not the engine's
        assert (traced() - before) / CONNECTIONS <= MOST_BYTES
    finally:
        tracemalloc.stop()


def test_connections_that_end_leave_nothing_behind(world: World) -> None:
    server = serve(world)
    kept = []
    for _ in range(3):
        for _ in range(50):
            fd = world.kernel.make()
            world.kernel[fd].inbox.append(b"hello")
            world.kernel[fd].ended = True
            world.kernel[server.fd].backlog.append(fd)
        world.poller.script.append([(server.fd, IN)])
        for _ in range(5):
            world.turn()
        gc.collect()
        kept.append(sum(isinstance(o, Tcp) for o in gc.get_objects()))
        assert list(world.loop.handles.values()) == [server]
    assert kept == [kept[0]] * 3
    assert (world.loop.active_reqs, world.loop.nfds) == (0, 3)
    assert not world.loop.watcher_queue
    assert not world.loop.pending_list


MAPPED_ANEW = """
import ctypes
from streamscope.core import Loop

class Account(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
                "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]

account = ctypes.CDLL(None).mallinfo2
account.restype = Account
{first}
before = account().hblks
block = bytes(900 << 10)
print(account().hblks - before)
"""
"""Prints how many blocks the C library has mapped for one of 900 KiB."""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="only glibc says what it maps")
@pytest.mark.parametrize(("first", "mapped"), [("", "1"), ("Loop()", "0")])
def test_a_loop_has_the_c_library_keep_the_memory_of_large_reads(first: str, mapped: str) -> None:
    child = subprocess.run(
        [sys.executable, "-c", MAPPED_ANEW.format(first=first)], capture_output=True, text=True, check=True
    )
    assert child.stdout.strip() == mapped, child.stderr
