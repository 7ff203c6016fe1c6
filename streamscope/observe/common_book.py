"""What every book has, whatever it is of: flags, marks, names, whom it feeds, and what the selector watches for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamscope.core.errors import RAISED
from streamscope.core.records import SAMPLED
from streamscope.link import states
from streamscope.link.states import State
from streamscope.observe.aio_kinds import CLOSED, CLOSING, OUT, functions_of, joined_by, told_by
from streamscope.observe.described import name_of, text_of
from streamscope.observe.outgoing import Outgoing

if TYPE_CHECKING:
    from streamscope.observe.tls_book import TlsBook

_SET, _CLEARED = functions_of("flag.set"), functions_of("flag.clear")
_HIGH, _LOW = functions_of("high_water"), functions_of("low_water")
_INIT, _ADDRESS = functions_of("handle.init"), functions_of("handle.address")
_NAME, _ACCEPTED = functions_of("handle.name"), functions_of("handle.accepted")
_ACCEPTS = functions_of("connection.accepted")
_FD, _CLOSE, _UNDER = functions_of("fd"), functions_of("handle.close"), functions_of("handle.under")
_PAUSED = functions_of("reading.paused")
_READER_SIZE, _READER_LIMIT = told_by("reader.size", SAMPLED), told_by("reader.limit", SAMPLED)
_FIRST, _MORE = joined_by("aio.first_interest"), joined_by("aio.more_interest")
_LESS, _NONE = joined_by("aio.less_interest"), joined_by("aio.no_interest")
_DROPPED, _ERROR = told_by("write.dropped", "write"), told_by("callback.error", "_fatal_error")

USUAL_HIGH, USUAL_LOW = 64 * 1024, 16 * 1024
"""The marks that a transport has unless the program sets others."""


class CommonBook(Outgoing):
    """One transport's. `flags`, `events` and the rest are what was told; `began` is the callback that a read has begun
    and that has not returned; `upper` is the book of what lies over it, as TLS does,
    and `under` the number of that.
    """

    __slots__ = (
        "armed_t", "began", "begin_t", "bytes_in", "dropped", "events", "flags", "last_read_t", "local", "low_water",
        "name", "number", "paused_at", "peer", "place", "reader_limit", "reader_size", "reads", "server", "type",
        "under", "upper",
    )  # fmt: skip

    type: int
    local: str
    peer: str
    name: str
    low_water: int

    def _begin(self, number: int, events: int) -> None:
        self.number = number
        self.events = events
        self.begin_t = self.pen.tick
        self.place = self.paused_at = ""
        self.server = self.flags = self.armed_t = self.began = self.bytes_in = self.reads = self.last_read_t = 0
        self.dropped = self.under = self.reader_size = self.reader_limit = 0
        self.upper: TlsBook | None = None

    def _tell_beginning(
        self, place: str, server: int, function: str, accepts: str = "_accept_connection2", marks: str = "__init__"
    ) -> None:
        """It begins now, or is heard of for the first time. `accepts` tells who accepted it, `marks` those it has."""
        pen, mark = self.pen, self.mark
        emit = pen.emit
        self.place, self.server, self.begin_t = place, server, pen.tick
        emit((mark | _INIT[function], self.type, place))
        emit((mark | _FD[function], -1, self.fd))
        emit((mark | _ADDRESS[function], self.local, self.peer))
        if self.name:
            emit((mark | _NAME["set_protocol"], self.name))
        if server:
            self._tell_server(server, accepts)
        if self.high_water != USUAL_HIGH:
            emit((mark | _HIGH[marks], USUAL_HIGH, self.high_water))
        if self.low_water != USUAL_LOW:
            emit((mark | _LOW[marks], USUAL_LOW, self.low_water))

    def _tell_server(self, server: int, function: str) -> None:
        """It came to this listening socket: both say so."""
        mark = self.mark
        self.pen.emit((mark | _ACCEPTED[function], server, server << 16 | _ACCEPTS[function], mark >> 16))

    def tell_name(self, protocol: Any) -> None:
        """It has this protocol from now on."""
        name = name_of(protocol)
        if name != self.name:
            self.name = name
            self.pen.emit((self.mark | _NAME["set_protocol"], name))

    def lies_under(self, upper: TlsBook | None) -> None:
        """This lies over it from now on."""
        self.upper = upper
        self.under = 0 if upper is None else upper.number
        self.pen.emit((self.mark | _UNDER["connection_lost" if upper is None else "connection_made"], self.under))

    # flags and marks

    def set_flag(self, flag: int, function: str, *, on: bool = True) -> None:
        """A flag is so, or is not, from now on."""
        self._set_flags(self.flags | flag if on else self.flags & ~flag, function)

    def _set_flags(self, flags: int, function: str) -> None:
        emit, mark, changed = self.pen.emit, self.mark, self.flags ^ flags
        self.flags = flags
        bit = 1
        while changed:
            if changed & bit:
                changed ^= bit
                emit((mark | (_SET[function] if flags & bit else _CLEARED[function]), bit))
            bit <<= 1

    def _flags_of(self, transport: Any) -> int:
        """As they are."""
        raise NotImplementedError

    def sync(self, transport: Any, function: str) -> None:
        """Tell what this function has changed, of what is not told where it happens."""
        if not self.flags & CLOSED:
            self._set_flags(self._flags_of(transport), function)
            if self.upper is not None:
                self.upper.carrier_changes(function)

    def tell_close(self, function: str) -> None:
        """The transport is to be closed."""
        if not self.flags & (CLOSING | CLOSED):
            self.pen.emit((self.mark | _CLOSE[function],))

    def sync_marks(self, high: int, low: int) -> None:
        """Tell of marks that were moved."""
        if high != self.high_water:
            old, self.high_water = self.high_water, high
            self._mark_crossed(self.size, old, self.size, high)
            self.pen.emit((self.mark | _HIGH["set_write_buffer_limits"], old, high))
        if low != self.low_water:
            old, self.low_water = self.low_water, low
            self.pen.emit((self.mark | _LOW["set_write_buffer_limits"], old, low))

    def tell_pause(self, place: str, function: str) -> None:
        """Reading was paused at this place of the program."""
        self.paused_at = place
        self.pen.emit((self.mark | _PAUSED[function], place))

    def look_at_reader(self, reader: Any) -> None:
        """What a StreamReader holds now; None where none reads it."""
        size, limit = (0, 0) if reader is None else (len(reader._buffer), reader._limit)
        if limit != self.reader_limit:
            self.pen.emit((self.mark | _READER_LIMIT, self.reader_limit, limit))
            self.reader_limit = limit
        if size != self.reader_size:
            self.pen.emit((self.mark | _READER_SIZE, self.reader_size, size))
            self.reader_size = size

    def know_reader(self, reader: Any) -> None:
        """The same of one that is there already, without telling."""
        if reader is not None:
            self.reader_size, self.reader_limit = len(reader._buffer), reader._limit

    def _watched_for(self, new: int) -> None:
        """The selector watches its descriptor for this from now on."""
        if (self.events ^ new) & OUT:
            self.armed_t = self.pen.tick if new & OUT else 0
        self.events = new

    def _tell_interest(self, new: int) -> None:
        """The same, told."""
        old = self.events
        self._watched_for(new)
        joined = _FIRST if not old else _NONE if not new else _MORE if new & ~old else _LESS
        self.pen.emit((self.mark | joined, self.fd, old, new))

    def tell_error(self, error: BaseException) -> None:
        """The protocol raised, which ends the transport."""
        self.errors += 1
        self.last_error = RAISED
        self.pen.emit((self.mark | _ERROR, self.began, text_of(error)))

    def tell_dropped(self, times: int) -> None:
        """So many writes came when the connection was lost."""
        if times > 0:
            self.dropped += times
            self.pen.emit((self.mark | _DROPPED, times))

    # as it travels

    def _whom_it_feeds(self) -> dict[int, str] | None:
        return {number: fed.why for number, fed in self.fed.items() if fed.why} or None if self.fed else None

    def state(self, **more: Any) -> State:
        """What was told of it until now."""
        return states.handle_state(
            number=self.number, type=self.type, flags=self.flags, fd=self.fd, name=self.name, place=self.place,
            local=self.local, peer=self.peer, server=self.server, begin_t=self.begin_t, write_queue_size=self.size,
            high_water=self.high_water, write_queue=[write.state() for write in self.queue], pevents=self.events,
            events=self.events, bytes_in=self.bytes_in, bytes_out=self.bytes_out, reads=self.reads,
            writes=self.writes, errors=self.errors, last_error=self.last_error, last_read_t=self.last_read_t,
            last_write_t=self.last_write_t, armed_t=self.armed_t, above_t=self.above_t, feeds=self._whom_it_feeds(),
            low_water=self.low_water, paused_at=self.paused_at, dropped=self.dropped,
            under=self.under, reader_size=self.reader_size, reader_limit=self.reader_limit, **more,
        )  # fmt: skip
