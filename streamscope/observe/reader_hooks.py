"""What is exchanged of StreamReader while somebody watches: behind every read that took something it looks whether to
resume its transport, in the task that reads. There it is noted from which stream that task has taken.

That took a message seven per cent, so a stream is settled once the task that asyncio has made for its connection reads
from it, and has taken from no other: what this task reads is noted seldom then. What any other one does, always is:
what that had taken before would be said to feed what it writes.
"""

from __future__ import annotations

from typing import Any

from streamscope.observe.book import Book
from streamscope.observe.books import book_of
from streamscope.observe.everyday import Hooks, is_known

SELDOM = 255
"""Of what the task of a settled stream reads one in so many is noted, and one."""


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
            takers = book.pen.takers
            if takers.current(takers.loop) is getattr(self._transport._protocol, "_task", None):
                if self._paused or not is_quick:
                    maybe_resume(self)
                return
        if book is not None:
            pen = book.pen
            takers = pen.takers
            pen.taken = mark = book.mark
            task = takers.current(takers.loop)
            if takers.said.get(id(task)) != mark:
                pen.took(book)
            elif type(book) is Book and task is getattr(self._transport._protocol, "_task", None):
                book.is_settled = task is not None and not takers.reads_several(mark)
        if self._paused or not is_quick:
            maybe_resume(self)

    return {"_maybe_resume_transport": _maybe_resume_transport}
