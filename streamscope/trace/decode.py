"""From the feed's words to events: the one place that knows what a record says (`layout` knows where it ends).

A feed comes from another process, perhaps of another version, perhaps broken. So a decoder is built from the lists
that the feed's `Hello` brought (kinds by name with the names of their arguments, and functions), not from this
version's catalogue: kinds that were appended since still decode, under the names they came with. Everything is
checked, and what is no feed is a `FeedError`, never another exception.

Most records are never looked at one by one: the fold (`model`) reads the words itself, and `past` keeps
them packed. `Decoder.count` is what both rely on: words that it has accepted can be expanded at any later time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from streamscope.core.records import SEQ_PER_WORD, Word
from streamscope.language import tr
from streamscope.trace.layout import Layout
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary


class Event(msgspec.Struct, gc=False):
    """One event: an entry of the catalogue, with when, where and what.

    `t` is in nanoseconds on the feed's clock; `stream` is the handle's number, 0 for the loop; `kind` and `fn` are
    names. `old` and `new` are words, None for a kind that changes nothing that has a value; a flag goes from 0 to 1 or
    from 1 to 0. `fields` has the kind's other arguments as words, by name.
    """

    seq: int
    t: int
    turn: int
    stream: int
    kind: str
    fn: str
    old: Word | None
    new: Word | None
    fields: dict[str, Word]
    spans: dict[str, int | None] | None = None


class _Shape(msgspec.Struct, frozen=True):
    """How a record of one kind is laid out. Offsets count from the header; 0 is for an argument that the kind has
    not.
    """

    name: str
    length: int
    old: int
    new: int
    t: int
    turn: int
    fields: tuple[tuple[str, int], ...]
    edge: tuple[int, int] | None
    texts: tuple[int, ...]
    either: tuple[int, ...]


_EDGES = {"flag.set": (0, 1), "flag.clear": (1, 0)}


def _shape(name: str, arguments: tuple[str, ...], vocabulary: Vocabulary) -> _Shape:
    offsets = {argument: place for place, argument in enumerate(arguments, 1)}
    told = len(vocabulary.kind(name).domains)  # of the others nothing is known, not even whether they are text
    domains = {
        argument: vocabulary.domain_of(name, argument) if place <= told else "any"
        for argument, place in offsets.items()
    }
    own = {"old", "new", "t", "turn"}  # what every event has, and a record may set
    return _Shape(
        name=name,
        length=1 + len(arguments),
        old=offsets.get("old", 0),
        new=offsets.get("new", 0),
        t=offsets.get("t", 0),
        turn=offsets.get("turn", 0),
        fields=tuple((argument, place) for argument, place in offsets.items() if argument not in own),
        edge=_EDGES.get(name),
        texts=tuple(offsets[argument] for argument, domain in domains.items() if domain == "text"),
        either=tuple(
            offsets[argument]
            for argument, domain in domains.items()
            if domain == "any" and argument not in ("t", "turn")
        ),
    )


class _Step(NamedTuple):
    """How one event is made: its names, and the places of its values in the record and the constants behind it."""

    kind: str
    fn: str  # "" for what the record's header says
    old: int
    new: int
    t: int  # 0 if it brings no reading of the clock, and so for the turn
    turn: int
    fields: tuple[tuple[str, int], ...]


class _Recipe(NamedTuple):
    """How a record becomes events: constants to put behind its words, and a step for each event."""

    length: int
    constants: tuple[Word | None, ...]
    steps: tuple[_Step, ...]
    weight: int
    timed: bool  # whether any step brings a reading of the clock, or a turn


EVERY = -1
"""In place of a stream's number: the events of all of them and of the loop, as a person reads them."""
_ASIDE = ("loop.waits", "kernel.", "program.")
"""Kinds that are told aside: what the kernel was asked meanwhile is no step of what the engine does, and would drown
those. Whoever filters finds them.
"""


def is_aside(kind: str) -> bool:
    """Whether events of this kind are told aside."""
    return kind.startswith(_ASIDE)


