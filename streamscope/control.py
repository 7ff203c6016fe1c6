"""What inspectors that may control can have happen to an engine's streams (`core.faults`), and for how long.

Who asks from a screen has its faults for as long as that is there. `streamscope poke` is gone as soon as it has been
answered: its faults stay until they are cleared, or for the time that was said.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from streamscope.core import Loop, Stream
from streamscope.core.faults import FaultError, Faults, act, undo
from streamscope.core.pokes import POKES
from streamscope.link.obey import Entry
from streamscope.link.producer import CommandError
from streamscope.link.publisher import Publisher
from streamscope.link.subscriber import Subscriber
from streamscope.link.wire import Command

LONGEST_MS = 24 * 3600 * 1000
"""A fault can be asked for so long at most; without a time it stays until it is cleared."""

_Fault = tuple[int, str]


class _Held(NamedTuple):
    """Who has set a fault, None for one that stays without anybody; and which of the settings it was."""

    by: Subscriber | None
    token: int


class Control:
    """The commands that touch one loop, beside those that every producer has."""

    def __init__(self, loop: Loop, publisher: Publisher) -> None:
        self._loop = loop
        self._publisher = publisher
        self._held: dict[_Fault, _Held] = {}
        self._tokens = 0
        publisher.commands.entries["poke"] = Entry(self._on_poke, needs_control=True)
        publisher.on_leave.append(self._left)
        publisher.injected = self.text

    def text(self) -> str:
        """What is injected now, for who asks who we are: `#5 read-stop; #8 delay 100`."""
        return "; ".join(f"#{stream.number} {stream.system.text}" for stream in self._faulty())  # type: ignore[attr-defined]

    def _faulty(self) -> list[Stream]:
        handles = self._loop.handles.values()
        return [each for each in handles if isinstance(each, Stream) and isinstance(each.system, Faults)]

    def _on_poke(self, subscriber: Subscriber, command: Command) -> None:
        said = command.arguments
        number, name, value = said.get("stream"), said.get("action"), said.get("value", 0)
        stays, ms = said.get("stays", False), said.get("ms", 0)
        if type(number) is not int or type(name) is not str or type(value) is not int or type(stays) is not bool:
            raise CommandError(f"poke takes a stream's number and an action: {', '.join(POKES)}")
        if type(ms) is not int or not 0 <= ms <= LONGEST_MS:
            raise CommandError(f"poke takes a time of at most {LONGEST_MS:,} ms")
        try:
            act(self._loop, number, name, value)
        except FaultError as refusal:
            raise CommandError(str(refusal)) from refusal
        self._held = {fault: held for fault, held in self._held.items() if self._is_set(*fault)}
        if POKES[name].stays:
            self._tokens += 1
            self._held[number, name] = _Held(None if stays or ms else subscriber, self._tokens)
            if ms:
                over = partial(self._over, (number, name), self._tokens)
                self._publisher.at(self._loop.clock() + ms * 1_000_000, over)

    def _is_set(self, number: int, name: str) -> bool:
        stream = self._loop.handles.get(number)
        return isinstance(stream, Stream) and isinstance(stream.system, Faults) and name in stream.system.held

    def _over(self, fault: _Fault, token: int) -> None:
        """The time of a fault is over, if it has not been cleared, or set anew, before."""
        held = self._held.get(fault)
        if held is not None and held.token == token:
            del self._held[fault]
            undo(self._loop, *fault)

    def _left(self, subscriber: Subscriber) -> None:
        for fault in [fault for fault, held in self._held.items() if held.by is subscriber]:
            del self._held[fault]
            self._publisher.soon(_undoing(self._loop, fault))


def _undoing(loop: Loop, fault: _Fault) -> Callable[[], None]:
    return lambda: undo(loop, *fault)
