"""What is told of TLS over another transport: a `TlsBook` stands where the layer has its SSL object.

Programs write to a transport of the layer's and not to the one with the socket. It encrypts at once, and hands on what
it has encrypted as long as the transport below is not to pause; else it keeps it, and says so to the program by marks
of its own. So what waits here is hidden from whoever looks at the socket.

`get_write_buffer_size()` is what is encrypted and waits, together with what is not encrypted yet. A write is one of the
program's, counted in the program's bytes; it ends when all of it has been handed on.
"""

from __future__ import annotations

import errno
import ssl
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

from streamscope.core.records import SAMPLED
from streamscope.link.states import State
from streamscope.observe.aio_kinds import (
    CB_BUFFER,
    CB_DATA,
    CLOSED,
    CLOSING,
    CONN_LOST,
    HANDSHAKE,
    PAUSED_WRITING,
    READ_EOF,
    READING,
    SHUTTING,
    TLS,
    joined_by,
    told_by,
)
from streamscope.observe.common_book import CommonBook
from streamscope.observe.described import name_of, reader_of, session_of
from streamscope.observe.outgoing import Written
from streamscope.observe.quill import Quill

_READ, _WRITTEN = joined_by("aio.tls_read"), joined_by("aio.tls_write")
_READ_MORE, _BUFFER_BEGIN = told_by("tls.read", "_do_read"), told_by("callback.begin", "_do_read")
_HANDED_ON, _OUTGOING = told_by("tls.write", "_process_outgoing"), told_by("tls.outgoing", "_process_outgoing")
_INCOMING = told_by("tls.incoming", SAMPLED)
_OVER, _SESSION = told_by("handle.over", "connection_made"), told_by("tls.session", "_set_state")
_START, _STOP = told_by("io.start", "modify"), told_by("io.stop", "modify")
_REGISTERED = told_by("io.events", "modify")
_GAVE_BACK, _IS_CLOSED = told_by("fd", "connection_lost"), told_by("handle.closed", "connection_lost")
_PUSHED = told_by("write_queue.push", "_write_appdata")

_WANTS_MORE = ("SSLWantReadError", "SSLSyscallError")
"""What reading ends with when nothing more is there."""
_ENDING = ("FLUSHING", "SHUTDOWN")


