"""What the kernel says of one descriptor: asked here, and compared with what it said before.

A TCP socket is asked once, by TCP_INFO; what that says is not asked again by ioctl. `outq` is what was not sent, and
only while segments are on their way is SIOCOUTQ asked as well; nothing can wait to be read where nothing has come in,
so SIOCINQ is asked only after something has. Unix sockets, pipes and terminals are asked what there is of them.

What the kernel refuses, or a sandbox in its place does not fill in, is unknown: it is not in `said`, and what was there
before goes. Socket objects are borrowed for the calls and never close what is not theirs.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Iterator
from fcntl import F_GETFL, fcntl, ioctl
from typing import TypeAlias

Changes: TypeAlias = list[tuple[str, "int | None"]]
"""Fields of `core.vocabulary.kernel` by name, with what they are now; None for one that is unknown from now on."""

SIOCOUTQ, SIOCINQ = 0x5411, 0x541B  # TIOCOUTQ and FIONREAD are the same numbers
F_GETPIPE_SZ = 1032
SO_MEMINFO = 55
TCP_INFO, TCP_INFO_BYTES = 11, 232
LISTEN, ESTABLISHED = 10, 1

ROOM_NS = 2_000_000_000
"""So seldom a buffer's size is asked for."""
RECENT_MS = 250
INSTANT_NS = 1_000_000_000
JITTER_NS = 20_000_000
"""An instant that is as young as this is told once a second only: it moves with every segment. The kernel counts its
age in jiffies, so that the same instant comes out a few milliseconds earlier or later.
"""


_ROOM = frozenset({"sndbuf", "rcvbuf"})


class Borrowed(socket.SocketType):
    """A socket object for a descriptor that stays somebody else's: it never closes it, whatever ends it."""

    __slots__ = ()

    def __del__(self) -> None:
        """Instead of closing."""


def borrowed(fd: int) -> Borrowed:
    """Raises OSError if it is no socket. Its type says non-blocking, so that Python leaves the descriptor's mode be."""
    return Borrowed(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK, 0, fd)


def of_kind(kind: int, fd: int) -> Descriptor:
    """What is asked about a descriptor that was of this kind (`Descriptor.kind`) before. Raises OSError."""
    made = KINDS[kind]
    return made(fd, borrowed(fd)) if issubclass(made, _Socket) else made(fd)


def asked(fd: int) -> Descriptor | None:
    """What is to be asked about this descriptor; None where the kernel says nothing that we know of."""
    try:
        mode = os.fstat(fd).st_mode
        if stat.S_ISFIFO(mode):
            return PipeDescriptor(fd)
        if stat.S_ISCHR(mode) and os.isatty(fd):
            return TerminalDescriptor(fd)
        if not stat.S_ISSOCK(mode):
            return None
        sock = borrowed(fd)
        family = sock.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN)
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) != socket.SOCK_STREAM:
            return None
        if family in (socket.AF_INET, socket.AF_INET6):
            return TcpSocket(fd, sock)
        return UnixSocket(fd, sock) if family == socket.AF_UNIX else None
    except (OSError, ValueError):
        return None


