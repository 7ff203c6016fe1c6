"""What is exchanged of StreamReader while somebody watches: behind every read that took something it looks whether to
resume its transport, in the task that reads. There it is noted from which stream that task has taken.

That took a message seven per cent, so a stream is settled once the task that asyncio has made for its connection reads
from it, and has taken from no other: then it is noted seldom. One of a pool, which many tasks read from, never is: what
a task had taken before would be said to feed what it writes.
"""

from __future__ import annotations

from typing import Any

from streamscope.observe.book import Book
from streamscope.observe.books import book_of
from streamscope.observe.everyday import Hooks, is_known

SELDOM = 255
"""Of a settled stream one read in so many is noted, and one."""


def reader_hooks(reader: Any) -> Hooks:
    """Ours, by name, for the class of StreamReaders."""
    maybe_resume = reader._maybe_resume_transport
    is_quick = is_known("_maybe_resume_transport", maybe_resume)  # it does nothing then for who has not paused

    def _maybe_resume_transport(self: Any) -> None:
        try:
            book: Any = self._transport._sock
        except AttributeError:  # of a pipe, or of TLS
            book = None
        if type(book) is not Book:
            book = book_of(self._transport)
        elif book.is_settled and book.reads & SELDOM:
            if self._paused or not is_quick:
                maybe_resume(self)
            return
        if book is not None:
            pen = book.pen
            takers = pen.takers
            pen.taken = mark = book.mark
            if takers.said.get(id(takers.current(takers.loop))) != mark:
                pen.took(book)
            elif type(book) is Book:
                handler = getattr(self._transport._protocol, "_task", None)
                is_its_own = handler is not None and takers.current(takers.loop) is handler
                book.is_settled = is_its_own and not takers.reads_several(mark)
        if self._paused or not is_quick:
            maybe_resume(self)

    return {"_maybe_resume_transport": _maybe_resume_transport}