class TlsBook(CommonBook):
    """One layer's. `inner` is its own SSL object; `below` the book of what carries it; `outgoing` and `incoming` are
    encrypted bytes, as they were told.
    """

    __slots__ = (
        "_fresh", "_got", "_plain", "_protocol", "_read", "below", "incoming", "inner", "outgoing", "session"
    )  # fmt: skip

    def __init__(self, pen: Quill, number: int, protocol: Any, below: CommonBook) -> None:
        super().__init__(pen, number << 16, below.fd, protocol._write_backlog, protocol._outgoing_high_water, None)
        self.inner = protocol._sslobj
        self._read = self.inner.read
        self._protocol = weakref.ref(protocol)
        self._fresh: list[int] | None = None  # of a write that is not told yet: the lengths of its buffers
        self._plain = self._got = 0  # bytes of the program's that wait, and that were decrypted and are not told
        self.type = TLS
        self.local, self.peer = below.local, below.peer
        self.name = name_of(protocol._app_protocol)
        self.low_water = protocol._outgoing_low_water
        self.below = below
        self.session = ""
        self.outgoing = self.incoming = 0
        self._begin(number, below.events)
        self.place, self.server, self.armed_t = below.place, below.server, below.armed_t

    # one that is there already, or begins

    def take_in(self, protocol: Any) -> None:
        """Know it as it is, without telling. What is encrypted already is a write of its own."""
        pen = self.pen
        self.outgoing = protocol._outgoing.pending
        for size in filter(None, (self.outgoing, *map(len, protocol._write_backlog))):
            pen.requests += 1
            pen.waiting += 1
            self._wait_for(Written(pen.requests, size, size, (size,), pen.tick))
            self._plain += size
        self.size = self.outgoing + protocol._write_buffer_size
        self.incoming = protocol._incoming.pending
        self.above_t = pen.tick if self.size > self.high_water else 0
        self.session = session_of(self.inner) if protocol._state.name in ("WRAPPED", *_ENDING) else ""
        self.flags = self._flags_of(protocol)
        self.know_reader(reader_of(protocol._app_protocol))

    def tell_birth(self, protocol: Any) -> None:
        """It begins now, with the handshake."""
        self._tell_beginning(self.place, self.server, "connection_made")
        self.pen.emit((self.mark | _OVER, self.below.number))
        if self.events:
            self.registered_at_first()
        self._set_flags(self._flags_of(protocol) | HANDSHAKE, "connection_made")

    def tell_session(self) -> None:
        """The handshake is done."""
        self.session = session_of(self.inner)
        self.pen.emit((self.mark | _SESSION, self.session))

    # what the layer calls of its SSL object

    def read(self, size: int, *buffer: Any) -> Any:
        """See `ssl.SSLObject.read`. What was read is delivered to the protocol when no more comes."""
        try:
            data = self._read(size, *buffer)
        except Exception as error:
            if self._got and type(error).__name__ in _WANTS_MORE:
                self._delivers(CB_BUFFER if buffer else CB_DATA)
            raise
        n: int = data if buffer else len(data)
        if n > 0:
            self._got += n
        if self._got and (n == size if buffer else not n):
            self._delivers(CB_BUFFER if buffer else CB_DATA)
        return data

    def _delivers(self, callback: int) -> None:
        try:
            n, self._got = self._got, 0
            pen = self.pen
            protocol = self._protocol()
            if protocol is not None:
                self.settle(protocol)
            self.bytes_in += n
            self.reads += 1
            self.last_read_t = pen.tick
            self.began = callback
            if callback == CB_DATA:
                pen.emit((self.mark | _READ, n))
            else:
                pen.emit((self.mark | _READ_MORE, n, self.mark | _BUFFER_BEGIN, callback, n))
        except Exception as error:
            self.pen.failed(error)

    # writes

    def counted(self, buffers: Iterable[Any]) -> Iterator[Any]:
        """The buffers of a write, as the layer takes them one after the other."""
        lengths: list[int] = []
        for buffer in buffers:
            yield buffer
            lengths.append(len(buffer))
        self._fresh = lengths

    def settle(self, protocol: Any) -> None:
        """Tell what is so now; whoever is called next may look."""
        outgoing, waiting = protocol._outgoing.pending, protocol._write_buffer_size
        if self._fresh is not None:
            lengths, self._fresh = tuple(self._fresh), None
            if not outgoing and not waiting and not self.queue:
                self._handed_on_at_once(sum(lengths), len(lengths))
            else:
                self._wait(lengths)
        if self._plain < waiting:  # a write that failed in between
            self._wait((waiting - self._plain,))
        if not outgoing and self._plain > waiting:
            taken, self._plain = self._plain - waiting, waiting
            self.bytes_out += taken
            self.last_write_t = self.pen.tick
            self.pen.emit((self.mark | _HANDED_ON, taken))
            self._take_off(taken, "_process_outgoing")
        self._resize(outgoing + waiting, "_process_outgoing")
        if outgoing != self.outgoing:
            self.pen.emit((self.mark | _OUTGOING, self.outgoing, outgoing))
            self.outgoing = outgoing

    def _handed_on_at_once(self, size: int, buffers: int) -> None:
        if not size:
            return
        pen = self.pen
        pen.requests = number = pen.requests + 1
        self.bytes_out += size
        self.writes += 1
        self.last_write_t = pen.tick
        pen.emit((self.mark | _WRITTEN, number, size, buffers, pen.waiting))
        if pen.taken != self.heard:
            pen.wrote(self)

    def _wait(self, lengths: tuple[int, ...]) -> None:
        size = sum(lengths)
        if size:
            self._plain += size
            number = self._push(size, size, lengths, "_write_appdata")
            self.pen.emit((self.mark | _PUSHED, number))

    # the rest of it

    def _flags_of(self, protocol: Any) -> int:
        flags = self.flags & (READ_EOF | CLOSED)
        state, transport = protocol._state.name, protocol._app_transport
        if not protocol._app_reading_paused:
            flags |= READING
        if protocol._app_writing_paused:
            flags |= PAUSED_WRITING
        if state == "DO_HANDSHAKE":
            flags |= HANDSHAKE
        if state in _ENDING:
            flags |= SHUTTING | CONN_LOST
        if state == "UNWRAPPED" and protocol._transport is not None:
            flags |= CONN_LOST
        if transport is None or transport.is_closing():
            flags |= CLOSING
        return flags

    def registered(self, new: int) -> None:
        """The selector watches the socket below for this from now on."""
        old = self.events
        if old != new:
            self._watched_for(new)
            self.pen.emit((self.mark | (_START if new & ~old else _STOP), old, new))
            self.pen.emit((self.mark | _REGISTERED, old, new))
        if self.upper is not None:
            self.upper.registered(new)

    def registered_at_first(self) -> None:
        """The same, of one that begins."""
        self.pen.emit((self.mark | _START, 0, self.events, self.mark | _REGISTERED, 0, self.events))

    def look_at_reader(self, reader: Any) -> None:
        """See `CommonBook`; and what is not decrypted is looked at with it."""
        super().look_at_reader(reader)
        protocol = self._protocol()
        incoming = self.incoming if protocol is None else protocol._incoming.pending
        if incoming != self.incoming:
            self.pen.emit((self.mark | _INCOMING, self.incoming, incoming))
            self.incoming = incoming

    def carrier_changes(self, function: str) -> None:
        """What carries it is perhaps to be closed, which from 3.14 on is this one's end too."""
        layer = self._protocol()
        if layer is not None:
            self.sync(layer, function)

    def tell_end(self) -> None:
        """The connection is lost, and what waited with it."""
        if self.size or self.queue:
            self.drop(-errno.ECANCELED, "connection_lost")
        self._plain = 0
        self._set_flags(self.flags & ~(READING | HANDSHAKE) | CLOSED, "connection_lost")
        self.pen.emit((self.mark | _GAVE_BACK, self.fd, -1, self.mark | _IS_CLOSED))
        self.fd = -1

    def state(self, **more: Any) -> State:
        """See `CommonBook`."""
        return super().state(
            over=self.below.number, session=self.session, outgoing=self.outgoing, incoming=self.incoming, **more
        )


def _passed_on(name: str) -> property:
    return property(lambda self: getattr(self.inner, name))


for _name in dir(ssl.SSLObject):  # all else that it has, and why not by `__getattr__` says `book`
    if not _name.startswith("__") and not hasattr(TlsBook, _name):
        setattr(TlsBook, _name, _passed_on(_name))
