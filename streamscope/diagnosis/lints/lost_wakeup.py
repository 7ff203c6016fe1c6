"""The kernel is ready, the engine has asked, the loop turns, and no event comes."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign, blame, stays
from streamscope.diagnosis.shapes import Level, Sure, Word
from streamscope.diagnosis.starved import since_when
from streamscope.diagnosis.track import SECOND
from streamscope.diagnosis.weigh import MOST_OF
from streamscope.language import capital, saying
from streamscope.trace.figures import age_text, bytes_text


class LostWakeup(Lint):
    """Bytes that could be read, or written, and an idle loop that is told of neither."""

    name = "lost_wakeup"
    level = Level.ERROR
    checks = (
        "for 1 s bytes wait to be read, or the kernel has sent all it had and more waits to be written; epoll is "
        "believed to watch for that, and the loop waits in poll and hears nothing"
    )
    matters = "nothing but another event will ever wake this stream: it is dead, and looks idle"
    to_do = (
        "compare what the engine believes to be registered with what the kernel has; look for a descriptor that was "
    )
    to_do += "closed, duplicated or taken out of epoll behind the engine"
    fields = ("pevents", "events")
    kernel = ("inq",)

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        busy = case.loop.busy(case.now_t - SECOND)
        if busy is None or busy >= MOST_OF or case.kernel("epoll_missing") or case.state.connect_req is not None:
            return None
        return self._in(case) or self._out(case)

    def _in(self, case: Case) -> Sign | None:
        since = since_when(case)
        if not since:
            return None
        inq = case.track.now.inq or 0
        sentence = saying(
            "{who} is ready and the loop does not hear of it: {size} have waited to be read for {age}, IN is "
            "registered, and no event came.",
            who=capital(case.who), size=bytes_text(inq), age=age_text(case.now_t - since),
        )  # fmt: skip
        evidence = (
            case.evidence("what waits to be read", "inq", f"{inq:,}", since),
            case.evidence("registered", "events", case.terms.vocabulary.mask_text(case.state.events), since),
            case.evidence("nothing was read", "bytes_in", stays(case.track.now.into), since),
        )
        reason = saying("the loop is idle, and {event} is registered", event="IN")
        return blame(
            self, case, Word.LOOP, Sure.LIKELY, sentence, reason, evidence, since=since, side="in", rung="kernel"
        )

    def _out(self, case: Case) -> Sign | None:
        state, track = case.state, case.track
        if track.now.outq != 0 or not state.write_queue_size or not state.events & case.terms.poll_out:
            track.since.pop(self.name, None)
            return None
        since = max(track.since.setdefault(self.name, case.now_t), track.moved_t)
        size = state.write_queue_size
        sentence = saying(
            "{who} has room and the loop does not hear of it: {size} have waited for {age}, the kernel has nothing to "
            "send, OUT is registered, and no event came.",
            who=capital(case.who), size=bytes_text(size), age=age_text(case.now_t - since),
        )  # fmt: skip
        evidence = (
            case.evidence("what waits in the kernel", "outq", "0", since),
            case.evidence("what waits here", "write_queue_size", f"{size:,}", since),
            case.evidence("registered", "events", case.terms.vocabulary.mask_text(state.events), since),
        )
        reason = saying("the loop is idle, and {event} is registered", event="OUT")
        return blame(self, case, Word.LOOP, Sure.LIKELY, sentence, reason, evidence, since=since, rung="queue")
