"""More is written than goes, look after look."""

from __future__ import annotations

from itertools import pairwise

from streamscope.diagnosis.lint import Case, Lint, Sign
from streamscope.diagnosis.shapes import Level
from streamscope.diagnosis.track import SECOND
from streamscope.language import saying
from streamscope.trace.figures import bytes_text

FOR = 4 * SECOND


class QueueGrows(Lint):
    """A queue that was larger at each second than at the one before."""

    name = "queue_grows"
    level = Level.WARNING
    checks = "write_queue_size has grown in each of the last 4 s, and to twice of what it was at least"
    matters = "it will end with the memory: more comes in than goes out"
    to_do = "compare what comes in with what goes out, and hold back what feeds this stream"
    fields = ("write_queue_size",)
    lasting = 0
    covered_by = ("stalled", "mark_ignored")

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        track = case.track
        if track.now.wq <= case.state.high_water:
            return None
        looks = [track.ago(seconds * SECOND) for seconds in range(4, -1, -1)]
        sizes = [look.wq for look in looks if look is not None]
        if len(sizes) < 5 or any(later <= before for before, later in pairwise(sizes)):
            return None
        if sizes[-1] < 2 * sizes[0]:
            return None
        since = case.now_t - FOR
        went = (track.grew("out", FOR) or 0) / 4
        grew = (sizes[-1] - sizes[0]) / 4
        return Sign(
            saying(
                "The queue of {who} grows without end: {size} wait, {grew} more every second, while {went} a second "
                "go.",
                who=case.who,
                size=bytes_text(sizes[-1]),
                grew=bytes_text(grew),
                went=bytes_text(went),
            ),
            (case.evidence("what waits here", "write_queue_size", f"{sizes[0]:,} → {sizes[-1]:,}", since),),
            since,
        )
