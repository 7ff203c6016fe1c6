"""The time line of one stream: how its flags, its queue and its requests evolved, as far as the past is kept.

What is drawn comes from `trace.lanes`, which knows each column roughly at once and exactly a little later, so a frame
never waits for the past to be gone over. While the present is looked at, the newest column is at the right edge and
the picture moves by whole cells; in the past the present instant is a line that the picture follows.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.content import Content
from textual.reactive import var
from textual.strip import Strip

from streamscope.language import tr
from streamscope.trace.lanes import Lanes
from streamscope.trace.past import Past
from streamscope.ui.actions import bindings
from streamscope.ui.glossary import Thing, of_panel
from streamscope.ui.live import AGES_EVERY
from streamscope.ui.messages import InstantWanted
from streamscope.ui.safe import fit
from streamscope.ui.scale import DEFAULT_STEP, LEAST_STEP, Window, ending, filling, fitting, instant_text, span_text
from streamscope.ui.view import View
from streamscope.ui.widgets.explains import Explains
from streamscope.ui.widgets.panel_lines import title
from streamscope.ui.widgets.panel_rows import Facts
from streamscope.ui.widgets.pens import set_titles
from streamscope.ui.widgets.timeline_lines import (
    HALVES,
    LABEL,
    LaneRow,
    Line,
    Now,
    TimelinePicture,
    cells_of,
    lane_title,
    lanes_for,
    timeline_lines,
)

WORK_SECONDS = 0.004
"""How long one frame goes over the past for the picture at most."""

_GROUNDS = {"": "", "now": "cursor", "mark": "cursor-blurred"}


class Timeline(Explains, can_focus=True):
    """The time line of stream `number`; None shows nothing."""

    HELP = """\
The past of one stream, from left to right. Each flag has a lane: ▄ while it is set, ▁ while it is not, ⠤ where it was
set and cleared within the cell. Nothing is drawn where nothing is known: before the stream was made, after it closed.
╱ is where events were lost.

Bytes that wait to be sent are an area; ┄ is the high-water mark, once it has been above it. Below it the greatest
number of requests under way, how many reads brought bytes and how many writes ended, failures, and the turns of the
loop, all for each cell.

▼ is the instant that is looked at, ◆ the marked one. At the right stands how it is at that instant. A click, or
dragging, goes there; + and − and the wheel look closer and further, 0 shows all of the past.

