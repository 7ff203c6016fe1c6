"""What became of assertions, as lines for a terminal, a log or a failed test. What a trace says is made visible."""

from __future__ import annotations

import shlex

from streamscope.trace.check.run import Report
from streamscope.trace.check.watches import Failure, Verdict, seconds
from streamscope.trace.names import visible
from streamscope.trace.sentence import sentence


def lines(report: Report, path: str = "", replay: str = "streamscope replay") -> list[str]:
    """The report. With a `path`, each failure has the command that opens the trace there."""
    out: list[str] = []
    for verdict in report.verdicts:
        out += _of(verdict, path, replay)
    out += _missing(report)
    return out


def _of(verdict: Verdict, path: str, replay: str) -> list[str]:
    word = {True: "ok", False: "FAILED", None: "NOT SHOWN"}[verdict.holds]
    note = f"  ({verdict.note})" if verdict.note else ""
    out = [f"{word:<9} {visible(verdict.assertion.text, 500)}{note}"]
    if verdict.holds is None:
        out.append("          events are missing from the trace, and what they did is not known")
    for failure in verdict.failures:
        out += [f"          {line}" for line in _failure(failure, path, replay)]
    if verdict.more:
        out.append(f"          and {verdict.more:,} more")
    return out


def _failure(failure: Failure, path: str, replay: str) -> list[str]:
    at, event = failure.at, failure.at.event
    what = f": {failure.what}" if failure.what else ""
    if event is None:
        known = f"{_stream(failure)}, t {seconds(at.t)}{what}" if at.t else failure.what
        return [known] if known else []
    out = [f"{_stream(failure)}, t {seconds(at.t)}, turn {event.turn:,}, seq {event.seq}{what}"]
    did, change = (visible(text) for text in sentence(event))
    out.append("  " + "  ".join(text for text in (visible(event.fn), did, change) if text))
    if path:
        out.append(f"  {replay} {shlex.quote(path)} --at {event.seq}")
    return out


def _stream(failure: Failure) -> str:
    at = failure.at
    if not at.stream:
        return "the loop"
    return f"stream #{at.stream} ({visible(at.peer, 80)})" if at.peer else f"stream #{at.stream}"


def _missing(report: Report) -> list[str]:
    out = []
    if report.gaps:
        lost = sum(events for _, events in report.gaps)
        places = "one place" if len(report.gaps) == 1 else f"{len(report.gaps):,} places"
        out.append(f"{lost:,} events were lost in {places}: what holds without a break cannot be shown across them")
    if report.missing_before:
        out.append(f"the trace begins late: {report.missing_before:,} rows before it are not kept")
    return out
