"""What somebody who watches can have happen to a stream: the table that commands and screens read. `faults` does it."""

from __future__ import annotations

from typing import NamedTuple

MOST_BYTES = 1 << 30
MOST_MS = 60_000


class Poke(NamedTuple):
    """What can be done to a stream. `takes` is `bytes`, `ms` or "" for no value, at most `most`; `stays` says whether
    it is a fault, which stays until it is cleared (or the one call that it waits for has been made). `listener` says
    whether it is for streams that listen, or for all others; None for both.
    """

    meaning: str
    takes: str = ""
    most: int = 0
    stays: bool = False
    listener: bool | None = None


POKES: dict[str, Poke] = {
    "read-stop": Poke(
        "uv_read_stop, until read-start; what comes meanwhile stays in the kernel", stays=True, listener=False
    ),
    "read-start": Poke("read again what read-stop has stopped", listener=False),
    "shutdown": Poke("uv_shutdown: end its own side (half-close) once write_queue is empty", listener=False),
    "close": Poke("uv_close; the program has no close_cb for it"),
    "reset": Poke("uv_tcp_close_reset: close with a RST", listener=False),
    "hold-accepts": Poke(
        "a listening stream accepts nobody; who connects waits in the kernel", stays=True, listener=True
    ),
    "release-accepts": Poke("accept again what hold-accepts has held", listener=True),
    "send-buffer": Poke("SO_SNDBUF; Linux doubles it, and has bounds of its own", "bytes", MOST_BYTES, stays=True),
    "recv-buffer": Poke("SO_RCVBUF; the same", "bytes", MOST_BYTES, stays=True),
    "cap-writes": Poke(
        "the kernel seems to take so many bytes a turn, then EAGAIN", "bytes", MOST_BYTES, stays=True, listener=False
    ),
    "eagain": Poke("the next read, write or accept comes out as EAGAIN", stays=True),
    "econnreset": Poke("the next read, write or accept comes out as ECONNRESET", stays=True),
    "partial": Poke(
        "of the next longer write only so many bytes are taken", "bytes", MOST_BYTES, stays=True, listener=False
    ),
    "delay": Poke("its callbacks run so much later than they were due", "ms", MOST_MS, stays=True),
    "clear": Poke("undo every fault of the stream"),
}
"""Every action, by its name. Those that are no faults are done at once."""
