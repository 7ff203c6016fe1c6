"""The fold: what is known of an engine, from nothing but its feed.

State in any view is what this fold makes of the records up to there. It is pure: the same words give the same state,
no clock is read and nothing outside is asked. A test holds it against the engine, so both keep the same account of
what libuv itself does not count.

What each kind of record does to state is said in `effects`, and nowhere else; `rules` makes handlers of it. A batch
begins with a reading of the clock, and some kinds bring another: all that follows happened at that time. Records about
handles that are not known (they came before the first slice, or what told of the handle was lost) change nothing but
the clock and the loop's own. A round of slices makes all known again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, TypeAlias

import msgspec

from streamscope.core.records import Word
from streamscope.language import tr
from streamscope.trace.decode import Decoder
from streamscope.trace.effects import effect_of
from streamscope.trace.fold import (
    FEEDS_KEPT,
    KERNEL_FIELDS_KEPT,
    MOST_REQUESTS,
    TEXT_LIMIT,
    Fold,
    Handler,
    Stranger,
    Words,
)
from streamscope.trace.handlers import Handlers
from streamscope.trace.joined_rules import one_by_one, runs_of
from streamscope.trace.rules import IN_RUNS, KNOWN, STRANGERS, run_of
from streamscope.trace.state import LoopState, StreamState, held_requests
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary

CLOSED_KEPT = 8192
"""So many closed handles are kept at most when nobody calls `forget_closed`."""

FAILED_STAYS_NS = 50_000_000_000
"""So much longer a closed handle stays of which something had failed."""

CARRIED_SPARE = 1024
"""So many entries of `carried` may be of requests whose end was lost."""

LIT_KEPT = 8192
LIT_NS = 2_000_000_000
"""Beyond so many entries, `lit` keeps only those of the last two seconds."""


Entry: TypeAlias = tuple[Any, int, int]
"""A handler or none, and how many words and events a record has."""


class Model(Fold):
    """An engine's state as its feed tells it. Raises FeedError, and nothing else, for what is no feed.

    Readers may look at, and not change:

    - `streams` (whose type the vocabulary calls a stream) and `handles` (all others), `StreamState` by number, live and
      lately closed; `loop`;
    - `whole`: whether all of it is known; False until a round of slices has ended, and again after a loss;
    - `completed`: by stream, its last few finished requests, their status in `error`, and in `send_handle` the handle
      that travelled with them;
    - `lit`: when a flag last changed, by flag and stream, for the last moments at least;
    - `membership`: another number whenever a handle has joined or left;
    - `failures`: how many requests, calls and callbacks failed while this model folded;
    - `asides`: how many of the events seen were told aside, because the kernel was asked;
    - `raised`, `exception`: how many callbacks raised while this model folded, and what the last one did;
    - `slowest`: the callbacks that took longest, the slowest first; `long` and `long_turns`: callbacks and turns that
      took long lately, the latest last;
    - `events_seen`, `events_lost`;
    - `decoder`: that of the feed;
    - `changed`: numbers of handles that a record or slice touched, until the reader clears it; some may be gone by
      then.
    """

    __slots__ = ("_handlers", "_runs", "_strangers", "decoder", "events_lost", "events_seen", "whole")

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__(vocabulary)
        self.whole = False
        self.events_seen = 0
        self.events_lost = 0
        self.decoder, self._handlers, self._strangers, self._runs = _tables(vocabulary)

    @classmethod
    def here(cls) -> Model:
        """A model for feeds of this version."""
        return cls(Vocabulary.here())

    def blank(self) -> Model:
        """A model for the same feed that knows nothing yet; made more quickly than of the feed's lists."""
        model = Model.__new__(Model)
        Fold.__init__(model, self.decoder.vocabulary)
        model.whole = False
        model.events_seen = model.events_lost = 0
        model.decoder = self.decoder
        model._handlers, model._strangers, model._runs = self._handlers, self._strangers, self._runs
        return model

    def apply(self, place: int, turn: int, t: int, words: Sequence[Word]) -> int:
        """Folds a batch of the feed and says how many events it told of. `turn` and `t` are what holds at its start.

        Raises FeedError for what is no batch. Words of a wrong type are found before anything has changed; after an
        unknown kind or a record that is cut off, what came before it has been folded.
        """
        self._check_types(words)
        self.begin(turn, t)
        events = self.proceed(words)
        self.settle()
        return events

    # a batch in steps, for whoever stops within one: `begin`, `proceed` for each part, and `settle`

    def begin(self, turn: int, t: int) -> None:
        """A batch begins with this on the clock."""
        self.turn, self.t = turn, t

    def proceed(self, words: Sequence[Word]) -> int:
        """Folds whole records of the batch, whose words a decoder has accepted, and says how many events they told of.

        Raises FeedError.
        """
        try:
            events = self._fold(words)
        except IndexError as error:
            raise FeedError(tr("a record is cut off")) from error
        self.events_seen += events
        return events

    def _check_types(self, words: Sequence[Word]) -> None:
        """Most batches are integers alone, and their sum shows it in a tenth of the time that looking at each would
        take.
        """
        try:
            plain = type(sum(words)) is int  # type: ignore[arg-type]
        except TypeError:
            plain = False
        if not plain:
            self.decoder.count(words)

    def _fold(self, words: Words) -> int:
        known, changed = self.known.get, self.changed.add
        handlers: Any = self._handlers
        strangers: Any = self._strangers
        runs = self._runs
        table, stream, last = strangers, None, -1
        i, end, events = 0, len(words), 0
        while i < end:
            header = words[i]
            code = header & 255
            run = runs[code]
            if run is not None:
                after = run(self, words, i)
                if after != i:
                    _, length, weight = handlers[code]
                    events += (after - i) // length * weight
                    i = after
                    continue
            if header >> 16 != last:  # records of one stream mostly follow each other
                last = header >> 16
                stream = known(last)
                if stream is None:
                    table = strangers
                    last = -1  # look again at the next record: this one may be its handle.init
                else:
                    table = handlers
                    changed(last)
            handler, length, weight = table[code]
            if handler is not None:
                handler(self, stream, words, i)
            i += length
            events += weight
        if i != end:
            raise FeedError(tr("a record is cut off"))
        return events

    def slice(
        self, place: int, loop: LoopState, streams: Iterable[StreamState], first: bool = False, last: bool = False
    ) -> None:
        """Takes part of a snapshot that is true at this place: these handles and the loop are now exactly so.

        `first` begins a round; with `last` all handles go that the round did not name and that no `handle.init` told
        of since. The states are copied. Raises FeedError for a handle that cannot be.
        """
        if first:
            self.round = set()
        for name in LoopState.__struct_fields__:
            setattr(self, name, getattr(loop, name))
        self.kernel = _some(self.kernel)
        self.turn_ns = self.callback_ns
        for state in streams:
            self._take(state)
        if last and self.round is not None:
            for number in self.known.keys() - self.round:
                self.forget(number)
            self.round = None
            self.requests = {
                request.number: request for state in self.known.values() for request in held_requests(state)
            }
            self.whole = True
        self.settle()

    def lost(self, events: int) -> None:
        """So many events are missing here: nothing is certain until another round of slices has ended.

        Raises FeedError if it is not at least one.
        """
        if events <= 0:
            raise FeedError(tr("a loss of no events was told of"))
        self.events_lost += events
        self.whole = False
        self.round = None

    def forget_closed(self, before_t: int) -> None:
        """Lets go of the handles that were closed before that time (ns on the feed's clock); of those of which
        something had failed, where that was so long ago that nobody looks for it any more.
        """
        closed = self.closed
        gone = []
        for number in closed:
            state = self.known.get(number)
            if state is not None and state.closed_t >= before_t:
                break
            if state is None or not state.errors or state.closed_t < before_t - FAILED_STAYS_NS:
                gone.append(number)
        for number in gone:
            del closed[number]
            state = self.known.get(number)
            if state is not None and state.closed_t:
                self.forget(number)

    def _forget_first_closed(self) -> None:
        state = self.known.get(self.closed.popitem(last=False)[0])
        if state is not None and state.closed_t:
            self.forget(state.number)

    def _forget_lit(self) -> None:
        """Keeps of `lit` what is of the last moments, and of that not more than half of what there is room for."""
        lit = [(t, flag, number) for flag, changed in self.lit.items() for number, t in changed.items()]
        lit = [each for each in lit if each[0] > self.t - LIT_NS]
        if len(lit) > LIT_KEPT:
            lit = sorted(lit)[-LIT_KEPT // 2 :]
        self.lit.clear()
        for t, flag, number in lit:
            self.lit[flag][number] = t

    def _take(self, state: StreamState) -> None:
        state = _copy(state)
        before = self.known.get(state.number)
        if before is not None:
            # The kernel forgets the addresses of a connection that broke; they were true all the same.
            state.local = state.local or before.local
            state.peer = state.peer or before.peer
            for request in held_requests(before):
                self.requests.pop(request.number, None)
        self.know(state)
        for request in held_requests(state):
            self.requests[request.number] = request
            if request.send_handle:
                self.carried[request.number] = request.send_handle
        if state.closed_t and (before is None or not before.closed_t):
            self.note_closed(state.number)

    def settle(self) -> None:
        """Stays within the bounds. A batch is bounded by its frame, so it is enough to look after each."""
        if len(self.requests) > MOST_REQUESTS:
            raise FeedError(tr("the feed tells of more than {most} requests at once", most=f"{MOST_REQUESTS:,}"))
        if len(self.carried) > len(self.requests) + CARRIED_SPARE:
            self.carried = {number: handle for number, handle in self.carried.items() if number in self.requests}
        while len(self.closed) > CLOSED_KEPT:
            self._forget_first_closed()
        if sum(map(len, self.lit.values())) > LIT_KEPT:
            self._forget_lit()
        if len(self.changed) > len(self.known) + CLOSED_KEPT:
            self.changed &= self.known.keys()


@lru_cache(16)
def _tables(vocabulary: Vocabulary) -> tuple[Decoder, list[Entry], list[Entry], Any]:
    """What all models of one feed share: its decoder, and by code how records of known handles and of strangers are
    folded, with their length and weight, and how runs are. Handlers are made when they are needed. Raises FeedError.
    """
    decoder = Decoder(vocabulary)
    for name, arguments in decoder.kinds:
        mine = effect_of(name).arguments
        if arguments[: len(mine)] != mine:
            raise FeedError(
                tr("the engine speaks of {name} in another way than this version of streamscope", name=name)
            )
    layout = decoder.layout
    there = len(decoder.kinds)
    entries: list[Entry] = [
        (_first if code < there or code in layout.expansions else _unknown, layout.lengths[code], layout.weights[code])
        for code in range(256)
    ]
    return decoder, entries, list(entries), runs_of(layout.expansions)


def _first(fold: Any, stream: StreamState | None, words: Words, i: int) -> None:
    """Folds the first record of its kind, whose handler is made now."""
    code = words[i] & 255
    table = fold._strangers if stream is None else fold._handlers
    handler = _handler(fold.decoder, code, STRANGERS if stream is None else KNOWN, table)
    table[code] = (handler, *table[code][1:])
    kind = fold.decoder.kinds[code][0] if code not in fold.decoder.layout.expansions else ""
    if kind in IN_RUNS and handler is KNOWN.of_effect(effect_of(kind)):
        fold._runs[code] = run_of(effect_of(kind), table[code][1])
    if handler is not None:
        handler(fold, stream, words, i)


def _handler(decoder: Decoder, code: int, handlers: Handlers, table: list[Entry]) -> Any:
    expansion = decoder.layout.expansions.get(code)
    if expansion is not None:
        known = expansion.known and handlers is KNOWN
        return KNOWN.of_joined(expansion.name) if known else one_by_one(expansion, table)
    kind, texts = decoder.kinds[code][0], decoder.layout.texts[code]
    effect = effect_of(kind)
    handler = handlers.of_effect(effect)
    numbers: list[int] = []
    if not _is_said(decoder.vocabulary, kind):
        texts = tuple(effect.texts)
        numbers = [at for at in range(1, 1 + len(effect.arguments)) if at not in texts]
    return _checked(handler, texts, numbers) if texts or numbers else handler


def _unknown(fold: Fold, stream: StreamState | None, words: Words, i: int) -> None:
    raise FeedError(tr("a record is of kind {words}, which the feed's catalogue has not", words=words[i] & 255))


def _is_said(vocabulary: Vocabulary, kind: str) -> bool:
    """Whether the feed says of each argument that the kind's handler reads what it is, text or number, and rightly."""
    read, texts, _ = effect_of(kind)
    domains = [vocabulary.domain_of(kind, argument) for argument in read]
    return len(vocabulary.kind(kind).domains) >= len(read) and all(
        domain != "any" and (domain == "text") == (at in texts) for at, domain in enumerate(domains, 1)
    )


def _checked(handler: Handler | Stranger | None, texts: Sequence[int], numbers: Sequence[int] = ()) -> Any:
    """The handler, for records that are to have text at these offsets: looks first, because a batch of integers
    alone is not looked at word by word. And numbers at those, where the feed does not say itself that it has.
    """

    def look(fold: Fold, stream: Any, words: Words, i: int) -> None:
        if any(type(words[i + offset]) is not str for offset in texts):
            raise FeedError(tr("a record has a number where its text should be"))
        if any(type(words[i + offset]) is str for offset in numbers):
            raise FeedError(tr("a record has text where a number should be"))
        if handler is not None:
            handler(fold, stream, words, i)

    return look


def _some(kernel: dict[int, int] | None) -> dict[int, int] | None:
    """As many of the fields as are kept."""
    return dict(islice(kernel.items(), KERNEL_FIELDS_KEPT)) if kernel else None


def _copy(state: StreamState) -> StreamState:
    replace = msgspec.structs.replace
    return replace(
        state,
        name=state.name[:TEXT_LIMIT],
        place=state.place[:TEXT_LIMIT],
        local=state.local[:TEXT_LIMIT],
        peer=state.peer[:TEXT_LIMIT],
        session=state.session[:TEXT_LIMIT],
        paused_at=state.paused_at[:TEXT_LIMIT],
        write_queue=[replace(request) for request in state.write_queue],
        write_completed_queue=[replace(request) for request in state.write_completed_queue],
        connect_req=state.connect_req and replace(state.connect_req),
        shutdown_req=state.shutdown_req and replace(state.shutdown_req),
        queued_fds=list(state.queued_fds),
        kernel=_some(state.kernel),
        feeds={to: why[:TEXT_LIMIT] for to, why in islice(state.feeds.items(), FEEDS_KEPT)} if state.feeds else None,
    )
