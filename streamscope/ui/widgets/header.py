"""The line at the top: what is served and where, how it goes, and what was lost.

What there is no room for goes from the least important on; whether events were lost is always said.
"""

from __future__ import annotations

from collections.abc import Set
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from streamscope.diagnosis.shapes import Level
from streamscope.language import N_, tr, trn
from streamscope.trace.fold import EXACT
from streamscope.ui.findings import ALARM, HELD, NOTICE, PENS
from streamscope.ui.lines import filled
from streamscope.ui.meters import COUNTING, NONE, bytes_text, count_text, percent_text
from streamscope.ui.plain import INJECTED
from streamscope.ui.row_words import FAILED, SIGNS, UNSEEN
from streamscope.ui.safe import fit, visible
from streamscope.ui.scale import instant_text, span_text
from streamscope.ui.stuck import LONG_NS, MARK, what_it_was
from streamscope.ui.view import View
from streamscope.ui.widgets.pens import Pens

_TENTH = 100_000_000
MOST_NAMED = 3
"""So many streams under a fault are named."""
EVERY = 0.1
"""Seconds between two paintings at least: a turn number that flickers faster says nothing more."""

STATES = {
    "live": ("●", "good"),
    "connecting": ("◌", "warning"),
    "ended": ("■", "warning"),
    "gone": ("✗", "error"),
}
STATUS = {"live": N_("live"), "connecting": N_("connecting"), "ended": N_("ended"), "gone": N_("gone")}


class Field(NamedTuple):
    """A part of the line; `rank` says how early it goes (0 stays), `right` that it stands at the right end."""

    rank: int
    parts: tuple[tuple[str, str], ...]
    right: bool = False

    @property
    def width(self) -> int:
        """Cells that it takes, with the gap after it."""
        return sum(cell_len(text) for text, _ in self.parts) + 3


def fields(view: View) -> list[Field]:
    """What the header says, from left to right."""
    hello, loop, rates = view.hello, view.model.loop, view.curves.rates
    program = visible(hello.program, 40) if hello is not None else ""
    address = visible(", ".join(hello.addresses[:2]), 60) if hello is not None else ""
    told = COUNTING if rates.events is None else count_text(rates.events)
    host = visible(hello.host, 40) if hello is not None else ""
    found = [
        Field(1, ((f"{tr('fleet')} ▸ ", "title"), (f"{host} ▸", "value")))
        if host
        else Field(6, (("streamscope", "title"),)),
        Field(2, ((program, "value"), *_which(view))),
        Field(1, ((address, ""),)),
        Field(0, _state(view)),
        Field(1, _instant(view)),
        Field(3, _since(view)),
        Field(3, ((f"{tr('turn')} ", "label"), (f"{loop.turn:<7,}", "")) if view.vocabulary.knows("turn") else ()),
        Field(2, _open(view.counts.open)),
        Field(0, _marks(view)),
        Field(1, _elsewhere(view)),
        Field(1, ((tr("frozen"), "warning"),) if view.travel is not None and view.model.frozen_t else ()),
        Field(1, _injected(view)),
        Field(4 if view.vocabulary.is_sampled else 2, ((f"{told:>5}", "value"), (f" {tr('events/s')}", "label"))),
        Field(0, ((f"{tr('lost')} ", "label"), (f"{view.events_lost:,}", "error" if view.events_lost else "muted"))),
        Field(1, _recording(view)),
        Field(5, ((visible(view.vocabulary.engine, 60), "label"),) if view.vocabulary.is_sampled else ()),
        Field(
            1, ((f"{tr('log')} ", "label"), (f"+{count_text(view.unread_lines)}", "value")) if view.unread_lines else ()
        ),
        Field(3, _slowest(view)),
        Field(4, _shares(view), right=True),
    ]
    return [field for field in found if any(text for text, _ in field.parts)]


def _open(streams: int) -> tuple[tuple[str, str], ...]:
    return tuple(filled(trn("{n} stream ", "{n} streams", streams, n="{n}"), "label", n=(f"{streams:,}", "value")))


def _state(view: View) -> tuple[tuple[str, str], ...]:
    travel = view.travel
    if travel is not None:
        sign = "▶" if travel.playing else "❚❚"
        word = tr("replay") if view.replaying else "" if travel.playing else tr("paused")
        speed = f"{travel.speed:g}×" if travel.playing or view.replaying else ""
        text = " ".join(part for part in (sign, word, speed) if part)
        back = (view.present_t - view.now_t) // _TENTH * _TENTH
        behind = f" −{span_text(back)}" if back > 0 and not view.replaying else ""
        return ((text, "key" if travel.playing else "warning"), (behind, "value"))
    if view.stuck is not None:
        return ((f"{MARK} {tr(view.stuck.text)}", "error"),)
    if view.standing.was is not None and view.status == "live":
        return ((f"{MARK} {what_it_was(view.standing.was, view.model.slowest, view.standing.began_t)}", "warning"),)
    if view.status == "live" and view.model.frozen_t:
        return ((f"❚❚ {tr('frozen')}", "warning"),)
    glyph, pen = STATES.get(view.status, ("?", "warning"))
    is_far = view.status == "live" and view.hello is not None and view.hello.host
    if view.status == "live" and view.model.looks.t:
        begun = tr("{sign} far, ", sign=glyph) if is_far else f"{glyph} "
        return ((begun, pen), *_sureness(view))
    return ((f"{glyph} {tr('far') if is_far else tr(STATUS.get(view.status, view.status))}", pen),)


