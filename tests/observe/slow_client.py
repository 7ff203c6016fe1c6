"""A server of asyncio's with a fast client and one that does not read; it lets inspectors in, or knows nothing of them.

    python slow_client.py [alone | calm]

`alone` lets in nobody, and `calm` has no client that does not read. It says where it listens and which peer is slow; on
each line that it is told it says what it knows of itself: by peer, how much waits; what is kept for inspectors; and
whether asyncio is as it was when it began. Who says `pieces` first is answered in writes of a few bytes, of which each
is told.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from asyncio import base_events, selector_events
from typing import Any

BEFORE = dict(vars(selector_events._SelectorSocketTransport))  # type: ignore[attr-defined]
TRANSPORTS: dict[str, Any] = {}


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    host, port = writer.get_extra_info("peername")
    TRANSPORTS[f"{host}:{port}"] = writer.transport
    try:
        wanted = await reader.readline()
        while wanted == b"flood\n":
            writer.write(b"x" * 50_000)
            await writer.drain()
        while wanted == b"pieces\n" and (data := await reader.read(1 << 16)):
            for at in range(0, len(data), 8):
                writer.write(data[at : at + 8])
            await writer.drain()
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
    finally:
        writer.close()


def kept() -> list[tuple[int, int, int]]:
    """Of each inspector, how many bytes are kept for it, how many may be, and how many events it has lost."""
    observing: Any = sys.modules.get("streamscope.observe.observing")
    doors = observing._observer._doors if observing is not None and observing._observer is not None else []
    publishers = [door._watching._publisher for door in doors if door._watching is not None]
    return [(each.buffered, each.limit, each.lost) for publisher in publishers for each in publisher.subscribers]


def account(loop: Any, fds: int) -> dict[str, Any]:
    selector = loop._selector
    return {
        "sizes": {peer: each.get_write_buffer_size() for peer, each in TRANSPORTS.items()},
        "kept": kept(),
        "class": dict(vars(selector_events._SelectorSocketTransport)) == BEFORE,  # type: ignore[attr-defined]
        "sockets": all(each._sock is None or type(each._sock) is socket.socket for each in TRANSPORTS.values()),
        "readers": all(
            each._read_ready_cb.__func__ is vars(type(each))[each._read_ready_cb.__name__]
            for each in TRANSPORTS.values()
            if each._read_ready_cb is not None
        ),
        "selector": sorted(vars(selector).keys() & {"select", "register", "modify", "unregister"}),
        "loop": sorted(vars(loop).keys() & {"close"}),
        "run_forever": vars(base_events.BaseEventLoop)["run_forever"].__module__,
        "descriptors": len(os.listdir("/proc/self/fd")) - fds,
        "threads": len(os.listdir("/proc/self/task")),
        "imported": sorted(
            name for name in sys.modules if name.partition(".")[0] in ("msgspec", "textual", "rich", "platformdirs")
        ),
    }


async def fast(address: Any) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"lines\n")
    while True:
        writer.write(b"ping\n")
        await reader.readline()
        await asyncio.sleep(0.01)


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    await asyncio.start_unix_server(handle, f"\0streamscope-slow-client-{os.getpid()}")  # to which nobody comes
    address = server.sockets[0].getsockname()
    slow = socket.create_connection(address)
    slow.sendall(b"flood\n" if sys.argv[1:] != ["calm"] else b"once\n")
    host, port = slow.getsockname()
    talk = asyncio.create_task(fast(address))
    print(json.dumps({"listens": f"{address[0]}:{address[1]}", "slow": f"{host}:{port}"}), flush=True)
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop.add_reader(0, lambda: lines.put_nowait(os.read(0, 1000).decode()))
    fds = len(os.listdir("/proc/self/fd"))
    while await lines.get():
        print(json.dumps(account(loop, fds)), flush=True)
    talk.cancel()


if __name__ == "__main__":
    if sys.argv[1:] != ["alone"]:
        import streamscope.observe

        streamscope.observe.install()
    asyncio.run(main())
