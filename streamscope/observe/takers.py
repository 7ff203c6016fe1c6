"""Who feeds whom, of programs made of tasks: a task takes bytes out of one stream and writes to another.

A StreamReader calls `_maybe_resume_transport` behind every read that took something, in the task that reads. So it is
known from which stream a task has taken last; what it writes to then is fed by that one. Twice makes it so: the first
time may have been a greeting. What a task got by other ways, a queue for one, is not known, and nothing is guessed.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from streamscope.observe.aio_kinds import told_by
from streamscope.observe.described import place_of_code

if TYPE_CHECKING:
    from streamscope.observe.outgoing import Outgoing

MOST_FED = 64
"""So many streams are remembered of those that one feeds; whoever watches remembers as many."""

_FEEDS = told_by("feeds", "write")


class Fed:
    """One that is fed: by how it is known, and why; no why as long as it was seen only once."""

    __slots__ = ("book", "why")

    def __init__(self, book: Outgoing) -> None:
        self.book = weakref.ref(book)
        self.why = ""

    @property
    def is_there(self) -> bool:
        """Whether it has not been closed."""
        book = self.book()
        return book is not None and book.fd != -1


class Takers:
    """Of one loop: from which stream each task has taken last. Tasks and streams live no longer for it.

    `current` says which task runs in a `loop`; `said` has by `id` of a task the mark of the stream that is known of it:
    mostly nothing is new.
    """

    def __init__(self, loop: Any) -> None:
        from asyncio import current_task, tasks

        # before 3.12 the function is a slow one around this
        self.current: Callable[[Any], Any] = (
            current_task if sys.version_info >= (3, 12) else tasks._current_tasks.get  # type: ignore[attr-defined]
        )
        self.loop = loop
        self.said: dict[int, int] = {}
        self._several: set[int] = set()  # marks of streams from whose task others were taken from, too
        self._by_task: weakref.WeakKeyDictionary[Any, weakref.ref[Outgoing]] = weakref.WeakKeyDictionary()

    def took(self, book: Outgoing) -> None:
        """The task that runs has taken bytes out of this stream."""
        task = self.current(self.loop)
        if task is not None and self.said.get(id(task)) != book.mark:
            before = self._by_task.get(task)
            other = None if before is None else before()
            if other is not None and other is not book:
                self._reads_both(other, book)
            if len(self.said) > 2 * len(self._by_task) + MOST_FED:
                self.said.clear()  # most of these tasks are over
            self.said[id(task)] = book.mark
            self._by_task[task] = weakref.ref(book)

    def reads_several(self, mark: int) -> bool:
        """Whether the task that takes from the stream of this mark has taken from another."""
        return mark in self._several

    def _reads_both(self, one: Outgoing, other: Outgoing) -> None:
        if len(self._several) > MOST_FED:
            self._several.clear()  # those that are so still are found out again
        self._several |= {one.mark, other.mark}
        one.is_settled = other.is_settled = False

    def wrote(self, sink: Outgoing) -> bool:
        """Something was written to this stream. Returns whether that need not be said again: by whom it is fed is told,
        or cannot be known.
        """
        task = self.current(self.loop)
        found = None if task is None else self._by_task.get(task)
        source = None if found is None else found()
        if source is None or source is sink or source.fd == -1:
            return True
        number = sink.mark >> 16
        if source.fed is None:
            source.fed = {}
        fed = source.fed.get(number)
        if fed is None:
            if len(source.fed) >= MOST_FED:
                _forget_gone(source)
            if len(source.fed) < MOST_FED:
                source.fed[number] = Fed(sink)
                return False
        tell_feeds(source, sink, f"a task reads here and writes there: {_place_of(task)}")
        return True


def tell_feeds(source: Outgoing, sink: Outgoing, why: str) -> None:
    """It is known of one that it feeds the other, for this reason; what was known before stays."""
    if source is sink or -1 in (source.fd, sink.fd):
        return
    if source.fed is None:
        source.fed = {}
    number = sink.mark >> 16
    fed = source.fed.get(number)
    if fed is None and len(source.fed) >= MOST_FED:
        _forget_gone(source)
    if fed is None and len(source.fed) < MOST_FED:
        fed = source.fed[number] = Fed(sink)
    if fed is not None and not fed.why:
        fed.why = why
        source.pen.emit((source.mark | _FEEDS, number, why))


def _forget_gone(source: Outgoing) -> None:
    """What is closed is fed no more."""
    fed = source.fed or {}
    for number in [number for number, each in fed.items() if not each.is_there]:
        if fed.pop(number).why:
            source.pen.emit((source.mark | _FEEDS, number, ""))


def _place_of(task: Any) -> str:
    """The function of the task: `proxy.py:14 pump`."""
    coro = task.get_coro()
    code = getattr(coro, "cr_code", None) or getattr(coro, "gi_code", None)
    return type(coro).__qualname__ if code is None else place_of_code(code)
