"""What widgets tell the screens above them. Small values; a newer one of the same kind replaces one that still
waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamscope.trace.filter import Filter
    from streamscope.ui.slow_rows import SlowRow


class _Newest(Message):
    """A message of which only the newest matters."""

    def can_replace(self, message: Message) -> bool:
        """Whether the other, which is newer, may take this one's place."""
        return type(message) is type(self)


@dataclass
class StreamSelected(_Newest):
    """The person moved to this stream, which is the view's selected one by now; `number` is None when there is none
    left.
    """

    number: int | None


@dataclass
class StreamWanted(_Newest):
    """The person asked to be taken to this stream, on whatever screen they are."""

    number: int


@dataclass
class RoomChanged(_Newest):
    """More or fewer panels fit now."""


@dataclass
class StreamOpened(Message):
    """The person asked for this stream on the whole screen."""

    number: int


@dataclass
class StreamPinned(Message):
    """The person asked for this stream to be pinned, or unpinned if it is."""

    number: int


@dataclass
class FilterChanged(_Newest):
    """Another filter is to be in force, None to show everything. `keep` is set when the person is done with it."""

    text: str
    filter: Filter | None
    keep: bool = False

    def can_replace(self, message: Message) -> bool:
        """A newer text takes this one's place, unless the person is done with this one."""
        return isinstance(message, FilterChanged) and not self.keep


@dataclass
class InstantWanted(_Newest):
    """The person points at an instant of the past, in nanoseconds on the feed's clock."""

    t: int


@dataclass
class EventWanted(Message):
    """The person chose an event of the past to go to, by its `seq`."""

    seq: int


@dataclass
class SlowestWanted(Message):
    """The person asked what took longest: a list with this title, of what `rows` gives at any time; `empty` is said
    where that is nothing.
    """

    title: str
    rows: Callable[[], Sequence[SlowRow]]
    empty: str


@dataclass
class AnswerGiven(Message):
    """The person has pointed at an answer, by its place."""

    place: int
