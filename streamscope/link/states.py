"""Handles, requests and the loop as they travel in slices: lists of their fields, in the order of `trace.state`.

Made here from fields by name, with the standard library alone. A test holds names, order and defaults against the
structures that the inspector reads them into, which say what each field is.
"""

from __future__ import annotations

from typing import Any, TypeAlias

State: TypeAlias = list[Any]

LOOP: dict[str, Any] = dict.fromkeys(
    ("turn", "t", "active_handles", "active_reqs", "nfds", "poll_ns", "callback_ns"), 0
) | {"kernel": None, "kernel_t": 0, "frozen_t": 0, "thawed_t": 0}

REQUEST: dict[str, Any] = dict.fromkeys(
    ("number", "request", "bytes", "left", "nbufs", "write_index", "send_handle", "error", "begin_t"), 0
)

HANDLE: dict[str, Any] = {
    "number": 0, "type": 0, "flags": 0, "fd": -1, "name": "", "place": "", "local": "", "peer": "", "server": 0,
    "begin_t": 0, "closed_t": 0,
    "write_queue_size": 0, "high_water": 65536, "write_queue": (), "write_completed_queue": (), "connect_req": None,
    "shutdown_req": None, "accepted_fd": -1, "queued_fds": (), "queued_fds_capacity": 0, "delayed_error": 0,
    "callbacks": 0,
    "pevents": 0, "events": 0, "pending": False, "watched": False, "closing": False,
    "bytes_in": 0, "bytes_out": 0, "reads": 0, "writes": 0, "errors": 0, "last_read_t": 0, "last_write_t": 0,
    "armed_t": 0, "above_t": 0, "ipc": False,
    "kernel": None, "feeds": None, "last_error": 0, "kernel_t": 0, "faults": "", "injected_t": 0,
    "over": 0, "under": 0, "session": "", "outgoing": 0, "incoming": 0, "low_water": 0, "reader_size": 0,
    "reader_limit": 0, "paused_at": "", "dropped": 0,
}  # fmt: skip
"""Every field in its order, with what it is where nothing is said of it."""

_TEXTS = tuple(place for place, value in enumerate(HANDLE.values()) if value == "" and list(HANDLE)[place] != "faults")
_NUMBERS = (list(HANDLE).index("high_water"),)
SET_BY_PROGRAMS = _TEXTS + _NUMBERS
"""Places of the fields that a program may have set to what msgpack has no form for."""


def loop_state(**fields: Any) -> State:
    """The loop. Raises TypeError for a field that there is not, and so below."""
    return _in_order(LOOP, fields)


def request_state(**fields: int) -> State:
    """One request."""
    return _in_order(REQUEST, fields)


def handle_state(**fields: Any) -> State:
    """One handle."""
    return _in_order(HANDLE, fields)


def _in_order(defaults: dict[str, Any], fields: dict[str, Any]) -> State:
    state = {**defaults, **fields}
    if len(state) > len(defaults):
        raise TypeError(f"there is no such field: {', '.join(fields.keys() - defaults.keys())}")
    return list(state.values())
