"""What inspectors that may control can have happen to an engine's streams (`core.faults`) and loop (`core.halt`), and
for how long.

Who asks from a screen has its faults for as long as that is there. `streamscope poke` is gone as soon as it has been
answered: its faults stay until they are cleared, or for the time that was said. A freeze ends with who asked for it:
when they leave, are killed, or give no sign for five seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from streamscope.core import Loop, Stream
from streamscope.core.faults import Faults
from streamscope.core.halt import STEPS_A_CALLBACK, STEPS_A_TURN, freeze, thaw
from streamscope.core.injecting import FaultError, act, undo
from streamscope.core.pokes import POKES
from streamscope.language import N_
from streamscope.link.obey import Entry
from streamscope.link.producer import CommandError
from streamscope.link.publisher import Publisher
from streamscope.link.subscriber import Subscriber
from streamscope.link.wire import Command

LONGEST_MS = 24 * 3600 * 1000
"""A fault can be asked for so long at most; without a time it stays until it is cleared."""

WITHOUT_SIGN_NS = 5_000_000_000
"""A freeze ends when nothing has been heard for so long of the inspector that asked for it."""

_Fault = tuple[int, str]


class _Held(NamedTuple):
    """Who has set a fault, None for one that stays without anybody; and until when it stays, 0 for ever."""

    by: Subscriber | None
    until: int


class Control:
    """The commands that touch one loop, beside those that every producer has."""

    def __init__(self, loop: Loop, publisher: Publisher) -> None:
        self._loop = loop
        self._publisher = publisher
        self._held: dict[_Fault, _Held] = {}
        self._frozen_by: Subscriber | None = None
        self._sign_t = 0  # when it last gave a sign of life
        handlers = {
            "poke": self._on_poke, "freeze": self._on_freeze, "step": self._on_step, "thaw": self._on_thaw,
            "hold": self._on_hold,
        }  # fmt: skip
        for name, handler in handlers.items():
            publisher.commands.entries[name] = Entry(handler, needs_control=True)
        publisher.on_leave.append(self._left)
        publisher.injected = self.text

    def text(self) -> str:
        """What is injected now, for who asks who we are: `frozen; #5 read-stop; #8 delay 100`."""
        faults = [f"#{stream.number} {stream.system.text}" for stream in self._faulty()]  # type: ignore[attr-defined]
        return "; ".join([*(["frozen"] if self._loop.frozen_t else []), *faults])

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
            until = self._loop.clock() + ms * 1_000_000 if ms else 0
            self._held[number, name] = _Held(None if stays or ms else subscriber, until)
            if until:
                self._publisher.at(until, self._look_at_times)

    def _is_set(self, number: int, name: str) -> bool:
        stream = self._loop.handles.get(number)
        return isinstance(stream, Stream) and isinstance(stream.system, Faults) and name in stream.system.held

    def _look_at_times(self) -> None:
        """The time of some fault is over, if it has not been cleared, or set anew, before."""
        now = self._loop.clock()
        for fault in [fault for fault, held in self._held.items() if held.until and now >= held.until]:
            del self._held[fault]
            undo(self._loop, *fault)
        for held in self._held.values():
            if held.until:
                self._publisher.at(held.until, self._look_at_times)

    # the freeze

    def _on_freeze(self, subscriber: Subscriber, command: Command) -> None:
        loop = self._loop
        if loop.halt and self._frozen_by not in (None, subscriber):
            raise CommandError(N_("another inspector has frozen it already"))
        self._sign_t = loop.clock()
        if self._frozen_by is None:
            self._frozen_by = subscriber
            self._publisher.at(self._sign_t + WITHOUT_SIGN_NS, self._look_for_a_sign)
        freeze(loop, "an inspector")

    def _on_step(self, subscriber: Subscriber, command: Command) -> None:
        by = command.arguments.get("by")
        if by not in ("turn", "callback"):
            raise CommandError(N_("step takes by: turn or callback"))
        self._is_theirs(subscriber)
        if not self._loop.frozen_t:
            raise CommandError(N_("it is at a step already, which waits for something to happen"))
        thaw(self._loop, f"a step: one {by}", STEPS_A_TURN if by == "turn" else STEPS_A_CALLBACK)

    def _on_thaw(self, subscriber: Subscriber, command: Command) -> None:
        self._is_theirs(subscriber)
        self._end_freeze("let go")

    def _on_hold(self, subscriber: Subscriber, command: Command) -> None:
        """Who has frozen it is still there."""
        if subscriber is self._frozen_by:
            self._sign_t = self._loop.clock()

    def _is_theirs(self, subscriber: Subscriber) -> None:
        if not self._loop.halt or subscriber is not self._frozen_by:
            raise CommandError(N_("another inspector has frozen it") if self._loop.halt else N_("it is not frozen"))
        self._sign_t = self._loop.clock()

    def _look_for_a_sign(self) -> None:
        if self._frozen_by is None:
            return
        until = self._sign_t + WITHOUT_SIGN_NS
        if not self._loop.halt:
            self._frozen_by = None  # a signal has ended it
        elif self._loop.clock() >= until:
            self._end_freeze("no sign for 5 s of who has frozen it")
        else:
            self._publisher.at(until, self._look_for_a_sign)

    def _end_freeze(self, why: str) -> None:
        self._frozen_by = None
        thaw(self._loop, why)

    def _left(self, subscriber: Subscriber) -> None:
        if subscriber is self._frozen_by:
            self._end_freeze("who has frozen it has left")
        for fault in [fault for fault, held in self._held.items() if held.by is subscriber]:
            del self._held[fault]
            self._publisher.soon(_undoing(self._loop, fault))


def _undoing(loop: Loop, fault: _Fault) -> Callable[[], None]:
    return lambda: undo(loop, *fault)
