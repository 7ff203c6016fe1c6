"""Who feeds whom: what comes in at one stream goes out at another.

A program says so itself (`Stream.feeds`, the kind `feeds`), and an engine that can know it may. Of ours it is seen in
the records all the same, so that the everyday path need not tell anything:

- a write to B that begins between the beginning and the end of the callback that brings A's bytes, at two such
  callbacks: one alone may have been a greeting;
- A is read again within the callback that says that B has room, which is what A has waited for.

Not every batch is looked at, only so many words between two looks: a pair that matters writes again and again, and a
quiet feed is seen whole. What was not seen is not known, and nothing is guessed. What a callback writes to more than
`MOST_PARTNERS` streams makes a group (`groups`) and no pairs. What feeds itself, as in an echo, is nobody's partner.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from streamscope.core.records import Word
from streamscope.diagnosis.groups import MOST_PARTNERS, Group, Groups, Streams, is_there
from streamscope.language import N_
from streamscope.trace.layout import Layout
from streamscope.trace.plain_text import visible
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

WORDS_A_TICK = 8_000
"""So many words are looked at from one look to the next: about a millisecond."""
MOST_FED = 64
MOST_FEEDING = 20_000
"""So many streams are kept of those that one feeds, and so many that feed."""

_NOTHING, _BEGINS, _ENDS, _WRITES, _LIGHTS, _READ_BEGINS, _WRITE_BEGINS, _ANSWERS = range(8)
"""What a record may have to do with it; the last three are joined ones, whose callback and request are constants: of
those that answer, the write and the end of the callback are in the same record as its beginning.
"""

_ONCE, _OFTEN, _RESUMED = 1, 2, 3
"""How well it is known that one feeds another: from one callback, from several, from being read again for it."""
_SEEN = {
    _OFTEN: N_("what is read here is written there"),
    _RESUMED: N_("it is read again when what was written there is done"),
}

BRINGS_BYTES = ("read_cb", "data_received", "buffer_updated")
"""What engines call the callbacks that a program gets bytes in, with how many as their value."""
HAS_ROOM = ("write_cb", "resume_writing")
"""And those in which it hears that what it has written is out, or that there is room again."""


class Partner(NamedTuple):
    """Whom a stream that was asked about has to do with: which one; whether that `is_fed` by the stream, and whether it
    `feeds` the stream, one of them or both; and how that is known, in the program's own words or in ours.
    """

    number: int
    is_fed: bool
    feeds: bool
    why: str


class Links:
    """What was seen and told. Whether it `can_be_known` hangs on the engine: who only looks at it now and then sees no
    callback, and such a feed tells of none.

    Numbers are never used twice, so what is known of a stream stays true; whoever shows a partner looks whether it is
    still there.
    """

    def __init__(self, vocabulary: Vocabulary, layout: Layout) -> None:
        self.can_be_known = vocabulary.tells("feeds")
        self.groups = Groups()
        self._fed: dict[int, dict[int, int]] = {}  # by who feeds, those that it feeds, and how well that is known
        self._feeding: dict[int, dict[int, None]] = {}  # the other way round
        self._partners: dict[int, dict[int, None]] = {}  # of each, without itself and what was only once
        self._told: dict[int, dict[int, str]] = {}  # as states have it
        self._left = WORDS_A_TICK
        self._read_cbs = _callbacks(vocabulary, BRINGS_BYTES)
        self._write_cbs = _callbacks(vocabulary, HAS_ROOM)
        self._write = vocabulary.request("write")
        self._reading = vocabulary.flag("READING")
        self._lengths = layout.lengths
        self._roles = self._roles_of(vocabulary, layout) if self.can_be_known and self._read_cbs else None

    def _roles_of(self, vocabulary: Vocabulary, layout: Layout) -> list[int]:
        """By code, what a record has to do with it."""
        by_name = {"callback.begin": _BEGINS, "callback.end": _ENDS, "request.begin": _WRITES, "flag.set": _LIGHTS}
        roles = [by_name.get(name, _NOTHING) for name, _ in vocabulary.kinds]
        roles += [_NOTHING] * (256 - len(roles))
        certain = {(_BEGINS, 0, number): _READ_BEGINS for number in self._read_cbs}
        certain[_WRITES, 1, self._write] = _WRITE_BEGINS
        for code, expansion in layout.expansions.items():
            found = []
            for site, refs in expansion.steps:
                role = roles[site & 255]
                if role == _ENDS:
                    found.append(_ENDS)
                for (wanted, place, constant), certainly in certain.items():
                    if role == wanted and refs[place] == (1, constant):
                        found.append(certainly)
            if found:
                roles[code] = _ANSWERS if found == [_READ_BEGINS, _WRITE_BEGINS, _ENDS] else found[-1]
        return roles

    # what is taken in

    def rest(self) -> None:
        """A look has been made: as many words may be looked at until the next."""
        self._left = WORDS_A_TICK

    @property
    def wants(self) -> bool:
        """Whether a batch would be looked at."""
        return self._left > 0 and self._roles is not None

    def see(self, words: Sequence[Word], streams: Streams) -> None:
        """Look at a batch, or at its beginning. Its words have been checked: a decoder has accepted them."""
        roles, lengths = self._roles, self._lengths
        if roles is None or self._left <= 0:
            return
        body: Any = words[: self._left]
        self._left -= len(body)
        # the callbacks that run: whose bytes it has read, whose write is done (0 for neither), and what it wrote to
        within: list[tuple[int, int, dict[int, None]]] = []
        i, end = 0, len(body)
        while i < end:
            code = body[i] & 255
            role = roles[code]
            after = i + lengths[code]
            if role and after <= end:
                number = body[i] >> 16
                if role in (_BEGINS, _READ_BEGINS):
                    reads = role == _READ_BEGINS or (body[i + 1] in self._read_cbs and body[i + 2] > 0)
                    written = role == _BEGINS and body[i + 1] in self._write_cbs
                    within.append((number if reads else 0, number if written else 0, {}))
                elif role == _ENDS:
                    if within:
                        self._wrote(*within.pop(), streams)
                elif role == _ANSWERS:
                    self._feed(number, number, _ONCE, streams)
                elif role == _LIGHTS:
                    if within and within[-1][1] and body[i + 1] == self._reading:
                        self._feed(number, within[-1][1], _RESUMED, streams)
                elif within and (role == _WRITE_BEGINS or body[i + 2] == self._write):
                    within[-1][2][number] = None
            i = after
        for each in within:
            self._wrote(*each, streams)

    def _wrote(self, source: int, _: int, sinks: dict[int, None], streams: Streams) -> None:
        """The read callback of a stream has written to these; 0 for another callback."""
        if not source or not sinks:
            return
        if len(sinks) - (source in sinks) > MOST_PARTNERS:
            self.groups.gather(source, sinks, streams)
            sinks = {source: None} if source in sinks else {}
        for sink in sinks:
            self._feed(source, sink, _ONCE, streams)

    def heed(self, state: StreamState, streams: Streams) -> None:
        """What is told of a stream: whom it feeds, and why."""
        told, before = state.feeds or {}, self._told.get(state.number)
        if told is before or (not told and before is None):
            return
        number = state.number
        for sink in [sink for sink in before or () if sink not in told]:
            self._part(number, sink)
        if not told:
            del self._told[number]
            return
        if before is None and len(self._told) >= MOST_FEEDING:
            self._forget_gone(streams)
            if len(self._told) >= MOST_FEEDING:
                return
        self._told[number] = told
        sinks = [sink for sink in told if sink != number]
        if len(sinks) > MOST_PARTNERS:
            self.groups.gather(number, sinks, streams)
        for sink in told:
            self._feeding.setdefault(sink, {})[number] = None
            if sink != number and len(sinks) <= MOST_PARTNERS:
                self._pair(number, sink, streams)

    def was_told(self, number: int) -> bool:
        """Whether the program has said whom it feeds, when it was last heeded."""
        return number in self._told

    def confirm(self, source: int, sink: int, streams: Streams) -> None:
        """State itself shows that one feeds the other."""
        self._feed(source, sink, _OFTEN, streams)

    def _feed(self, source: int, sink: int, how: int, streams: Streams) -> None:
        if _carries(source, streams) or _carries(sink, streams):  # what lies over it is what the program knows
            return
        fed = self._fed.get(source)
        if fed is None:
            if len(self._fed) >= MOST_FEEDING:
                self._forget_gone(streams)
            if len(self._fed) >= MOST_FEEDING:
                return
            fed = self._fed[source] = {}
        known = fed.get(sink, 0)
        if known >= max(how, _OFTEN):
            return
        if not known and len(fed) >= MOST_FED:  # one in which nothing waits holds nobody back
            idle = (each for each in fed if each not in streams or not streams[each].write_queue_size)
            gone = next(idle, None)
            if gone is None:
                return
            del fed[gone]
            self._feeding.get(gone, {}).pop(source, None)
        fed[sink] = how if how > _ONCE else known + _ONCE
        if not known:
            feeding = self._feeding.setdefault(sink, {})
            if len(feeding) < MOST_FED:
                feeding[source] = None
        if source != sink and known < _OFTEN <= fed[sink]:
            self._pair(source, sink, streams)

    def _pair(self, source: int, sink: int, streams: Streams) -> None:
        """These two are partners; where one of them has come to have many, it is a hub."""
        for number, other, speaks in ((source, sink, True), (sink, source, False)):
            partners = self._partners.setdefault(number, {})
            partners[other] = None
            if len(partners) > MOST_PARTNERS:
                for each in [each for each in partners if each != other and not is_there(each, streams)]:
                    del partners[each]
            if len(partners) > MOST_PARTNERS:
                self.groups.gather(number, partners, streams, speaks=speaks)
                if len(partners) > MOST_FED:
                    del partners[next(iter(partners))]

    def _part(self, source: int, sink: int) -> None:
        """The program says that it does so no more, and what was seen before counts no longer."""
        self._feeding.get(sink, {}).pop(source, None)
        self._fed.get(source, {}).pop(sink, None)
        if not self._feeds(sink, source):
            self._partners.get(source, {}).pop(sink, None)
            self._partners.get(sink, {}).pop(source, None)

    def _forget_gone(self, streams: Streams) -> None:
        every: tuple[dict[int, Any], ...] = (self._fed, self._feeding, self._partners, self._told)
        for pairs in every if streams else ():
            for number in [number for number in pairs if number not in streams]:
                del pairs[number]
        self.groups.forget_gone(streams)

    # what is asked

    @property
    def any(self) -> bool:
        """Whether anybody was seen to have to do with another."""
        return bool(self._partners) or self.groups.any

    def beside(self, number: int) -> Collection[int]:
        """The numbers of its partners alone, those of its group among them: for who asks of every stream."""
        return self._partners.get(number, ())

    def is_fed(self, number: int, streams: Streams) -> bool:
        """Whether another stream that is there feeds this one."""
        if any(each != number and is_there(each, streams) for each in self._feeding.get(number, ())):
            return True
        group = self.groups.of(number)
        speakers = () if group is None else group.speakers
        return any(each != number and is_there(each, streams) for each in speakers)

    def is_explained(self, number: int) -> bool:
        """Whether it is known, or was once, where bytes that are written to it come from, be it from itself."""
        return bool(self._feeding.get(number)) or self.groups.of(number) is not None

    def fed_by(self, state: StreamState) -> list[int]:
        """The streams that this one feeds, and it may be itself; of its group's members see `heard_from`."""
        fed = self._fed.get(state.number, {})
        return [*(sink for sink, how in fed.items() if how >= _OFTEN), *(state.feeds or ())]

    def heard_from(self, number: int) -> Collection[int]:
        """The members of its group, if it speaks in one."""
        return self.groups.heard_from(number)

    def partners(self, number: int) -> Sequence[Partner]:
        """The streams that it has to do with, `MOST_PARTNERS` at most and the first known first; of more than that see
        `group`.
        """
        group = self.groups.of(number)
        found = []
        for other in self._partners.get(number, ()):
            if group is None or self.groups.of(other) is not group:
                found.append(Partner(other, self._feeds(number, other), self._feeds(other, number),
                                     self._why(number, other)))  # fmt: skip
        return found[:MOST_PARTNERS]

    def group(self, number: int) -> Group | None:
        """The group that it is in, as its hub or as a member."""
        return self.groups.of(number)

    def _feeds(self, source: int, sink: int) -> bool:
        return self._fed.get(source, {}).get(sink, 0) >= _OFTEN or sink in self._told.get(source, ())

    def _why(self, number: int, other: int) -> str:
        told = self._told.get(number, {}).get(other) or self._told.get(other, {}).get(number)
        if told:
            return visible(told, 120)
        return _SEEN.get(max(self._fed.get(a, {}).get(b, 0) for a, b in ((number, other), (other, number))), "")


def _carries(number: int, streams: Streams) -> bool:
    """Whether another stream lies over this one, as TLS does."""
    state = streams.get(number)
    return state is not None and bool(state.under)


def _callbacks(vocabulary: Vocabulary, names: Sequence[str]) -> frozenset[int]:
    return frozenset(number for number in map(vocabulary.callback, names) if number > 0)
