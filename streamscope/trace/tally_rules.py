"""What each kind of record does to a tally, and where in a record the clock is.

A rule is called as `rule(walker, words, i)`: `words[i]` is the header of a record of the walker's own stream.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from streamscope.core.joined_records import READ_PARTIAL
from streamscope.trace.decode import Decoder
from streamscope.trace.expansions import Expansion
from streamscope.trace.state import NO_FAILURES
from streamscope.trace.tally import ALL, Standing, Walker, Words
from streamscope.trace.writes import ends_of_writes

Handler: TypeAlias = Callable[[Walker, Words, int], None]


def _handle_init(walker: Walker, words: Words, i: int) -> None:
    walker.learn(walker.tables.newborn)


def _handle_closed(walker: Walker, words: Words, i: int) -> None:
    tally = walker.tally
    tally.wq, tally.pending, tally.high_water = walker.wq, walker.pending, walker.high_water
    walker.sure, walker.there = True, False
    walker.flags = walker.wants = walker.wq = walker.pending = 0


def _flag_set(walker: Walker, words: Words, i: int) -> None:
    flag = words[i + 1]
    walker.flags |= flag
    tally = walker.tally
    tally.any |= flag
    tally.off |= flag


def _flag_clear(walker: Walker, words: Words, i: int) -> None:
    flag = words[i + 1]
    walker.flags &= ~flag
    tally = walker.tally
    tally.any |= flag
    tally.off |= flag


def _interest(walker: Walker, words: Words, i: int) -> None:
    old, new = words[i + 1] & ALL, words[i + 2] & ALL
    walker.wants = new
    tally = walker.tally
    tally.wanted |= old | new
    tally.unwanted |= ~(old & new) & ALL


def _write_queue_size(walker: Walker, words: Words, i: int) -> None:
    walker.wq = size = words[i + 2]
    if size > walker.tally.wq_max:
        walker.tally.wq_max = size


def _high_water(walker: Walker, words: Words, i: int) -> None:
    walker.high_water = words[i + 2]


def _request_begin(walker: Walker, words: Words, i: int) -> None:
    walker.pending += 1
    if walker.pending > walker.tally.pending_max:
        walker.tally.pending_max = walker.pending


def _request_end(walker: Walker, words: Words, i: int) -> None:
    if walker.pending:
        walker.pending -= 1
    status = words[i + 2]
    if status < 0:
        walker.tally.errors += 1
    elif status == 0 and walker.tables.ends_write(words, i):
        walker.tally.writes += 1


def _sys_in(walker: Walker, words: Words, i: int) -> None:
    result = words[i + 3]
    if result > 0:
        walker.tally.bytes_in += result
        walker.tally.reads += 1
    elif result < 0 and result not in NO_FAILURES:
        walker.tally.errors += 1


def _sys_out(walker: Walker, words: Words, i: int) -> None:
    result = words[i + 3]
    if result > 0:
        walker.tally.bytes_out += result
    elif result < 0 and result not in NO_FAILURES:
        walker.tally.errors += 1


def _sys(walker: Walker, words: Words, i: int) -> None:
    result = words[i + 3]
    if result < 0 and result not in NO_FAILURES:
        walker.tally.errors += 1


def _callback_error(walker: Walker, words: Words, i: int) -> None:
    walker.tally.errors += 1


_HANDLERS: dict[str, Handler] = {
    "handle.init": _handle_init,
    "handle.closed": _handle_closed,
    "flag.set": _flag_set,
    "flag.clear": _flag_clear,
    "write_queue_size": _write_queue_size,
    "high_water": _high_water,
    "io.start": _interest,
    "io.stop": _interest,
    "request.begin": _request_begin,
    "request.end": _request_end,
    "sys.read": _sys_in,
    "sys.recvmsg": _sys_in,
    "sys.write": _sys_out,
    "sys.writev": _sys_out,
    "sys.sendmsg": _sys_out,
    "callback.error": _callback_error,
}


# joined records: what their events do, at once


def _read(walker: Walker, words: Words, i: int) -> None:
    tally = walker.tally
    tally.bytes_in += words[i + 3]
    tally.reads += 1


def _read_again(walker: Walker, words: Words, i: int) -> None:
    walker.flags &= ~READ_PARTIAL
    tally = walker.tally
    tally.any |= READ_PARTIAL
    tally.off |= READ_PARTIAL
    tally.bytes_in += words[i + 3]
    tally.reads += 1


def _read_end(walker: Walker, words: Words, i: int) -> None:
    walker.flags |= READ_PARTIAL
    tally = walker.tally
    tally.any |= READ_PARTIAL
    tally.off |= READ_PARTIAL


def _write(walker: Walker, words: Words, i: int) -> None:
    tally, n = walker.tally, words[i + 2]
    walker.pending = pending = walker.pending + 1
    walker.wq = 0
    if pending > tally.pending_max:
        tally.pending_max = pending
    if n > tally.wq_max:
        tally.wq_max = n
    tally.bytes_out += n


def _written(walker: Walker, words: Words, i: int) -> None:
    if walker.pending:
        walker.pending -= 1
    walker.tally.writes += 1


_JOINED: dict[str, Handler | None] = {
    "read": _read,
    "read.again": _read_again,
    "read.end": _read_end,
    "write": _write,
    "write.more": _write,
    "written": _written,
    "written.rearm": _written,
    "rearm": None,
}


class Tables:
    """What a feed's decoder says that a walk needs, by code: made once, for any number of walkers."""

    def __init__(self, decoder: Decoder) -> None:
        self.layout = decoder.layout
        self.handlers: list[Handler | None] = [None] * 256
        self.turn = -1
        """The code of `loop.turn`."""
        self.newborn = Standing.of(decoder.vocabulary.fresh(0))
        """How a handle stands that has just come into being."""
        self.ends_write = ends_of_writes(decoder)
        """Whether the record at a place, a `request.end`, is that of a write."""
        for code, (name, _) in enumerate(decoder.kinds):
            self.handlers[code] = _HANDLERS.get(name) or (_sys if name.startswith("sys.") else None)
            if name == "loop.turn":
                self.turn = code
        for code, expansion in self.layout.expansions.items():
            if expansion.known and expansion.name in _JOINED:
                self.handlers[code] = _JOINED[expansion.name]
            else:
                self.handlers[code] = _one_by_one(expansion, self.handlers)


def _one_by_one(expansion: Expansion, handlers: list[Handler | None]) -> Handler:
    def handler(walker: Walker, words: Words, i: int) -> None:
        records: Sequence[tuple[Words, int]] = expansion.unfold(words, i)
        for record, start in records:
            step = handlers[record[start] & 255]
            if step is not None:
                step(walker, record, start)

    return handler
