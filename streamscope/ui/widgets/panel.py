"""One stream in a panel: lamps, queues, requests, epoll and traffic, as they are now.

The panel is one widget that draws its lines itself. `show` makes them anew from the state, which costs some hundred
microseconds, and asks only for those that differ to be painted.
"""

from __future__ import annotations

from collections.abc import Set

from rich.cells import cell_len
from textual import events
from textual.reactive import var

from streamscope.language import tr
from streamscope.trace.series import Series
from streamscope.ui.actions import bindings
from streamscope.ui.findings import ALARM, NOTICE
from streamscope.ui.glossary import Glossary, of_panel
from streamscope.ui.ladder import Unread
from streamscope.ui.lines import Line
from streamscope.ui.live import AGES_EVERY
from streamscope.ui.messages import StreamOpened, StreamPinned, StreamSelected
from streamscope.ui.meters import age_text
from streamscope.ui.row_words import FAILED, SIGNS, mark_of, since_of
from streamscope.ui.safe import fit
from streamscope.ui.view import View
from streamscope.ui.widgets.drawn import DrawnLines
from streamscope.ui.widgets.panel_help import panel_help
from streamscope.ui.widgets.panel_lines import panel_lines, title
from streamscope.ui.widgets.panel_rows import Facts, trend_cells
from streamscope.ui.widgets.pens import set_titles


class Panel(DrawnLines, can_focus=True):
    """The panel of stream `number`; None shows nothing."""

    def help_text(self) -> str:
        """What the panel shows, in the words of the engine that is looked at."""
        return panel_help(self._view.vocabulary)

    BINDINGS = bindings("panel")

    number: var[int | None] = var[int | None](None)

    def __init__(
        self, view: View, number: int | None = None, *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._view = view
        self._title = ""
        self._ages_due = 0.0
        self.set_reactive(Panel.number, number)

    def watch_number(self, old: int | None, new: int | None) -> None:
        """Another stream."""
        if old != new:
            self.show(frozenset())

    def glossary(self) -> Glossary:
        """See `DrawnLines`."""
        return of_panel(self._view.vocabulary)

    def facts(self) -> Facts | None:
        """All that there is to say of the stream, None when it is not known any more."""
        view = self._view
        number = self.number
        state = view.stream(number)
        if state is None or number is None:
            return None
        model = view.model
        cells = trend_cells(self.content_size.width - 1)
        verdict = view.told.verdict(number)
        if verdict is not None and verdict.side == "out":  # who it is waits for, if that is on this machine
            view.ask_other_end(number)
        other = view.other_end(number)
        return Facts(
            state=state,
            vocabulary=view.vocabulary,
            now_t=view.now_t,
            changed_t=view.changed_t(number),
            completed=tuple(model.finished(number)),
            queue_trend=view.queue_trend(number, cells),
            in_trend=view.curves.trend(Series.incoming, number, cells),
            out_trend=view.curves.trend(Series.outgoing, number, cells),
            rate_in=view.rate_in(number),
            rate_out=view.rate_out(number),
            accepted=view.counts.accepted[number],
            started=view.started,
            findings=view.told.of(number),
            held=view.told.held.get(number),
            company=view.ties.company(number),
            limit=view.told.limited(number),
            unread=None if other is None else Unread(other.unread, other.who),
            turned=number in view.turned,
            waiters=view.waiters(number),
            below=view.stream(state.over) if state.over else None,
            sure=model.looks.of(number),
        )

    def show(self, changed: Set[int]) -> None:
        """Paint the lines that differ from those on the screen."""
        if not self.is_attached or not self.content_size.width:
            return
        now = self._view.monotonic()
        if changed and self.number not in changed and now < self._ages_due:
            return
        self._ages_due = now + AGES_EVERY
        facts = self.facts()
        lines = self._missing() if facts is None else self.lines_of(facts, *self.content_size)
        self._show_frame(facts)
        self.put(lines)

    def lines_of(self, facts: Facts, width: int, height: int) -> list[Line]:
        """What is said of the stream in this room."""
        return panel_lines(facts, width, height)

    def _missing(self) -> list[Line]:
        """What there is to say of a stream that is not there."""
        if self.number is None or not self._view.paused:
            return []
        return [[(tr("#{stream} is not there at this instant.", stream=self.number), "label")]]

    def _show_frame(self, facts: Facts | None) -> None:
        """The head: what stream it is on the left, for how long it has been in trouble and whether it is pinned on the
        right.
        """
        known = self._view.known
        mark = "" if facts is None else mark_of(facts.state, known).text.strip()
        since = 0 if facts is None or not mark else since_of(facts.state, known.told)
        pinned = tr("pinned") if self.number in self._view.pinned else ""
        right = " · ".join(filter(None, (age_text(self._view.now_t - since) if since else "", pinned)))
        sure = "" if facts is None else SIGNS.get(facts.sure, "")
        left = "" if facts is None else " ".join(filter(None, (mark, sure, title(facts, lived=not since))))
        room = self.outer_size.width - 6 - (len(right) + 3 if right else 0)
        while cell_len(left) > room and " · " in left:  # rather less than half of it
            left = left.rpartition(" · ")[0]
        left = fit(left, min(room, cell_len(left)))
        self._title = f"{left}  {right}".rstrip()
        set_titles(self, left, right=right)
        self.set_class(mark == NOTICE, "-troubled")
        self.set_class(mark in (ALARM, FAILED), "-failed")
        self.set_class(facts is not None and facts.state.closed_t > 0, "-closed")

    def copy_text(self) -> str:
        """What the panel says, for the clipboard."""
        lines = [self._title, *("".join(text for text, _ in line) for line in self._lines)]
        return "\n".join(line.rstrip() for line in lines)

    def on_focus(self) -> None:
        """Whoever goes to a panel means its stream."""
        if self.number is not None:
            self._view.selected = self.number
            self.post_message(StreamSelected(self.number))

    def on_click(self, event: events.Click) -> None:
        """A second click opens the stream."""
        if event.chain == 2:
            self.action_open()

    def action_open(self) -> None:
        """Open the stream on the whole screen."""
        if self.number is not None:
            self.post_message(StreamOpened(self.number))

    def action_pin(self) -> None:
        """Pin the panel, or let it go."""
        if self.number is not None:
            self.post_message(StreamPinned(self.number))
