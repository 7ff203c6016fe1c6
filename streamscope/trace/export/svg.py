"""The time line of some streams as a picture for a slide or a paper: SVG, which stays sharp at any size.

It is drawn from the same `Lanes` as the time line on the screen. The shape is that of a slide, 16 to 9, unless there
are so many streams that it must be higher.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from streamscope.language import tr
from streamscope.trace.export import legend
from streamscope.trace.export.candidates import Candidate, candidates
from streamscope.trace.export.options import ExportError, ExportOptions, streams_of
from streamscope.trace.export.pen import Box, Pen, fitting, width_of
from streamscope.trace.export.scales import SECOND, duration, time_label, time_step, time_ticks
from streamscope.trace.export.section import LANE_GAP, RUG, Section, least_height
from streamscope.trace.lanes import LaneColumn, Lanes
from streamscope.trace.past import Past
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.vocabulary import Vocabulary

WIDTH, HEIGHT = 1280, 720
LEFT, RIGHT, HEADER, TURNS, AXIS, BETWEEN = 190, 130, 78, 24, 44, 26
MOST_STREAMS = 12
QUEUE, QUEUE_OF_MANY = 96.0, 80.0
UNNAMED = 1
"""So many streams are shown if none was named."""
UNITS = WIDTH - LEFT - RIGHT


@dataclass(frozen=True, slots=True)
class Subject:
    """A stream that is to be shown, and what it is called."""

    stream: int
    name: str


@dataclass(frozen=True, slots=True)
class Picture:
    """What is to be drawn: times are ns on the feed's clock, `started` the Unix time at which that was 0."""

    title: str
    t0: int
    t1: int
    subjects: Sequence[Subject]
    started: float = 0.0
    theme: str = "auto"
    note: str = ""


def draw(past: Past, picture: Picture) -> str:
    """The picture as a text of SVG."""
    vocabulary = past.decoder.vocabulary
    shown = [(subject, _columns(past, subject.stream, picture)) for subject in picture.subjects]
    queue = QUEUE if len(shown) == 1 else QUEUE_OF_MANY
    streams = [columns for _, columns in shown]
    explained = legend.in_lines(legend.entries(streams, vocabulary), WIDTH - LEFT - 40)
    below = legend.LINE * len(explained)
    spare = HEIGHT - _height(streams, queue, vocabulary) - below
    if spare > 0:
        queue += spare / max(1, len(shown))
    height = _height(streams, queue, vocabulary) + below
    pen = Pen(picture.theme)
    pen.rect(Box(0, 0, WIDTH, height), "paper")
    _header(pen, picture)
    step = time_step(picture.t1 - picture.t0, 10)
    ticks = [(t, LEFT + (t - picture.t0) / (picture.t1 - picture.t0) * UNITS) for t in _ticks(picture)]
    y = float(HEADER)
    for subject, columns in shown:
        box = Box(LEFT, y, UNITS, least_height(columns, queue, vocabulary))
        Section(pen, columns, box, [x for _, x in ticks], vocabulary).draw(subject.name, queue)
        y = box.bottom + BETWEEN
    y += TURNS - BETWEEN
    _turns(pen, shown[0][1], y, vocabulary)
    _axis(pen, ticks, step, y)
    legend.draw(pen, LEFT, height - below + legend.LINE - 14, explained)
    names = ", ".join(subject.name for subject in picture.subjects)
    return pen.document(WIDTH, height, picture.title, f"Time line of {names}")


