"""Totals of what is looked at: collected while somebody looks at them, and by nobody else.

In the present a collector keeps up with what comes; for an instant of the past it goes over the seconds that led there,
a little in every frame. It begins a while before the span that is wanted, so that a few steps back find everything
there already. Seconds are whole ones of the feed's clock: what is shown changes once a second, and never backwards.
"""

from __future__ import annotations

from streamscope.trace.collector import KEPT, Collector, over_at
from streamscope.trace.collector_rules import CollectorRules
from streamscope.trace.past import Past
from streamscope.trace.seconds import SECOND
from streamscope.trace.totals import Totals, row_of
from streamscope.ui.view import View

SPANS = (10, 60, 300)
"""Over how many seconds totals may be."""
SPARE = 30
"""So many seconds more are collected before the span."""
BUDGET_S, BEHIND_S = 0.008, 0.025
"""How long one frame collects at most; and while it is still far behind the present."""
_NEVER = 1 << 62


class Totalled:
    """`totals` is another object whenever there are others; None as long as there are none at all."""

    def __init__(self, view: View) -> None:
        self._view = view
        self.span = SPANS[1]
        self.totals: Totals | None = None
        self.ready = False
        """Whether all that there is has been added up."""
        self.collector: Collector | None = None
        self._past: Past | None = None
        self._from = 0  # the second that the collector was asked to begin with
        self._shown: tuple[object, ...] = ()

    def widen(self, by: int) -> None:
        """Look at a longer span, or a shorter one where `by` is negative."""
        place = min(max(SPANS.index(self.span) + by, 0), len(SPANS) - 1)
        self.span = SPANS[place]

    def work(self) -> None:
        """Collect some more, and add up anew if a second is over, or another instant is looked at."""
        view = self._view
        t, live = view.now_t, view.travel is None and view.status == "live"
        at_end = view.status in ("ended", "gone", "replay") and view.past_end >= view.past.end
        end = t // SECOND + at_end  # where nothing more comes, the second that has begun is over
        collector = self._collector(max(end - self.span, 0))
        late = collector.t < t - 2 * SECOND
        until = _NEVER if live or at_end else end * SECOND
        self.ready = collector.work(until, BEHIND_S if late else BUDGET_S, view.monotonic)
        if live:
            end = min(end, over_at(collector, 0 if view.source.behind else t))
        if not self.ready:
            end = min(end, collector.t // SECOND)
        shown = (collector, end, self.span, self.ready, at_end and view.past.end)
        if shown != self._shown:
            self._shown = shown
            self.totals = Totals(collector, view.vocabulary, end - self.span, end, t) if end > 0 else None

    def _collector(self, first: int) -> Collector:
        """One that has, or will have, everything from this second on."""
        collector, past = self.collector, self._view.past
        if collector is None or past is not self._past or first < self._from or self._is_gone(collector, first):
            self._past, self._from = past, max(first - SPARE, 0)
            collector = self.collector = Collector(past, CollectorRules(past.decoder), self._from * SECOND)
        return collector

    def _is_gone(self, collector: Collector, first: int) -> bool:
        """Whether it stands so far from there that to begin anew is quicker, or has let go of what was there."""
        told = min(first, self._view.past.end_t // SECOND)  # an engine that says nothing leaves nobody behind
        behind = collector.t // SECOND < told - SPARE
        return behind or (len(collector.seconds) >= KEPT and next(iter(collector.seconds)) > first)

    def copy_text(self) -> str:
        """The totals as JSON, for the clipboard."""
        import msgspec

        from streamscope.trace.plain_text import printable_json

        if self.totals is None or self.collector is None:
            return ""
        row = row_of(self.totals, self.collector, self._view.vocabulary, self._view.started)
        return printable_json(msgspec.json.format(msgspec.json.encode(row), indent=2)).decode()
