"""`streamscope diagnose PID|FILE`: say without a screen what is slow, and why."""

from __future__ import annotations

import select
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streamscope.commands.clicks import click
from streamscope.commands.parameters import CONTEXT, Span, allowing, engines, kept, looking
from streamscope.fleet.nats_server import is_address
from streamscope.language import N_, tr
from streamscope.sampling.manner import Manner
from streamscope.telling import CommandFailed, said, say, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamscope.diagnosis import Diagnosis, Ended
    from streamscope.diagnosis.other_end import OtherEnd
    from streamscope.link.asking import Standstill
    from streamscope.link.session import Session
    from streamscope.trace.model import Model
    from streamscope.trace.vocabulary import Vocabulary

LOOK_S = 0.05
ANSWER_WITHIN_S = 10.0
"""How long an engine may take to say who it is."""
MORE_S = 10.0
"""So much longer it is looked at most, where what waits cannot be judged yet: on a busy machine it is told of late."""
OTHER_ENDS, OTHER_ENDS_S = 16, 1.0
"""Of so many streams the other end is looked for, each so long at most."""


@click.command(context_settings=CONTEXT)
@click.argument("which", metavar="PID|FILE", shell_complete=engines)
@click.option("--json", "as_json", is_flag=True, help="Print one array of objects, one for each alarm.")
@click.option(
    "--for", "seconds", type=Span(), default="3s", show_default=True, metavar="TIME", help="Look at an engine so long."
)
@looking
@allowing
def diagnose(
    which: str, as_json: bool, seconds: float, how: str | None, manner: Manner, allow: tuple[str, ...]
) -> None:
    """Say which streams of the engine or libuv program PID, or in the recorded trace FILE, are stalled, who is at
    fault, and how that is known.

    The status is 0 if nothing is wrong, 1 if something was found, and 2 if it could not be looked at.
    """
    if Path(which).is_file():
        found = _file(which, allow)
    elif is_address(which):
        found = _far(which, seconds, allow)
    else:
        found = _running(which, seconds, how, manner, allow)
    _tell(found, as_json=as_json)


class Looked(NamedTuple):
    """What was found, in which state, when on the feed's clock that was, when the feed began, whether the engine comes
    round, and what is known of the other ends of streams, and of who waits for them, by number; and the streams that
    could not be judged yet.
    """

    diagnosis: Diagnosis
    model: Model
    now_t: int
    started: float
    stands: Standstill | None
    other_ends: dict[int, OtherEnd]
    waiters: dict[int, str]
    early: Sequence[int] = ()


def _diagnosis(vocabulary: Vocabulary, allow: tuple[str, ...]) -> Diagnosis:
    from streamscope.diagnosis import Diagnosis

    return Diagnosis(vocabulary, allow=allow)


def _file(path: str, allow: tuple[str, ...]) -> Looked:
    from streamscope.diagnosis.headless import over
    from streamscope.trace.store.format import TraceError
    from streamscope.trace.store.reader import TraceFile
    from streamscope.trace.untrusted import FeedError

    try:
        with TraceFile.open(path) as trace:
            diagnosis = _diagnosis(trace.past.decoder.vocabulary, allow)
            model = over(trace.past, diagnosis)
            if trace.missing:
                say(tr(trace.missing))
            return Looked(diagnosis, model, trace.past.end_t, trace.header.started, None, {}, {})
    except (TraceError, FeedError) as error:
        raise CommandFailed(said(error), 2) from error


def _far(which: str, seconds: float, allow: tuple[str, ...]) -> Looked:
    """An engine of a fleet: as it is now, or, where it has ended, what is kept of it."""
    from streamscope.fleet.far import EndedError, far
    from streamscope.link.discovery import ProbeError

    try:
        with far(which, live=True) as path:
            return _engine(path, seconds, allow)
    except EndedError as error:
        say(said(error))
    except ProbeError as error:
        raise CommandFailed(said(error), 2) from error
    with kept(which, None) as trace:
        return _file(trace, allow)


def _running(which: str, seconds: float, how: str | None, manner: Manner, allow: tuple[str, ...]) -> Looked:
    from streamscope.joining.ways import way_to
    from streamscope.link.discovery import ProbeError

    try:
        with way_to(which, how, manner, say) as path:
            return _engine(path, seconds, allow)
    except ProbeError as error:
        raise CommandFailed(said(error), 2) from error


