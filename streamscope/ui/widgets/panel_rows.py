"""The rows of a panel, field by field: pure functions from what is known of a stream to styled text.

A row has a place of its own for everything it says, so that nothing moves when a value comes or goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec
from rich.cells import cell_len

from streamscope.core import flags as uv
from streamscope.trace.names import error_name
from streamscope.trace.state import RequestState, StreamState
from streamscope.ui.peer import pending_count
from streamscope.ui.safe import fit, visible
from streamscope.ui.widgets import lamps
from streamscope.ui.widgets.meters import NONE, age_text, bar, bar_scale, bytes_text, chart, count_text, rate_text

Part = tuple[str, str]
"""Text, and the name of its style; "" for the panel's own."""
Line = list[Part]

LONG_ARMED = 1_000_000_000
"""From so many nanoseconds on, POLLOUT has been armed for long."""

_LAMP_STYLES = (("off", "on"), ("fade", "fade"), ("glow", "glow"))


class Facts(msgspec.Struct, frozen=True):
    """All that a panel tells of a stream. The trends are of the last thirty seconds, oldest first."""

    state: StreamState
    now_t: int
    changed_t: Mapping[int, int] = msgspec.field(default_factory=dict)
    completed: Sequence[RequestState] = ()
    queue_trend: Sequence[float] = ()
    in_trend: Sequence[float] = ()
    out_trend: Sequence[float] = ()
    rate_in: float | None = 0.0
    rate_out: float | None = 0.0
    accepted: int = 0


class Row(NamedTuple):
    """A line, and how early it goes when there is little room (0 stays)."""

    rank: int
    line: Line


def trend_cells(width: int) -> int:
    """How many cells a trend takes in a panel of this width: each stands for half a second, one, one and a half, two
    or three.
    """
    room = width - label_width(width) - 9 - len(" high-water 9.5 MiB")
    return next((cells for cells in (60, 30, 20, 15) if cells <= room), 10)


def label_width(width: int) -> int:
    """Cells of the names at the left: room for libuv's longest where there is."""
    return 22 if width >= 84 else 18 if width >= 70 else 17


