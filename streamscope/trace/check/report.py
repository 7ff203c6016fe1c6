"""What became of assertions, as lines for a terminal, a log or a failed test. What a trace says is made visible."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from streamscope.language import N_, clauses, items, saying, tr, trn
from streamscope.trace.check.checking import Report
from streamscope.trace.check.watches import Failure, Instant, Outcome, handle_text, seconds
from streamscope.trace.plain_text import padded, visible
from streamscope.trace.sentence import sentence
from streamscope.trace.vocabulary import Vocabulary

SECOND = 1_000_000_000

Beside = Callable[[Instant], Sequence[str]]
"""What somebody else knows of the stream at an instant at which an assertion failed, such as who held it back."""


def nothing(at: Instant) -> Sequence[str]:
    """Nothing is known."""
    return ()


def lines(report: Report, path: str = "", *, quiet: bool = False, beside: Beside = nothing) -> list[str]:
    """The report. With a `path`, each failure has the command that opens the trace there; a `quiet` one tells only of
    what does not hold. What is known `beside` stands with each failure.
    """
    out: list[str] = []
    for outcome in report.outcomes:
        if not (quiet and report.stands(outcome)):
            out += _of(outcome, report, path, beside)
    if not (quiet and report.ok):
        out += _missing(report)
    return out + _in_all(report)


def _in_all(report: Report) -> list[str]:
    """A log is read from its end."""
    total, failed = len(report.outcomes), sum(outcome.holds is False for outcome in report.outcomes)
    unknown = sum(outcome.holds is None for outcome in report.outcomes)
    nothing = sum(map(report.says_nothing, report.outcomes))
    said = [saying("{n} failed", n=f"{failed:,}")] if failed else []
    said += [saying("{n} could not be shown", n=f"{unknown:,}")] if unknown else []
    said += [saying("{n} had nothing to show", n=f"{nothing:,}")] if nothing else []
    return [tr("{said}, of {n} assertions", said=items(said), n=f"{total:,}")] if said and total > 1 else []


def _of(outcome: Outcome, report: Report, path: str, beside: Beside) -> list[str]:
    word = {True: "ok", False: N_("FAILED"), None: N_("NOT SHOWN")}[outcome.holds]
    nothing = outcome.vacuous or (tr("nothing to show: {why}", why=outcome.idle) if outcome.idle else "")
    notes = [outcome.note, nothing if outcome.holds else ""]
    note = tr(clauses(visible(tr(each), 500) for each in notes))
    if report.says_nothing(outcome):
        word = N_("VACUOUS")
    aside = f"  {tr('({note})', note=note)}" if note else ""
    out = [f"{padded(tr(word), 9)} {visible(outcome.assertion.text, 500)}{aside}"]
    for failure in outcome.failures:
        out += [f"          {line}" for line in _failure(failure, outcome.assertion.vocabulary, path, beside)]
    if outcome.more:
        out.append("          " + tr("and {n} more", n=f"{outcome.more:,}"))
    return out


def _failure(failure: Failure, vocabulary: Vocabulary, path: str, beside: Beside) -> list[str]:
    at, event = failure.at, failure.at.event
    whose = tr(handle_text(at, vocabulary))
    if at.called:
        whose = tr("{who} ({name})", who=whose, name=visible(at.called, 120))
    if event is None:
        known = _with(f"{whose}, t {seconds(at.t)}", failure.what) if at.t else tr(failure.what)
        return [*([known] if known else []), *(f"  {tr(line)}" for line in beside(at))]
    took = [f"{name} {seconds(span)}" for name, span in (event.spans or {}).items() if span is not None]
    did = "  ".join([*(visible(text) for text in (event.fn, *sentence(event, vocabulary)) if text), *took])
    if at.between:
        out = [_with(tr("{who}, t {time}, between two events", who=whose, time=seconds(at.t)), failure.what)]
        values = {"time": seconds(event.t), "turn": f"{event.turn:,}", "seq": event.seq, "did": did}
        out.append("  " + (
            tr("then, at {time}, turn {turn}, seq {seq}: {did}", **values)
            if event.t > at.t
            else tr("before, at {time}, turn {turn}, seq {seq}: {did}", **values)
        ))  # fmt: skip
        there = f"{at.t // SECOND}.{at.t % SECOND:09}s"
    else:
        where = f"{whose}, t {seconds(at.t)}, turn {event.turn:,}, seq {event.seq}"
        out = [_with(where, failure.what), f"  {did}"]
        # what is kept of a far engine begins elsewhere tomorrow, and is counted from there
        there = f"{at.t // SECOND}.{at.t % SECOND:09}s" if "://" in path else str(event.seq)
    out += [f"  {tr(line)}" for line in beside(at)]
    if path:
        out.append(f"  streamscope replay {shlex.quote(path)} --at {there}")
    return out


def _with(where: str, what: str) -> str:
    return tr("{where}: {what}", where=where, what=what) if what else where


def _missing(report: Report) -> list[str]:
    out = []
    if report.gaps:
        lost = sum(events for _, events in report.gaps)
        out.append(
            trn(
                "{lost} events were lost in one place: what holds without a break cannot be shown across them",
                "{lost} events were lost in {n} places: what holds without a break cannot be shown across them",
                len(report.gaps),
                lost=f"{lost:,}",
            )
        )
    if report.missing_before:
        out.append(tr("the trace begins late: {n} rows before it are not kept", n=f"{report.missing_before:,}"))
    if not report.ends:
        out.append(tr("the end of the trace is missing: what has to hold until then cannot be shown"))
    return out
