"""What the screen needs of whatever it looks at: an engine's session, or a recorded trace."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from streamscope.link.asking import Standstill
    from streamscope.link.frames import Hello
    from streamscope.trace.contents import Note, Payload
    from streamscope.trace.model import Model
    from streamscope.trace.past import Past


class Source(Protocol):
    """What a view needs of a session; `link.session.Session` is one, and so is a recorded trace."""

    hello: Hello | None
    model: Model
    past: Past
    status: str
    reason: str
    exit_status: int | None
    behind: bool
    opened: tuple[int, ...]
    payload: deque[Payload]
    notices: deque[str]

    @property
    def notes(self) -> Sequence[Note]:
        """What was found out beside the feed, the newest last: shown as that, and evidence of nothing."""

    @property
    def standstill(self) -> Standstill | None:
        """What is known of an engine that does not come round; None while it does."""

    @property
    def reconnects(self) -> bool:
        """Whether it tries again by itself when the connection breaks."""

    def receive(self) -> object:
        """Read what has arrived; never waits."""

    def fold(self, budget_s: float) -> bool:
        """Fold it for about so many seconds; whether anything came."""

    def open_payload(self, *streams: int) -> object:
        """Keep the payload of these streams from now on."""

    def close_payload(self) -> object:
        """Keep no payload any more."""

    def forget_closed(self, before_t: int) -> object:
        """Let go of the handles that were closed before that time."""

    def stop_recording(self) -> object:
        """Have the engine end the recording that it makes itself."""


@runtime_checkable
class Commanded(Protocol):
    """A source that can be told to do something: an engine that runs."""

    def command(self, name: str, **arguments: int | str | bool) -> bool:
        """Send a command; returns False if there is nobody to take it. A refusal comes into `notices`."""
