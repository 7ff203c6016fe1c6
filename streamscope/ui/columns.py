"""The columns of the table of streams, each declared once: how it reads, how it sorts, how much room it needs.

The table, the config file and the help are made from `COLUMNS`. Texts are short and of at most the column's width;
whatever came from outside is made visible here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import msgspec

from streamscope.diagnosis.shapes import Told
from streamscope.language import tr
from streamscope.trace.plain_text import host_and_port
from streamscope.trace.roles import arrow_of, role_of
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.curves import Values, curve_text
from streamscope.ui.findings import rank
from streamscope.ui.lamps import Letters
from streamscope.ui.meters import (
    AGE_WIDTH,
    BYTES_WIDTH,
    COUNT_WIDTH,
    NONE,
    RATE_WIDTH,
    age_text,
    bytes_text,
    count_text,
    rate_text,
)
from streamscope.ui.peer import peer_text, pending_count
from streamscope.ui.plain import is_above, is_listener, mark_of
from streamscope.ui.row_words import FOR_WIDTH, Cell, Overview, for_of, since_of, waiting, waits_of, what_of
from streamscope.ui.safe import visible


class Trends(Protocol):
    """Where rates, trends and names come from."""

    @property
    def vocabulary(self) -> Vocabulary:
        """What the engine's words are called."""

    @property
    def told(self) -> Told:
        """What is wrong."""

    @property
    def known(self) -> Overview:
        """What is known of streams beyond their own states."""

    def rate_in(self, number: int) -> float | None:
        """Bytes a second that came in; None while that is not known yet."""

    def rate_out(self, number: int) -> float | None:
        """Bytes a second that the kernel took."""

    def queue_trend(self, number: int, width: int) -> Values:
        """`write_queue_size` over the last thirty seconds, in at most so many cells."""


CellOf = Callable[[StreamState, int, Trends], Cell]
KeyOf = Callable[[StreamState, int, Trends], Any]


class Column(msgspec.Struct, frozen=True):
    """One column. `fields` are those that it tells of: an engine that cannot know them all has no such column. `rank`
    says how early it goes when there is little room (higher goes first); `most` is how wide it may grow, and `gap` how
    many cells are free before it.
    """

    id: str
    title: str
    help: str
    width: int
    cell: CellOf
    key: KeyOf
    align: str = "right"
    rank: int = 5
    most: int = 0
    descending: bool = True
    default: bool = True
    sort_title: str = ""
    fields: tuple[str, ...] = ()
    gap: int = 2

    def is_of(self, vocabulary: Vocabulary) -> bool:
        """Whether an engine has this column."""
        return vocabulary.tells(*self.fields) and (self.id != "flags" or bool(Letters.of(vocabulary).cells))

    def sorted_by(self, vocabulary: Vocabulary) -> str:
        """What a table is sorted by that is sorted by this column."""
        own = vocabulary.field(self.fields[0]).name if len(self.fields) == 1 else ""
        return own or tr(self.sort_title or self.title)

    def explained(self, vocabulary: Vocabulary) -> str:
        """What the column says, in the words of an engine where it has some."""
        if self.id == "flags":
            named = [flag for flag in vocabulary.flags if flag.cell >= 0 and flag.letter]
            named.sort(key=lambda flag: flag.cell)
            return ", ".join(f"{flag.letter} {flag.name}" for flag in named) + "."
        if len(self.fields) != 1 or self.id == "role":
            return tr(self.help)
        if self.id in self.fields:
            return vocabulary.field(self.id).meaning or tr(self.help)
        return tr("{field}: {says}", field=vocabulary.label(self.fields[0]), says=tr(self.help))


def _where(state: StreamState, vocabulary: Vocabulary) -> str:
    if is_listener(state, vocabulary):
        parts = host_and_port(state.local)
        return visible(state.local.rpartition("/")[2] if parts is None else f":{parts[1]}") or NONE
    peer = peer_text(state, vocabulary)
    arrow = arrow_of(state, vocabulary) if state.peer else ""
    return f"{arrow} {peer}".strip() or NONE


