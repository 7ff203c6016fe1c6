"""Keyframes: a whole model as bytes, so that state at any row is a keyframe and a short fold.

`model_of` gives back what `keyframe_of` was given, field for field and alias for alias: a request that a stream holds
and that records still change is one object in both places, as it was. Bytes may come out of a file that nobody vouches
for, so everything is checked and bounded, and what cannot be a model is a FeedError.
"""

from __future__ import annotations

import gc
from collections import OrderedDict
from typing import NamedTuple

import msgspec

from streamscope.language import tr
from streamscope.trace.fold import MOST_HANDLES, MOST_REQUESTS, SlowCallback
from streamscope.trace.model import Model
from streamscope.trace.packing import check_handles, read_handles
from streamscope.trace.state import LoopState, RequestState, StreamState, held_requests
from streamscope.trace.untrusted import MALFORMED, FeedError

MOST_BYTES = 16 * 1024 * 1024
"""A keyframe is never larger. An engine with so many streams that its state is, has none; only the way from one to the
next is longer then.
"""

_COUNTED = ("membership", "events_seen", "events_lost")
_LOOP = LoopState.__struct_fields__


class _Number(msgspec.Struct, array_like=True):
    """How a handle begins; the rest is passed over."""

    number: int


class _Parts(msgspec.Struct, array_like=True):
    """What goes through msgpack. Requests that a stream holds are written where it holds them."""

    loop: LoopState
    handles: msgspec.Raw  # list[StreamState], in the order in which they became known
    loose: list[RequestState]  # begun and not ended, and held by no stream
    ended: list[tuple[int, int]]  # held, but records change them no more: stream, and place among what it holds
    carried: dict[int, int]
    completed: list[tuple[int, msgspec.Raw]]  # by stream, a list[RequestState] of the last that ended
    lit: dict[tuple[int, int], int]
    closed: list[int]
    round: list[int] | None
    whole: bool
    membership: int
    events_seen: int
    events_lost: int
    slowest: list[SlowCallback] = []
    asides: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Parts).decode
_decode_handle = msgspec.msgpack.Decoder(StreamState).decode
_decode_numbers = msgspec.msgpack.Decoder(list[_Number]).decode
_decode_raw = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode


def keyframe_of(model: Model) -> bytes:
    """The model as bytes, at most MOST_BYTES of them; none if its state is larger, or has numbers beyond 64 bits, which
    only a malformed feed makes. The model stays as it was.
    """
    requests = model.requests
    held: set[int] = set()
    ended: list[tuple[int, int]] = []
    for state in model.known.values():
        if state.write_queue or state.write_completed_queue or state.connect_req or state.shutdown_req:
            for place, request in enumerate(held_requests(state)):
                if requests.get(request.number) is request:
                    held.add(request.number)
                else:
                    ended.append((state.number, place))
    try:
        packed = _encode(
            _Parts(
                loop=model.loop,
                handles=msgspec.Raw(_encode(list(model.known.values()))),
                loose=[request for number, request in requests.items() if number not in held],
                ended=ended,
                carried=model.carried,
                completed=_completed(model),
                lit={(number, flag): t for flag, changed in model.lit.items() for number, t in changed.items()},
                closed=list(model.closed),
                round=None if model.round is None else sorted(model.round),
                whole=model.whole,
                membership=model.membership,
                events_seen=model.events_seen,
                events_lost=model.events_lost,
                slowest=model.slowest,
                asides=model.asides,
            )
        )
    except OverflowError:
        return b""
    return packed if len(packed) <= MOST_BYTES else b""