def _sureness(view: View) -> tuple[tuple[str, str], ...]:
    """How often is looked from outside, how many of the looks were exact, and how many came to nothing."""
    looks = view.model.looks
    said = tr(
        "sampled {rate}/s, {sign} {share}",
        rate=f"{looks.rate:.0f}", sign=SIGNS[EXACT], share=percent_text(looks.share).strip(),
    )  # fmt: skip
    missed = tr(", {sign} {n} missed", sign=UNSEEN, n=count_text(looks.missed))
    return ((said, "good"), *(((missed, "warning"),) if looks.missed else ()))


def _marks(view: View) -> tuple[tuple[str, str], ...]:
    """How many alarms and notices there are, how many streams are held back, and how many have failed."""
    told = view.told
    alarms = sum([finding.level is Level.ERROR for finding in told.findings])
    counts = (
        (ALARM, alarms),
        (NOTICE, len(told.findings) - alarms),
        (HELD, len(told.held)),
        (FAILED, view.counts.failed),
    )
    shown = [(f"{mark} {count_text(count)}", PENS.get(mark, "error")) for mark, count in counts if count]
    return tuple(part for place, each in enumerate(shown) for part in ((("  ", ""), each) if place else (each,)))


def _which(view: View) -> tuple[tuple[str, str], ...]:
    """Of several processes and loops, which one this is."""
    others = view.others
    return ((f" ▸ {visible(others.here.stem, 20)}", "value"),) if others is not None and others.several else ()


def _elsewhere(view: View) -> tuple[tuple[str, str], ...]:
    """How many alarms there are in the other ones."""
    alarms = view.others.alarms if view.others is not None else 0
    return ((tr("{mark} {n} elsewhere", mark=ALARM, n=count_text(alarms)), "error"),) if alarms else ()


def _injected(view: View) -> tuple[tuple[str, str], ...]:
    """The streams under a fault, and of one alone which."""
    faulted = view.counts.faulted
    if not faulted:
        return ()
    state = view.model.streams.get(faulted[0])
    which = " ".join(f"#{number}" for number in faulted[:MOST_NAMED])
    if len(faulted) > MOST_NAMED:
        which += f" +{count_text(len(faulted) - MOST_NAMED)}"
    elif len(faulted) == 1 and state is not None:
        which += f" {visible(state.faults, 40)}"
    return ((f"{tr(INJECTED)} ", "warning"), (which, "value"))


def _instant(view: View) -> tuple[tuple[str, str], ...]:
    """The time of day that is looked at, while that is not the present."""
    if not view.paused:
        return ()
    return ((instant_text(view.started, view.now_t), "value"),)


def _since(view: View) -> tuple[tuple[str, str], ...]:
    """How much has happened since the instant that is looked at."""
    missed = view.events_missed
    if not missed or view.replaying:
        return ()
    return ((trn("{n} event since", "{n} events since", missed, n=count_text(missed)), "label"),)


def _recording(view: View) -> tuple[tuple[str, str], ...]:
    size = view.recording.size(view.hello if view.status == "live" else None)
    if size is None:
        return ()
    return ((f"● {tr('rec')}", "error"), (f" {bytes_text(size)}" if size >= 0 else "", "value"))


def _unread(view: View) -> tuple[tuple[str, str], ...]:
    if not view.unread_lines:
        return ()
    return ((f"{tr('log')} ", "label"), (f"+{count_text(view.unread_lines)}", "value"))


def _slowest(view: View) -> tuple[tuple[str, str], ...]:
    slowest = view.model.slowest
    if not slowest or slowest[0].ns < LONG_NS:
        return ()
    return ((f"{tr('slowest cb')} ", "label"), (span_text(slowest[0].ns), "value"))


def _shares(view: View) -> tuple[tuple[str, str], ...]:
    """How much of the time the loop waits, and how much its callbacks take, as far as this engine has such times."""
    words, rates = view.vocabulary, view.curves.rates
    asked = (("poll", "poll_ns", rates.poll), ("cb", "callback_ns", rates.callbacks))
    found = [_share(name, share if words.knows(field) else None) for name, field, share in asked if words.has(field)]
    return tuple(part for place, share in enumerate(found) for part in ((("  ", ""), *share) if place else share))


def _share(name: str, share: float | None) -> tuple[tuple[str, str], ...]:
    return ((f"{name} ", "label"), (f"{NONE:>3}  ", "muted") if share is None else (percent_text(share), ""))


def fitting(found: list[Field], width: int) -> list[Field]:
    """The fields that fit into `width` cells."""
    kept = list(found)
    while sum(field.width for field in kept) > width:
        least = max(field.rank for field in kept)
        if least == 0:
            break
        kept.pop(max(place for place, field in enumerate(kept) if field.rank == least))
    return kept


class Header(Pens):
    """The header of every screen."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view
        self._due = 0.0
        self._fields: list[Field] = []

    def show(self, changed: Set[int], *, now: bool = False) -> None:
        """Paint the line if it says something else; `now` at once."""
        at = self._view.monotonic()
        if at < self._due and not now:
            return
        self._due = at + EVERY
        found = fields(self._view)
        if found != self._fields:
            self._fields = found
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        width = self.size.width
        if y:
            return self.strip([])
        kept = fitting(self._fields or fields(self._view), width - 1)
        pen = self.pen
        left: list[Segment] = [Segment(" ", pen())]
        right: list[Segment] = []
        for field in kept:
            side = right if field.right else left
            side += [Segment(text, pen(style)) for text, style in field.parts]
            side.append(Segment("   ", pen()))
        used = sum(cell_len(segment.text) for segment in left + right)
        if used > width:
            text = fit("".join(segment.text for segment in left).rstrip(), width)
            return self.strip([Segment(text, pen())])
        gap = Segment(" " * (width - used + 2 * bool(right)), pen())
        return self.strip([*left, gap, *right[:-1]])
