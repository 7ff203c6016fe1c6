"""A proxy in streams: a task copies what comes from a client to the server, and another one the other way.

python pumping.py SERVER_PORT [CERTIFICATE | heads]

With a certificate its clients speak TLS with it. With `heads` each of them begins with three lines: the task that
asyncio has made for it reads them, and they go nowhere.
"""

from __future__ import annotations

import asyncio
import ssl
import sys

import streamscope.observe


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for _ in range(3 if sys.argv[2:] == ["heads"] else 0):
        await reader.readline()
    there = await asyncio.open_connection("127.0.0.1", PORT)
    await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))


async def main() -> None:
    context = None
    for certificate in sys.argv[2:] if sys.argv[2:] != ["heads"] else []:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    PORT = int(sys.argv[1])
    streamscope.observe.install()
    asyncio.run(main())