class Descriptor:
    """One descriptor, and what was said of it. `kind` is its place in `KINDS`. `waits` is whether anything waits in the
    kernel: bytes either way, or connections; `still` is how often in a row nothing had changed; `asked_t` when it was
    last asked.
    """

    __slots__ = ("_refused", "_room_t", "asked_t", "fd", "said", "still", "waits")
    kind = -1

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.said: dict[str, int] = {}
        self.waits = False
        self.still = 0
        self.asked_t = 0
        self._room_t = 0
        self._refused: frozenset[str] = frozenset()  # ways of asking that are not tried again

    def ask(self, now: int) -> Changes:
        """What is other than it was said to be, at this time of the feed's clock."""
        self.asked_t = now
        said = self.said
        changes: Changes = [(field, value) for field, value in self._ask() if said.get(field) != value]
        changes += self._room_changes(now)
        self._take(changes)
        self.waits = bool(said.get("outq") or said.get("inq"))
        return changes

    def is_held_up(self, now: int) -> bool:
        """Whether, as far as the kernel knows, what waits has not just come or gone; `now` is when it was asked."""
        return self.waits

    def borrow(self, fd: int) -> None:
        """Ask through this descriptor of the same thing from now on."""
        self.fd = fd

    def mark(self) -> int:
        """A number that stays the same while nothing changes: of one that has been still for long, no more is kept."""
        return hash(tuple(self._ask()))

    def _ask(self) -> Iterator[tuple[str, int | None]]:
        """What the kernel says that may change from one look to the next."""
        return iter(())

    def _room(self) -> Iterator[tuple[str, int | None]]:
        """The sizes of buffers."""
        return iter(())

    def _room_changes(self, now: int) -> Changes:
        if self._room_t and now - self._room_t < ROOM_NS:
            return []
        self._room_t = now
        return [(field, value) for field, value in self._room() if self.said.get(field) != value]

    def _take(self, changes: Changes) -> None:
        for field, value in changes:
            if value is None:
                self.said.pop(field, None)
            else:
                self.said[field] = value
        self.still = 0 if changes else self.still + 1

    def _number(self, request: int, field: str) -> int | None:
        """What an ioctl says; None where the kernel refuses it."""
        if field in self._refused:
            return None
        try:
            return int.from_bytes(ioctl(self.fd, request, b"\0\0\0\0"), "little")
        except OSError:
            self._refused |= {field}
            return None


class _Socket(Descriptor):
    """A socket, beside its number the object through which it is asked."""

    __slots__ = ("_sock",)

    def __init__(self, fd: int, sock: Borrowed | None) -> None:
        super().__init__(fd)
        self._sock = sock  # None for another process's, which is asked in another way

    def borrow(self, fd: int) -> None:
        """See `Descriptor`."""
        self.fd, self._sock = fd, borrowed(fd)

    def _room(self) -> Iterator[tuple[str, int | None]]:
        memory = self._memory()
        if len(memory) >= 16:
            _, rcvbuf, _, sndbuf = struct.unpack_from("=4I", memory)
            yield "sndbuf", sndbuf
            yield "rcvbuf", rcvbuf

    def _memory(self) -> bytes:
        """What SO_MEMINFO says, empty where it says nothing."""
        if "room" in self._refused or self._sock is None:
            return b""
        try:
            return self._sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36)
        except OSError:
            self._refused |= {"room"}
            return b""


class UnixSocket(_Socket):
    """A Unix stream socket. A listening one says nothing of its queue."""

    __slots__ = ()

    def _ask(self) -> Iterator[tuple[str, int | None]]:
        yield "inq", self._number(SIOCINQ, "inq")
        yield "outq", self._number(SIOCOUTQ, "outq")


class PipeDescriptor(Descriptor):
    """One end of a pipe: what nobody has read is before the one, and behind the other."""

    __slots__ = ("_field",)

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self._field = "outq" if fcntl(fd, F_GETFL) & os.O_ACCMODE == os.O_WRONLY else "inq"

    def _ask(self) -> Iterator[tuple[str, int | None]]:
        yield self._field, self._number(SIOCINQ, self._field)

    def _room(self) -> Iterator[tuple[str, int | None]]:
        try:
            yield "pipe_size", fcntl(self.fd, F_GETPIPE_SZ)
        except OSError:
            self._refused |= {"room"}


class TerminalDescriptor(Descriptor):
    """A terminal."""

    __slots__ = ()

    def _ask(self) -> Iterator[tuple[str, int | None]]:
        yield "inq", self._number(SIOCINQ, "inq")
        yield "outq", self._number(SIOCOUTQ, "outq")


