"""Who waits: which tasks wait for a stream, to read from it or until it takes more. Found when somebody asks.

Nothing is kept of it meanwhile. A task that waits says by its coroutines, from the outermost to the innermost, where it
stands; the innermost of asyncio's says what for. Of many tasks a few are looked at each time that the link has its
turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from streamscope.core.system import encodable
from streamscope.observe.books import book_of
from streamscope.observe.described import not_the_program, place_of_code
from streamscope.observe.takers import tell_feeds

AT_ONCE, BETWEEN_NS = 64, 2_000_000
"""So many tasks are looked at, and then not for so long: each takes some twenty microseconds."""
MOST_ASKED = 64
"""Questions that wait for their answer at most."""
MOST_DEPTH = 64

_AWAITS, _FRAMES = ("cr_await", "gi_yieldfrom", "ag_await"), ("cr_frame", "gi_frame", "ag_frame")
_WAITS = ("_wait_for_data", "_drain_helper")
"""asyncio's coroutines in which a task waits for a stream."""
_ASKS = ("read", "readline", "readuntil", "readexactly", "drain")
"""Those that programs call, which end there."""


class Waiter(NamedTuple):
    """A task that waits: its name, the call in which, and the program's frames, innermost first, as text. Where it
    waits in drain(), `source` is the transport whose StreamReader, the only one, it has at hand there.
    """

    task: str
    call: str
    frames: tuple[str, ...]
    source: Any = None


def waiter_of(task: Any, passed_over: tuple[str, ...]) -> tuple[Any, Waiter] | None:
    """The transport that a task waits for, and how; None for one that waits for something else."""
    coro, frames = task.get_coro(), list[Any]()
    while coro is not None and len(frames) < MOST_DEPTH:
        frame = next(filter(None, (getattr(coro, name, None) for name in _FRAMES)), None)
        if frame is None:
            break
        frames.append(frame)
        coro = next(filter(None, (getattr(coro, name, None) for name in _AWAITS)), None)
    if not frames or frames[-1].f_code.co_name not in _WAITS or not _is_asyncios(frames[-1], passed_over):
        return None
    asyncios = [each.f_code.co_name for each in frames if _is_asyncios(each, passed_over)]
    call = next((name for name in asyncios if name in _ASKS), asyncios[-1])
    transport = next((found for each in reversed(frames) if (found := _transport_of(each)) is not None), None)
    if transport is None:
        return None
    own = [each for each in reversed(frames) if not _is_asyncios(each, passed_over)]
    places = tuple(place_of_code(each.f_code, each.f_lineno) for each in own)
    source = _at_hand(own, transport) if call == "drain" else None
    return transport, Waiter(encodable(str(task.get_name())[:80]), f"{call}()", places, source)


def _at_hand(frames: Sequence[Any], sink: Any) -> Any:
    """The transport of the only StreamReader, of another stream, that is a variable of these frames; None for none."""
    sources = {
        id(each._transport): each._transport
        for frame in frames
        for each in frame.f_locals.values()
        if type(each).__name__ == "StreamReader" and getattr(each, "_transport", None) not in (None, sink)
    }
    return next(iter(sources.values())) if len(sources) == 1 else None


def _is_asyncios(frame: Any, passed_over: tuple[str, ...]) -> bool:
    return bool(frame.f_code.co_filename.startswith(passed_over))


def _transport_of(frame: Any) -> Any:
    return getattr(frame.f_locals.get("self"), "_transport", None)


class WhoWaits:
    """Of one loop. `number_of` has the number of a transport, None for one that is not known."""

    def __init__(self, loop: Any, number_of: Callable[[Any], int | None]) -> None:
        self._loop = loop
        self._is_new = False
        self._number_of = number_of
        self._asked: list[tuple[int, Callable[[str], None]]] = []
        self._round: list[tuple[int, Callable[[str], None]]] = []  # of those asked, who is answered at its end
        self._tasks: list[Any] = []
        self._found: dict[int, list[Waiter]] = {}
        self._due = 0

    def ask(self, number: int, answer: Callable[[str], None]) -> bool:
        """Have it found out who waits for this stream, and told in a line; returns whether there is room to ask."""
        if len(self._asked) >= MOST_ASKED:
            return False
        self._asked.append((number, answer))
        return True

    def go_over(self) -> None:
        """Somebody begins to watch: all tasks are looked at once, for what they feed."""
        self._is_new = True

    def look(self, now: int) -> int:
        """Look at a few tasks, if somebody has asked. Returns when to come again, 0 for not before somebody asks."""
        if not self._asked and not self._round and not self._tasks and not self._is_new:
            return 0
        if now < self._due:
            return self._due
        if not self._tasks:
            from asyncio import all_tasks

            self._is_new = False
            self._round, self._asked = self._asked, []
            self._tasks = list(all_tasks(self._loop))
            self._found = {}
        passed_over = not_the_program()
        wanted = {number for number, _ in self._round}
        for _ in range(min(AT_ONCE, len(self._tasks))):
            found = waiter_of(self._tasks.pop(), passed_over)
            if found is not None and found[1].source is not None:
                _tell_what_it_feeds(found[1], found[0])
            number = None if found is None else self._number_of(found[0])
            if found is not None and number is not None and number in wanted:
                self._found.setdefault(number, []).append(found[1])
        if self._tasks:
            self._due = now + BETWEEN_NS
            return self._due
        answered, self._round = self._round, []
        for number, answer in answered:
            answer(said(self._found.get(number, ())))
        return now if self._asked else 0


def _tell_what_it_feeds(waiter: Waiter, sink: Any) -> None:
    """A task waits until one takes more, and has the reader of another at hand."""
    where = f": {waiter.frames[0]}" if waiter.frames else ""
    fed, feeding = book_of(sink), book_of(waiter.source)
    if fed is not None and feeding is not None:
        tell_feeds(feeding, fed, f"a task that reads here waits in drain() there{where}")


def said(waiters: Sequence[Waiter]) -> str:
    """In a line: `Task-41 waits in drain(): feed.py:71 publish ◂ main.py:22 handler; +7`."""
    if not waiters:
        return "no task waits for it"
    first = min(waiters, key=lambda each: (each.call != "drain()", each.task))
    where = " ◂ ".join(first.frames[:8])
    more = f"; +{len(waiters) - 1:,} more" if len(waiters) > 1 else ""
    return f"{first.task} waits in {first.call}{f': {where}' if where else ''}{more}"
