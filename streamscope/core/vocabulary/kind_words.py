"""The kinds of the catalogue as a person says them, and how much each matters.

`probe.KINDS` says what a kind means to who knows libuv; these are the two or three words that stand first in a line.
"""

from __future__ import annotations

DETAIL, STEP, CHANGE, TROUBLE = range(4)
"""How much an event of a kind matters: bookkeeping of the engine; a step of something that is told as a whole; what a
person would tell another; what went wrong.
"""

KIND_WORDS: dict[str, tuple[str, int]] = {
    "loop.turn": ("a turn begins", DETAIL),
    "loop.phase": ("a phase begins", DETAIL),
    "loop.nfds": ("descriptors watched", DETAIL),
    "epoll.wait": ("waited for the kernel", STEP),
    "epoll.event": ("the kernel says it is ready", STEP),
    "epoll.add": ("epoll begins to watch", STEP),
    "epoll.mod": ("epoll watches for other events", STEP),
    "epoll.del": ("epoll stops watching", STEP),
    "handle.init": ("opened", CHANGE),
    "handle.name": ("named", STEP),
    "handle.address": ("its addresses are known", STEP),
    "handle.accepted": ("accepted", CHANGE),
    "handle.start": ("keeps the loop alive", DETAIL),
    "handle.stop": ("keeps the loop alive no more", DETAIL),
    "handle.close": ("asked to close", CHANGE),
    "handle.closed": ("closed", CHANGE),
    "handle.ipc": ("carries descriptors", STEP),
    "flag.set": ("a flag goes on", CHANGE),
    "flag.clear": ("a flag goes off", CHANGE),
    "fd": ("its descriptor changed", STEP),
    "write_queue_size": ("waiting to be sent", STEP),
    "high_water": ("its mark changed", STEP),
    "accepted_fd": ("accepted, not taken", STEP),
    "delayed_error": ("an error is kept for later", TROUBLE),
    "callbacks": ("callbacks changed", DETAIL),
    "connect_req": ("connecting", STEP),
    "shutdown_req": ("ending", STEP),
    "write_queue.push": ("a write queues", STEP),
    "write_queue.pop": ("a write leaves the queue", STEP),
    "write_completed_queue.push": ("a write is done", STEP),
    "write_completed_queue.pop": ("its callback is next", DETAIL),
    "queued_fds.push": ("a descriptor came", STEP),
    "queued_fds.pop": ("a descriptor moves up", STEP),
    "queued_fds.capacity": ("room for descriptors", DETAIL),
    "pending.pop": ("left the pending queue", DETAIL),
    "watcher_queue.push": ("epoll is to be told", DETAIL),
    "watcher_queue.pop": ("epoll is told", DETAIL),
    "closing.push": ("waits to finish closing", DETAIL),
    "closing.pop": ("finishes closing", DETAIL),
    "io.start": ("wants more events", STEP),
    "io.stop": ("wants fewer events", STEP),
    "io.events": ("registered with epoll", DETAIL),
    "io.feed": ("its callback is due", DETAIL),
    "request.begin": ("a request begins", STEP),
    "request.send": ("a handle travels along", STEP),
    "request.progress": ("taken in part", STEP),
    "request.error": ("a request fails", TROUBLE),
    "request.end": ("a request ends", STEP),
    "callback.begin": ("a callback begins", STEP),
    "callback.end": ("a callback returns", STEP),
    "callback.error": ("a callback raised", TROUBLE),
    "fds.truncated": ("descriptors were lost", TROUBLE),
    "timer.start": ("a timer starts", STEP),
    "timer.stop": ("a timer stops", STEP),
    "sample.taken": ("looked at from outside", DETAIL),
    "kernel.sample": ("the kernel says", DETAIL),
    "kernel.same": ("the kernel says the same", DETAIL),
    "kernel.unknown": ("the kernel no longer says", DETAIL),
    "loop.waits": ("it waits on", DETAIL),
    "feeds": ("feeds another", STEP),
    "injected": ("injected", CHANGE),
    "faults": ("injected faults", CHANGE),
    "bytes_in": ("bytes came in", STEP),
    "bytes_out": ("bytes went out", STEP),
    "reads": ("it has read", DETAIL),
    "writes": ("writes ended well", DETAIL),
    "errors": ("something failed", TROUBLE),
    "last_error": ("what failed last", TROUBLE),
    "loop.active_handles": ("active handles changed", DETAIL),
    "loop.active_reqs": ("active requests changed", DETAIL),
    "loop.poll_ns": ("it has waited", DETAIL),
    "loop.callback_ns": ("it was in callbacks", DETAIL),
    **{
        f"sys.{call}": (call, STEP)
        for call in (
            "read", "recvmsg", "write", "writev", "sendmsg", "accept", "connect", "shutdown", "close", "socket", "bind",
            "listen", "getsockopt",
        )
    },
}  # fmt: skip
