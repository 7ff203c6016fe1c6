"""The rows of a panel, field by field: pure functions from what is known of a stream to styled text.

A row has a place of its own for everything it says, so that nothing moves when a value comes or goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec
from rich.cells import cell_len

from streamscope.diagnosis.shapes import Finding, Held, Limit, Word
from streamscope.language import N_, items, tr
from streamscope.link.waiters import Waiters
from streamscope.trace.fold import AGREED, EXACT, MOVING
from streamscope.trace.state import RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui import lamps
from streamscope.ui.cells import full_stop
from streamscope.ui.curves import Values, curve, peak
from streamscope.ui.findings import PENS, holds_of, sign_of
from streamscope.ui.ladder import (
    BEFORE_QUEUE,
    WORDS,
    Unread,
    kernel_says,
    ladder_in,
    ladder_lines,
    ladder_out,
    program_says,
    side_of,
    with_rung_before,
)
from streamscope.ui.lines import Line, Part, length
from streamscope.ui.meters import NONE, age_text, bar, bar_scale, bytes_text, count_text, rate_text
from streamscope.ui.peer import pending_count
from streamscope.ui.plain import INJECTED, failure_text, has_failed, is_above, is_injected, mark_of
from streamscope.ui.row_words import SIGNS
from streamscope.ui.safe import as_sentence, few_words, fewer, fit, visible
from streamscope.ui.scale import instant_text
from streamscope.ui.ties import NOBODY, Company

MOST_TOLD = 3
"""Findings at the top of a panel, at most."""

NARROW = 64
"""Below so many cells, what failed is told without how often."""

AT_LEAST = "≥ "
SURE = {
    EXACT: N_("exact: the loop waited meanwhile"),
    AGREED: N_("agreed: two readings, the same"),
    MOVING: N_("moving: two readings differed; no evidence"),
}

LONG_ARMED = 1_000_000_000
"""From so many nanoseconds on, a stream has waited for long until it can write."""


class Facts(msgspec.Struct, frozen=True):
    """All that a panel tells of a stream, and the words of its engine. The trends are of the last thirty seconds,
    oldest first; `below` is the stream that it lies over, if it does; `waiters` are the tasks that wait for it, where
    that can be said; `company` is whom it goes with; `turned` is that the person wants to see the other side of the
    ladder; `sure` is how sure it is, of what is looked at from outside.
    """

    state: StreamState
    now_t: int
    vocabulary: Vocabulary
    changed_t: Mapping[int, int] = msgspec.field(default_factory=dict)
    completed: Sequence[RequestState] = ()
    queue_trend: Values = ()
    in_trend: Values = ()
    out_trend: Values = ()
    rate_in: float | None = 0.0
    rate_out: float | None = 0.0
    accepted: int = 0
    started: float = 0.0
    findings: Sequence[Finding] = ()
    held: Held | None = None
    company: Company = NOBODY
    limit: Limit | None = None
    unread: Unread | None = None
    turned: bool = False
    below: StreamState | None = None
    sure: str = ""
    waiters: Waiters | None = None


class PanelRow(NamedTuple):
    """A line, and how early it goes when there is little room (0 stays); `whole`: it begins in the panel's first cell,
    which all others leave free; `alone`: what it says once the line behind it has gone, which ended its sentence.
    """

    rank: int
    line: Line
    whole: bool = False
    alone: Line | None = None


def trend_cells(width: int) -> int:
    """How many cells a trend takes in a panel of this width: each stands for half a second, one, two or three."""
    room = width - label_width(width) - 9 - cell_len(f" {tr('mark')} 9.5 MiB")
    return next((cells for cells in (60, 30, 15) if cells <= room), 10)


def label_width(width: int) -> int:
    """Cells of the names at the left: room for libuv's longest where there is."""
    return 22 if width >= 84 else 18 if width >= 70 else 17