↑ and ↓ select a lane; ^← and ^→ then go to where that lane changes, wherever the focus is.
"""

    BINDINGS = bindings("timeline")

    number: var[int | None] = var[int | None](None)
    lane: var[str] = var("")
    """The id of the selected lane, empty for none."""

    def __init__(
        self, view: View, number: int | None = None, *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._view = view
        self._lanes: Lanes | None = None
        self._past: Past | None = None
        self._window: Window | None = None
        self._looked: Window | None = None
        self._scrolled = False
        self._shows_all = False
        self._followed_t = -1
        self._shown: list[LaneRow] = []
        self._lines: list[Line] = []
        self._title = ""
        self._due = 0.0
        self.set_reactive(Timeline.number, number)

    def on_mount(self) -> None:
        """Draw what is known already."""
        self.show(frozenset(), now=True)

    def on_resize(self, event: events.Resize) -> None:
        """Another size has room for other lanes and other times."""
        self._window = None if self._window is None else Window(self._window.t0, self._window.step, self._cells)
        self._scrolled = False
        self.show(frozenset(), now=True)

    def watch_number(self, old: int | None, new: int | None) -> None:
        """Another stream."""
        if old != new:
            self._lanes = None
            self.show(frozenset(), now=True)

    def watch_lane(self) -> None:
        """Another lane is selected."""
        self.show(frozenset(), now=True)
        self.explain_anew(self.under_cursor())

    @property
    def _cells(self) -> int:
        return cells_of(self.content_size.width)

    # keeping up

    def show(self, changed: Set[int], *, now: bool = False) -> None:
        """Paint the lines that look different. What changes by itself is looked at ten times a second."""
        if not self.is_attached or not self.content_size:
            return
        at = self._view.monotonic()
        moved = self._view.now_t != self._followed_t and self._view.paused
        if at < self._due and not now and not moved:
            return
        self._due = at + AGES_EVERY
        before, self._lines = self._lines, self._look()
        self.explain_anew()
        self.refresh_lines_that_differ(before, self._lines)

    def _look(self) -> list[Line]:
        view, number = self._view, self.number
        height = self.content_size.height
        if number is None or height < 2:
            self._retitle(tr("time line"), "")
            return []
        if self._lanes is None or self._past is not view.past:
            self._past = view.past
            self._lanes = Lanes(view.past, number, monotonic=view.monotonic)
        window = self._window = self._place()
        present = None if view.replaying else view.present_t
        refining = self._lanes.work(WORK_SECONDS)
        columns = self._lanes.window(window.t0, window.t1, window.cells * HALVES, now=present)
        if refining or window != self._looked:  # there is something better in the next frame
            self._due, self._looked = 0.0, window
        rough = sum(not column.exact for column in columns) > HALVES  # the present's own are never exact
        state = view.stream(number)
        words = view.past.decoder.vocabulary
        flags, wants = self._lanes.flags, self._lanes.wants
        if state is not None:
            flags, wants = flags | state.flags, wants | state.pevents
        self._shown = lanes_for(flags, wants, None if state is None else state.type, height - 1, words)
        if self.lane and self.lane not in {lane.id for lane in self._shown}:
            self.set_reactive(Timeline.lane, "")
        mark = view.mark
        picture = TimelinePicture(
            window,
            columns,
            view.started,
            words,
            Now.of(state, words),
            window.cell_of(view.now_t),
            -1 if mark is None else window.cell_of(mark.t),
            self.lane,
        )
        name = f"#{number}" if state is None else title(Facts(state, view.now_t, words))
        span = f"{tr('{span} a cell', span=span_text(window.step))} · {span_text(window.t1 - window.t0)}"
        self._retitle(f"{tr('time line')} · {name}", span + (f" · {tr('looking closer')}" if rough else ""))
        return timeline_lines(picture, self._shown)

    def _place(self) -> Window:
        """The stretch of time on the screen: all of the past, which a replay begins with; or it ends at the present, or
        follows the person through the past.
        """
        view = self._view
        now_t = view.now_t
        window = self._window
        first_t, last_t = view.past.span_t()
        if window is None and view.replaying:
            self._shows_all = True
        if self._shows_all:
            return self._all()
        if window is None:  # room for about as much again as there is, and not more than is of use
            step = fitting(0, 2 * (now_t - first_t), self._cells).step
            window = ending(now_t, min(max(step, LEAST_STEP), DEFAULT_STEP), self._cells)
        if now_t != self._followed_t:
            self._followed_t = now_t
            if not view.paused:
                if not self._scrolled:
                    window = ending(now_t, window.step, window.cells)
            else:
                self._scrolled = False
                window = window.following(now_t, first_t, max(last_t, view.present_t))
        return window

    def _all(self) -> Window:
        """The window that shows all of the past."""
        view = self._view
        first_t, last_t = view.past.span_t()
        if view.replaying:
            return filling(first_t, last_t, self._cells)
        if view.paused:
            return fitting(first_t, max(last_t, view.present_t), self._cells)
        return ending(view.now_t, fitting(first_t, view.now_t, self._cells).step, self._cells)

    def _retitle(self, left: str, right: str) -> None:
        room = max(self.size.width - 6, 1)
        left = fit(left, min(cell_len(left), room))
        right = right if cell_len(left) + cell_len(right) < 2 * room else ""
        self._title = left
        set_titles(self, left, right)

    def render_line(self, y: int) -> Strip:
        """One line."""
        pen = self.pen
        if not self._lines:
            text = f" {tr('Select a stream to see how it evolved.')}" if y == 0 else ""
            return self.strip([Segment(text, pen("label"))])
        at = y + self.shift
        line = self._lines[at] if at < len(self._lines) else []
        return self.explained_over(
            y, self.strip(Segment(text, pen(style, _GROUNDS[ground])) for text, style, ground in line)
        )

    def things(self) -> Sequence[Thing]:
        """See `Explains`: the lanes, by their names."""
        vocabulary = self._view.past.decoder.vocabulary
        words, found, y = of_panel(vocabulary), [], 1
        for lane in self._shown:
            name = lane_title(lane.id, vocabulary)
            if name in words:
                found.append(Thing(y, 1, min(cell_len(name), LABEL - 2), name, words[name]))
            y += lane.height
        return found

    def under_cursor(self) -> str:
        """See `Explains`: the lane that is selected."""
        return lane_title(self.lane, self._view.past.decoder.vocabulary)

    def copy_text(self) -> str:
        """The picture as text, for the clipboard."""
        lines = ["".join(segment.text for segment in line).rstrip() for line in self._lines]
        return "\n".join([self._title, *lines])

    # what a person can do

    def action_lane(self, by: int) -> None:
        """Select the next lane, or the one before; beyond the last one none."""
        names = ["", *(lane.id for lane in self._shown)]
        place = names.index(self.lane) if self.lane in names else 0
        self.lane = names[(place + by) % len(names)]

    def action_zoom(self, by: int) -> None:
        """Look closer, or further, around the instant that is looked at."""
        self._zoom(by, self._view.now_t)

    def _zoom(self, by: int, around: int) -> None:
        if self._window is not None:
            self._shows_all = False
            self._window = self._window.zoomed(by, around)
            if not self._view.paused and not self._scrolled:
                self._window = ending(self._view.now_t, self._window.step, self._window.cells)
            self.show(frozenset(), now=True)

    def action_all(self) -> None:
        """Show all of the past."""
        self._shows_all, self._scrolled = True, False
        self.show(frozenset(), now=True)

    def action_scroll(self, by: int) -> None:
        """Move by most of what is in sight."""
        self._scroll(by * max(self._cells * 3 // 4, 1))

    def _scroll(self, cells: int) -> None:
        window = self._window
        if window is None:
            return
        first_t, last_t = self._view.past.span_t()
        last_t = max(last_t, self._view.present_t)
        self._shows_all = False
        moved = window.moved(cells)
        newest = ending(last_t, window.step, window.cells)
        oldest = window.at(min(first_t, newest.t0))
        self._window = window.at(min(max(moved.t0, oldest.t0), newest.t0))
        self._scrolled = self._window.t0 != newest.t0
        self.show(frozenset(), now=True)

    # the mouse

    def _t_at(self, x: int) -> int | None:
        """The instant under a cell of the content, None over the names and values."""
        window = self._window
        cell = x - LABEL
        if window is None or not 0 <= cell < window.cells:
            return None
        return window.t_of(cell) + window.step // 2

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Go to the instant under the mouse, or select the lane whose name is there."""
        offset = event.get_content_offset(self)
        if offset is None or event.button != 1:
            return
        if offset.x < LABEL:
            self._select_at(offset.y - 1)
        elif (t := self._t_at(offset.x)) is not None:
            self.capture_mouse()
            self.post_message(InstantWanted(t))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Dragging goes along; resting says which instant is under the mouse."""
        offset = event.get_content_offset_capture(self)
        window = self._window
        if window is None:
            return
        t = window.t_of(min(max(offset.x - LABEL, 0), window.cells - 1)) + window.step // 2
        if self.app.mouse_captured is self:
            self.post_message(InstantWanted(t))
        elif self._t_at(offset.x) is not None:
            decimals = 3 if window.step >= 1_000_000 else 6
            text = instant_text(self._view.started, t, decimals)
            self.tooltip = Content(tr("{instant} · a click goes there", instant=text))
        else:
            self.tooltip = None

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """The end of dragging."""
        self.release_mouse()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Look closer around the mouse; with shift or ctrl, move to earlier times."""
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Look further around the mouse; with shift or ctrl, move to later times."""
        self._wheel(event, -1)

    def _wheel(self, event: events.MouseEvent, by: int) -> None:
        event.stop()
        if event.shift or event.ctrl:
            self._scroll(-by * max(self._cells // 8, 1))
            return
        offset = event.get_content_offset(self)
        t = None if offset is None else self._t_at(offset.x)
        self._zoom(by, self._view.now_t if t is None else t)

    def _select_at(self, y: int) -> None:
        """Select the lane that has this line; again, none."""
        for lane in self._shown:
            if 0 <= y < lane.height:
                self.lane = "" if self.lane == lane.id else lane.id
                return
            y -= lane.height
