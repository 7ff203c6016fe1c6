"""One loop, as long as an inspector is there: what is exchanged for it, and how everything becomes as it was.

an inspector knocks          the publisher boards, the selector's functions are exchanged on the selector itself
one watches everything       the transport's methods are exchanged on their class; transports get their books
none watches everything      the methods are put back at once, sockets a few in each turn
states alone are watched     the selector's functions go back, until something is due by the clock
the last one leaves          then all is as it was, and the door is the loop's again
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from streamscope import __version__
from streamscope.core.system import encodable
from streamscope.link import wire
from streamscope.link.batches import last_part
from streamscope.link.obey import Entry
from streamscope.link.producer import CommandError
from streamscope.link.publisher import Publisher
from streamscope.link.subscriber import Subscriber
from streamscope.link.who_waits_words import ABOUT, COMMAND
from streamscope.link.wire import Command, Hello
from streamscope.observe.aio_kinds import FUNCTIONS, JOINED, KINDS, RECV_SIZE
from streamscope.observe.aio_producer import AioProducer
from streamscope.observe.aio_words import words
from streamscope.observe.book import Book
from streamscope.observe.datagram_book import DatagramBook
from streamscope.observe.datagram_hooks import datagram_hooks
from streamscope.observe.described import not_the_program
from streamscope.observe.doorway import program_name
from streamscope.observe.exchange import Exchange
from streamscope.observe.pipes import exchange_pipes
from streamscope.observe.quill import Quill
from streamscope.observe.reader_hooks import reader_hooks
from streamscope.observe.ride import Ride
from streamscope.observe.slow_ones import look as look_at_slow
from streamscope.observe.slow_ones import time_callbacks
from streamscope.observe.sockets import Sockets, exchange_sockets
from streamscope.observe.stuck_loops import answers, where_it_stands
from streamscope.observe.tls import TlsLayers, exchange_tls
from streamscope.observe.transport_hooks import transport_hooks
from streamscope.telling import say

MOST_TOLD_OF = 64 * 1024
"""Words of the feed that an answer has at most."""

MOST_SAID = 1024
SLOW = "slow callback"
"""What a note is about that names one."""

_watched: dict[int, Watching] = {}
"""The loops of which everything is told, by `id`; they are kept alive by whoever watches them."""
_methods = Exchange()
"""The methods of the transports' class, which all loops share."""


