"""The handle's flags in words: what each means, which of libuv's functions set and clear it, and how it is drawn.

The numbers are `core.flags`'. The order is that of the lamps on the screen.
"""

from __future__ import annotations

from typing import NamedTuple

from .. import flags as uv

ALWAYS, WHILE_ON, WHILE_OFF, NEVER = 3, 2, 1, 0
"""How much a flag matters, which is when it has a lamp: always; while it is on; while it is off, because nearly every
handle has it; never.
"""


class FlagWords(NamedTuple):
    """One flag. `cell` is its place among the letters of a table's row, -1 for none; of several flags in one place the
    last that is on is shown. `types` are the handle types to which the bit means this; empty for all. `went_on` and
    `went_off` tell of a change as a person would; `passing` is a flag whose changes are steps of something that is told
    as a whole, and nothing that one would tell by themselves.
    """

    bit: int
    name: str
    plain: str
    meaning: str
    set_by: tuple[str, ...]
    cleared_by: tuple[str, ...]
    weight: int
    letter: str = ""
    cell: int = -1
    types: tuple[str, ...] = ()
    went_on: str = ""
    went_off: str = ""
    passing: bool = False


_STREAMS = "tcp pipe tty"


def _flag(
    bit: int, plain: str, meaning: str, set_by: str, cleared_by: str, weight: int,
    letter: str = "", cell: int = -1, types: str = "", turns: tuple[str, str] = ("", ""), passing: bool = False,
) -> FlagWords:  # fmt: skip
    return FlagWords(
        bit, uv.FLAG_NAMES[bit], plain, meaning, tuple(set_by.split()), tuple(cleared_by.split()), weight,
        letter, cell, tuple(types.split()), *turns, passing,
    )  # fmt: skip


FLAGS: tuple[FlagWords, ...] = (
    _flag(
        uv.READABLE, "can be read", "The stream has a side that can be read; uv_read_start needs it.",
        "uv__stream_open maybe_new_socket", "uv__read uv__stream_close", ALWAYS, "R", 0, types=_STREAMS,
        turns=("can be read", "can be read no more"),
    ),
    _flag(
        uv.WRITABLE, "can be written", "The stream has a side that can be written; uv_write and uv_shutdown need it.",
        "uv__stream_open maybe_new_socket", "uv__read uv_shutdown uv__stream_close", ALWAYS, "W", 1, types=_STREAMS,
        turns=("can be written", "takes no more writes"),
    ),
    _flag(
        uv.READING, "is being read", "The program reads: POLLIN is wanted, and read_cb gets what comes.",
        "uv__read_start", "uv_read_stop uv__read uv__stream_eof", ALWAYS, "r", 2, types=_STREAMS,
        turns=("begins to read", "stopped reading"),
    ),
    _flag(
        uv.ACTIVE, "keeps the loop alive", "The handle counts as active: it reads, listens, or runs.",
        "uv__read_start uv_listen uv_timer_start uv_async_init uv_idle_start uv_prepare_start uv_check_start",
        "uv_read_stop uv__read uv__stream_eof uv__stream_close uv_timer_stop uv_idle_stop uv_prepare_stop "
        "uv_check_stop uv__async_close",
        ALWAYS, "a", 4,
        turns=("keeps the loop alive", "keeps the loop alive no more"), passing=True,
    ),
    _flag(
        uv.BOUND, "has an address", "The socket was bound, or a server accepted it.",
        "uv__tcp_bind uv_tcp_listen uv_pipe_bind uv_accept maybe_new_socket", "", ALWAYS, "B", 5, types=_STREAMS,
        turns=("has an address", "has no address"),
    ),
    _flag(
        uv.READ_EOF, "the peer ended", "The peer has ended its side: read_cb was told EOF, and reading stopped.",
        "uv__stream_eof", "uv__read_start", ALWAYS, "e", 6, types=_STREAMS,
        turns=("the peer ended", "reads again after an end"),
    ),
    _flag(
        uv.READ_PARTIAL, "the kernel is read empty",
        "The last read brought less than there was room for, so the kernel had no more.",
        "uv__read", "uv__read", ALWAYS, "p", 3, types=_STREAMS,
        turns=("the kernel is read empty", "the kernel may have more"), passing=True,
    ),
    _flag(
        uv.SHUTTING, "is to end", "uv_shutdown was called: the stream's own side ends once write_queue is empty.",
        "uv_shutdown", "uv__drain", ALWAYS, "s", 7, types=_STREAMS,
        turns=("is to end", "is to end no more"),
    ),
    _flag(
        uv.SHUT, "has ended its side", "shutdown(2) has been called: the peer sees the end.",
        "uv__drain", "", ALWAYS, "S", 7, types=_STREAMS,
        turns=("ended its side", ""),
    ),
    _flag(
        uv.CLOSING, "is closing", "uv_close was called; close_cb comes at the end of the turn.",
        "uv_close", "", ALWAYS, "c", 8,
        turns=("is closing", ""),
    ),
    _flag(
        uv.CLOSED, "closed", "The handle is closed, and its memory is the program's again.",
        "uv__finish_close", "", ALWAYS, "C", 8,
        turns=("closed", ""),
    ),
    _flag(
        uv.REF, "counts for the loop", "While it is active, the handle keeps the loop alive; uv_unref takes that away.",
        "uv__handle_init uv_ref", "uv_unref uv__finish_close", WHILE_OFF,
        turns=("counts for the loop", "counts for the loop no more"),
    ),
    _flag(
        uv.BLOCKING_WRITES, "writes block", "Writes wait in the kernel until all is taken, as for files and terminals.",
        "uv_tty_init", "", WHILE_ON, types=_STREAMS,
    ),
    _flag(uv.IPV6, "is IPv6", "The socket is of the family AF_INET6.", "uv__tcp_bind", "", WHILE_ON, types="tcp"),
    _flag(
        uv.TCP_NODELAY, "small writes go at once", "Nagle's algorithm is off.",
        "uv_tcp_nodelay", "uv_tcp_nodelay", WHILE_ON, types="tcp",
        turns=("small writes go at once", "small writes may wait"),
    ),
    _flag(
        uv.TCP_KEEPALIVE, "probes a silent peer", "The kernel sends keep-alive probes.",
        "uv_tcp_keepalive", "uv_tcp_keepalive", WHILE_ON, types="tcp",
        turns=("probes a silent peer", "probes no silent peer"),
    ),
    _flag(
        uv.TCP_SINGLE_ACCEPT, "accepts one at a time", "The server takes one connection a round.",
        "uv_tcp_listen uv_tcp_simultaneous_accepts", "uv_tcp_simultaneous_accepts", WHILE_ON, types="tcp",
    ),
    _flag(uv.READ_PENDING, "a read is pending", "Windows only: a read is under way.", "", "", WHILE_ON, types=_STREAMS),
    _flag(uv.ENDGAME_QUEUED, "its end is queued", "Windows only: it waits to finish closing.", "", "", WHILE_ON),
    _flag(
        uv.INTERNAL, "is the loop's own", "The loop made it for itself: the program never sees it.",
        "", "", WHILE_ON,
    ),
    _flag(uv.LISTENING, "listens", "Windows only: the socket listens.", "", "", WHILE_ON, types=_STREAMS),
    _flag(uv.CONNECTION, "is connected", "Windows only: the socket is connected.", "", "", WHILE_ON, types=_STREAMS),
)  # fmt: skip