def model_of(packed: bytes, other: Model) -> Model:
    """The model that was packed, for the feed of another model. Its `changed` is empty. Raises FeedError for bytes that
    are no keyframe.

    Garbage is not collected meanwhile: there is none, and to look for it in so many new objects takes a quarter of the
    time.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return _model_of(packed, other)
    finally:
        if collects:
            gc.enable()


def _model_of(packed: bytes, other: Model) -> Model:
    parts, packed_handles = _open(packed)
    handles = read_handles(packed_handles)
    model = other.blank()
    for name in _LOOP:
        setattr(model, name, getattr(parts.loop, name))
    model.turn_ns = model.callback_ns
    ended = set(parts.ended)
    model.known = {state.number: state for state in handles}
    streams = model.decoder.vocabulary.stream_types
    model.handles = {state.number: state for state in handles if state.type not in streams}
    model.streams = model.known.copy()  # nearly all handles are streams
    for number in model.handles:
        model.streams.pop(number, None)
    for state in handles:
        if state.write_queue or state.write_completed_queue or state.connect_req or state.shutdown_req:
            _share(model, state, ended)
    for request in parts.loose:
        model.requests[request.number] = request
    if min(model.known, default=1) <= 0:
        raise FeedError(tr("a keyframe has a handle with a number that none can have"))
    if not len(model.known) == len(handles) <= MOST_HANDLES or len(model.requests) > MOST_REQUESTS:
        raise FeedError(tr("a keyframe names a handle twice, or too many handles or requests"))
    model.carried = parts.carried
    model.unread = dict(parts.completed)
    for (number, flag), t in parts.lit.items():
        model.lit[flag][number] = t
    model.closed = OrderedDict.fromkeys(parts.closed)
    model.round = None if parts.round is None else set(parts.round)
    model.whole = parts.whole
    model.keep_slowest(parts.slowest)
    model.asides = parts.asides
    for name in _COUNTED:
        if getattr(parts, name) < 0:
            raise FeedError(tr("a keyframe counts less than nothing"))
        setattr(model, name, getattr(parts, name))
    return model


class KeptHandle(NamedTuple):
    """One handle, as a keyframe has it: None if it was not known there; and whether all was known (`whole`), or a round
    of slices that was to make it so was under way.
    """

    state: StreamState | None
    whole: bool
    in_round: bool


def look(packed: bytes, number: int) -> KeptHandle:
    """What a keyframe has of one handle, without the others. Raises FeedError for bytes that are no keyframe."""
    parts, handles = _open(packed)
    check_handles(handles)
    try:
        numbers = [handle.number for handle in _decode_numbers(handles)]
        state = None
        if number in numbers:
            state = _decode_handle(_decode_raw(handles)[numbers.index(number)])
    except MALFORMED as error:
        raise FeedError(tr("what came is no keyframe: {error}", error=error)) from error
    return KeptHandle(state, parts.whole, parts.round is not None)


def snapshot(packed: bytes) -> tuple[LoopState, list[StreamState]] | None:
    """The loop and all handles, as a snapshot would tell of them; None if not all was known there.

    Raises FeedError for bytes that are no keyframe.
    """
    parts, handles = _open(packed)
    if not parts.whole:
        return None
    return parts.loop, read_handles(handles)


def _open(packed: bytes) -> tuple[_Parts, bytes]:
    """All of it but the handles, which are packed yet."""
    if len(packed) > MOST_BYTES:
        raise FeedError(tr("a keyframe is larger than {most} bytes", most=f"{MOST_BYTES:,}"))
    try:
        parts = _decode(packed)
    except MALFORMED as error:
        raise FeedError(tr("what came is no keyframe: {error}", error=error)) from error
    return parts, bytes(parts.handles)


def _completed(model: Model) -> list[tuple[int, msgspec.Raw]]:
    """The requests that ended, by stream, in an order that does not tell which of them have been read."""
    for number in model.unread.keys() & model.completed.keys():
        model.finished(number)
    packed = {number: msgspec.Raw(_encode(list(done))) for number, done in model.completed.items()}
    return sorted({**model.unread, **packed}.items())


def _share(model: Model, state: StreamState, ended: set[tuple[int, int]]) -> None:
    """Has what the stream holds be the very requests that records will change."""
    place = -1

    def shared(request: RequestState) -> RequestState:
        nonlocal place
        place += 1
        if (state.number, place) in ended:
            return request
        return model.requests.setdefault(request.number, request)

    if state.connect_req is not None:
        state.connect_req = shared(state.connect_req)
    if state.shutdown_req is not None:
        state.shutdown_req = shared(state.shutdown_req)
    state.write_queue = [shared(request) for request in state.write_queue]
    state.write_completed_queue = [shared(request) for request in state.write_completed_queue]
