"""The screen of a fleet: every engine of every host, those in trouble first; Enter opens one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Input

from streamscope.fleet.asked import FilterError, Wanted, wanted
from streamscope.language import N_, tr
from streamscope.ui.actions import bindings
from streamscope.ui.fleet_lines import detail_lines, head, header_line, row_line, sentence_line
from streamscope.ui.lines import Line, cut
from streamscope.ui.safe import visible
from streamscope.ui.widgets.drawn import DrawnLines, DrawnList
from streamscope.ui.widgets.footer import KeyFooter

if TYPE_CHECKING:
    from streamscope.fleet.roster import FleetMember, Roster
    from streamscope.fleet.subjects import EngineName

RESORT_S = 1.0
"""The order is made anew so often at most, so that rows do not run away."""
SORTS: tuple[tuple[str, Callable[[FleetMember], object]], ...] = (
    (N_("trouble first"), lambda row: 0),
    (N_("by what waits"), lambda row: -(row.summary.waits or 0)),
    (N_("by bytes out"), lambda row: -(row.summary.went or 0)),
    (N_("by streams"), lambda row: -row.summary.streams),
    (N_("by host"), lambda row: row.name.host),
)


class EngineOpened(Message):
    """The person wants to look at an engine."""

    def __init__(self, name: EngineName) -> None:
        super().__init__()
        self.name = name


class EngineList(DrawnList, can_focus=True):
    """The rows. The one under the cursor keeps it, wherever it is sorted to."""

    BINDINGS = bindings("engines")
    HELP = """\
Every engine that a relay tells of, trouble first. ▲ has an alarm, △ a notice, – is not heard of for more than five
seconds, and ✗ has ended: what is kept of it can still be opened.

waits – bytes in all its queues, verdict – who is at fault and for how long, slowest callback – only where events are
kept or looked at, heard – the age of its last summary, by this clock.
"""

    def __init__(self, roster: Roster) -> None:
        super().__init__(id="engines")
        self.rows: list[FleetMember] = []
        self.sort = 0
        self.wanted: Wanted | None = None
        self._roster = roster
        self._cursor: EngineName | None = None
        self._held = False
        self._sorted_at = -RESORT_S
        self._lines: list[Line] = []

    @property
    def at(self) -> int:
        """The place of the cursor, -1 where there is nothing."""
        place = next((place for place, row in enumerate(self.rows) if row.name == self._cursor), None)
        return place if place is not None else min(0, len(self.rows) - 1)

    @property
    def row(self) -> FleetMember | None:
        """The engine under the cursor."""
        return self.rows[self.at] if self.rows else None

    def show(self, *, anew: bool = False) -> None:
        """Sort when that is due, and paint the lines that differ."""
        now = self._roster.now
        if anew or not self._held or now - self._sorted_at >= RESORT_S:
            self._sorted_at = now
            rows = [row for row in self._roster.sorted() if self.wanted is None or self.wanted(row, now)]
            if self.sort:
                rows.sort(key=SORTS[self.sort][1])  # type: ignore[arg-type]  # each compares with its own kind
            self.rows = rows
            if not self._held and rows:  # until the person moves it, the cursor is on the worst
                self._cursor = rows[0].name
            self.set_rows(len(rows))
        self._paint(now)

    def _paint(self, now: float) -> None:
        top, height = self.scroll_offset.y, self.scrollable_content_region.height - 1
        width, at = self.scrollable_content_region.width, self.at
        lines = [head(width)]
        for place in range(top, min(top + max(height, 0), len(self.rows))):
            lines.append(row_line(self.rows[place], width, now, selected=place == at))
        before, self._lines = self._lines, lines
        self.refresh_lines_that_differ(before, lines)
        total = len(self._roster.rows)
        here, every = f"{min(at + 1, len(self.rows)):,}", f"{len(self.rows):,}"
        if self.wanted is None:
            standing = tr("{part} of {all}", part=here, all=every)
        else:
            standing = tr("{n} of {shown}, of {total} in all", n=here, shown=every, total=f"{total:,}")
        title = f" {tr('engines')} · {tr(SORTS[self.sort][0])} · {standing} "
        if title != str(self.border_title):
            self.border_title = Content(title)

    def render_line(self, y: int) -> Strip:
        """One line."""
        line = self._lines[y] if y < len(self._lines) else []
        has = bool(line) and y > 0 and self.scroll_offset.y + y - 1 == self.at
        ground = ("cursor" if self.has_focus else "cursor-blurred") if has else ""
        width = self.scrollable_content_region.width
        return self.strip((Segment(text, self.pen(pen, ground)) for text, pen in cut(line, width)), ground)

    def on_resize(self, event: events.Resize) -> None:
        """Another size has room for other lines."""
        self._paint(self._roster.now)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows are in sight."""
        super().watch_scroll_y(old_value, new_value)
        self._paint(self._roster.now)

    def move(self, by: int) -> None:
        """Move the cursor."""
        if not self.rows:
            return
        self._held = True
        at = min(max(self.at + by, 0), len(self.rows) - 1)
        self._cursor = self.rows[at].name
        top, height = self.scroll_offset.y, max(self.scrollable_content_region.height - 1, 1)
        if at < top or at >= top + height:
            self.scroll_to(y=at if at < top else at - height + 1, animate=False)
        self._paint(self._roster.now)

    def on_click(self, event: events.Click) -> None:
        """A click goes there, a second one opens it."""
        place = self.scroll_offset.y + int(event.y) - 1 - (self.styles.border_top[0] != "")
        if 0 <= place < len(self.rows):
            again = place == self.at
            self.move(place - self.at)
            if again and event.chain > 1:
                self.action_open()

    def action_up(self) -> None:
        """One up."""
        self.move(-1)

    def action_down(self) -> None:
        """One down."""
        self.move(1)

    def action_page(self, by: int) -> None:
        """A page."""
        self.move(by * max(self.scrollable_content_region.height - 2, 1))

    def action_first(self) -> None:
        """The first."""
        self.move(-len(self.rows))

    def action_last(self) -> None:
        """The last."""
        self.move(len(self.rows))

    def action_open(self) -> None:
        """Look at the engine."""
        if self.row is not None:
            self.post_message(EngineOpened(self.row.name))

    def action_sort(self) -> None:
        """Sort by the next."""
        self.sort = (self.sort + 1) % len(SORTS)
        self.show(anew=True)


