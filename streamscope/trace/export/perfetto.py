"""Perfetto's trace format, for ui.perfetto.dev: every stream with its flags, its queue, its requests and callbacks.

    engine            one process
      loop            turns as slices, and in each the time that was spent in epoll_wait; counters of the loop
      lost events     a slice over each gap
      #7 tcp ← peer   callbacks as slices, failures as instants, and below it
        READING …     a track for each flag, with a slice while it is set
        wants IN …    the same for what the engine wants of the kernel
        write_queue_size, pending requests, bytes in, bytes out
                      counters, with a sample at each change
        requests      a slice from each request's beginning to its end; those that overlap lie below each other

Times are the feed's clock, so what happened between two readings of it stands at the same time, in order. Where events
are missing, every slice ends; those of which a snapshot says that they go on begin anew there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from streamscope.core.records import Word
from streamscope.trace.decode import Event
from streamscope.trace.export.jsonl import CHUNK
from streamscope.trace.export.perfetto_tracks import HANDLES, LOOP, REQUESTS, Drawing, Tracks
from streamscope.trace.export.selection import ExportedGap, Selection
from streamscope.trace.export.titles import Titles
from streamscope.trace.pieces import BatchLeaf, Leaf, SliceLeaf
from streamscope.trace.state import NO_FAILURES, StreamState

Handler: TypeAlias = Callable[[Drawing, Tracks, Event], None]


def packets(
    selection: Selection, program: str, pid: int, started: float, begin_t: int = 0, end_t: int = 0
) -> Iterator[bytes]:
    """The trace, some hundred kilobytes at a time. `started` is the Unix time at which the feed's clock was 0. What was
    under way before `begin_t` begins there, and what still is at `end_t` ends there, if these are given.

    Raises FeedError or TraceError where the past turns out to be damaged.
    """
    titles = Titles(selection.past.decoder)
    exporter = Exporter(program, pid, started, titles)
    model = selection.state(selection.first)
    titles.know(model.known.values())
    exporter.state(max(model.t, begin_t), _of_interest(selection, model.known.values()))

    def before(leaf: Leaf) -> None:
        if isinstance(leaf, BatchLeaf):
            exporter.rename(titles.read(leaf.words()))
        elif isinstance(leaf, SliceLeaf):
            body = leaf.read()
            titles.know(body.streams)
            exporter.state(body.loop.t, _of_interest(selection, body.streams))

    out = exporter.packets.out
    for row in selection.rows(before):
        if isinstance(row, ExportedGap):
            exporter.lost(row)
        else:
            exporter.event(row)
        if len(out) >= CHUNK:
            yield bytes(out)
            out.clear()
    exporter.close(end_t)
    yield bytes(out)


def _of_interest(selection: Selection, states: Iterable[StreamState]) -> Iterable[StreamState]:
    streams = selection.streams
    return states if streams is None else [state for state in states if state.number in streams]


class Exporter(Drawing):
    """Takes rows and state in the order of time, and makes packets of them."""

    def event(self, event: Event) -> None:
        """One event."""
        handler = _HANDLERS.get(event.kind) or (_system_call if event.kind.startswith("sys.") else None)
        if handler is not None:
            handler(self, self._of(event.stream), event)
        if event.kind != "loop.waits" and not event.kind.startswith(
            "kernel."
        ):  # those lie within a wait, which goes on
            self._t = event.t


def _int(word: Word | None) -> int:
    return word if isinstance(word, int) else 0


# one handler for each kind


def _turn(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    drawing.turn(event.t, event.turn)


def _epoll_wait(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    drawing.waited(event.t, _int(event.fields["ready"]), _int(event.fields["timeout"]))


def _active_handles(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    drawing.packets.count(event.t, HANDLES, _int(event.new))


def _flag_set(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    drawing.light(tracks, _int(event.fields["flag"]), event.t)


def _flag_clear(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    drawing.darken(tracks, _int(event.fields["flag"]), event.t)


def _interest(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    old, new = _int(event.old), _int(event.new)
    drawing.darken(tracks, old & ~new, event.t, wanted=True)
    drawing.light(tracks, new, event.t, wanted=True)


def _write_queue_size(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    drawing.queue(tracks, _int(event.new), event.t)


def _request_begin(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    fields = event.fields
    drawing.request(tracks, _int(fields["req"]), _int(fields["request"]), _int(fields["bytes"]), event.t)
    drawing.packets.count(event.t, REQUESTS, _int(fields["active_reqs"]))


def _request_end(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    fields = event.fields
    status = _int(fields["status"]) if drawing.vocabulary.knows("status") else None
    drawing.request_ends(tracks, _int(fields["req"]), event.t, status)
    drawing.packets.count(event.t, REQUESTS, _int(fields["active_reqs"]))


def _callback_begin(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    value = _int(event.fields["value"])
    notes: list[tuple[str, int | str]] = [
        ("value", drawing.vocabulary.error_text(value) if value < 0 else value),
        ("seq", event.seq),
    ]
    tracks.callbacks += 1
    drawing.packets.begin(
        event.t, tracks.base or LOOP, drawing.vocabulary.callback_text(_int(event.fields["callback"])), notes
    )


def _callback_end(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    if tracks.callbacks:
        tracks.callbacks -= 1
        drawing.packets.end(event.t, tracks.base or LOOP)


def _callback_error(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    callback = drawing.vocabulary.callback_text(_int(event.fields["callback"]))
    drawing.packets.instant(event.t, tracks.base or LOOP, "exception", [("callback", callback), ("seq", event.seq)])


def _handle_closed(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    drawing.forget(event.stream, event.t)


def _system_call(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    result = _int(event.fields.get("result"))
    call = event.kind.removeprefix("sys.")
    if result > 0 and call in ("read", "recvmsg", "write", "writev", "sendmsg"):
        drawing.bytes(tracks, result, event.t, out=call not in ("read", "recvmsg"))
    elif result < 0 and result not in NO_FAILURES:
        notes: list[tuple[str, int | str]] = [("result", drawing.vocabulary.error_text(result)), ("seq", event.seq)]
        drawing.packets.instant(event.t, tracks.base or LOOP, f"{call} failed", notes)


_HANDLERS: dict[str, Handler] = {
    "loop.turn": _turn,
    "epoll.wait": _epoll_wait,
    "handle.start": _active_handles,
    "handle.stop": _active_handles,
    "handle.closed": _handle_closed,
    "flag.set": _flag_set,
    "flag.clear": _flag_clear,
    "io.start": _interest,
    "io.stop": _interest,
    "write_queue_size": _write_queue_size,
    "request.begin": _request_begin,
    "request.end": _request_end,
    "callback.begin": _callback_begin,
    "callback.end": _callback_end,
    "callback.error": _callback_error,
}
