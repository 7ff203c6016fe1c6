"""The diagnosis of one feed: it looks at the model a few times a second of the feed's clock, and says what is wrong.

A look costs about the same however many streams there are: a part of them is asked whether they are in need, and only
those that are get a track and are shown to the lints, so many at a time. What a lint sees becomes a finding after it
has been so for its while, at several looks on end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from streamscope.core.records import Word
from streamscope.diagnosis.chains import Chains
from streamscope.diagnosis.faulted import faulted
from streamscope.diagnosis.held import Holding, WasHeld
from streamscope.diagnosis.limits import limit_of
from streamscope.diagnosis.links import Links
from streamscope.diagnosis.lint import Case, Lint, Sign, Terms, seen_until
from streamscope.diagnosis.lints import LINTS
from streamscope.diagnosis.loop_track import LoopTrack
from streamscope.diagnosis.need import Need, look_at
from streamscope.diagnosis.roots import chains_of, rooted, unlinked
from streamscope.diagnosis.shapes import Ended, Finding, Held, Level, Limit, Told, Verdict
from streamscope.diagnosis.spells import Spells
from streamscope.diagnosis.track import SECOND, TICK, Track
from streamscope.language import sentences
from streamscope.trace.pieces import BatchLeaf
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

if TYPE_CHECKING:
    from streamscope.trace.model import Model
    from streamscope.trace.past import Past

ASKED_A_LOOK = 4_000
SHOWN_A_LOOK = 300
"""So many streams are asked at one look whether they are in need, and so many of those that are, are shown to lints."""
ASKED_BESIDE = 400
"""So many are asked, where it is known of which anything was told: some are in need because time passes."""
ENDED_KEPT = 1_000
LISTED = 1_000
"""So many findings that are over are kept, and so many are listed that are not."""
PIECES_A_LOOK = 64
"""So many of the latest pieces of the past are looked through for links, at one look."""
JUDGED_AFTER = 5 * SECOND // 2
"""Looked at for so long, a stream in which nothing has moved has become a finding, if any lint says something of it."""
LOST_AFTER = 8
"""A finding that was not looked at for so many looks is over: nobody knows any more."""


class _Standing:
    """A lint that sees something in a stream: since when, at how many looks, and what it became."""

    __slots__ = ("finding", "last_t", "looks", "shown", "since", "told_t")

    def __init__(self, since: int) -> None:
        self.since = since
        self.looks = 0
        self.last_t = 0
        self.told_t = 0
        self.finding: Finding | None = None
        self.shown: Finding | None = None  # the same, with what is injected


class Diagnosis:
    """What is wrong in one feed. Readers may look at, and not change:

    - `findings`: what is so now, the worst first; `ended`: what was so, the latest last; `spells`: when it was;
    - `unavailable`: the lints that this engine's words do not suffice for, and what is missing;
    - `sentence`: the worst finding in one sentence, with who suffers from it; "" for nothing;
    - `links`: who feeds whom, as far as that was seen; None before the first look. It may be given, where it was seen
      before: numbers are never used twice.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        allow: Collection[str] = (),
        lints: Iterable[Lint] = LINTS,
        links: Links | None = None,
    ) -> None:
        self.findings: Sequence[Finding] = ()
        self.ended: deque[Ended] = deque(maxlen=ENDED_KEPT)
        self.spells = Spells()
        self.allowed: set[str] = set(allow)
        missing = [(lint, lint.missing(vocabulary)) for lint in lints]
        self.unavailable: Sequence[tuple[str, str]] = tuple(
            (lint.name, why) for lint, why in missing if why and all(map(vocabulary.has, lint.concerns))
        )
        self.lints: Sequence[Lint] = tuple(lint for lint, why in missing if not why)
        self._of_kind = {
            kind: [lint for lint in self.lints if lint.of == kind] for kind in ("stream", "listener", "loop")
        }
        self._terms = Terms(vocabulary)
        self.links = links
        self._vocabulary = vocabulary
        self._need = Need(self._terms)
        self._holding = Holding(self._terms)
        self._chains = Chains()
        self._loop = LoopTrack(timed=vocabulary.tells("callback_ns"))
        self._tracks: dict[int, Track] = {}
        self._standing: dict[tuple[str, int], _Standing] = {}
        self._limits: dict[int, Limit] = {}
        self._of: dict[int, list[Finding]] = {}
        self._turn = 0  # where in the streams, and in the tracks, the next look goes on
        self._asked = 0
        self._due = self._looked_t = 0
        self._lost = 0
        self._blind = False
        self._read = 0  # how many pieces of the past have been looked through for links

    # looking

    def see(self, words: Sequence[Word], model: Model) -> None:
        """A batch of the feed, which the model has taken: a part of it is looked through for who feeds whom."""
        links = self._links_of(model)
        if links.wants:
            links.see(words, model.streams)

    def look(self, model: Model, now_t: int, past: Past | None = None, touched: Collection[int] | None = None) -> bool:
        """Look, if it is time; returns whether it was. `now_t` is the feed's clock; with the past that the model is
        of, what came since the last look is seen, too. `touched` are the streams of which anything was told since, if
        whoever looks knows that: then hardly any other has to be asked.
        """
        if now_t < self._due:
            return False
        self._due = now_t - now_t % TICK + TICK
        self._looked_t = now_t
        if past is not None:
            self._see_past(past, model)
        self._links_of(model).rest()
        if model.events_lost != self._lost:
            self._lost, self._blind = model.events_lost, True
        if self._blind:
            if not model.whole:
                return True
            self._blind = False
            self._tracks.clear()
        self._loop.see(model, now_t, self._delay_ns(model))
        if model.frozen_t:
            return True  # nothing goes on, and nobody is at fault: what was found stays as it was
        self._find_needy(model, now_t, touched)
        self._show(model, now_t)
        self._gather(model, now_t)
        return True

    def _links_of(self, model: Model) -> Links:
        if self.links is None:
            self.links = Links(self._vocabulary, model.decoder.layout)
        return self.links

    def _see_past(self, past: Past, model: Model) -> None:
        gone, end = past.pieces
        links = self._links_of(model)
        for _, leaf in past.leaves(max(self._read, gone, end - PIECES_A_LOOK)):
            if not links.wants:
                break
            if isinstance(leaf, BatchLeaf):
                links.see(leaf.words(), model.streams)
        self._read = end

    def _delay_ns(self, model: Model) -> int | None:
        """How long the machine has kept the engine's thread from running, as far as it tells."""
        said = model.kernel
        if said is None:
            return None
        told = [said.get(self._terms.kernel.get(name, -1)) for name in ("run_delay", "throttled")]
        return sum(each or 0 for each in told) if any(each is not None for each in told) else None

    def _find_needy(self, model: Model, now_t: int, touched: Collection[int] | None) -> None:
        """Ask a part of the streams whether they are in need; those get a track."""
        numbers = list(model.streams)
        many = ASKED_A_LOOK
        if touched is not None and len(touched) < ASKED_A_LOOK:
            many = ASKED_BESIDE
        count = min(len(numbers), many)
        start = self._asked if self._asked < len(numbers) else 0
        self._asked = start + count
        part = numbers[start : start + count]
        part += numbers[: count - len(part)]
        tracks, streams = self._tracks, model.streams
        if touched is not None and many == ASKED_BESIDE:
            part += [number for number in touched if number in streams]
        needy, links = self._need.is_needy, self._links_of(model)
        for number in part:
            state = streams[number]
            if state.feeds is not None or links.was_told(number):
                links.heed(state, streams)
            if number not in tracks and needy(state, now_t):
                tracks[number] = Track(number)

    def _show(self, model: Model, now_t: int) -> None:
        """Show the lints some of the streams in need, in turns, and the loop."""
        tracks = self._tracks
        numbers = self._whose_turn()
        self._holding.begin()
        for number in tracks:
            if number in model.streams:
                self._holding.full(model.streams[number])
        for number in numbers:
            state = model.streams.get(number)
            if state is None or not (self._need.is_needy(state, now_t) or tracks[number].since):
                self._let_go(number, now_t)
                continue
            if not model.looks.is_moving(number):
                self._show_one(model, state, tracks[number], now_t)
        loop = Case(self._terms, model, self._loop, StreamState(0), Track(0), now_t)
        for lint in self._of_kind["loop"]:
            self._heed(lint, loop, lint.check(loop))

    def _whose_turn(self) -> Sequence[int]:
        """The streams in need that are shown now: all of them, or where they are many, those first in which a lint sees
        something that it has not told of yet, and others in turns.
        """
        numbers = list(self._tracks)
        if len(numbers) <= SHOWN_A_LOOK:
            return numbers
        begun = [number for (_, number), standing in self._standing.items() if standing.finding is None]
        first = dict.fromkeys(number for number in begun[: SHOWN_A_LOOK // 2] if number in self._tracks)
        start = self._turn % len(numbers)
        self._turn = start + SHOWN_A_LOOK - len(first)
        others = (numbers + numbers)[start : self._turn]
        return list(first | dict.fromkeys(others))

    def _show_one(self, model: Model, state: StreamState, track: Track, now_t: int) -> None:
        terms = self._terms
        reading = bool(state.flags & terms.reading) or not terms.reading
        track.see(look_at(state, terms, now_t), state, reading=reading)
        links = self._links_of(model)
        case = Case(terms, model, self._loop, state, track, now_t, links)
        case.held = self._holding.held(case, links)
        if case.held is None and not case.reading:
            case.suspect = self._holding.suspect(case, links)
        limit = None if state.faults or state.closed_t else limit_of(case)
        if limit is None:
            self._limits.pop(state.number, None)
        else:
            self._limits[state.number] = limit
        kind = "listener" if state.callbacks & terms.listens or state.flags & terms.listening else "stream"
        standing, number, closed = self._standing, state.number, bool(state.closed_t)
        for lint in self._of_kind[kind]:
            sign = None if closed and not lint.of_closed else lint.check(case)
            if sign is not None or (lint.name, number) in standing:
                self._heed(lint, case, sign)

    def _heed(self, lint: Lint, case: Case, sign: Sign | None) -> None:
        """What a lint says of a case now."""
        key = lint.name, case.state.number
        standing = self._standing.get(key)
        if sign is None:
            if standing is not None and case.now_t > standing.last_t + lint.stays:
                self._end(key, case.now_t)
            return
        if standing is None:
            standing = self._standing[key] = _Standing(sign.since or case.now_t)
        standing.looks += 1
        standing.last_t = case.now_t
        since = sign.since or standing.since
        waited = case.seen_t - max(since, case.model.thawed_t)  # what passed while it was frozen was no time of its own
        if standing.finding is None and (standing.looks < lint.looks or waited < lint.lasting):
            return
        standing.told_t = standing.told_t or case.now_t
        verdict = sign.verdict
        if verdict is not None and not verdict.since:
            verdict = verdict._replace(since=since)
        stream = sign.stream or case.state.number
        if standing.finding is not None and standing.finding.stream != stream:
            self.spells.add(standing.finding, case.now_t)  # of the loop, and now about another stream
        standing.finding = Finding(
            lint.name, sign.level or lint.level, stream, since, sign.sentence, sign.evidence, verdict, lint.to_do
        )

    def _end(self, key: tuple[str, int], now_t: int) -> None:
        standing = self._standing.pop(key, None)
        if standing is not None and standing.finding is not None:
            self.ended.append(Ended(standing.shown or standing.finding, standing.told_t, now_t))
            self.spells.add(standing.finding, now_t)

    def _let_go(self, number: int, looked_t: int) -> None:
        """The stream is in need no more, or is not there."""
        track = self._tracks.pop(number)
        self._limits.pop(number, None)
        self._holding.forget(number, looked_t)
        now_t = track.looks[-1].t if track.looks else 0
        for lint in self.lints:
            if lint.of != "loop":
                self._end((lint.name, number), now_t)

    # what was found

    def _gather(self, model: Model, now_t: int) -> None:
        limit = now_t - LOST_AFTER * TICK * max(1, -(-len(self._tracks) // SHOWN_A_LOOK))
        for key in [key for key, standing in self._standing.items() if standing.last_t < limit]:
            self._end(key, now_t)
        by_stream: dict[int, list[Finding]] = {}
        every = [each.finding for each in self._standing.values() if each.finding is not None]
        self._chains = chains_of(self._holding.now, every, self._tracks, model, self._terms)
        for standing in self._standing.values():
            if standing.finding is not None:
                standing.finding = rooted(standing.finding, self._chains, model, self._terms)
                standing.shown = faulted(standing.finding, model)
                by_stream.setdefault(standing.finding.stream, []).append(standing.shown)
        for number in [number for number in by_stream if _is_told_above(number, by_stream, model)]:
            del by_stream[number]
        shown: list[Finding] = []
        covers = {lint.name: lint.covered_by for lint in self.lints}
        for number, found in by_stream.items():
            found = [each for each in found if each.lint not in self.allowed]
            names = {finding.lint for finding in found}
            kept = [each for each in found if names.isdisjoint(covers[each.lint])]
            by_stream[number] = sorted(kept, key=_badness)
            shown += kept
        self._of = by_stream
        self.findings = sorted(shown, key=_badness)[:LISTED]

    def of(self, number: int) -> Sequence[Finding]:
        """What was found in one stream, the worst first; 0 is the loop."""
        return self._of.get(number, ())

    def verdict(self, number: int) -> Verdict | None:
        """Why a stream does not get on: the verdict of its worst alarm."""
        return next((each.verdict for each in self.of(number) if each.verdict is not None), None)

    def held(self, number: int) -> Held | None:
        """What holds a stream back, if another one does: then nothing is wrong with it."""
        return self._holding.now.get(number)

    def was_held(self, number: int, t: int) -> WasHeld | None:
        """By whom a stream was held back at that time."""
        return self._holding.at(number, t)

    def limited(self, number: int) -> Limit | None:
        """What sets the pace of a stream whose bytes move."""
        return None if self.verdict(number) is not None else self._limits.get(number)

    def knows(self, field: str) -> bool:
        """Whether this engine tells of a field."""
        return self._vocabulary.tells(field)

    def undecided(self, model: Model) -> Sequence[int]:
        """The streams in which something waits and has not moved since the first look, which was too lately for what is
        wrong to be told from what is slow; 0 among them where not all of the engine is known yet.
        """
        early = [] if model.whole else [0]
        begun = {number for (_, number), standing in self._standing.items() if standing.finding is None}
        for number, track in self._tracks.items():
            state = model.streams.get(number)
            if state is not None and track.looks and not self._of.get(number) and number not in self._holding.now:
                first_t = track.looks[0].t
                still = (track.wanted_t and track.moved_t <= first_t) or track.unread_t
                seen_t = seen_until(state.kernel_t if track.sampled else model.t, self._looked_t, sampled=track.sampled)
                if number in begun or (still and seen_t - first_t < JUDGED_AFTER):
                    early.append(number)
        return early

    def report(self) -> Told:
        """All of that as it is now, to be kept."""
        holding = self._holding
        return Told(
            self.findings, self._of, dict(holding.now), dict(self._limits), holding.followers(), self.links,
            self._chains, unlinked(self._terms),
        )  # fmt: skip

    def was(self, lint: str, number: int, t: int) -> bool:
        """Whether a lint said something of a stream at that time, allowed or not; what is so now was so since then."""
        for key in ((lint, number), (lint, 0)):  # what is seen of the loop may be about one stream
            standing = self._standing.get(key)
            finding = None if standing is None else standing.finding
            if finding is not None and finding.stream == number and finding.since <= t:
                return True
        return self.spells.so(lint, number, t)

    def finish(self) -> None:
        """Nothing more comes: all that is so ends with the last look."""
        for key in list(self._standing):
            self._end(key, self._looked_t)

    @property
    def sentence(self) -> str:
        """The worst that is so now, whole, and who is held back by it; "" for nothing."""
        return self.sentence_of(self.findings[0]) if self.findings else ""

    def sentence_of(self, finding: Finding) -> str:
        """What was found, and who suffers from it."""
        suffers = self._holding.follows(finding.stream) if finding.stream else ""
        return sentences((finding.sentence, suffers))


def _is_told_above(number: int, found: Mapping[int, Sequence[Finding]], model: Model) -> bool:
    """Whether a stream carries another, as one below TLS does, of which something is told already."""
    state = model.streams.get(number)
    return state is not None and bool(state.under) and state.under in found


def _badness(finding: Finding) -> tuple[bool, bool, bool, int, str, int]:
    return (
        finding.level is not Level.ERROR,
        finding.lint != "stalled",
        finding.verdict is not None
        and finding.verdict.root not in (0, finding.stream),  # the root of a chain comes first
        finding.since,
        finding.lint,
        finding.stream,
    )
