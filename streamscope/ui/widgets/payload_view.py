"""The payload of the opened stream, as text or as hex, both ways, followed as it passes; or that of both sides of a
conversation, in the order in which it passed.

Payload is private: the engine sends none of it but for a stream that is opened in an inspector that may control. This
view asks for it when it appears and no longer when it goes.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual import events
from textual.reactive import var

from streamscope.language import tr
from streamscope.trace.contents import Payload
from streamscope.ui.actions import bindings
from streamscope.ui.meters import bytes_text
from streamscope.ui.payload_log import PayloadLog, PayloadRow, hex_characters, hex_text
from streamscope.ui.plain import is_listener
from streamscope.ui.safe import fit, titled, visible
from streamscope.ui.scale import instant_text
from streamscope.ui.view import View
from streamscope.ui.widgets.live_lines import LiveLines
from streamscope.ui.widgets.pens import set_titles

CLOCK, SHORT_CLOCK = 13, 7
"""Cells for the time, and for its seconds alone."""
TEXT = 51
"""Cells that text should have before the time takes any."""
PLACE = 7
"""Cells for the position of a hex row, in hexadecimal digits, and the space behind it."""


def _hex_cells(count: int) -> int:
    """Cells that so many bytes take: two digits and a space each, groups of eight apart, then the characters."""
    return count * 4 + (count - 1) // 8 + 1


class PayloadView(LiveLines[PayloadRow]):
    """What stream `stream` reads and writes, and the `other` side of its conversation if one is given, from the moment
    they are opened here.
    """

    HELP = """\
What passes through the stream while it is open here: < came in, > went out, each with its time. Of a conversation, each
row begins with the stream's number; what came in at one side and goes out at the other has one colour.

As text, \\r\\n and \\n show where the payload has its line ends, and characters that would command the terminal are
shown instead of obeyed: ␛ is an escape, \\xNN a byte that is no UTF-8. As hex, each row begins with its position in
that direction, counted from when the stream was opened here.