class Rows:
    """The rows of one panel, `width` cells wide."""

    def __init__(self, facts: Facts, width: int) -> None:
        self.facts = facts
        self.state = facts.state
        self.width = width
        self.label = label_width(width)
        self.wide = max(width - self.label, 8)

    def _begin(self, name: str) -> Line:
        short = name if len(name) < self.label else name[: self.label - 2] + "…"
        return [(fit(short, self.label), "label")]

    def flags(self) -> list[Row]:
        """The lamps, in as many lines as they take."""
        facts, state = self.facts, self.state
        room = self.width - 7
        rows = []
        for number, row in enumerate(
            lamps.rows(lamps.lamps(state.flags, state.type, facts.changed_t, facts.now_t), room)
        ):
            line: Line = [(fit("" if number else "flags", 7), "label")]
            for place, lamp in enumerate(row):
                line += [(" " * (place > 0), ""), (lamp.text, _LAMP_STYLES[lamp.glow][lamp.on])]
            rows.append(Row(0, line))
        return rows

    def size(self) -> Row:
        """`write_queue_size` as a number and a bar."""
        size, mark = self.state.write_queue_size, self.state.high_water
        above = size > mark
        room = max(min(trend_cells(self.width), self.wide - 9), 4)
        line = self._begin("write_queue_size")
        line.append((f"{bytes_text(size):>7}  ", "warning" if above else "value" if size else "dim"))
        line += _marked_bar(size, bar_scale(size, mark), mark, room)
        line.append((f" high-water {bytes_text(mark)}", "warning" if above else "label"))
        return Row(0, line)

    def trend(self, height: int) -> list[Row]:
        """`write_queue_size` over the last thirty seconds, `height` lines high."""
        facts, mark = self.facts, self.state.high_water
        cells = trend_cells(self.width)
        peak = max(facts.queue_trend, default=0.0)
        notes = [f" peak {bytes_text(peak)}", *[""] * (height - 2), " last 30 s"]
        top = max(peak, mark)
        rows = []
        for number, text in enumerate(chart(facts.queue_trend, cells, height, mark)):
            hot_line = height > 1 and top * (height - 1 - number) / height >= mark
            values = [0.0] * (cells - len(facts.queue_trend)) + list(facts.queue_trend)[-cells:]
            cell_styles = [
                (cell, "spark-hot" if hot_line or (height == 1 and value > mark) else "spark" if value else "track")
                for cell, value in zip(text, values)
            ]
            rows.append(Row(3, [*self._begin(""), (" " * 9, ""), *_runs(cell_styles), (notes[number], "label")]))
        return rows

    def queue(self) -> Row:
        """`write_queue`: the head with the part that is written, then the others."""
        queue = self.state.write_queue
        line = self._begin("write_queue")
        if not queue:
            return Row(2, [*line, (NONE, "dim")])
        head = queue[0]
        done = head.bytes - head.left
        filled, empty = bar(done, max(head.bytes, 1), 8)
        line += [(f"w{head.number} ", "value"), (filled, "bar"), (empty.replace(" ", "░"), "track")]
        line += [(f" {_part_of(done, head.bytes)} {age_text(self.facts.now_t - head.begin_t)}", ""), *_fate(head)]
        used = length(line)
        for place, request in enumerate(queue[1:], 1):
            carries = f" carries #{request.send_handle}" if request.send_handle else ""
            piece = f"  w{request.number} {bytes_text(request.left)}{carries}"
            more = f"  +{count_text(len(queue) - place)}"
            if used + len(piece) + (len(more) if place < len(queue) - 1 else 0) > self.width:
                line.append((more, "dim"))
                break
            line.append((piece, "label"))
            used += len(piece)
        return Row(1, line)

    def completed(self) -> Row:
        """`write_completed_queue`, and the last requests that had their callback."""
        waiting = self.state.write_completed_queue
        line = self._begin("write_completed_queue")
        for request in waiting[:4]:
            line += [(f"w{request.number} ", "value"), _outcome(request), (" → write_cb  ", "")]
        if waiting:
            return Row(1, line)
        line.append((NONE, "dim"))
        past = [request for request in reversed(self.facts.completed) if request.request == uv.UV_WRITE]
        if past:
            line.append(("    done", "dim"))
        for request in past[:6]:
            piece = [(f" w{request.number} ", "dim"), _outcome(request, calm=True), *_carried(request)]
            if length(line + piece) > self.width:
                break
            line += piece
        return Row(5, line)

    def descriptors(self) -> Row:
        """`accepted_fd`, as many of those that queue behind it as there is room for, and how many wait in all."""
        state = self.state
        held = state.accepted_fd >= 0
        line = self._begin("accepted_fd")
        line += [(f"{state.accepted_fd:<6}", "warning") if held else (f"{NONE:<6}", "dim"), ("  queued_fds ", "label")]
        room = f"  room {len(state.queued_fds)}/{state.queued_fds_capacity}" if state.queued_fds_capacity else ""
        waiting = pending_count(state)
        pending = f"  pending {waiting:,}" if waiting else ""
        free = self.width - length(line) - len(room) - len(pending)
        queued = _first_of(state.queued_fds, free)
        if len(queued) > free:  # how many there are, and for how many there is room, says more than the first of them
            line += [(room.removeprefix("  room "), "value"), (pending, "warning")]
        else:
            line += [(queued, "value") if queued else (NONE, "dim"), (room, "dim"), (pending, "warning")]
        return Row(1 if held or queued or state.ipc else 4, line)

    def waits(self) -> Row:
        """`connect_req`, `shutdown_req` and `delayed_error`."""
        state = self.state
        line = [*self._begin("connect_req"), self._waiting(state.connect_req), ("  shutdown_req ", "label")]
        line.append(self._waiting(state.shutdown_req))
        error = _error(state.delayed_error) if state.delayed_error else ""
        if error and self.width < 70 + len(error):
            line = [*self._begin("delayed_error"), (error, "error")]
        elif error or self.width >= 70:
            line += [("  delayed_error ", "label"), (error, "error") if error else (NONE, "dim")]
        return Row(1 if state.connect_req or state.shutdown_req or state.delayed_error else 6, line)

    def _waiting(self, request: RequestState | None) -> Part:
        if request is None:
            return f"{NONE:<10}", "dim"
        return f"{f'r{request.number} {age_text(self.facts.now_t - request.begin_t)}':<10}", "accent"

    def epoll(self) -> Row:
        """What the engine wants to hear of, what it has registered, and since when it waits to write."""
        state = self.state
        wants, has = (uv.poll_names(mask).replace("|", " ") for mask in (state.pevents, state.events))
        line = [*self._begin("epoll"), ("wants ", "label"), (f"{wants:<6}", "value" if state.pevents else "dim")]
        differs = state.pevents != state.events
        line += [("  registered ", "label"), (f"{has:<6}", "accent" if differs else "value" if state.events else "dim")]
        if state.armed_t:
            armed = self.facts.now_t - state.armed_t
            words = "OUT armed" if self.width >= 70 else "armed"
            line.append((f"  {words} {age_text(armed)}", "warning" if armed >= LONG_ARMED else ""))
        queues = (("pending", state.pending), ("watcher_queue", state.watched), ("closing", state.closing))
        waits = [name for name, there in queues if there]
        if waits:
            line.append((f"  in {', '.join(waits)}", "accent"))
        return Row(1, line)

    def traffic(self) -> Row:
        """Bytes in and out, and how many a second, on one line."""
        state, facts = self.state, self.facts
        line = [*self._begin("bytes"), ("in ", "label"), *_flow(state.bytes_in, facts.rate_in)]
        return Row(1, [*line, ("   out ", "label"), *_flow(state.bytes_out, facts.rate_out), *self._errors()])

    def traffic_trends(self) -> list[Row]:
        """The same on two lines, with the curves of the last thirty seconds."""
        state, facts = self.state, self.facts
        cells = trend_cells(self.width)
        rows = []
        for name, total, rate, values in (
            ("bytes in", state.bytes_in, facts.rate_in, facts.in_trend),
            ("bytes out", state.bytes_out, facts.rate_out, facts.out_trend),
        ):
            total_part, rate_part = _flow(total, rate)
            curve = chart(values, cells, 1)[0]
            padded = [0.0] * (cells - len(values)) + list(values)[-cells:]
            parts = _runs([(cell, "spark" if value else "track") for cell, value in zip(curve, padded)])
            line = [*self._begin(name), total_part, ("  ", ""), *parts, rate_part]
            rows.append(Row(1, line + self._errors() if name == "bytes out" else line))
        return rows

    def _errors(self) -> Line:
        return [(f"    errors {count_text(self.state.errors)}", "error")] if self.state.errors else []

    def connections(self) -> Row:
        """How many streams a server has accepted that are still here."""
        count = self.facts.accepted
        line = self._begin("connections")
        line.append((f"{count:<6,}", "value") if count else (f"{NONE:<6}", "dim"))
        return Row(1, [*line, ("accepted and still here", "dim")])

    def origin(self) -> Row:
        """Where in the program it was made, and who accepted it."""
        place = visible(self.state.place)
        line = [*self._begin("made at"), (place, "") if place else (NONE, "dim")]
        if self.state.server:
            line.append((f"  accepted by #{self.state.server}", "dim"))
        return Row(7, line)


