"""The panes of the screen of totals: flows, streams, histograms, and the list of who talks most."""

from __future__ import annotations

from collections.abc import Sequence, Set

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.strip import Strip

from streamscope.language import N_, tr
from streamscope.trace.totals import SORTS, Talks, Totals
from streamscope.ui import columns as cols
from streamscope.ui.actions import bindings
from streamscope.ui.findings import PENS, sign_of
from streamscope.ui.glossary import Glossary, Thing, of_totals, things_in
from streamscope.ui.lines import Line, cut
from streamscope.ui.messages import SlowestWanted, StreamOpened, StreamSelected
from streamscope.ui.meters import age_text
from streamscope.ui.plain import is_above
from streamscope.ui.safe import visible
from streamscope.ui.slow_rows import SlowRow, slow_in_totals
from streamscope.ui.talker_lines import TalkerRow, Widths, head_line, largest, others_line, row_line
from streamscope.ui.totalled import Totalled
from streamscope.ui.totals_lines import TITLES, bytes_lines, stream_lines, times_lines
from streamscope.ui.view import View
from streamscope.ui.widgets.drawn import DrawnLines
from streamscope.ui.widgets.explains import Explains
from streamscope.ui.widgets.pens import set_titles

_WIDE = 34
"""From so many cells on, a title has room for more words."""

_FIRST_WORDS = N_("The first second is not over yet.")


class TotalsPane(DrawnLines):
    """Lines that are made of the totals anew when those are others."""

    def __init__(self, view: View, totalled: Totalled, *, id: str) -> None:
        super().__init__(id=id)
        self._view = view
        self._totalled = totalled
        self._made_of: tuple[object, ...] = ()

    def show(self, changed: Set[int]) -> None:
        """Paint what differs."""
        totals, width = self._totalled.totals, self.content_size.width
        made_of = (totals, width, self._view.told)
        if made_of != self._made_of:
            self._made_of = made_of
            self.put([[(tr(_FIRST_WORDS), "muted")]] if totals is None else self.lines(width))
        set_titles(self, *self.titles())

    def lines(self, width: int) -> Sequence[Line]:
        """What stands in it."""
        raise NotImplementedError

    def titles(self) -> tuple[str, str]:
        """What stands above and below it."""
        raise NotImplementedError

    def glossary(self) -> Glossary:
        """See `DrawnLines`."""
        return of_totals()

    def copy_text(self) -> str:
        """All totals as JSON."""
        return self._totalled.copy_text()

    def over(self, what: str) -> str:
        """`bytes a second · last 60 s`."""
        if self.outer_size.width < _WIDE:
            return what
        adding = "" if self._totalled.ready else f" · {tr('adding up')}"
        return f"{what} · {tr('last {n} s', n=self._totalled.span)}{adding}"


class BytesPane(TotalsPane):
    """Bytes in and out, and those that wait."""

    def lines(self, width: int) -> Sequence[Line]:
        """See `TotalsPane`."""
        assert self._totalled.totals is not None
        return bytes_lines(self._totalled.totals, width)

    def titles(self) -> tuple[str, str]:
        """See `TotalsPane`."""
        return self.over(tr("bytes a second")), ""


class StreamsPane(TotalsPane):
    """Streams that come and go, and what failed."""

    def lines(self, width: int) -> Sequence[Line]:
        """See `TotalsPane`."""
        assert self._totalled.totals is not None
        return stream_lines(self._totalled.totals, width, self._view.vocabulary)

    def titles(self) -> tuple[str, str]:
        """See `TotalsPane`."""
        return self.over(tr("streams a second")), ""


class TimesPane(TotalsPane, can_focus=True):
    """How long something takes, as a histogram."""

    BINDINGS = bindings("times")
    HELP = """\
How long each took, in five slots: their share of all, or how many, where that is next to none. Below: the median, what
99 of 100 took at most, and the longest. Enter lists the ten longest, and goes to where one was.

A write waits until the kernel has all of it, or it fails; what still waits is not in here, but how long the oldest has
waited stands at the edge. `at once` is in the callback that wrote it: the feed's clock stands still meanwhile, so how
long that was is not known. A callback's time is without those within it, a turn's without the wait in poll. The mark in
the longest slot says that something is found to be wrong there: w tells what.
"""

    def __init__(self, view: View, totalled: Totalled, name: str) -> None:
        super().__init__(view, totalled, id=name.replace("_", "-"))
        self.times_name = name

    def lines(self, width: int) -> Sequence[Line]:
        """See `TotalsPane`."""
        assert self._totalled.totals is not None
        return times_lines(self.times_name, self._totalled.totals, self._view.told, width)

    def titles(self) -> tuple[str, str]:
        """See `TotalsPane`."""
        totals = self._totalled.totals
        oldest = totals.oldest_t if totals is not None and self.times_name == "a_write_waits" else 0
        title = tr(TITLES[self.times_name])
        if self.times_name == "a_turn_takes" and self.outer_size.width >= _WIDE:
            title = tr("{title}, poll left out", title=title)
        return title, tr("the oldest {age}", age=age_text(self._view.now_t - oldest)) if oldest else ""

    def action_slowest(self) -> None:
        """List the ten slowest."""
        last = tr("last {n} s", n=self._totalled.span)
        title = f"{tr('the ten slowest')} · {tr(TITLES[self.times_name])} · {last}"
        self.post_message(SlowestWanted(title, self._slowest, tr("Nothing of that took any time.")))

    def _slowest(self) -> list[SlowRow]:
        totals, collector = self._totalled.totals, self._totalled.collector
        if totals is None or collector is None or self.times_name in totals.untold:
            return []
        return slow_in_totals(self.times_name, totals, collector, self._view.vocabulary)


