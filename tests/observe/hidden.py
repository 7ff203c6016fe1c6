"""A server with TLS that writes on and on to a client that does not read, and never waits for drain(); it lets
inspectors in. The client is in another thread, with a socket of its own.

It says which peer is slow, and on each line that it is told what its transport says, and whether asyncio is as it was.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import threading
from asyncio import sslproto
from typing import Any

import streamscope.observe

CERTIFICATE = f"{os.path.dirname(os.path.abspath(__file__))}/localhost.pem"
BEFORE = dict(vars(sslproto.SSLProtocol))
TRANSPORTS: list[Any] = []


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    TRANSPORTS.append(writer.transport)
    while True:
        for _ in range(20):
            writer.write(b"x" * 10_000)
        await asyncio.sleep(0.05)


def connect(port: int, made: list[Any]) -> None:
    context = ssl.create_default_context(cafile=CERTIFICATE)
    made.append(context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost"))


async def main() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    made: list[Any] = []
    client = threading.Thread(target=connect, args=(server.sockets[0].getsockname()[1], made))
    client.start()
    while not TRANSPORTS or not made:
        await asyncio.sleep(0.01)
    client.join()
    host, port = made[0].getsockname()
    print(json.dumps({"slow": f"{host}:{port}"}), flush=True)
    lines: asyncio.Queue[str] = asyncio.Queue()
    asyncio.get_running_loop().add_reader(0, lambda: lines.put_nowait(os.read(0, 1000).decode()))
    [transport] = TRANSPORTS
    while await lines.get():
        said = {
            "size": transport.get_write_buffer_size(),
            "as it was": dict(vars(sslproto.SSLProtocol)) == BEFORE
            and type(transport._ssl_protocol._sslobj) is ssl.SSLObject
            and type(transport.get_extra_info("ssl_object")) is ssl.SSLObject,
        }
        print(json.dumps(said), flush=True)
    os._exit(0)


if __name__ == "__main__":
    streamscope.observe.install()
    asyncio.run(main())