class PanelRows:
    """The rows of one panel, `width` cells wide. A field that the engine has not has no row; of one that it cannot know
    there is a dash.
    """

    def __init__(self, facts: Facts, width: int) -> None:
        self.facts = facts
        self.state = facts.state
        self.words = facts.vocabulary
        self.width = width
        self.label = label_width(width)
        self.wide = max(width - self.label, 8)

    def _field(self, field: str) -> Line:
        """The beginning of a row that is about a field."""
        return self._begin(self.words.label(field))

    def _beside(self, field: str) -> Part:
        """The name of a field that stands beside another."""
        return f"  {self.words.label(field)} ", "label"

    def _dash(self, field: str) -> list[PanelRow] | None:
        """What there is to say of a field of which nothing is known: nothing, or that; None where something is."""
        if not self.words.has(field):
            return []
        return None if self.words.knows(field) else [PanelRow(5, [*self._field(field), (NONE, "dim")])]

    def _begin(self, name: str) -> Line:
        return [(fit(name, max(cell_len(name) + 1, self.label)), "label")]

    def findings(self, *, one_line: bool) -> list[PanelRow]:
        """What a diagnosis says of the stream, the worst first: who is at fault, and what decided that."""
        facts = self.facts
        rows: list[PanelRow] = []
        said = any(each.verdict is not None and each.verdict.word is Word.INJECTED for each in facts.findings)
        if is_injected(facts.state, self.words) and not said:
            what = visible(facts.state.faults, 200) or tr("what somebody who watches had happen to it")
            rows.append(PanelRow(0, [(tr(INJECTED), "warning"), (f" · {fewer(what, self.width - 11)[0]}", "")]))
        for finding in facts.findings[: 1 if one_line else MOST_TOLD]:
            verdict, pen = finding.verdict, PENS[sign_of(finding)]
            if verdict is None:
                text = f"{sign_of(finding)} {tr(finding.sentence)}"
                rows += [PanelRow(0, [(line, pen)]) for line in fewer(text, self.width, 1 if one_line else 2)]
                continue
            head: Line = [(verdict.word, pen), (f" · {tr(verdict.sure)} · ", "")]
            if one_line:
                room = self.width - length(head)
                reason = tr(verdict.reason).rstrip(".。")
                reason = fewer(reason + full_stop(reason), room + 1)[0].rstrip(".。")
                rows.append(PanelRow(0, [*head, (reason, "")]))
                continue
            head.append((tr("since {instant}", instant=instant_text(facts.started, verdict.since)), ""))
            rows.append(PanelRow(0, [*head, *self._keys(head)]))
            rows += [PanelRow(0, [(line, "")]) for line in fewer(as_sentence(tr(verdict.reason)), self.width, 2)]
        if facts.held is not None and not facts.findings:
            rows += self._sentence(tr(facts.held.sentence), 1 if one_line else 2)
        return rows

    def _sentence(self, text: str, most: int) -> list[PanelRow]:
        """A sentence in at most so many lines, of which all but the first may go."""
        first, *others = fewer(text, self.width, most)
        alone: Line | None = [(fewer(text, self.width)[0], "")] if others else None
        return [PanelRow(0, [(first, "")], alone=alone), *(PanelRow(2, [(line, "")]) for line in others)]

    def _keys(self, head: Line) -> Line:
        """At the right end: the keys that say more."""
        keys: Line = [("w", "key"), (f" {tr('why')}   ", "label"), ("b", "key"), (f" {tr('where it began')}", "label")]
        gap = self.width - length(head) - length(keys) - 1
        return [(" " * gap, ""), *keys] if gap > 0 else []

    def ladder(self, width: int) -> list[PanelRow]:
        """Where the bytes are: of the side that has trouble, or else holds more, or that the person has turned to."""
        facts, state, words = self.facts, self.state, self.words
        if not words.has("write_queue_size") and not words.has("bytes_in"):
            return []
        holds = holds_of(facts.findings, facts.limit, facts.held, state.number)
        side = holds.side if holds is not None else side_of(state, words)
        if facts.turned:
            side = "in" if side == "out" else "out"
        holds = holds if holds is not None and holds.side == side else None
        unread = facts.unread if side == "out" else None
        found = (
            ladder_out(state, words, facts.now_t, rate=facts.rate_out, unread=unread, holds=holds, below=facts.below)
            if side == "out"
            else ladder_in(state, words, rate=facts.rate_in, holds=holds)
        )
        before = words.before_queue if side == "out" else None
        if before is not None:
            found = with_rung_before(found, before.name, program_says(state, words, BEFORE_QUEUE))
        lines = ladder_lines(found, width)
        alone = ladder_lines(found, width, words_in=1)[WORDS] if len(lines) > WORDS + 1 else None
        rows = [PanelRow(0 if place <= WORDS else 2, line, whole=True) for place, line in enumerate(lines)]
        rows[WORDS] = rows[WORDS]._replace(alone=alone)
        if before is not None and program_says(state, words, BEFORE_QUEUE) is None:
            rows += [PanelRow(2, [(line, "label")]) for line in fewer(tr(before.meaning), self.width, 3)]
        return rows

    def flags(self, *, one_line: bool = False) -> list[PanelRow]:
        """The lamps, in as many lines as they take; in one alone those that are lit go before the others."""
        facts, state = self.facts, self.state
        room = self.width - 7
        rows: list[PanelRow] = []
        if (dash := self._dash("flags")) is not None:
            return dash
        shown = lamps.lamps(self.words, state.flags, state.type, facts.changed_t, facts.now_t)
        for number, row in enumerate([lamps.that_fit(shown, room)] if one_line else lamps.rows(shown, room)):
            line: Line = [(fit("" if number else tr("flags"), 7), "label")]
            for place, lamp in enumerate(row):
                line += [
                    (" " * (place > 0), ""),
                    (lamp.text, lamps.GLOWS[lamp.on][lamp.glow] or ("off", "on")[lamp.on]),
                ]
            rows.append(PanelRow(0, line))
        return rows

    def size(self) -> list[PanelRow]:
        """`write_queue_size` as a number and a bar."""
        if (dash := self._dash("write_queue_size")) is not None:
            return dash
        size, mark = self.state.write_queue_size, self.state.high_water
        above = is_above(self.state, self.words)
        room = max(min(trend_cells(self.width), self.wide - 9), 4)
        line = self._field("write_queue_size")
        line.append((f"{bytes_text(size):>7}  ", "warning" if above else "value" if size else "dim"))
        if self.words.tells("high_water"):
            line += _marked_bar(size, bar_scale(size, mark), mark, room)
            called = tr(self.words.field("high_water").name or "mark")
            pen = "warning" if above else "label"
            line += [(f" {called} ", pen), (bytes_text(mark), pen)]
        elif self.words.before_queue is not None:
            del line[2:]
            line.append((tr("not all that waits"), "label"))
        return [PanelRow(2 if size else 5, line)]  # the ladder has the number, too

    def trend(self, height: int) -> list[PanelRow]:
        """`write_queue_size` over the last thirty seconds, `height` lines high."""
        if not self.words.tells("write_queue_size"):
            return []
        values, cells = self.facts.queue_trend, trend_cells(self.width)
        highest = peak(values, cells)
        notes = [tr("peak {size}", size=NONE if highest is None else bytes_text(highest)), *[""] * (height - 2)]
        notes.append(tr("last 30 s"))
        rank = 3 if highest or self.state.write_queue_size else 6
        lines = curve(values, cells, height, mark=mark_of(self.state, self.words))
        return [
            PanelRow(rank, [*self._begin(""), (" " * 9, ""), *line, (note and f" {note}", "label")])
            for line, note in zip(lines, notes)
        ]

    def queue(self) -> list[PanelRow]:
        """`write_queue`: the head with the part that is written, then the others."""
        if (dash := self._dash("write_queue")) is not None:
            return dash
        queue = self.state.write_queue
        line = self._field("write_queue")
        if not queue:
            return [PanelRow(5, [*line, (NONE, "dim")])]
        head = queue[0]
        done = head.bytes - head.left
        filled, empty = bar(done, max(head.bytes, 1), 8)
        line += [(f"w{head.number} ", "value"), (filled, "bar"), (empty.replace(" ", "░"), "track")]
        age = f"{AT_LEAST if self.words.is_sampled else ''}{age_text(self.facts.now_t - head.begin_t)}"
        line += [(f" {_part_of(done, head.bytes)} {age}", ""), *self._fate(head)]
        used = length(line)
        for place, request in enumerate(queue[1:], 1):
            carries = f" {tr('carries')} #{request.send_handle}" if request.send_handle else ""
            piece = f"  w{request.number} {bytes_text(request.left)}{carries}"
            more = f"  +{count_text(len(queue) - place)}"
            if used + cell_len(piece) + (len(more) if place < len(queue) - 1 else 0) > self.width:
                line.append((more, "dim"))
                break
            line.append((piece, "label"))
            used += cell_len(piece)
        return [PanelRow(1, line)]

    def completed(self) -> list[PanelRow]:
        """`write_completed_queue`, and the last requests that had their callback."""
        if (dash := self._dash("write_completed_queue")) is not None:
            return dash
        waiting = self.state.write_completed_queue
        line = self._field("write_completed_queue")
        for request in waiting[:4]:
            line += [(f"w{request.number} ", "value"), self._outcome(request), (f" → {callback_of(self.words)}  ", "")]
        if waiting:
            return [PanelRow(1, line)]
        line.append((NONE, "dim"))
        past = [request for request in reversed(self.facts.completed) if request.request == self.words.request("write")]
        if past:
            line.append((f"    {tr('done')}", "dim"))
        for request in past[:6]:
            piece = [(f" w{request.number} ", "dim"), self._outcome(request, calm=True), *_carried(request)]
            if length(line + piece) > self.width:
                break
            line += piece
        carried = any(request.send_handle for request in past[:6])
        return [PanelRow(2 if carried else 5, line)]

    def descriptors(self) -> list[PanelRow]:
        """`accepted_fd`, as many of those that queue behind it as there is room for, and how many wait in all."""
        if (dash := self._dash("accepted_fd")) is not None:
            return dash
        state = self.state
        held = state.accepted_fd >= 0
        line = self._field("accepted_fd")
        line += [(f"{state.accepted_fd:<5}", "value") if held else (f"{NONE:<5}", "dim")]
        line.append(self._beside("queued_fds"))
        used = f"{len(state.queued_fds)}/{state.queued_fds_capacity}"
        room = f"  {tr('room')} {used}" if state.queued_fds_capacity else ""
        waiting = pending_count(state)
        pending = f"  {tr('pending')} {waiting:,}" if waiting else ""
        free = self.width - length(line) - cell_len(room) - cell_len(pending)
        queued = _first_of(state.queued_fds, free)
        if len(queued) > free:  # how many there are, and for how many there is room, says more than the first of them
            line += [(used if room else "", "value"), (pending, "value")]
        else:
            line += [(queued, "value") if queued else (NONE, "dim"), (room, "dim"), (pending, "value")]
        return [PanelRow(1 if held or queued or state.ipc else 6, line)]

    def waits(self) -> list[PanelRow]:
        """`connect_req`, `shutdown_req` and `delayed_error`."""
        if (dash := self._dash("connect_req")) is not None:
            return dash
        state = self.state
        line = [*self._field("connect_req"), self._waiting(state.connect_req)]
        if self.words.has("shutdown_req"):
            line += [self._beside("shutdown_req"), self._waiting(state.shutdown_req)]
        if length(line) > self.width and state.shutdown_req is None:
            del line[2:]
        error = self._error(state.delayed_error) if state.delayed_error else ""
        if error and self.width < 70 + cell_len(error):
            line = [*self._field("delayed_error"), (error, "error")]
        elif (error or self.width >= 70) and self.words.has("delayed_error"):
            line += [self._beside("delayed_error"), (error, "error") if error else (NONE, "dim")]
        return [PanelRow(1 if state.connect_req or state.shutdown_req or state.delayed_error else 6, line)]

    def _waiting(self, request: RequestState | None) -> Part:
        if request is None:
            return f"{NONE:<10}", "dim"
        return f"{f'r{request.number} {age_text(self.facts.now_t - request.begin_t)}':<10}", "value"

    def epoll(self) -> list[PanelRow]:
        """What the engine wants to hear of, what it has registered, and since when it waits to write."""
        if (dash := self._dash("pevents")) is not None:
            return dash
        state = self.state
        masks = (self.words.mask_text(mask).replace("|", " ") for mask in (state.pevents, state.events))
        wants, has = (text or NONE for text in masks)
        line = [
            *self._begin("epoll"),
            (f"{tr('wants')} ", "label"),
            (f"{wants:<6}", "value" if state.pevents else "dim"),
        ]
        differs = state.pevents != state.events
        line += [
            (f"  {tr('registered')} ", "label"),
            (f"{has:<6}", "accent" if differs else "value" if state.events else "dim"),
        ]
        rows = [line]
        if state.armed_t:
            armed = self.facts.now_t - state.armed_t
            words: Part = (f"  {tr('OUT armed {age}', age=age_text(armed))}", "warning" if armed >= LONG_ARMED else "")
            if length(line) + cell_len(words[0]) > self.width:
                rows.append([*self._begin(""), (words[0].strip(), words[1])])
            else:
                line.append(words)
        queues = (("pending", state.pending), ("watcher_queue", state.watched), ("closing", state.closing))
        waits = [name for name, there in queues if there]
        if waits:
            rows[-1].append((f"  {tr('in {queues}', queues=', '.join(waits))}", "value"))
        return [PanelRow(1 + place, each) for place, each in enumerate(rows)]

    def traffic(self) -> list[PanelRow]:
        """Bytes in and out, and how many a second, on one line."""
        state, facts = self.state, self.facts
        line = self._begin(tr("bytes"))
        errors = self._errors()
        rates = self.label + length(errors) + 49 <= self.width
        for name, called, gap, total, rate in (
            ("bytes_in", tr("in"), "", state.bytes_in, facts.rate_in),
            ("bytes_out", tr("out"), "   ", state.bytes_out, facts.rate_out),
        ):
            if self.words.has(name):
                line.append((f"{gap}{called} ", "label"))
                line += _flow(total, rate)[: 1 + rates] if self.words.knows(name) else [(NONE, "dim")]
        return [PanelRow(1 if has_failed(state, self.words) else 4, line + errors)] if len(line) > 1 else []

    def traffic_trends(self) -> list[PanelRow]:
        """The same on two lines, with the curves of the last thirty seconds."""
        state, facts = self.state, self.facts
        cells = trend_cells(self.width)
        rows = []
        for name, field, total, rate, values in (
            (tr("bytes in"), "bytes_in", state.bytes_in, facts.rate_in, facts.in_trend),
            (tr("bytes out"), "bytes_out", state.bytes_out, facts.rate_out, facts.out_trend),
        ):
            if not self.words.tells(field):
                rows += [PanelRow(1, [*self._begin(name), (NONE, "dim")])] if self.words.has(field) else []
                continue
            total_part, rate_part = _flow(total, rate)
            line = [*self._begin(name), total_part, ("  ", ""), *curve(values, cells)[0], rate_part]
            rank = 1 if has_failed(state, self.words) else 4
            rows.append(PanelRow(rank, line + self._errors() if field == "bytes_out" else line))
        return rows

    def _errors(self) -> Line:
        if not has_failed(self.state, self.words):
            return []
        last = failure_text(self.state, self.facts.vocabulary)
        if self.width < NARROW:
            return [(f"  ✗ {last}", "error")]
        return [(f"    {tr('errors {n}, last {last}', n=count_text(self.state.errors), last=last)}", "error")]

    def accept_queue(self) -> list[PanelRow]:
        """How many connections wait in the kernel for a listener, and how many may."""
        waiting, room = (kernel_says(self.state, self.words, name) for name in ("accept_queue", "accept_max"))
        if waiting is None:
            return []
        line = [*self._begin(tr("accept queue")), (f"{waiting:<6,}", "value") if waiting else (f"{waiting:<6}", "dim")]
        return [
            PanelRow(1, [*line, (tr("of {n} in the kernel", n=f"{room:,}") if room else tr("in the kernel"), "dim")])
        ]

    def connections(self) -> list[PanelRow]:
        """How many streams a server has accepted that are still here."""
        count = self.facts.accepted
        line = self._begin(tr("connections"))
        line.append((f"{count:<6,}", "value") if count else (f"{NONE:<6}", "dim"))
        return [PanelRow(1, [*line, (tr("accepted and still here"), "dim")])]

    def origin(self) -> list[PanelRow]:
        """Where in the program it was made, and who accepted it."""
        if not self.words.has("place"):
            return []
        place = visible(self.state.place)
        line = [*self._begin(tr("made at")), (place, "") if place else (NONE, "dim")]
        by: Part = (f"  {tr('accepted by #{server}', server=self.state.server)}", "dim")
        if self.state.server and length(line) + cell_len(by[0]) <= self.width:
            line.append(by)
        return [PanelRow(7, line)]

    def unseen(self) -> list[PanelRow]:
        """Of what is looked at from outside: how sure it is, what of it the program says itself, and, on one line, what
        nobody can see.
        """
        facts, words = self.facts, self.words
        rows = []
        said = [(name, program_says(self.state, words, name)) for name in words.program.values()]
        if known := [f"{name} {value:,}" for name, value in said if value is not None]:
            rows.append(PanelRow(3, [*self._begin(tr("the preload says")), ("   ".join(known), "")]))
        if facts.sure:
            rows.append(
                PanelRow(5, [*self._begin(tr("how sure")), (f"{SIGNS[facts.sure]} {tr(SURE[facts.sure])}", "")])
            )
        fields = ("bytes_in", "bytes_out", "place", "high_water", "reads", "writes", "errors")
        hidden = [tr(words.field(name).plain) or name for name in fields if not words.knows(name)]
        line = self._begin(tr("not seen"))
        if hidden:
            rows.append(PanelRow(7, [*line, (few_words(items(hidden), self.width - length(line)), "dim")]))
        return rows

    def _outcome(self, request: RequestState, *, calm: bool = False) -> Part:
        if request.error:
            return f"✗ {self._error(request.error)}", "error"
        return "✓", "dim" if calm else "good"

    def _fate(self, request: RequestState) -> Line:
        if request.error:
            return [(f" {self._error(request.error)}", "error")]
        return [(f" {tr('carries')} #{request.send_handle}", "value")] if request.send_handle else []

    def _error(self, number: int) -> str:
        return visible(self.words.error_text(number))


