"""Where in a lesson a person stands, and what is so there.

Between two steps one goes event by event: the step that is shown is the one that the next events lead to, and its
claims come true one after the other. Two steps may stand at the same place, for a program may do what changes nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from streamscope.language import N_, tr
from streamscope.lessons.claims import JudgedClaim, examine, parsed
from streamscope.lessons.performing import LessonError, Moment, Performance
from streamscope.trace.contents import Gap
from streamscope.trace.decode import Event
from streamscope.trace.figures import bytes_text
from streamscope.trace.model import Model
from streamscope.trace.state import StreamState
from streamscope.trace.traveller import Traveller

SIZES = frozenset({"write_queue_size", "bytes_in", "bytes_out"})
"""Fields of a stream that are numbers of bytes."""


ENGINE_ONLY = N_(" (engine only)")
"""Marks a claim that the real library cannot show."""


class ClaimNow(NamedTuple):
    """A claim where the person stands: whether it is so, None as long as the step is not reached and it may still come;
    and what was found instead.
    """

    text: str
    holds: bool | None
    instead: str = ""


class Course:
    """A person's way through a lesson. `at` is the step that is shown, counted from 0, and `row` how much of the
    recording has happened.
    """

    def __init__(self, performance: Performance) -> None:
        """At the first step. Raises LessonError for what is no claim."""
        self.performance = performance
        self.at = 0
        self._past = performance.replay.past
        self._examined = examine(performance)
        self._filters = [
            [parsed(claim, self._past.decoder.vocabulary) for claim in moment.step.claims]
            for moment in performance.moments
        ]
        self._texts = _filled(performance)
        self.row = self.moment.row

    @property
    def moments(self) -> list[Moment]:
        """All steps, and where they stand."""
        return self.performance.moments

    @property
    def moment(self) -> Moment:
        """The step that is shown."""
        return self.moments[self.at]

    @property
    def title(self) -> str:
        """What it is called."""
        return tr(self.moment.step.title)

    @property
    def text(self) -> str:
        """What it says."""
        return self._texts[self.at]

    @property
    def chapter(self) -> str:
        """Where the chapter says otherwise; "" if it does not."""
        return tr(self.moment.step.chapter)

    @property
    def section(self) -> str:
        """That of the chapter which the lesson shows; "" for none."""
        return tr(self.performance.section)

    @property
    def count(self) -> str:
        """How much of the lesson has happened."""
        return tr("event {row:,} of {all:,}", row=self.row, all=self.moments[-1].row)

    @property
    def following(self) -> str:
        """The title of the next step; "" at the last."""
        return tr(self.moments[self.at + 1].step.title) if self.at + 1 < len(self.moments) else ""

    @property
    def begins(self) -> int:
        """The row at which the step's own events begin."""
        return self.moments[self.at - 1].row if self.at else 0

    @property
    def arrived(self) -> bool:
        """Whether all of the step's events have happened."""
        return self.row >= self.moment.row

    @property
    def number(self) -> int:
        """The number of the handle that the step speaks of."""
        return self.moment.handles[self.moment.step.of]

    def name_of(self, number: int) -> str:
        """What the lesson calls a handle; the recording has no names, for none is libuv's."""
        return next((name for name, each in self.moment.handles.items() if each == number), "")

    def go(self, at: int) -> int:
        """Stand at this step, or at the first or last; returns its row."""
        self.at = min(max(at, 0), len(self.moments) - 1)
        self.row = self.moment.row
        return self.row

    def before(self) -> int:
        """The step before: on the way to one, that is where the way began."""
        return self.at - 1

    def follow(self, row: int) -> None:
        """The person stands at this row now."""
        if row == self.row:
            return
        self.row = row
        while self.at and row <= self.begins:
            self.at -= 1
        while row > self.moment.row and self.at + 1 < len(self.moments):
            self.at += 1

    def claims(self, model: Model) -> list[ClaimNow]:
        """The step's claims, with the state where the person stands."""
        judged = self._examined[self.at]
        if self.arrived:
            return [ClaimNow(_text(each), each.holds, _instead(each)) for each in judged]
        found = []
        for each, wanted in zip(judged, self._filters[self.at]):
            if each.of_events:
                holds = 0 <= each.row < self.row
            else:
                state = model.known.get(self.moment.handles.get(each.claim.of, 0))
                holds = state is not None and bool(wanted.of_stream(state, model.t))
            found.append(ClaimNow(_text(each), True if holds else None))
        return found

    @property
    def last(self) -> Event | None:
        """What has happened last."""
        event = self._past.event(self.row - 1)
        return event if isinstance(event, Event) else None

    def events(self) -> list[Event]:
        """What has happened in this step, of the stream that it speaks of."""
        rows = self._past.rows(self.begins, self.row - self.begins)
        return [event for event in rows if not isinstance(event, Gap) and event.stream == self.number]


def _text(judged: JudgedClaim) -> str:
    return f"{judged.claim.text}{tr(ENGINE_ONLY) if judged.engine_only else ''}"


def _instead(judged: JudgedClaim) -> str:
    if judged.holds:
        return ""
    return tr("no such event came") if judged.of_events else judged.instead


def _filled(performance: Performance) -> list[str]:
    """The texts, with what the fields that they name were. Raises LessonError."""
    traveller = Traveller(performance.replay.past, row=0)
    texts = []
    for moment in performance.moments:
        traveller.go(moment.row)
        state = traveller.model.known.get(moment.handles.get(moment.step.of, 0))
        try:
            texts.append(tr(moment.step.text).format_map(_Fields(state)))
        except (ValueError, LookupError, AttributeError) as error:
            raise LessonError(
                tr(
                    "the text of {title!r} has a brace that names no field ({why}): write {{{{ for one",
                    title=moment.step.title, why=error,
                )
            ) from error  # fmt: skip
    return texts


class _Fields(dict[str, Any]):
    """What a stream's fields are, as a sentence has them; a name that is none stays as it was written."""

    def __init__(self, state: StreamState | None) -> None:
        super().__init__()
        self._state = state

    def __missing__(self, name: str) -> str:
        value = getattr(self._state, name, None)
        if value is None:
            return f"{{{name}}}"
        return bytes_text(value) if name in SIZES else str(len(value) if isinstance(value, list) else value)
