"""A sampler that only tests have: it looks at a pond now and then, from a process of its own, and tells what changed.

    python pond.py SOCKET

What is in the pond at a look follows from the look's number alone (`look`), so that a test knows it too. Slices are
made of the sampler's own fold of what it tells.
"""

from __future__ import annotations

import os
import random
import select
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from streamscope.core.probe import FUNCTIONS, KINDS
from streamscope.core.vocabulary import words
from streamscope.link import states, wire
from streamscope.link.frames import Hello, as_received
from streamscope.link.producer import Rider, Show
from streamscope.link.publisher import Publisher
from streamscope.trace.differ import Differ
from streamscope.trace.fold import AGREED, EXACT, MOVING
from streamscope.trace.model import Model
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary

TCP, WRITE = 12, 3
UNSEEN = ["bytes_in", "bytes_out", "reads", "writes", "errors", "status", "place", "feeds"]
LOOK_S = 0.02


def look(number: int) -> dict[int, StreamState]:
    """What is in the pond: fish that come and go, with flags, queues, masks and what the kernel says."""
    found = {}
    for fish in range(1, 9):
        chance = random.Random(f"{fish} {number // 3}")
        if chance.random() < 0.3:
            continue
        life = random.Random(f"{fish}")
        queue = [RequestState(1000 * fish + n, WRITE, 100, 100 - 10 * n, 1) for n in range(chance.randrange(4))]
        found[fish] = StreamState(
            fish, TCP, chance.randrange(1 << 16), fd=fish, peer=f"10.0.0.{life.randrange(9)}:80",
            write_queue_size=chance.randrange(200_000), write_queue=queue, pevents=chance.choice((1, 4, 5)),
            events=chance.choice((0, 1)), queued_fds=[chance.randrange(9) for _ in range(chance.randrange(3))],
            pending=chance.random() < 0.5, kernel={1: chance.randrange(1 << 20), 4: 0},
        )  # fmt: skip
    return found


def hello() -> wire.Hello:
    """How it says who it is: in our engine's words, which it can tell of another."""
    return wire.Hello(
        version="0", pid=os.getpid(), program="pond", started=time.time(),
        kinds=[(kind.name, [arg.name for arg in kind.args]) for kind in KINDS], functions=list(FUNCTIONS), joined=[],
        vocabulary={**words(), "engine": "a pond, sampled", "unseen": UNSEEN},
    )  # fmt: skip


class Pond:
    """A `Producer` that looks."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.commands: dict[str, Callable[[dict[str, wire.Argument]], None]] = {}
        self.inside = False
        self._begun = time.monotonic_ns() - 1
        self._differ = Differ(vocabulary)
        self.model = Model(vocabulary)
        self.model.slice(0, LoopState(), (), True, True)
        self._words: list[Any] | None = None
        self._loop = LoopState()
        self._seen: dict[int, StreamState] = {}

    def board(self, rider: Rider) -> None:
        pass

    def leave(self, rider: Rider) -> None:
        pass

    def clock(self) -> int:
        return time.monotonic_ns() - self._begun

    def told(self) -> tuple[int, int]:
        return self._loop.turn, self._loop.t

    def watch(self, words: list[Any], on_full: Callable[[], None]) -> None:
        self._words = words

    def unwatch(self) -> None:
        self._words = None

    def numbers(self) -> list[int]:
        return list(self._seen)

    def requests(self, number: int) -> int:
        return len(self.model.known[number].write_queue)

    def states(self, numbers: Iterable[int]) -> Iterator[list[Any] | None]:
        for number in numbers:
            yield msgspec.to_builtins(self.model.known[number]) if number in self._seen else None

    def loop(self, t: int) -> list[Any]:
        return states.loop_state(turn=self._loop.turn, t=t)

    def descriptors(self, numbers: Iterable[int]) -> Iterator[tuple[int, bool, int] | None]:
        return (None for _ in numbers)

    def epoll_fd(self) -> int:
        return -1

    def waits(self) -> int:
        return self.clock()

    def streams(self) -> int:
        return len(self._seen)

    def addresses(self) -> list[str]:
        return []

    def tap(self, number: int, show: Show | None) -> bool:
        return False

    def tap_all(self, show: Show | None) -> None:
        pass

    def sample(self) -> None:
        """Look, and tell of what is other than it was."""
        loop = LoopState(turn=self._loop.turn + 1, t=self.clock())
        now = look(loop.turn)
        sure = EXACT if loop.turn % 2 else AGREED
        moving = {fish: MOVING for fish in now if fish == loop.turn % 8}
        told = self._differ.words(self._seen, now, (self._loop, loop), sure, moving)
        self.model.apply(0, self._loop.turn, self._loop.t, told)
        if self._words is not None:
            self._words += told
        self._loop, self._seen = loop, now


def main(path: str) -> None:
    """Look until our own input ends."""
    greeting = hello()
    read = as_received(greeting.frame())
    assert isinstance(read, Hello)
    pond = Pond(Vocabulary.of(read))
    publisher = Publisher(pond, greeting, stop=lambda: None)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o600)
    listener.listen()
    publisher.listen(listener)
    publisher.board()
    waiting = select.epoll()
    waiting.register(0, select.EPOLLIN)
    waiting.register(*publisher.event)
    print("looks", flush=True)
    next_at = time.monotonic()
    while True:
        left = max(0.0, next_at - time.monotonic())
        ms = publisher.wait(int(left * 1000), pond.clock())
        found = [fd for fd, _ in waiting.poll(ms / 1000)]
        if 0 in found:
            break
        if found:
            publisher.hear()
        if time.monotonic() >= next_at:
            next_at += LOOK_S
            pond.sample()
    publisher.finish("the pond is empty", 0)


if __name__ == "__main__":
    main(sys.argv[1])
