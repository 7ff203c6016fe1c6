"""Stall: streams that do not go on, each for a reason of its own, and healthy ones that may look as if they did not.

`streamscope run stall --as NAME` plays one of them on real sockets. A scenario is a program, which may be one of the
servers next door, and the peers that talk to it from a process of their own. What goes wrong is played, not told: the
program with the fault is in this folder and short, a peer that does not read is a process that does not read, and a
network that loses is a filter in the kernel.

A second after all is set up the trouble begins, where there is one. That instant is in the feed: the timer that gives
the sign takes what begins for its name (`handle.name`). Before it all goes well, so that both can be seen.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from streamscope.core import Loop


class Scenario(NamedTuple):
    """One entry of the list: who plays, and what begins to go wrong, in words; nothing does where there are none."""

    name: str
    summary: str
    program: str
    """A module of `streamscope.servers`, whose `main` serves."""
    peer: str
    """Who talks to it: a part of `peers`."""
    trouble: str = ""
    behind: str = ""
    """For a proxy: the part that is the server behind it."""


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        # the peer
        Scenario("peer-never-reads", "a peer reads nothing", "source", "never-reads", "one comes that reads nothing"),
        Scenario("slow-peer", "a peer reads 1 MB/s of much more", "source", "reads-slowly", "the peer reads slowly"),
        Scenario("tiny-window", "a peer has room for a kilobyte", "source", "has-no-room", "a peer comes without room"),
        Scenario("shutdown-stuck", "an end waits behind what nobody reads", "stall.delivers", "asks-and-reads-not",
                 "a peer asks for a file and does not read it"),
        Scenario("dead-reader", "a proxy before a server that stops reading", "proxy", "floods",
                 "the server behind stops reading", "stops-reading"),
        Scenario("slow-subscriber", "one of a chat does not read, and holds up all", "chat", "chats",
                 "one of the chat stops reading"),
        # the network
        Scenario("lossy-network", "one segment in a hundred is lost", "source", "loses-some", "segments get lost"),
        Scenario("half-open", "the peer is cut off, and nobody says so", "source", "is-cut-off", "the peer is cut off"),
        # the loop
        Scenario("blocked-loop", "a callback blocks for 0.4 s", "stall.reports", "asks-for-reports",
                 "a client asks for reports"),
        Scenario("many-short-callbacks", "two hundred callbacks of 2 ms a turn", "stall.look_ups", "ask-all-at-once",
                 "two hundred clients ask at once"),
        # the program
        Scenario("stopped-reading", "the program forgets to read on", "stall.jobs", "sends-jobs", "many jobs come"),
        Scenario("ignored-mark", "the program writes more than the peer takes", "stall.quotes", "reads-too-slowly",
                 "a peer comes that takes a tenth of what is written"),
        Scenario("half-close-forgotten", "the peer has ended, and the program keeps its side open", "stall.answers",
                 "ends-its-side", "the peer ends its side"),
        Scenario("peer-gone-while-paused", "the peer is gone, and the program does not read", "stall.pairs",
                 "leaves", "the peer leaves while it is not read"),
        # the listener
        Scenario("held-accept", "the program does not take over what was accepted", "stall.places", "wait-for-a-place",
                 "more come than there are places"),
        Scenario("emfile", "the process has no descriptors left", "stall.guests", "come-and-stay",
                 "more come than there are descriptors"),
        # nothing
        Scenario("bulk", "healthy: as fast as it goes", "source", "reads-all"),
        Scenario("idle", "healthy: a hundred connections that say nothing", "echo", "say-nothing"),
        Scenario("bursts", "healthy: two megabytes at a time", "http", "asks-for-much"),
        Scenario("slow-start", "healthy: connections that begin, with small segments", "http", "comes-and-goes"),
        Scenario("keep-alive", "healthy: twenty connections that ask and ask", "http", "ask-and-ask"),
        Scenario("short-pauses", "healthy: a peer that rests for 300 ms now and then", "source", "rests-at-times"),
    )
}  # fmt: skip


def main(loop: Loop, *, as_: str, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, have the peers come, and return. `as_` is one of `SCENARIOS`."""
    from streamscope.servers.stall.stage import Stage

    scenario = SCENARIOS[as_]
    stage = Stage(loop, scenario.trouble)
    try:
        to = {"to": stage.behind(scenario.behind)} if scenario.behind else {}
        importlib.import_module(f"streamscope.servers.{scenario.program}").main(loop, host=host, port=port, **to)
        stage.begin(scenario.peer)
    except BaseException:
        stage.close()
        raise
