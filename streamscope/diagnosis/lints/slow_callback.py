"""A callback that held the loop up."""

from __future__ import annotations

from collections.abc import Callable

from streamscope.diagnosis.lint import Case, Lint, Sign, capital
from streamscope.diagnosis.shapes import Level, Sure, Verdict, Word
from streamscope.diagnosis.track import SECOND
from streamscope.trace.figures import span_text
from streamscope.trace.fold import SlowCallback
from streamscope.trace.plain_text import visible
from streamscope.trace.roles import short

ALARM = SECOND // 4
NOTICE = SECOND // 10
OFTEN = 3


class SlowCallbackLint(Lint):
    """Callbacks of the last seconds that took long, less what the machine took of that."""

    name = "slow_callback"
    level = Level.ERROR
    of = "loop"
    checks = (
        "a callback took 250 ms or more, the time that the process waited for a CPU not counted; a notice where three "
        "in 10 s took 100 ms"
    )
    matters = "while a callback runs, nothing else does: no read, no write, no timer, of any stream"
    to_do = "do the work in smaller parts, in a thread, or in a process of its own"
    kinds = ("callback.end",)
    fields = ("callback_ns",)
    looks = 1
    lasting = 0
    stays = 0

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        recent = [
            slow
            for slow in case.model.long
            if case.now_t - slow.t <= SHOWN and slow.ns >= NOTICE and case.loop.is_past(slow.t)
        ]
        if not recent:
            return None
        worst = max(recent, key=_own(case))
        own = _own(case)(worst)
        if own >= ALARM:
            return _sign(self, case, worst, own, Level.ERROR)
        if worst.ns >= ALARM and own < worst.ns // 2:
            return _machine(self, case, worst, own)
        often = sum(_own(case)(slow) >= NOTICE for slow in recent)
        return _sign(self, case, worst, own, Level.WARNING, often) if often >= OFTEN else None


SHOWN = 10 * SECOND
"""For so long it is told of after it returned."""


def _own(case: Case) -> Callable[[SlowCallback], int]:
    """How long a callback took of its own: less what the machine took of that."""
    return lambda slow: slow.ns - (case.loop.delayed_between(slow.t - slow.ns, slow.t) or 0)


def named(case: Case, slow: SlowCallback) -> str:
    """`read_cb of client #3 (server.py:18 on_connection)`."""
    words = case.terms.vocabulary
    name = words.callback_text(slow.callback)
    state = case.model.known.get(slow.stream)
    if state is None:
        return f"{name} of #{slow.stream}" if slow.stream else name
    place = visible(state.place, 80)
    return f"{name} of {short(state, words)}{f' ({place})' if place else ''}"


def _sign(lint: Lint, case: Case, worst: SlowCallback, own: int, level: Level, count: int = 1) -> Sign:
    begun = worst.t - worst.ns
    name = named(case, worst)
    waited = f", {span_text(worst.ns - own)} of it waiting for a CPU" if worst.ns - own > worst.ns // 10 else ""
    sentence = f"{capital(name)} took {span_text(worst.ns)}{waited}: nothing else was served meanwhile."
    if level is Level.WARNING:
        sentence = f"{count} callbacks took 100 ms or more in 10s, the longest {span_text(worst.ns)}: {name}."
    evidence = [case.evidence("it ran", "callback_ns", f"{worst.ns:,}", begun, worst.t)]
    if own != worst.ns:
        evidence.append(case.evidence("of that waiting for a CPU", "run_delay", f"{worst.ns - own:,}", begun, worst.t))
    delayed = case.loop.delayed_between(begun, worst.t)
    not_it = ((Word.HOST, f"run delay {span_text(delayed)}"),) if delayed is not None else ()
    verdict = Verdict(
        Word.LOOP, Sure.CERTAIN if delayed is not None else Sure.LIKELY, worst.stream, begun, sentence,
        f"{name} took {span_text(own)}", tuple(evidence), not_it, ("Callbacks that return sooner end it.",),
        lint.to_do, worst.stream,
    )  # fmt: skip
    return Sign(sentence, tuple(evidence), begun, verdict, worst.stream, level)


def _machine(lint: Lint, case: Case, worst: SlowCallback, own: int) -> Sign:
    begun, name, waited = worst.t - worst.ns, named(case, worst), span_text(worst.ns - own)
    sentence = (
        f"{capital(name)} took {span_text(worst.ns)}, of which it waited {waited} for a CPU: the machine is slow, not "
        "the callback."
    )
    evidence = (
        case.evidence("it ran", "callback_ns", f"{worst.ns:,}", begun, worst.t),
        case.evidence("of that waiting for a CPU", "run_delay", f"{worst.ns - own:,}", begun, worst.t),
    )
    verdict = Verdict(
        Word.HOST, Sure.LIKELY, worst.stream, begun, sentence, f"it waited {waited} for a CPU", evidence,
        ((Word.LOOP, f"of its own it took {span_text(own)}"),), ("A CPU for the process ends it.",),
        "give the process more CPU: fewer neighbours, a higher quota", worst.stream,
    )  # fmt: skip
    return Sign(sentence, evidence, begun, verdict, worst.stream, Level.WARNING)
