"""A row of a past → where we are: the phase of the turn, inside which functions, and at which line.

Nothing of it is kept with the past. Whoever looks at a row has the events around it read: back to where the loop turned
to what it does here, and on to where it turns to the next. They are told apart by what only the loop itself tells of.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from streamscope.language import saying
from streamscope.source.grammar import Clue, grammar
from streamscope.source.stacks import Call, Stack, Stacks
from streamscope.source.texts import CORE, texts
from streamscope.trace.contents import Gap
from streamscope.trace.decode import Event, is_aside
from streamscope.trace.past import Past
from streamscope.trace.vocabulary import Vocabulary

PHASES: dict[str, str] = {
    "timers": "uv__run_timers",
    "pending": "uv__run_pending",
    "idle": "uv__run_idle",
    "prepare": "uv__run_prepare",
    "poll": "uv__io_poll",
    "check": "uv__run_check",
    "closing": "uv__run_closing_handles",
}
"""The phases of a turn, in order, each with the function that runs it."""
FAR = 400
"""So many rows are read on either side, at most."""
STRETCHES_KEPT = 64
_TURNS_TO = frozenset({"loop.turn", "loop.phase", "epoll.wait", "epoll.event", "closing.pop"})
"""What the loop tells of when it turns to something else."""


class Whereabouts(NamedTuple):
    """Where the engine was when it told of a row.

    - `stack`: inside which functions; none, where nothing is known of that;
    - `phase`: the phase of the turn, "" outside of the loop;
    - `told`: the phases that have had something to do in this turn so far, None if it began too far away; each with the
      event that is told of last in it;
    - `lost`: why no more is known, in words that `tr` says; "" where it is.
    """

    row: int
    event: Event
    stack: Stack
    phase: str
    told: dict[str, Event] | None
    lost: str = ""

    @property
    def call(self) -> Call | None:
        """The function that told of the event, None if that is none of the engine's."""
        calls = self.stack.calls
        return calls[-1] if calls and calls[-1].file else None


class _Stretch(NamedTuple):
    """The rows from where the loop turned to something until it turned to the next: the first one's number, what they
    are, the stack of each event by its `seq`, and the phases that had had something to do before.
    """

    row: int
    rows: list[Event | Gap]
    stacks: dict[int, Stack]
    told: dict[str, Event] | None


def is_ours(vocabulary: Vocabulary) -> bool:
    """Whether the feed is of this engine, whose text is there to be read."""
    return vocabulary.engine == Vocabulary.here().engine


NOWHERE = Stack((), sure=False)


