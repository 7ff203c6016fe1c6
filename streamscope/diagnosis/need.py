"""Which streams are in need, and what is seen of one at a look: only those get a track and are shown to the lints."""

from __future__ import annotations

from streamscope.diagnosis.lint import Terms
from streamscope.diagnosis.lints.leaked_handle import UNUSED
from streamscope.diagnosis.lints.peer_gone import CLOSE_WAIT
from streamscope.diagnosis.lints.reset_after_data import RESETS, ResetAfterData
from streamscope.diagnosis.track import Look
from streamscope.trace.state import StreamState

RESET_SHOWN = ResetAfterData.stays


class Need:
    """Knows of a stream whether it is in need, in the words of an engine, looked up once."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        fields = terms.kernel
        self._inq, self._tcp_state = fields.get("inq", -1), fields.get("tcp_state", -1)
        self._holds = (fields.get("outq", -1), self._inq, fields.get("probes", -1))

    def is_needy(self, state: StreamState, now_t: int) -> bool:
        """Whether something waits in it, is held, or ended on one side alone."""
        terms = self._terms
        said = state.kernel
        if state.closed_t:
            return now_t - state.closed_t < RESET_SHOWN and (
                state.last_error in RESETS or bool(said and said.get(self._inq))
            )
        if state.write_queue_size or state.write_queue or state.accepted_fd >= 0 or state.shutdown_req is not None:
            return True
        if state.pevents & terms.poll_out or state.callbacks & terms.listens or state.flags & terms.eof:
            return True
        if state.queued_fds or state.connect_req is not None:
            return True
        if said and (any(map(said.get, self._holds)) or said.get(self._tcp_state) == CLOSE_WAIT):
            return True
        if state.fd < 0:
            return bool(state.begin_t) and now_t - state.begin_t > UNUSED
        return bool(terms.reading) and not state.flags & terms.reading


def look_at(state: StreamState, terms: Terms, now_t: int) -> Look:
    """How a stream is now."""
    said = state.kernel or {}
    names = terms.kernel
    unread = said.get(names.get("inq", -1))
    if state.last_read_t > state.kernel_t:  # it was read since, and the kernel has not been asked again
        unread = None

    def kernel(name: str) -> int | None:
        return said.get(names.get(name, -1))

    out = state.bytes_out if terms.bytes_out else None
    into: int | None = state.bytes_in
    if not terms.bytes_in:  # who counts nothing has read what came and is not there any more
        received = kernel("bytes_received")
        into = None if received is None or unread is None else received - unread
    return Look(
        now_t, state.write_queue_size, out, into, state.errors, len(state.queued_fds),
        kernel("outq"), kernel("notsent"), unread, kernel("bytes_acked"), kernel("total_retrans"),
        kernel("busy"), kernel("rwnd_limited"), kernel("probes"), state.kernel_t,
    )  # fmt: skip
