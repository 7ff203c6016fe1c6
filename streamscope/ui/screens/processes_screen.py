"""The processes and loops of a run, over the screen; Enter watches another one."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from streamscope.fleet.moved import MovedRates
from streamscope.language import tr
from streamscope.ui.actions import bindings
from streamscope.ui.findings import ALARM, NOTICE
from streamscope.ui.meters import COUNTING, NONE, RATE_WIDTH, count_text, rate_text
from streamscope.ui.other_processes import Doing, OtherProcesses, doing
from streamscope.ui.processes import Listed
from streamscope.ui.safe import fit, visible
from streamscope.ui.screens.base import Dialog
from streamscope.ui.view import View

LOOK_EVERY_S = 1.0
WHAT, STATE = 22, 16
WIDE = 100
"""From so many columns on there is room for where each listens."""
PENS = {ALARM: "$text-error", NOTICE: "$text-warning"}


class ProcessList(OptionList):
    """A line for each, and one more where nothing is seen, with the reason."""

    HELP = """\
The processes of the run that is watched, the workers among them, or, for a screen that has attached, all that can be
watched. A process with several loops has a line for each: 4118 and 4118.2. Enter watches the one that is selected, with
a past that begins then; › is the one on the screen.

out – bytes a second that it sends, state – ▲ how many alarms there are in it, or △ notices, and what the first is. Of
the others states alone are watched, every few seconds, or once a minute where one does little and nothing is held up:
what is short-lived is not seen there. Of a process with a dash nothing is seen; below it stands why.
"""
    BINDINGS = bindings("processes")


class ProcessesScreen(Dialog[Path | None]):
    """The list. What is in it is looked at anew every second."""

    BINDINGS = bindings("", "help")

    def __init__(self, view: View, others: OtherProcesses) -> None:
        super().__init__()
        self._view = view
        self._others = others
        self._list = ProcessList(id="processes", markup=False)
        self._rates = (view.vocabulary, MovedRates(view.vocabulary))
        self._rows: list[Listed] = []
        self._shown: list[Content] = []
        self._due = 0.0

    def compose(self) -> ComposeResult:
        """The list alone."""
        yield self._list

    def on_mount(self) -> None:
        """What is watched is selected, once it is known."""
        super().on_mount()
        self._others.lists = True
        self._list.border_title = Content(tr("processes"))
        self._list.set_options([Content(tr("Asking them …"))])
        self._list.focus()
        self.show(frozenset())

    def on_unmount(self) -> None:
        """Nobody looks at them any more."""
        self._others.lists = False

    def show(self, changed: Set[int]) -> None:
        """Look again, now and then."""
        now = self._view.monotonic()
        if now >= self._due and self._others.asked:
            self._due = now + LOOK_EVERY_S
            self._fill(self._others.rows)

    def show_at_once(self) -> None:
        """The same."""
        self._due = 0.0
        self.show(frozenset())

    def _fill(self, rows: list[Listed]) -> None:
        lines = [_head(), *(self._line(row) for row in rows)] if rows else [Content(tr("There is none."))]
        if lines == self._shown:
            return
        paths = [row.path for row in rows]
        at = self._list.highlighted
        before = self._rows[at - 1].path if self._rows and at else self._others.here
        self._rows, self._shown = rows, lines
        self._list.set_options([Option(line, disabled=place == 0) for place, line in enumerate(lines)])
        place = paths.index(before) if before in paths else (at or 1) - 1
        self._list.highlighted = 1 + min(place, max(len(rows) - 1, 0))

    def _line(self, row: Listed) -> Content:
        is_here = row.path == self._others.here
        does = self._here() if is_here else None if row.path is None else self._others.doing(row.path)
        mark = does.mark if does is not None else ""
        pen = PENS[mark] if mark else ""
        sign = "–" if row.path is None else "›" if is_here else ""
        name, program = fit(visible(row.name, 12), 9), fit(visible(row.program, 60), WHAT)
        begins = ((f"{mark:1} {sign:1} ", pen), (name, "bold"), f" {program} ")
        if row.path is None:
            nothing = _numbers(NONE, NONE)
            return Content.assemble(
                *begins, f"{nothing}  {tr('not seen')}\n{'':14}{visible(tr(row.why), 300)}"
            ).stylize("dim")
        streams = does.streams if does is not None else row.streams
        out = None if does is None else does.out
        numbers = _numbers(NONE if streams is None else f"{streams:,}", NONE if out is None else rate_text(out))
        where = visible(", ".join(row.addresses), 60) if self.size.width >= WIDE else ""
        return Content.assemble(*begins, f"{numbers}  ", self._state(row, does), (f"  {where}", "dim"))

    def _state(self, row: Listed, does: Doing | None) -> tuple[str, str]:
        """In one word how it is."""
        if does is None:
            return fit(COUNTING if self._others.answers(row) else tr("does not answer"), STATE), "dim"
        count = f"{does.mark} {count_text(does.marked)} " if does.mark else ""
        return fit(f"{count}{tr(does.what)}", STATE), PENS.get(does.mark, "")

    def _here(self) -> Doing:
        """What the one on the screen does, at the instant that is looked at."""
        view = self._view
        if self._rates[0] is not view.vocabulary or view.paused:
            self._rates = view.vocabulary, MovedRates(view.vocabulary)
        out = None if view.paused else self._rates[1].look(view.model, int(view.monotonic() * 1e9))[1]
        return doing(view.model, view.vocabulary, view.told.findings, view.standstill, out)

    @on(OptionList.OptionSelected)
    def _go(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self._rows and event.option_index:
            path = self._rows[event.option_index - 1].path
            self.dismiss(None if path == self._others.here else path)

    def action_close(self) -> None:
        """Back to the screen."""
        self.dismiss(None)


def _numbers(streams: str, out: str) -> str:
    return f"{fit(streams, 7, 'right')} {fit(out, RATE_WIDTH, 'right')}"


def _head() -> Content:
    """What the columns are."""
    numbers = _numbers(tr("streams"), tr("out"))
    return Content.styled(f"{'':4}{fit(tr('pid'), 9)} {fit(tr('what'), WHAT)} {numbers}  {tr('state')}", "dim")
