"""What sets the pace of a stream whose bytes move: a fact, and no alarm, for a bulk transfer is always limited by
something.
"""

from __future__ import annotations

from streamscope.diagnosis.lint import Case
from streamscope.diagnosis.shapes import Limit
from streamscope.diagnosis.track import SECOND
from streamscope.language import saying, sayings

MOST_OF = 0.5


def limit_of(case: Case) -> Limit | None:
    """What limits it, over the last second; None where nothing waits, or nothing can be said."""
    track = case.track
    now, before = track.now, track.ago(SECOND)
    if before is None or not now.wanted or not before.wanted or not track.moved_t:
        return None
    rwnd, busy, again = (track.grew(name, SECOND) for name in ("rwnd", "busy", "retrans"))
    share = min(rwnd / busy, 1.0) if rwnd is not None and busy else None
    if share is not None and share > MOST_OF:
        said = saying("Limited by the peer: its window was full {share} of the last 1s.", share=f"{share:.0%}")
        return Limit("peer", share, said, "kernel")
    if again:
        said = sayings(
            "Limited by the network: {n} segment sent again in the last 1s.",
            "Limited by the network: {n} segments sent again in the last 1s.",
            again,
        )
        return Limit("network", None, said, "in flight")
    if now.outq is None:
        return None
    if now.acked is None:
        return Limit("peer", None, saying("Limited by the peer: it reads no faster."), "kernel") if now.wq else None
    if now.notsent:
        return Limit("network", None, saying("Limited by the network: what may be on its way is."), "in flight")
    if not now.wq:
        return Limit("program", None, saying("Limited by the program: what it writes goes at once."), "queue")
    return None
