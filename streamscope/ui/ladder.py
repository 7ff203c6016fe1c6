"""The byte ladder: where the bytes of a stream are, on their way from the program to whoever reads them, or back.

Four lines: the rungs, how many bytes stand on each, one bar of all that waits, and in plain words where it waits.
Bytes that the peer has acknowledged, or the program has read, wait no more: they are told, and are not in the bar. What
the kernel does not tell is a dash, and `┄` in the bar. Pure: the same state gives the same lines.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.cells import cell_len

from streamscope.language import N_, sentences, tr
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.lines import Line
from streamscope.ui.meters import NONE, age_text, bytes_text, rate_text
from streamscope.ui.safe import fewer, fit

STALLED, LIMITED, WAITS = "stalled", "limited", "waits"
"""What it means that a rung is lit: an alarm; what holds back a flow that goes on; that bytes lie there."""

QUEUE, BELOW, KERNEL, FLIGHT, UNREAD, UNKNOWN, NOTHING = "█▚▓▒░┄·"
BEFORE_QUEUE = "writableLength"
"""What a program says of the bytes that have not come to the queue yet."""
_BRACKETS = {STALLED: ("[", "]"), LIMITED: ("‹", "›"), WAITS: ("[", "]")}
_LEAST = 7
"""Cells that the longest number takes."""


class Rung(msgspec.Struct, frozen=True):
    """A place where bytes are: how many (None where nobody knows), how they are drawn ("" for those that wait no more),
    how many pass a second, and what it is `called` where that is not its name.
    """

    name: str
    size: int | None
    glyph: str = ""
    rate: float | None = None
    called: str = ""

    @property
    def title(self) -> str:
        """As it is drawn."""
        return self.called or tr(self.name)


class Ladder(msgspec.Struct, frozen=True):
    """One side of a stream. `lit` is the place of the rung that blocks, -1 for none, and `how` what that means."""

    rungs: Sequence[Rung]
    words: str
    lit: int = -1
    how: str = WAITS

    @property
    def waiting(self) -> int:
        """How many bytes wait, as far as is known."""
        return sum(rung.size or 0 for rung in self.rungs if rung.glyph)


class Unread(msgspec.Struct, frozen=True):
    """What somebody found out beside the feed: the other end is on this machine, and has not read so many bytes."""

    size: int
    who: str = ""


class Holds(msgspec.Struct, frozen=True):
    """What is known of why bytes do not move on one side: a stall or a limit, on which rung ("" for the one that they
    lie on), `why` in a few words after the ladder's own, or `words` in place of them.
    """

    how: str
    side: str = "out"
    rung: str = ""
    why: str = ""
    words: str = ""


def kernel_says(state: StreamState, vocabulary: Vocabulary, name: str) -> int | None:
    """A field of what the kernel says of a stream, None where it has not, or what it said is over: the stream has
    closed, or has read since what was unread then.
    """
    said = state.kernel
    if not said or state.closed_t or (name == "inq" and state.last_read_t > state.kernel_t):
        return None
    value = said.get(vocabulary.kernel_number(name), -1)
    return value if value >= 0 else None


def program_says(state: StreamState, vocabulary: Vocabulary, name: str) -> int | None:
    """What the program itself says of a stream, by code in it; None where it does not."""
    if not vocabulary.program or not state.kernel:
        return None
    return next((state.kernel.get(number) for number, found in vocabulary.program.items() if found == name), None)


def with_rung_before(ladder: Ladder, name: str, size: int | None) -> Ladder:
    """The ladder with a rung before all others, on which so many bytes are, those of the queue among them."""
    queued = ladder.rungs[0].size or 0
    ahead = None if size is None else max(size - queued, 0)
    rungs = [Rung(name, ahead, BELOW if ahead else UNKNOWN if ahead is None else ""), *ladder.rungs]
    return msgspec.structs.replace(ladder, rungs=rungs, lit=ladder.lit + 1 if ladder.lit >= 0 else -1)


def side_of(state: StreamState, vocabulary: Vocabulary) -> str:
    """Which side a panel shows where nothing is wrong: the one that holds more, `out` or `in`."""
    unsent = kernel_says(state, vocabulary, "outq") or 0
    unread = kernel_says(state, vocabulary, "inq") or 0
    return "in" if unread > state.write_queue_size + unsent else "out"


def ladder_out(
    state: StreamState,
    vocabulary: Vocabulary,
    now_t: int,
    *,
    rate: float | None = None,
    unread: Unread | None = None,
    holds: Holds | None = None,
    below: StreamState | None = None,
) -> Ladder:
    """The way out: what waits in the queue, in the transport `below` where the stream lies over one, in the kernel, on
    the wire, and unread at a peer on this machine.
    """
    held = kernel_says(state, vocabulary, "outq")
    queued = state.write_queue_size if vocabulary.tells("write_queue_size") else None
    rungs = [Rung(N_("queue"), queued, QUEUE)]
    if below is not None:
        called = vocabulary.type_text(state.type).upper()
        rungs = [Rung("queue", queued, QUEUE, called=called), Rung(N_("transport"), below.write_queue_size, BELOW)]
    if vocabulary.types.get(state.type) in ("pipe", "tty"):  # what the kernel has, the other side only has to read
        rungs.append(Rung("kernel", held, KERNEL))
    else:
        unsent, acked = (kernel_says(state, vocabulary, name) for name in ("notsent", "bytes_acked"))
        flight = None if held is None or unsent is None else max(held - unsent, 0)
        rungs += [
            Rung(N_("kernel"), held if unsent is None else unsent, KERNEL),
            Rung(N_("in flight"), flight, FLIGHT),
            Rung(N_("acknowledged"), acked, rate=rate if acked is not None else None),
        ]
    if unread is not None:
        rungs.append(Rung(N_("unread"), unread.size, UNREAD))
    lit = _lit(rungs, holds)
    how = WAITS if holds is None else holds.how
    if holds is not None and holds.words:
        words = holds.words
    elif unread is not None and unread.size and lit == len(rungs) - 1:
        words = _lie_unread(unread)
    else:
        head = state.write_queue[0] if state.write_queue else None
        age = age_text(now_t - head.begin_t) if head is not None and head.begin_t else ""
        words = _words_out(rungs, age, lit, holds.why if holds is not None else "")
        if unread is not None and unread.size:
            words = tr(sentences((words, _lie_unread(unread))))
    return Ladder(rungs, words, lit, how)


def _lie_unread(unread: Unread) -> str:
    who = unread.who or tr("the other end")
    return tr("{size} lie unread before {who} (a note).", size=bytes_text(unread.size), who=who)


_WHERE = {
    BELOW: N_("{size} wait in the transport below"),
    KERNEL: N_("{size} wait in the kernel"),
    FLIGHT: N_("{size} are in flight"),
}


def _words_out(rungs: Sequence[Rung], age: str, lit: int, why: str) -> str:
    if why and lit >= 0:
        size, glyph = rungs[lit].size or 0, rungs[lit].glyph
        where = _wait_here(size, age) if glyph == QUEUE else _some(_WHERE.get(glyph, N_("{size} wait")), size)
        return tr("{what}: {why}.", what=where, why=why)
    at = {rung.glyph: rung.size for rung in rungs}
    queued, kernel, flight = rungs[0].size, at.get(KERNEL), at.get(FLIGHT, 0)
    if queued is None:
        return tr("What waits is not known.")
    if kernel is None:
        if not queued:
            return tr("Nothing waits here; what the kernel holds is not known.")
        return tr("{what}; what the kernel holds is not known.", what=_wait_here(queued, age))
    if kernel:
        return _some(N_("{size} wait in the kernel."), kernel)
    if flight:
        return _some(N_("{size} are on their way to the peer."), flight)
    if queued:
        return tr("{what}.", what=_wait_here(queued, age))
    return tr("Nothing waits.")


def _some(message: str, size: int) -> str:
    return tr(message, size=bytes_text(size))


def _wait_here(size: int, age: str) -> str:
    if age:
        return tr("{size} wait here for {age}", size=bytes_text(size), age=age)
    return _some(N_("{size} wait here"), size)


def ladder_in(
    state: StreamState,
    vocabulary: Vocabulary,
    *,
    rate: float | None = None,
    unsent: Unread | None = None,
    holds: Holds | None = None,
) -> Ladder:
    """The way in: what a peer on this machine has not sent yet, what has come and waits to be read, what was read."""
    arrived = kernel_says(state, vocabulary, "inq")
    read = state.bytes_in if vocabulary.tells("bytes_in") else None
    rungs = [
        Rung(N_("at the peer"), None if unsent is None else unsent.size, QUEUE if unsent is not None else ""),
        Rung("kernel", arrived, KERNEL),
        Rung(N_("program"), read, rate=rate if read is not None else None),
    ]
    words = holds.words if holds is not None else ""
    if not words:
        if arrived is None:
            words = tr("What waits to be read is not known.")
        elif not arrived:
            words = tr("Nothing waits to be read.")
        else:
            reading = vocabulary.flag("READING")
            off = bool(reading) and not state.flags & reading and vocabulary.tells("flags")
            why = holds.why if holds is not None else tr("the program has stopped reading") if off else ""
            words = _some(N_("{size} wait to be read"), arrived)
            words = tr("{what}: {why}.", what=words, why=why) if why else tr("{what}.", what=words)
    return Ladder(rungs, words, _lit(rungs, holds), WAITS if holds is None else holds.how)


def _lit(rungs: Sequence[Rung], holds: Holds | None) -> int:
    """The rung that is named, if anything is there; else the last on the way where anything is."""
    there = [place for place, rung in enumerate(rungs) if rung.size and rung.glyph]
    if holds is not None:
        for place in there:
            if rungs[place].name == holds.rung:
                return place
    if not there:
        return -1
    flies = rungs[there[-1]].glyph == FLIGHT and len(there) > 1 and rungs[there[-2]].glyph == KERNEL
    return there[-2] if flies else there[-1]


# how it is drawn


WORDS = 3
"""Which of the ladder's lines is the first of its words."""


