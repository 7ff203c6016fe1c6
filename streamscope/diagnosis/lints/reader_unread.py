"""A StreamReader is full, and no task takes from it."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign, blame, is_off, part
from streamscope.diagnosis.shapes import Level, Sure, Word
from streamscope.diagnosis.track import SECOND
from streamscope.language import capital, saying
from streamscope.trace.figures import age_text, bytes_text


class ReaderUnread(Lint):
    """A StreamReader that holds more than its limit, has had reading paused, and is read by nobody."""

    name = "reader_unread"
    level = Level.ERROR
    checks = (
        "a StreamReader has held more than its limit for 2 s, reading is off and nothing came in, and no stream that "
        "it feeds is the reason"
    )
    matters = "the peer is stopped without a word, and what it has sent is not looked at"
    to_do = "find the task that should read it: it waits for something else, or has ended"
    fields = ("flags",)
    concerns = ("reader_size", "reader_limit")
    lasting = 2 * SECOND
    covered_by = ("stalled", "peer_gone")

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        state = case.state
        if not state.reader_limit or state.reader_size <= state.reader_limit or case.reading or case.held is not None:
            return None
        since = max(case.model.lit_t(state.number, case.terms.reading), state.last_read_t, state.begin_t)
        holds = part(f"{state.reader_size:,}", f"{state.reader_limit:,}")
        evidence = (
            case.evidence("what its StreamReader holds", "reader_size", holds, since),
            case.evidence("reading is off", "flags", is_off("READING"), since),
        )
        sentence = saying(
            "{who} is read by nobody: its StreamReader holds {size}, its limit is {limit}, and has had reading paused "
            "for {age}.",
            who=capital(case.who), size=bytes_text(state.reader_size), limit=bytes_text(state.reader_limit),
            age=age_text(case.now_t - since),
        )  # fmt: skip
        reason = saying("its StreamReader is full, and no stream that it feeds is the reason")
        return blame(
            self, case, Word.APP, Sure.CERTAIN, sentence, reason, evidence, since=since, side="in", rung="program"
        )
