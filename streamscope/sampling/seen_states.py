"""What a glimpse makes of the state of streams: the shape that every reader knows.

Memory says what is, and not since when: whatever begins is told to begin when it was first seen, which is "at least".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count

from msgspec.structs import replace

from streamscope.core.flags import BOUND, POLLOUT
from streamscope.core.probe import CB_ALLOC, CB_CONNECTION, CB_READ
from streamscope.peek.births import Births, Born, BornRequest, RequestBirths
from streamscope.peek.glimpsing import Sighted
from streamscope.peek.offsets import (
    PENDING_QUEUE,
    UV_CONNECT,
    UV_SHUTDOWN,
    UV_WRITE,
    WATCHER_QUEUE,
    StreamFields,
)
from streamscope.peek.walking import Seen
from streamscope.sampling.addresses import Addresses, Behind
from streamscope.sampling.libuv_words import BYTES_WRITTEN, READABLE_FLOWING, WRITABLE_LENGTH
from streamscope.sampling.preloaded import SaidByNode
from streamscope.trace.state import RequestState, StreamState

LISTENS = 1 << CB_CONNECTION


class SeenStates:
    """The state of every stream of one loop; `of` by number."""

    def __init__(self, births: Births, addresses: Addresses) -> None:
        self.of: dict[int, StreamState] = {}
        self._births = births
        self._addresses = addresses
        self._numbers: Callable[[], int] = count(1).__next__
        self._writes: dict[int, RequestBirths] = {}
        self._held: dict[tuple[int, int], tuple[int, RequestState]] = {}
        self._inodes: dict[int, int] = {}
        self._closing: frozenset[int] = frozenset()
        self._nameless: set[int] = set()
        self._listeners: dict[int, int] = {}  # by port
        self._handing: set[int] = set()  # pipes over which descriptors come

    def inode(self, number: int) -> int:
        """Of the stream's descriptor, 0 for none."""
        return self._inodes.get(number, 0)

    def take(self, taken: Sighted, t: int) -> tuple[dict[int, StreamState], dict[int, StreamState]]:
        """Take a glimpse for the present; returns, of the streams that are not as they were, how they were and how they
        are.
        """
        glimpse, known = taken.glimpse, self._births.known
        gone, born = self._births.settle(glimpse, taken.change, taken.changed, t)
        before: dict[int, StreamState] = {}
        after: dict[int, StreamState] = {}
        for was in gone:
            before[was.number] = self.of.pop(was.number)
            self._let_go(was.number)
        if gone:
            self._addresses.keep(self._inodes.values())
        for address in born:
            self._behind(glimpse.streams[address], known[address])
        self._addresses.look()
        named = {a for a in self._nameless if a in known and self._addresses.known(known[a].inode)}
        self._nameless = {a for a in self._nameless if a in known} - named
        touched = taken.changed.union(born, named, glimpse.closing ^ self._closing)
        for address in sorted(touched, key=lambda each: known[each].number if each in known else 0):  # listeners first
            seen, now = glimpse.streams.get(address), known.get(address)
            if seen is None or now is None:
                continue
            old = self.of.get(now.number)
            new = self._state(address, seen, now, old, t, closes=address in glimpse.closing)
            if old is not None:
                before[now.number] = old
            after[now.number] = self.of[now.number] = new
        self._closing = glimpse.closing
        return before, after

    def hear(
        self, said: Mapping[int, SaidByNode], before: dict[int, StreamState], after: dict[int, StreamState]
    ) -> None:
        """Take what the program says of its sockets, by descriptor, for the present as well."""
        for number, state in self.of.items():
            each = said.get(state.fd)
            if each is None or not state.peer.endswith(f":{each.peer_port}" if each.peer_port else ""):
                continue
            spoken = {WRITABLE_LENGTH: each.writable_length, BYTES_WRITTEN: each.bytes_written,
                      READABLE_FLOWING: each.flowing}  # fmt: skip
            new = replace(state, kernel=spoken, place=each.place or state.place)
            if new != state:
                if number not in after:  # else it is told already how it was, or that it was not there
                    before[number] = state
                after[number] = self.of[number] = new

    def _behind(self, seen: Seen, born: Born) -> Behind | None:
        return self._addresses.of(born.inode, seen.fields.fd, seen.type)

    def _let_go(self, number: int) -> None:
        self._writes.pop(number, None)
        self._inodes.pop(number, None)
        self._handing.discard(number)
        self._listeners = {port: listener for port, listener in self._listeners.items() if listener != number}
        for kind in (UV_CONNECT, UV_SHUTDOWN):
            self._held.pop((number, kind), None)

    def _state(
        self, address: int, seen: Seen, born: Born, old: StreamState | None, t: int, *, closes: bool
    ) -> StreamState:
        fields = seen.fields
        self._inodes[born.number] = born.inode
        behind = self._behind(seen, born)
        if behind is None:
            self._nameless.add(address)
        elif fields.connection_cb and behind.port:
            self._listeners[behind.port] = born.number
        if seen.ipc:
            self._handing.add(born.number)
        completed, waiting = self._requests(born.number, seen, t)
        armed_t = 0
        if fields.pevents & POLLOUT:
            armed_t = old.armed_t if old is not None and old.armed_t else t
        callbacks = (fields.alloc_cb, CB_ALLOC), (fields.read_cb, CB_READ), (fields.connection_cb, CB_CONNECTION)
        return StreamState(
            born.number,
            seen.type,
            fields.flags,
            fields.fd,
            place=old.place if old is not None else "",
            local=behind.local if behind is not None else "",
            peer=behind.peer if behind is not None else "",
            server=self._server(fields, behind),
            begin_t=born.t,
            write_queue_size=fields.write_queue_size,
            write_queue=waiting,
            write_completed_queue=completed,
            connect_req=self._one(born.number, UV_CONNECT, fields.connect_req, t),
            shutdown_req=self._one(born.number, UV_SHUTDOWN, fields.shutdown_req, t),
            accepted_fd=fields.accepted_fd,
            queued_fds=list(seen.queued),
            queued_fds_capacity=seen.room,
            delayed_error=fields.delayed_error,
            callbacks=sum(1 << number for place, number in callbacks if place),
            pevents=fields.pevents,
            events=fields.events,
            pending=fields.pending_next not in (0, address + PENDING_QUEUE),
            watched=fields.watcher_next not in (0, address + WATCHER_QUEUE),
            closing=closes,
            armed_t=armed_t,
            ipc=seen.ipc,
            kernel=old.kernel if old is not None else None,
        )

    def _server(self, fields: StreamFields, behind: Behind | None) -> int:
        """What it was accepted of: libuv marks it as bound then, and it has its listener's port. Where that is another
        process's, as that of a cluster's first, it has come over the pipe that hands descriptors over.
        """
        if behind is None or not behind.peer or fields.connection_cb or not fields.flags & BOUND:
            return 0
        if behind.port in self._listeners:
            return self._listeners[behind.port]
        handed = len(self._handing) == 1 and behind.port in self._addresses.listening
        return next(iter(self._handing)) if handed else 0

    def _requests(self, number: int, seen: Seen, t: int) -> tuple[list[RequestState], list[RequestState]]:
        """Those whose callback is due, and those that wait: the oldest are in the first."""
        if not seen.writes and not seen.completed:
            self._writes.pop(number, None)
            return [], []
        births = self._writes.setdefault(number, RequestBirths(self._numbers))
        found = [self._write(born) for born in births.see((*seen.completed, *seen.writes), t)]
        return found[: len(seen.completed)], found[len(seen.completed) :]

    def _write(self, born: BornRequest) -> RequestState:
        write = born.write
        carried = self._births.known.get(write.send_handle)
        return RequestState(
            born.number,
            UV_WRITE,
            born.bytes,
            write.left,
            write.nbufs,
            write.write_index,
            carried.number if carried is not None else 0,
            write.error,
            born.t,
        )

    def _one(self, number: int, kind: int, address: int, t: int) -> RequestState | None:
        """A connect or shutdown request: that it is there is all there is to know."""
        if not address:
            self._held.pop((number, kind), None)
            return None
        held = self._held.get((number, kind))
        if held is None or held[0] != address:
            held = self._held[number, kind] = (address, RequestState(self._numbers(), kind, begin_t=t))
        return held[1]
