"""What all of it is called in one version of libuv: the vocabulary that a peeked feed begins with.

Kinds, fields and the meanings of flags are the engine's, which are libuv's. What this version has not is left out, and
what cannot be seen from outside is `unseen`: whatever happens between two glimpses and leaves no trace in memory.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from streamscope.core import flags as uv
from streamscope.core.probe import KINDS
from streamscope.core.records import SAMPLED
from streamscope.core.vocabulary import words
from streamscope.link.wire import Hello
from streamscope.trace.vocabulary import SAID_BY_PROGRAM

Version = tuple[int, int]

_TOLD = frozenset({
    "sample.taken", "loop.turn", "loop.nfds", "loop.active_handles", "loop.active_reqs", "loop.poll_ns", "loop.waits",
    "handle.init", "handle.address", "handle.accepted", "handle.ipc", "handle.closed", "flag.set", "flag.clear", "fd",
    "write_queue_size", "accepted_fd", "delayed_error", "callbacks", "connect_req", "shutdown_req", "write_queue.push",
    "write_queue.pop", "write_completed_queue.push", "write_completed_queue.pop", "queued_fds.push", "queued_fds.pop",
    "queued_fds.capacity", "pending.pop", "watcher_queue.push", "watcher_queue.pop", "closing.push", "closing.pop",
    "io.start", "io.stop", "io.events", "io.feed", "request.begin", "request.send", "request.progress",
    "request.error", "request.end", "kernel.sample", "kernel.same", "kernel.unknown",
    "program.says", "handle.place",
})  # fmt: skip
"""The kinds that a sampler tells."""

_UNSEEN = (
    "name", "place", "high_water", "above_t", "bytes_in", "bytes_out", "reads", "writes", "errors",
    "last_error", "last_read_t", "last_write_t", "feeds", "callback_ns", "status", "payload",
)  # fmt: skip
"""Nobody writes these down in a libuv program."""

_IN_JAVASCRIPT = {
    "plain": "waits in JavaScript",
    "meaning": "Node hands libuv one write at a time: what waits in JavaScript is not seen here; `run --preload -- "
    "node …` shows it.",
    "weight": 1,
    "initial": 0,
    "name": "JavaScript",
}

WRITABLE_LENGTH, BYTES_WRITTEN, READABLE_FLOWING = (SAID_BY_PROGRAM + place for place in range(3))
_SAID_BY_NODE = (
    {"number": WRITABLE_LENGTH, "name": "writableLength", "domain": "bytes", "stream": True,
     "meaning": "Bytes that wait in the socket, in JavaScript and in libuv."},
    {"number": BYTES_WRITTEN, "name": "bytesWritten", "domain": "bytes", "stream": True,
     "meaning": "Bytes that the program has written to the socket, those among them that wait."},
    {"number": READABLE_FLOWING, "name": "readableFlowing", "domain": "int", "stream": True,
     "meaning": "Whether the program reads the socket: 1, 0 where it has paused it, -1 where it has not begun."},
)  # fmt: skip

_UNTIL: dict[int, Version] = {uv.SHUTTING: (1, 45), uv.READ_PARTIAL: (1, 52)}
"""Flags that are no more, and since when: that a stream shuts down shows in its shutdown request."""


class _Flag(NamedTuple):
    bit: int
    name: str
    plain: str
    meaning: str
    types: tuple[str, ...]


_MORE = (
    _Flag(0x10000000, "TCP_SOCKET_CLOSED", "its socket is closed", "Windows only: the socket was closed.", ("tcp",)),
    _Flag(0x20000000, "SHARED_TCP_SOCKET", "its socket is shared", "Windows only: processes share it.", ("tcp",)),
)
"""Flags that our engine has not."""


def version_of(number: int) -> Version | None:
    """The version that `uv_version` returns as a number; None where nobody said."""
    return (number >> 16 & 0xFF, number >> 8 & 0xFF) if number else None


def version_text(number: int, *, counts_turns: bool = False) -> str:
    """`libuv 1.46.0`, or what is known of it where no symbol says."""
    if number:
        return f"libuv {number >> 16 & 0xFF}.{number >> 8 & 0xFF}.{number & 0xFF}"
    return "libuv 1.45 or later" if counts_turns else "libuv up to 1.44"


def libuv_words(
    engine: str,
    version: Version | None,
    unseen: Collection[str] = (),
    *,
    node: bool = False,
    preloaded: bool = False,
) -> dict[str, Any]:
    """The words, as they travel; `unseen` is what of this very loop cannot be known either; `node` is whether Node runs
    on it, and `preloaded` whether code in that says what is in JavaScript.
    """
    said = words()
    told = {kind.name for kind in KINDS if kind.name in _TOLD}
    hidden = [*(field for field in _UNSEEN if not (preloaded and field == "place")), *unseen]
    since = version or (1, 44)
    flags = [flag for flag in said["flags"] if since < _UNTIL.get(flag["bit"], (2, 0))]
    flags += [
        {"bit": f.bit, "name": f.name, "plain": f.plain, "meaning": f.meaning, "set_by": [], "cleared_by": [],
         "weight": 2, "types": list(f.types)}
        for f in _MORE
    ]  # fmt: skip
    return {
        **said,
        "engine": engine,
        "kinds": {name: {**kind, "functions": [SAMPLED]} for name, kind in said["kinds"].items() if name in told},
        "functions": {SAMPLED: said["functions"][SAMPLED]},
        "flags": flags,
        "fields": {**said["fields"], **({"before_queue": _IN_JAVASCRIPT} if node else {})},
        "kernel": [*said["kernel"], *(_SAID_BY_NODE if preloaded else ())],
        "unseen": hidden,
    }


def libuv_greeting(
    *, release: str, pid: int, program: str, started: float, loop: int, vocabulary: dict[str, Any]
) -> Hello:
    """What a peeked feed says of itself; `release` is ours, `started` the Unix time at which its clock was 0."""
    kinds = [(kind.name, [arg.name for arg in kind.args]) for kind in KINDS if kind.name in _TOLD]
    return Hello(
        version=release, pid=pid, program=program, started=started, kinds=kinds, functions=[SAMPLED], joined=[],
        vocabulary=vocabulary, loop=loop,
    )  # fmt: skip