class Decoder:
    """Reads feeds of one vocabulary. Raises FeedError for lists that no catalogue can have."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.layout = layout = Layout(vocabulary)
        self.kinds = kinds = vocabulary.kinds
        functions = vocabulary.functions
        self.functions = [*functions, *(f"function_{code}" for code in range(len(functions), 256))]
        self._shapes = [_shape(name, arguments, vocabulary) for name, arguments in kinds]
        # what `count` has to look at more closely: kinds that carry text, and codes that no kind has
        self._special: list[_Shape | int | None] = [s if s.texts or s.either else None for s in self._shapes]
        self._special += range(len(kinds), 256)
        for code in layout.expansions:
            self._special[code] = None
        self._recipes: list[_Recipe | None] = [None] * 256  # made when they are first wanted
        self._aside = [is_aside(name) for name, _ in kinds] + [False] * (256 - len(kinds))
        self._of_stream = [0 if aside else weight for aside, weight in zip(self._aside, layout.weights)]
        self.tells_aside = any(name == "loop.waits" for name, _ in kinds)
        """Whether there may be events that are told aside."""

    @classmethod
    def here(cls) -> Decoder:
        """The decoder for feeds of this version."""
        return cls(Vocabulary.here())

    def count(self, words: Sequence[Word]) -> int:
        """How many events these words tell of. Raises FeedError unless they are whole records, each word of its right
        type.
        """
        special, lengths, weights = self._special, self.layout.lengths, self.layout.weights
        i, end, events, texts = 0, len(words), 0, 0
        try:
            while i < end:
                kind = words[i] & 255  # type: ignore[operator]  # text here raises TypeError, as it should
                closer = special[kind]
                if closer is not None:
                    texts += _count_texts(closer, words, i)
                i += lengths[kind]
                events += weights[kind]
            if i != end:
                raise FeedError(tr("a record is cut off"))
            integers = words if not texts else [word for word in words if type(word) is not str]
            if len(integers) + texts != end or type(sum(integers)) is not int:  # type: ignore[arg-type]
                raise FeedError(tr("a word has the wrong type"))
        except TypeError as error:
            raise FeedError(tr("a word has the wrong type")) from error
        return events

    def count_of(self, words: Sequence[Word], stream: int) -> int:
        """How many of the events in these words are of this stream, or of EVERY stream, without those told aside. The
        words must be ones that `count` has accepted.
        """
        lengths, weights = self.layout.lengths, self._of_stream
        i, end, events = 0, len(words), 0
        while i < end:
            header: int = words[i]  # type: ignore[assignment]
            if header >> 16 == stream or stream == EVERY:
                events += weights[header & 255]
            i += lengths[header & 255]
        return events

    def events_before(self, words: Sequence[Word], place: int, seq: int) -> int:
        """How many of the events in these words, which `count` has accepted, come before that `seq`."""
        lengths, weights = self.layout.lengths, self.layout.weights
        i, end, events = 0, len(words), 0
        word = (seq - 1) // SEQ_PER_WORD - place
        while i < end:
            code: int = words[i] & 255  # type: ignore[operator]
            if i + lengths[code] > word:
                return events + min(max(0, seq - 1 - (place + i) * SEQ_PER_WORD), weights[code])
            i += lengths[code]
            events += weights[code]
        return events

    def events_until(self, words: Sequence[Word], wanted: int, *, by_turn: bool = False) -> int:
        """How many of the events in these words, which `count` has accepted, come before the clock reads `wanted`, or
        before the loop's turn is that. It is less where the words begin.
        """
        recipes = self._recipes
        i, end, events = 0, len(words), 0
        while i < end:
            code: int = words[i] & 255  # type: ignore[operator]
            length, constants, steps, weight, timed = recipes[code] or self._recipe(code)
            if timed:
                for number, step in enumerate(steps):
                    at = step.turn if by_turn else step.t
                    if at and (words[i + at] if at < length else constants[at - length]) >= wanted:  # type: ignore[operator]
                        return events + number
            i += length
            events += weight
        return events

    def events(self, place: int, turn: int, t: int, words: Sequence[Word]) -> Iterator[Event]:
        """The events of a batch, in order. Raises FeedError before the first of them if the words are no records."""
        self.count(words)
        return self.expand(place, turn, t, words)

    def expand(
        self, place: int, turn: int, t: int, words: Sequence[Word], *, stream: int | None = None, skip: int = 0
    ) -> Iterator[Event]:
        """The events of a batch that `count` has accepted: those of one stream, or of EVERY, if one is given, which are
        without those told aside; and without the first `skip`.
        """
        recipes, functions, aside = self._recipes, self.functions, self._aside
        i, end = 0, len(words)
        while i < end:
            header: int = words[i]  # type: ignore[assignment]  # types were checked by `count`
            length, constants, steps, weight, timed = recipes[header & 255] or self._recipe(header & 255)
            wanted = stream is None or ((header >> 16 == stream or stream == EVERY) and not aside[header & 255])
            if wanted and skip >= weight:
                skip -= weight
                wanted = False
            if wanted or timed:
                values: list[Any] = [*words[i : i + length], *constants]
                number, seq = header >> 16, (place + i) * SEQ_PER_WORD
                for kind, fn, old, new, t_at, turn_at, places in steps:
                    seq += 1
                    if t_at:
                        t = values[t_at]
                    if turn_at:
                        turn = values[turn_at]
                    if not wanted:
                        continue
                    if skip:
                        skip -= 1
                        continue
                    fields = {}
                    for name, at in places:  # half of what dict(zip(…)) takes
                        fields[name] = values[at]
                    function = fn or functions[header >> 8 & 255]
                    yield Event(seq, t, turn, number, kind, function, values[old], values[new], fields)
            i += length

    def _recipe(self, code: int) -> _Recipe:
        """How records with this code become events."""
        length = self.layout.lengths[code]
        expansion = self.layout.expansions.get(code)
        if expansion is None:
            steps_told: Sequence[tuple[int, Sequence[tuple[int, int]]]] = [(code, [(0, n) for n in range(length - 1)])]
        else:
            steps_told = expansion.steps
        constants: list[Word | None] = [None]  # for an old or new that a kind has not

        def constant(word: int) -> int:
            constants.append(word)
            return length + len(constants) - 1

        steps = []
        for site, refs in steps_told:
            shape = self._shapes[site & 255]
            places = [0, *(constant(word) if is_constant else 1 + word for is_constant, word in refs)]
            old, new = (
                (constant(edge) for edge in shape.edge)
                if shape.edge
                else (places[offset] or length for offset in (shape.old, shape.new))
            )
            steps.append(
                _Step(
                    kind=shape.name,
                    fn="" if expansion is None else self.functions[site >> 8],
                    old=old,
                    new=new,
                    t=places[shape.t],
                    turn=places[shape.turn],
                    fields=tuple((name, places[offset]) for name, offset in shape.fields),
                )
            )
        timed = any(step.t or step.turn for step in steps)
        made = self._recipes[code] = _Recipe(length, tuple(constants), tuple(steps), len(steps), timed)
        return made


def _count_texts(closer: _Shape | int, words: Sequence[Word], i: int) -> int:
    """How many words of the record at `i` are text, and rightly so."""
    if isinstance(closer, int):
        raise FeedError(tr("a record is of kind {closer}, which the feed's catalogue has not", closer=closer))
    if i + closer.length > len(words):
        raise FeedError("a record is cut off")
    if any(type(words[i + offset]) is not str for offset in closer.texts):
        raise FeedError(tr("a record of {closer} has a number where its text should be", closer=closer.name))
    return len(closer.texts) + sum(type(words[i + offset]) is str for offset in closer.either)


def event_as_json(event: Event, vocabulary: Vocabulary) -> dict[str, Any]:
    """The event as a JSON object: `seq t turn stream kind fn old new`, then the kind's own fields.

    Flags, masks, callbacks, types and requests are names, those of the feed's vocabulary, several of them joined by `|`
    (empty for none); a flag goes from "off" to "on" or back. A status or result stays a number; when it is negative,
    `<field>_name` has its name beside it. What the engine cannot know is None. Texts are the program's own and may hold
    control characters: whoever writes the object escapes them, see `names.printable_json`.
    """
    kind = event.kind
    out: dict[str, Any] = {
        "seq": event.seq, "t": event.t, "turn": event.turn, "stream": event.stream, "kind": kind, "fn": event.fn,
        "old": event.old, "new": event.new,
    }  # fmt: skip

    def put(name: str, word: Word | None) -> None:
        _, namer, fails = vocabulary.reading(kind, name)
        out[name] = word if namer is None or not isinstance(word, int) else namer(word)
        if fails and isinstance(word, int) and word < 0:
            out[f"{name}_name"] = vocabulary.error_text(word)

    if kind in _EDGES:
        out["old"], out["new"] = ("off", "on") if event.new else ("on", "off")
    elif event.old is not None or event.new is not None:
        put("old", event.old)
        put("new", event.new)
    unseen = vocabulary.unseen
    for name, word in event.fields.items():
        put(name, None if name in unseen else word)
    return out
