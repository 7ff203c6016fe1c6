"""A connection that was cut while bytes were under way: they are lost, and who wrote them is not told."""

from __future__ import annotations

import errno

from streamscope.diagnosis.lint import Case, Lint, Sign
from streamscope.diagnosis.shapes import Level
from streamscope.diagnosis.track import SECOND
from streamscope.language import capital, saying
from streamscope.trace.figures import bytes_text

RESETS = frozenset({-errno.ECONNRESET, -errno.EPIPE})


class ResetAfterData(Lint):
    """A reset by the peer with bytes unacknowledged, or a close of ours with bytes unread, which sends one."""

    name = "reset_after_data"
    level = Level.WARNING
    checks = (
        "a stream failed with ECONNRESET or EPIPE while bytes of ours were not acknowledged; or it was closed with "
        "bytes unread, for which the kernel sends a reset, and takes back what the peer has not read yet"
    )
    matters = "what was written is lost although the write ended well"
    to_do = "let the side that ends read to the other's end first: shutdown, read until EOF, then close"
    fields = ("last_error",)
    of_closed = True
    looks = 1
    lasting = 0
    stays = 10 * SECOND

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        state = case.state
        if case.now_t - (state.closed_t or case.now_t) > self.stays:
            return None
        return self._by_peer(case) if state.last_error in RESETS else self._by_us(case)

    def _by_peer(self, case: Case) -> Sign | None:
        state = case.state
        waited = max((look.wanted for look in case.track.looks if look.t >= case.now_t - 2 * SECOND), default=0)
        if not waited or not state.bytes_out:
            return None
        error = case.terms.vocabulary.error_text(state.last_error)
        return Sign(
            saying(
                "{who} was cut off ({error}) with {size} under way: they are lost.",
                who=capital(case.who),
                error=error,
                size=bytes_text(waited),
            ),
            (
                case.evidence("it failed", "last_error", error, case.now_t, 0),
                case.evidence("not acknowledged before", "outq", f"{waited:,}", case.now_t, 0),
            ),
        )

    def _by_us(self, case: Case) -> Sign | None:
        state, inq = case.state, case.kernel("inq")
        if not state.closed_t or not inq or not state.bytes_out or state.last_read_t > state.kernel_t:
            return None
        sent = case.kernel("outq")
        lost = saying("; {size} of ours were not acknowledged", size=bytes_text(sent)) if sent else ""
        return Sign(
            saying(
                "{who} was closed with {size} unread: the kernel resets such a connection{lost}.",
                who=capital(case.who),
                size=bytes_text(inq),
                lost=lost,
            ),
            (case.evidence("not read before the close", "inq", f"{inq:,}", state.kernel_t, 0),),
            state.closed_t,
        )
