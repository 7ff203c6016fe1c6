"""What became of assertions, as lines for a terminal, a log or a failed test. What a trace says is made visible."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from streamscope.trace.check.checking import Report
from streamscope.trace.check.watches import Failure, Instant, Outcome, handle_text, seconds
from streamscope.trace.plain_text import visible
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
    said = [f"{failed:,} failed"] if failed else []
    said += [f"{unknown:,} could not be shown"] if unknown else []
    said += [f"{nothing:,} had nothing to show"] if nothing else []
    return [f"{', '.join(said)}, of {total:,} assertions"] if said and total > 1 else []


def _of(outcome: Outcome, report: Report, path: str, beside: Beside) -> list[str]:
    word = {True: "ok", False: "FAILED", None: "NOT SHOWN"}[outcome.holds]
    nothing = outcome.vacuous or (f"nothing to show: {outcome.idle}" if outcome.idle else "")
    notes = [outcome.note, nothing if outcome.holds else ""]
    note = "; ".join(visible(each, 500) for each in notes if each)
    if report.says_nothing(outcome):
        word = "VACUOUS"
    out = [f"{word:<9} {visible(outcome.assertion.text, 500)}{f'  ({note})' if note else ''}"]
    for failure in outcome.failures:
        out += [f"          {line}" for line in _failure(failure, outcome.assertion.vocabulary, path, beside)]
    if outcome.more:
        out.append(f"          and {outcome.more:,} more")
    return out


def _failure(failure: Failure, vocabulary: Vocabulary, path: str, beside: Beside) -> list[str]:
    at, event = failure.at, failure.at.event
    what = f": {failure.what}" if failure.what else ""
    whose = handle_text(at, vocabulary) + (f" ({visible(at.called, 120)})" if at.called else "")
    if event is None:
        known = f"{whose}, t {seconds(at.t)}{what}" if at.t else failure.what
        return [*([known] if known else []), *(f"  {line}" for line in beside(at))]
    took = [f"{name} {seconds(span)}" for name, span in (event.spans or {}).items() if span is not None]
    did = "  ".join([*(visible(text) for text in (event.fn, *sentence(event, vocabulary)) if text), *took])
    if at.between:
        out = [f"{whose}, t {seconds(at.t)}, between two events{what}"]
        when = "then" if event.t > at.t else "before"
        out.append(f"  {when}, at {seconds(event.t)}, turn {event.turn:,}, seq {event.seq}: {did}")
        there = f"{at.t // SECOND}.{at.t % SECOND:09}s"
    else:
        out = [f"{whose}, t {seconds(at.t)}, turn {event.turn:,}, seq {event.seq}{what}", f"  {did}"]
        # what is kept of a far engine begins elsewhere tomorrow, and is counted from there
        there = f"{at.t // SECOND}.{at.t % SECOND:09}s" if "://" in path else str(event.seq)
    out += [f"  {line}" for line in beside(at)]
    if path:
        out.append(f"  streamscope replay {shlex.quote(path)} --at {there}")
    return out


def _missing(report: Report) -> list[str]:
    out = []
    if report.gaps:
        lost = sum(events for _, events in report.gaps)
        places = "one place" if len(report.gaps) == 1 else f"{len(report.gaps):,} places"
        out.append(f"{lost:,} events were lost in {places}: what holds without a break cannot be shown across them")
    if report.missing_before:
        out.append(f"the trace begins late: {report.missing_before:,} rows before it are not kept")
    if not report.ends:
        out.append("the end of the trace is missing: what has to hold until then cannot be shown")
    return out
