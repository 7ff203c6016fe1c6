"""A callback that held the loop up."""

from __future__ import annotations

from collections.abc import Callable

from streamscope.diagnosis.lint import Case, Lint, Sign, run_delay
from streamscope.diagnosis.shapes import Level, Sure, Verdict, Word
from streamscope.diagnosis.track import SECOND
from streamscope.language import N_, capital, saying
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
        return saying("{callback} of {who}", callback=name, who=f"#{slow.stream}") if slow.stream else name
    place, who = visible(state.place, 80), short(state, words)
    if not place:
        return saying("{callback} of {who}", callback=name, who=who)
    return saying("{callback} of {who} ({place})", callback=name, who=who, place=place)


def _sign(lint: Lint, case: Case, worst: SlowCallback, own: int, level: Level, count: int = 1) -> Sign:
    begun = worst.t - worst.ns
    name = named(case, worst)
    waited: str = ""
    if worst.ns - own > worst.ns // 10:
        waited = saying(", {span} of it waiting for a CPU", span=span_text(worst.ns - own))
    sentence = saying(
        "{callback} took {span}{waited}: nothing else was served meanwhile.",
        callback=capital(name), span=span_text(worst.ns), waited=waited,
    )  # fmt: skip
    if level is Level.WARNING:
        sentence = saying(
            "{n} callbacks took 100 ms or more in 10s, the longest {span}: {callback}.",
            n=count, span=span_text(worst.ns), callback=name,
        )  # fmt: skip
    evidence = [case.evidence("it ran", "callback_ns", f"{worst.ns:,}", begun, worst.t)]
    if own != worst.ns:
        evidence.append(case.evidence("of that waiting for a CPU", "run_delay", f"{worst.ns - own:,}", begun, worst.t))
    delayed = case.loop.delayed_between(begun, worst.t)
    not_it = ((Word.HOST, run_delay(span_text(delayed))),) if delayed is not None else ()
    verdict = Verdict(
        Word.LOOP, Sure.CERTAIN if delayed is not None else Sure.LIKELY, worst.stream, begun, sentence,
        saying("{callback} took {span}", callback=name, span=span_text(own)), tuple(evidence), not_it,
        (N_("Callbacks that return sooner end it."),),
        lint.to_do, worst.stream,
    )  # fmt: skip
    return Sign(sentence, tuple(evidence), begun, verdict, worst.stream, level)


def _machine(lint: Lint, case: Case, worst: SlowCallback, own: int) -> Sign:
    begun, name, waited = worst.t - worst.ns, named(case, worst), span_text(worst.ns - own)
    sentence = saying(
        "{callback} took {span}, of which it waited {waited} for a CPU: the machine is slow, not the callback.",
        callback=capital(name), span=span_text(worst.ns), waited=waited,
    )  # fmt: skip
    evidence = (
        case.evidence("it ran", "callback_ns", f"{worst.ns:,}", begun, worst.t),
        case.evidence("of that waiting for a CPU", "run_delay", f"{worst.ns - own:,}", begun, worst.t),
    )
    verdict = Verdict(
        Word.HOST, Sure.LIKELY, worst.stream, begun, sentence, saying("it waited {span} for a CPU", span=waited),
        evidence, ((Word.LOOP, saying("of its own it took {span}", span=span_text(own))),),
        (N_("A CPU for the process ends it."),),
        N_("give the process more CPU: fewer neighbours, a higher quota"), worst.stream,
    )  # fmt: skip
    return Sign(sentence, evidence, begun, verdict, worst.stream, Level.WARNING)
