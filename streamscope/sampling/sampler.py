"""A loop of another process as a producer of the feed: glimpse after glimpse, and what differs between them.

What is told is `sample.taken`, which says since when, when, and how sure; then the differences, by the function
`sampled`. Where there was no glimpse nothing is told, and the next `sample.taken` reaches back the farther.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter

import msgspec

from streamscope.core.flags import POLLOUT, READ_EOF, READABLE, READING, SHUT, SHUTTING
from streamscope.core.records import Word
from streamscope.link import wire
from streamscope.link.kernel import Descriptor
from streamscope.link.kernel_loop import LoopThread
from streamscope.link.kernel_samples import Elsewhere
from streamscope.link.producer import Rider, Show
from streamscope.link.states import State
from streamscope.peek.births import Births
from streamscope.peek.finding import FoundLoop
from streamscope.peek.glimpsing import Glimpses, Sighted
from streamscope.peek.memory import TargetMemory
from streamscope.peek.target import TargetProcess
from streamscope.sampling.addresses import Addresses
from streamscope.sampling.preloaded import Preloaded
from streamscope.sampling.seen_states import LISTENS, SeenStates
from streamscope.trace.differ import Differ
from streamscope.trace.fold import EXACT, MOVING
from streamscope.trace.state import LoopState, StreamState, held_requests
from streamscope.trace.vocabulary import Vocabulary

_HALF_CLOSED = SHUTTING | SHUT | READ_EOF
FIRST_TRIES = 100
STDERR = 2


class Sampler:
    """A `Producer`. `clock` is the feed's; `version` what `uv_version` returns, 0 where nobody says; `preloaded`
    what the program says itself; `takes_all` is `--kernel`.

    - `exact`, `looks`, `missed`: how many glimpses were exact, how many there were, and how often there was none.
    """

    def __init__(
        self,
        target: TargetProcess,
        memory: TargetMemory,
        found: FoundLoop,
        version: int,
        clock: Callable[[], int],
        preloaded: Preloaded,
        *,
        takes_all: bool = False,
    ) -> None:
        self.commands: Mapping[str, Callable[[dict[str, wire.Argument]], None]] = {}
        self.inside = False
        self.found = found
        self._preloaded = preloaded
        self.clock = clock
        self.exact = self.looks = self.missed = 0
        self._births = Births(target.inode)
        self.sight = Glimpses(target, memory, found, self._births, version)
        self._addresses = Addresses(target, takes_all=takes_all)
        self._seen = SeenStates(self._births, self._addresses)
        self._inodes: dict[int, int] = {}
        self._waited = -1
        self._loop = LoopState()
        self._differ: Differ | None = None
        self._words: list[Word] | None = None
        self.elsewhere = Elsewhere(LoopThread(target.pid, lambda: self.sight.rest.thread), self.asks, self.again)

    # looking

    def sample(self) -> bool:
        """Look, and tell what is other than it was; whether there was a glimpse. Raises TargetGone and TargetDenied."""
        taken = self.sight.take(self.clock(), self.clock)
        if taken is None:
            self.missed += 1
            if self._differ is not None and self._words is not None:
                self._words += self._differ.missed(self._loop.t, self.clock())
            return False
        self.looks += 1
        self.exact += taken.sure == EXACT
        t = self.clock()
        loop = self._loop_state(taken, t)
        before, after = self._seen.take(taken, t)
        if said := self._preloaded.said():
            self._seen.hear(said, before, after)
        if self._differ is not None:
            others = {self._births.known[a].number: MOVING for a in taken.moving if a in self._births.known}
            told = self._differ.words(before, after, (self._loop, loop), taken.sure, others)
            if self._words is not None:
                self._words += told
        self._loop = loop
        return True

    def first(self) -> bool:
        """The first look, before anything can be told; whether there was a glimpse."""
        return any(self.sample() for _ in range(FIRST_TRIES))

    def speak(self, vocabulary: Vocabulary) -> None:
        """What is told is told in these words from now on."""
        self._differ = Differ(vocabulary)

    def _loop_state(self, taken: Sighted, t: int) -> LoopState:
        loop, counted = taken.glimpse.loop, taken.metrics
        waited = 0
        if self.sight.counts_idle:
            now = time.monotonic_ns()
            waited = counted.waited + (max(now - counted.waits_since, 0) if counted.waits_since else 0)
            self._waited = waited if self._waited < 0 else self._waited
            waited = max(waited - self._waited, self._loop.poll_ns)
        return LoopState(
            turn=max(counted.turns, 0),
            t=t,
            active_handles=loop.active_handles,
            active_reqs=loop.active_reqs & 0xFFFFFFFF,
            nfds=loop.nfds,
            poll_ns=waited,
        )

    # the feed, as `Producer` says

    def board(self, rider: Rider) -> None:
        """See `Producer`. Whoever calls `sample` calls the rider, too."""

    def leave(self, rider: Rider) -> None:
        """See `Producer`."""

    def told(self) -> tuple[int, int]:
        """See `Producer`."""
        return self._loop.turn, self._loop.t

    def waits(self) -> int:
        """See `Producer`. How long the loop has waited it says itself, so nothing is added to that here."""
        return self._loop.t

    def watch(self, words: list[Word], on_full: Callable[[], None]) -> None:
        """See `Producer`."""
        self._words = words

    def unwatch(self) -> None:
        """See `Producer`."""
        self._words = None

    # what there is

    def numbers(self) -> list[int]:
        """See `Producer`."""
        return list(self._seen.of)

    def requests(self, number: int) -> int:
        """See `Producer`."""
        state = self._seen.of.get(number)
        return 0 if state is None else len(held_requests(state))

    def states(self, numbers: Iterable[int]) -> Iterator[State | None]:
        """See `Producer`."""
        for number in numbers:
            state = self._seen.of.get(number)
            yield None if state is None else msgspec.to_builtins(state)

    def loop(self, t: int) -> State:
        """See `Producer`."""
        state: State = msgspec.to_builtins(msgspec.structs.replace(self._loop, t=t))
        return state

    def streams(self) -> int:
        """See `Producer`."""
        return len(self._seen.of)

    def inherited(self) -> int:
        """How many of them are what every process is started with: stdin, stdout, stderr."""
        return sum(state.fd <= STDERR for state in self._seen.of.values())

    def addresses(self) -> list[str]:
        """See `Producer`."""
        listening = (state for state in self._seen.of.values() if state.callbacks & LISTENS and state.local)
        return [state.local for state in sorted(listening, key=attrgetter("number"))]

    # what the kernel says

    def descriptors(self, numbers: Iterable[int]) -> Iterator[tuple[int, bool, int] | None]:
        """See `Producer`. Those whose address is not known yet cannot be asked about yet."""
        for number in numbers:
            state = self._seen.of.get(number)
            inode = self._seen.inode(number)
            if state is None or state.fd < 0 or not self._addresses.known(inode):
                yield None
                continue
            self._inodes[state.fd] = inode
            yield state.fd, _is_in_need(state), state.events

    def asks(self, fd: int) -> Descriptor | None:
        """What is to be asked about a descriptor of the process; see `Elsewhere`."""
        return self._addresses.descriptor(fd, self._inodes.get(fd, 0))

    def again(self, kind: int, fd: int) -> Descriptor:
        """The same, of one that was asked about before. Raises OSError."""
        found = self.asks(fd)
        if found is None or found.kind != kind:
            raise OSError
        return found

    def epoll_fd(self) -> int:
        """See `Producer`."""
        return self.found.epoll

    # payload: what lies in another process's buffers is nobody's business

    def tap(self, number: int, show: Show | None) -> bool:
        """See `Producer`."""
        return False

    def tap_all(self, show: Show | None) -> None:
        """See `Producer`."""


def _is_in_need(state: StreamState) -> bool:
    return bool(
        state.write_queue_size
        or state.pevents & POLLOUT
        or state.flags & _HALF_CLOSED
        or state.shutdown_req is not None
        or state.flags & (READABLE | READING) == READABLE
        or state.accepted_fd != -1
    )
