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

from streamscope.trace.decode import Event
from streamscope.trace.effects import Change, Effect, effect_of
from streamscope.trace.event_effects import USED, as_number, failed, hangs_on_state, of_event
from streamscope.trace.export.jsonl import CHUNK
from streamscope.trace.export.perfetto_tracks import HANDLES, LOOP, REQUESTS, Drawing, Tracks
from streamscope.trace.export.selection import ExportedGap, Selection
from streamscope.trace.export.titles import Titles
from streamscope.trace.handlers import Handlers
from streamscope.trace.pieces import BatchLeaf, Leaf, SliceLeaf
from streamscope.trace.state import StreamState

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
        kind = event.kind
        drawn = _OF_EFFECTS.of_effect(effect_of(kind))
        besides = _HANDLERS.get(kind) or (_system_call if kind.startswith("sys.") else None)
        for handler in (drawn, besides):
            if handler is not None:
                handler(self, self._of(event.stream), event)
        if kind != "loop.waits" and not kind.startswith("kernel."):  # those lie within a wait, which goes on
            self._t = event.t


# what follows from the effects of a kind


_NEW_VALUES = {
    "write_queue_size": "drawing.queue(tracks, {}, event.t)",
    "loop.active_handles": "drawing.packets.count(event.t, HANDLES, {})",
    "loop.active_reqs": "drawing.packets.count(event.t, REQUESTS, {})",
    "closed_t": "drawing.forget(event.stream, event.t)",
    "pevents": "drawing.wants(tracks, old, {}, event.t)",
}
_OTHERS = {
    ("flags", "|="): "drawing.light(tracks, {}, event.t)",
    ("flags", "&="): "drawing.darken(tracks, ~{}, event.t)",
    ("bytes_in", "+="): "drawing.bytes(tracks, {}, event.t, out=False)",
    ("bytes_out", "+="): "drawing.bytes(tracks, {}, event.t, out=True)",
    ("requests", "begin_request"): "drawing.request(tracks, req, request, bytes, event.t)",
    ("requests", "end_request"): "drawing.request_ends(tracks, req, event.t, status)",
}


def _statement(change: Change, effect: Effect) -> str:
    template = _NEW_VALUES.get(change.field, "") if change.how == "=" else _OTHERS.get((change.field, change.how), "")
    asked = f"{change.condition} {change.value}" if "{}" in template else change.condition
    return "" if hangs_on_state(asked, effect) else template.format(change.value)


_USED = {**USED, "HANDLES": HANDLES, "REQUESTS": REQUESTS}
_OF_EFFECTS = Handlers("drawing, tracks, event", {}, _statement, _USED, of_event)

# and what of single kinds is drawn besides


def _turn(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    drawing.turn(event.t, event.turn)


def _epoll_wait(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    drawing.waited(event.t, as_number(event.fields["ready"]), as_number(event.fields["timeout"]))


def _callback_begin(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    value = as_number(event.fields["value"])
    notes: list[tuple[str, int | str]] = [
        ("value", drawing.vocabulary.error_text(value) if value < 0 else value),
        ("seq", event.seq),
    ]
    tracks.callbacks += 1
    drawing.packets.begin(
        event.t, tracks.base or LOOP, drawing.vocabulary.callback_text(as_number(event.fields["callback"])), notes
    )


def _callback_end(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    if tracks.callbacks:
        tracks.callbacks -= 1
        drawing.packets.end(event.t, tracks.base or LOOP)


def _callback_error(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    callback = drawing.vocabulary.callback_text(as_number(event.fields["callback"]))
    drawing.packets.instant(event.t, tracks.base or LOOP, "exception", [("callback", callback), ("seq", event.seq)])


def _system_call(drawing: Drawing, tracks: Tracks, event: Event) -> None:
    if failed(event):
        result, call = as_number(event.fields.get("result")), event.kind.removeprefix("sys.")
        notes: list[tuple[str, int | str]] = [("result", drawing.vocabulary.error_text(result)), ("seq", event.seq)]
        drawing.packets.instant(event.t, tracks.base or LOOP, f"{call} failed", notes)


_HANDLERS: dict[str, Handler] = {
    "loop.turn": _turn,
    "epoll.wait": _epoll_wait,
    "callback.begin": _callback_begin,
    "callback.end": _callback_end,
    "callback.error": _callback_error,
}