def _first_of(numbers: Sequence[int], width: int) -> str:
    """`10, 11, 12 +5`: as many as fit into so many cells, six at most and one at least, and how many more there are."""
    text = ""
    for shown in range(1, min(len(numbers), 6) + 1):
        more = f" +{len(numbers) - shown}" if shown < len(numbers) else ""
        longer = ", ".join(map(str, numbers[:shown])) + more
        if text and len(longer) > width:
            break
        text = longer
    return text


def _flow(total: int, rate: float | None) -> tuple[Part, Part]:
    return (f"{bytes_text(total):>7}", "value" if total else "dim"), (
        f" {rate_text(rate):>9}",
        "good" if rate and rate >= 1 else "dim",
    )


def _marked_bar(value: int, scale: int, mark: int, width: int) -> Line:
    """A bar with a tick where the high-water mark is, once the bar reaches beyond it."""
    filled, empty = bar(value, scale, width)
    if scale <= mark:
        return [(filled, "bar"), (empty.replace(" ", "·"), "track")]
    text = filled + empty
    tick = max(min(int(mark / scale * width), width - 1), 0)
    cells = [(cell, "bar-hot" if x < len(filled) else "track") for x, cell in enumerate(text)]
    cells[tick] = ("│", "tick")
    return _runs(cells)


def _runs(cells: Sequence[Part]) -> Line:
    """Cells of one style after another as one part."""
    return [("".join(text for text, _ in run), style) for style, run in groupby(cells, key=lambda cell: cell[1])]


def _part_of(done: int, total: int) -> str:
    """`48/64 KiB`, or each with its own unit where they differ."""
    whole = bytes_text(total)
    number, _, unit = bytes_text(done).partition(" ")
    return f"{number}/{whole}" if whole.endswith(f" {unit}") else f"{number} {unit}/{whole}"


def _outcome(request: RequestState, *, calm: bool = False) -> Part:
    return (f"✗ {_error(request.error)}", "error") if request.error else ("✓", "dim" if calm else "good")


def _fate(request: RequestState) -> Line:
    if request.error:
        return [(f" {_error(request.error)}", "error")]
    return [(f" carries #{request.send_handle}", "accent")] if request.send_handle else []


def _carried(request: RequestState) -> Line:
    return [(f" carried #{request.send_handle}", "dim")] if request.send_handle else []


def _error(number: int) -> str:
    return visible(error_name(number))


def length(line: Line) -> int:
    """The cells that a line takes."""
    return sum(cell_len(text) for text, _ in line)


def cut(line: Line, width: int) -> Line:
    """The line in at most `width` cells."""
    out: Line = []
    left = width
    for text, style in line:
        cells = len(text) if text.isascii() else cell_len(text)
        if cells > left:
            if left > 0:
                out.append((fit(text, left), style))
            break
        if text:
            out.append((text, style))
        left -= cells
    return out
