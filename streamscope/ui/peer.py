"""Who is at the other end of a stream, in few words, and how many descriptors came from there.

Only TCP has an address at both ends. A Unix socket mostly has none at the end that connects, an IPC pipe is known by
the name that the program gave it, and a terminal by its descriptor.
"""

from __future__ import annotations

from streamscope.language import tr
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.safe import visible


def peer_text(state: StreamState, vocabulary: Vocabulary) -> str:
    """What stands for the other side where there is room for one thing; "" for a stream of which nothing is known."""
    if state.peer:
        return visible(state.peer)
    if state.name:
        return visible(state.name)
    kind = vocabulary.types.get(state.type)
    if kind == "pipe" and (state.server or state.local or state.ipc):
        return "unix"
    if kind == "tty" and state.fd >= 0:
        return tr("terminal on fd {fd}", fd=state.fd)
    return visible(state.local)


def pending_count(state: StreamState) -> int:
    """Descriptors that came over an IPC pipe and wait for `uv_accept`, as `uv_pipe_pending_count` counts them."""
    return 1 + len(state.queued_fds) if state.ipc and state.accepted_fd >= 0 else 0
