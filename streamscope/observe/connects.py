"""Connects that are under way: for these asyncio has no transport yet, only a callback in the selector.

A connect begins when the loop waits for its socket to be writable, and ends when it no longer does. Of one that has
come a transport is made in the same turn, and has its number; what a program has connected for itself is not asyncio's
any more.
"""

from __future__ import annotations

import errno
import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from streamscope.core.system import encodable
from streamscope.link import states
from streamscope.link.states import State
from streamscope.observe.aio_kinds import CONNECT, functions_of, joined_by, told_by
from streamscope.observe.described import address_of, place_of, type_of
from streamscope.observe.quill import Quill
from streamscope.observe.registrations import mask_of

_INIT, _ADDRESS = told_by("handle.init", "_sock_connect"), told_by("handle.address", "_sock_connect")
_FD, _CLOSED = functions_of("fd"), told_by("handle.closed", "_sock_connect")
_BEGIN, _END = told_by("request.begin", "_sock_connect"), told_by("request.end", "_sock_connect")
_FAILED, _REQUEST = told_by("request.error", "_sock_connect"), told_by("connect_req", "_sock_connect")
_FIRST, _NONE = joined_by("aio.first_interest"), joined_by("aio.no_interest")


def connect_of(key: Any) -> Any:
    """The arguments of `_sock_connect_cb`, if that is what the selector calls when this is ready; else None."""
    data = key.data
    writer: Any = data[1] if type(data) is tuple and len(data) == 2 else None
    function = getattr(getattr(writer, "_callback", None), "__func__", None)
    return writer._args if getattr(function, "__name__", "") == "_sock_connect_cb" else None


class Connecting:
    """One that is under way, or has just come. `sock` and `future` live no longer for it."""

    def __init__(self, pen: Quill, number: int, key: Any, place: str) -> None:
        future, sock, address = connect_of(key)
        self.pen = pen
        self.number = number
        self.mark = number << 16
        self.fd: int = key.fd
        self.sock = weakref.ref(sock)
        self.future = weakref.ref(future)
        self.type = type_of(sock)
        self.peer = address_of(address) if isinstance(address, tuple) else encodable(str(address)[:200])
        self.place = place
        self.events = mask_of(key.events)
        self.begin_t = pen.tick
        self.ended_in = 0  # the turn in which it came
        pen.requests += 1
        self.request = pen.requests

    def tell_birth(self) -> None:
        """It begins now."""
        emit, mark = self.pen.emit, self.mark
        emit((mark | _INIT, self.type, self.place))
        emit((mark | _FD["_sock_connect"], -1, self.fd))
        emit((mark | _ADDRESS, "", self.peer))
        emit((mark | _BEGIN, self.request, CONNECT, 0, 0, self.pen.waiting))
        emit((mark | _REQUEST, 0, self.request))
        emit((mark | _FIRST, self.fd, 0, self.events))

    def registered(self, events: int) -> None:
        """The selector watches for something else: nothing more, and it is over."""
        if events or self.ended_in:
            return
        emit, mark = self.pen.emit, self.mark
        future = self.future()
        error = None if future is None else getattr(future, "_exception", None)
        status = 0 if future is not None and future.done() and error is None and not future.cancelled() else (
            -(getattr(error, "errno", 0) or errno.ECANCELED))  # fmt: skip
        emit((mark | _NONE, self.fd, self.events, 0))
        if status:
            emit((mark | _FAILED, self.request, status))
        emit((mark | _REQUEST, self.request, 0))
        emit((mark | _END, self.request, status, self.pen.waiting, CONNECT))
        self.events = 0
        self.ended_in = self.pen.turn
        if status:
            self.tell_end()

    def tell_end(self) -> None:
        """It is over, and nothing has come of it that is asyncio's."""
        self.pen.emit((self.mark | _FD["_sock_connect"], self.fd, -1, self.mark | _CLOSED))
        self.fd = -1

    def state(self) -> State:
        """As it travels."""
        request = states.request_state(number=self.request, request=CONNECT, begin_t=self.begin_t)
        return states.handle_state(
            number=self.number, type=self.type, fd=self.fd, place=self.place, peer=self.peer, begin_t=self.begin_t,
            pevents=self.events, events=self.events, armed_t=self.begin_t,
            connect_req=None if self.ended_in else request,
        )  # fmt: skip


class Connects:
    """Those of one loop. `new_number` gives out numbers."""

    def __init__(self, loop: Any, pen: Quill, new_number: Callable[[], int], passed_over: tuple[str, ...]) -> None:
        self._loop = loop
        self._pen = pen
        self._new_number = new_number
        self._passed_over = passed_over
        self._known: dict[int, Connecting] = {}  # by descriptor

    def numbers(self, keys: Sequence[Any]) -> list[int]:
        """The numbers of all that are under way; one that nobody has told of is found in the selector."""
        found: dict[int, Connecting] = {}
        for key in keys:
            connect = connect_of(key)
            if connect is not None:
                known = self._known.get(key.fd)
                if known is None or known.sock() is not connect[1]:
                    known = Connecting(self._pen, self._new_number(), key, "")
                found[key.fd] = known
        self._known = found
        return [each.number for each in found.values()]

    def begins(self, key: Any) -> bool:
        """The selector watches for something new; returns whether that is a connect."""
        if connect_of(key) is None:
            return False
        self._pen.read_clock()
        each = Connecting(self._pen, self._new_number(), key, place_of(sys._getframe(3), self._passed_over))
        self._known[key.fd] = each
        each.tell_birth()
        return True

    def changes(self, fd: int, mask: int) -> bool:
        """The selector watches a descriptor for something else; returns whether it was a connect's."""
        each = self._known.get(fd)
        if each is None or each.ended_in:
            return False
        each.registered(mask)
        if each.fd == -1:
            del self._known[fd]
        return True

    def taken_over(self, sock: Any) -> int:
        """A transport is made of a socket: the number of the connect that it has come from, 0 for none."""
        each = self._known.get(sock.fileno())
        if each is None or not each.ended_in or each.sock() is not sock:
            return 0
        del self._known[each.fd]
        return each.number

    def look(self) -> None:
        """What has come, and is no transport's two turns later, is the program's own."""
        for fd, each in [(fd, each) for fd, each in self._known.items() if 0 < each.ended_in < self._pen.turn - 1]:
            del self._known[fd]
            each.tell_end()

    def _at(self, number: int) -> Connecting | None:
        return next((each for each in self._known.values() if each.number == number), None)

    def state(self, number: int) -> State | None:
        """The state of one."""
        each = self._at(number)
        return None if each is None else each.state()

    def descriptor(self, number: int) -> tuple[int, bool, int] | None:
        """See `Producer.descriptors`."""
        each = self._at(number)
        return None if each is None else (each.fd, True, each.events)

    def requests(self, number: int) -> int:
        """See `Producer`."""
        return 0 if self._at(number) is None else 1

    def take_in(self, number: int) -> bool:
        """Whether it is one of these, which have no book."""
        return self._at(number) is not None

    def book(self, number: int) -> None:
        """These have none."""

    known: tuple[int, ...] = ()
    """Those in which a StreamReader might hold something."""

    def end(self) -> None:
        """Nothing is told any more."""
        self._known.clear()

    def give_back(self) -> bool:
        """There is nothing to give back."""
        return False
