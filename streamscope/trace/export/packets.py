"""Packets of Perfetto's trace format, written one after the other so that a long trace needs no memory.

Everything that a packet can hold is built with the classes that the perfetto package generates from the format itself.
Only what is different in each of millions of packets, a time and a value, is appended to the bytes those classes have
made once: a message's fields may stand in any order.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as pb  # type: ignore[import-untyped]

SEQUENCE = 1
CLOCK = 6
"""BUILTIN_CLOCK_BOOTTIME: what a trace's times are in unless it says otherwise."""
REALTIME = 1

COUNT = pb.CounterDescriptor.UNIT_COUNT
EXPLICIT = pb.TrackDescriptor.EXPLICIT
BYTES = pb.CounterDescriptor.UNIT_SIZE_BYTES

MOST_NAMES = 4096
"""A catalogue has some hundred. What goes on beyond this makes names up."""

_VARINT, _DELIMITED = 0, 2


def varint(number: int) -> bytes:
    """A number of at most 64 bits as protobuf writes it."""
    number &= 0xFFFF_FFFF_FFFF_FFFF
    if number < 0x80:
        return bytes((number,))
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _tag(message: Any, field: str, kind: int) -> bytes:
    return varint(message.DESCRIPTOR.fields_by_name[field].number << 3 | kind)


_PACKET = _tag(pb.Trace, "packet", _DELIMITED)
_TIMESTAMP = _tag(pb.TracePacket, "timestamp", _VARINT)
_TRACK_EVENT = _tag(pb.TracePacket, "track_event", _DELIMITED)
_COUNTER = _tag(pb.TrackEvent, "counter_value", _VARINT)
_ANNOTATION = _tag(pb.TrackEvent, "debug_annotations", _DELIMITED)
_INT_VALUE = _tag(pb.DebugAnnotation, "int_value", _VARINT)
_TAIL = pb.TracePacket(
    trusted_packet_sequence_id=SEQUENCE, sequence_flags=pb.TracePacket.SEQ_NEEDS_INCREMENTAL_STATE
).SerializeToString()


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9) if 0 < seconds < 1e10 else 0


class Packets:
    """Makes packets. Names are interned as they are first used; they come from the catalogue, so they are few."""

    def __init__(self, started: float) -> None:
        """`started` is the Unix time at which the trace's clock was 0."""
        self.out = bytearray()
        """What is to be written next; the owner takes it out."""
        self._names: dict[str, int] = {}
        self._keys: dict[str, int] = {}
        first = pb.TracePacket(trusted_packet_sequence_id=SEQUENCE)
        first.sequence_flags = pb.TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
        first.first_packet_on_sequence = True
        snapshot = first.clock_snapshot
        snapshot.primary_trace_clock = CLOCK
        snapshot.clocks.add(clock_id=CLOCK, timestamp=0)
        snapshot.clocks.add(clock_id=REALTIME, timestamp=_nanoseconds(started))
        self._put(first.SerializeToString())

    def describe(self, uuid: int, name: str, parent: int = 0, **fields: Any) -> None:
        """A track: its number, its name, and the track that it is under."""
        packet = pb.TracePacket(trusted_packet_sequence_id=SEQUENCE)
        track = packet.track_descriptor
        track.uuid = uuid
        track.name = name
        if parent:
            track.parent_uuid = parent
        for field, value in fields.items():
            if field == "unit":
                track.counter.unit = value
            elif field == "pid":
                track.process.pid = max(1, min(value, 2**31 - 1))
                track.process.process_name = name
            else:
                setattr(track, field, value)
        self._put(packet.SerializeToString())

    def begin(self, t: int, track: int, name: str, notes: Iterable[tuple[str, int | str]] = ()) -> None:
        """A slice begins."""
        self._event(t, _begin(track, self._name(name)), notes)

    def end(self, t: int, track: int, notes: Iterable[tuple[str, int | str]] = ()) -> None:
        """The slice of this track that began last ends."""
        self._event(t, _end(track), notes)

    def instant(self, t: int, track: int, name: str, notes: Iterable[tuple[str, int | str]] = ()) -> None:
        """Something that takes no time."""
        self._event(t, _instant(track, self._name(name)), notes)

    def count(self, t: int, track: int, value: int) -> None:
        """A counter has a new value."""
        event = _counter(track) + _COUNTER + varint(value)
        self._packet(t, event)

    def _event(self, t: int, event: bytes, notes: Iterable[tuple[str, int | str]]) -> None:
        for name, value in notes:
            key = self._key(name)
            if isinstance(value, int):
                note = _annotation(key) + _INT_VALUE + varint(value)
            else:
                note = pb.DebugAnnotation(name_iid=key, string_value=value).SerializeToString()
            event += _ANNOTATION + varint(len(note)) + note
        self._packet(t, event)

    def _packet(self, t: int, event: bytes) -> None:
        self._put(_TIMESTAMP + varint(max(0, t)) + _TRACK_EVENT + varint(len(event)) + event + _TAIL)

    def _put(self, packet: bytes) -> None:
        self.out += _PACKET + varint(len(packet)) + packet

    def _name(self, name: str) -> int:
        return self._names.get(name) or self._intern(self._names, "event_names", name)

    def _key(self, name: str) -> int:
        return self._keys.get(name) or self._intern(self._keys, "debug_annotation_names", name)

    def _intern(self, known: dict[str, int], where: str, name: str) -> int:
        if len(known) >= MOST_NAMES:
            name = "other"
            if name in known:
                return known[name]
        known[name] = number = len(known) + 1
        packet = pb.TracePacket(trusted_packet_sequence_id=SEQUENCE)
        packet.sequence_flags = pb.TracePacket.SEQ_NEEDS_INCREMENTAL_STATE
        getattr(packet.interned_data, where).add(iid=number, name=name)
        self._put(packet.SerializeToString())
        return number


@cache
def _annotation(key: int) -> bytes:
    return bytes(pb.DebugAnnotation(name_iid=key).SerializeToString())


def _begin(track: int, name: int) -> bytes:
    return _shape(pb.TrackEvent.TYPE_SLICE_BEGIN, name) + _track(track)


def _end(track: int) -> bytes:
    return _shape(pb.TrackEvent.TYPE_SLICE_END, 0) + _track(track)


def _instant(track: int, name: int) -> bytes:
    return _shape(pb.TrackEvent.TYPE_INSTANT, name) + _track(track)


def _counter(track: int) -> bytes:
    return _shape(pb.TrackEvent.TYPE_COUNTER, 0) + _track(track)


@cache
def _shape(kind: int, name: int) -> bytes:
    event = pb.TrackEvent(type=kind)
    if name:
        event.name_iid = name
    return bytes(event.SerializeToString())


_TRACK = _tag(pb.TrackEvent, "track_uuid", _VARINT)


def _track(track: int) -> bytes:
    return _TRACK + varint(track)
