"""An echo server on asyncio that knows nothing of being observed: it says where it listens, and leaves on SIGTERM with
the status that it was given.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


async def serve(over: asyncio.Event) -> None:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    print(f"{os.getpid()} serves on {host}:{port}", flush=True)
    await over.wait()


async def main() -> None:
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    await serve(over)
    print("over", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
    sys.exit(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
