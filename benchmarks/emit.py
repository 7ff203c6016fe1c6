"""Emit: what it costs the server to record an event and to ship it, and how many bytes it is on the wire."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.arena import Arena
from benchmarks.echo import ENTRIES, UNWATCHED_ENGINE, WATCHED_ENGINE
from benchmarks.load import MEDIUM, SMALL
from benchmarks.measure import Effort, append_ns, paired_difference
from benchmarks.targets import LOST_UNTOLD, NS_PER_EVENT, WIRE, YARDSTICK, Figure, compared


def run(effort: Effort) -> Iterator[Figure]:
    """The difference between the watched and the unwatched engine, over the events that an inspector was told of."""
    yield Figure("emit: list.append, as a yardstick", append_ns(), YARDSTICK)
    entries = {name: ENTRIES[name] for name in (UNWATCHED_ENGINE, WATCHED_ENGINE)}
    for shape in (SMALL, MEDIUM):
        with Arena(entries) as arena:
            costs = arena.compete(shape, effort.rounds)
            messages = arena.contestants[WATCHED_ENGINE].messages
            counted = arena.dismiss(WATCHED_ENGINE)
        events = counted["events"] + counted["lost"]
        ns = paired_difference(costs[UNWATCHED_ENGINE], costs[WATCHED_ENGINE]) * messages / events
        yield Figure(f"emit TCP {shape}: an event, recorded and shipped", ns, NS_PER_EVENT)
        yield Figure(f"emit TCP {shape}: an event on the wire", counted["bytes"] / counted["events"], WIRE)
        yield Figure(f"emit TCP {shape}: events of a message", events / messages, compared("events per message"))
        yield Figure(f"emit TCP {shape}: events lost, and told", counted["lost"], compared("events"))
        yield Figure(f"emit TCP {shape}: words lost without being told", counted["untold"], LOST_UNTOLD)
