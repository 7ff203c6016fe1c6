"""All engines of all hosts, as their summaries tell: who is there, who is silent, who has ended, and what is wrong.

Order and age go by the clock of whoever looks: those of the hosts may say anything, and what they say is shown beside.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from streamscope.fleet import retention
from streamscope.fleet import summary as summaries
from streamscope.fleet.nats_server import Address, Credentials, connect
from streamscope.fleet.subjects import GOODBYE, SUMMARY, EngineName, every, read
from streamscope.fleet.summary import Summary
from streamscope.link.frames import FrameError, GoodbyeFrame, read_frame

SILENT_S = 5.0
"""An engine of which nothing was heard for so long is silent."""
ENDED_STAYS_S = 3600.0
MOST_ENGINES = 100_000
RECALLED = 256
POINTS = 60
"""Of each engine the last minute is kept, for its curves."""
HERE_S = 0.5
"""What a host's clock may differ from ours until it is said: a message takes its time, too."""

LIVE, SILENT, ENDED = "live", "silent", "ended"


class FleetMember:
    """One engine, as far as it was heard of. `claims` are the machines that call themselves by its host's name."""

    __slots__ = ("bye", "claims", "heard", "history", "name", "offset", "summary")

    def __init__(self, name: EngineName, summary: Summary) -> None:
        self.name = name
        self.summary = summary
        self.heard = -math.inf  # on the monotonic clock of whoever looks
        self.offset: float | None = None  # its host's clock against ours, in seconds
        self.claims: set[str] = set()
        self.bye = ""
        self.history: deque[tuple[int, float | None, int | None]] = deque(maxlen=POINTS)

    def state(self, now: float) -> str:
        """LIVE, SILENT or ENDED."""
        if self.bye:
            return ENDED
        return SILENT if now - self.heard > SILENT_S else LIVE

    def rank(self, now: float) -> tuple[Any, ...]:
        """Trouble first, then those that are silent, those that have ended, and those in which nothing is wrong."""
        state = self.state(now)
        level, lasts, waits = self.summary.rank
        if state == LIVE and level < 2:
            return (0, level, lasts, waits, self.name)
        place = {SILENT: 1, ENDED: 2, LIVE: 3}[state]
        return (place, 0, 0.0, 0, self.name)


class Roster:
    """The engines that were heard of. `refused` counts what was published under their subjects and is no summary."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self.rows: dict[EngineName, FleetMember] = {}
        self.refused = 0
        self._monotonic = monotonic
        self._wall = wall

    @property
    def now(self) -> float:
        """The clock that ages go by."""
        return self._monotonic()

    def take(self, subject: str, data: bytes, ago: float = 0.0) -> None:
        """What was published on a subject of an engine, so many seconds ago."""
        named = read(subject)
        if named is None:
            self.refused += 1
            return
        name, what = named
        if what == SUMMARY:
            self._summary(name, data, ago)
        elif what == GOODBYE:
            self._goodbye(name, data, ago)

    def _summary(self, name: EngineName, data: bytes, ago: float) -> None:
        found = summaries.read(data)
        if found is None or (name not in self.rows and len(self.rows) >= MOST_ENGINES):
            self.refused += 1
            return
        row = self.rows.get(name)
        if row is None:
            row = self.rows[name] = FleetMember(name, found)
        heard = self._monotonic() - ago
        if heard < row.heard:
            return
        row.summary, row.heard, row.bye = found, heard, ""
        row.offset = found.at - self._wall() + ago if found.at == found.at else None
        if len(row.claims) < 8:
            row.claims.add(found.machine)
        row.history.append((found.streams, found.went, found.waits))

    def _goodbye(self, name: EngineName, data: bytes, ago: float) -> None:
        try:
            frame = read_frame(data[: 64 * 1024])
        except FrameError:
            frame = None
        row = self.rows.get(name)
        if not isinstance(frame, GoodbyeFrame) or row is None:
            self.refused += not isinstance(frame, GoodbyeFrame)
            return
        row.bye, row.heard = frame.reason[: summaries.MOST_TEXT] or "it has ended", self._monotonic() - ago

    def forget(self) -> None:
        """Let go of those that have ended long ago."""
        before = self._monotonic() - ENDED_STAYS_S
        for name in [name for name, row in self.rows.items() if row.heard < before]:
            del self.rows[name]

    def sorted(self) -> list[FleetMember]:
        """All rows, trouble first."""
        now = self._monotonic()
        return sorted(self.rows.values(), key=lambda row: row.rank(now))

    def objects(self, server: str) -> Iterator[dict[str, Any]]:
        """All rows for a program, trouble first."""
        now = self._monotonic()
        for row in self.sorted():
            said = row.summary
            yield {
                "host": row.name.host,
                "pid": row.name.pid,
                "loop": row.name.loop,
                "address": f"{server}{row.name.path}",
                "state": row.state(now),
                "program": said.program,
                "engine": said.engine,
                "addresses": said.addresses,
                "streams": said.streams,
                "in": said.came,
                "out": said.went,
                "waits": said.waits,
                "verdict": said.word or None,
                "lint": said.lint or None,
                "level": said.level or None,
                "stream": said.stream or None,
                "for": round(said.lasts, 3) if said.level else None,
                "sentence": said.sentence,
                "slowest_callback": said.slowest,
                "lost": said.lost,
                "heard": round(now - row.heard, 3),
                "clock": None if row.offset is None else round(row.offset, 3),
                "machines": len(row.claims),
                "ended": row.bye or None,
            }


async def listen(roster: Roster, address: Address, credentials: Credentials | None, say: Callable[[str], None]) -> Any:
    """Have the roster hear of all engines from now on; returns the connection. Raises FleetError."""
    client = await connect(address, credentials, say=say)

    async def take(message: Any) -> None:
        roster.take(message.subject, message.data)

    for what in (SUMMARY, GOODBYE):
        await client.subscribe(every(what), cb=take)
    await _recall(roster, client)
    return client


async def _recall(roster: Roster, client: Any) -> None:
    """Have the roster know of those that have ended, or are silent, as far as JetStream has their last words."""
    from nats.errors import Error
    from nats.js import api
    from nats.js.errors import Error as JetStreamError

    jetstream = client.jetstream(timeout=retention.ASK_WITHIN_S)
    for what in (SUMMARY, GOODBYE):
        config = api.ConsumerConfig(
            ack_policy=api.AckPolicy.NONE, deliver_policy=api.DeliverPolicy.LAST_PER_SUBJECT, inactive_threshold=30.0
        )
        try:
            last = await jetstream.pull_subscribe(every(what), stream=retention.STREAM, config=config)
            left = (await last.consumer_info()).num_pending or 0
            while left:
                for message in await last.fetch(min(left, RECALLED), retention.ASK_WITHIN_S):
                    left = message.metadata.num_pending
                    age = datetime.now(UTC) - message.metadata.timestamp
                    roster.take(message.subject, message.data, ago=max(0.0, age.total_seconds()))
            await last.unsubscribe()
        except (Error, JetStreamError, TimeoutError):
            return  # nothing is kept: those that are told of now will be heard
