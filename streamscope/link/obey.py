"""What inspectors may ask of the engine. What they send is checked, and the answer says what was wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streamscope.link.frames import Command, Reply
from streamscope.link.subscriber import Subscriber
from streamscope.link.taps import Taps


class CommandError(Exception):
    """The command cannot be carried out; the text goes to the inspector."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One command: what carries it out, and whether only inspectors that may control can give it."""

    handler: Callable[[Subscriber, Command], None]
    needs_control: bool


class Commands:
    """The commands of one engine, by name in `entries`; others may add theirs. `stop` is called when an inspector asks
    for the engine's end.
    """

    def __init__(self, taps: Taps, stop: Callable[[], None]) -> None:
        self._taps = taps
        self._stop = stop
        self.entries: dict[str, Entry] = {
            "stop": Entry(self._on_stop, needs_control=True),
            "payload": Entry(self._on_payload, needs_control=True),
        }

    def obey(self, subscriber: Subscriber, command: Command) -> None:
        """Carry the command out, if there is such a one and the inspector may give it; it is answered either way."""
        entry = self.entries.get(command.name)
        error = ""
        if entry is None:
            error = "this engine knows no such command"
        elif entry.needs_control and not subscriber.control:
            error = "inspectors that attach may look only; to let them control, start the engine with --control"
        else:
            try:
                entry.handler(subscriber, command)
            except CommandError as refusal:
                error = str(refusal)
        subscriber.send(Reply(command.number, error))

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
