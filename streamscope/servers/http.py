"""HTTP: a small keep-alive HTTP/1.1 server, enough for curl, wrk and a browser.

    GET  /          a greeting
    GET  /bytes/N   N bytes, in blocks that all go into one write: watch `write_index` move and the queue drain
    POST /echo      the body comes back

Requests may be pipelined; they are answered in order, and no further while what was answered has not drained. Chunked
bodies, compression, ranges and files are left out: what the streams below do is the point here.
"""

from __future__ import annotations

import re
import time
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from streamscope.core import EOF, Tcp
from streamscope.servers.address import listen
from streamscope.servers.flow import Valve, close
from streamscope.servers.http_request import HttpError, HttpRequest, RequestReader

if TYPE_CHECKING:
    from streamscope.core import Loop, ShutdownRequest, Stream

BLOCK = bytes(range(32, 127)) * 172 + b"."
MAX_BYTES = 64 * 1024 * 1024
GREETING = b"streamscope: this connection's stream is on the screen.\n"
ABSOLUTE = re.compile("^https?://[^/?]*+", re.IGNORECASE)
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"))


def main(loop: Loop, *, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, and return."""
    listen(loop, "http", host, port, on_connection)


def on_connection(server: Stream, status: int) -> None:
    """Take the connection over, and read requests from it."""
    if status < 0:
        return
    client = Tcp(server.loop)
    server.accept(client)
    Connection(client)


class Connection:
    """One client: its requests, read through a valve that shuts while answers have not drained."""

    __slots__ = ("ended", "ending", "requests", "stream")

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.requests = RequestReader()
        self.ending = False  # the last answer is written: what still arrives does not matter
        self.ended = 0  # directions that are done, of two
        stream.data = Valve(stream, self.on_read, on_open=self.answer_all)

    @property
    def valve(self) -> Valve:
        """It is the stream's, and ends with it: a valve of our own would hold us as we hold it."""
        valve: Valve = self.stream.data
        return valve

    def on_read(self, stream: Stream, nread: int, data: bytes) -> None:
        """Answer what has arrived; when the peer ends, end too."""
        if nread > 0 and not self.ending:
            self.requests.feed(data)
            self.answer_all()
        elif nread == EOF:
            if not self.ending and self.requests.is_idle():
                self.end()
            elif not self.ending:
                self.refuse(HttpError(400, "the request ends in the middle"))
            self.one_direction_done()
        elif nread < 0:
            close(stream)

    def answer_all(self) -> None:
        """Answer request after request, until none is whole or the answers are more than the peer takes."""
        try:
            while not self.ending and not self.valve.shut:
                request = self.requests.next()
                if request is None:
                    if self.requests.take_expectation():
                        self.valve.feed(self.stream, b"HTTP/1.1 100 Continue\r\n\r\n")
                    return
                self.valve.feed(self.stream, answer(request))
                if not request.keep_alive:
                    self.end()
        except HttpError as error:
            self.refuse(error)

    def refuse(self, error: HttpError) -> None:
        """Say what was wrong. Where the next request would begin is not known, so this answer is the last."""
        self.valve.feed(self.stream, response(error.status, [f"{error}\n".encode()], "Connection: close\r\n"))
        self.end()

    def end(self) -> None:
        """End our side; the peer's bytes are still read, because closing on unread bytes would reset the connection."""
        self.ending = True
        self.stream.shutdown(self.on_shutdown)

    def on_shutdown(self, request: ShutdownRequest, status: int) -> None:
        """All answers are with the kernel."""
        self.one_direction_done()

    def one_direction_done(self) -> None:
        """Close when both directions are."""
        self.ended += 1
        if self.ended == 2:
            close(self.stream)


def answer(request: HttpRequest) -> list[bytes]:
    """The response to one request, as buffers for one write."""
    path = ABSOLUTE.sub("", request.target).partition("?")[0] or "/"
    connection = f"Connection: {'keep-alive' if request.keep_alive else 'close'}\r\n"
    allowed, body = route(request, path)
    if body is None:
        buffers = response(404, [f"there is nothing at {path}\n".encode("latin-1")], connection)
    elif request.method in allowed.split(", "):
        buffers = response(200, body, connection)
    elif request.method in METHODS:
        buffers = response(405, [f"{path} takes {allowed}\n".encode("latin-1")], f"Allow: {allowed}\r\n{connection}")
    else:
        buffers = response(501, [b"that method is not known here\n"], connection)
    return buffers[:1] if request.method == "HEAD" else buffers


def route(request: HttpRequest, path: str) -> tuple[str, list[bytes] | None]:
    """Methods that a path takes and the body it gives; None where nothing is."""
    if path == "/":
        return "GET, HEAD", [GREETING]
    if path == "/echo":
        return "POST", [request.body]
    count = path.removeprefix("/bytes/")
    if path != count and count.isascii() and count.isdigit() and len(count) < 10 and int(count) <= MAX_BYTES:
        blocks, rest = divmod(int(count), len(BLOCK))
        return "GET, HEAD", [BLOCK] * blocks + [BLOCK[:rest]]  # what is written is not copied: one block serves all
    return "", None


def response(status: int, body: list[bytes], headers: str) -> list[bytes]:
    """Status line and headers, and the body behind them."""
    length = sum(map(len, body))
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nDate: {date(int(time.time()))}\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n{headers}\r\n"
    )
    return [head.encode("latin-1"), *filter(None, body)]


@lru_cache(maxsize=1)
def date(now: int) -> str:
    """The Date header's value, made once a second."""
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now))
