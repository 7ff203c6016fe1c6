"""`streamscope top PID|FILE`: a line a second of what an engine does, for a terminal, or as JSON for scripts."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from math import ceil
from typing import TYPE_CHECKING

from streamscope.commands.clicks import click
from streamscope.commands.parameters import CONTEXT, Span, engines, looking, some_engine
from streamscope.language import N_, tr
from streamscope.sampling.manner import Manner
from streamscope.telling import CommandFailed, nobody_reads, said, say, show

if TYPE_CHECKING:
    from pathlib import Path

    from streamscope.link.session import Session
    from streamscope.trace.collector import Collector
    from streamscope.trace.totals import Totals
    from streamscope.trace.vocabulary import Vocabulary

LOOK_S = 0.05
ANSWER_WITHIN_S = 10.0
"""How long an engine may take to say who it is."""
PAST_BYTES = 8 << 20
"""Memory for what has come and is not added up yet."""
QUIET = 60
"""Of a stretch of a trace in which nothing is told for longer, so many seconds have a line."""
_NEVER = 1 << 62


@click.command(context_settings=CONTEXT)
@click.argument("which", metavar="PID|FILE", callback=some_engine, shell_complete=engines)
@click.option("--json", "as_json", is_flag=True, help="Print each line as a JSON object.")
@click.option("--for", "seconds", type=Span(), metavar="TIME", help="End after so many seconds.  [default: go on]")
@looking
def top(which: str, as_json: bool, seconds: float | None, how: str | None, manner: Manner) -> None:
    """Print a line for each second of the engine or libuv program PID: bytes in and out, what waits, accepts and
    closes, errors, how long writes waited, callbacks and turns took (median, 99 of 100, longest), until it ends or is
    stopped. Of a recorded trace FILE, for each second of its clock, as fast as it can.

    Of a program that is looked at from outside only what waits is known for certain: the others are a dash. With --json
    each line has the ten streams that talk most, too, and times as histograms.

    The status is 0, 1 if not all of a trace can be read or the engine cannot be reached any more, and 2 if it could not
    be looked at.
    """
    most = None if seconds is None else ceil(seconds)
    tell = _Lines(as_json)
    try:
        complete = _file(which, most, tell) if os.path.isfile(which) else _running(which, most, tell, how, manner)
    except BrokenPipeError:
        nobody_reads()
    sys.exit(0 if complete else 1)


class _Lines:
    """Writes them, each at once."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._headed = False
        self._untold: dict[str, str] = {}

    def __call__(self, totals: Totals, collector: Collector, vocabulary: Vocabulary, started: float) -> None:
        from streamscope.trace.totals import row_of

        if self._as_json:
            import msgspec

            from streamscope.trace.plain_text import printable_json

            row = row_of(totals, collector, vocabulary, started)
            show(printable_json(msgspec.json.encode(row)).decode(), 1 << 20)
        else:
            from streamscope.trace.totals_text import HEAD, line_of

            if not self._headed:
                show(HEAD)
            self._headed = True
            show(line_of(totals, started))
            if totals.untold != self._untold:
                for why in dict.fromkeys(totals.untold.values()):
                    names = [name.replace("_", " ") for name, reason in totals.untold.items() if reason == why]
                    say(tr("{names}: {why}", names=", ".join(names), why=tr(why)))
            self._untold = totals.untold
            if totals.lost:
                say(tr("{n:,} events are missing in this second", n=totals.lost))
        sys.stdout.flush()


def _file(path: str, most: int | None, tell: _Lines) -> bool:
    """Goes over a trace; returns whether all of it could be read."""
    from streamscope.trace.collector import Collector
    from streamscope.trace.collector_rules import CollectorRules
    from streamscope.trace.store.format import TraceError
    from streamscope.trace.store.reader import TraceFile
    from streamscope.trace.totals import Totals
    from streamscope.trace.untrusted import FeedError

    try:
        with TraceFile.open(path) as trace:
            past = trace.past
            vocabulary = past.decoder.vocabulary
            collector = Collector(past, CollectorRules(past.decoder))
            end_t = past.end_t
            for number in _numbers(collector, end_t, most):
                totals = Totals(collector, vocabulary, number, number + 1, end_t)
                tell(totals, collector, vocabulary, trace.header.started)
            past.damage = past.damage or collector.damage
            if trace.missing:
                say(tr(trace.missing))
            return trace.complete
    except (TraceError, FeedError) as error:
        raise CommandFailed(said(error), 2) from error


