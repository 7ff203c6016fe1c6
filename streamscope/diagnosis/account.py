"""What a diagnosis found, for a person at a terminal and for a program: rows, lines, and the summary at the end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.diagnosis.other_end import OtherEnd
from streamscope.diagnosis.shapes import Ended, Evidence, Finding, Level, Sure, Told, Verdict, Word
from streamscope.diagnosis.track import SECOND, TICK
from streamscope.language import N_, clauses, items, saying, sayings, tr, trn
from streamscope.link.asking import NO_CPU, STOPPED, Standstill
from streamscope.trace.figures import age_text, span_text
from streamscope.trace.fold import LONG_NS
from streamscope.trace.plain_text import harmless, padded, visible
from streamscope.trace.roles import short

if TYPE_CHECKING:
    from streamscope.trace.model import Model


def found(diagnosis: Diagnosis, now_t: int, level: Level) -> list[Ended]:
    """The findings of this level, the worst first, and after what is so now what is over. What is not over ends now;
    what covers another covers it here, too.
    """
    now = [Ended(finding, finding.since, now_t) for finding in diagnosis.findings]
    covers = {lint.name: lint.covered_by for lint in diagnosis.lints}
    past = [each for each in reversed(diagnosis.ended) if each.finding.lint not in diagnosis.allowed]
    for ended in past:
        lint, stream = ended.finding.key
        hidden = any(
            other.finding.lint in covers[lint] and other.finding.stream == stream
            and other.finding.since < ended.end_t and ended.told_t < other.end_t + TICK
            for other in (*now, *past)
        )  # fmt: skip
        if not hidden:
            now.append(ended)
    return [each for each in now if each.finding.level is level]


def stuck(stands: Standstill, now_t: int) -> Ended:
    """An engine that does not come round now. What is known of that is a note of who asked, and no evidence."""
    word = Word.HOST if stands.state in (NO_CPU, STOPPED) else Word.LOOP
    since = max(now_t - int(stands.seconds * SECOND), 0)
    sentence = saying("The program does not come back to its loop: {why}.", why=harmless(stands.text, 300))
    to_do = N_("end the callback, or give the process a CPU") if word is Word.LOOP else N_("let the process run")
    reason = saying("a note: whoever looks has asked")
    verdict = Verdict(word, Sure.LIKELY, stands.stream, since, sentence, reason, to_do=to_do, root=stands.stream)
    return Ended(Finding("stuck", Level.ERROR, stands.stream, since, sentence, (), verdict, to_do), since, now_t)


class Linked(NamedTuple):
    """Where an alarm stands among the streams: `chain` by number from one that it holds back to the root, and as a
    `line`; whom it `holds` back; and what was found out about the other end of the root, which is a note.
    """

    chain: Sequence[int] = ()
    line: str = ""
    holds: Sequence[int] = ()
    other_end: OtherEnd | None = None


NOWHERE = Linked()


def linked(alarm: Ended, told: Told, model: Model, now_t: int) -> Linked:
    """Where an alarm that is not over stands; nothing of one that is."""
    number, verdict = alarm.finding.stream, alarm.finding.verdict
    if alarm.end_t < now_t or verdict is None or not number:
        return Linked((number,) if number else ())
    words, streams = model.decoder.vocabulary, model.streams
    holds = told.holds(number)
    chain = told.chain(holds[0]) if holds else told.chains.of(number, out=verdict.side == "out")
    root = streams.get(chain.root)
    peer = root.peer if root is not None and verdict.side == "out" and chain.root == verdict.root else ""
    names = {each: short(state, words) for each in chain.streams if (state := streams.get(each)) is not None}
    line = chain.text(lambda each: names.get(each, f"#{each}"), peer) if len(chain.streams) > 1 else ""
    return Linked(chain.streams, line, holds)


def row(alarm: Ended, now_t: int, started: float, place: Linked = NOWHERE) -> dict[str, Any]:
    """An alarm as an object, in English whatever is spoken. Times are seconds on the feed's clock; `at` is Unix time,
    if that is known.
    """
    finding = alarm.finding
    verdict = finding.verdict
    return {
        "stream": finding.stream,
        "verdict": None if verdict is None else verdict.word.value,
        "confidence": None if verdict is None else verdict.sure.value,
        "since": _seconds(finding.since),
        "for": _seconds(max(alarm.end_t - finding.since, 0)),
        "over": alarm.end_t < now_t,
        "at": round(started + finding.since / SECOND, 3) if started else None,
        "lint": finding.lint,
        "sentence": str(finding.sentence),
        "reason": "" if verdict is None else str(verdict.reason),
        "evidence": [_evidence(line) for line in finding.evidence],
        "not_it": {} if verdict is None else {word.value: str(why) for word, why in verdict.not_it},
        "root": finding.stream if verdict is None else verdict.root,
        "chain": list(place.chain),
        "holds": list(place.holds),
        "beyond": "" if verdict is None else str(verdict.beyond),
        "other_end": None if place.other_end is None else _other_end(place.other_end),
        "to_do": str(finding.to_do if verdict is None else verdict.to_do),
    }


def _other_end(other: OtherEnd) -> dict[str, Any]:
    known = {"pid": other.pid or None, "name": other.name, "unread": other.unread}
    return {**known, "command": other.command}


def _evidence(line: Evidence) -> dict[str, Any]:
    found = {"words": str(line.words), "field": line.field, "value": str(line.value), "since": _seconds(line.since)}
    return {**found, "until": _seconds(line.until)} if line.until else found


def _seconds(t: int) -> float:
    return round(t / SECOND, 6)


def lines(alarm: Ended, sentence: str, now_t: int, started: float, place: Linked = NOWHERE) -> Iterable[str]:
    """An alarm as a person reads it."""
    finding = alarm.finding
    verdict = finding.verdict
    word, sure = ("–", "–") if verdict is None else (verdict.word.value, tr(verdict.sure.value))
    over = ""
    if alarm.end_t < now_t:
        over = tr(", over after {age}", age=age_text(alarm.end_t - finding.since))
    since = tr("{lint}, since {time}{over}", lint=finding.lint, time=clock(finding.since, started), over=over)
    yield f"{word:<8} {padded(sure, 7)} {padded(_who(finding), 8)} {since}"
    yield f"  {tr(sentence)}"
    for line in finding.evidence:
        yield f"    {padded(tr(line.words), 30)} {line.field} {tr(line.value)}"
    if verdict is not None and verdict.not_it:
        others = clauses(saying("{word} ({why})", word=other.value, why=why) for other, why in verdict.not_it)
        yield "    " + tr("not it: {others}", others=others)
    if place.line:
        yield "    " + tr("chain: {chain}", chain=place.line)
    if verdict is not None and verdict.beyond:
        yield "    " + tr("root: {sentence}", sentence=verdict.beyond)
    to_do = finding.to_do if verdict is None else verdict.to_do
    if to_do:
        yield "    " + tr("to do: {what}", what=tr(to_do))
    if place.other_end is not None:
        yield "    " + tr("note: {sentence}", sentence=place.other_end.sentence())


def _who(finding: Finding) -> str:
    return f"#{finding.stream}" if finding.stream else tr("the loop")


def clock(t: int, started: float) -> str:
    """A time of day with milliseconds; where it is not known when the feed began, how long after that."""
    try:
        when = started + t / SECOND
        seconds = time.strftime("%H:%M:%S", time.localtime(when))
        return f"{seconds}.{int(when % 1 * 1000):03}" if started else age_text(t)
    except (ValueError, OverflowError, OSError):
        return age_text(t)


def begins(finding: Finding, sentence: str) -> str:
    """The line that says that an alarm begins."""
    word = finding.lint
    if finding.verdict is not None:
        word = tr("{word} ({why})", word=finding.verdict.word.value, why=tr(finding.verdict.sure.value))
    return tr("▲ {word}: {sentence}", word=word, sentence=sentence)


def ends(ended: Ended) -> str:
    """The line that says that it is over."""
    finding = ended.finding
    word = finding.lint if finding.verdict is None else finding.verdict.word.value
    return tr(
        "✓ {word} on {who} is over after {age} ({lint})",
        word=word, who=_who(finding), age=age_text(ended.end_t - finding.since), lint=finding.lint,
    )  # fmt: skip


STALLS = frozenset({"stalled", "peer_gone"})


def summary(diagnosis: Diagnosis, model: Model, now_t: int) -> str:
    """What there was, when somebody leaves: `2 stalls, the longest 31s on #2 (PEER); 6 errors; slowest callback 1.2 s,
    server.py:18`. "" where nothing was wrong.
    """
    words = model.decoder.vocabulary
    parts = [_stalls(found(diagnosis, now_t, Level.ERROR))]
    if model.failures > 0 and words.knows("errors"):
        parts.append(trn("{n} error", "{n} errors", model.failures))
    slowest = model.slowest[0] if model.slowest else None
    if slowest is not None and slowest.ns >= LONG_NS:
        state = model.known.get(slowest.stream)
        where = visible(state.place, 80) if state is not None and state.place else ""
        parts.append(items((saying("slowest callback {span}", span=span_text(slowest.ns)), where)))
    return tr(clauses(parts))


def _stalls(alarms: list[Ended]) -> str:
    stalls = sorted((each for each in alarms if each.finding.lint in STALLS), key=_length)
    if not stalls:
        return ""
    longest = stalls[-1]
    finding = longest.finding
    word = f" ({finding.verdict.word.value})" if finding.verdict is not None else ""
    return sayings(
        "{n} stall, {age} on #{number}{word}", "{n} stalls, the longest {age} on #{number}{word}", len(stalls),
        age=age_text(_length(longest)), number=finding.stream, word=word,
    )  # fmt: skip


def _length(ended: Ended) -> int:
    return ended.end_t - ended.finding.since
