"""aiohttp on both sides: a server of /big, which never ends, and of a WebSocket that echoes, with a client of each. One
more client, from outside, may read nothing.

    python web.py PORT
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
from aiohttp import web


async def big(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 50_000)


async def echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


async def talk(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws") as socket:
        while True:
            await socket.send_str("hello")
            await socket.receive()
            await asyncio.sleep(0.01)


async def main(port: int) -> None:
    app = web.Application()
    app.router.add_get("/big", big)
    app.router.add_get("/ws", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await talk(f"http://127.0.0.1:{port}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
