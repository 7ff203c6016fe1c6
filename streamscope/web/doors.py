"""Who gets in: requests with the secret, to our own host, and from our own page.

The secret is the first part of every path: page, terminal, WebSocket and downloads alike. It is compared in a time that
does not depend on how much of it is right, and whatever is wrong is answered the same.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web

from streamscope.language import tr

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src {origin}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may load: nothing that is not ours. xterm.js writes styles of its own into the page."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Doors:
    """Of one server on a port."""

    def __init__(self, port: int) -> None:
        self.secret = secrets.token_urlsafe(32)
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    def refuses(self, request: web.Request) -> str:
        """Why a request is turned away, "" if it is not."""
        host = request.headers.get("Host", "")
        if host not in self._hosts:
            return tr("this host is not served here")
        origin = request.headers.get("Origin")
        is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
        if origin != f"http://{host}" and (is_socket or origin is not None):
            return tr("this origin is not ours")
        given = request.path.lstrip("/").partition("/")[0]
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.secret.encode()):
            return tr("this is not the address that was printed")
        return ""

    @web.middleware
    async def keeper(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in who may come in, and tell the browser what the page may do."""
        if why := self.refuses(request):
            return web.Response(status=403, text=f"streamscope: {why}\n", headers=_kept_short(request))
        response = await handler(request)
        if not response.prepared:
            response.headers.update(_kept_short(request))
        return response


def _kept_short(request: web.Request) -> dict[str, str]:
    origin = f"ws://{request.headers.get('Host', '')}"
    return {
        "Content-Security-Policy": POLICY.format(origin=origin),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
