"""What the lists of events have in common: a past, at an instant, and a filter whose rows are looked for in it.

A search goes on a little in every frame, and between frames on a timer of its own, until it has seen everything.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from textual.reactive import var
from textual.timer import Timer
from textual.widget import Widget

from streamscope.language import N_, tr, trn
from streamscope.trace.past import Past
from streamscope.ui.view import View

if TYPE_CHECKING:
    from streamscope.trace.filter import Filter
    from streamscope.trace.filter.rows import FoundRows

SEARCH_EVERY = 0.05
SEARCH_S = 0.01
"""How often a filter looks for more events, and for how many seconds at a time."""

FILTER_FIRST = N_("Write a filter first (/): this goes from one event that matches to the next.")


class FilteredList(Widget):
    """A list of what happened, of all streams, of one, or of both sides of a conversation, of which a filter may want a
    part. A list names it last among its bases: a widget has its styles from the first.
    """

    stream: var[int | None] = var[int | None](None)
    """Number of the one stream whose events are shown, None for all."""
    following: var[bool] = var(True)
    """Whether the newest is kept in sight."""

    _view: View
    _past: Past
    _query: Filter | None = None
    _found: FoundRows | None = None
    _searching: Timer | None = None
    _fixed = False
    elsewhere: int | None = None
    """The stream that is selected elsewhere on the screen."""
    sides: tuple[int, int] | None = None
    """The two of the conversation whose events are shown, for good."""
    sides_are_looked_for = True
    """Whether the events of two streams have to be looked for, as what a filter wants."""

    def on_mount(self) -> None:
        """Begin to look for what is of a conversation."""
        if self.sides is not None:
            self.renumber()

    if TYPE_CHECKING:  # what a list has of its own, or of another base

        def sync(self) -> None:
            """Take up what there is now."""

        def action_follow(self) -> None:
            """Nothing selected, the newest in sight, now and from now on."""

        def action_up(self) -> None:
            """Select the line before, or the newest in sight if none is selected."""

        @property
        def selected(self) -> object | None:
            """What is selected, None for nothing."""

    @abstractmethod
    def renumber(self) -> None:
        """Other rows are shown: `look_for` them, and begin anew."""

    @property
    def wanted(self) -> Filter | None:
        """What is shown, None for everything."""
        return self._query

    @wanted.setter
    def wanted(self, query: Filter | None) -> None:
        if query == self._query:
            return
        self._query = query
        self.renumber()
        self.action_follow()

    @property
    def searched(self) -> str:
        """How far the search for matching events has come, in a few words; "" without a filter."""
        found = self._found
        if found is None or self._query is None:
            return ""
        first, end = found.extent()
        return trn("{n} found", "{n} found", end - first) + ("" if found.whole else f" · {tr('searching')}")

    def look_for(self) -> None:
        """Begin to look for what the filter wants, or what is of a conversation, at the instant that one looks at."""
        self._found = None
        if self._query is not None or (self.sides is not None and self.sides_are_looked_for):
            from streamscope.trace.filter import Filter  # not before somebody filters: the screen opens sooner
            from streamscope.trace.filter.rows import FoundRows

            view = self._view
            start = view.past_end if view.paused else None
            query = self._query or Filter.no_asides(view.vocabulary)
            self._found = FoundRows(self._past, query, self.sides or self.stream, start=start, monotonic=view.monotonic)
        if self._searching is not None:
            self._searching.stop()
            self._searching = None
        if self._found is not None and self.is_attached:
            self._searching = self.set_interval(SEARCH_EVERY, self._search)

    def _search(self) -> None:
        """Search on, as long as there is something that nobody has looked at."""
        found = self._found
        if found is not None and self.display and not found.whole and found.work(SEARCH_S):
            self.sync()

    def keep_searching(self) -> None:
        """A frame's worth of it; another search, where the person has gone far from where this one began."""
        found = self._found
        if found is not None:
            if self._view.paused and not found.covers(self._view.past_end):
                self.renumber()
            else:
                found.work(SEARCH_S)

    def nothing_text(self) -> str:
        """What is awaited, or where the rows have gone."""
        if self._found is not None and self._query is not None:
            if self._found.whole:
                return tr("No event matches the filter; / changes it.")
            return tr("No event matches the filter so far; / changes it.")
        if self._view.paused and self._past.dropped:
            return tr("What happened before this instant is no longer in memory; end goes back to the present.")
        if self._view.paused:
            if self.stream is None:
                return tr("Nothing had happened up to this instant.")
            return tr("Nothing had happened to #{stream} up to this instant.", stream=self.stream)
        if self.stream is not None:
            return tr("Nothing of stream #{stream} is in memory.", stream=self.stream)
        return tr("Nothing has happened yet: every change of a stream will be told here.")

    def explain(self, by: int = 1) -> bool:
        """Select the newest line where none is selected: what the selected one means stands below the list."""
        if self.selected is None:
            self.action_up()
        return self.selected is not None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A list that is of one stream for good, or of two, offers no other."""
        return not (action == "only" and (self._fixed or self.sides is not None))
