"""Who feeds whom, as the program says it. libuv has nothing like it, and nothing hangs on it: it is for who watches.

What a read callback writes is seen without a word of the program's. What goes another way, through a queue, a timer or
a thread, is not, and there a word helps:

    client.feeds(upstream)

A stream that is not read because `upstream` takes no more is then held back, and not forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UV_EINVAL, UVError
from ..probe import site
from ..system import encodable

if TYPE_CHECKING:
    from . import Stream

_FEEDS = site("feeds", "feeds")

MOST_FED = 64
"""So many streams are remembered of those that one feeds; whoever watches remembers as many."""


def feeds(stream: Stream, other: Stream, why: str = "the program says so") -> None:
    """Say that what is read from `stream` is written to `other`, for those who watch: where `stream` is not read while
    `other` is above its high-water mark, they see that it is held back, and by whom. `why` is free text for the screen;
    an empty one says that it is so no more. What feeds itself is nobody's business, and what closes feeds nobody.

    Raises EINVAL for a stream of another loop. Of more than 64 streams that one feeds, the oldest is forgotten.
    """
    if other.loop is not stream.loop:
        raise UVError(UV_EINVAL, "feeds")
    if other is stream or stream.is_closing() or other.is_closing():
        return
    why = encodable(str(why))
    fed = stream.fed
    if (fed or {}).get(other.number, "") == why:
        return
    if fed is None:
        fed = stream.fed = {}
    if why and other.number not in fed and len(fed) >= MOST_FED:
        handles = stream.loop.handles
        _tell(stream, next((number for number in fed if number not in handles), next(iter(fed))), "")
    _tell(stream, other.number, why)


def _tell(stream: Stream, number: int, why: str) -> None:
    assert stream.fed is not None
    if why:
        stream.fed[number] = why
    else:
        stream.fed.pop(number, None)
    emit = stream.loop.emit
    if emit is not None:
        emit((stream.mark | _FEEDS, number, why))
