"""A producer that only tests have: a brook with sluices, in a process that has nothing but the standard library.

    python brook.py SOCKET [SOCKET]

It has ten flags, four kinds and a type that nobody else has, cannot know how many bytes went out, and has a loop of
its own for each socket that it is given, so that it is as many producers. Neither msgspec nor anything of ours but the
producer's end of the link can be imported here: whoever tries is refused.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

SLOW = ("dataclasses", "inspect", "pathlib", "traceback")
"""What takes long to load, and is not needed."""
FORBIDDEN = ("msgspec", "platformdirs", "zstandard", "textual", "rich", "asyncio", "streamscope.trace")


class Refusing:
    """Refuses what such a program does not have."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.startswith(FORBIDDEN):
            raise ImportError(f"{name} is not here")


if __name__ == "__main__":
    sys.meta_path.insert(0, Refusing())  # type: ignore[arg-type]

from streamscope.link import states, wire  # noqa: E402 (what it may import is seen by what is refused)
from streamscope.link.producer import CommandError, Rider, Show  # noqa: E402
from streamscope.link.publisher import Publisher  # noqa: E402

FLAGS = ("FLOWING", "FROZEN", "FLOODED", "DAMMED", "MUDDY", "CLEAR", "SHALLOW", "DEEP", "FISHED", "BRIDGED")
REACH, OTTER = 40, 41
KINDS: list[tuple[str, list[str]]] = [
    ("loop.turn", ["turn", "t"]),
    ("handle.init", ["type", "place"]),
    ("handle.name", ["name"]),
    ("handle.closed", []),
    ("flag.set", ["flag"]),
    ("flag.clear", ["flag"]),
    ("write_queue_size", ["old", "new"]),
    ("sluice.opened", ["height"]),
    ("eddy.turned", ["old", "new"]),
    ("leaf.floated", ["leaf", "weight"]),
    ("otter.sang", ["song"]),
]
CODES = {name: code for code, (name, _) in enumerate(KINDS)}
FUNCTIONS = ["spring", "weir", "otter"]
SPRING, WEIR, OTTERS = (code << 8 for code in range(3))


def _kind(domains: list[str], meaning: str, plain: str, weight: int, function: str) -> dict[str, Any]:
    return {"domains": domains, "functions": [function], "meaning": meaning, "plain": plain, "weight": weight}


WORDS: dict[str, Any] = {
    "engine": "brook, of tests",
    "kinds": {
        "loop.turn": _kind(["int", "ns"], "A moment of the brook begins.", "a moment begins", 0, "spring"),
        "handle.init": _kind(["type", "text"], "A reach begins.", "begins", 2, "spring"),
        "handle.name": _kind(["text"], "Somebody named the reach.", "named", 1, "spring"),
        "handle.closed": _kind([], "The reach has dried up.", "dried up", 2, "spring"),
        "flag.set": _kind(["flag"], "The reach is so from now on.", "is so", 2, "weir"),
        "flag.clear": _kind(["flag"], "The reach is so no more.", "is so no more", 2, "weir"),
        "write_queue_size": _kind(["bytes", "bytes"], "Water behind the weir.", "water waits", 1, "weir"),
        "sluice.opened": _kind(["int"], "The sluice was opened, so many hands high.", "sluice opened", 2, "weir"),
        "eddy.turned": _kind(["int", "int"], "How many eddies there are.", "eddies turn", 1, "weir"),
        "leaf.floated": _kind(["req", "bytes"], "A leaf came by.", "a leaf", 0, "weir"),
        "otter.sang": _kind(["text"], "An otter sang.", "song", 3, "otter"),
    },
    "functions": {"spring": "begins all that there is.", "weir": "holds the water back.", "otter": "sings."},
    "flags": [
        {
            "bit": 1 << place, "name": name, "plain": f"is {name.lower()}", "meaning": f"The reach is {name.lower()}.",
            "set_by": ["weir"], "cleared_by": ["weir"], "weight": 2,
        }
        for place, name in enumerate(FLAGS)
    ],
    "types": [{"number": REACH, "name": "reach", "stream": True}, {"number": OTTER, "name": "otter", "stream": False}],
    "fields": {
        "flags": {"plain": "how it flows", "meaning": "What the reach is like."},
        "name": {"plain": "name", "meaning": "What somebody called the reach."},
        "place": {"plain": "dug at", "meaning": "Where it was dug."},
        "write_queue_size": {"plain": "water behind the weir", "meaning": "Buckets of it.", "weight": 3},
    },
    "unseen": ["bytes_out", "writes", "peer", "payload"],
}  # fmt: skip