class Watching:
    """`listener` is where inspectors come; `number` is the loop's among those of the process, and `begun` when it began
    to run, on the monotonic clock; `over` is called in the loop's thread once everything is as it was, with whether
    another inspector may come.
    """

    def __init__(
        self, loop: Any, number: int, begun: int, listener: socket.socket, path: str, over: Callable[[bool], None]
    ) -> None:
        from asyncio import selector_events

        self._loop = loop
        self._streams: Any = selector_events._SelectorSocketTransport  # type: ignore[attr-defined]
        self._datagrams: Any = selector_events._SelectorDatagramTransport  # type: ignore[attr-defined]
        self._over = over
        self._broken = False
        self._on_loop = Exchange()
        self.pen = Quill(loop, self.failed, begun)
        self._producer = AioProducer(
            loop, {self._streams: Book, self._datagrams: DatagramBook}, self.pen, self._telling
        )
        self._publisher = Publisher(self._producer, self._hello(number, path), stop=lambda: None)
        self._number = number
        self._publisher.chores += [self.look, answers.look, lambda: look_at_slow(loop)]
        self.pen.on_slow = self._was_slow
        self._publisher.commands.entries[COMMAND] = Entry(self._asked_who_waits, needs_control=False)
        self._said: dict[tuple[Subscriber, int], str] = {}  # who waits, as each inspector was told last
        self._publisher.listen(listener.dup())
        self._publisher.board()
        self._ride = Ride(self._producer, loop, self._publisher, self.look, self._is_over)

    def _hello(self, number: int, path: str) -> Hello:
        hello = Hello(
            version=__version__,
            pid=os.getpid(),
            program=program_name(),
            started=time.time() - self.pen.clock() / 1e9,
            kinds=[(kind.name, [name for name, _ in kind.args]) for kind in KINDS],
            functions=list(FUNCTIONS),
            joined=[(j.name, list(j.args), [(s, list(refs)) for s, refs in j.steps]) for j in JOINED],
            vocabulary=words(),
            loop=number,
        )
        hello.probe = path
        return hello

    def begin(self) -> None:
        """Take in who has knocked. Raises AttributeError for a loop that cannot be watched."""
        _have_buffers_kept()
        self._ride.begin()
        self._on_loop.put(self._loop, {"close": self._loop_closes})
        answers.begin(self._number, self._where_it_stands)
        self._publisher.hear()

    def _where_it_stands(self, frame: FrameType | None) -> dict[str, Any]:
        """For who asks while the loop does not come round."""
        pen, feed = self.pen, self._publisher.feed
        place, turn, t, told = last_part(feed.layout, feed.place, *feed.begins, [*feed.words], MOST_TOLD_OF)
        return {
            **where_it_stands(self._loop, frame), "t": pen.clock(), "turn": pen.turn,
            "since": pen.clock() if self._ride.rests else pen.tick,  # at rest nobody knows since when
            "place": place, "batch_turn": turn, "batch_t": t, "words": told,
        }  # fmt: skip

    def _asked_who_waits(self, subscriber: Subscriber, command: Command) -> None:
        """An inspector asks who waits for a stream. It hears of it in a note, where that is new."""
        number = command.arguments.get("stream")
        if type(number) is not int:
            raise CommandError("who_waits takes a stream's number")

        def answer(text: str) -> None:
            there = self._publisher.subscribers
            self._said = {asked: said for asked, said in self._said.items() if asked[0] in there}
            if subscriber in there and self._said.get((subscriber, number)) != text:
                if len(self._said) < MOST_SAID:
                    self._said[subscriber, number] = text
                subscriber.send(wire.note(time.time(), ABOUT, text, number))
                self._publisher.flush_all()

        if not self._producer.who_waits.ask(number, answer):
            raise CommandError("too much is asked at once")

    def _was_slow(self) -> None:
        """Something took long that is no stream's: from now on it is looked for."""
        if self.pen.writes:
            time_callbacks(self._loop, self._tell_of_slow)

    def _tell_of_slow(self, text: str) -> None:
        for subscriber in self._publisher.subscribers:
            subscriber.send(wire.note(time.time(), SLOW, encodable(text[:200]), 0))

    # what is exchanged of the transports' class

    def _telling(self, on: bool) -> None:
        from asyncio import StreamReader

        if on:
            self._ride.go_on()
            _watched[id(self._loop)] = self
            if not _methods.is_on:
                passed_over = not_the_program()
                _methods.put(self._streams, transport_hooks(self._streams, _born, passed_over))
                _methods.put(self._datagrams, datagram_hooks(self._datagrams, _born, passed_over))
                exchange_pipes(_methods, _born, passed_over, _book_of)
                exchange_tls(_methods, _layers_of, passed_over)
                exchange_sockets(_methods, _sockets_of)
                _methods.put(StreamReader, reader_hooks(StreamReader))
        else:
            _watched.pop(id(self._loop), None)
            look_at_slow(self._loop, over=True)
            if not _watched:
                _methods.undo()

    def born(self, transport: Any) -> None:
        """A transport of this loop has just begun."""
        try:
            self._producer.born(transport)
        except Exception as error:
            self.failed(error)

    @property
    def layers(self) -> TlsLayers:
        """The TLS layers of this loop."""
        return self._producer.tls

    @property
    def sockets(self) -> Sockets:
        """The program's own sockets, on which it calls something of this loop."""
        return self._producer.sockets

    # the end of it

    def look(self) -> None:
        """Whether anybody is left: if not, it ends."""
        if self._producer.rider is not None and not self._publisher.subscribers:
            self._publisher.finish("nobody is left", 0)

    def _is_over(self) -> None:
        look_at_slow(self._loop, over=True)
        answers.end(self._number)
        self._ride.end()
        self._on_loop.undo()
        self._over(not self._broken)

    def _loop_closes(self) -> None:
        """In place of the loop's `close`."""
        self.end("the loop has closed")
        self._loop.close()

    def end(self, reason: str) -> None:
        """Say goodbye to everyone, and put all of it back now."""
        self._publisher.finish(reason, 0)
        while self._producer.advance():
            pass
        self._is_over()

    def forget(self) -> None:
        """In a child that was forked: let go of what is the parent's, and touch nothing that both have."""
        self.pen.end()
        self._telling(False)
        look_at_slow(self._loop, over=True)
        self._publisher.close_doors()
        for subscriber in self._publisher.subscribers:
            subscriber.sock.close()
        self._ride.end_in_child()
        self._on_loop.undo()

    def failed(self, error: Exception) -> None:
        """Telling has failed: nothing more is told, and the program does not notice."""
        if self._broken:
            return
        self._broken = True
        self.pen.end()
        say(f"this loop is not observed any more: {type(error).__name__}: {error}")
        self._loop.call_soon(self.end, f"observing has failed: {error}")


def _have_buffers_kept() -> None:
    """Have glibc see a large buffer freed whole. Until it has, it takes the 256 KiB that asyncio reads into from the
    kernel and gives them back, for each read: four times as slow. And once we have used its memory, the program may
    never show it one (mallopt(3), M_MMAP_THRESHOLD).
    """
    bytes(4 * RECV_SIZE)


def _born(loop: Any, transport: Any) -> None:
    watching = _watched.get(id(loop))
    if watching is not None:
        watching.born(transport)


def _layers_of(loop: Any) -> TlsLayers | None:
    """The TLS layers of a loop, if it is watched."""
    watching = _watched.get(id(loop))
    return None if watching is None else watching.layers


def _sockets_of(loop: Any) -> Sockets | None:
    """The program's own sockets that a loop has to do with, if it is watched."""
    watching = _watched.get(id(loop))
    return None if watching is None else watching.sockets


def _book_of(fd: int) -> Any:
    """The book of whichever loop's transport has this descriptor; None if none has."""
    return next((book for each in _watched.values() if (book := each.pen.books.get(fd)) is not None), None)
