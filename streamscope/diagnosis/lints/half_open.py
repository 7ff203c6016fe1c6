"""The other side is gone without a word, and the kernel still tries."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign, blame
from streamscope.diagnosis.shapes import Level, Sure, Word
from streamscope.diagnosis.track import SECOND
from streamscope.language import N_, saying
from streamscope.trace.figures import age_text

TRIES = 3


class HalfOpen(Lint):
    """Segments or probes that nobody answers at all."""

    name = "half_open"
    level = Level.ERROR
    checks = "the first segment was sent again 3 times, or 3 probes went out, and nothing at all came back meanwhile"
    matters = "a host that lost power, or a firewall that forgot, ends nothing: the connection stays until TCP gives up"
    to_do = "set TCP_USER_TIMEOUT, or keepalive with a short delay; look whether the host is up"
    kernel = ("retransmits", "probes")
    lasting = SECOND
    covered_by = ("stalled",)

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        again, probes = case.kernel("retransmits") or 0, case.kernel("probes") or 0
        if max(again, probes) < TRIES or (case.kernel("snd_wnd") == 0 and again < TRIES):
            return None
        heard = case.kernel("ack_recv_t") or 0
        since = max(heard, case.track.moved_t)
        if not since or case.seen_t - since < SECOND:
            return None
        tries = (
            saying("{n} times the same segment", n=f"{again:,}")
            if again >= probes
            else saying("{n} probes", n=f"{probes:,}")
        )
        evidence = (
            case.evidence("sent again, unanswered", "retransmits", f"{again:,}", since),
            case.evidence("probes, unanswered", "probes", f"{probes:,}", since),
            case.evidence("last heard", "ack_recv_t", saying("{age} ago", age=age_text(case.now_t - since)), since, 0),
        )
        sentence = saying(
            "Nobody answers for {who}: {tries} went out, and nothing has come back for {age}.",
            who=case.who, tries=tries, age=age_text(case.now_t - since),
        )  # fmt: skip
        reason = saying("{tries} unanswered", tries=tries)
        return blame(self, case, Word.NETWORK, Sure.LIKELY, sentence, reason, evidence, since=since,
                     rung="in flight", changes=(N_("One segment from there ends it."),))  # fmt: skip
