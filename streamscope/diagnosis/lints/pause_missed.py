"""More waits than the mark, and the program was never told to pause."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign, blame, is_off
from streamscope.diagnosis.shapes import Level, Sure, Word
from streamscope.diagnosis.track import SECOND
from streamscope.language import capital, saying
from streamscope.trace.figures import age_text, bytes_text


class PauseMissed(Lint):
    """A write buffer above its mark whose protocol does not know. asyncio's `writelines` forgot it for two years
    (CVE-2024-12254: CPython 3.12.0 to 3.12.8 and 3.13.0 to 3.13.1), and drain() then never waits.
    """

    name = "pause_missed"
    level = Level.ERROR
    checks = "write_queue_size has been above high_water for 1 s, and PAUSED_WRITING is off"
    matters = "drain() does not wait, so a program that does all it should fills its memory for one slow peer"
    to_do = "update Python (CVE-2024-12254), or write b''.join(parts) with write() in place of writelines()"
    fields = ("write_queue_size", "high_water")
    concerns = ("low_water",)
    lasting = SECOND

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        state, flag = case.state, case.terms.vocabulary.flag("PAUSED_WRITING")
        if not state.name:
            return None  # a socket of the program's own has no protocol that could be told
        if not flag or state.flags & flag or not state.above_t or state.write_queue_size <= state.high_water:
            return None
        evidence = (
            case.evidence("what waits here", "write_queue_size", f"{state.write_queue_size:,}", state.above_t),
            case.evidence("its mark", "high_water", f"{state.high_water:,}", state.above_t),
            case.evidence("nobody was told to pause", "flags", is_off("PAUSED_WRITING"), state.above_t),
        )
        sentence = saying(
            "{who} is above its mark and its protocol was not told: {size} wait, the mark is {mark}, for {age}, and "
            "drain() does not wait.",
            who=capital(case.who), size=bytes_text(state.write_queue_size), mark=bytes_text(state.high_water),
            age=age_text(case.now_t - state.above_t),
        )  # fmt: skip
        reason = saying("pause_writing was not called though the mark was passed")
        return blame(self, case, Word.APP, Sure.CERTAIN, sentence, reason, evidence, since=state.above_t, rung="queue")
