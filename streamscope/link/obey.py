"""What inspectors may ask of the engine. What they send is checked, and the answer says what was wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from streamscope.link import wire
from streamscope.link.producer import CommandError, Producer
from streamscope.link.subscriber import EVERYTHING, NOTHING, STATES, Subscriber
from streamscope.link.taps import Taps
from streamscope.link.wire import Argument, Command

NO_SUCH_COMMAND = "this engine knows no such command"
MAY_LOOK_ONLY = "inspectors that attach may look only; to let them control, start the engine with --control"

MOST_OFTEN_MS, LEAST_OFTEN_MS = 10, 3_600_000
"""How often states can be asked for."""


Watch: TypeAlias = Callable[[Subscriber, str, int, bool], None]


class Entry:
    """One command: what carries it out, and whether only inspectors that may control can give it."""

    __slots__ = ("handler", "needs_control")

    def __init__(self, handler: Callable[[Subscriber, Command], None], needs_control: bool) -> None:
        self.handler = handler
        self.needs_control = needs_control


class Commands:
    """The commands of one producer, by name in `entries`; others may add theirs. `stop` is called when an inspector
    asks for the engine's end, `watch` when it says what it watches, how often in ms, and whether it looks at the loop's
    thread itself.
    """

    def __init__(self, producer: Producer, taps: Taps, stop: Callable[[], None], watch: Watch) -> None:
        self._taps = taps
        self.runs: Callable[[Subscriber], int] = lambda subscriber: -1
        """How often the loop's thread has been given a CPU, for who watches states; -1 where that is of no use."""
        self.on_control: Callable[[], None] = lambda: None
        """Called when something was done to the program."""
        self._stop = stop
        self._watch = watch
        self.entries: dict[str, Entry] = {
            **{name: Entry(_told(command), needs_control=True) for name, command in producer.commands.items()},
            "watch": Entry(self._on_watch, needs_control=False),
            "ask": Entry(self._on_ask, needs_control=False),
            "stop": Entry(self._on_stop, needs_control=True),
            "payload": Entry(self._on_payload, needs_control=True),
        }

    def obey(self, subscriber: Subscriber, command: Command) -> bool:
        """Carry the command out, if there is such a one and the inspector may give it; returns whether it was. It
        is answered either way.
        """
        entry = self.entries.get(command.name)
        error = ""
        if entry is None:
            error = NO_SUCH_COMMAND
        elif entry.needs_control and not subscriber.control:
            error = MAY_LOOK_ONLY
        else:
            try:
                entry.handler(subscriber, command)
                if entry.needs_control:
                    self.on_control()
            except CommandError as refusal:
                error = str(refusal)
        rests = command.name == "ask" and subscriber.watches == STATES
        subscriber.send(wire.reply(command.number, error, self.runs(subscriber) if rests else -1))
        return not error

    def _on_watch(self, subscriber: Subscriber, command: Command) -> None:
        mode, every = command.arguments.get("mode"), command.arguments.get("every", 1000)
        if type(mode) is not str or mode not in (EVERYTHING, STATES, NOTHING):
            raise CommandError(f"watch takes a mode: {EVERYTHING}, {STATES} or {NOTHING}")
        if type(every) is not int or not MOST_OFTEN_MS <= every <= LEAST_OFTEN_MS:
            raise CommandError(f"watch takes every {MOST_OFTEN_MS} to {LEAST_OFTEN_MS:,} ms")
        self._watch(subscriber, mode, every, command.arguments.get("sees_thread") is True)

    def _on_ask(self, subscriber: Subscriber, command: Command) -> None:
        """Who has heard nothing for a while wants to know whether the loop turns: the answer says so."""

    def _on_stop(self, subscriber: Subscriber, command: Command) -> None:
        self._stop()

    def _on_payload(self, subscriber: Subscriber, command: Command) -> None:
        number, on = command.arguments.get("stream"), command.arguments.get("on")
        if type(number) is not int or type(on) is not bool:
            raise CommandError("payload takes a stream's number, and on or off")
        if not on:
            self._taps.close(subscriber, number)
        elif refusal := self._taps.open(subscriber, number):
            raise CommandError(refusal)


def _told(command: Callable[[dict[str, Argument]], None]) -> Callable[[Subscriber, Command], None]:
    return lambda subscriber, said: command(said.arguments)
