"""What took longest, as a list has it: the callbacks that the state has kept, and the ten of each length of time that
totals have.
"""

from __future__ import annotations

from typing import NamedTuple

from streamscope.language import tr
from streamscope.trace.collector import Collector
from streamscope.trace.histogram import Slow
from streamscope.trace.totals import Totals
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.stuck import slow_name
from streamscope.ui.view import View


class SlowRow(NamedTuple):
    """One of them: for how many ns, when and in which turn it was over, of which stream, what it was, and where in the
    program the stream was made; texts from outside.
    """

    ns: int
    t: int
    turn: int
    stream: int
    what: str
    place: str


def slow_callbacks(view: View) -> list[SlowRow]:
    """The slowest callbacks of all."""
    known = view.model.known
    return [
        SlowRow(
            slow.ns, slow.t, slow.turn, slow.stream, slow_name(slow, view.vocabulary),
            known[slow.stream].place if slow.stream in known else "",
        )
        for slow in view.model.slowest
    ]  # fmt: skip


def slow_in_totals(name: str, totals: Totals, collector: Collector, words: Vocabulary) -> list[SlowRow]:
    """The ten longest of a length of time, by its name in `totals.TIMES`."""
    return [
        SlowRow(slow.ns, slow.t, slow.turn, slow.stream, _what(name, slow, words), collector.name_of(slow.stream).place)
        for slow in totals.times[name].slowest
    ]


def _what(name: str, slow: Slow, words: Vocabulary) -> str:
    if name == "a_write_waits":
        return f"w{slow.what}"
    callback = words.callback_text(slow.what)
    if name == "a_turn_takes":
        return tr("most in {callback}", callback=callback) if slow.stream else tr("no callback")
    return callback
