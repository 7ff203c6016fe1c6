"""What the engine's functions are in libuv 1.44.2, and where the chapter speaks of them.

Names and files alone: no text of libuv's is here. `docs/libuv.md` says what the chapter has differently.
"""

from __future__ import annotations

from typing import NamedTuple

from streamscope.language import N_

SECTIONS = {
    "3.1.1": N_("A stream comes into being"),
    "3.1.2": N_("It gets a descriptor"),
    "3.1.3": N_("Reading"),
    "3.1.4": N_("Writing"),
    "3.1.5": N_("Ending the writing side"),
    "3.1.6": N_("Closing"),
    "3.1.7": N_("Connecting"),
    "3.1.8": N_("Listening, accepting, descriptors of other processes"),
    "3.1.9": N_("Taking a stream apart"),
    "3.1.10": N_("The descriptor is ready"),
}
"""The sections of the chapter, by their numbers."""


class Mirror(NamedTuple):
    """A function of libuv's: its file in 1.44.2, and the chapter's section, "" for one that it does not show."""

    function: str
    file: str
    section: str


_STREAM = {
    "3.1.1": "uv__stream_init",
    "3.1.2": "uv__stream_open uv_stream_set_blocking",
    "3.1.3": "uv__read_start uv_read_stop uv_is_readable uv_is_writable uv__read uv__stream_eof",
    "3.1.4": "uv_write uv_write2 uv__check_before_write uv__handle_fd uv__write uv__try_write uv__writev "
             "uv__write_req_update uv__write_req_finish uv_try_write",
    "3.1.5": "uv_shutdown uv__drain",
    "3.1.6": "uv__stream_close",
    "3.1.7": "uv__stream_connect",
    "3.1.8": "uv_listen uv__server_io uv__emfile_trick uv_accept uv__stream_recv_cmsg uv__stream_queue_fd",
    "3.1.9": "uv__stream_destroy uv__stream_flush_write_queue uv__write_callbacks",
    "3.1.10": "uv__stream_io",
}  # fmt: skip
"""Those of src/unix/stream.c."""
_ELSEWHERE: dict[str, dict[str, str]] = {
    "src/uv-common.c": {
        "3.1.2": "uv_send_buffer_size",
        "3.1.3": "uv_read_start",
        "3.1.7": "uv_tcp_connect",
        "": "uv_tcp_bind uv_ref uv_unref uv_has_ref uv_loop_close uv_stop",
    },
    "src/uv-common.h": {"": "uv__handle_init uv__handle_start uv__handle_stop uv__req_init"},
    "src/timer.c": {
        "": "uv_timer_init uv_timer_start uv_timer_stop uv_timer_again uv__next_timeout uv__run_timers",
    },
    "src/unix/core.c": {
        "3.1.2": "uv_fileno",
        "3.1.7": "uv__socket",
        "3.1.8": "uv__accept uv__recvmsg",
        "": "uv_run uv__loop_alive uv__run_pending uv__run_closing_handles uv__io_start uv__io_stop uv__io_close "
            "uv__io_feed uv__fd_exists uv_is_active uv_is_closing uv_close uv__make_close_pending uv__finish_close",
    },
    "src/unix/epoll.c": {"": "uv__io_poll uv__platform_invalidate_fd"},
    "src/unix/tcp.c": {
        "3.1.2": "uv__tcp_keepalive",
        "3.1.7": "new_socket maybe_new_socket uv__tcp_connect",
        "3.1.8": "uv_tcp_listen",
        "": "uv_tcp_init_ex uv_tcp_open uv__tcp_bind uv_tcp_nodelay uv_tcp_keepalive uv_tcp_simultaneous_accepts "
            "uv_tcp_close_reset uv_tcp_getsockname uv_tcp_getpeername",
    },
    "src/unix/pipe.c": {
        "": "uv_pipe_init uv_pipe_open uv_pipe_bind uv_pipe_listen uv_pipe_connect uv_pipe_pending_count "
            "uv_pipe_pending_type uv_pipe_chmod uv_pipe_getsockname uv_pipe_getpeername uv__pipe_close",
    },
    "src/unix/tty.c": {
        "": "uv_tty_init uv__tty_is_slave uv_tty_set_mode uv_tty_reset_mode uv_tty_get_winsize uv_guess_handle",
    },
    "src/unix/loop.c": {"": "uv_loop_init"},
    "src/unix/internal.h": {"": "uv__update_time"},
    "src/unix/async.c": {"": "uv_async_init uv_async_send uv__async_io uv__async_close"},
    "src/unix/signal.c": {"": "uv__signal_event"},
    "src/unix/loop-watcher.c": {
        "": " ".join(
            f"uv_{word}_init uv_{word}_start uv_{word}_stop uv__run_{word}" for word in ("idle", "prepare", "check")
        ),
    },
}  # fmt: skip

MIRRORS: dict[str, Mirror] = {
    function: Mirror(function, file, section)
    for file, sections in {"src/unix/stream.c": _STREAM, **_ELSEWHERE}.items()
    for section, functions in sections.items()
    for function in functions.split()
}
"""By libuv's name."""