def callback_of(vocabulary: Vocabulary) -> str:
    """What a finished write waits for."""
    return "write_cb" if vocabulary.callback("write_cb") > 0 else tr("its callback")


def _first_of(numbers: Sequence[int], width: int) -> str:
    """`10, 11, 12 +5`: as many as fit into so many cells, six at most and one at least, and how many more there are."""
    text = ""
    for shown in range(1, min(len(numbers), 6) + 1):
        more = f" +{len(numbers) - shown}" if shown < len(numbers) else ""
        longer = ", ".join(map(str, numbers[:shown])) + more
        if text and len(longer) > width:
            break
        text = longer
    return text


def _flow(total: int, rate: float | None) -> tuple[Part, Part]:
    return (f"{bytes_text(total):>7}", "value" if total else "dim"), (
        f" {rate_text(rate):>9}",
        "value" if rate and rate >= 1 else "dim",
    )


def _marked_bar(value: int, scale: int, mark: int, width: int) -> Line:
    """A bar with a tick where the high-water mark is, once the bar reaches beyond it."""
    filled, empty = bar(value, scale, width)
    if scale <= mark:
        return [(filled, "bar"), (empty.replace(" ", "·"), "track")]
    text = filled + empty
    tick = max(min(int(mark / scale * width), width - 1), 0)
    cells = [(cell, "bar-hot" if x < len(filled) else "track") for x, cell in enumerate(text)]
    cells[tick] = ("│", "tick")
    return _runs(cells)


def _runs(cells: Sequence[Part]) -> Line:
    """Cells of one style after another as one part."""
    return [("".join(text for text, _ in run), style) for style, run in groupby(cells, key=lambda cell: cell[1])]


def _part_of(done: int, total: int) -> str:
    """`48/64 KiB`, or each with its own unit where they differ."""
    whole = bytes_text(total)
    number, _, unit = bytes_text(done).partition(" ")
    return f"{number}/{whole}" if whole.endswith(f" {unit}") else f"{number} {unit}/{whole}"


def _carried(request: RequestState) -> Line:
    return [(f" {tr('carried')} #{request.send_handle}", "dim")] if request.send_handle else []