def ladder_lines(ladder: Ladder, width: int, words_in: int = 2) -> list[Line]:
    """The four lines, five where the words need two and may have them, `width` cells wide; the first cell is there for
    a bracket.
    """
    bar = [(" ", ""), *bar_of(ladder, max(width - 2, 0))]  # of all that waits, whatever rungs there is room to name
    ladder = _fitting(ladder, width)
    heads: Line = [(" ", "")]
    numbers: Line = []
    roomy = _wide([rung.title for rung in ladder.rungs]) <= width
    used = free = 0  # where the heads are, and from where on nothing stands in the numbers' line
    for place, rung in enumerate(ladder.rungs):
        name = rung.title if roomy else _short(rung)
        start = used + (2 if place else 0)
        last = place == len(ladder.rungs) - 1
        taken = max(cell_len(name) + 1, _LEAST + 2)
        heads.append((f"{'▸ ' if place else ''}{name if last else fit(name, taken)}", "label"))
        number = _number(ladder, place)
        numbers.append((" " * (start - free), ""))
        numbers.append((number, _pen(ladder, place)))
        free = start + len(number)
        used = start + taken
        if rung.rate is not None and last and free + 11 <= width:
            numbers.append((f" {rate_text(rung.rate)}", "value" if rung.rate >= 1 else "dim"))
    pen = "value" if ladder.lit >= 0 and ladder.how == STALLED else "" if ladder.lit >= 0 else "label"
    words = fewer(ladder.words, width - 1, words_in)
    return [heads, numbers, bar, *([(" ", ""), (line, pen)] for line in words)]