# `struct tcp_info`, by offset: what of it is told, what has to be looked at for it, and what is passed over
_INFO: tuple[tuple[str, str], ...] = (
    ("tcp_state", "B"), ("", "x"), ("retransmits", "B"), ("probes", "B"), ("backoff", "B"), ("", "3x"), ("rto", "I"),
    ("", "4x"), ("snd_mss", "I"), ("", "4x"), ("unacked", "I"), ("", "4x"), ("lost", "I"), ("retrans", "I"),
    ("", "4x"), ("", "16x"), ("", "8x"), ("rtt", "I"), ("", "8x"), ("snd_cwnd", "I"), ("", "16x"),
    ("total_retrans", "I"), ("", "16x"), ("bytes_acked", "Q"), ("bytes_received", "Q"), ("", "8x"), ("notsent", "I"),
    ("min_rtt", "I"), ("", "16x"), ("busy", "Q"), ("rwnd_limited", "Q"), ("sndbuf_limited", "Q"), ("", "36x"),
    ("snd_wnd", "I"),
)  # fmt: skip
_UNPACK = struct.Struct("=" + "".join(code for _, code in _INFO)).unpack_from
_FIELDS = tuple(field for field, _ in _INFO if field)
_ENDS = tuple(
    struct.calcsize("=" + "".join(code for _, code in _INFO[: place + 1]))
    for place, (field, _) in enumerate(_INFO)
    if field
)
_AGES = struct.Struct(
    "=IxxxxII"
).unpack_from  # at 44: since data was sent, since data came in, since an acknowledgement
_AGES_AT, _AGES_END = 44, 60
LEAST_INFO = _AGES_END
"""Bytes of `struct tcp_info` that are needed."""
_INSTANTS = ("data_sent_t", "data_recv_t", "ack_recv_t")
_ROUGH = frozenset({"rtt", "rto", "min_rtt"})
_PLACES = {field: place for place, field in enumerate(_FIELDS)}
_STATE, _UNACKED, _NOTSENT, _RECEIVED, _MSS = (
    _PLACES[field] for field in ("tcp_state", "unacked", "notsent", "bytes_received", "snd_mss")
)
_SACKED_AT = 28


