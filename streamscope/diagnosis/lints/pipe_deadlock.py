"""A subprocess is fed, and what it answers is not read: each waits for the other."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign, blame, is_off
from streamscope.diagnosis.shapes import Level, Sure, Word
from streamscope.diagnosis.track import SECOND
from streamscope.language import capital, saying
from streamscope.trace.figures import age_text, bytes_text
from streamscope.trace.plain_text import visible
from streamscope.trace.state import StreamState

MOST_LOOKED_AT = 20_000


class PipeDeadlock(Lint):
    """Bytes wait in the pipe to a subprocess while the pipe from it is full and not read."""

    name = "pipe_deadlock"
    level = Level.ERROR
    checks = (
        "bytes have waited for 1 s in the pipe to a subprocess, none was taken, and reading of a pipe from the same "
        "process is off"
    )
    matters = "the subprocess waits until what it writes is read, and the program until it reads: neither ever goes on"
    to_do = "read its output while it is fed: communicate(), or a task for each of its pipes"
    fields = ("write_queue_size", "flags")
    concerns = ("reader_size",)
    lasting = SECOND

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        state, track = case.state, case.track
        if case.terms.vocabulary.types.get(state.type) != "pipe" or not state.peer.startswith("pid "):
            return None
        if not state.write_queue_size or not track.wanted_t:
            return None
        since = max(track.wanted_t, track.moved_t)
        unread = next((each for each in self._of_the_same(case) if not each.flags & case.terms.reading), None)
        if unread is None or case.now_t - since < SECOND:
            return None
        other = f"{visible(unread.name, 40)} #{unread.number}"
        evidence = (
            case.evidence("what waits here", "write_queue_size", f"{state.write_queue_size:,}", since),
            case.evidence(saying("{who} is not read", who=other), "flags", is_off("READING"), since),
            case.evidence("what its StreamReader holds", "reader_size", f"{unread.reader_size:,}", since),
        )
        sentence = saying(
            "{who} of {process} and its {other} wait for each other: {size} have waited to go in for {age}, and what "
            "comes out is not read, {held} held.",
            who=f"{capital(visible(state.name, 40))} #{state.number}", process=visible(state.peer, 40), other=other,
            size=bytes_text(state.write_queue_size), age=age_text(case.now_t - since),
            held=bytes_text(unread.reader_size),
        )  # fmt: skip
        reason = saying("nothing is taken, and reading of {other} is off", other=other)
        return blame(self, case, Word.APP, Sure.LIKELY, sentence, reason, evidence, since=since, rung="queue")

    def _of_the_same(self, case: Case) -> list[StreamState]:
        """The other pipes of the same subprocess that are open."""
        state = case.state
        if len(case.model.streams) > MOST_LOOKED_AT:
            return []
        return [
            each
            for each in case.model.streams.values()
            if each.peer == state.peer and each.type == state.type and each is not state and not each.closed_t
        ]
