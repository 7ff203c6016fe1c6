"""Payload: which bytes of which streams leave the engine, and to whom.

None does unless a person asked for it: `--payload N` shows the first N bytes of every read and write to every
inspector; opening a stream in an inspector that may control shows that stream's to that inspector, while it is open.
A producer's streams offer one tap each, and this room is all that ever sits in one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

from streamscope.link import wire
from streamscope.link.producer import Producer
from streamscope.link.subscriber import Subscriber

Buffer: TypeAlias = "bytes | bytearray | memoryview"

MOST_OPEN = 16
"""Streams that one inspector may have open at once."""

MOST_BYTES = 256 * 1024
"""Bytes of one read or write that are sent at most; the frame says how many there were."""

MOST_COUNTED = 4096
"""Streams and directions for which lost bytes are counted, per inspector."""


class Taps:
    """The taps of one producer. `unasked` is `--payload N`; `subscribers` are those to be shown it; `failed` is told of
    an exception, because none may reach the stream that is tapped.
    """

    def __init__(
        self, producer: Producer, unasked: int, subscribers: Collection[Subscriber], failed: Callable[[Exception], None]
    ) -> None:
        self._producer = producer
        self._unasked = unasked
        self._subscribers = subscribers
        self._failed = failed
        self._opened: dict[int, list[Subscriber]] = {}
        if unasked:
            producer.tap_all(self._show)

    @property
    def opened(self) -> Collection[int]:
        """The streams that somebody has open, as they are at any time."""
        return self._opened.keys()

    def open(self, subscriber: Subscriber, number: int) -> str:
        """Show this stream's payload to this inspector from now on; returns why not, or ""."""
        if number in subscriber.opened:
            return ""
        if len(subscriber.opened) >= MOST_OPEN:
            return f"{MOST_OPEN} streams are open already"
        if not self._producer.tap(number, self._show):
            there = number in self._producer.numbers()
            return f"stream #{number} cannot show its payload" if there else f"there is no stream #{number}"
        subscriber.opened.add(number)
        self._opened.setdefault(number, []).append(subscriber)
        return ""

    def close(self, subscriber: Subscriber, number: int) -> None:
        """Show it no longer; nothing happens if it was not shown."""
        if number not in subscriber.opened:
            return
        subscriber.opened.discard(number)
        watchers = self._opened[number]
        watchers.remove(subscriber)
        if not watchers:
            del self._opened[number]
            if not self._unasked:
                self._producer.tap(number, None)

    def close_all(self, subscriber: Subscriber) -> None:
        """The inspector is gone."""
        for number in list(subscriber.opened):
            self.close(subscriber, number)

    def end(self) -> None:
        """Take every tap out."""
        self._producer.tap_all(None)

    def _show(self, number: int, out: bool, data: Buffer) -> None:
        try:
            opened = self._opened.get(number, ())
            if self._unasked and self._subscribers:
                others = [s for s in self._subscribers if s.listening and not s.records_only and s not in opened]
                self._send(others, number, out, data, self._unasked)
            if opened:
                self._send(opened, number, out, data, MOST_BYTES)
        except Exception as error:
            self._failed(error)

    def _send(self, to: Collection[Subscriber], number: int, out: bool, data: Buffer, most: int) -> None:
        t, total = self._producer.clock(), len(data)
        packed = wire.pack(wire.payload(number, t, out, total, bytes(data[:most]))) if to else b""
        for subscriber in to:
            # Payload is dropped like everything else when the inspector does not read; how much is told afterwards.
            lost = subscriber.payload_lost
            missing = lost.pop((number, out), 0)
            if missing and not subscriber.losing:
                told = wire.pack(wire.payload(number, t, out, missing, b""))
                missing = 0 if subscriber.offer(told) else missing
            sent = not missing and not subscriber.losing and subscriber.offer(packed)
            if not sent and len(lost) < MOST_COUNTED:
                lost[number, out] = missing + total
