"""Bytes wait, and nobody has asked to hear when there is room for them."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign, blame
from streamscope.diagnosis.shapes import Level, Sure, Word
from streamscope.language import capital, saying
from streamscope.trace.figures import bytes_text


class QueueWithoutOut(Lint):
    """A write_queue that nothing will ever empty."""

    name = "queue_without_out"
    level = Level.ERROR
    checks = "bytes have waited in write_queue for 1 s while neither POLLOUT was wanted nor the stream pending"
    matters = "nothing will ever write them: no event comes for what nobody has asked for"
    to_do = "find who stopped the watcher, or wrote past the engine; a connect that never came is another reason"
    fields = ("pevents", "write_queue", "write_queue_size")
    kinds = ("io.start", "io.stop")
    covered_by = ("stalled",)

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        state = case.state
        if not state.write_queue or not state.write_queue_size or case.armed or state.pending or state.closing:
            return None
        if state.connect_req is not None or not case.terms.poll_out:
            return None
        since = max(state.write_queue[0].begin_t, case.track.moved_t) or case.now_t
        wants = case.terms.vocabulary.mask_text(state.pevents) or saying("nothing")
        evidence = (
            case.evidence("what waits here", "write_queue_size", f"{state.write_queue_size:,}", since),
            case.evidence("what the engine wants", "pevents", wants, since),
        )
        sentence = saying(
            "{who} has {size} to write and does not want OUT: nothing will ever write them.",
            who=capital(case.who), size=bytes_text(state.write_queue_size),
        )  # fmt: skip
        reason = saying("it wants {events}", events=wants)
        return blame(self, case, Word.APP, Sure.LIKELY, sentence, reason, evidence, since=since, rung="queue")