def _type(state: StreamState, vocabulary: Vocabulary) -> str:
    return "ipc" if state.ipc else vocabulary.types.get(state.type, "?")


def _head_age(state: StreamState, now_t: int) -> int:
    return max(now_t - state.write_queue[0].begin_t, 0) if state.write_queue else -1


def _queue(state: StreamState, now_t: int, trends: Trends) -> Cell:
    size = state.write_queue_size
    if not size:
        return Cell(bytes_text(0), "muted")
    return Cell(bytes_text(size), "warning" if is_above(state, trends.vocabulary) else "")


def _head(state: StreamState, now_t: int, trends: Trends) -> Cell:
    age = _head_age(state, now_t)
    return Cell(age_text(age)) if age >= 0 else Cell(NONE, "muted")


def _age(state: StreamState, now_t: int, trends: Trends) -> Cell:
    end = state.closed_t or now_t
    return Cell(age_text(end - state.begin_t), "muted") if state.begin_t else Cell(NONE, "muted")


def _idle_ns(state: StreamState, now_t: int) -> int:
    last = max(state.last_read_t, state.last_write_t)
    return now_t - last if last else -1


def _idle(state: StreamState, now_t: int, trends: Trends) -> Cell:
    idle = _idle_ns(state, now_t)
    return Cell(age_text(idle), "muted") if idle >= 0 else Cell(NONE, "muted")


def _rate(rate: float | None) -> Cell:
    return Cell(rate_text(rate), "" if rate and rate >= 1 else "muted")


def _total(size: int) -> Cell:
    return Cell(bytes_text(size), "" if size else "muted")


def _number_or_none(value: int, none: int = 0) -> Cell:
    return Cell(NONE, "muted") if value == none else Cell(count_text(value))


def _why(state: StreamState, now_t: int, trends: Trends) -> Cell:
    found = trends.told.of(state.number)
    if found:
        return Cell(tr(trends.told.sentence_of(found[0])), what_of(state, trends.known).pen)
    held = trends.told.held.get(state.number)
    return what_of(state, trends.known) if held is None else Cell(tr(held.sentence))


def _trend(state: StreamState, trends: Trends) -> Cell:
    return Cell(curve_text(trends.queue_trend(state.number, 10), 10, top=mark_of(state, trends.vocabulary))[0], "trend")


def _rank(state: StreamState, now_t: int, trends: Trends) -> Any:
    return rank(state, trends.told)


def _since(state: StreamState, now_t: int, trends: Trends) -> int:
    since = since_of(state, trends.told)
    return now_t - since if since else -1