def _numbers(collector: Collector, end_t: int, most: int | None) -> Iterator[int]:
    """The seconds of a trace, each when all of it is collected. Of a long silence only its beginning has lines."""
    from streamscope.trace.seconds import SECOND

    first = number = collector.since_t // SECOND
    told = number
    while (number == first or number * SECOND < end_t) and (most is None or number < first + most):
        collector.work((number + 1) * SECOND, 1e9, time.monotonic)
        yield number
        told = number if number in collector.seconds else told
        number += 1
        if number - told > QUIET:
            following = collector.told_from(number) or end_t // SECOND
            if following > number:
                say(tr("nothing is told for {n:,} seconds more: they have no lines", n=following - number))
                number = following


def _running(which: str, most: int | None, tell: _Lines, how: str | None, manner: Manner) -> bool:
    """Follows an engine until it ends; returns False where the connection broke."""
    from streamscope.joining.ways import way_to
    from streamscope.link.discovery import ProbeError

    try:
        with way_to(which, how, manner, say) as path:
            return _engine(path, most, tell)
    except ProbeError as error:
        raise CommandFailed(said(error), 2) from error


def _engine(path: Path, most: int | None, tell: _Lines) -> bool:
    from streamscope.link.session import Session

    session = Session.attach(path, past_bytes=PAST_BYTES)
    try:
        _until(session, lambda: session.model.whole, time.monotonic() + ANSWER_WITHIN_S)
        if session.hello is None:
            stands = session.standstill
            why = session.reason or (stands.text if stands else N_("the engine does not answer"))
            raise CommandFailed(tr(why), 2)
        return _follow(session, most, tell)
    finally:
        session.close()


def _follow(session: Session, most: int | None, tell: _Lines) -> bool:
    from streamscope.trace.collector import Collector, over_at
    from streamscope.trace.collector_rules import CollectorRules
    from streamscope.trace.seconds import SECOND
    from streamscope.trace.totals import Totals

    assert session.hello is not None
    started, past, vocabulary = session.hello.started, session.past, session.past.decoder.vocabulary
    collector = Collector(past, CollectorRules(past.decoder))
    number = first = -(-collector.since_t // SECOND)  # the first that is seen from its beginning

    def line(end_t: int) -> None:
        totals = Totals(collector, vocabulary, number, number + 1, end_t)
        tell(totals, collector, vocabulary, started)

    said = False
    while most is None or number < first + most:
        live = _look(session)
        collector.work(_NEVER, 1e9, time.monotonic)
        present_t = 0
        if live and session.standstill is None and not session.behind:  # else time passes, and nobody knows what for
            present_t = _since(started)
        elif session.standstill is not None and not said:
            say(tr(session.standstill.text))
        said = session.standstill is not None
        while number < over_at(collector, present_t) and (most is None or number < first + most):
            line((number + 1) * SECOND)
            number += 1
            collector.close_before(number)
        if not live:
            if number * SECOND < collector.t:
                line(collector.t)
            say(tr(session.reason or N_("the engine has ended")))
            return session.status == "ended"
    return True


def _since(started: float) -> int:
    """The present on the feed's clock, 0 where what the engine says of its start is not to be relied on."""
    since = (time.time() - started) * 1e9
    return int(since) if 0 <= since < _NEVER else 0


def _look(session: Session) -> bool:
    """Take in what comes, for a moment at most; whether the engine is still there."""
    if session.fileno() != -1:
        select.select([session.fileno()], [], [], LOOK_S)
    session.receive()
    session.fold(LOOK_S)
    return session.status not in ("ended", "gone")


def _until(session: Session, so: Callable[[], bool], until: float) -> None:
    """Look until it is so, the engine is gone, or it is too late."""
    while not so() and time.monotonic() < until and _look(session):
        pass