class FleetScreen(Screen[None]):
    """Header, sentence, engines, the one under the cursor, keys."""

    BINDINGS = bindings("fleet", "copy", "help", "theme", "interrupt", "quit")

    def __init__(self, roster: Roster, server: str, status: Callable[[], tuple[str, str]]) -> None:
        super().__init__()
        self._roster = roster
        self._server = server
        self._status = status
        self._headline = DrawnLines(id="fleet-header")
        self._sentence = DrawnLines(id="fleet-sentence")
        self._detail = DrawnLines(id="fleet-detail")
        self._input = Input(placeholder="web-07   PEER   waits > 1MiB   not flows", compact=True, id="fleet-filter")
        self._wrong = DrawnLines(id="fleet-wrong")
        self.list = EngineList(roster)

    def compose(self) -> ComposeResult:
        """From the top down."""
        yield self._headline
        yield self._sentence
        yield self.list
        yield self._detail
        yield self._input
        yield self._wrong
        yield KeyFooter()

    def on_mount(self) -> None:
        """The engines have the focus."""
        self._input.display = self._wrong.display = False
        self.list.focus()
        self.show()

    def show(self) -> None:
        """Paint what has changed."""
        self.list.show()
        now, width = self._roster.now, self.size.width
        self._headline.put([header_line(self._roster, self._server, self._status())])
        self._sentence.put([sentence_line(self._roster, self._roster.sorted(), self._server)])
        self._detail.put(detail_lines(self.list.row, width, now))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What does not filter need not be told to stop."""
        if action == "unfilter":
            return self.list.wanted is not None or bool(self._input.display)
        return action != "filter" or not isinstance(self.focused, Input)

    def action_filter(self) -> None:
        """Write which engines are shown."""
        self._input.display = True
        self._input.focus()

    def action_unfilter(self) -> None:
        """Show every engine again."""
        self._input.value = ""
        self._input.display = self._wrong.display = False
        self.list.wanted = None
        self.list.focus()
        self.list.show(anew=True)
        self.refresh_bindings()

    @on(Input.Changed)
    def _written(self, event: Input.Changed) -> None:
        try:
            self.list.wanted = wanted(event.value) if event.value.strip() else None
            self._wrong.display = False
        except FilterError as error:
            self._wrong.display = True
            self._wrong.put([[(" " * min(error.start, 60), ""), (visible(tr(error.message), 200), "warning")]])
            return
        self.list.show(anew=True)

    @on(Input.Submitted)
    def _kept(self) -> None:
        if not self._input.value.strip():
            self.action_unfilter()
        self.list.focus()
        self.refresh_bindings()

    @property
    def to_copy(self) -> str:
        """What `y` copies: the address of the engine under the cursor."""
        row = self.list.row
        return "" if row is None else f"{self._server}{row.name.path}"