COLUMNS: tuple[Column, ...] = (
    Column("number", "#", "The stream's number; never used twice.", 3,
           lambda s, now, ts: Cell(str(s.number)), lambda s, now, ts: s.number, rank=0, descending=False,
           sort_title="number"),
    Column("role", "role", "What it is in the program: a listener, a client that one accepted, an upstream that was "
           "connected to.", 8,
           lambda s, now, ts: Cell(tr(role_of(s, ts.vocabulary)) or _type(s, ts.vocabulary), "label"),
           lambda s, now, ts: role_of(s, ts.vocabulary), align="left", rank=5, descending=False,
           fields=("type",), gap=1),
    Column("type", "type", "tcp, pipe, tty, or ipc: a pipe that carries descriptors.", 4,
           lambda s, now, ts: Cell(_type(s, ts.vocabulary)), lambda s, now, ts: (s.type, s.ipc), align="left", rank=7,
           descending=False, default=False,
           fields=("type",)),
    Column("peer", "peer",
           "The other side's address (unix where a Unix socket has none), or where a server listens, or the name "
           "that the program gave.",
           17,
           lambda s, now, ts: Cell(_where(s, ts.vocabulary)),
           lambda s, now, ts: (not is_listener(s, ts.vocabulary), _where(s, ts.vocabulary)), align="left",
           rank=0, most=47,
           descending=False, gap=1),
    Column("waits", "waits", "Bytes that wait: to go out ↑, in the queue and in the kernel, or else to be read ↓.", 9,
           lambda s, now, ts: waits_of(s, ts.known),
           lambda s, now, ts: waiting(s, ts.vocabulary)[0] or 0, rank=0, sort_title="what waits"),
    Column("for", "for", "For how long the oldest of them has waited, or it has been wrong.", FOR_WIDTH,
           lambda s, now, ts: for_of(s, ts.known, now), _since, rank=0,
           sort_title="how long it waits", gap=1),
    Column("queue", "queue", "Bytes that the program wrote and the kernel has not taken.",
           BYTES_WIDTH, _queue,
           lambda s, now, ts: s.write_queue_size, rank=1, sort_title="write queue", default=False,
           fields=("write_queue_size",)),
    Column("head", "age", "How long the first write has waited.", AGE_WIDTH, _head,
           lambda s, now, ts: _head_age(s, now), rank=4, default=False, sort_title="age of the first write",
           fields=("write_queue",)),
    Column("flags", "flags", "Its flags, a letter each; the head of the column says which.",
           9, lambda s, now, ts: Cell(Letters.of(ts.vocabulary).text(s.flags)), lambda s, now, ts: s.flags,
           align="left", rank=6,
           fields=("flags",)),
    Column("what", "what", "In a word what is the matter: whose fault it is, who holds it back, what was found, what "
           "failed, or what sets its pace.", 10,
           lambda s, now, ts: what_of(s, ts.known), _rank, align="left", rank=0, most=20,
           sort_title="trouble first"),
    Column("rate_in", "in/s", "Bytes a second that came in, over the last second.", RATE_WIDTH,
           lambda s, now, ts: _rate(ts.rate_in(s.number)), lambda s, now, ts: ts.rate_in(s.number) or 0.0, rank=8,
           sort_title="bytes in a second",
           fields=("bytes_in",)),
    Column("rate_out", "out/s", "Bytes a second that the kernel took, over the last second.", RATE_WIDTH,
           lambda s, now, ts: _rate(ts.rate_out(s.number)), lambda s, now, ts: ts.rate_out(s.number) or 0.0, rank=8,
           sort_title="bytes out a second",
           fields=("bytes_out",)),
    Column("trend", "last 30 s", "Bytes that waited to be sent, over the last thirty seconds.", 10,
           lambda s, now, ts: _trend(s, ts),
           lambda s, now, ts: s.write_queue_size, align="left", rank=9, sort_title="write queue",
           fields=("write_queue_size",)),
    Column("requests", "reqs", "How many writes wait.", 4,
           lambda s, now, ts: _number_or_none(len(s.write_queue)), lambda s, now, ts: len(s.write_queue), rank=8,
           default=False,
           sort_title="requests",
           fields=("write_queue",)),
    Column("bytes_in", "in", "Bytes that came in since the stream began.", BYTES_WIDTH,
           lambda s, now, ts: _total(s.bytes_in), lambda s, now, ts: s.bytes_in, rank=8, default=False,
           sort_title="bytes in",
           fields=("bytes_in",)),
    Column("bytes_out", "out", "Bytes that the kernel took since the stream began.", BYTES_WIDTH,
           lambda s, now, ts: _total(s.bytes_out), lambda s, now, ts: s.bytes_out, rank=8, default=False,
           sort_title="bytes out",
           fields=("bytes_out",)),
    Column("lifetime", "since", "How long the stream has been there.", AGE_WIDTH, _age, lambda s, now,
           ts: (s.closed_t or now) - s.begin_t,
           rank=9, default=False, sort_title="lifetime",
           fields=("begin_t",)),
    Column("idle", "idle", "How long no bytes have moved.", AGE_WIDTH, _idle, lambda s, now, ts: _idle_ns(s, now),
           rank=9, default=False,
           sort_title="idle time",
           fields=("last_read_t", "last_write_t")),
    Column("fd", "fd", "The descriptor.", 4, lambda s, now, ts: _number_or_none(s.fd, -1), lambda s, now, ts: s.fd,
           rank=9, default=False,
           descending=False,
           fields=("fd",)),
    Column("fds", "fds", "Descriptors that came over an IPC pipe and wait to be accepted.", 4,
           lambda s, now, ts: _number_or_none(pending_count(s)), lambda s, now, ts: pending_count(s), rank=9,
           default=False, sort_title="waiting descriptors",
           fields=("accepted_fd", "queued_fds")),
    Column("local", "local", "The stream's own address.", 15, lambda s, now, ts: Cell(visible(s.local) or NONE),
           lambda s, now, ts: s.local, align="left", rank=9, most=47, default=False, descending=False,
           fields=("local",)),
    Column("name", "name", "The name that the program gave the stream.", 12, lambda s, now,
           ts: Cell(visible(s.name) or NONE),
           lambda s, now, ts: s.name, align="left", rank=9, most=30, default=False, descending=False,
           fields=("name",)),
    Column("place", "made at", "Where in the program the stream was made.", 16, lambda s, now,
           ts: Cell(visible(s.place) or NONE),
           lambda s, now, ts: s.place, align="left", rank=9, most=40, default=False, descending=False,
           sort_title="place",
           fields=("place",)),
    Column("wants", "wants", "What the engine wants the kernel to watch for.", 6, lambda s, now,
           ts: Cell(ts.vocabulary.mask_text(s.pevents).replace("|", " ") or NONE),
           lambda s, now, ts: s.pevents, align="left", rank=9, default=False, sort_title="wanted events",
           fields=("pevents",)),
    Column("errors", "errs", "How many of its calls and requests failed.", COUNT_WIDTH,
           lambda s, now, ts: Cell(count_text(s.errors), "error") if s.errors else Cell(NONE, "muted"), lambda s, now,
           ts: s.errors,
           rank=9, default=False, sort_title="errors",
           fields=("errors",)),
    Column("trouble", "trouble", "What is wrong with the stream, in a sentence.", 20, _why, _rank, align="left",
           rank=9, most=50, default=False),
)  # fmt: skip

