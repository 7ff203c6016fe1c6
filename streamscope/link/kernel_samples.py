"""Kernel samples: what the kernel says of the producer's descriptors, asked where the loop waits and told in its feed.

The producer's streams are gone through again and again, a slice in a ride. Asked are those in need (a queue, paused,
armed for OUT, half closed, or something waits in the kernel) five times a second, and the others every two seconds. Of
what the kernel says, only what is new travels: one `kernel.sample` a field, `kernel.unknown` for one that it no longer
says, `kernel.same` where nothing is new, so that a reader knows when it was asked. In front of what one ride tells
stands `loop.waits`, a reading of the clock. So no wait ends, no turn begins, and everything happens at its own time.

All of it together, taking, shipping and folding, has one budget: SHARE of a core, as the thread's own CPU time says,
and BYTES_A_SECOND. A slice that took its part rests for the others' time. While nobody watches, nothing is asked.

A stream that has been still for long keeps nothing here but a mark of what the kernel says of it; when that changes,
all of it is told again. Who comes anew is told everything again too, which is why slices need not say any of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from streamscope.core.records import SAMPLED
from streamscope.link.feed import Feed
from streamscope.link.kernel import Changes, Descriptor, asked, of_kind
from streamscope.link.kernel_loop import OwnThread
from streamscope.link.producer import Producer
from streamscope.link.wire import Hello

OFTEN_NS, SELDOM_NS = 200_000_000, 2_000_000_000
"""So often a stream in need is asked, and one that is quiet."""
LOOKED, ASKED = 256, 64
"""So many streams are looked at in one ride, and so many are asked: some two tenths of a millisecond."""
SHARE = 33
"""One part in so many of a core, for taking, shipping and folding together. Taking is measured; what follows, to ride,
pack, send, receive and fold, was measured to be at most as much again (`python -m benchmarks kernel`).
"""
BYTES_A_SECOND = 200_000
WORD_BYTES, WORD_NS = 4, 250
"""What a word takes on the way, and of a core, once it is told."""
LONGEST_REST_NS = 1_000_000_000
LOOP_NS, IDLE_NS = 100_000_000, 1_000_000_000
"""So often at most the loop's thread is asked for; and so long nobody looks where nothing has happened."""
STILL = 5
"""Times in a row that nothing was new, until only a mark is kept."""
MOST_KNOWN = 1024
"""Of more quiet streams than these only a mark is kept anyway: what one said takes two kilobytes, a mark a hundred
bytes. When such a one says something new, all of it is told.
"""
FEW_DESCRIPTORS = 500
MASKS_NS, MASKS_SELDOM_NS = 1_000_000_000, 5_000_000_000
"""fdinfo cannot be read in slices: with more descriptors than these it is only read while somebody has a stream open,
and then seldom.
"""
_MARK = (1 << 61) - 1


class Elsewhere(NamedTuple):
    """How the kernel is asked of another process: the loop's thread, a descriptor, and, by its kind, one of which
    nothing was kept.
    """

    thread: OwnThread
    asks: Callable[[int], Descriptor | None]
    again: Callable[[int, int], Descriptor]


