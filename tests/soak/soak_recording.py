"""The soak's recording: the engine records itself all the time, in parts, and at rest the newest part ends in the
engine's own state, with the event that the events file ends with.
"""

from __future__ import annotations

from pathlib import Path

from soak_inspector import compare, wait
from waiting import until

from streamscope.link.session import Session
from streamscope.trace.contents import Gap
from streamscope.trace.store.format import TraceError
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.traveller import Traveller

ROTATE_BYTES = 4 * 1024 * 1024
KEEP = 3
GO_ON = ("loop t:", "loop poll_ns:")
"""What goes on while the loop waits: it is told with what the kernel is asked then."""


def differences(path: Path, probe: Path, last_seq: int) -> list[str]:
    """What the trace at `path`, which is being written, has otherwise than the engine at `probe`, where nothing happens
    now after the event with this number but that the kernel is asked.
    """
    said = ""

    def compared() -> tuple[list[str]] | None:
        nonlocal said
        try:
            with TraceFile.open(path) as trace:
                seq = _last_seq(trace)
                if seq >= last_seq or _begins_at_rest(trace, path):
                    return (_compare(trace, probe),)
                said = f"the recording ends with event {seq:,}, and the events with {last_seq:,}"
        except TraceError as error:
            said = str(error)
        return None

    try:
        return until(compared, lambda: f"all is in the recording ({said})")[0]
    except AssertionError as never:
        return [str(never)]


def _begins_at_rest(trace: TraceFile, path: Path) -> bool:
    """Whether this is a part that was begun after the last event, and its first segment, a second later, is there."""
    return not trace.past.end and bool(trace.past.keyframes()) and any(path.parent.glob(f"{path.stem}.*.scope"))


def _last_seq(trace: TraceFile) -> int:
    rows = trace.past.rows(trace.past.end - 1, 1) if trace.past.end else []
    return rows[0].seq if rows and not isinstance(rows[0], Gap) else 0


def _compare(trace: TraceFile, probe: Path) -> list[str]:
    traveller = Traveller(trace.past)
    traveller.go(trace.past.end)
    newcomer = Session.attach(probe)

    def told() -> bool:
        wait(newcomer, 0.05)
        newcomer.receive()
        newcomer.fold(0.05)
        return newcomer.model.whole or newcomer.status not in ("connecting", "live")

    try:
        until(told, "a newcomer is told of the engine", pause_s=0)
        if not newcomer.model.whole:
            return [f"nobody can be told of the engine: it is {newcomer.status}"]
        found = [one for one in compare(traveller.model, newcomer.model) if not one.startswith(GO_ON)]
    finally:
        newcomer.close()
    if not traveller.model.whole:
        found.append("the recording does not know everything")
    lost = sum(row.events for row in trace.past.rows(0, trace.past.end) if isinstance(row, Gap))
    if lost:
        found.append(f"{lost:,} events are missing in the recording")
    return found
