"""Bytes are wanted, and none move: the one alarm that every other one helps to explain.

As long as bytes are acknowledged and the queue does not grow, a slow peer is a limit and no stall, however slow it is.
"""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign, callbacks_took, is_off, run_delay, stays
from streamscope.diagnosis.shapes import Level, Sure, Verdict, Word
from streamscope.diagnosis.track import SECOND
from streamscope.diagnosis.weigh import Weighing
from streamscope.language import N_, capital, saying
from streamscope.trace.figures import age_text, bytes_text
from streamscope.trace.plain_text import visible

CONFIRMED = SECOND // 2
"""So long it takes to look as often as a finding needs: who sees it coming by then is not late."""
SYN_SENT = 2
"""In `tcp_states.h`: the first segment of a connection is out."""
OLD = 2 * SECOND
"""A write that has waited longer while the queue has grown is stalled, whatever moves."""


class Stalled(Lint):
    """Outgoing bytes that nobody takes, and incoming ones that the program does not read."""

    name = "stalled"
    level = Level.ERROR
    checks = (
        "bytes are to go out and none was acknowledged for 1 s (of a pipe or Unix socket: none was taken); or the "
        "oldest write is over 2 s old and the queue is larger than 2 s before; or bytes wait in the kernel and reading "
        "has been off for 1 s, without a stream that it feeds being the reason; or a connect for which bytes wait has "
        "had no answer for 1 s"
    )
    matters = "whoever waits for these bytes waits without end, and so does everybody whom the program feeds from there"
    covered_by = ("peer_gone", "pipe_deadlock")
    to_do = "read the verdict: it says whether the peer, the network, the program or the machine is at fault, and why"

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        if case.state.connect_req is not None:
            return self._connects(case, case.state.connect_req.begin_t)
        return self._out(case) or self._grows(case) or self._unread(case)

    def _connects(self, case: Case, since: int) -> Sign | None:
        """Bytes wait for a connection that does not come."""
        state = case.state
        if not since or not state.write_queue_size or case.seen_t - since < SECOND:
            return None
        verdict = unanswered(case, since)
        return Sign(verdict.sentence, verdict.evidence, since, verdict)

    def _out(self, case: Case) -> Sign | None:
        track = case.track
        if not track.wanted_t:
            return None
        since = max(track.wanted_t, track.moved_t)
        if case.seen_t - max(since, track.looks[0].t) < max(SECOND, track.lull * 3 // 2):
            return None  # a slow peer's window opens late, and then for much: it has rested nearly as long before
        verdict = Weighing(case, since).verdict()
        return Sign(verdict.sentence, verdict.evidence, since, verdict)

    def _grows(self, case: Case) -> Sign | None:
        track, state = case.track, case.state
        head = state.write_queue[0].begin_t if state.write_queue else 0
        if not head or case.seen_t - head <= OLD or not case.terms.queue:
            return None
        second = track.ago(SECOND)
        if second is None or track.now.wq <= second.wq:
            return None
        before = [look.wq for look in track.looks if track.now.t - 3 * SECOND <= look.t <= track.now.t - SECOND]
        if len(before) < 4 or track.now.wq <= max(before) or track.ago(OLD) is None:
            return None
        verdict = _ignored(case, head)
        return Sign(verdict.sentence, verdict.evidence, head, verdict)

    def _unread(self, case: Case) -> Sign | None:
        track, inq = case.track, case.track.now.inq
        if not track.unread_t or case.held is not None or not inq or not case.terms.reading:
            return None
        if case.seen_t - track.unread_t < SECOND - CONFIRMED:
            return None
        off = case.model.lit_t(case.state.number, case.terms.reading)
        since = max(track.unread_t, off)
        verdict = unread(case, since, off, inq)
        return Sign(verdict.sentence, verdict.evidence, since, verdict)


def unanswered(case: Case, since: int) -> Verdict:
    """Nobody answers to the connect."""
    state, number, age = case.state, case.state.number, age_text(case.now_t - since)
    again = case.kernel("retransmits") or case.kernel("total_retrans")
    evidence = [case.evidence("the connect waits", "connect_req", age, since)]
    if case.kernel("tcp_state") == SYN_SENT:
        evidence.append(case.evidence("the first segment is out", "tcp_state", "SYN_SENT", since))
    if again:
        evidence.append(case.evidence("sent again, unanswered", "retransmits", f"{again:,}", since))
    evidence.append(case.evidence("what waits here", "write_queue_size", f"{state.write_queue_size:,}", since))
    return Verdict(
        Word.NETWORK,
        Sure.LIKELY if again else Sure.UNSURE,
        number,
        since,
        saying(
            "Nobody answers for {who}: the connection has not come for {age}, and {size} wait for it.",
            who=case.who,
            age=age,
            size=bytes_text(state.write_queue_size),
        ),
        saying("the first segment was sent {n} times, and never answered", n=f"{again + 1:,}")
        if again
        else saying("the connect has no answer"),
        tuple(evidence),
        (),
        (N_("An answer, or an error, ends the stall."),),
        N_("look whether the host is up and its listener takes anybody in; set a time limit for connecting"),
        number,
        "out",
        "queue",
    )


def unread(case: Case, since: int, off: int, inq: int) -> Verdict:
    """The program does not read what has come."""
    number = case.state.number
    age = age_text(case.now_t - since)
    evidence = [case.evidence("what waits to be read", "inq", f"{inq:,}", since)]
    if off:
        evidence.append(case.evidence("reading is off", "flags", is_off("READING"), off))
    where = visible(case.state.paused_at, 120) if off else ""
    if where:
        evidence.append(case.evidence("it was paused at", "paused_at", where, off))
    if (into := case.track.now.into) is not None:
        evidence.append(case.evidence("nothing was read", "bytes_in", stays(into), since))
    not_it: list[tuple[Word, str]] = [(Word.PEER, saying("it has sent: its bytes are here"))]
    if (busy := case.loop.busy(since)) is not None:
        not_it.append((Word.LOOP, callbacks_took(busy)))
    if (delayed := case.loop.delayed(since)) is not None:
        not_it.append((Word.HOST, run_delay(f"{delayed:.1%}")))
    reason = saying("reading has been off for {age}, and no stream that it feeds is the reason", age=age)
    if not case.terms.feeds:
        reason = saying(
            "reading has been off for {age}; whether a stream that it feeds is the reason cannot be known", age=age
        )
    elif case.suspect:
        reason = saying(
            "reading has been off for {age}; whether it feeds {other}, which is full, is not known",
            age=age, other=case.suspect,
        )  # fmt: skip
    said = {"who": capital(case.who), "size": bytes_text(inq), "age": age, "place": where}
    if where:
        sentence = saying(
            "{who} is not read: {size} have waited in the kernel for {age}, and the program has stopped reading it, at "
            "{place}.", **said,
        )  # fmt: skip
    elif off:
        sentence = saying(
            "{who} is not read: {size} have waited in the kernel for {age}, and the program has stopped reading it.",
            **said,
        )
    else:
        sentence = saying(
            "{who} is not read: {size} have waited in the kernel for {age}, and the program does not read it.", **said
        )
    return Verdict(
        Word.APP,
        Sure.CERTAIN if case.terms.feeds and not case.suspect else Sure.LIKELY,
        number,
        since,
        sentence,
        reason,
        tuple(evidence),
        tuple(not_it),
        (
            N_("Reading it again ends the stall."),
            N_("A stream above its mark that it feeds would make it held back by that."),
        ),
        N_("find out what the program waits for before it reads on"),
        number,
        "in",
        "kernel",
    )


def _ignored(case: Case, head: int) -> Verdict:
    """Bytes move, but more come than go: the program writes on."""
    state, track = case.state, case.track
    before = track.ago(OLD) or track.looks[0]
    grew = track.now.wq - before.wq
    knows_acked = track.now.acked is not None
    went = track.grew("acked" if knows_acked else "out", OLD)
    evidence = [
        case.evidence("what waits here", "write_queue_size", f"{before.wq:,} → {track.now.wq:,}", before.t),
        case.evidence("the oldest write waits", "write_queue", age_text(case.now_t - head), head),
    ]
    if went is not None:
        field = "bytes_acked" if knows_acked else "bytes_out"
        evidence.append(case.evidence("what went meanwhile", field, f"+{went:,}", before.t))
    return Verdict(
        Word.APP,
        Sure.CERTAIN if went else Sure.LIKELY,
        state.number,
        head,
        saying(
            "{who} is written to faster than it takes: {size} wait in the program, {grew} more than 2s ago, the oldest "
            "for {age}.",
            who=capital(case.who),
            size=bytes_text(track.now.wq),
            grew=bytes_text(grew),
            age=age_text(case.now_t - head),
        ),
        saying("the queue grew by {grew} in 2s", grew=bytes_text(grew))
        if went is None
        else saying("the queue grew by {grew} in 2s, while {went} went", grew=bytes_text(grew), went=bytes_text(went)),
        tuple(evidence),
        ((Word.PEER, saying("{size} were taken in 2s", size=bytes_text(went))),) if went else (),
        (N_("A queue that grows no more ends the alarm: then the peer is only slow."),),
        N_("heed the mark: stop what feeds this stream while write_queue_size is above high_water"),
        state.number,
        "out",
        "queue",
    )
