"""What goes on in the other processes and loops of a run, beside the one on the screen: whoever looks at one of several
workers is to know of trouble in another.

Their states alone are watched, as a relay watches them. Those of a run always, since it is this screen's run; what else
there is to be watched only while it is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from streamscope.diagnosis.shapes import Finding, Level
from streamscope.fleet.held_up import Ports
from streamscope.fleet.moved import MovedRates
from streamscope.fleet.relayed import Relayed
from streamscope.fleet.side_by_side import FIND_S, SideBySide
from streamscope.language import N_
from streamscope.link.asking import Standstill
from streamscope.trace.model import Model
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.findings import ALARM, NOTICE
from streamscope.ui.plain import is_listener
from streamscope.ui.processes import Listed, Moves

LOOK_S = 0.25
EVERY_S = 5.0
"""So often the states of the others are looked at; sooner, where something is held up in one."""
STUCK = N_("stuck")
FLOWS, LISTENS, NO_STREAM = N_("all flows"), N_("listens"), N_("no stream")


class Doing(NamedTuple):
    """What one does: how many streams are open, bytes a second out (None for unknown), and how many alarms, or else
    notices, there are, of which the first says `what`; without any, `what` is how it goes.
    """

    streams: int
    out: float | None
    mark: str
    marked: int
    what: str


def doing(
    model: Model, vocabulary: Vocabulary, findings: Sequence[Finding], stands: Standstill | None, out: float | None
) -> Doing:
    """What an engine does of which this is known."""
    opened = [state for state in model.streams.values() if not state.closed_t]
    alarms = [each for each in findings if each.level is Level.ERROR]
    notices = [each for each in findings if each.level is Level.WARNING]
    if stands is not None:
        return Doing(len(opened), out, ALARM, len(alarms) + 1, STUCK)
    for mark, found in ((ALARM, alarms), (NOTICE, notices)):
        if found:
            return Doing(len(opened), out, mark, len(found), found[0].what)
    listens = all(is_listener(state, vocabulary) for state in opened)
    return Doing(len(opened), out, "", 0, NO_STREAM if not opened else LISTENS if listens else FLOWS)


class _Other:
    """One that is watched."""

    def __init__(self, path: Path) -> None:
        self.relayed = Relayed(path, "", "", every_s=EVERY_S)
        self._rates: tuple[Vocabulary, MovedRates] | None = None

    def doing(self) -> Doing | None:
        """None while nothing is known."""
        relayed = self.relayed
        if not relayed.known or relayed.diagnosis is None:
            return None
        words, model = relayed.vocabulary, relayed.session.model
        if self._rates is None or self._rates[0] is not words:
            self._rates = words, MovedRates(words)
        out = self._rates[1].look(model, model.t)[1]
        return doing(model, words, relayed.diagnosis.findings, relayed.session.standstill, out)

    def close(self) -> None:
        self.relayed.close()


class OtherProcesses:
    """All that there are, the one that is watched among them. `find` is to have `found` called, on the screen's thread,
    with what `Moves.processes` lists of those that are not known; it may take as long as that takes.
    """

    def __init__(self, moves: Moves, find: Callable[[frozenset[Path]], object]) -> None:
        self._moves = moves
        self._find = find
        self._is_finding = False
        self._find_due = self._look_due = 0.0
        self._beside = SideBySide(_Other, lambda path, why: self._silent.add(path))
        self._silent: set[Path] = set()
        self._listed: dict[Path, Listed] = {}
        self._unseen: list[Listed] = []
        self._doing: dict[Path, Doing] = {}
        self.lists = False
        """Whether a list of them is on the screen."""
        self.asked = False
        """Whether it is known which there are."""

    def look(self, now: float) -> None:
        """Take in what has come, and look which there are now and then; `now` is monotonic, in seconds."""
        wanted = self._moves.may_leave or self.lists
        if wanted and now >= self._find_due and not self._is_finding:
            self._find_due, self._is_finding = now + FIND_S, True
            self._find(frozenset(self._listed))
        if now >= self._look_due:
            self._look_due = now + LOOK_S
            self._beside.look()
            for path in [path for path, other in self._beside.engines.items() if not wanted or other.relayed.over]:
                self._beside.forget(path)
                del self._listed[path]
            found = ((path, other.doing()) for path, other in self._beside.engines.items())
            self._doing = {path: it for path, it in found if it is not None}

    def held_up(self) -> list[Ports]:
        """In which connections of this host something is held up; from any thread."""
        return list(self._beside.held_up.ask()) if self._beside.engines else []

    def found(self, rows: Sequence[Listed], held_up: Sequence[Ports] = ()) -> None:
        """Which there are beside those that were known, and where something is held up."""
        self._is_finding, self.asked = False, True
        self._beside.look_outside(held_up)
        self._unseen = [row for row in rows if row.path is None]
        left = {path: row for path, row in self._listed.items() if path in self._beside.engines or path.exists()}
        self._listed = left | {row.path: row for row in rows if row.path is not None}
        self._beside.take(self._listed.keys() - {self._moves.here})

    @property
    def rows(self) -> list[Listed]:
        """All of them, the unseen ones last."""
        for path, other in self._beside.engines.items():
            if not self._listed[path].program:  # it had not answered yet
                self._listed[path] = Listed.of(path, other.relayed.session.hello)
        return [*sorted(self._listed.values(), key=lambda row: _place(row.name)), *self._unseen]

    def doing(self, path: Path) -> Doing | None:
        """What this one does; None where that is not known."""
        return self._doing.get(path)

    def answers(self, row: Listed) -> bool:
        """Whether this one has said who it is, and can be watched."""
        return bool(row.program) and row.path not in self._silent

    @property
    def several(self) -> bool:
        """Whether there is more than one that can be watched."""
        return len(self._listed) > 1

    @property
    def alarms(self) -> int:
        """How many there are in the others."""
        return sum(each.marked for each in self._doing.values() if each.mark == ALARM)

    @property
    def here(self) -> Path:
        """Where the one on the screen listens; `stem` is what it is attached to by."""
        return self._moves.here

    def close(self) -> None:
        """Watch none of them any more."""
        for path in list(self._beside.engines):
            self._beside.forget(path)


def _place(name: str) -> tuple[int, ...]:
    """`4118.2` behind `4118`, and that behind `999`."""
    return tuple(int(part) for part in name.split(".") if part.isdecimal())