def _short(rung: Rung) -> str:
    """What the rung is called where the ladder would be too wide."""
    return tr("acked") if rung.name == "acknowledged" else rung.title


def _wide(names: Sequence[str]) -> int:
    """How many cells a ladder of these rungs takes."""
    *others, last = names
    return sum(max(cell_len(name) + 1, _LEAST + 2) + 2 for name in others) + max(cell_len(last), _LEAST + 1) + 1


def _fitting(ladder: Ladder, width: int) -> Ladder:
    """The ladder without the rungs for which there is no room: first that of what waits no more, then the last."""
    rungs, lit = list(ladder.rungs), ladder.lit
    while len(rungs) > 1 and _wide([_short(rung) for rung in rungs]) > width:
        done = [place for place, rung in enumerate(rungs) if not rung.glyph and place != lit]
        gone = done[-1] if done else len(rungs) - 1 - (lit == len(rungs) - 1)
        del rungs[gone]
        lit -= gone < lit
    return Ladder(rungs, ladder.words, lit, ladder.how)


def _number(ladder: Ladder, place: int) -> str:
    """The number with a cell on both sides, in brackets where the rung is lit."""
    size = ladder.rungs[place].size
    text = NONE if size is None else bytes_text(size)
    left, right = _BRACKETS[ladder.how] if place == ladder.lit else (" ", " ")
    return f"{left}{text}{right}"


def _pen(ladder: Ladder, place: int) -> str:
    if place == ladder.lit and ladder.how == STALLED:
        return "error"
    return "value" if ladder.rungs[place].size else "dim"


def bar_of(ladder: Ladder, cells: int) -> Line:
    """One bar, so many cells long, of all that waits."""
    waits = [(place, rung) for place, rung in enumerate(ladder.rungs) if rung.glyph]
    unknown = sum(rung.size is None for _, rung in waits)
    sizes = [rung.size or 0 for _, rung in waits]
    hidden = cells * unknown // max(len(waits), 1) if sum(sizes) else cells * bool(unknown)
    shown = shares(sizes, cells - hidden)
    line: Line = []
    for (place, rung), part in zip(waits, shown):
        stuck = place == ladder.lit and ladder.how == STALLED
        line.append((rung.glyph * part, "error" if stuck else "" if rung.glyph == QUEUE else "label"))
    if not sum(sizes):
        line.append((NOTHING * (cells - hidden), "dim"))
    unknown_first = bool(waits) and waits[0][1].size is None
    line.insert(0 if unknown_first else len(line), (UNKNOWN * hidden, "dim"))
    return [(text, pen) for text, pen in line if text]


def shares(sizes: Sequence[int], cells: int) -> list[int]:
    """So many cells in proportion to the sizes, together all of them; what is not nothing has one at least."""
    total = sum(sizes)
    if not total:
        return [0] * len(sizes)
    found = [max((2 * size * cells + total) // (2 * total), size > 0) for size in sizes]
    while (over := sum(found) - cells) < 0 or (over and max(found) > 1):
        found[found.index(max(found))] += 1 if over < 0 else -1
    return found
