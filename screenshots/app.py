"""The program of the README's picture: prices to every client, for as long as it listens. Any ASGI server runs it."""

from __future__ import annotations

import asyncio
from typing import Any


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """A piece every ten milliseconds."""
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": b"EURUSD 1.0842\n" * 600, "more_body": True})
        await asyncio.sleep(0.01)