It follows the newest bytes; scrolling up holds the rows still, End follows again.
"""
    BINDINGS = bindings("payload")

    as_hex: var[bool] = var(False)

    def __init__(
        self, view: View, stream: int, other: int | None = None, *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._view = view
        self._streams = (stream,) if other is None else (stream, other)
        self._names = 0 if other is None else 1 + len(f"#{max(stream, other)}")  # cells for whose bytes they are
        self._payload = PayloadLog()
        self._last: Payload | None = None
        self._asked: tuple[int, ...] = ()

    def on_mount(self) -> None:
        """Ask for the payload, unless the streams are some of the past that the engine does not have any more."""
        view = self._view
        if view.vocabulary.knows("payload"):
            there = [stream for stream in self._streams if view.replaying or stream in view.source.model.streams]
            if there:
                view.source.open_payload(*there)
                self._asked = tuple(there)
        self.watch(self, "following", self._retitle)

    def on_unmount(self) -> None:
        """No longer, unless another stream has been opened meanwhile."""
        if self._asked and self._view.source.opened == self._asked:
            self._view.source.close_payload()

    def sync(self) -> None:
        """Lay out what has passed up to the instant that is looked at, unless it would take rows away from a reader."""
        if self._view.paused and self._last is not None and self._last.t > self._view.now_t:
            self._payload = PayloadLog()
            self._last = None
            self._lay_out()
        if self.following or not self._payload.full:
            self._take()
        super().sync()

    def _take(self) -> None:
        fresh: list[Payload] = []
        latest = self._view.now_t if self._view.paused else None
        for frame in reversed(self._view.source.payload):
            if frame is self._last:
                break
            if latest is None or frame.t <= latest:
                fresh.append(frame)
        else:
            if self._last is not None and fresh:
                self._payload.skip_unknown(fresh[-1].t)
        if fresh:
            self._last = fresh[0]
            self._payload.take(fresh[::-1])
            self._retitle()

    # drawing

    def on_resize(self, event: events.Resize) -> None:
        """Another width has other rows, and room for other words."""
        self._lay_out()
        self._retitle()

    def watch_as_hex(self) -> None:
        """The same bytes, told otherwise."""
        self._lay_out()
        self._retitle()

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width
        if width <= 0:
            return
        top = self.item(self._top)
        self._payload.lay_out(as_hex=self.as_hex, cells=self._bytes_a_row(width) if self.as_hex else self._room(width))
        if top is not None and not self.following:
            self._top = self._payload.row_of_chunk(top.chunk)
        self.redraw()

    def _clock(self, width: int) -> int:
        """Cells for the time: all of it, its seconds, or none, as the bytes leave room for."""
        used = PLACE + _hex_cells(self._bytes_a_row(width)) if self.as_hex else TEXT
        return next((cells for cells in (CLOCK, SHORT_CLOCK) if width >= self._before + cells + used), 0)

    @property
    def _before(self) -> int:
        """Cells for whose bytes they are, and which way they go."""
        return 3 + self._names

    def _room(self, width: int) -> int:
        """Cells that a row has for text: the end of a line comes after it."""
        return max(width - self._before - self._clock(width) - 4, 1)

    def _bytes_a_row(self, width: int) -> int:
        return next((count for count in (32, 16, 8) if _hex_cells(count) <= width - self._before - PLACE), 4)

    def span(self) -> tuple[int, int]:
        """The rows that are kept."""
        return self._payload.first, self._payload.end

    def load(self, start: int, count: int) -> Sequence[PayloadRow]:
        """Rows by their number."""
        rows, first = self._payload.rows, self._payload.first
        return [rows[row - first] for row in range(start, start + count)]

    def draw(self, item: PayloadRow, width: int) -> list[Segment]:
        """Whose bytes, where there are two sides; a direction, a time, and the bytes."""
        pen = self.pen
        back = item.out == (item.stream == self._streams[0])  # towards the first one's peer
        way = pen("trend" if back else "label")
        name = (f"#{item.stream}" if item.stream and self._names else "").rjust(self._names)
        parts = [Segment(f"{name} > " if item.out else f"{name} < ", way)]
        if clock := self._clock(width):
            time = instant_text(self._view.started, item.t)[1 - clock :] if item.t else ""
            parts.append(Segment(time.ljust(clock), pen("label")))
        if item.notice:
            room = max(width - self._before - clock, 1)
            parts.append(Segment(fit(f"╌ {tr(item.text)} ╌", room), pen("warning")))
        elif self.as_hex:
            count = self._bytes_a_row(width)
            parts.append(Segment(f"{item.place % 16**6:06x} ", pen("muted")))
            parts.append(Segment(hex_text(item.data, count) + "  ", pen()))
            parts.append(Segment(hex_characters(item.data), way))
        else:
            parts += [Segment(item.text, pen()), Segment(item.end, pen("dim"))]
        return parts

    def empty_text(self) -> str:
        """What is awaited, or why nothing will come."""
        hello = self._view.hello
        state = self._view.stream(self._streams[0])
        if state is not None and is_listener(state, self._view.vocabulary):
            return tr("A listening stream has no payload: its connections have.")
        if not self._view.vocabulary.knows("payload"):
            engine = visible(self._view.vocabulary.engine) or tr("this engine")
            return tr("No payload can be seen of {engine}.", engine=engine)
        if self._view.replaying and not self._view.source.payload:
            return tr("Nothing of this stream's payload was recorded: that needs --payload N, or --control.")
        if hello is not None and not hello.control and not hello.payload:
            return tr("Payload stays in the engine: this inspector may only look (attach to one run with --control).")
        if state is None or state.closed_t:
            return tr("The stream is closed, and nothing passed while it was open here.")
        return tr("Nothing has passed since the stream was opened here; what passes now will be shown.")

    def _retitle(self) -> None:
        both = [tr("both sides"), " ⇄ ".join(f"#{stream}" for stream in self._streams)] if self._names else []
        words = [*both, tr("payload"), "hex" if self.as_hex else tr("text")]
        hello = self._view.hello
        if hello is not None and not hello.control and hello.payload:
            words.append(tr("first {size} of each read and write", size=bytes_text(hello.payload)))
        words.append(tr("following") if self.following else tr("held · end follows"))
        moved = "   ".join(map(self._moved, self._streams))
        set_titles(self, titled(words, self.size.width - 4, least=len(both) + 1), moved)

    def _moved(self, stream: int) -> str:
        more = "" if self._payload.exact else f"{tr('more than')} "
        came, went = (bytes_text(self._payload.passed(stream, out=out)) for out in (False, True))
        return (f"#{stream} " if self._names else "") + f"< {more}{came}   > {more}{went}"

    # what a person can do

    def action_hex(self) -> None:
        """Text, or hex."""
        self.as_hex = not self.as_hex

    def copy_text(self) -> str:
        """All that is kept, as it is shown, for the clipboard."""
        lines = []
        for row in self._payload.rows:
            if row.notice:
                body = f"({row.text})"
            elif self.as_hex:
                count = self._bytes_a_row(self.scrollable_content_region.width)
                body = f"{row.place:06x} {hex_text(row.data, count)}  {hex_characters(row.data)}"
            else:
                body = row.text
            whose = f"#{row.stream} " if self._names else ""
            lines.append(f"{whose}{'>' if row.out else '<'} {body}")
        return "\n".join(lines)
