"""The soak's accounts: what clients say they sent and received, against what the engine's events say of each stream."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path

import msgspec


class Line(msgspec.Struct):
    """What the accounts need of a line of the events file."""

    seq: int
    stream: int
    kind: str
    result: int | str = 0
    peer: str = ""
    events: int = 0


@dataclass(slots=True)
class Account:
    """A connection as one side knows it: bytes from the client to the server, and back."""

    up: int = 0
    down: int = 0
    orderly: bool = True
    over: bool = False


_READ_AT_ONCE = 4 * 1024 * 1024
_PUNCH_HOLE = 3  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
_READS = ("sys.read", "sys.recvmsg")
_WRITES = ("sys.write", "sys.writev", "sys.sendmsg")
_ASKED_FOR = tuple(
    f'"kind":"{kind}"'.encode() for kind in (*_READS, *_WRITES, "handle.address", "handle.closed", "lost")
)


class Accounts:
    """Both sides' books. Every connection of a client is a stream of the engine's, and no address is used twice."""

    def __init__(self, events: Path) -> None:
        """`events` is read as it grows; what has been read is taken out of it, and leaves a hole."""
        self._file = events.open("r+b", buffering=0)
        self._fallocate = ctypes.CDLL(None, use_errno=True).fallocate
        self._fallocate.argtypes = ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64
        self._part = b""
        self._decode = msgspec.json.Decoder(Line).decode
        self._seq = 0
        self._open: dict[int, tuple[str, Account]] = {}
        self._streams: dict[str, Account] = {}
        self._clients: dict[str, Account] = {}
        self._nameless = 0  # streams whose peer had gone before the kernel was asked for its address
        self.lines = self.lost = self.connections = self.bytes = 0
        self.wrong: list[str] = []

    @property
    def last_seq(self) -> int:
        """The number of the last event."""
        return self._seq

    def client_says(self, address: str, sent: int, received: int, orderly: bool) -> None:
        """A client's connection is over."""
        self._clients[address] = Account(sent, received, orderly, True)
        self.connections += 1
        self.bytes += received
        self._settle(address)

    def read(self) -> bool:
        """Read what has been added to the events, some megabytes at most; whether there was anything."""
        data = self._part + self._file.read(_READ_AT_ONCE)
        if len(data) == len(self._part):
            return False
        self._fallocate(self._file.fileno(), _PUNCH_HOLE, 0, self._file.tell())  # where it cannot, the file grows
        *lines, self._part = data.split(b"\n")
        for line in lines:
            self._line(line)
        return True

    def _line(self, line: bytes) -> None:
        self.lines += 1
        seq = int(line[7 : line.index(b",")])
        if seq <= self._seq:
            self.wrong.append(f"seq {seq} comes after {self._seq}")
        self._seq = seq
        if not any(kind in line for kind in _ASKED_FOR):
            return
        event = self._decode(line)
        if event.kind == "lost":
            self.lost += event.events
        elif event.kind == "handle.address":
            if event.peer:
                account = self._streams[event.peer] = Account()
                self._open[event.stream] = event.peer, account
        elif event.kind == "handle.closed":
            self._closed(event.stream)
        elif event.stream in self._open and isinstance(event.result, int) and event.result > 0:
            account = self._open[event.stream][1]
            if event.kind in _READS:
                account.up += event.result
            else:
                account.down += event.result

    def _closed(self, stream: int) -> None:
        if stream in self._open:
            address, account = self._open.pop(stream)
            account.over = True
            self._settle(address)
        else:
            self._nameless += 1

    def _settle(self, address: str) -> None:
        server, client = self._streams.get(address), self._clients.get(address)
        if server is None or client is None or not server.over:
            return
        del self._streams[address], self._clients[address]
        same = server.up == client.up and server.down == client.down
        if not same and (client.orderly or server.up > client.up or server.down < client.down):
            self.wrong.append(
                f"{address}: the client sent {client.up:,} and received {client.down:,} bytes, "
                f"the server read {server.up:,} and wrote {server.down:,}"
            )

    def unsettled(self) -> list[str]:
        """What does not come out even, once everything is at rest."""
        found = [f"stream {stream} of {address} is open" for stream, (address, _) in self._open.items()]
        found += [f"{address}: the clients know of no such connection" for address in self._streams]
        left = self._clients
        found += [f"{at}: the server knows of no such connection" for at, client in left.items() if client.orderly]
        if not found and len(left) != self._nameless:
            found.append(
                f"{len(left)} connections were broken off at once, and {self._nameless} came in without a peer"
            )
        if not found:
            self._nameless = 0
            left.clear()
        return found

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
