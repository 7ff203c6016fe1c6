"""A handle that nobody needs any more, and nobody closes."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign, blame
from streamscope.diagnosis.shapes import Level, Sure, Word
from streamscope.diagnosis.track import SECOND
from streamscope.language import N_, capital, saying
from streamscope.trace.figures import age_text

AFTER = 2 * SECOND
UNUSED = 60 * SECOND


class LeakedHandle(Lint):
    """The peer has ended, all of it was read, nothing is written, and the handle stays."""

    name = "leaked_handle"
    level = Level.WARNING
    checks = (
        "the end was read, nothing has come in or gone out or waits since, no shutdown is under way, no stream feeds "
        "it, and for 2 s nobody has closed it; or a handle has had no descriptor for 60 s"
    )
    matters = "the peer waits for our end, which never comes; and each is a descriptor of the program's limit"
    to_do = "shut down or close the stream when its end was read and all has been written"
    fields = ("flags", "last_write_t")
    lasting = AFTER

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        state, terms = case.state, case.terms
        if state.fd < 0 and terms.vocabulary.tells("fd"):
            return self._unused(case)
        if not terms.eof or not state.flags & terms.eof or case.track.now.wanted or state.write_completed_queue:
            return None
        if state.flags & terms.shut or state.shutdown_req is not None or case.is_fed:
            return None
        ended = case.model.lit_t(state.number, terms.eof)
        since = max(ended, state.last_read_t, state.last_write_t) or case.track.looks[0].t
        age = age_text(case.now_t - since)
        sentence = saying(
            "{who} ended its side {age} ago, and the program neither answers nor closes it.",
            who=capital(case.who), age=age,
        )  # fmt: skip
        evidence = (
            case.evidence("its end was read", "flags", "READ_EOF", ended or since),
            case.evidence("nothing has moved", "last_write_t", saying("for {age}", age=age), since),
        )
        reason = saying("its end was read, and ours was not sent")
        return blame(self, case, Word.APP, Sure.LIKELY, sentence, reason, evidence,
                     since=since, side="in", changes=(N_("A shutdown, a close or a write ends it."),))  # fmt: skip

    def _unused(self, case: Case) -> Sign | None:
        state = case.state
        if state.connect_req is not None or not state.begin_t or case.now_t - state.begin_t < UNUSED:
            return None
        age = age_text(case.now_t - state.begin_t)
        made = case.evidence("made", "begin_t", saying("{age} ago", age=age), state.begin_t, 0)
        sentence = saying(
            "{who} has had no descriptor for {age}, and nobody closes it.", who=capital(case.who), age=age
        )
        return Sign(sentence, (made,), state.begin_t)
