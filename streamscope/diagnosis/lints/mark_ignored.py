"""The program writes on although the stream has been above its mark for long."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign, blame, request_text
from streamscope.diagnosis.shapes import Level, Sure, Word
from streamscope.diagnosis.track import SECOND
from streamscope.language import capital, saying
from streamscope.trace.figures import age_text, bytes_text


class MarkIgnored(Lint):
    """A queue far above its mark, to which more is added."""

    name = "mark_ignored"
    level = Level.ERROR
    checks = (
        "write_queue_size is twice the mark or more and larger than 1 s before, and a write began more than 1 s after "
        "the mark was passed"
    )
    matters = "what waits in write_queue is memory of the program: a peer that reads slowly fills it without bound"
    to_do = "stop what feeds this stream while write_queue_size is above high_water, and go on when it has drained"
    fields = ("write_queue_size", "high_water", "write_queue")
    lasting = SECOND + SECOND // 2
    covered_by = ("pause_missed",)

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        state, track = case.state, case.track
        size, above_t = state.write_queue_size, state.above_t
        if not above_t or not state.high_water or size < 2 * state.high_water or not state.write_queue:
            return None
        last = state.write_queue[-1].begin_t
        before = track.ago(SECOND)
        if last - above_t < SECOND or before is None or size <= before.wq:
            return None
        evidence = (
            case.evidence("what waits here", "write_queue_size", f"{before.wq:,} → {size:,}", before.t),
            case.evidence("its mark", "high_water", f"{state.high_water:,}", above_t),
            case.evidence("above it", "above_t", age_text(case.now_t - above_t), above_t),
            case.evidence(
                "a write began all the same", "write_queue", request_text(state.write_queue[-1].number), last, 0
            ),
        )
        sentence = saying(
            "{who} is written to although it is above its mark: {size} wait in the program, the mark is {mark}, and "
            "that for {age}.",
            who=capital(case.who), size=bytes_text(size), mark=bytes_text(state.high_water),
            age=age_text(case.now_t - above_t),
        )  # fmt: skip
        reason = saying("writes went on for {age} above the mark", age=age_text(last - above_t))
        return blame(self, case, Word.APP, Sure.CERTAIN, sentence, reason, evidence, since=above_t, rung="queue")
