"""One event loop of asyncio as a producer: what is in it, by numbers that are given when something is first seen.

Listening sockets are known here; the rest is kept by others, each of one kind: `SocketTransports` first, for those are
the many.
"""

from __future__ import annotations

import sys
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from streamscope.link import states
from streamscope.link.producer import Rider, Show
from streamscope.link.states import State
from streamscope.link.wire import Argument
from streamscope.observe.aio_kinds import LISTENING, TCP
from streamscope.observe.book import Book
from streamscope.observe.common_book import CommonBook
from streamscope.observe.connects import Connects
from streamscope.observe.described import not_the_program, place_of, port_of
from streamscope.observe.listening import Listening
from streamscope.observe.pipes import Pipes
from streamscope.observe.quill import Quill
from streamscope.observe.readers import Readers
from streamscope.observe.registrations import accept_of, keys_of, mask_of
from streamscope.observe.socket_transports import AT_ONCE, SocketTransports
from streamscope.observe.sockets import Sockets
from streamscope.observe.tls import TlsLayers
from streamscope.observe.who_waits import WhoWaits


class AioProducer:
    """See `Producer`. `kinds` are the classes of transports that are hooked, each with that of its books; `telling` is
    called before the first word is told and after the last, for whoever exchanges the functions. `has_more` is whether
    there is something to `advance`.
    """

    def __init__(self, loop: Any, kinds: Mapping[Any, type[Book]], pen: Quill, telling: Callable[[bool], None]) -> None:
        self._loop = loop
        self._kinds = kinds
        self._telling = telling
        self.pen = pen
        self.clock = pen.clock
        self.commands: Mapping[str, Callable[[dict[str, Argument]], None]] = {}
        self.inside = True
        self.rider: Rider | None = None
        self.on_leave: Callable[[], None] = lambda: None
        self.has_more = False
        self._numbers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._listening: dict[int, Listening] = {}  # by descriptor
        self._without: deque[int] = deque()  # those that are to get a book
        self._passed_over = not_the_program()
        self._transports = SocketTransports(loop, pen, kinds, self._numbered, self._server_of, self._passed_over)
        self._pipes = Pipes(loop, pen, self._numbered, self._passed_over)
        self.tls = TlsLayers(loop, pen, self._numbered, self._transports.carrier)
        self._connects = Connects(loop, pen, self._new_number, self._passed_over)
        self.sockets = Sockets(loop, pen, self._number_of_socket, self._passed_over)
        self._all = (self._transports, self._pipes, self.tls, self._connects, self.sockets)
        self.who_waits = WhoWaits(loop, self._number_there)
        self.readers = Readers(pen, self._seen_numbers, self._book)

    def board(self, rider: Rider) -> None:
        """See `Producer`."""
        self.rider = rider

    def leave(self, rider: Rider) -> None:
        """See `Producer`."""
        if self.rider is rider:
            self.rider = None
            self.on_leave()  # its descriptor is closed next, and may be somebody else's at once

    # the feed

    def told(self) -> tuple[int, int]:
        """See `Producer`."""
        return self.pen.turn, self.pen.tick

    def watch(self, words: list[Any], on_full: Callable[[], None]) -> None:
        """See `Producer`."""
        for each in self._all:
            while each.give_back():
                pass
        self._telling(True)
        self.has_more = True
        self.pen.begin(words, on_full)
        self.who_waits.go_over()
        self._without = deque(self._kept_numbers(keys_of(self._loop._selector)))

    def unwatch(self) -> None:
        """See `Producer`."""
        self.pen.end()
        self._telling(False)
        self.has_more = True
        self._without.clear()
        for each in self._all:
            each.end()
        self.pen.books.clear()

    def waits(self) -> int:
        """See `Producer`."""
        return self.pen.end_of_wait()

    # what there is

    def numbers(self) -> list[int]:
        """See `Producer`."""
        keys = keys_of(self._loop._selector)
        return [*(each.number for each in self._listeners(keys)), *self._kept_numbers(keys)]

    def _kept_numbers(self, keys: Sequence[Any]) -> list[int]:
        return [number for each in self._all for number in each.numbers(keys)]

    def _seen_numbers(self) -> list[int]:
        return [number for each in self._all for number in each.known]

    def _book(self, number: int) -> tuple[CommonBook, Any] | None:
        """The book of a stream and the program's protocol, where there is one."""
        return next((found for each in self._all if (found := each.book(number)) is not None), None)

    def _numbered(self, transport: Any) -> int:
        number = self._numbers.get(transport)
        if number is None:
            number = self._numbers[transport] = self._new_number()
        return number

    def _number_of_socket(self, sock: Any) -> int:
        if number := self._connects.taken_over(sock):
            self._numbers[sock] = number
        return self._numbered(sock)

    def _number_there(self, transport: Any) -> int | None:
        """The number of a transport that a program has, if it was given one."""
        return self._numbers.get(getattr(transport, "_ssl_protocol", None) or transport)

    def look_aside(self, now: int) -> int:
        """What is looked at where the loop waits. Returns when to come again, 0 for not before something happens."""
        self._connects.look()
        times = self.readers.look(now), self.who_waits.look(now), self.sockets.look(now)
        return min(filter(None, times), default=0)

    def _new_number(self) -> int:
        self.pen.handles += 1
        return self.pen.handles

    def _listeners(self, keys: Sequence[Any]) -> list[Listening]:
        """The listening sockets that are there; one that nobody has told of is found in the selector."""
        before, self._listening = self._listening, {fd: each for fd, each in self._listening.items() if each.rests}
        for key in keys:
            accept = accept_of(key)
            if accept is None:
                continue
            known = before.get(key.fd)
            if known is None or known.sock is not accept[1]:
                known = Listening(self.pen, self._new_number(), accept, mask_of(key.events))
            self._listening[key.fd] = known
        return list(self._listening.values())

    def requests(self, number: int) -> int:
        """See `Producer`."""
        return next((found for each in self._all if (found := each.requests(number))), 0)

    def states(self, numbers: Iterable[int]) -> Iterator[State | None]:
        """See `Producer`. While everything is told, what is told of has a book."""
        listening = {each.number: each for each in self._listening.values()}
        for number in numbers:
            if number in listening:
                yield listening[number].state()
                continue
            for each in self._all:
                if (state := each.state(number)) is not None:
                    break
            yield state

    def advance(self) -> bool:
        """A few get a book, or give theirs back; returns whether more are to."""
        for _ in range(min(AT_ONCE, len(self._without))):
            number = self._without.popleft()
            any(each.take_in(number) for each in self._all)
        more = [each.give_back() for each in self._all]
        self.has_more = bool(self._without) or any(more)
        return self.has_more

    def born(self, transport: Any) -> None:
        """A transport has just begun."""
        if type(transport) not in self._kinds:
            self._pipes.born(transport)
            return
        self.pen.read_clock()
        if number := self._connects.taken_over(transport._sock) or self.sockets.taken_over(transport._sock):
            self._numbers[transport] = number
        self._transports.born(transport)

    def _server_of(self, transport: Any) -> Listening | None:
        """The listening socket that it came to."""
        if transport._server is None:
            return None
        found = [each for each in self._listening.values() if each.accepts(transport)]
        if len(found) > 1:
            port = port_of(transport._extra.get("sockname"))
            found = [each for each in found if each.local.endswith(port)] or found
        return found[0] if found else None

    def registration_changed(self, key: Any, mask: int) -> None:
        """The selector watches for something else."""
        book = self.sockets.checked(self.pen.books.get(key.fd))
        if book is not None:
            book.registered(mask)
            return
        if self._connects.changes(key.fd, mask):
            return
        known = self._listening.get(key.fd)
        if not mask:
            if known is not None:
                self._listens_no_more(known, _asked_by(sys._getframe(1)))
        elif self._connects.begins(key):
            return
        elif (accept := accept_of(key)) is not None:
            self.pen.read_clock()
            if known is not None and known.sock is accept[1]:
                known.registered(mask)
            else:
                known = self._listening[key.fd] = Listening(self.pen, self._new_number(), accept, mask)
                known.tell_birth(place_of(sys._getframe(2), self._passed_over))

    def _listens_no_more(self, known: Listening, asked_by: str) -> None:
        """For good, or, where accepting failed for want of descriptors, for a second."""
        error = sys.exc_info()[1]
        if asked_by == "_accept_connection" and isinstance(error, OSError):
            known.tell_rest(-(error.errno or 0))
        else:
            del self._listening[known.fd]
            known.tell_end()

    # the loop

    def loop(self, t: int) -> State:
        """See `Producer`."""
        pen = self.pen
        return states.loop_state(
            turn=pen.turn, t=t, active_reqs=pen.waiting, poll_ns=pen.poll_ns, callback_ns=pen.callback_ns
        )

    def streams(self) -> int:
        """See `Producer`."""
        return len(self.numbers())

    def addresses(self) -> list[str]:
        """See `Producer`."""
        return [each.local for each in self._listeners(keys_of(self._loop._selector)) if each.flags & LISTENING]

    def descriptors(self, numbers: Iterable[int]) -> Iterator[tuple[int, bool, int] | None]:
        """See `Producer`."""
        listening = {each.number: each for each in self._listening.values()}
        for number in numbers:
            if number in listening:
                door = listening[number]
                yield door.fd, door.type == TCP, door.events  # of another's queue the kernel says nothing
                continue
            for each in self._all:  # no generator: it is asked for thousands
                if (found := each.descriptor(number)) is not None:
                    break
            yield found

    def epoll_fd(self) -> int:
        """See `Producer`."""
        selector = self._loop._selector
        return int(selector.fileno()) if hasattr(selector, "fileno") else -1

    def tap(self, number: int, show: Show | None) -> bool:
        """See `Producer`."""
        return False

    def tap_all(self, show: Show | None) -> None:
        """See `Producer`."""


def _asked_by(frame: Any) -> str:
    """Which function of asyncio's asked for what a hook of the selector's tells: it is four calls further out."""
    for _ in range(3):
        frame = frame and frame.f_back
    return "" if frame is None else str(frame.f_code.co_name)
