"""Who takes from which stream: of one that is settled it is noted seldom, and never what is not so."""

from __future__ import annotations

import asyncio
from typing import Any

from streamscope.observe.takers import Takers


class Stream:
    """What is asked of a book."""

    def __init__(self, number: int) -> None:
        self.mark = number << 16
        self.fd = number
        self.fed: dict[int, Any] | None = None
        self.is_settled = False


class Task:
    """One that runs."""


def test_a_stream_whose_task_takes_from_another_too_is_settled_no_more() -> None:
    loop = asyncio.new_event_loop()
    takers, task, one, other = Takers(loop), Task(), Stream(1), Stream(2)
    loop.close()
    takers.current = lambda loop: task
    books: Any = one, other

    takers.took(books[0])
    assert not takers.reads_several(one.mark)
    one.is_settled = True
    takers.took(books[1])

    assert (one.is_settled, other.is_settled) == (False, False)
    assert takers.reads_several(one.mark)
    assert takers.reads_several(other.mark)


def test_what_a_task_without_a_stream_of_its_own_writes_is_nobodys() -> None:
    loop = asyncio.new_event_loop()
    takers, reads, writes, source, sink = Takers(loop), Task(), Task(), Stream(1), Stream(2)
    loop.close()
    books: Any = source, sink
    takers.current = lambda loop: reads
    takers.took(books[0])
    source.is_settled = True

    takers.current = lambda loop: writes  # it has read from the settled stream, and that was not noted
    assert takers.wrote(books[1])
    assert source.fed is None
