"""Entries of libuv's list that have no test here, each with its reason. Not one is a skipped test."""

from __future__ import annotations

NOT_APPLICABLE = {
    "pipe_getsockname_blocking": "Windows only: on Unix libuv's test is empty.",
    "pipe_getsockname_long_path": "macOS and BSD only: libuv's test skips itself on Linux.",
    "pipe_pending_instances": "Windows only: uv_pipe_pending_instances does nothing on Unix, and the engine has none.",
}
