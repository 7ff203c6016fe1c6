"""What the real library shows of a stream, in the shape in which a claim of a lesson asks for it."""

from __future__ import annotations

from typing import Any

from backend import LESSON_STEP, Step
from runs import Run

from streamscope.core.flags import POLL_NAMES, UV_NAMED_PIPE, UV_TCP
from streamscope.core.probe import CB_CONNECTION, CB_READ
from streamscope.trace.state import RequestState, StreamState

SOME_NUMBER = 7
"""Stands for descriptors and requests: which numbers they have is left undefined."""


def steps_of(run: Run) -> list[int]:
    """The places, in a run, at which the lesson has come to a step."""
    return [place for place, step in enumerate(run.steps) if step["what"].startswith(LESSON_STEP)]


def state_at(run: Run, place: int, handle: str) -> StreamState:
    """The handle as it was then; one that is closed and no longer looked at, as it was last."""
    step = next(step for step in reversed(run.steps[: place + 1]) if handle in step["handles"])
    return _state(step, handle)


def _state(step: Step, handle: str) -> StreamState:
    fields, loop = step["handles"][handle], step["loop"]
    capacity, queued = fields.get("queued_fds") or (0, 0)
    held = {CB_READ: fields["read_cb"], CB_CONNECTION: fields["connection_cb"]}
    return StreamState(
        SOME_NUMBER,
        UV_NAMED_PIPE if "ipc" in fields else UV_TCP,
        flags=int(fields["flags"].split()[0], 16),
        fd=_number(fields["fd"]),
        write_queue_size=fields["write_queue_size"],
        write_queue=[RequestState(SOME_NUMBER, 0) for _ in fields["write_queue"]],
        write_completed_queue=[RequestState(SOME_NUMBER, 0) for _ in fields["write_completed_queue"]],
        connect_req=RequestState(SOME_NUMBER, 0) if fields["connect_req"] else None,
        shutdown_req=RequestState(SOME_NUMBER, 0) if fields["shutdown_req"] else None,
        accepted_fd=_number(fields["accepted_fd"]),
        queued_fds=[SOME_NUMBER] * queued,
        queued_fds_capacity=capacity,
        delayed_error=fields["delayed_error"],
        callbacks=sum(1 << callback for callback, there in held.items() if there),
        pevents=_mask(fields["pevents"]),
        events=_mask(fields["events"]),
        pending=fields.get("pending", False),
        watched=fields.get("in_watcher_queue", False),
        closing=handle in loop["closing"],
        ipc=bool(fields.get("ipc")),
    )


def _number(there: Any) -> int:
    return SOME_NUMBER if there else -1


def _mask(text: str) -> int:
    bits = {name: bit for bit, name in POLL_NAMES.items()}
    return sum(bits[name] for name in text.split("|") if name in bits)