def picture(trace: TraceFile, options: ExportOptions, *, theme: str, title: str = "") -> str:
    """The picture that was asked for: of the streams that were named, or else of those whose queues grew longest.

    Without times it shows these streams' lives. Raises ExportError.
    """
    selection = options.select(trace)
    streams = streams_of(selection)
    found = candidates(selection, streams)
    if missing := set(options.streams) - {candidate.number for candidate in found}:
        raise ExportError(tr("{trace} has no stream {min} in this stretch of time", trace=trace.name, min=min(missing)))
    if not found:
        raise ExportError(tr("{trace} has no stream in this stretch of time", trace=trace.name))
    if options.streams:
        found.sort(key=lambda candidate: options.streams.index(candidate.number))
        if len(found) > MOST_STREAMS:
            raise ExportError(
                tr("a picture shows {most} streams at most, not {found}", most=MOST_STREAMS, found=len(found))
            )
    else:
        weighty = [
            candidate for candidate in found if candidate.peak * 20 >= found[0].peak and candidate.moved
        ] or found
        found = sorted(weighty[:UNNAMED], key=lambda candidate: candidate.number)
    t0, t1 = _window(trace, options, found)
    header = trace.header
    heading = title or " ".join([header.program, *header.addresses[:1]])
    subjects = [Subject(candidate.number, candidate.title) for candidate in found]
    return draw(trace.past, Picture(heading, t0, t1, subjects, header.started, theme))


def _window(trace: TraceFile, options: ExportOptions, found: Sequence[Candidate]) -> tuple[int, int]:
    """From when to when: as it was asked for, or else the lives of the streams and a little more."""
    first, last = trace.past.span_t()
    t0, t1 = options.window(trace)
    begin = t0 if t0 is not None else max(first, min(candidate.begin for candidate in found))
    end = t1 if t1 is not None else max(candidate.until or last for candidate in found) + 1
    spare = max(1, (end - begin) // 40)
    if t0 is None:
        begin = max(first, begin - spare)
    if t1 is None:
        end = min(last + 1, end + spare)
    return begin, max(end, begin + 1)


def _columns(past: Past, stream: int, picture: Picture) -> list[LaneColumn]:
    lanes = Lanes(past, stream)
    lanes.window(picture.t0, picture.t1, UNITS)
    while lanes.work(60.0):
        pass
    return lanes.window(picture.t0, picture.t1, UNITS)


def _height(shown: Sequence[Sequence[LaneColumn]], queue: float, vocabulary: Vocabulary) -> float:
    sections = sum(least_height(columns, queue, vocabulary) for columns in shown)
    return HEADER + sections + BETWEEN * max(0, len(shown) - 1) + TURNS + AXIS


def _ticks(picture: Picture) -> list[int]:
    return time_ticks(picture.t0, picture.t1, 10)


def _header(pen: Pen, picture: Picture) -> None:
    said = f"{duration(picture.t1 - picture.t0)}"
    if picture.started > 0:  # NaN, where it is not known, is not
        begin = datetime.fromtimestamp(picture.started + picture.t0 / SECOND, UTC)
        said = f"{begin:%Y-%m-%d %H:%M:%S} UTC · {said}"
    room = WIDTH - 80 - width_of(said, 15) - 30
    large = max(17.0, min(27.0, 27 * room / max(1.0, width_of(picture.title, 27))))
    pen.text(40, 46, fitting(picture.title, large, room), size=large, bold=True)
    pen.text(WIDTH - 40, 46, said, size=15, fill="muted", anchor="end")
    if picture.note:
        pen.text(40, 66, picture.note, size=14, fill="muted")


def _axis(pen: Pen, ticks: Sequence[tuple[int, float]], step: int, y: float) -> None:
    for t, x in ticks:
        pen.line(x, y, x, y + 6, "muted")
        pen.text(x, y + 22, time_label(t, step), size=13, fill="muted", anchor="middle")
    pen.text(LEFT - 32, y + 22, "engine's clock", size=13, fill="muted", anchor="end")


def _turns(pen: Pen, columns: Sequence[LaneColumn], y: float, vocabulary: Vocabulary) -> None:
    """The loop's turns, which are the same for all streams."""
    box = Box(LEFT, y - RUG - LANE_GAP, UNITS, RUG)
    total = f"{sum(column.turns for column in columns):,}"
    Section(pen, columns, box, (), vocabulary).rug(box, "loop turns", total, lambda column: column.turns, "is")
