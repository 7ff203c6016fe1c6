"""Bytes that wait to be read although they are read: what lost wakeups and starvation have in common."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case


def since_when(case: Case) -> int:
    """Since when the kernel has had bytes for a stream that is read, and epoll is believed to watch it, while none was
    read; 0 for not now.
    """
    state, since = case.state, case.track.idle_t
    if not since or state.connect_req is not None:
        return 0
    watched = case.terms.vocabulary.tells("events") and case.terms.poll_in
    if watched and not state.events & case.terms.poll_in:
        return 0
    return max(since, state.last_read_t)