class Brook:
    """One loop, and what flows in it; a `Producer`."""

    def __init__(self) -> None:
        self._begun = time.monotonic_ns() - 1
        self._words: list[Any] | None = None
        self.tick = 1
        self.turn = 0
        self.reaches: dict[int, dict[str, Any]] = {}
        self.commands: dict[str, Callable[[dict[str, wire.Argument]], None]] = {"open": self._open}
        self.inside = False
        self.rider: Rider | None = None
        self.told_of = 0
        for number in (1, 2, 3):
            self._begin(number, REACH)
        self._begin(4, OTTER)

    # what a producer is

    def board(self, rider: Rider) -> None:
        self.rider = rider

    def leave(self, rider: Rider) -> None:
        if self.rider is rider:
            self.rider = None

    def clock(self) -> int:
        return time.monotonic_ns() - self._begun

    def told(self) -> tuple[int, int]:
        return self.turn, self.tick

    def watch(self, words: list[Any], on_full: Callable[[], None]) -> None:
        self._words = words

    def unwatch(self) -> None:
        self._words = None

    def numbers(self) -> list[int]:
        return list(self.reaches)

    def requests(self, number: int) -> int:
        return 0

    def states(self, numbers: Iterable[int]) -> Iterator[list[Any] | None]:
        for number in numbers:
            reach = self.reaches.get(number)
            yield None if reach is None else states.handle_state(**reach)

    def loop(self, t: int) -> list[Any]:
        return states.loop_state(turn=self.turn, t=t)

    def descriptors(self, numbers: Iterable[int]) -> Iterator[tuple[int, bool, int] | None]:
        return (None for _ in numbers)

    def epoll_fd(self) -> int:
        return -1

    def waits(self) -> int:
        return self.clock()

    def streams(self) -> int:
        return sum(reach["type"] == REACH for reach in self.reaches.values())

    def addresses(self) -> list[str]:
        return ["the meadow"]

    def tap(self, number: int, show: Show | None) -> bool:
        return False

    def tap_all(self, show: Show | None) -> None:
        pass

    def _open(self, arguments: dict[str, wire.Argument]) -> None:
        reach = self.reaches.get(int(arguments.get("reach", 0)))
        if reach is None:
            raise CommandError("there is no such reach")
        self._tell(reach["number"], "sluice.opened", WEIR, 9)

    # what happens

    def _tell(self, number: int, kind: str, function: int, *words: Any) -> None:
        self.told_of += 1
        if self._words is not None:
            self._words += (number << 16 | function | CODES[kind], *words)

    def _begin(self, number: int, kind: int) -> None:
        place = f"brook.py:{number}"
        self.reaches[number] = {"number": number, "type": kind, "place": place, "begin_t": self.tick}
        self._tell(number, "handle.init", SPRING, kind, place)

    def moment(self) -> None:
        """A moment passes: one flag of one reach changes, water comes and goes, and now and then somebody sings."""
        self.turn += 1
        self.tick = self.clock()
        self._tell(0, "loop.turn", SPRING, self.turn, self.tick)
        reach = self.reaches[1 + self.turn % 3]
        number = reach["number"]
        flag = 1 << self.turn // 3 % len(FLAGS)
        reach["flags"] = reach.get("flags", 0) ^ flag
        self._tell(number, "flag.set" if reach["flags"] & flag else "flag.clear", WEIR, flag)
        before = reach.get("write_queue_size", 0)
        reach["write_queue_size"] = self.turn * 100 % 1000
        self._tell(number, "write_queue_size", WEIR, before, reach["write_queue_size"])
        self._tell(number, "eddy.turned", WEIR, self.turn - 1, self.turn)
        if self.turn % 5 == 0:
            self._tell(number, "leaf.floated", WEIR, self.turn, 3)
            self._tell(number, "sluice.opened", WEIR, self.turn % 7)
            self._tell(4, "otter.sang", OTTERS, f"verse {self.turn} of \x1b[31mmany")


def main(paths: list[str]) -> None:
    """Flow until an inspector asks for the end, or our own input ends."""
    waiting = select.epoll()
    waiting.register(0, select.EPOLLIN)
    brooks: dict[int, tuple[Brook, Publisher]] = {}
    over: list[str] = []
    for loop, path in enumerate(paths, 1):
        brook = Brook()
        hello = wire.Hello(
            version="0", pid=os.getpid(), program="brook", started=time.time(), kinds=KINDS, functions=FUNCTIONS,
            joined=[], vocabulary=WORDS, loop=loop,
        )  # fmt: skip
        publisher = Publisher(brook, hello, stop=lambda: over.append("asked to"), control=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        os.chmod(path, 0o600)
        listener.listen()
        publisher.listen(listener)
        publisher.board()
        waiting.register(*publisher.event)
        brooks[publisher.event[0]] = brook, publisher
    print("flows", sorted(name for name in sys.modules if name.startswith(FORBIDDEN) or name in SLOW), flush=True)
    while not over:
        ms = min(publisher.wait(5, brook.clock()) for brook, publisher in brooks.values())
        for fd, _ in waiting.poll(ms / 1000):
            if fd == 0:
                over.append("nobody holds on to it")
            else:
                brooks[fd][1].hear()
        for brook, _ in brooks.values():
            brook.moment()
    for _, publisher in brooks.values():
        publisher.finish(over[0], 0)


if __name__ == "__main__":
    main(sys.argv[1:])
