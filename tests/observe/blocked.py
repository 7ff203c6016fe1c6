"""A server whose loop stands still on a word from a client, in a function of its own; it lets inspectors in.

    python blocked.py

A line `task` blocks in a task, `protocol` in data_received, `away` runs no loop for as long as stdin says nothing, and
`slow` has a task hold the loop up again and again.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time

import streamscope.observe

GO_ON = threading.Event()


def crunch() -> None:
    while not GO_ON.is_set():
        time.sleep(0.05)


class Blocking(asyncio.Protocol):
    def data_received(self, data: bytes) -> None:
        if data.startswith(b"protocol"):
            crunch()
        elif data.startswith(b"task"):
            self.task = asyncio.get_running_loop().create_task(work())
        elif data.startswith(b"slow"):
            self.task = asyncio.get_running_loop().create_task(hold_up())
        elif data.startswith(b"away"):
            asyncio.get_running_loop().stop()


async def work() -> None:
    crunch()


async def hold_up() -> None:
    while not GO_ON.is_set():
        time.sleep(0.15)
        await asyncio.sleep(0.01)


def hear() -> None:
    for line in sys.stdin:
        if line.startswith("go on"):
            GO_ON.set()


def main() -> None:
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(Blocking, "127.0.0.1", 0))
    print(server.sockets[0].getsockname()[1], flush=True)
    threading.Thread(target=hear, daemon=True).start()
    loop.run_forever()
    crunch()
    print(signal.getsignal(signal.SIGURG) == signal.SIG_DFL, flush=True)


if __name__ == "__main__":
    streamscope.observe.install()
    main()
