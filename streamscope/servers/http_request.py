"""HTTP/1.1 requests out of a stream of bytes: bounded, strict, and knowing nothing of streams.

`RequestReader` is fed what arrives and gives back whole requests, however the bytes were cut. What is no request, or
is larger than the bounds here, raises `HttpError` with the status to answer with; after that the connection cannot be
understood any more and has to end.

Whoever connects chooses these bytes, so no pattern here can go back over what it has matched (`++`), and no byte of a
head is looked at again because another one came.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_HEAD = 16 * 1024
"""Bytes of request line and headers together."""
MAX_BODY = 1024 * 1024

HEAD_END = re.compile(rb"\n\r?\n")  # a bare LF ends a line too (RFC 9112, 2.2): nc sends it
REQUEST_LINE = re.compile(rb"([A-Za-z!#$%&'*+.^_`|~0-9-]++) ([!-~]++) HTTP/([0-9])\.([0-9])")
HEADER = re.compile(rb"([A-Za-z0-9!#$%&'*+.^_`|~-]++):([^\x00-\x08\x0a-\x1f\x7f]*+)")
LISTS = ("connection", "transfer-encoding")
"""Headers whose values may be spread over several lines."""


class HttpError(Exception):
    """The connection cannot go on; `status` is what to answer, the text says what was wrong."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(slots=True)
class HttpRequest:
    """One request. Header names are in lower case; text is Latin-1, as it came."""

    method: str
    target: str
    minor: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def keep_alive(self) -> bool:
        """Whether the connection goes on after the answer."""
        tokens = {token.strip() for token in self.headers.get("connection", "").lower().split(",")}
        return "close" not in tokens and (self.minor >= 1 or "keep-alive" in tokens)

    @property
    def length(self) -> int:
        """How many bytes of body follow the head."""
        if "transfer-encoding" in self.headers:
            if self.headers["transfer-encoding"].lower() == "chunked":
                raise HttpError(411, "chunked bodies are not understood here; send a Content-Length")
            raise HttpError(501, "transfer codings are not understood here; send a Content-Length")
        text = self.headers.get("content-length", "0")
        if not (text.isascii() and text.isdigit()):
            raise HttpError(400, "Content-Length is not a number")
        if len(text) > 18 or int(text) > MAX_BODY:
            raise HttpError(413, f"a body may have {MAX_BODY} bytes")
        return int(text)


def parse_head(head: bytes) -> HttpRequest:
    """Request line and headers, without the empty line that ends them."""
    first, *lines = (line.removesuffix(b"\r") for line in head.split(b"\n"))
    match = REQUEST_LINE.fullmatch(first)
    if match is None:
        raise HttpError(400, "the first line is no HTTP request")
    method, target, major, minor = match.groups()
    if major != b"1":
        raise HttpError(505, "HTTP/1.0 and HTTP/1.1 are spoken here")
    request = HttpRequest(method.decode("latin-1"), target.decode("latin-1"), int(minor))
    lists: dict[str, list[str]] = {}
    for line in lines:
        match = HEADER.fullmatch(line)
        if match is None:
            raise HttpError(400, "a header line is not `name: value`")
        name, value = match[1].decode("latin-1").lower(), match[2].strip(b" \t").decode("latin-1")
        if name in ("host", "content-length") and request.headers.get(name, value) != value:
            raise HttpError(400, f"there are two different {name} headers")
        if name in LISTS:
            lists.setdefault(name, []).append(value)
        request.headers[name] = value
    request.headers.update({name: ", ".join(values) for name, values in lists.items()})
    if request.minor >= 1 and "host" not in request.headers:
        raise HttpError(400, "an HTTP/1.1 request needs a Host header")
    return request


class RequestReader:
    """Cuts a connection's bytes into requests. Holds no more than a head, a body and what the last `feed` brought."""

    __slots__ = ("_begun", "_buffer", "_head", "_length", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: HttpRequest | None = None  # parsed, and waiting for its body
        self._length = 0
        self._searched = 0  # so many bytes have no head's end in them
        self._begun = False  # the request line is whole, and one

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        self._buffer += data

    def next(self) -> HttpRequest | None:
        """The next whole request, or None until more has arrived. Raises HttpError."""
        if self._head is None:
            self._head = self._next_head()
            if self._head is None:
                return None
            self._length = self._head.length
        if len(self._buffer) < self._length:
            return None
        request, self._head = self._head, None
        request.body = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        return request

    def take_expectation(self) -> bool:
        """Whether the client holds its body back until it is told `100 Continue`; True once a request."""
        head = self._head
        return head is not None and not self._buffer and head.headers.pop("expect", "").lower() == "100-continue"

    def is_idle(self) -> bool:
        """Whether the connection stands between two requests, where it may end."""
        return self._head is None and not self._buffer.strip(b"\r\n")

    def _next_head(self) -> HttpRequest | None:
        buffer = self._buffer
        while buffer.startswith((b"\r", b"\n")):  # an empty line before a request is let pass (RFC 9112, 2.2)
            del buffer[:1]
        if buffer and not buffer[:1].isalpha():
            raise HttpError(400, "the first line is no HTTP request")  # TLS, for one: do not wait for a line's end
        end = HEAD_END.search(buffer, max(0, self._searched - 2), MAX_HEAD)
        if end is None:
            if len(buffer) >= MAX_HEAD:
                raise HttpError(431, f"request line and headers may have {MAX_HEAD} bytes")
            if not self._begun and buffer.find(b"\n", self._searched) >= 0:
                if REQUEST_LINE.match(buffer) is None:
                    raise HttpError(400, "the first line is no HTTP request")
                self._begun = True
            self._searched = len(buffer)
            return None
        head = bytes(buffer[: end.start()])
        del buffer[: end.end()]
        self._searched, self._begun = 0, False
        return parse_head(head)
