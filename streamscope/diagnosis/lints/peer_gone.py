"""The peer has ended its side, and the program does not look."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign, blame, is_off
from streamscope.diagnosis.shapes import Level, Sure, Word
from streamscope.language import N_, capital, saying
from streamscope.trace.figures import age_text, bytes_text

CLOSE_WAIT = 8
"""In `tcp_states.h`: the peer's FIN has come, and ours has not been sent."""


class PeerGone(Lint):
    """CLOSE_WAIT while reading is off: epoll tells nothing of it, for nobody has asked."""

    name = "peer_gone"
    level = Level.ERROR
    checks = (
        "TCP has been in CLOSE_WAIT for 1 s, reading is off and no EOF was read, nor does a full stream hold it back"
    )
    matters = "the end of a connection is read like bytes: who does not read never hears of it, and keeps it for ever"
    to_do = "read on, or set a time limit after which a stream that is not read is closed"
    kernel = ("tcp_state",)

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        track, state = case.track, case.state
        here = case.kernel("tcp_state") == CLOSE_WAIT and not case.reading and not state.flags & case.terms.eof
        if not here or case.held is not None or not case.terms.reading:
            track.since.pop(self.name, None)
            return None
        off = case.model.lit_t(state.number, case.terms.reading)
        since = track.since.setdefault(self.name, track.unread_t or case.now_t)
        inq = track.now.inq or 0
        waits = saying(", and {size} wait to be read", size=bytes_text(inq)) if inq else ""
        evidence = [case.evidence("the peer has ended its side", "tcp_state", "CLOSE_WAIT", since)]
        if inq:
            evidence.append(case.evidence("what waits to be read", "inq", f"{inq:,}", since))
        if off:
            evidence.append(case.evidence("reading is off", "flags", is_off("READING"), off))
        sentence = saying(
            "{who} has gone and the program does not see it: reading is off, the connection has been in CLOSE_WAIT for "
            "{age}{waits}.",
            who=capital(case.who), age=age_text(case.now_t - since), waits=waits,
        )  # fmt: skip
        reason = saying("reading is off, so the end is never seen")
        return blame(
            self, case, Word.APP, Sure.CERTAIN, sentence, reason, tuple(evidence), since=since, side="in",
            rung="kernel", changes=(N_("Reading it again would see the end."),),
        )  # fmt: skip
