"""A roster that is told of engines, as relays tell: for tests of what is made of it, and of its screen."""

from __future__ import annotations

from streamscope.fleet.roster import Roster
from streamscope.fleet.subjects import GOODBYE, SUMMARY, EngineName
from streamscope.fleet.summary import VERSION, Summary, pack
from streamscope.link.frames import GoodbyeFrame
from streamscope.link.frames import pack as pack_frame


class Clock:
    """Both clocks, which a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def roster() -> tuple[Roster, Clock]:
    clock = Clock()
    return Roster(clock, clock), clock


def name(host: str, pid: int = 1) -> EngineName:
    return EngineName(host, pid, 5)


def tell(to: Roster, host: str, pid: int = 1, ago: float = 0.0, **fields: object) -> EngineName:
    """Have it told of an engine; returns its name."""
    told = Summary(VERSION, fields.pop("at", 1000.0), str(fields.pop("machine", "m")), "echo", "libuv", **fields)  # type: ignore[arg-type]
    to.take(name(host, pid).subject(SUMMARY), pack(told), ago)
    return name(host, pid)


def end(of: Roster, host: str, why: str = "it has ended", ago: float = 0.0) -> None:
    of.take(name(host).subject(GOODBYE), pack_frame(GoodbyeFrame(why, 0))[4:], ago)