def _engine(path: Path, seconds: float, allow: tuple[str, ...]) -> Looked:
    from streamscope.link.session import Session

    session = Session.attach(path)
    diagnosis: Diagnosis | None = None
    begun = time.monotonic()
    now_t = 0
    try:
        while (passed := time.monotonic() - begun) < (seconds if diagnosis is not None else ANSWER_WITHIN_S) or (
            diagnosis is not None
            and passed < seconds + MORE_S
            and session.standstill is None  # else nothing more is told, however long one looks
            and not session.model.frozen_t
            and diagnosis.undecided(session.model)
        ):
            if session.fileno() != -1:
                select.select([session.fileno()], [], [], LOOK_S)
            session.receive()
            session.fold(LOOK_S)
            if session.status in ("ended", "gone"):
                break
            if session.hello is None:
                continue
            if diagnosis is None:
                diagnosis, begun = _diagnosis(session.model.decoder.vocabulary, allow), begun + passed
            passed_ns = (time.time() - session.hello.started) * 1e9
            if 0 <= passed_ns < 1 << 62:  # what an engine says of its start is not to be relied on
                now_t = max(now_t, int(passed_ns))
            now_t = max(now_t, session.model.t)
            if session.standstill is None:
                diagnosis.look(session.model, now_t, session.past)
        stands, started = session.standstill, session.hello.started if session.hello is not None else 0.0
        if diagnosis is None:
            if stands is None or session.status in ("ended", "gone"):
                raise CommandFailed(tr(session.reason or N_("the engine does not answer")), 2)
            diagnosis = _diagnosis(session.model.decoder.vocabulary, allow)  # it has not come round to say who it is
        hello = session.hello
        pid = hello.pid if hello is not None and not hello.host else 0  # those of another host cannot be asked
        ends = _other_ends(diagnosis, session.model, pid)
        early = diagnosis.undecided(session.model) if stands is None and session.status == "live" else ()
        return Looked(diagnosis, session.model, now_t, started, stands, ends, _waiters(diagnosis, session), early)
    finally:
        session.close()


def _waiters(diagnosis: Diagnosis, session: Session) -> dict[int, str]:
    """Which tasks wait for what does not get on, where the engine can say so; it is given a moment to."""
    if session.status != "live" or session.standstill is not None or not diagnosis.knows("waiters"):
        return {}
    wanted = list(dict.fromkeys(each.stream for each in diagnosis.findings if each.stream))[:OTHER_ENDS]
    until = time.monotonic() + OTHER_ENDS_S
    while [number for number in wanted if not session.waiters.of(number).text] and time.monotonic() < until:
        if session.fileno() != -1:
            select.select([session.fileno()], [], [], LOOK_S)
        session.receive()
        session.fold(LOOK_S)
    return {number: text for number in wanted if (text := session.waiters.of(number).text)}


def _other_ends(diagnosis: Diagnosis, model: Model, pid: int) -> dict[int, OtherEnd]:
    """Who is at the other end of what takes no more, where the chain leaves the process there."""
    from streamscope.diagnosis import Level
    from streamscope.diagnosis.other_end import OtherEnds

    ends = OtherEnds()
    found: dict[int, OtherEnd] = {}
    verdicts = [each.verdict for each in diagnosis.findings if each.verdict and each.level is Level.ERROR]
    for number in dict.fromkeys(verdict.root for verdict in verdicts if verdict.side == "out"):
        state = model.streams.get(number)
        if state is not None and pid and len(found) < OTHER_ENDS:
            other = ends.look_to_the_end(state, model.decoder.vocabulary, pid, OTHER_ENDS_S)
            if other is not None:
                found[number] = other
    return found


def _tell(looked: Looked, *, as_json: bool) -> None:
    import msgspec

    from streamscope.diagnosis import Level, account
    from streamscope.trace.plain_text import printable_json, visible
    from streamscope.ui.cells import pad

    diagnosis, model, now_t, started, stands, other_ends, waiters, early = looked
    told = diagnosis.report()

    def place(alarm: Ended) -> account.Linked:
        found = account.linked(alarm, told, model, now_t)
        root = alarm.finding.verdict.root if alarm.finding.verdict is not None else 0
        return found._replace(other_end=other_ends.get(root) if alarm.end_t >= now_t else None)

    found = account.found(diagnosis, now_t, Level.ERROR)
    if stands is not None:
        found.insert(0, account.stuck(stands, now_t))
    if as_json:
        rows: list[dict[str, Any]] = [
            {**account.row(alarm, now_t, started, place(alarm)), "who_waits": waiters.get(alarm.finding.stream)}
            for alarm in found
        ]
        array = printable_json(msgspec.json.format(msgspec.json.encode(rows), indent=2)).decode()
        for line in array.splitlines():
            show(line, 1 << 20)
    else:
        for alarm in found:
            sentence = diagnosis.sentence_of(alarm.finding)
            for line in account.lines(alarm, sentence, now_t, started, place(alarm)):
                show(line)
            if who := waiters.get(alarm.finding.stream):
                show(f"    {tr('who waits: {who}', who=visible(who, 1000))}")
        for notice in account.found(diagnosis, now_t, Level.WARNING):
            finding = notice.finding
            show(f"{pad(tr('notice'), 16)} #{finding.stream:<7} {finding.lint}: {tr(finding.sentence)}")
        if not found and not early:
            show(tr("All flows: nothing stalls."))
    if model.frozen_t:
        say(tr("an inspector has frozen the loop: what is found is as of then"))
    if early:
        named = (f"#{number}" if number else tr("streams not told of yet") for number in early[:OTHER_ENDS])
        say(tr("{which}: not seen for long enough to be judged; --for 30s looks longer", which=", ".join(named)))
    for name, why in diagnosis.unavailable:
        say(tr("the lint {name} is not available here: {why}", name=name, why=tr(why)))
    sys.exit(1 if found else 2 if early else 0)
