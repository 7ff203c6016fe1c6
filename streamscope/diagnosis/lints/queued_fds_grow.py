"""Descriptors come over a pipe faster than the program takes them."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign
from streamscope.diagnosis.shapes import Level
from streamscope.diagnosis.track import SECOND
from streamscope.language import saying


class QueuedFdsGrow(Lint):
    """queued_fds that gets longer."""

    name = "queued_fds_grow"
    level = Level.WARNING
    checks = "two or more descriptors queue behind accepted_fd of a pipe, and they are more than 1 s before"
    matters = "each is a connection that somebody waits for, and a descriptor of the program's limit"
    to_do = "call uv_accept as often as uv_pipe_pending_count says, in every read callback"
    fields = ("queued_fds",)
    lasting = 0

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        count, before = case.track.now.fds, case.track.ago(SECOND)
        if count < 2 or before is None or count <= before.fds:
            return None
        return Sign(
            saying(
                "Descriptors pile up in {who}: {n} queue behind accepted_fd, {more} more than 1s ago.",
                who=case.who,
                n=f"{count:,}",
                more=f"{count - before.fds:,}",
            ),
            (case.evidence("queue behind accepted_fd", "queued_fds", f"{before.fds:,} → {count:,}", before.t),),
        )
