"""What the fold works on: handles, requests and the loop as the feed has told of them so far, and the bounds of
each.

`rules` has one handler for each kind of record, which changes this; `model` adds batches, slices and losses. Nothing
of a feed is trusted: what it makes grow has a limit, and going beyond one is a FeedError.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec

from streamscope.language import tr
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.trace.untrusted import MALFORMED, FeedError
from streamscope.trace.vocabulary import Vocabulary

MOST_HANDLES = 1 << 20
MOST_REQUESTS = 1 << 20
TEXT_LIMIT = 4096
"""Characters that are kept of a name, a place or an address."""
KERNEL_FIELDS_KEPT = FEEDS_KEPT = 64
"""So many fields of what the kernel says of a stream, and so many streams that one feeds."""
COMPLETED_KEPT = 8
"""So many finished requests are kept of each stream."""

LONG_NS = 50_000_000
LONG_KEPT = 64
"""A callback is long, and a turn whose callbacks take together, that takes more; so many of the latest are kept."""

MOST_MOVING = 4096
LOOKS_KEPT = 200
"""So many of the latest looks from outside are remembered."""
EXACT, AGREED, MOVING, MISSED = "exact", "agreed", "moving", "missed"
"""How sure a look is: all of it was true at one instant; it was the same in two looks; it changed meanwhile; or the
look came to nothing, because what was looked at never held still.
"""
SURE_NS = 1_000_000_000

SLOWEST_KEPT = 10
"""So many callbacks of the program are kept that took longest."""

_read_requests = msgspec.msgpack.Decoder(list[RequestState]).decode

_NEVER: dict[int, int] = {}

Words: TypeAlias = Sequence[Any]  # integers and texts, checked by the decoder


def too_long() -> FeedError:
    """What is raised for a queue that grows without end."""
    return FeedError(tr("the feed tells of a queue longer than {most}", most=f"{MOST_REQUESTS:,}"))


class SlowCallback(NamedTuple):
    """A callback that took long: for how many ns, when and in which turn it returned, and whose it was; without the
    callbacks that ran within it.
    """

    ns: int
    t: int
    turn: int
    stream: int
    callback: int


class LongTurn(NamedTuple):
    """A turn in which callbacks took long: together for how many ns, when and as which turn it was over."""

    ns: int
    t: int
    turn: int


class Looks:
    """How sure whoever looks from outside is of what he tells; of an engine that tells by itself nothing is `heeded`.
    In no keyframe: the next look says it again.

    - `t`: when the last look was, 0 for an engine that tells by itself; `exact_t`: the last that was exact;
    - `recent`: of the latest looks, when each was, and how sure; `missed`: how many came to nothing, in all;
    - `moving`: by handle, when it was last seen moving.
    """

    __slots__ = ("_heeded", "exact_t", "missed", "moving", "recent", "t")

    def __init__(self, *, heeded: bool) -> None:
        self._heeded = heeded
        self.t = self.exact_t = self.missed = 0
        self.recent: deque[tuple[int, str]] = deque(maxlen=LOOKS_KEPT)
        self.moving: dict[int, int] = {}

    def take(self, number: int, t: int, sure: str) -> None:
        """A look; or, behind that, what it was like for a single handle."""
        if not self._heeded:
            return
        if number:
            if sure == MOVING:
                self.moving[number] = t
            return
        self.recent.append((t, sure))
        if sure == MISSED:
            self.missed += 1
            return
        self.t = t
        self.exact_t = t if sure == EXACT else self.exact_t
        if len(self.moving) > MOST_MOVING:
            self.moving = {each: at for each, at in self.moving.items() if at > t - SURE_NS}

    def of(self, number: int) -> str:
        """How sure the looks of the last second are of this handle, the loop for 0; "" where nobody looks from outside.
        It is moving if it was in any of them; else all was exact in one of them, or agreed.
        """
        if not self.t:
            return ""
        if self.moving.get(number, -SURE_NS) > self.t - SURE_NS:
            return MOVING
        return EXACT if self.exact_t > self.t - SURE_NS else AGREED

    def is_moving(self, number: int) -> bool:
        """Whether it was moving at the last look: what is known of it then is evidence of nothing."""
        return bool(self.moving) and self.moving.get(number) == self.t

    @property
    def share(self) -> float:
        """How many of the latest looks were exact, as a part of all."""
        return sum(sure == EXACT for _, sure in self.recent) / len(self.recent) if self.recent else 0.0

    @property
    def rate(self) -> float:
        """How many looks a second there were lately."""
        if len(self.recent) < 2 or self.recent[-1][0] <= self.recent[0][0]:
            return 0.0
        return (len(self.recent) - 1) * 1e9 / (self.recent[-1][0] - self.recent[0][0])


class Fold:
    """What handlers work on. `Model` is the whole of it, with slices and losses."""

    __slots__ = (
        "active_handles", "active_reqs", "asides", "callback_ns", "carried", "changed", "closed", "completed",
        "connect", "exception", "failures", "frozen_t", "handles", "initial", "kernel", "kernel_t", "known", "lit",
        "long", "long_turns", "looks", "membership", "nfds", "poll_ns", "poll_out", "raised", "requests", "round",
        "shutdown", "slow_ns", "slowest", "stream_types", "streams", "t", "thawed_t", "turn", "turn_ns", "unread",
        "write",
    )  # fmt: skip

    def __init__(self, vocabulary: Vocabulary) -> None:
        # what this engine's words are to the rules; looked up once
        self.stream_types = vocabulary.stream_types
        self.poll_out = vocabulary.poll("OUT")
        self.write = vocabulary.request("write")
        self.connect = vocabulary.request("connect")
        self.shutdown = vocabulary.request("shutdown")
        self.initial = vocabulary.initial
        # the loop, one by one: what nearly every record touches should not be one object further away
        self.turn = self.t = self.active_handles = self.active_reqs = self.nfds = self.poll_ns = self.callback_ns = 0
        self.kernel: dict[int, int] | None = None  # what the kernel says of the loop's thread
        self.kernel_t = self.frozen_t = self.thawed_t = 0
        self.slowest: list[SlowCallback] = []  # the slowest first
        self.slow_ns = 0  # what a callback must take longer than to be one of them
        # what took long lately, the latest last; in no keyframe
        self.long: deque[SlowCallback] = deque(maxlen=LONG_KEPT)
        self.long_turns: deque[LongTurn] = deque(maxlen=LONG_KEPT)
        self.looks = Looks(heeded=vocabulary.is_sampled)
        self.turn_ns = 0  # `callback_ns` when this turn began
        self.failures = 0  # all of `errors` while this folded, of streams that are forgotten too; in no keyframe
        self.asides = 0  # events that were told aside: what the kernel was asked
        self.raised = 0  # callbacks that raised since this began; in no keyframe, and so is the last exception
        self.exception = ""
        self.known: dict[int, StreamState] = {}  # every handle: what is in streams and in handles
        self.streams: dict[int, StreamState] = {}
        self.handles: dict[int, StreamState] = {}
        self.requests: dict[int, RequestState] = {}  # begun and not ended, by number
        self.carried: dict[int, int] = {}  # by request, the handle that it took along, sent or still to be sent
        self.completed: dict[int, deque[RequestState]] = {}  # the last that ended, by stream; read by `finished`
        self.unread: dict[int, msgspec.Raw] = {}  # those before them, as a keyframe has them
        self.lit: defaultdict[int, dict[int, int]] = defaultdict(dict)  # when a flag last changed, by stream
        self.closed: OrderedDict[int, None] = OrderedDict()  # numbers in the order of closing
        self.membership = 0
        self.changed: set[int] = set()
        self.round: set[int] | None = None  # handles that the round of slices has named, None outside a round

    @property
    def loop(self) -> LoopState:
        """The loop, as it is now; another object each time."""
        return LoopState(
            self.turn, self.t, self.active_handles, self.active_reqs, self.nfds, self.poll_ns, self.callback_ns,
            None if self.kernel is None else dict(self.kernel), self.kernel_t, self.frozen_t, self.thawed_t,
        )  # fmt: skip

    def note_slow(self, ns: int, t: int, stream: int, callback: int) -> None:
        """A callback has taken longer than `slow_ns`."""
        slow = SlowCallback(ns, t, self.turn, stream, callback)
        if ns > LONG_NS:
            self.long.append(slow)
        self.keep_slowest([*self.slowest, slow])

    def note_turn(self, ns: int) -> None:
        """The callbacks of the turn that is over have taken more than `LONG_NS`."""
        self.long_turns.append(LongTurn(ns, self.t, self.turn))

    def note_look(self, number: int, t: int, sure: str) -> None:
        """State was looked at from outside."""
        self.looks.take(number, t, sure)

    def keep_slowest(self, callbacks: list[SlowCallback]) -> None:
        """These are the slowest, or some of them are."""
        self.slowest = sorted(callbacks, key=_slowness)[:SLOWEST_KEPT]
        self.slow_ns = min(self.slowest[-1].ns, LONG_NS) if len(self.slowest) == SLOWEST_KEPT else 0

    def lit_t(self, number: int, flag: int) -> int:
        """When a flag of a handle last changed, 0 if that was longer ago than is remembered."""
        return self.lit.get(flag, _NEVER).get(number, 0)

    def know(self, state: StreamState) -> None:
        """Takes a handle in, in place of what was known under its number."""
        number = state.number
        if number <= 0:
            raise FeedError(tr("a handle cannot have the number {number}", number=number))
        if len(self.known) >= MOST_HANDLES and number not in self.known:
            raise FeedError(tr("the feed tells of more than {most} handles", most=f"{MOST_HANDLES:,}"))
        here, there = (self.streams, self.handles) if state.type in self.stream_types else (self.handles, self.streams)
        if there.pop(number, None) is not None:
            del self.known[number]  # so that all of these are in one order, which is that of a keyframe
        self.known[number] = here[number] = state
        self.membership += 1
        self.changed.add(number)
        if self.round is not None:
            self.round.add(number)

    def note_closed(self, number: int) -> None:
        """The handle has just closed. One that had closed before and came again stands where it closed last."""
        self.closed.pop(number, None)
        self.closed[number] = None

    def forget(self, number: int) -> None:
        """Lets go of a handle and what is kept beside it."""
        self.known.pop(number, None)
        self.streams.pop(number, None)
        self.handles.pop(number, None)
        self.completed.pop(number, None)
        self.unread.pop(number, None)
        self.membership += 1
        self.changed.add(number)

    def finished(self, number: int) -> Sequence[RequestState]:
        """The last few requests of a stream that ended, the newest last.

        What a keyframe has of them is read only now: of thousands of streams, most are never looked at. It counts as
        nothing if it turns out to be no list of requests, as no writer of ours would have it.
        """
        packed = self.unread.pop(number, None)
        if packed is not None:
            try:
                before = _read_requests(packed)
            except MALFORMED:
                before = []
            self.completed[number] = deque([*before, *self.completed.get(number, ())], maxlen=COMPLETED_KEPT)
        return self.completed.get(number, ())

    # verbs of `effects`: what takes more than an assignment

    def begin_handle(self, stream: StreamState | None, number: int, type: int, place: str) -> None:
        """A handle comes into being; `stream` is what was known under its number, which whoever folds has in hand."""
        state = StreamState(number, type, place=place[:TEXT_LIMIT], begin_t=self.t, **self.initial)
        if stream is None:
            self.know(state)
            return
        for name in StreamState.__struct_fields__:
            setattr(stream, name, getattr(state, name))
        self.know(stream)

    def closing_t(self, stream: StreamState) -> int:
        """When it closed: now, if it has not yet; `closed` is in the order of these times."""
        if stream.closed_t == 0:
            self.note_closed(stream.number)
            return self.t
        return stream.closed_t

    def push(self, queue: list[Any], item: object) -> None:
        """Puts something at the end of a queue."""
        if len(queue) >= MOST_REQUESTS:
            raise too_long()
        queue.append(item)

    def drop(self, queue: list[int], number: int) -> None:
        """Takes a number out of a queue, if it is there."""
        if number in queue:
            queue.remove(number)

    def pop(self, queue: list[RequestState], number: int) -> None:
        """Takes a request out of a queue: the first, or wherever it is."""
        if queue and queue[0].number == number:
            del queue[0]
        else:
            queue[:] = [request for request in queue if request.number != number]

    def begin_request(self, number: int, kind: int, size: int, nbufs: int) -> None:
        """A request begins."""
        self.requests[number] = RequestState(number, kind, size, size, nbufs, 0, 0, 0, self.t)

    def carry(self, number: int, handle: int) -> None:
        """A request carries a handle; 0 when that has been sent."""
        request = self.requests.get(number)
        if request is not None:
            request.send_handle = handle
            if handle:
                self.carried[number] = handle

    def progress(self, number: int, write_index: int, left: int) -> None:
        """The kernel took part of a request."""
        request = self.requests.get(number)
        if request is not None:
            request.write_index, request.left = write_index, left

    def fail(self, number: int, status: int) -> None:
        """A request failed."""
        request = self.requests.get(number)
        if request is not None:
            request.error = status

    def count_write(self, stream: StreamState, number: int) -> None:
        """A request ends well; it counts if it is a write."""
        request = self.requests.get(number)
        if request is not None and request.request == self.write:
            stream.writes += 1

    def end_request(self, stream: int, number: int, status: int) -> None:
        """A request is over, and among those of the stream that are finished."""
        request = self.requests.pop(number, None)
        carried = self.carried.pop(number, 0) if self.carried else 0
        if request is None:
            return
        if request.error != status or request.send_handle != carried:
            # a copy: the stream may hold the request until after its callback, and the engine's has no error then
            request = msgspec.structs.replace(request, error=status, send_handle=carried)
        done = self.completed.get(stream)
        if done is None:
            done = self.completed[stream] = deque(maxlen=COMPLETED_KEPT)
        done.append(request)

    def request(self, number: int, kind: int) -> RequestState:
        """A request by its number; one whose beginning was lost is made up of what is known, its number and kind."""
        request = self.requests.get(number)
        if request is None:
            request = self.requests[number] = RequestState(number, kind)
        return request

    def held(self, number: int, kind: int) -> RequestState | None:
        """The request that a stream waits for; 0 is none."""
        return self.request(number, kind) if number else None

    def taken(self, request: RequestState) -> RequestState:
        """A request of which the kernel took all, if it has no error."""
        if request.error == 0:
            request.left, request.write_index = 0, request.nbufs
        return request

    def unsaid(self, kernel: dict[int, int] | None, field: int) -> dict[int, int] | None:
        """What the kernel says, without this field."""
        if kernel is not None:
            kernel.pop(field, None)
        return kernel or None

    def with_feed(self, feeds: dict[int, str] | None, to: int, why: str) -> dict[int, str] | None:
        """Whom a stream feeds, and this one; without a reason, no longer."""
        feeds = dict(feeds or {})
        if not why:
            feeds.pop(to, None)
        elif len(feeds) < FEEDS_KEPT or to in feeds:
            feeds[to] = why[:TEXT_LIMIT]
        return feeds or None


def _slowness(slow: SlowCallback) -> tuple[int, int]:
    return -slow.ns, slow.t


Handler: TypeAlias = Callable[[Fold, StreamState, Words, int], None]
"""What a record of a known handle does to state; the words, and where in them the record begins."""
Stranger: TypeAlias = Callable[[Fold, None, Words, int], None]
"""The same of the loop itself, and of handles that are not known."""
