"""A turn of the loop that took long, though no callback in it did."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign, blame
from streamscope.diagnosis.lints.slow_callback import ALARM, SHOWN
from streamscope.diagnosis.shapes import Level, Sure, Word
from streamscope.language import N_, saying
from streamscope.trace.figures import span_text


class SlowTurn(Lint):
    """Many short callbacks in one turn."""

    name = "slow_turn"
    level = Level.ERROR
    of = "loop"
    checks = "the callbacks of one turn took 250 ms or more together, and none of them half of that"
    matters = "in one turn each stream is served once: all wait as long as the others take together"
    to_do = "take fewer events a turn, or do less for each; spread the streams over several processes"
    kinds = ("callback.end", "loop.turn")
    fields = ("callback_ns",)
    looks = 1
    lasting = 0

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        model = case.model
        found = [(turn.ns, turn.t, turn.turn) for turn in model.long_turns if case.now_t - turn.t <= SHOWN]
        found.append((model.callback_ns - model.turn_ns, model.t, model.turn))
        ns, t, number = max(found)
        if ns < ALARM or any(slow.turn == number and slow.ns >= ns // 2 for slow in model.long):
            return None
        if not case.loop.is_past(t):
            return None
        delayed = case.loop.delayed_between(t - ns, t)
        own = ns - (delayed or 0)
        if own < ALARM:
            return None
        sentence = saying(
            "The callbacks of turn {turn} took {span} together, and none of them half of that: every stream waited so "
            "long for its next turn.",
            turn=f"{number:,}", span=span_text(ns),
        )  # fmt: skip
        evidence = [case.evidence("callbacks of the turn", "callback_ns", f"{ns:,}", t - ns, t)]
        if delayed:
            evidence.append(case.evidence("of that waiting for a CPU", "run_delay", f"{delayed:,}", t - ns, t))
        sure = Sure.CERTAIN if delayed is not None else Sure.LIKELY
        reason = saying("many short callbacks: {span} in one turn", span=span_text(own))
        return blame(self, case, Word.LOOP, sure, sentence, reason, tuple(evidence), since=t - ns,
                     changes=(N_("Fewer, or shorter, callbacks a turn end it."),))  # fmt: skip
