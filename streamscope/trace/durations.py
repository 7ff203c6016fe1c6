"""How long things took: turns of the loop, waits, callbacks, and how late they came.

No record carries a duration. Each is what lies between two of them, and belongs to the event that ends it, where
somebody who reads events looks for it (`Event.spans`). Whoever wants durations has one `Durations` go along, record by
record from the beginning of the past; nobody else pays for it.

The clock is the feed's: it is read where a turn begins, while poll waits, where poll returns, where an event is taken
up and where a callback has ended. What begins between two readings begins at the first of them, as in the loop's own
accounts (`poll_ns`, `callback_ns`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from streamscope.core.records import Word
from streamscope.language import N_
from streamscope.trace.decode import Decoder

Spans: TypeAlias = dict[str, int | None]
"""Durations by name, in nanoseconds; None for one that this feed does not tell."""


class Duration(NamedTuple):
    """What a duration is, the kind of the events that end it, and the kinds without which nobody can know it."""

    meaning: str
    ends: str
    needs: tuple[str, ...]


DURATIONS: dict[str, Duration] = {
    "turn_time": Duration(N_("from the end of a poll to the beginning of this one"), "epoll.wait", ("epoll.wait",)),
    "wait_time": Duration(N_("how long this poll waited"), "epoll.wait", ("epoll.wait",)),
    "callback_time": Duration(
        N_("how long a callback of the program ran, without the callbacks inside it"),
        "callback.end", ("callback.begin", "callback.end"),
    ),
    "lag": Duration(
        N_("how late a callback begins: since its timer was due, or since poll returned "
"its event"),
        "callback.begin", ("callback.begin", "epoll.wait"),
    ),
}  # fmt: skip

_CLOCK, _WAIT, _WAITS, _EVENT, _BEGIN, _END, _START, _STOP, _FREEZE, _THAW = range(10)
_OPS = {
    "epoll.wait": (_WAIT, "t"), "loop.waits": (_WAITS, "t"), "epoll.event": (_EVENT, "t"),
    "callback.begin": (_BEGIN, "callback"), "callback.end": (_END, "callback"),
    "timer.start": (_START, "timeout"), "timer.stop": (_STOP, ""),
    "loop.freeze": (_FREEZE, "t"), "loop.thaw": (_THAW, "t"),
}  # fmt: skip
_DEEPEST = 1000
_MOST = 1 << 20
_MS = 1_000_000

_Place: TypeAlias = tuple[bool, int]
"""(True, constant) or (False, place in the record)."""


class _Step(NamedTuple):
    """An event of a record that begins or ends something: its number in the record, what it is, and where its argument
    and its reading of the clock stand.
    """

    number: int
    op: int
    argument: _Place
    clock: _Place | None


class _Callback:
    """A callback that runs."""

    __slots__ = ("began", "callback", "inside", "stream")

    def __init__(self, stream: int, callback: int, began: int) -> None:
        self.stream, self.callback, self.began = stream, callback, began
        self.inside = 0  # time of the callbacks inside it


class Durations:
    """Goes along with the records of a past, from its beginning. `begin` a batch, then either `pass_over` records or
    ask for what `ends_in` one; `lost` where events are missing.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._lengths = decoder.layout.lengths
        self._steps = _steps(decoder)
        self._timer_cb = decoder.vocabulary.callback("timer_cb")
        self._close_cb = decoder.vocabulary.callback("close_cb")
        self._woken = {decoder.vocabulary.callback(name) for name in ("async_cb", "signal_cb")}
        self._t = 0
        self._running: list[_Callback] = []
        self._polled: int | None = None  # when poll last returned
        self._waits: int | None = None  # when the wait began within which the clock was read
        self._froze: int | None = None  # since when it is frozen: that is no time of its own
        self._loop_t: int | None = None  # the loop's own time, from which timers count
        self._due: dict[int, int | None] = {}  # of the timers that run
        self._fired: dict[int, int | None] = {}  # of those that stopped: their callbacks may be about to begin
        self._ready: set[int] = set()  # handles whose event has been taken up, and whose callback has not begun

    def begin(self, turn: int, t: int) -> None:
        """A batch begins with this on the clock."""
        self._t = t
        if self._loop_t is None and not turn:  # the loop has not run yet
            self._loop_t = t

    def lost(self) -> None:
        """Events are missing here: nothing that was under way is known any more."""
        self._running.clear()
        self._due.clear()
        self._fired.clear()
        self._ready.clear()
        self._polled = self._loop_t = self._waits = self._froze = None

    def pass_over(self, words: Sequence[Word], start: int, end: int) -> None:
        """Nobody asks about the records from `start` to `end`."""
        steps, lengths = self._steps, self._lengths
        i = start
        while i < end:
            code: int = words[i] & 255  # type: ignore[operator]  # types were checked when the batch was appended
            if steps[code]:
                self._go(steps[code], words, i)
            i += lengths[code]

    def ends_in(self, words: Sequence[Word], i: int) -> dict[int, Spans]:
        """The durations that end in the record at `i`, by the number of the event in it."""
        steps = self._steps[words[i] & 255]  # type: ignore[operator]
        return self._go(steps, words, i) if steps else {}

    def _go(self, steps: Sequence[_Step], words: Sequence[Word], i: int) -> dict[int, Spans]:
        stream: int = words[i] >> 16  # type: ignore[operator]
        found: dict[int, Spans] = {}
        for number, op, (constant, place), clock in steps:
            value: int = place if constant else words[i + place]  # type: ignore[assignment]
            before = self._t
            if clock is not None:
                self._t = clock[1] if clock[0] else words[i + clock[1]]  # type: ignore[assignment]
            if op == _BEGIN:
                found[number] = self._callback_begins(stream, value)
            elif op == _END:
                found[number] = {"callback_time": self._callback_ends(stream, value)}
            elif op == _EVENT:
                self._ready.add(stream)
            elif op == _WAITS:
                self._waits = before if self._waits is None else self._waits
            elif op == _FREEZE:
                self._waits = before if self._waits is None else self._waits
                self._froze = self._t
            elif op == _THAW:
                self._goes_on()
            elif op == _WAIT:
                began = before if self._waits is None else self._waits
                self._waits = None
                spans = found[number] = {"wait_time": self._t - began}
                if self._polled is not None:
                    spans["turn_time"] = began - self._polled
                self._polled = self._loop_t = self._t
                self._ready.clear()
            elif op == _CLOCK:
                if value:
                    self._loop_t = self._t
            elif op == _START:
                loop_t = self._loop_t
                self._due[stream] = None if loop_t is None else (loop_t // _MS + value) * _MS
            elif stream in self._due or len(self._fired) < _MOST:
                self._fired[stream] = self._due.pop(stream, None)
            if len(self._due) > _MOST:
                self._due.clear()
        return found

    def _goes_on(self) -> None:
        """While it was frozen its timers stood still, and nothing in it was late."""
        stood, self._froze = 0 if self._froze is None else self._t - self._froze, None
        if self._waits is not None:
            self._waits += stood
        for due in (self._due, self._fired):
            due.update({stream: t + stood for stream, t in due.items() if t is not None})

    def _callback_begins(self, stream: int, callback: int) -> Spans:
        if len(self._running) >= _DEEPEST:
            del self._running[0]
        self._running.append(_Callback(stream, callback, self._t))
        if callback == self._timer_cb:
            due = self._fired.pop(stream, None) if stream in self._fired else self._due.pop(stream, None)
        elif stream in self._ready and callback != self._close_cb:
            self._ready.discard(stream)
            due = self._polled
        elif 0 in self._ready and callback in self._woken:  # the loop's own watcher was ready, and calls many
            due = self._polled
        else:
            return {}
        return {"lag": None if due is None else max(0, self._t - due)}

    def _callback_ends(self, stream: int, callback: int) -> int | None:
        running = self._running
        depth = len(running)
        while depth and not (running[depth - 1].stream == stream and running[depth - 1].callback == callback):
            depth -= 1
        if not depth:
            return None
        ended = running[depth - 1]
        del running[depth - 1 :]
        took = self._t - ended.began
        if running:
            running[-1].inside += took
        return took - ended.inside


def _steps(decoder: Decoder) -> list[list[_Step]]:
    """By the code of a record, its events that begin or end something, or read the clock."""
    plain: list[list[_Step]] = [[] for _ in range(256)]
    for code, (kind, arguments) in enumerate(decoder.kinds):
        step = _step(0, kind, {argument: (False, place) for place, argument in enumerate(arguments, 1)})
        plain[code] = [step] if step is not None else []
    for code, expansion in decoder.layout.expansions.items():
        for number, (site, refs) in enumerate(expansion.steps):
            kind, arguments = decoder.kinds[site & 255]
            places = {
                argument: (True, value) if constant else (False, value + 1)
                for argument, (constant, value) in zip(arguments, refs)
            }
            step = _step(number, kind, places)
            if step is not None:
                plain[code].append(step)
    return plain


def _step(number: int, kind: str, places: dict[str, _Place]) -> _Step | None:
    op, argument = _OPS.get(kind, (_CLOCK, ""))
    clock = places.get("t")
    if (op == _CLOCK and clock is None) or (argument and argument not in places):
        return None
    return _Step(number, op, places[argument] if argument else (True, int(kind == "loop.turn")), clock)
