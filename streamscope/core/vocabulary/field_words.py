"""What is known of a stream and of the loop, in words: the fields of state, by the names that the fold gives them.

`plain` is what a person calls it, `meaning` what it is, `weight` how much it matters (3 stands in every view, 2 where
there is room, 1 is a detail), and `initial` what it is until the feed says otherwise.
"""

from __future__ import annotations

from typing import NamedTuple


class FieldWords(NamedTuple):
    """One field."""

    plain: str
    meaning: str
    weight: int = 1
    initial: int = 0


FIELDS: dict[str, FieldWords] = {
    "type": FieldWords("kind of handle", "What the handle is: a tcp stream, a pipe, a tty, a timer.", 2),
    "flags": FieldWords("flags", "The handle's flags; each is explained by itself.", 3),
    "fd": FieldWords("descriptor", "The file descriptor, -1 for none.", 1, -1),
    "name": FieldWords("name", "The name that the program gave the stream.", 2),
    "place": FieldWords("made at", "Where in the program the handle was made.", 1),
    "local": FieldWords("own address", "The stream's own address.", 2),
    "peer": FieldWords("peer", "The other side's address.", 3),
    "server": FieldWords("accepted by", "The number of the server that accepted it, 0 for none.", 1),
    "begin_t": FieldWords("began", "When the handle came into being, on the feed's clock.", 1),
    "closed_t": FieldWords("closed", "When it was closed, 0 for not yet.", 1),
    "write_queue_size": FieldWords(
        "waiting to be sent", "Bytes that the program has written and the kernel has not taken.", 3
    ),
    "high_water": FieldWords(
        "mark", "Above this many waiting bytes the program means to stop feeding the stream.", 2, 65536
    ),
    "write_queue": FieldWords("writes that wait", "Write requests that the kernel has not taken in full.", 3),
    "write_completed_queue": FieldWords(
        "writes whose callback is due", "Write requests that are done and wait for write_cb.", 2
    ),
    "connect_req": FieldWords("connecting", "The connect request that is under way.", 2),
    "shutdown_req": FieldWords("ending", "The shutdown request that waits for write_queue to drain.", 2),
    "accepted_fd": FieldWords(
        "accepted, not taken", "The descriptor that waits for uv_accept; while a server holds one, it does not listen.",
        2, -1,
    ),
    "queued_fds": FieldWords("behind it", "Descriptors that queue behind accepted_fd.", 1),
    "queued_fds_capacity": FieldWords("room behind it", "The room of queued_fds; 0 is none allocated.", 1),
    "delayed_error": FieldWords("error kept for later", "An error that listen or connect_cb will be told.", 2),
    "callbacks": FieldWords("callbacks held", "Which callbacks of the program the stream holds.", 1),
    "pevents": FieldWords("wants", "What the engine wants epoll to watch for.", 3),
    "events": FieldWords("registered", "What the engine believes to be registered with epoll.", 3),
    "pending": FieldWords("pending", "The watcher is in the loop's pending queue: its callback runs without epoll.", 1),
    "watched": FieldWords("to be registered", "The watcher is in the queue of those that epoll is to be told of.", 1),
    "closing": FieldWords("in the closing list", "The handle finishes closing at the end of the turn.", 1),
    "bytes_in": FieldWords("bytes in", "Bytes that came in since the stream began.", 2),
    "bytes_out": FieldWords("bytes out", "Bytes that the kernel took since the stream began.", 2),
    "reads": FieldWords("reads", "Reads that brought bytes.", 1),
    "writes": FieldWords("writes", "Write requests that ended well.", 1),
    "errors": FieldWords("errors", "Requests, system calls and callbacks that failed; EAGAIN is no failure.", 3),
    "last_error": FieldWords("last error", "The errno of what failed last; 1 where a callback raised an exception.", 3),
    "last_read_t": FieldWords("last read", "When bytes last came in.", 1),
    "last_write_t": FieldWords("last write", "When the kernel last took bytes.", 1),
    "armed_t": FieldWords("wants to write since", "Since when POLLOUT has been wanted.", 2),
    "above_t": FieldWords("above its mark since", "Since when write_queue_size has been above high_water.", 2),
    "ipc": FieldWords("carries descriptors", "The pipe carries descriptors beside its bytes.", 1),
    "kernel": FieldWords("the kernel says", "What the kernel said last of the descriptor, by its own names.", 2),
    "kernel_t": FieldWords("the kernel was asked", "When the kernel was last asked, 0 for never.", 1),
    "feeds": FieldWords("feeds", "The streams that what comes in here goes out of.", 2),
    "faults": FieldWords("injected faults", "What somebody who watches has happen to the stream.", 3),
    "injected_t": FieldWords("last injected", "When somebody who watches last had something happen to it.", 1),
    "frozen_t": FieldWords("frozen since", "Since when the loop is frozen, 0 while it is not.", 2),
    "thawed_t": FieldWords("went on", "When it last went on after it had been frozen, 0 for never.", 1),
    "turn": FieldWords("turn", "The turn of the loop.", 2),
    "active_handles": FieldWords("active handles", "Handles that keep the loop alive.", 1),
    "active_reqs": FieldWords("active requests", "Requests that keep the loop alive.", 1),
    "nfds": FieldWords("descriptors watched", "How many io watchers the loop has.", 1),
    "poll_ns": FieldWords("waiting", "Time spent waiting in epoll since the engine began.", 2),
    "callback_ns": FieldWords("in callbacks", "Time spent in the program's callbacks since the engine began.", 2),
}  # fmt: skip