class KernelSamples:
    """The samples of one producer, appended to its `feed`. `opened` are the streams that an inspector has open;
    `cpu_ns` reads the thread's CPU time. The others are as in `Elsewhere`, and ask of this process.
    """

    def __init__(
        self,
        producer: Producer,
        feed: Feed,
        hello: Hello,
        opened: Collection[int],
        *,
        cpu_ns: Callable[[], int] = time.thread_time_ns,
        thread: OwnThread | None = None,
        asks: Callable[[int], Descriptor | None] = asked,
        again: Callable[[int, int], Descriptor] = of_kind,
    ) -> None:
        self._producer = producer
        self._feed = feed
        self._opened = opened
        self._cpu_ns = cpu_ns
        self._thread = thread or OwnThread()
        self._asks_thread = producer.inside or thread is not None
        self._asks, self._again = asks, again
        codes = {name: code for code, (name, _) in enumerate(hello.kinds)}
        function = list(hello.functions).index(SAMPLED) << 8 if SAMPLED in hello.functions else 0
        needed = ("loop.waits", "kernel.sample", "kernel.same", "kernel.unknown")
        self._can_be_told = SAMPLED in hello.functions and all(name in codes for name in needed)
        self._waits, self._sample, self._same, self._unknown = (function | codes.get(name, 0) for name in needed)
        self._numbers = _numbers_of(hello.vocabulary)
        self.asked = 0
        """So many descriptors were asked about."""
        self.waits = self.is_held_up = False
        """Whether, of what was looked at last for whoever is told of states only, something waits, and is held up."""
        self._begin()

    def _begin(self) -> None:
        self._known: dict[int, Descriptor] = {}
        self._still: dict[int, int] = {}  # asked_t, mark and kind, in one number
        self._silent: set[int] = set()  # of which the kernel says nothing
        self._said: dict[str, int] = {}  # of the loop
        self._masked: dict[int, tuple[int, int]] = {}  # of epoll: what was told
        self._ring: list[int] = []
        self._at = 0
        self._pass_t = self._loop_t = self._masks_t = 0
        self._due_at = self._next_at = 0
        self._hot = self._listens = False
        self._turn = -1
        self._masks_turn = -1

    def tell_again(self) -> None:
        """Somebody has come who knows nothing yet: all of it is told again."""
        self._begin()

    @property
    def next_at(self) -> int:
        """When a ride is to come for this, on the feed's clock; 0 for never."""
        if not self._feed.is_told or not self._can_be_told:
            return 0
        return self._due_at if self._turn != self._producer.told()[0] else self._next_at

    def look(self, numbers: Sequence[int], now: int, *, thread: bool) -> dict[int, dict[int, int]]:
        """What the kernel says now of these streams, for whoever is told of states only: asked anew, and kept nowhere.
        Of the loop, as number 0, where its `thread` is to be asked about.
        """
        self.waits = self.is_held_up = False
        found: dict[int, dict[int, int]] = {0: self._by_number(self._ask_thread(now)) if thread else {}}
        for number, wanted in zip(numbers, self._producer.descriptors(numbers)):
            descriptor = None if wanted is None else self._asks(wanted[0])
            if wanted is not None and descriptor is not None:
                descriptor.ask(now)
                found[number] = self._by_number(descriptor.said)
                listens = "accept_max" in descriptor.said  # which is asked for always, and waits for nothing itself
                in_need = wanted[1] and not listens
                self.waits = self.waits or descriptor.waits or in_need
                self.is_held_up = self.is_held_up or in_need or descriptor.is_held_up(now)
        return found

    def runs(self) -> int:
        """How often the loop's thread has been given a CPU; -1 where that is not known."""
        return self._thread.runs() if self._asks_thread else -1

    def _ask_thread(self, now: int) -> dict[str, int]:
        return self._thread.ask(now, listens=self._listens) if self._asks_thread else {}

    def _by_number(self, said: Mapping[str, int]) -> dict[int, int]:
        numbers = self._numbers
        return {numbers[field]: value for field, value in said.items() if field in numbers}

    def advance(self, now: int) -> None:
        """Ask a few, if it is time, and tell what is new."""
        if now < self._due_at:
            return
        if not self._feed.is_told or not self._can_be_told:
            if self._ring:
                self._begin()
            return
        begun = self._cpu_ns()
        now = self._producer.clock()
        words = self._slice(now)
        if words:
            self._feed.words += (self._waits, self._producer.waits(), *words)
        cost = ((self._cpu_ns() - begun) * 2 + len(words) * WORD_NS) * (SHARE - 1)
        rest = max(cost, len(words) * WORD_BYTES * 1_000_000_000 // BYTES_A_SECOND)
        rested = now + min(rest, LONGEST_REST_NS)
        if self._at < len(self._ring):
            self._due_at = self._next_at = rested
        else:
            self._due_at = max(rested, self._pass_t + OFTEN_NS)
            self._next_at = self._due_at if self._hot else max(rested, self._pass_t + IDLE_NS)

    def _slice(self, now: int) -> list[int]:
        words: list[int] = []
        turn = self._producer.told()[0]
        if self._asks_thread and now - self._loop_t >= LOOP_NS:
            self._loop_t = now
            self._tell(words, 0, _changed(self._said, self._ask_thread(now)))
        if self._at >= len(self._ring):
            self._new_pass(now, turn)
        left = ASKED
        numbers = self._ring[self._at : self._at + LOOKED]
        for number, descriptor in zip(numbers, self._producer.descriptors(numbers)):
            if not left:
                break
            self._at += 1
            if descriptor is not None:
                left -= self._look(words, number, *descriptor, now)
        if self._at >= len(self._ring):
            self._tell_masks(words, now, turn)
        return words

    def _new_pass(self, now: int, turn: int) -> None:
        self._ring, self._at, self._pass_t = self._producer.numbers(), 0, now
        self._hot = self._listens = False
        self._turn = turn
        if len(self._known) + len(self._still) + len(self._silent) + len(self._masked) > len(self._ring):
            there = set(self._ring)
            for kept in (self._known, self._still, self._masked):
                for number in kept.keys() - there:
                    del kept[number]
            self._silent &= there

    def _look(self, words: list[int], number: int, fd: int, in_need: bool, events: int, now: int) -> int:
        """Ask about one stream, if it is its time; returns how many were asked."""
        known = self._known.get(number)
        if known is None or known.fd != fd:
            if number in self._silent:
                return 0
            kept = 0 if in_need else self._still.get(number, 0)
            if kept and now - (kept >> 64) * 1_000_000 < SELDOM_NS:
                return 0
            if kept and self._is_still(words, number, fd, kept, now):
                return 1
            self._still.pop(number, None)
            known = self._asks(fd)
            if known is None:
                self._silent.add(number)
                return 1
            self._known[number] = known
        often = in_need or known.waits
        self._hot = self._hot or often
        if known.asked_t and now - known.asked_t < (OFTEN_NS * 9 // 10 if often else SELDOM_NS):
            return 0
        changes = known.ask(now)
        self.asked += 1
        self._listens = self._listens or "accept_max" in known.said
        self._tell(words, number, changes)
        if not (often or known.waits) and (known.still >= STILL or len(self._known) > MOST_KNOWN):
            del self._known[number]
            self._keep(number, known.mark(), known.kind, now)
        return 1

    def _is_still(self, words: list[int], number: int, fd: int, kept: int, now: int) -> bool:
        """Whether the kernel says of it what it said."""
        self.asked += 1
        kind = kept & 3
        try:
            mark = self._again(kind, fd).mark()
        except (OSError, ValueError):
            return False
        if mark & _MARK != kept >> 2 & _MARK:
            return False
        self._keep(number, mark, kind, now)
        self._tell(words, number, [])
        return True

    def _keep(self, number: int, mark: int, kind: int, now: int) -> None:
        self._still[number] = now // 1_000_000 << 64 | (mark & _MARK) << 2 | kind

    def _tell_masks(self, words: list[int], now: int, turn: int) -> None:
        """What epoll really watches, beside what the producer believes; seldom, and of few descriptors."""
        many = len(self._ring) > FEW_DESCRIPTORS
        wanted = list(self._opened) if many else self._ring
        if many:
            for number in self._masked.keys() - set(wanted):
                del self._masked[number]
                self._tell(words, number, [("epoll_mask", None), ("epoll_missing", None)])
        every = MASKS_SELDOM_NS if many or turn == self._masks_turn else MASKS_NS
        epoll = self._producer.epoll_fd()
        if epoll < 0 or not wanted or (self._masks_t and now - self._masks_t < every):
            return
        self._masks_t, self._masks_turn = now, turn
        masks = self._thread.masks(epoll)
        if masks is None:
            return
        for number, descriptor in zip(wanted, self._producer.descriptors(wanted)):
            if descriptor is None:
                continue
            fd, _, events = descriptor
            mask = masks.get(fd, 0)
            found = mask, events & ~mask
            if self._masked.get(number) != found:
                told = dict(zip(("epoll_mask", "epoll_missing"), self._masked.get(number, ())))
                self._masked[number] = found
                self._tell(words, number, _changed(told, dict(zip(("epoll_mask", "epoll_missing"), found))))

    def _tell(self, words: list[int], number: int, changes: Changes) -> None:
        mark, numbers = number << 16, self._numbers
        before = len(words)
        for field, value in changes:
            code = numbers.get(field)
            if code is None:
                continue
            if value is None:
                words += (mark | self._unknown, code)
            else:
                words += (mark | self._sample, code, value)
        if len(words) == before:
            words.append(mark | self._same)


def _changed(said: dict[str, int], now: Mapping[str, int]) -> Changes:
    """What is other than it was said to be; it is said now."""
    changes: Changes = [(field, value) for field, value in now.items() if said.get(field) != value]
    changes += [(field, None) for field in said.keys() - now.keys()]
    said.clear()
    said.update(now)
    return changes


def _numbers_of(vocabulary: Mapping[str, object] | None) -> dict[str, int]:
    """The numbers by which this producer tells of the kernel's fields."""
    found = (vocabulary or {}).get("kernel")
    fields = found if isinstance(found, list) else []
    return {field["name"]: field["number"] for field in fields if isinstance(field, dict)}
