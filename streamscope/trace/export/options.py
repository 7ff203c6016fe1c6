"""What a person asked to export, made into a selection: from when to when, which streams, which events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from streamscope.language import tr
from streamscope.trace.decode import Event
from streamscope.trace.export import jsonl, perfetto, table
from streamscope.trace.export.scales import instant
from streamscope.trace.export.selection import Selection
from streamscope.trace.filter import Filter, FilterError
from streamscope.trace.instant import InstantError, parse_option
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.vocabulary import Vocabulary

MOST_PICKED = 100_000


class ExportError(Exception):
    """What was asked for cannot be exported; the text is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What was asked for; texts as they were written, "" for nothing."""

    filter: str = ""
    begin: str = ""
    end: str = ""
    streams: Sequence[int] = ()

    def select(self, trace: TraceFile) -> Selection:
        """The rows. Raises ExportError for what cannot be understood."""
        past = trace.past
        first, begin_t = _row(trace, self.begin, "--from") if self.begin else (past.first, 0)
        end, end_t = _row(trace, self.end, "--to-time") if self.end else (past.end, 0)
        if self.begin and self.end and (end < first or (end == first and end_t <= begin_t)):
            raise ExportError(
                tr(
                    "there is nothing from {begin} to {end}: the end is not after the beginning",
                    begin=self.begin,
                    end=self.end,
                )
            )
        streams = frozenset(self.streams) if self.streams else None
        selection = Selection(past, first, end, streams)
        return (
            replace(selection, wanted=_filter(self.filter, past.decoder.vocabulary))
            if self.filter.strip()
            else selection
        )

    def window(self, trace: TraceFile) -> tuple[int | None, int | None]:
        """The times that were asked for (ns on the feed's clock), None where none was. Raises ExportError."""
        begin = _row(trace, self.begin, "--from")[1] if self.begin else None
        return begin, _row(trace, self.end, "--to-time")[1] if self.end else None


def lines_of_json(trace: TraceFile, options: ExportOptions) -> Iterator[bytes]:
    """The rows as lines of JSON. Raises ExportError, at once."""
    return jsonl.lines(options.select(trace).rows(), trace.past.decoder.vocabulary)


def rows_of_csv(trace: TraceFile, options: ExportOptions) -> Iterator[bytes]:
    """The rows as a table. Raises ExportError, at once."""
    return table.rows_of_csv(options.select(trace).rows(), trace.past.decoder.vocabulary)


def perfetto_packets(trace: TraceFile, options: ExportOptions) -> Iterator[bytes]:
    """A trace for Perfetto, of the streams of which the filter wants anything. Raises ExportError, at once."""
    selection = options.select(trace)
    streams = streams_of(selection)
    if streams is not None:
        streams |= {0}  # the loop's own track is always there
    header = trace.header
    picked = replace(selection, streams=streams, wanted=None)
    begin, end = options.window(trace)
    return perfetto.packets(picked, header.program, header.pid, header.started, begin or 0, end or 0)


def streams_of(selection: Selection) -> frozenset[int] | None:
    """The streams of which anything is selected; None for all. Raises ExportError if there is none, or too many."""
    if selection.wanted is None:
        return selection.streams
    found: set[int] = set()
    for row in selection.rows():
        if isinstance(row, Event) and row.stream:
            found.add(row.stream)
            if len(found) > MOST_PICKED:
                raise ExportError(
                    tr("the filter finds more than {most} streams: make it narrower", most=f"{MOST_PICKED:,}")
                )
    if not found:
        raise ExportError(tr("no stream has an event that the filter wants: {wanted}", wanted=selection.wanted.text))
    return frozenset(found)


def _filter(text: str, vocabulary: Vocabulary) -> Filter:
    try:
        return Filter.parse(text, vocabulary)
    except FilterError as error:
        where = text[error.start : error.end].strip()
        raise ExportError(
            tr("--filter: {error}", error=error.message)
            + (tr(", at {where}", where=f"{where!r}") if where else tr(", at its end"))
        ) from error


def _row(trace: TraceFile, text: str, option: str) -> tuple[int, int]:
    """The row and the time that a person means. Raises ExportError, also for a beginning after all events and an end
    before them.
    """
    past = trace.past
    first_t, end_t = span = past.span_t()
    try:
        target = parse_option(text, span, trace.header.started)
    except InstantError as error:
        raise ExportError(f"{option} {text}: {error}") from error
    if target.kind == "t":
        row, t = past.row_at(t=target.value), target.value
    elif target.kind in ("start", "end"):
        row, t = (past.first, first_t) if target.kind == "start" else (past.end, end_t)
    else:
        row = past.row_at(turn=target.value) if target.kind == "turn" else past.row_at(seq=target.value)
        event = past.event(row)
        t = event.t if isinstance(event, Event) else end_t
    if past.first < past.end:
        in_time = target.kind == "t" and t <= end_t  # then it is the end that is damaged
        if option == "--from" and row >= past.end and not in_time:
            raise ExportError(
                tr(
                    "{option} {text}: the trace ends before that, at {instant}",
                    option=option,
                    text=text,
                    instant=instant(end_t),
                )
            )
        if option == "--to-time" and row <= past.first:
            raise ExportError(
                tr(
                    "{option} {text}: the trace begins only at {instant}",
                    option=option,
                    text=text,
                    instant=instant(first_t),
                )
            )
    return row, t
