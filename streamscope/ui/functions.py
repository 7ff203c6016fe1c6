"""What each of libuv's functions does, in one sentence: the second half of an event's explanation.

The first half, what the event means, is the catalogue's (`core.probe.KINDS`). A function that a feed names and this
table does not have (an engine of another version) is explained by its name alone.
"""

from __future__ import annotations

FUNCTIONS: dict[str, str] = {
    # the loop
    "uv_run": "runs turns of the loop: timers, pending, idle, prepare, poll, check, closing.",
    "uv__run_timers": "runs the callbacks of timers that are due.",
    "uv__run_pending": "runs the watchers that were fed, as if POLLOUT had come for each.",
    "uv__run_idle": "runs every idle callback, once a turn, before the loop waits.",
    "uv__run_prepare": "runs every prepare callback, just before the loop waits.",
    "uv__io_poll": "tells epoll what changed since the last turn, waits for events, and runs their watchers.",
    "uv__run_check": "runs every check callback, just after the loop has waited.",
    "uv__run_closing_handles": "finishes the handles that were closed in this turn, the last one first.",
    # the io watcher
    "uv__io_start": "wants more events for a descriptor; epoll hears of it before the next wait.",
    "uv__io_stop": "wants fewer events for a descriptor; with none left it forgets the watcher, and epoll is not told.",
    "uv__io_feed": "puts a watcher into the pending queue: its callback runs without waiting for the kernel.",
    "uv__io_close": "takes a watcher out of every queue of the loop, and its descriptor out of epoll at once.",
    "uv__platform_invalidate_fd": "drops fetched events of a descriptor that closes, and takes it out of epoll.",
    # handles
    "uv__handle_init": "sets a handle up and lets it keep the loop alive.",
    "uv_ref": "lets an active handle keep the loop alive.",
    "uv_unref": "lets the loop end although the handle is active.",
    "uv_close": "begins to close a handle: it stops at once, and close_cb comes at the end of the turn.",
    "uv__make_close_pending": "puts a handle onto the list of those that finish closing at the end of the turn.",
    "uv__finish_close": "ends a handle's life: CLOSED, its requests cancelled, then close_cb.",
    "uv_timer_init": "sets a timer up.",
    "uv_timer_start": "lets a timer fire after a while, and again if it repeats.",
    "uv_timer_stop": "stops a timer.",
    "uv_async_init": "sets up the handle by which another thread can wake the loop.",
    "uv__async_close": "closes the handle by which another thread can wake the loop.",
    "uv__async_io": "runs the callbacks of those that were woken from another thread.",
    "uv__signal_event": "runs the callbacks of signals that have come.",
    "uv_idle_init": "sets an idle handle up.",
    "uv_idle_start": "runs its callback once a turn; the loop no longer waits.",
    "uv_idle_stop": "ends that.",
    "uv_prepare_init": "sets a prepare handle up.",
    "uv_prepare_start": "runs its callback before each wait.",
    "uv_prepare_stop": "ends that.",
    "uv_check_init": "sets a check handle up.",
    "uv_check_start": "runs its callback after each wait.",
    "uv_check_stop": "ends that.",
    # streams: opening and closing
    "uv__stream_init": "sets a stream up: empty queues, no descriptor, no callbacks.",
    "uv__stream_open": "gives a stream its descriptor, and says whether it can be read and written.",
    "uv__stream_close": "takes a stream out of epoll, stops reading, and closes its descriptor and those it holds.",
    "uv__stream_destroy": "cancels what a closed stream still had under way, and runs those callbacks.",
    "uv__stream_flush_write_queue": "fails every write that still waits in write_queue.",
    # reading
    "uv__read_start": "begins to read: READING, POLLIN wanted, the handle active.",
    "uv_read_stop": "stops reading: READING off, POLLIN no longer wanted, the callbacks forgotten.",
    "uv__read": "reads at most 32 times while read_cb wants more and buffers come back full.",
    "uv__recvmsg": "reads bytes and the descriptors that came beside them.",
    "uv__stream_eof": "the peer has ended its side: READ_EOF, reading stops, read_cb is told EOF.",
    "uv__stream_recv_cmsg": "takes the descriptors out of a message: the first to accepted_fd, the others behind it.",
    "uv__stream_queue_fd": "keeps a received descriptor in queued_fds, whose room grows by eight.",
    # writing
    "uv_write2": "queues a write, and tries it at once if write_queue_size was 0; uv_write is this without a handle.",
    "uv__write": "writes the request at the head of write_queue, one request a call; what is left waits for POLLOUT.",
    "uv__writev": "hands one buffer to write(2), or several to writev(2).",
    "uv__try_write": "hands buffers to the kernel, with a descriptor beside them if the request carries a handle.",
    "uv__write_req_update": "counts what the kernel took: off write_queue_size, and past buffers that are done.",
    "uv__write_req_finish": "moves a request to write_completed_queue and feeds the watcher, which calls write_cb.",
    "uv__write_callbacks": "runs write_cb for each finished request, in the order in which they were written.",
    "uv_shutdown": "asks to end the stream's own side once write_queue is empty: SHUTTING on, WRITABLE off.",
    "uv__drain": "write_queue is empty: POLLOUT is no longer wanted, and a shutdown that waited is done.",
    # connecting
    "uv__stream_connect": "asks the kernel how a connect went, and calls connect_cb.",
    "uv__tcp_connect": "starts a TCP connect; a refusal is told later, by connect_cb.",
    "uv__socket": "makes a socket that does not block and is closed on exec.",
    "maybe_new_socket": "makes the socket if there is none yet, and binds it if that is due.",
    "new_socket": "makes a socket, gives it to the stream, and binds it if that is due.",
    # listening
    "uv_listen": "counts a listening stream as active.",
    "uv_tcp_listen": "lets a TCP stream listen: new connections come to connection_cb.",
    "uv__server_io": "accepts connections until there are none, or one is not taken by uv_accept.",
    "uv__accept": "takes one connection from the kernel.",
    "uv__emfile_trick": "out of descriptors: gives up a spare one to accept and close what waits.",
    "uv_accept": "hands accepted_fd to a stream; the next of queued_fds moves up, or listening goes on.",
    # TCP
    "uv_tcp_init_ex": "sets a TCP stream up, with a socket if a family is given.",
    "uv_tcp_open": "makes a TCP stream of a socket that is there already.",
    "uv_tcp_bind": "notes what the socket is bound as.",
    "uv__tcp_bind": "binds the socket; an address in use is told later, by listen or connect.",
    "uv_tcp_nodelay": "turns Nagle's algorithm off or on.",
    "uv_tcp_keepalive": "turns keep-alive probes on or off.",
    "uv_tcp_simultaneous_accepts": "lets a server accept one connection or many in a row.",
    # pipes and terminals
    "uv_pipe_init": "sets a pipe up.",
    "uv_pipe_open": "makes a pipe of a descriptor that is there already.",
    "uv_pipe_bind": "binds a Unix socket to its path.",
    "uv_pipe_listen": "lets a Unix socket listen.",
    "uv_pipe_connect": "connects a Unix socket; every failure is told by connect_cb.",
    "uv_tty_init": "makes a stream of a terminal.",
    # what libuv has not
    "name": "is this engine's own: programs name handles for the screen.",
    "high_water": "is this engine's own: libuv leaves it to its users to stop feeding a stream.",
    "excepthook": "is this engine's own: in C a callback cannot raise.",
}
