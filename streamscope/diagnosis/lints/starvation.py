"""A stream is ready, and the loop has no time for it."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign, blame, callbacks_took, stays
from streamscope.diagnosis.shapes import Level, Sure, Word
from streamscope.diagnosis.starved import since_when
from streamscope.diagnosis.track import SECOND
from streamscope.diagnosis.weigh import MOST_OF
from streamscope.language import capital, saying
from streamscope.trace.figures import age_text, bytes_text


class Starvation(Lint):
    """Bytes that wait to be read while callbacks of others take the time."""

    name = "starvation"
    level = Level.ERROR
    checks = (
        "bytes have waited in the kernel for 1 s, reading is on, none was read, and callbacks took half of the time"
    )
    matters = "some streams take all the time of the loop, and others are not served at all"
    to_do = "do less in one callback: leave the loop after a bounded piece of work, and go on in the next turn"
    kernel = ("inq",)
    fields = ("callback_ns",)

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        since = since_when(case)
        busy = case.loop.busy(max(since, case.now_t - 4 * SECOND)) if since else None
        if busy is None or busy < MOST_OF:
            return None
        inq = case.track.now.inq or 0
        sentence = saying(
            "{who} is not served: {size} have waited to be read for {age}, while callbacks took {share} of the loop's "
            "time.",
            who=capital(case.who), size=bytes_text(inq), age=age_text(case.now_t - since), share=f"{busy:.0%}",
        )  # fmt: skip
        evidence = (
            case.evidence("what waits to be read", "inq", f"{inq:,}", since),
            case.evidence("callbacks take the time", "callback_ns", f"{busy:.0%}", since),
            case.evidence("nothing was read", "bytes_in", stays(case.state.bytes_in), since),
        )
        reason = callbacks_took(busy)
        return blame(
            self, case, Word.LOOP, Sure.CERTAIN, sentence, reason, evidence, since=since, side="in", rung="kernel"
        )
