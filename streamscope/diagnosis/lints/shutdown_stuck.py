"""The program wants to end its side, and the queue before that does not drain."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign, blame, request_text
from streamscope.diagnosis.shapes import Level, Sure, Word
from streamscope.diagnosis.track import SECOND
from streamscope.diagnosis.weigh import Weighing
from streamscope.language import saying
from streamscope.trace.figures import age_text, bytes_text


class ShutdownStuck(Lint):
    """A shutdown that waits for a queue in which nothing moves."""

    name = "shutdown_stuck"
    level = Level.ERROR
    checks = "a shutdown has waited for 2 s, and for 1 s nothing of the queue before it has gone"
    matters = "its callback never comes, so the program never closes the stream: it is there for ever"
    to_do = "set a time limit for the shutdown, and close the stream when it is over"
    fields = ("shutdown_req",)
    lasting = 2 * SECOND
    covered_by = ("stalled",)

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        state, track = case.state, case.track
        request = state.shutdown_req
        if request is None or state.connect_req is not None:
            return None
        since = request.begin_t or track.looks[0].t
        if case.seen_t - max(since, track.moved_t) < SECOND:
            return None
        age = age_text(case.now_t - since)
        evidence = (case.evidence("the shutdown waits", "shutdown_req", request_text(request.number), since),)
        sentence = saying(
            "The shutdown of {who} has waited for {age}: {size} before it stay.",
            who=case.who, age=age, size=bytes_text(state.write_queue_size),
        )  # fmt: skip
        if not track.wanted_t:
            sentence = saying(
                "The shutdown of {who} has waited for {age}, though nothing is left to write.", who=case.who, age=age
            )
            reason = saying("nothing waits before it")
            return blame(self, case, Word.APP, Sure.UNSURE, sentence, reason, evidence, since=since)
        verdict = Weighing(case, max(track.wanted_t, track.moved_t)).verdict()
        verdict = verdict._replace(sentence=sentence, evidence=(*evidence, *verdict.evidence))
        return Sign(sentence, verdict.evidence, since, verdict)