class TalkersPane(Explains, can_focus=True):
    """The streams that do most."""

    BINDINGS = bindings("talkers")
    HELP = """\
The streams that moved most bytes in the last second, or, as you sort them, those in which most waits, or on which the
program spends most of the time of its callbacks; below those that did nothing, and in which bytes wait. As many as fit;
the others are in the last line, together.
"""

    def __init__(self, view: View, totalled: Totalled) -> None:
        super().__init__(id="talkers")
        self._view = view
        self._totalled = totalled
        self._lines: Sequence[tuple[Line, str]] = ()
        self._numbers: list[int] = []
        self._asked: tuple[object, ...] = ()
        self._top: Sequence[Talks] = ()
        self.sort = SORTS[0]

    def on_mount(self) -> None:
        """Draw what is known already."""
        self.show(frozenset())

    def on_resize(self, event: events.Resize) -> None:
        """More or fewer fit now."""
        self.show(frozenset())

    def on_focus(self) -> None:
        """The cursor's line has another ground."""
        self.show(frozenset())

    def on_blur(self) -> None:
        """The same."""
        self.show(frozenset())

    def show(self, changed: Set[int]) -> None:
        """Paint what differs."""
        width, height = self.content_size
        before, self._lines = self._lines, self._drawn(width, height)
        self.refresh_lines_that_differ(before, self._lines)
        by = tr("by {what}", what=tr(self.sort))
        set_titles(self, f"{tr('top talkers')} · {by} · {tr('last {n} s', n=1)}")

    def _drawn(self, width: int, height: int) -> Sequence[tuple[Line, str]]:
        totals, view = self._totalled.totals, self._view
        if totals is None or height < 2:
            return ()
        widths = Widths.of(width)
        key = (totals, self.sort, height)
        if key != self._asked:
            self._asked, self._top = key, totals.top(height - 1, self.sort)
        open_now = view.counts.open
        shown = self._top if open_now < height else self._top[: height - 2]
        self._numbers = [talks.stream for talks in shown]
        most = largest(shown)
        lines = [(head_line(widths, self.sort), "")]
        lines += [self._row(talks, most, widths) for talks in shown]
        if not shown:
            lines.append(([(f"   {self._nobody(totals)}", "muted")], ""))
        elif open_now > len(shown) and len(lines) < height:
            lines.append((others_line(totals.others(shown), open_now - len(shown), widths), ""))
        return lines

    def _nobody(self, totals: Totals) -> str:
        """Why nobody is named."""
        if self.sort == "waits":
            return tr("Nothing waits.")
        untold = totals.untold.get("in", "")
        if untold:
            return tr("Who moves bytes is {untold}; nothing waits.", untold=tr(untold))
        return tr("Nothing moved in the last second; nothing waits.")

    def _row(self, talks: Talks, most: Talks, widths: Widths) -> tuple[Line, str]:
        view = self._view
        state, found = view.stream(talks.stream), view.told.of(talks.stream)
        sign = sign_of(found[0]) if found else " "
        cursor = talks.stream == view.selected
        above = state is not None and is_above(state, view.vocabulary)
        name = self._name_of(talks.stream)
        if cell_len(name) > widths.name:  # rather all of an address than which way it was opened
            name = name.strip("←→ ")
        row = TalkerRow(talks, name, (sign, PENS.get(sign, "")), above, cursor)
        ground = "" if not cursor else "cursor" if self.has_focus else "cursor-blurred"
        return row_line(row, most, widths), ground

    def _name_of(self, number: int) -> str:
        """As the table calls it; one that has gone as it was called."""
        state, collector = self._view.stream(number), self._totalled.collector
        if state is not None:
            return cols.BY_ID["peer"].cell(state, self._view.now_t, self._view).text
        if collector is None:
            return ""
        named = collector.name_of(number)
        return visible(named.peer or named.name or named.place, 80)

    def render_line(self, y: int) -> Strip:
        """One line."""
        line, ground = self._lines[y] if y < len(self._lines) else ([], "")
        parts = cut(line, self.content_size.width)
        return self.explained_over(
            y, self.strip([Segment(text, self.pen(style, ground)) for text, style in parts], ground)
        )

    def things(self) -> Sequence[Thing]:
        """See `Explains`: the heads of the columns."""
        return things_in([self._lines[0][0]] if self._lines else [], of_totals())

    def copy_text(self) -> str:
        """All totals as JSON."""
        return self._totalled.copy_text()

    # what a person does

    def action_sort(self) -> None:
        """Sort by the next figure."""
        self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]
        self.show(frozenset())

    def action_up(self) -> None:
        """Select the stream above."""
        self._select(-1)

    def action_down(self) -> None:
        """Select the stream below."""
        self._select(1)

    def _select(self, step: int) -> None:
        if not self._numbers:
            return
        here = self._view.selected
        place = self._numbers.index(here) + step if here in self._numbers else 0
        number = self._numbers[min(max(place, 0), len(self._numbers) - 1)]
        self._view.selected = number
        self.post_message(StreamSelected(number))
        self.show(frozenset())

    def action_open(self) -> None:
        """Open the selected stream."""
        here = self._view.selected
        if here is None or here not in self._numbers:
            self._select(0)
            here = self._view.selected
        if here is not None and self._view.stream(here) is not None:
            self.post_message(StreamOpened(here))
