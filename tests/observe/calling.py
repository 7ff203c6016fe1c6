"""A program that connects to two ports, and lets inspectors in: one takes it, the other's queue is full.

python calling.py TAKES FULL
"""

from __future__ import annotations

import asyncio
import sys

import streamscope.observe


async def call(port: str) -> None:
    reader, _ = await asyncio.open_connection("127.0.0.1", int(port))
    await reader.read()


async def main() -> None:
    await asyncio.sleep(0)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    full = asyncio.create_task(call(sys.argv[2]))
    print("calls", flush=True)
    await lines.readline()
    takes = asyncio.create_task(call(sys.argv[1]))
    await lines.readline()
    full.cancel()
    takes.cancel()
    await asyncio.sleep(3600)


if __name__ == "__main__":
    streamscope.observe.install()
    asyncio.run(main())
