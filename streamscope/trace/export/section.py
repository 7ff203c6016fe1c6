"""One stream's part of the picture: its queue, its requests, its flags and what happened on it, over one axis of time.

Every column of the time line is one unit wide. Rows are labelled with the names that the feed gives them, so that a
person finds them in the engine's sources; what the engine cannot know has no row. Nothing is told by colour alone: a
lane that is lit is filled, one that comes and goes more quickly than can be drawn is striped, and every row says in
words what it is and how often it happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from streamscope.trace.export.pen import Box, Pen, fitting, n, width_of
from streamscope.trace.export.scales import byte_ticks, count_ticks, duration, instant, size
from streamscope.trace.export.stretches import BUSY, SHORT, group_of, lanes_of, lit, missing, spans
from streamscope.trace.lanes import Lane, LaneColumn, lanes_of_feed
from streamscope.trace.vocabulary import Vocabulary

HEADING, GAP, LANE, LANE_GAP, RUG, PENDING = 34, 12, 17, 5, 13, 40


def _rugs(
    columns: Sequence[LaneColumn], vocabulary: Vocabulary
) -> list[tuple[str, str, Callable[[LaneColumn], int], str]]:
    """Rows of ticks: label, total in words, the count in a column, and colour."""
    total_in, total_out = sum(c.bytes_in for c in columns), sum(c.bytes_out for c in columns)
    rows: list[tuple[str, str, Callable[[LaneColumn], int], str]] = [
        ("reads", f"{sum(c.reads for c in columns):,} · {size(total_in)}", lambda c: c.reads, "does"),
        ("writes", f"{sum(c.writes for c in columns):,} · {size(total_out)}", lambda c: c.writes, "can"),
    ]
    if errors := sum(c.errors for c in columns):
        rows.append(("errors", f"{errors:,}", lambda c: c.errors, "bad"))
    return [row for row in rows if vocabulary.tells(row[0])]


def least_height(columns: Sequence[LaneColumn], queue: float, vocabulary: Vocabulary) -> float:
    """How high a section is whose queue is drawn so high."""
    lanes, rugs = len(lanes_of(columns, lanes_of_feed(vocabulary))), len(_rugs(columns, vocabulary))
    curves = (queue + GAP) * vocabulary.tells("write_queue_size") + (PENDING + GAP) * vocabulary.tells("write_queue")
    return HEADING + curves + lanes * (LANE + LANE_GAP) + GAP + rugs * (RUG + LANE_GAP)


class Section:
    """Draws one stream into a box whose left edge is where time begins; labels stand left and right of it."""

    def __init__(
        self, pen: Pen, columns: Sequence[LaneColumn], box: Box, ticks: Sequence[float], vocabulary: Vocabulary
    ) -> None:
        self._pen, self._columns, self._box, self._ticks = pen, columns, box, ticks
        self._vocabulary = vocabulary
        self._unit = box.width / len(columns)
        self._span = columns[-1].t1 - columns[0].t0

    def draw(self, heading: str, queue: float) -> None:
        """The whole section, the queue so high."""
        box = self._box
        y = box.y + HEADING
        summary = self._summary()
        room = box.width - width_of(summary, 14) - 20
        self._pen.text(box.x, box.y + 20, fitting(heading, 17, room), size=17, bold=True)
        self._pen.text(box.right, box.y + 20, summary, size=14, fill="muted", anchor="end")
        body = Box(box.x, y, box.width, box.bottom - y)
        self._ground(body)
        if self._vocabulary.tells("write_queue_size"):
            self._queue(Box(box.x, y, box.width, queue))
            y += queue + GAP
        if self._vocabulary.tells("write_queue"):
            self._pending(Box(box.x, y, box.width, PENDING))
            y += PENDING + GAP
        for lane in lanes_of(self._columns, lanes_of_feed(self._vocabulary)):
            self._lane(Box(box.x, y, box.width, LANE), lane)
            y += LANE + LANE_GAP
        y += GAP
        for label, total, count, colour in _rugs(self._columns, self._vocabulary):
            self.rug(Box(box.x, y, box.width, RUG), label, total, count, colour)
            y += RUG + LANE_GAP
        self._missing(body)

    def rug(self, box: Box, label: str, total: str, count: Callable[[LaneColumn], int], colour: str) -> None:
        """A row of ticks where something happened, the darker the more of it."""
        self._label(box, label, mono=False)
        self._pen.text(box.right + 10, box.y + box.height / 2 + 4, total, size=12, fill="muted")
        most = max(count(c) for c in self._columns)
        for level, first, end in spans(self._columns, lambda c: _level(count(c), most)):
            if level:
                tick = Box(self._x(first), box.y, max((end - first) * self._unit, 1.2), box.height)
                self._pen.rect(tick, colour, opacity=level / 4)

    def _summary(self) -> str:
        if not self._vocabulary.tells("write_queue_size"):
            return ""
        marked = self._vocabulary.tells("high_water")
        above = sum(c.t1 - c.t0 for c in self._columns if marked and c.known and c.wq_max > c.high_water)
        peak = max(self._columns, key=lambda c: c.wq_max)
        if not peak.wq_max:
            return "nothing was ever queued"
        said = (
            f"{self._vocabulary.label('write_queue_size')} peaks at {size(peak.wq_max)}, {instant(peak.t0, self._span)}"
        )
        return said + (f" · above {self._vocabulary.label('high_water')} for {duration(above)}" if above else "")

    def _x(self, column: int) -> float:
        return self._box.x + column * self._unit

    def _label(self, box: Box, text: str, *, mono: bool = True) -> None:
        self._pen.text(box.x - 12, box.y + box.height / 2 + 5, text, size=14, anchor="end", mono=mono)

    def _ground(self, body: Box) -> None:
        """The ground on which everything stands: only where the stream is known."""
        for known, first, end in spans(self._columns, lambda c: c.known):
            if known:
                self._pen.rect(Box(self._x(first), body.y, (end - first) * self._unit, body.height), "panel")
        for x in self._ticks:
            self._pen.line(x, body.y, x, body.bottom, "grid")

    def _missing(self, body: Box) -> None:
        for events, first, end in missing(self._columns):
            width = max((end - first) * self._unit, 3)
            self._pen.rect(Box(self._x(first), body.y, width, body.height), "url(#lost)")
            if events:
                text = f"{events:,} events lost"
                half = 4 * len(text)
                middle = min(max(self._x(first) + width / 2, body.x + half), body.right - half)
                self._pen.rect(Box(middle - half, body.y + 4, 2 * half, 20), "paper", radius=4)
                self._pen.text(middle, body.y + 18, text, size=13, fill="bad", anchor="middle")

    # curves

    def _queue(self, box: Box) -> None:
        pen, columns = self._pen, self._columns
        marked = self._vocabulary.tells("high_water")
        high = max((c.high_water for c in columns if c.known), default=0) if marked else 0
        peak = max(c.wq_max for c in columns)
        ticks = byte_ticks(max(peak, high if peak > high / 4 else peak))
        scale = box.height / (ticks[-1] or 1)
        pen.text(box.x - 12, box.y + 14, self._vocabulary.label("write_queue_size"), size=14, anchor="end", mono=True)
        for tick in ticks:
            y = box.bottom - tick * scale
            pen.line(box.x, y, box.right, y, "grid")
            if tick:
                pen.text(box.right + 10, y + 4, size(tick), size=12, fill="muted")
        self._steps(box, [c.wq_max if c.known else 0 for c in columns], scale, "queue", 0.25)
        if high and high <= ticks[-1]:
            self._high_water(box, scale)
        if peak:
            self._peak(box, scale)

    def _steps(self, box: Box, values: Sequence[int], scale: float, colour: str, opacity: float) -> None:
        """The value of each column as an area with an outline: a path for each stretch in which it is not 0, from the
        ground up, along and down again.
        """
        for path in self._outlines(box, values, scale):
            self._pen.area(f"{path}Z", colour, opacity=opacity)
            self._pen.stroke(path, colour, width=1.5)

    def _outlines(self, box: Box, values: Sequence[int], scale: float) -> Iterator[str]:
        path, before = "", 0
        for place, value in enumerate(values):
            if value == before:
                continue
            if not before:
                path = f"M{n(self._x(place))} {n(box.bottom)}"
            else:
                path += f"H{n(self._x(place))}"
            path += f"V{n(box.bottom - value * scale)}"
            if not value:
                yield path
            before = value
        if before:
            yield f"{path}H{n(self._x(len(values)))}V{n(box.bottom)}"

    def _high_water(self, box: Box, scale: float) -> None:
        """The high-water mark, which a program may move, and what is above it."""
        pen, columns = self._pen, self._columns
        for mark, first, end in spans(columns, lambda c: c.high_water if c.known else 0):
            y = box.bottom - mark * scale
            if not mark or y < box.y:
                continue
            excess = [max(0, c.wq_max - mark) if first <= i < end else 0 for i, c in enumerate(columns)]
            self._steps(Box(box.x, box.y, box.width, y - box.y), excess, scale, "above", 0.55)
            pen.line(self._x(first), y, self._x(end), y, "mark", width=1.5, dash="6 4")
        last = next(c.high_water for c in reversed(columns) if c.known)
        y = min(max(box.bottom - last * scale + 5, box.y + 32), box.bottom)
        pen.text(
            box.x - 12,
            y,
            f"{self._vocabulary.label('high_water')} {size(last)}",
            size=12,
            fill="mark",
            anchor="end",
            mono=True,
        )

    def _peak(self, box: Box, scale: float) -> None:
        columns = self._columns
        at = max(range(len(columns)), key=lambda i: columns[i].wq_max)
        x, y = self._x(at) + self._unit / 2, box.bottom - columns[at].wq_max * scale
        self._pen.dot(x, y, 4, "ink")
        anchor, aside = ("start", 10) if x < box.x + box.width * 0.8 else ("end", -10)
        label = y - 8 if y > box.y + 20 else y + 19
        self._pen.text(x + aside, label, size(columns[at].wq_max), size=14, bold=True, anchor=anchor)

    def _pending(self, box: Box) -> None:
        ticks = count_ticks(max(c.pending_max for c in self._columns))
        self._label(Box(box.x, box.y, 0, LANE), "pending requests", mono=False)
        for tick in ticks:
            y = box.bottom - tick * box.height / ticks[-1]
            self._pen.line(box.x, y, box.right, y, "grid")
            self._pen.text(box.right + 10, y + 4, f"{tick:,}", size=12, fill="muted")
        self._steps(box, [c.pending_max for c in self._columns], box.height / ticks[-1], "is", 0.25)

    # lanes

    def _lane(self, box: Box, lane: Lane) -> None:
        name, colour = lane.name, group_of(lane)
        self._label(box, name)
        self._pen.line(box.x, box.bottom, box.right, box.bottom, "grid")
        for state, first, end in lit(self._columns, lane):
            part = Box(self._x(first), box.y, (end - first) * self._unit, box.height)
            if state == BUSY and end - first > SHORT:
                self._pen.rect(part, f"url(#busy-{colour})")
                continue
            begin, until = self._columns[first].t0, self._columns[end - 1].t1
            part = Box(part.x, part.y, max(part.width, 2.5), part.height)
            when = f"{instant(begin, self._span)} – {instant(until, self._span)}"
            title = f"{name}: {when} ({duration(until - begin)})"
            self._pen.rect(part, colour, radius=3 if part.width > 8 else 0, title=title)


def _level(count: int, most: int) -> int:
    """How dark a tick is: 2 for a single event, up to 4 for as many as there ever are in a column."""
    if not count:
        return 0
    return 4 if count * 2 > most else 3 if count * 8 > most else 2