class TcpSocket(_Socket):
    """A TCP socket, connected or listening."""

    __slots__ = ("_before_t", "_fresh", "_listens", "_moves", "_raw", "_received")

    def __init__(self, fd: int, sock: Borrowed | None) -> None:
        super().__init__(fd, sock)
        self._raw = b""
        self._fresh: tuple[int, ...] = ()
        self._received = -1
        self._before_t = 0  # when it was asked before
        self._moves = True  # whether an instant has moved and was not told yet
        self._listens = False

    def ask(self, now: int) -> Changes:
        """See `Descriptor`."""
        self._before_t, self.asked_t = self.asked_t, now
        raw = self._info()
        if raw is None:
            changes: Changes = [(field, None) for field in self.said if field not in _ROOM]
        elif raw[0] == LISTEN:
            changes = self._listening(raw)
        else:
            changes = self._connected(raw, now)
        changes += self._room_changes(now)
        self._take(changes)
        return changes

    def is_held_up(self, now: int) -> bool:
        """See `Descriptor`: an acknowledgement takes its time."""
        said = self.said
        moved = (("outq", "data_sent_t"), ("inq", "data_recv_t"))
        if any(instant in said for _, instant in moved):
            return any(
                said.get(queue) and now - said.get(instant, 0) > RECENT_MS * 1_000_000 for queue, instant in moved
            )
        return self.waits

    def mark(self) -> int:
        """See `Descriptor`."""
        raw = self._info()
        return 0 if raw is None else hash((raw[:_AGES_AT], raw[_AGES_END:]))

    def _info(self) -> bytes | None:
        if "info" in self._refused or self._sock is None:
            return None
        try:
            raw = self._sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, TCP_INFO_BYTES)
        except OSError:
            self._refused |= {"info"}
            return None
        return raw if len(raw) >= LEAST_INFO else None

    def _listening(self, raw: bytes) -> Changes:
        waiting, most = struct.unpack_from("=II", raw, _SACKED_AT - 4)
        self.waits = waiting > 0
        said = self.said
        now_said = {"tcp_state": LISTEN, "accept_queue": waiting, "accept_max": most}
        changes: Changes = [(field, value) for field, value in now_said.items() if said.get(field) != value]
        if not self._listens:  # what it said before it listened is not so any more
            self._listens = True
            changes += [(field, None) for field in said.keys() - now_said.keys() - _ROOM]
        return changes

    def _connected(self, raw: bytes, now: int) -> Changes:
        before = self._raw
        if raw[:_AGES_AT] == before[:_AGES_AT] and raw[_AGES_END:] == before[_AGES_END:]:
            changes = self._unread() if self.said.get("inq") else []
            return changes + self._instants(raw, now) if self._moves else changes
        self._raw = raw
        fresh = _UNPACK(raw.ljust(TCP_INFO_BYTES, b"\0"))
        partly = not fresh[_MSS]  # no Linux: it fills in some of this, and the other zeros mean nothing
        return [
            *self._fields(fresh, len(raw), partly),
            *self._instants(raw, now),
            *self._queues(fresh, told=len(raw) >= _ENDS[_NOTSENT] and not partly),
        ]

    def _fields(self, fresh: tuple[int, ...], length: int, partly: bool) -> Changes:
        before, self._fresh = self._fresh, fresh
        if before and length >= TCP_INFO_BYTES and not partly:  # the everyday way, and four times as quick
            changed = [(field, value) for field, value, was in zip(_FIELDS, fresh, before) if value != was]
        else:
            known = zip(_FIELDS, fresh, _ENDS)
            changed = [(field, value) for field, value, end in known if end <= length and (value or not partly)]
        said = self.said
        return [
            (field, value)
            for field, value in changed
            if said.get(field) != value and (field not in _ROUGH or self._is_news(field, value))
        ]

    def _is_news(self, field: str, value: int) -> bool:
        told = self.said.get(field)
        return told is None or abs(value - told) > told >> 3

    def _instants(self, raw: bytes, now: int) -> Changes:
        ages = _AGES(raw, _AGES_AT)
        if not self._moves and min(ages) * 1_000_000 > now - self._before_t + JITTER_NS:
            return []  # nothing has come or gone since it was asked before
        said = self.said
        changes: Changes = []
        self._moves = False
        for field, age in zip(_INSTANTS, ages):
            t, told = now - age * 1_000_000, said.get(field)
            if told is None or abs(t - told) > (INSTANT_NS if age < RECENT_MS else JITTER_NS):
                changes.append((field, t))
            elif abs(t - told) > JITTER_NS:
                self._moves = True
        return changes

    def _queues(self, fresh: tuple[int, ...], *, told: bool) -> Changes:
        """What waits to be acknowledged, and to be read; asked only where it does not follow. `told` is whether what
        was not sent is known.
        """
        said = self.said
        outq = fresh[_NOTSENT] if told and not fresh[_UNACKED] else self._number(SIOCOUTQ, "outq")
        changes: Changes = [("outq", outq)] if said.get("outq") != outq else []
        received, self._received = self._received, fresh[_RECEIVED]
        if received != self._received or not told or said.get("inq"):
            changes += self._unread(outq)
        else:
            self.waits = bool(outq)
        return changes

    def _unread(self, outq: int | None = None) -> Changes:
        inq = self._number(SIOCINQ, "inq")
        self.waits = bool(inq or outq or (outq is None and self.said.get("outq")))
        return [("inq", inq)] if self.said.get("inq") != inq else []


KINDS: tuple[type[Descriptor], ...] = (TcpSocket, UnixSocket, PipeDescriptor, TerminalDescriptor)
for _place, _kind in enumerate(KINDS):
    _kind.kind = _place
"""Where a kind of descriptor stands here is all that is kept of one that has been still for long."""
