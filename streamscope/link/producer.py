"""What the link needs of whatever tells a feed: a `Producer`; and what it is to it: a `Rider`.

The engine's loop is one (`engine`); others sit in programs that are not ours, or look at processes from outside. A
producer has one loop, and so one feed. It may ride in somebody else's loop, or have a process of its own: somebody has
to call the rider when there is time, and it does the rest.

Nothing here or in what a publisher is made of (`publisher`, `feed`, `rounds`, `taps`, `obey`, …) needs more than the
standard library and the form of the feed (`core.records`): an import contract says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol, TypeAlias

from streamscope.core.records import Word
from streamscope.link.states import State
from streamscope.link.wire import Argument

Show: TypeAlias = Callable[[int, bool, "bytes | bytearray | memoryview"], None]
"""Is shown payload: the stream's number, whether it went out, and the bytes, which it must not keep."""


class CommandError(Exception):
    """The command cannot be carried out; the text goes to the inspector."""


class Rider(Protocol):
    """What rides along with a producer: the link to the inspectors. It never waits."""

    event: tuple[int, int]
    """Its descriptor, and POLLIN: readable when there is something to hear."""
    calm_until: int
    """Until then, on the feed's clock, a turn of the loop has nothing for it, unless `event` is ready."""

    def wait(self, timeout_ms: int, now: int) -> int:
        """Before every wait of the loop: ship what is due. Returns by when to come again, in ms and never more than
        given (-1 is for ever). `now` is the feed's clock as it was last read.
        """

    def hear(self) -> None:
        """After a wait that found `event`."""


class Producer(Protocol):
    """One loop that can be watched. Everything is called by the rider, in the loop's own thread."""

    commands: Mapping[str, Callable[[dict[str, Argument]], None]]
    """What inspectors that may control can ask for, by name; each raises CommandError if it cannot be done."""
    inside: bool
    """Whether the loop is this very thread's, so that what the kernel says here it says of the loop."""

    def board(self, rider: Rider) -> None:
        """Take the rider along from now on."""

    def leave(self, rider: Rider) -> None:
        """Take it along no more; nothing happens if it is not there."""

    # the feed

    def clock(self) -> int:
        """The feed's clock, read now: ns."""

    def told(self) -> tuple[int, int]:
        """The turn, and the last reading of the clock, that whoever has read the feed to its end knows."""

    def watch(self, words: list[Word], on_full: Callable[[], None]) -> None:
        """Tell of everything from now on, by appending whole records to this list; and call `on_full` now and then when
        one turn has told very much (`core.loop.MOST_TOLD` words): the list may be another's afterwards, or empty.
        """

    def unwatch(self) -> None:
        """Tell of nothing any more."""

    # what there is

    def numbers(self) -> list[int]:
        """The number of every handle."""

    def requests(self, number: int) -> int:
        """How many requests the handle holds, on which the size of its state depends; 0 if there is no such handle."""

    def states(self, numbers: Iterable[int]) -> Iterator[State | None]:
        """The state of each of these handles (`states.handle_state`), None for one that is not there any more."""

    def loop(self, t: int) -> State:
        """The loop's own state (`states.loop_state`), at this time."""

    def streams(self) -> int:
        """How many streams there are, as the screen counts them."""

    def addresses(self) -> list[str]:
        """What the program listens on, as text: `127.0.0.1:7000`."""

    # what the kernel says of it

    def descriptors(self, numbers: Iterable[int]) -> Iterator[tuple[int, bool, int] | None]:
        """For each of these handles its descriptor, whether it is in need (something is queued, it is paused, armed for
        OUT or half closed), so that the kernel is asked of it often, and for what it believes epoll to watch it; None
        where there is no descriptor of a stream.
        """

    def epoll_fd(self) -> int:
        """The descriptor of the epoll that it waits with, -1 for none."""

    def waits(self) -> int:
        """Within a wait that goes on: reads the clock for a record that tells of it. From then on the feed is to tell
        only of what is left of the wait.
        """

    # payload

    def tap(self, number: int, show: Show | None) -> bool:
        """Show this stream's payload from now on, or, with None, no more; False if that cannot be done."""

    def tap_all(self, show: Show | None) -> None:
        """The same of every stream that is made from now on; None takes every tap out."""
