"""The server: textual-serve's page and terminal, behind doors of ours, on a template of ours that loads nothing from
elsewhere.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import WSCloseCode, WSMsgType, web
from textual_serve.server import Server, to_int

from streamscope.language import spoken, tr
from streamscope.web.doors import Doors
from streamscope.web.visit import Visit

HERE = Path(__file__).parent
SIZE = {"width": 80, "height": 24}
"""What a terminal has whose browser does not say, in cells."""
MOST_MESSAGE = 1 << 20
"""Bytes of one message of the browser's."""


class WebScreen(Server):
    """Shows a command, started anew for each visitor, `visitors` at a time."""

    def __init__(self, command: Sequence[str], title: str, port: int, visitors: int) -> None:
        """Raises OSError for a port that cannot be had."""
        self._socket = socket.create_server(("127.0.0.1", port), reuse_port=False)
        port = self._socket.getsockname()[1]
        self.doors = Doors(port)
        address = f"http://127.0.0.1:{port}/{self.doors.secret}"
        super().__init__(" ".join(command), "127.0.0.1", port, title, address, templates_path=HERE)
        self._command = list(command)
        self._room = visitors
        self._visits: set[web.WebSocketResponse] = set()

    @property
    def address(self) -> str:
        """What is to be opened in a browser; the secret is part of it."""
        return f"{self.public_url}/"

    @property
    def visits(self) -> int:
        """How many look now."""
        return len(self._visits)

    async def _make_app(self) -> web.Application:
        app = web.Application(middlewares=[self.doors.keeper], client_max_size=MOST_MESSAGE)
        aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(self.templates_path), autoescape=True)
        inner = f"/{self.doors.secret}"
        app.add_routes([
            web.get(f"{inner}/", self.handle_index, name="index"),
            web.get(f"{inner}/ws", self.handle_websocket, name="websocket"),
            web.get(inner + "/download/{key}", self.handle_download, name="download"),
            web.get(f"{inner}/page.js", self.handle_script),
            web.static(f"{inner}/static", self.statics_path, name="static"),
        ])  # fmt: skip
        app.on_shutdown.append(self._see_off)
        return app

    async def run(self) -> None:
        """Serve until this is cancelled."""
        runner = web.AppRunner(await self._make_app(), access_log=None)
        await runner.setup()
        try:
            await web.SockSite(runner, self._socket).start()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _see_off(self, app: web.Application) -> None:
        for visit in list(self._visits):
            await visit.close(code=WSCloseCode.GOING_AWAY)

    @aiohttp_jinja2.template("page.html")
    async def handle_index(self, request: web.Request) -> dict[str, Any]:
        """The page."""
        base = f"/{self.doors.secret}"
        return {
            "title": self.title,
            "base": base,
            "socket": f"ws://{request.headers['Host']}{base}/ws",
            "font_size": min(max(to_int(request.query.get("fontsize", "16"), 16), 6), 72),
            "full": len(self._visits) >= self._room,
            "lang": spoken(),
            "tr": tr,
        }

    async def handle_script(self, request: web.Request) -> web.FileResponse:
        """What the page does by itself."""
        return web.FileResponse(HERE / "page.js")

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """A visit, from when the terminal is there until it is closed or the command has ended."""
        if len(self._visits) >= self._room:
            raise web.HTTPServiceUnavailable(text=f"streamscope: {tr('somebody looks already')}\n")
        websocket = web.WebSocketResponse(heartbeat=15, max_msg_size=MOST_MESSAGE)
        await websocket.prepare(request)  # raises for what asks for no WebSocket
        self._visits.add(websocket)
        visit = Visit(self._command, websocket.send_bytes)
        try:
            width, height = (to_int(request.query.get(name, ""), least) for name, least in SIZE.items())
            shown = asyncio.create_task(visit.run(width, height, os.environ))
            heard = asyncio.create_task(self._hear(websocket, visit))
            await asyncio.wait({shown, heard}, return_when=asyncio.FIRST_COMPLETED)
            for task in (shown, heard):
                task.cancel()
                with suppress(asyncio.CancelledError, ConnectionError):
                    await task
        finally:
            await visit.leave()
            await websocket.close()
            self._visits.discard(websocket)
        return websocket

    async def _hear(self, websocket: web.WebSocketResponse, visit: Visit) -> None:
        """What the browser says: keys, sizes and signs of life; whatever else is passed over."""
        async for message in websocket:
            if message.type != WSMsgType.TEXT:
                continue
            try:
                said = message.json()
                kind, data = said[0], said[1] if len(said) > 1 else None
                if kind == "stdin" and isinstance(data, str):
                    visit.type(data.encode("utf-8", "replace"))
                elif kind == "resize" and isinstance(data, dict):
                    visit.resize(int(data["width"]), int(data["height"]))
                elif kind == "ping":
                    await websocket.send_json(["pong", data])
            except (ValueError, TypeError, KeyError, IndexError):
                continue


def serve(screen: WebScreen) -> None:
    """Serve until SIGINT or SIGTERM; every visitor's command ends in order."""

    async def until_told() -> None:
        served = asyncio.create_task(screen.run())
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signum, served.cancel)
        with suppress(asyncio.CancelledError):
            await served

    asyncio.run(until_told())
