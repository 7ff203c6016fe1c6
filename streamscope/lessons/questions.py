"""Questions on a lesson: before a step, what it will change. They are made of the run itself: what was so before and
after the step, and the event that made it so. Nothing is asked that the step does not show.

Wrong answers are what was so at other times of the same lesson, so that who knows only the words cannot tell.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from streamscope.language import N_, tr
from streamscope.lessons.performing import Performance
from streamscope.trace.contents import Gap
from streamscope.trace.decode import Event
from streamscope.trace.sentence import sentence
from streamscope.trace.state import StreamState
from streamscope.trace.traveller import Traveller
from streamscope.trace.vocabulary import Vocabulary

FLAGS, QUEUES, EPOLL = N_("flags"), N_("queues"), "epoll"
SUBJECTS = (FLAGS, QUEUES, EPOLL)
"""What is asked about."""

MOST_ANSWERS = 4
MOST_REASONS = 3
NO_NEWS = frozenset({"REF"})
"""Flags that nearly every handle has."""

TELLS: dict[str, frozenset[str]] = {
    FLAGS: frozenset({"flag.set", "flag.clear"}),
    QUEUES: frozenset({
        "write_queue.push", "write_queue.pop", "write_completed_queue.push", "write_completed_queue.pop",
        "accepted_fd", "queued_fds.push", "queued_fds.pop",
    }),
    EPOLL: frozenset({"io.start", "io.stop", "io.events", "epoll.add", "epoll.mod", "epoll.del"}),
}  # fmt: skip
"""By subject: the kinds of events that decide it."""

ASKED = {
    FLAGS: N_("Which flags of {of} does that change?"),
    QUEUES: N_("What waits in the queues of {of} then?"),
    EPOLL: N_("What is registered with epoll for {of} then, as far as libuv knows?"),
}
NOTHING = {FLAGS: N_("none"), QUEUES: N_("nothing"), EPOLL: N_("nothing")}
NOT_TOUCHED = {
    FLAGS: N_("No event of this step sets or clears a flag of it."),
    QUEUES: N_("No event of this step touches its queues."),
    EPOLL: N_("Nothing is told to epoll in this step, and nothing is wanted anew."),
}
WANTED_ONLY = N_("It wants {wants} by now; epoll hears of that when the loop next polls.")


class Question(NamedTuple):
    """One question.

    - `at`: the step before which it is asked, counted from 0, and `subject` what it is about;
    - `does`: what the program does in the step: calls, and what its peers do; None where that is not known;
    - `text`: the question; `answers`, of which `right` is the place of the right one;
    - `reasons`: why; `row`: that of the event that decides, -1 where nothing happened.
    """

    at: int
    subject: str
    does: tuple[str, ...] | None
    text: str
    answers: tuple[str, ...]
    right: int
    reasons: tuple[str, ...]
    row: int


class Questions:
    """All questions that a lesson has an answer to: for each step but the first, one of each subject that applies."""

    def __init__(self, performance: Performance) -> None:
        self._performance = performance
        past = performance.replay.past
        self._words = past.decoder.vocabulary
        self._seen: dict[str, list[str]] = {subject: [] for subject in SUBJECTS}
        self._spans: list[tuple[StreamState | None, StreamState | None]] = []
        traveller = Traveller(past, row=0)
        for moment in performance.moments:
            before = self._performance.moments[len(self._spans) - 1].row if self._spans else 0
            number = moment.handles[moment.step.of]
            states = []
            for row in (before, moment.row):
                traveller.go(row)
                state = traveller.model.known.get(number)
                states.append(None if state is None else _kept(state))
            self._spans.append((states[0], states[1]))
            for subject in SUBJECTS:
                self._seen[subject].append(self._answer(subject, *self._spans[-1]))

    def before(self, at: int) -> list[Question]:
        """The questions before a step, those first whose answer is that something changes."""
        found = [question for subject in SUBJECTS if (question := self._question(at, subject)) is not None]
        return sorted(found, key=lambda question: question.row < 0)

    def _answer(self, subject: str, before: StreamState | None, after: StreamState | None) -> str:
        """What is so then, in a few words; "" where the subject does not apply."""
        if after is None:
            return ""
        if subject == FLAGS:
            return _flags(before, after, self._words) or tr(NOTHING[FLAGS])
        if subject == EPOLL:
            return _mask(after.events, self._words) or tr(NOTHING[EPOLL])
        return _queues(after) or tr(NOTHING[QUEUES])

    def _question(self, at: int, subject: str) -> Question | None:
        moment = self._performance.moments[at]
        before, after = self._spans[at]
        if not at > 0 or after is None or moment.row <= self._performance.moments[at - 1].row:
            return None
        right = self._answer(subject, before, after)
        others = [answer for answer in self._others(subject, before, after) if answer and answer != right]
        wrong = list(dict.fromkeys(others))[: MOST_ANSWERS - 1]
        if not wrong:
            return None
        key = f"{self._performance.name} {at} {subject}"
        answers = sorted([right, *wrong], key=lambda answer: zlib.crc32(f"{key} {answer}".encode()))
        decides = list(self._decides(at, subject))
        reasons = [self._reason(row, event) for row, event in decides[-MOST_REASONS:]]
        if subject == EPOLL and after.pevents != after.events:
            wants = _mask(after.pevents, self._words) or tr(NOTHING[EPOLL])
            reasons.append(tr(WANTED_ONLY, wants=wants))
        return Question(
            at=at,
            subject=subject,
            does=moment.does,
            text=tr(ASKED[subject], of=moment.step.of),
            answers=tuple(answers),
            right=answers.index(right),
            reasons=tuple(reasons) or (tr(NOT_TOUCHED[subject]),),
            row=decides[-1][0] if decides else -1,
        )

    def _others(self, subject: str, before: StreamState | None, after: StreamState) -> Iterator[str]:
        """What might be taken for the answer."""
        if subject == EPOLL:
            yield _mask(after.pevents, self._words) or tr(NOTHING[EPOLL])
            yield from (tr(NOTHING[EPOLL]), "IN", "IN OUT", "OUT")
            return
        if subject == QUEUES:
            yield _queues(before) if before is not None else ""
            if after.write_queue:
                yield _queue_text("write_completed_queue", len(after.write_queue))
            if after.write_completed_queue:
                yield _queue_text("write_queue", len(after.write_completed_queue))
        yield from self._seen[subject]
        yield tr(NOTHING[subject])
        yield from _likely(subject)

    def _decides(self, at: int, subject: str) -> Iterator[tuple[int, Event]]:
        moments = self._performance.moments
        first, end = moments[at - 1].row, moments[at].row
        number = moments[at].handles[moments[at].step.of]
        for row, event in enumerate(self._performance.replay.past.rows(first, end - first), first):
            if not isinstance(event, Gap) and event.stream == number and event.kind in TELLS[subject]:
                yield row, event

    def _reason(self, row: int, event: Event) -> str:
        what, change = sentence(event, self._words)
        said = " ".join(filter(None, (what, change)))
        return tr("event {number}, {function}: {what}", number=row + 1, function=event.fn, what=said)


def _likely(subject: str) -> Iterator[str]:
    if subject == FLAGS:
        yield from (_turned("READING", on=True), _turned("CLOSING", on=True), _turned("WRITABLE", on=False))
    else:
        yield from (_queue_text("write_queue", 1), _queue_text("write_completed_queue", 1))
        yield _queue_text("write_queue", 2)


def _kept(state: StreamState) -> StreamState:
    """As it was: the fold changes states in place."""
    return msgspec.structs.replace(
        state,
        write_queue=list(state.write_queue),
        write_completed_queue=list(state.write_completed_queue),
        queued_fds=list(state.queued_fds),
    )


def _flags(before: StreamState | None, after: StreamState, words: Vocabulary) -> str:
    old = 0 if before is None else before.flags
    on, off = after.flags & ~old, old & ~after.flags
    changed = [(name, True) for name in _names(on, words)] + [(name, False) for name in _names(off, words)]
    return tr(", ").join(_turned(name, on=on) for name, on in changed if name not in NO_NEWS)


def _turned(flag: str, *, on: bool) -> str:
    return tr("{flag} on", flag=flag) if on else tr("{flag} off", flag=flag)


def _names(flags: int, words: Vocabulary) -> Iterable[str]:
    return (name for bit, name in words.flag_names.items() if flags & bit)


def _mask(mask: int, words: Vocabulary) -> str:
    return words.mask_text(mask).replace("|", " ") if mask else ""


def _queues(state: StreamState) -> str:
    parts = [
        _queue_text("write_queue", len(state.write_queue)),
        _queue_text("write_completed_queue", len(state.write_completed_queue)),
        _queue_text("accepted_fd", int(state.accepted_fd >= 0)),
        _queue_text("queued_fds", len(state.queued_fds)),
    ]
    return tr(", ").join(filter(None, parts))


def _queue_text(name: str, count: int) -> str:
    return tr("{count} in {queue}", count=count, queue=name) if count else ""
