"""What matters of what happened: one line for each cycle, and for what opened, closed, changed or failed; selected,
unfolded and searched.
"""

from __future__ import annotations

from textual import events

from streamscope.language import tr
from streamscope.trace.decode import Event
from streamscope.trace.passages import Passage
from streamscope.ui.actions import bindings
from streamscope.ui.messages import EventWanted, StreamSelected
from streamscope.ui.passage_lines import line_text
from streamscope.ui.sight import Passed, Place, SightLine
from streamscope.ui.widgets.event_list import EventList
from streamscope.ui.widgets.filtered import FILTER_FIRST
from streamscope.ui.widgets.outline_lines import OutlineLines

TRIES = 200
"""So many found events are asked in one go whether any line tells of them."""


class OutlineList(OutlineLines):
    """What matters: of all streams, or of one."""

    HELP = """\
What matters of what happened, in order: what opened, closed, failed or changed, marks crossed, what is found to be
wrong (▲ △), and one line for each cycle of the loop that moved bytes. A line reads from left to right: the time, the
stream (#4 → #5 where its bytes went on to another), what a person would say, and the same by the engine's names.

Enter unfolds a line: every event of its cycle stands below it, in the tree of calls, and the end of what was written
in it. Enter folds it again; in the past, Enter on an event goes to it. v shows every event, one a line.

A filter (/) leaves the lines of which an event matches. n goes to the next event that matches, be it inside a folded
line, which is unfolded; N goes back.

The newest line is followed. Going up selects a line and holds the lines still; its stream is selected too, and below
the list stands what it means. End follows the newest again. In the past ▶ points at what has just happened, and what
will happen next stands below it, dim.

Where next to nothing matters for long, … says up to where has been looked. A line across the list says that events were
lost, because this screen was too slow.
"""
    BINDINGS = bindings("events")

    @property
    def selected(self) -> SightLine | None:
        """The selected line, None if there is none or it is no longer in memory."""
        if self.cursor is None:
            return None
        line = next((line for line in self._lines if line.place == self.cursor), None)
        if line is None:
            line = next(iter(self.sight.after(self.cursor, 1, self._past.end)), None)
        return line if line is not None and line.place == self.cursor else None

    def move_to(self, line: SightLine) -> None:
        """Select a line, and bring it into sight. The lines hold still from then on."""
        if isinstance(line.item, Passed):  # the look goes on, and the next press of the key with it
            return
        height = max(self.scrollable_content_region.height, 1)
        self.following = False
        if not any(each.place == line.place for each in self._lines):
            above = self._lines and line.place < self._lines[0].place
            before = [] if above else self.sight.before(line.place, height - 1)
            self._top = before[0].place if before else line.place
        self.cursor = line.place
        self.sync()

    def select(self, row: int) -> None:
        """Select the line that tells of this row of the past, or the last one before it."""
        line = self.sight.of_row(row) or next(iter(self.sight.before(((row, 1), 0), 1)), None)
        if line is not None:
            self.move_to(line)

    def watch_stream(self, old: int | None, new: int | None) -> None:
        """Other lines: the selected one stays selected if it is among them."""
        line = self.selected
        self.renumber()
        event = None if line is None else line.event
        if line is None or event is None or new not in (None, event.stream):
            self.action_follow()
        else:
            self.select(line.row)

    def watch_cursor(self, old: Place | None, new: Place | None) -> None:
        """The line that was selected and the one that is look different now."""
        if old != new:
            self.refresh()
            self._announce()

    def _announce(self) -> None:
        line = self.selected
        self.post_message(EventList.Selected(line))
        event = None if line is None else line.event
        number = line.item.stream if line is not None and isinstance(line.item, Passage) else event and event.stream
        if number and self._view.stream(number) is not None:
            self._view.selected = number
            self.post_message(StreamSelected(number))

    def on_click(self, event: events.Click) -> None:
        """A click selects the line under it."""
        offset = event.get_content_offset(self)
        if offset is not None and offset.y < len(self._lines):
            self.move_to(self._lines[offset.y])

    def action_up(self) -> None:
        """Select the line before, or the newest in sight if none is selected."""
        if self.cursor is None:
            lines = self._lines[-1:]
        else:
            lines = self.sight.before(self.cursor, 1)
        if lines:
            self.move_to(lines[-1])

    def action_down(self) -> None:
        """Select the line after; after the newest one, follow."""
        self._down(1)

    def action_page_up(self) -> None:
        """Select a line one screenful before."""
        lines = self.sight.before(((self._end, 1), 0) if self.cursor is None else self.cursor, self._page_lines)
        if lines:
            self.move_to(next((line for line in lines if not isinstance(line.item, Passed)), lines[0]))

    def action_page_down(self) -> None:
        """Select a line one screenful after; beyond the newest one, follow."""
        self._down(self._page_lines)

    def _down(self, lines: int) -> None:
        line = self.selected
        if line is None:
            self.action_follow()
            return
        behind = self.sight.after(self._behind(line), lines, self._limit)
        if len(behind) < lines:
            self.action_follow()
        else:
            self.move_to(behind[-1])

    @property
    def _page_lines(self) -> int:
        return max(self.scrollable_content_region.height - 1, 1)

    def action_first(self) -> None:
        """Select the oldest line that is still in memory."""
        for line in self.sight.after(((self._past.first, 0), 0), 1, self._limit):
            self.move_to(line)

    def action_follow(self) -> None:
        """Nothing selected, the newest line in sight, now and from now on."""
        self.cursor = None
        self.following = True
        self.sync()

    def action_explain(self) -> None:
        """Unfold the selected line, or fold it again; in the past, go to the selected event."""
        line = self.selected
        if line is None:
            self.action_up()
        elif isinstance(line.item, Event) and self._view.paused:
            self.post_message(EventWanted(line.item.seq))
        elif line.episode is not None and line.episode.passages:
            self._turn(line)

    def _turn(self, line: SightLine) -> None:
        episode = line.episode
        assert episode is not None
        if self.sight.is_unfolded(episode):
            self.sight.fold(episode)
            if isinstance(line.item, Event):
                line = next(iter(self.sight.after((episode.key, 0), 1, self._past.end)), line)
        else:
            self.sight.unfold(episode)
            self.following, self._top = False, (episode.key, 0)  # so that as much of it as can be is in sight
        self._drawn.clear()
        self.move_to(line)
        self._announce()

    def action_find(self, step: int) -> None:
        """Go to the next event that matches the filter, or to the one before; its line is unfolded."""
        found = self._found
        if found is None:
            self.app.notify(FILTER_FIRST, timeout=4)
            return
        line = self.selected
        first, end = found.extent()
        row = self._end if line is None else line.row
        number = found.number_at(row + (step > 0 and line is not None)) - (step < 0)
        for at in range(number, number + step * TRIES, step):
            there = found.row(at) if first <= at < end else None
            episode = None if there is None else self.sight.outline.at(there)
            if there is None:
                break
            if episode is not None and episode.passages:
                self.sight.unfold(episode)
                self._drawn.clear()
                self.select(there)
                return
        self.app.notify(tr("No further event that matches is part of a line; v shows every event."), timeout=4)

    def action_only(self) -> None:
        """Show what matters of the selected line's stream only, or of the one selected elsewhere; or of all again."""
        line = self.selected
        whose = 0
        if line is not None:
            item = line.item
            whose = item.stream if isinstance(item, Passage) else (line.event.stream if line.event is not None else 0)
        self.stream = None if self.stream is not None else whose or self.elsewhere

    def copy_text(self) -> str:
        """The selected line, or all lines in sight, for the clipboard."""
        line, view = self.selected, self._view
        lines = self._lines if line is None else [line]
        return "\n".join(filter(None, (line_text(each, view.started, view.vocabulary) for each in lines)))