class Inside:
    """Looks at the rows of one past. `type_of` says of what type a handle is, "" where it is not known."""

    def __init__(self, past: Past, type_of: Callable[[int], str]) -> None:
        self.past = past
        self._type_of = type_of
        self._finder: Stacks | None = None
        self._stretches: deque[_Stretch] = deque(maxlen=STRETCHES_KEPT)

    def at(self, row: int) -> Whereabouts | None:
        """Where the engine was when it told of this row; None where there is no event."""
        stretch = next((each for each in self._stretches if 0 <= row - each.row < len(each.rows)), None)
        if stretch is None:
            stretch = self._read(row)
        if stretch is None or isinstance(event := stretch.rows[row - stretch.row], Gap):
            return None
        told = None if stretch.told is None else {**stretch.told, **_phases_of(stretch.rows[: row - stretch.row + 1])}
        vocabulary = self.past.decoder.vocabulary
        if not is_ours(vocabulary):
            lost = saying("{engine} does not bring its text along.", engine=vocabulary.engine)
        elif is_aside(event.kind):
            lost = saying("The kernel was asked while the loop waited: no function of libuv's has told this.")
        elif event.fn == "injected":
            lost = saying("It was injected: somebody who watches has it happen, and no function of libuv's.")
        elif event.seq not in stretch.stacks:
            lost = saying("{function} is in no text of this version.", function=event.fn)
        else:
            stack = stretch.stacks[event.seq]
            return Whereabouts(row, event, stack, _phase_of(stack), told)
        return Whereabouts(row, event, NOWHERE, "poll" if is_aside(event.kind) else "", told, lost)

    def _read(self, row: int) -> _Stretch | None:
        """What stands around a row."""
        first = max(self.past.first, row - FAR)
        around = self.past.rows(first, FAR * 2)
        if not 0 <= row - first < len(around) or isinstance(around[row - first], Gap):
            return None
        begin, end = _bounds(around, row - first)
        stacks: dict[int, Stack] = {}
        if is_ours(self.past.decoder.vocabulary):
            events = [each for each in around[begin:end] if isinstance(each, Event) and not is_aside(each.kind)]
            events = [each for each in events if each.fn in _tellers()]
            self._finder = self._finder or Stacks(grammar())
            stacks = {each.seq: stack for each, stack in zip(events, self._finder.stacks(*self._clues(events)))}
        stretch = _Stretch(first + begin, around[begin:end], stacks, _told_in_turn(around[: begin + 1]))
        self._stretches.appendleft(stretch)
        return stretch

    def _clues(self, events: Sequence[Event]) -> tuple[list[Clue], list[tuple[str, ...]]]:
        """What is known of each event, and the callbacks that are under way at it."""
        words = self.past.decoder.vocabulary
        types: dict[int, str] = {}
        clues, callbacks = [], []
        under_way: list[str] = []
        for event in events:
            if event.kind == "handle.init":
                types[event.stream] = words.type_text(_number(event, "type"))
            elif event.stream not in types:
                types[event.stream] = self._type_of(event.stream)
            flag = words.flag_text(_number(event, "flag")) if "flag" in event.fields else ""
            result = _number(event, "result") if event.kind.startswith("sys.") else None
            clues.append(Clue(event.kind, event.fn, flag, result, types[event.stream]))
            callbacks.append(tuple(under_way))
            if event.kind == "callback.begin":
                under_way.append(words.callback_text(_number(event, "callback")))
            elif event.kind == "callback.end" and under_way:
                under_way.pop()
        return clues, callbacks


def _number(event: Event, field: str) -> int:
    value = event.fields.get(field, 0)
    return value if isinstance(value, int) else 0


@lru_cache(1)
def _tellers() -> frozenset[str]:
    """The functions in whose name the engine's text can tell of anything."""
    return frozenset(function for _, function in grammar().told)


def _turns(row: Event | Gap) -> bool:
    """Whether the loop turns to something else here."""
    if isinstance(row, Gap):
        return True
    return row.kind in _TURNS_TO or (row.kind == "pending.pop" and row.fn == PHASES["pending"])


def _bounds(around: Sequence[Event | Gap], at: int) -> tuple[int, int]:
    """From where the loop turned to what it does at this place, and until where."""
    begin = next((place for place in range(at, -1, -1) if _turns(around[place])), 0)
    end = next((place for place in range(at + 1, len(around)) if _turns(around[place])), len(around))
    return begin + isinstance(around[begin], Gap), end


def _phase_of(stack: Stack) -> str:
    names = [call.libuv for call in stack.functions]
    return next((phase for phase, function in PHASES.items() if function in names), "")


def _told_in_turn(rows: Sequence[Event | Gap]) -> dict[str, Event] | None:
    """The phases that have had something to do since the turn began; None if these rows do not reach back to that."""
    begun = next((at for at in reversed(range(len(rows))) if isinstance(rows[at], Gap) or _is_turn(rows[at])), None)
    if begun is None or isinstance(rows[begun], Gap):
        return None
    return _phases_of(rows[begun:])


def _is_turn(row: Event | Gap) -> bool:
    return isinstance(row, Event) and row.kind == "loop.turn"


def _phases_of(rows: Sequence[Event | Gap]) -> dict[str, Event]:
    """The phases by which the loop turned to something, each with the last event of those."""
    phases = {function: phase for phase, function in PHASES.items()}
    return {phases[row.fn]: row for row in rows if isinstance(row, Event) and row.fn in phases and _turns(row)}


class Text(NamedTuple):
    """The text of a function: its file, and its lines with their numbers."""

    file: str
    lines: list[tuple[int, str]]


def text_of(call: Call) -> Text:
    """The text of the function that is under way."""
    module = texts().modules[call.file]
    lines = [(number, module.lines[number - 1]) for number in range(call.first, call.last + 1)]
    return Text(f"streamscope/{CORE.name}/{call.file}", lines)