BY_ID: dict[str, Column] = {column.id: column for column in COLUMNS}
DEFAULT: tuple[str, ...] = tuple(column.id for column in COLUMNS if column.default)


EXTRA = 8
"""From this rank on, a column is there for its own sake."""


class Placed(msgspec.Struct, frozen=True):
    """A column with the width that it has got."""

    column: Column
    width: int


def place(chosen: Iterable[str], width: int, vocabulary: Vocabulary, digits: int = 3) -> list[Placed]:
    """The chosen columns that an engine has and that fit into `width` cells, in their order, where the highest number
    of a stream has so many digits.

    Columns of the highest rank go first; what room is left over goes to those that may grow. What stands there for its
    own sake comes only once the words of ours have all their room.
    """
    least = {
        "number": max(digits, BY_ID["number"].width),
        "flags": max(len(Letters.of(vocabulary).cells), len("flags")),
    }
    columns = [
        msgspec.structs.replace(column, width=least[column.id]) if column.id in least else column
        for column in (BY_ID[name] for name in chosen if name in BY_ID)
        if column.is_of(vocabulary)
    ]
    while len(columns) > 1:
        last = max(columns, key=lambda column: column.rank)
        grown = last.rank >= EXTRA and any(column.id == "what" for column in columns)
        if needed(columns) + grown * (BY_ID["what"].most - BY_ID["what"].width) <= width:
            break
        last_of = max(place for place, column in enumerate(columns) if column.rank == last.rank)
        del columns[last_of]
    spare = max(width - needed(columns), 0)
    widths = {column.id: column.width for column in columns}
    for column in sorted(columns, key=lambda column: column.id != "what"):  # a name of ours is not cut
        extra = min(spare, max(column.most - column.width, 0))
        spare -= extra
        widths[column.id] += extra
    return [Placed(column, widths[column.id]) for column in columns]


def needed(columns: Sequence[Column]) -> int:
    """The cells that columns take beside each other, where each is as wide as it says."""
    return sum(column.width + column.gap for column in columns) - columns[0].gap if columns else 0
