"""What JetStream keeps: summaries and states for an hour, and events where that is wanted, for as long as is wanted.

One JetStream stream has the summaries and states of all engines, another for each `--keep TIME` has events: a stream
an engine would be ten thousand of them. So that none takes more than its share, a relay publishes 64 MiB an hour of one
engine at most. Where JetStream is off or refuses, everything still goes to whoever listens, and it is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from streamscope.fleet.crossing import Headers
from streamscope.fleet.subjects import GOODBYE, KEPT, ROOT, STATES, SUMMARY, every
from streamscope.language import tr

if TYPE_CHECKING:
    from nats.aio.client import Client

HOUR = 3600
BYTES_AN_HOUR = 64 * 1024 * 1024
STREAM = ROOT
"""The name of the JetStream stream that has summaries, states and goodbyes."""
MOST_UNANSWERED = 4096
ASK_WITHIN_S = 3.0
ANSWER_WITHIN_S = 10.0
AGAIN_S = 10.0
"""So long after JetStream refused, its streams are made again: it may have begun anew, and know of none."""


def stream_of(keep_s: int) -> str:
    """The name of the JetStream stream that has events for so long."""
    return f"{ROOT}-{KEPT}-{keep_s}"


class Allowance:
    """How much of an engine's states may go out: at most what is kept of an hour."""

    def __init__(self, per_hour: int = BYTES_AN_HOUR) -> None:
        self._per_s = per_hour / HOUR
        self._free_at = 0.0
        self._now = 0.0

    def allows(self, now: float) -> bool:
        """Whether more may go out now."""
        self._now = now
        return now >= self._free_at

    def took(self, size: int) -> None:
        """So many bytes went out."""
        self._free_at = max(self._free_at, self._now) + size / self._per_s


class Store:
    """Publishes, and has JetStream keep it where it can."""

    def __init__(self, client: Client, keep_s: int, say: Callable[[str], None]) -> None:
        self._client = client
        self._jetstream = client.jetstream(timeout=ASK_WITHIN_S)
        self._keep_s = keep_s
        self._say = say
        self._keeps = False
        self._refused = ""
        self._unanswered: set[asyncio.Task[None]] = set()
        self._again_at = 0.0

    async def begin(self) -> None:
        """Have JetStream make its streams, if it is there."""
        from nats.errors import Error
        from nats.js import api
        from nats.js.errors import Error as JetStreamError

        self._again_at = 0.0
        wanted = {STREAM: ([every(SUMMARY), every(STATES), every(GOODBYE)], HOUR)}
        if self._keep_s:
            wanted[stream_of(self._keep_s)] = ([every(f"{KEPT}.{self._keep_s}")], self._keep_s)
        try:
            for name, (subjects, age) in wanted.items():
                config = api.StreamConfig(
                    name=name, subjects=subjects, max_age=age, retention=api.RetentionPolicy.LIMITS,
                    discard=api.DiscardPolicy.OLD, storage=api.StorageType.FILE, allow_direct=True,
                )  # fmt: skip
                await self._jetstream.add_stream(config)
        except (Error, JetStreamError, TimeoutError) as error:
            self._say(tr("no past is kept: {why}", why=_why_not(error)))
            return
        self._keeps = True

    async def put(self, subject: str, data: bytes, headers: Headers | None = None) -> bool:
        """Publish; returns False if it is lost. That JetStream refuses to keep it is said, once for each reason."""
        from nats.errors import Error
        from nats.js.errors import Error as JetStreamError

        try:
            if self._again_at and asyncio.get_running_loop().time() >= self._again_at:
                await self.begin()
            if not self._keeps:
                await self._client.publish(subject, data, headers=headers)
                return True
            if len(self._unanswered) >= MOST_UNANSWERED:
                return False
            # not by the client's own way for many at once, which does not tell when JetStream refuses one
            asking = asyncio.create_task(self._ask(subject, data, headers))
            self._unanswered.add(asking)
            asking.add_done_callback(self._unanswered.discard)
        except (Error, JetStreamError, TimeoutError):
            return False
        return True

    async def _ask(self, subject: str, data: bytes, headers: Headers | None) -> None:
        from nats.errors import Error
        from nats.js.errors import Error as JetStreamError

        why = ""
        try:
            await self._jetstream.publish(subject, data, ANSWER_WITHIN_S, headers=dict(headers or {}))
        except (Error, JetStreamError, TimeoutError) as error:
            why = _why_not(error)
        if why and why != self._refused:
            self._say(tr("JetStream refuses to keep what it is sent: {why}", why=why))
        self._refused = why
        if why:
            self._again_at = self._again_at or asyncio.get_running_loop().time() + AGAIN_S

    async def finish(self) -> None:
        """Wait until JetStream has answered for what was sent."""
        await asyncio.gather(*self._unanswered)


def _why_not(error: BaseException) -> str:
    description = getattr(error, "description", None)
    if description:
        return str(description)
    if "no responders" in str(error).lower() or type(error).__name__ == "ServiceUnavailableError":
        return tr("JetStream is off; start nats-server with -js")
    return str(error).removeprefix("nats: ") or tr("JetStream does not answer")
