"""A recorded trace where a session would be: what the screen holds when it replays one.

Nothing arrives and nothing is sent. `model` is the state at the trace's end; whoever wants another instant has a
`Traveller` go there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from os import PathLike

from streamscope.language import saying
from streamscope.link.frames import PROTOCOL, Hello
from streamscope.link.session import NOTES, PAYLOAD_BYTES
from streamscope.trace.contents import Note, Payload
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.traveller import Traveller


class Replay:
    """One trace. Its readers find what they would find in a `Session`:

    - `status` is "replay", and `reason` says how the recording ended, or what the file lacks (text from outside);
    - `hello`: who was recorded; `model`: the state at the end; `past`: all of it;
    - `payload`: what was recorded of the opened streams' bytes, the newest of it if that is much;
    - `notices`: empty, except where the trace turns out to be damaged.
    """

    def __init__(self, trace: TraceFile) -> None:
        """Replays the trace, which is the replay's now."""
        header = trace.header
        self.trace = trace
        self.status = "replay"
        self.past = trace.past
        traveller = Traveller(trace.past)
        traveller.go(trace.past.end)
        self.model = traveller.model
        self.hello: Hello | None = Hello(
            protocol=PROTOCOL,
            version=header.version,
            pid=header.pid,
            program=header.program,
            addresses=header.addresses,
            started=header.started,
            kinds=header.kinds,
            functions=header.functions,
            payload=header.payload,
            streams=len(self.model.streams),
            joined=header.joined,
            vocabulary=header.vocabulary,
        )
        self.behind = False
        self.exit_status = None if trace.bye is None else trace.bye.status
        self.opened: tuple[int, ...] = ()
        self.payload: deque[Payload] = deque()
        self.notices: deque[str] = deque()
        self._notes: list[Note] | None = None
        self._missing = trace.missing
        ends = saying("the recording ends here: {reason}", reason=saying(trace.bye.reason)) if trace.bye else ""
        self.reason = self._missing or ends

    @classmethod
    def open(cls, path: str | PathLike[str]) -> Replay:
        """Replays the trace in this file. Raises TraceError, with one sentence, if it cannot be read."""
        trace = TraceFile.open(path)
        try:
            return cls(trace)
        except BaseException:
            trace.close()
            raise

    @property
    def standstill(self) -> None:
        """A past does not stand still."""

    @property
    def reconnects(self) -> bool:
        """There is nothing to connect to."""
        return False

    @property
    def notes(self) -> Sequence[Note]:
        """What was noted beside the feed, the newest last. All of the file is read for it, once."""
        if self._notes is None:
            self._notes = list(deque(self.trace.notes(), maxlen=NOTES))
        return self._notes

    def fileno(self) -> int:
        """There is nothing to wait for."""
        return -1

    def receive(self) -> None:
        """Nothing arrives."""

    def fold(self, budget_s: float) -> bool:
        """Nothing came; but what was read meanwhile may have turned out to be damaged."""
        missing = self.trace.missing
        if missing != self._missing:
            self._missing = self.reason = missing
            self.notices.append(missing)
        return False

    def command(self, name: str, **arguments: int | str | bool) -> bool:
        """There is nobody to take it."""
        return False

    def stop_recording(self) -> bool:
        """There is nobody who records."""
        return False

    def open_payload(self, *streams: int) -> None:
        """Have what was recorded of these streams' bytes in `payload`."""
        if self.opened == streams:
            return
        self.close_payload()
        self.opened = streams
        held = 0
        for item in self.trace.payload(*streams):
            self.payload.append(Payload(item.stream, item.t, item.out, item.total, item.data))
            held += len(item.data)
            while held > PAYLOAD_BYTES or len(self.payload) > PAYLOAD_BYTES // 64:
                held -= len(self.payload.popleft().data)

    def close_payload(self) -> None:
        """Have none there."""
        self.opened = ()
        self.payload.clear()

    def forget_closed(self, before_t: int) -> None:
        """What was closed stays as long as the recording kept it."""

    def close(self) -> None:
        """Let go of the file."""
        self.trace.close()
