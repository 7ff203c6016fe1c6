"""A cycle in a line, or in a few: what a person would tell of it.

A *passage* is one such line. The bytes that a cycle moved are one passage, whatever it took to move them; what opened,
closed, changed or failed has one of its own each. What is afterwards as it was before is not told: a flag that went off
and on again, a queue that filled above its mark and was empty at the end. Every number in a passage is a sum over the
events of its cycle, and every name is the engine's.

Pure: the same events give the same passages, in the language that is spoken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from streamscope.core.records import Word
from streamscope.language import N_, tr
from streamscope.trace.decode import Event
from streamscope.trace.figures import bytes_text
from streamscope.trace.matters import Matter, Matters
from streamscope.trace.plain_text import visible
from streamscope.trace.sentence import sentence, word_text
from streamscope.trace.vocabulary import Vocabulary

MarkOf = Callable[[int], int | None]
"""The mark of a stream, None where nobody knows it."""


class Passage(msgspec.Struct, frozen=True):
    """One line: the row and the event with which it begins, whose it is, and what is told.

    - `stream` is the stream, and `to` the others that its bytes went on to;
    - `plain` is what a person would say, `names` the same by the engine's names and numbers, both fit for a terminal;
    - `style` is "error" for a failure; `ns` how long the cycle took, None where the clock was not read again;
    - `sure` is how sure it is, of what is looked at from outside, and `since` when the look before was: it happened in
      between;
    - `read` and `wrote` are the bytes that moved, `asked` those that the program gave to be written.
    """

    row: int
    event: Event
    stream: int
    plain: str
    names: str
    to: tuple[int, ...] = ()
    style: str = ""
    ns: int | None = None
    read: int = 0
    wrote: int = 0
    asked: int = 0
    since: int = 0
    sure: str = ""

    def is_of(self, stream: int) -> bool:
        """Whether it tells of this stream."""
        return stream == self.stream or stream in self.to


class _Group(msgspec.Struct):
    """Events of one stream that are told together: each with its row."""

    stream: int
    events: list[tuple[int, Event]]


class _Traffic(msgspec.Struct):
    """What a stream moved in the cycle, and what its queue was before and after."""

    reads: int = 0
    read: int = 0
    wrote: int = 0
    asked: int = 0
    row: int = -1
    event: Event | None = None  # with which its bytes began to move
    out: tuple[int, Event] | None = None  # with which it began to write
    of: int | None = None  # whose callback gave it what it wrote; 0 for none, or several
    write: Event | None = None  # the last write, were it in vain
    armed: tuple[int, Event] | None = None
    queue: tuple[int, int, int, Event] | None = None  # before, after, and the event that changed it last


def passages(
    events: Sequence[Event], row: int, vocabulary: Vocabulary, matters: Matters, mark_of: MarkOf
) -> tuple[Passage, ...]:
    """The passages of a cycle, whose first row this is, in order; none where nothing in it matters."""
    teller = _Teller(vocabulary, matters, mark_of)
    for place, event in enumerate(events):
        teller.take(row + place, event)
    began, ended = events[0].t, events[-1].t
    if events[0].kind == "sample.taken":
        return tuple(_seen(passage, events) for passage in teller.told(None))
    return teller.told(ended - began if ended > began else None)


def _seen(passage: Passage, events: Sequence[Event]) -> Passage:
    """What was seen by a look: when the look before was, and how sure it is of this stream."""
    look = events[0].fields
    own = next((each for each in events if each.kind == "sample.taken" and each.stream == passage.stream), events[0])
    since, sure = look.get("since"), own.fields.get("sure")
    return msgspec.structs.replace(
        passage, since=since if isinstance(since, int) else 0, sure=sure if isinstance(sure, str) else ""
    )


class _Teller:
    """Goes over the events of a cycle once."""

    def __init__(self, vocabulary: Vocabulary, matters: Matters, mark_of: MarkOf) -> None:
        self._words = vocabulary
        self._matters = matters
        self._mark_of = mark_of
        self._out = vocabulary.poll("OUT")
        self._traffic: dict[int, _Traffic] = {}
        self._groups: list[_Group] = []
        self._opened: dict[int, _Group] = {}
        self._failed: dict[int, _Group] = {}
        self._turned: dict[tuple[int, Word], int] = {}  # how often a flag of a stream was turned
        self._together: _Group | None = None
        self._calls: list[int] = []  # whose callbacks run, the innermost last

    def take(self, row: int, event: Event) -> None:
        """One event more."""
        matter = self._matters.of(event.kind)
        if self._matters.has_failed(event):
            self._failed.setdefault(event.stream, _Group(event.stream, [])).events.append((row, event))
        elif matter.moves or matter.queues or matter.arms or matter.begins:
            self._take_traffic(row, event, matter)
        elif matter.told or (matter.connects and not event.new):
            self._take_change(row, event, matter)
        elif matter.calls:
            self._together = None  # what the program does is told apart from what led to it
            if matter.calls > 0:
                self._calls.append(event.stream)
            elif self._calls:
                self._calls.pop()
        elif not matter.detail and event.stream in self._opened:
            self._opened[event.stream].events.append((row, event))  # what its address is, who accepted it

    def _take_traffic(self, row: int, event: Event, matter: Matter) -> None:
        moving = self._traffic.setdefault(event.stream, _Traffic())
        size = event.fields.get("bytes", 0)
        moved = self._matters.moved(event) if matter.moves else 0
        if matter.moves == "in":
            moving.read += moved
            moving.reads += bool(moved)
        elif matter.moves == "out":
            moving.wrote += moved
            moving.write = event
        elif matter.queues and isinstance(event.old, int) and isinstance(event.new, int):
            before = event.old if moving.queue is None else moving.queue[0]
            moving.queue = (before, event.new, row, event)
        elif matter.arms and isinstance(event.old, int) and isinstance(event.new, int):
            if event.new & ~event.old & self._out:
                moving.armed = (row, event)
        elif matter.begins and isinstance(size, int) and size:
            moving.asked += size
            of = self._calls[-1] if self._calls else 0
            moving.of = of if moving.of in (None, of) else 0
        if moved or (matter.begins and size):
            self._together = None
            if moving.event is None:
                moving.row, moving.event = row, event
            if moving.out is None and matter.moves != "in":
                moving.out = row, event

    def _take_change(self, row: int, event: Event, matter: Matter) -> None:
        stream = event.stream
        if matter.flag:
            key = stream, event.fields.get("flag", 0)
            self._turned[key] = self._turned.get(key, 0) + (1 if event.new else -1)
        opened = self._opened.get(stream)
        group = self._together if self._together is not opened else None
        if opened is not None and (matter.flag or "server" in event.fields):
            group = opened  # how it begins is part of its opening
        elif group is not None and not matter.flag and any(not self._is_flag(each) for _, each in group.events):
            group = None  # flags go with what they belong to; of anything else each is told by itself
        if group is None or group.stream != stream or matter.opens:
            group = _Group(stream, [])
            self._groups.append(group)
        if matter.opens:
            self._opened[stream] = group
        group.events.append((row, event))
        self._together = group

    # what is told

    def told(self, ns: int | None) -> tuple[Passage, ...]:
        """The passages, in the order in which they begin."""
        found = [*self._moved(ns), *self._marks()]
        found += [passage for group in self._groups if (passage := self._changed(group)) is not None]
        found += [self._trouble(group) for group in self._failed.values()]
        return tuple(sorted(found, key=lambda passage: passage.row))

    def _moved(self, ns: int | None) -> list[Passage]:
        """The bytes, in one passage; and that the kernel took no more, where that is so."""
        moving = {stream: each for stream, each in self._traffic.items() if each.event is not None}
        writers = [stream for stream, each in moving.items() if each.wrote or each.asked]
        found = []
        given: set[int] = set()
        for stream, each in moving.items():
            if each.read:  # what goes on elsewhere is this one's only if its own callback has written it
                to = [writer for writer in writers if moving[writer].of == stream]
                given.update(to)
                found.append(self._bytes(stream, to, ns))
        for stream in writers:
            if stream not in given:
                found.append(self._bytes(stream, [stream], ns, alone=True))
        for stream in writers:
            armed, write = moving[stream].armed, moving[stream].write
            if armed is not None and write is not None:
                row, event = armed
                wanted = tr("{what} wanted", what=sentence(event, self._words)[0])
                names = f"{sentence(write, self._words)[0]}   {wanted}"
                found.append(Passage(row, event, stream, tr("the kernel takes no more"), names))
        return found

    def _bytes(self, stream: int, writers: Sequence[int], ns: int | None, *, alone: bool = False) -> Passage:
        """What a stream read and who wrote it; or, `alone`, what it wrote that it had not just read."""
        main = self._traffic[stream]
        others = [self._traffic[writer] for writer in writers]
        wrote, asked = sum(each.wrote for each in others), sum(each.asked for each in others)
        parts = [(main.row, main.event)] if not alone and main.event is not None else []
        parts += [each.out for each in others if each.out is not None]
        row, event = min(parts, key=lambda part: part[0])
        read, reads = (0, 0) if alone else (main.read, main.reads)
        to = tuple(sorted(writer for writer in writers if writer != stream))
        plain, names = self._bytes_text(read, wrote, asked, len(to), main if alone else None)
        if reads > 1:
            names += f"   {tr('{n} reads', n=reads)}"
        return Passage(row, event, stream, plain, names, to, "", ns, read, wrote, asked)

    def _bytes_text(self, read: int, wrote: int, asked: int, others: int, alone: _Traffic | None) -> tuple[str, str]:
        """What a person would say of bytes that moved, and the numbers. `alone` wrote what it had not just read."""
        left, said = max(asked - wrote, 0), f"{wrote:,}"
        took = tr("wrote {n} B", n=said)
        if left:
            took = tr("wrote {n} of {all} B", n=said, all=f"{asked:,}")
        if alone is not None:
            if asked:
                return (_sized(N_("queued {size}"), left) if left else _sized(N_("wrote {size}"), wrote)), took
            if alone.queue is None:
                return tr("took more"), tr("wrote {n} B", n=said)
            if not alone.queue[1]:
                return tr("took the rest"), tr("wrote {n} B", n=said)
            return tr("took more"), tr("wrote {n} B, {left} B left", n=said, left=f"{alone.queue[1]:,}")
        if not wrote and not asked:
            return _sized(N_("read {size}"), read), tr("read {n} B", n=f"{read:,}")
        names = tr("read {n} B → {took}", n=f"{read:,}", took=took)
        if left:
            return _sized(N_("queued {size}"), left), names
        if others > 1:
            return tr("passed on to {n}", n=others), names
        return _sized(N_("carried {size}") if others else N_("answered {size}"), wrote), names

    def _marks(self) -> list[Passage]:
        """Marks that a queue is on the other side of now."""
        found = []
        for stream, each in self._traffic.items():
            mark = self._mark_of(stream) if each.queue is not None else None
            if each.queue is None or mark is None:
                continue
            before, after, row, event = each.queue
            if (before > mark) != (after > mark):
                name = self._words.field("high_water").plain or tr("mark")
                plain = tr(N_("above its {mark}") if after > mark else N_("below its {mark} again"), mark=name)
                label = self._words.label("write_queue_size")
                names = f"{label} {bytes_text(before)} → {bytes_text(after)}   {name} {bytes_text(mark)}"
                found.append(Passage(row, event, stream, visible(plain), visible(names)))
        return found

    def _changed(self, group: _Group) -> Passage | None:
        """What changed in a stream, told together; None where all of it is as it was."""
        stream = group.stream
        kept = []
        for row, event in group.events:
            if "flag" in event.fields and self._is_flag(event):
                turned = self._turned.get((stream, event.fields["flag"]), 0)
                if not turned or (turned > 0) != bool(event.new):
                    continue
            kept.append((row, event))
        leading = [each for each in kept if not self._is_passing(each[1])]
        if stream in self._failed:
            leading = [each for each in leading if not self._matters.of(each[1].kind).connects]
        if not leading:
            return None
        if group is self._opened.get(stream):
            row, event = next((each for each in leading if self._matters.of(each[1].kind).opens), leading[0])
            return Passage(row, event, stream, self._plain(event), self._opened_names([each for _, each in kept]))
        by_rank = {self._rank(event): (row, event) for row, event in reversed(leading)}
        row, event = by_rank[max(by_rank)]
        plain = self._plain(event)
        names = "   ".join(filter(None, (self._change_names(each, plain) for _, each in kept)))
        return Passage(row, event, stream, plain, names)

    def _is_flag(self, event: Event) -> bool:
        return self._matters.of(event.kind).flag

    def _is_passing(self, event: Event) -> bool:
        flag = event.fields.get("flag", 0)
        matter = self._matters.of(event.kind)
        if matter.flag:
            return isinstance(flag, int) and bool(flag & self._matters.passing)
        return not matter.told and not matter.connects

    def _rank(self, event: Event) -> int:
        """What of a group stands first: what is no flag, then what went on."""
        return 2 if not self._is_flag(event) else 1 if event.new else 0

    def _plain(self, event: Event) -> str:
        words, matter = self._words, self._matters.of(event.kind)
        if matter.connects:
            return tr("connected")
        flag = next((flag for flag in words.flags if flag.bit == event.fields.get("flag")), None)
        if matter.flag and flag is not None:
            said = flag.went_on if event.new else flag.went_off
            if not event.new:
                return visible(said or tr("no longer {what}", what=flag.plain or flag.name))
            return visible(said or flag.plain)
        return visible(words.kind(event.kind).plain or event.kind)

    def _change_names(self, event: Event, plain: str) -> str:
        """What the engine calls it; nothing, where that says no more than the plain words."""
        matter = self._matters.of(event.kind)
        what, change = sentence(event, self._words)
        if matter.flag or matter.connects:
            return change
        if not event.fields and not change:
            return ""
        return f"{what.removeprefix(plain).strip()}   {change}".strip()

    def _opened_names(self, events: Sequence[Event]) -> str:
        """What came into being: of which type, where to or from, by whom, and where in the program."""
        said: dict[str, str] = {}
        for event in events:
            for name in ("type", "local", "peer", "server", "place"):
                if event.fields.get(name):
                    said[name] = word_text(self._words, event.kind, name, event.fields[name])
        arrow = "←" if "server" in said else "→"
        where = f"{arrow} {said['peer']}" if "peer" in said else ""
        if not where and "local" in said:
            where = tr("at {address}", address=said["local"])
        by = tr("by {server}", server=said["server"]) if "server" in said else ""
        made = tr("made at {place}", place=said["place"]) if "place" in said else ""
        return "   ".join(filter(None, (where, by, said.get("type", ""), made)))

    def _trouble(self, group: _Group) -> Passage:
        row, event = group.events[0]
        matter = self._matters.of(event.kind)
        plain = visible(self._words.kind(event.kind).plain) if matter.trouble else ""
        said = [" ".join(filter(None, sentence(each, self._words))) for _, each in group.events[:2]]
        more = f"   {tr('and {n} more', n=f'{len(group.events) - 2:,}')}" if len(group.events) > 2 else ""
        status = event.fields.get("result", event.fields.get("status", 0))
        if isinstance(status, int) and status < 0:
            said.insert(0, visible(self._words.error_text(status)))
        return Passage(row, event, group.stream, plain or tr("failed"), "   ".join(said) + more, style="error")


def _sized(message: str, size: int) -> str:
    return tr(message, size=bytes_text(size))
