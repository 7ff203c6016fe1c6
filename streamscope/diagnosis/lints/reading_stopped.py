"""Bytes have come, and the program has stopped reading."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign, is_off
from streamscope.diagnosis.shapes import Level
from streamscope.language import saying
from streamscope.trace.figures import age_text, bytes_text
from streamscope.trace.plain_text import visible


class ReadingStopped(Lint):
    """Reading is off, bytes wait, and no stream that it feeds is the reason. Where it lasts, it is a stall."""

    name = "reading_stopped"
    level = Level.WARNING
    checks = (
        "bytes have waited in the kernel for 1 s, reading is off, and no stream that this one feeds is above its mark"
    )
    matters = "the peer cannot go on when the kernel's buffer is full, and does not know why"
    to_do = "find out what the program waits for before it reads on"
    kernel = ("inq",)
    covered_by = ("stalled", "peer_gone")

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        track, inq = case.track, case.track.now.inq
        if not track.unread_t or not inq or case.held is not None or not case.terms.reading:
            return None
        off = case.model.lit_t(case.state.number, case.terms.reading)
        since = max(track.unread_t, off)
        where = visible(case.state.paused_at, 120) if off else ""
        return Sign(
            saying(
                "Reading of {who} is off, and {size} have waited to be read for {age}{paused}.",
                who=case.who,
                size=bytes_text(inq),
                age=age_text(case.now_t - since),
                paused=saying(": it was paused at {place}", place=where) if where else "",
            ),
            (
                case.evidence("what waits to be read", "inq", f"{inq:,}", since),
                case.evidence("reading is off", "flags", is_off("READING"), off or since),
            ),
            since,
        )
