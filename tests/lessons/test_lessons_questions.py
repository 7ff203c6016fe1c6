"""What a quiz asks comes from the run: the right answer is what was so there, and the step shows it."""

from __future__ import annotations

import pytest

from streamscope.lessons import LESSONS, load
from streamscope.lessons.performing import Performance, perform
from streamscope.lessons.questions import EPOLL, FLAGS, QUEUES, SUBJECTS, TELLS, Question, Questions
from streamscope.trace.decode import Event
from streamscope.trace.state import StreamState
from streamscope.trace.traveller import Traveller


def state_at(performance: Performance, row: int, number: int) -> StreamState | None:
    """The state at a row, come to from the beginning event by event."""
    traveller = Traveller(performance.replay.past, row=0)
    while traveller.row < row:
        traveller.step(1)
    return traveller.model.known.get(number)


def answer_of(performance: Performance, question: Question) -> str:
    """What is so, said independently of how the question was made."""
    moment, words = performance.moments[question.at], performance.replay.past.decoder.vocabulary
    number = moment.handles[moment.step.of]
    after = state_at(performance, moment.row, number)
    assert after is not None
    if question.subject == EPOLL:
        return words.mask_text(after.events).replace("|", " ") if after.events else "nothing"
    if question.subject == QUEUES:
        counts = {
            "write_queue": len(after.write_queue),
            "write_completed_queue": len(after.write_completed_queue),
            "accepted_fd": int(after.accepted_fd >= 0),
            "queued_fds": len(after.queued_fds),
        }
        return ", ".join(f"{count} in {name}" for name, count in counts.items() if count) or "nothing"
    rows = performance.replay.past.rows(performance.moments[question.at - 1].row, moment.row)
    rows = rows[: moment.row - performance.moments[question.at - 1].row]
    changes: dict[str, int] = {}
    for event in rows:
        if isinstance(event, Event) and event.stream == number and event.kind in ("flag.set", "flag.clear"):
            name = words.flag_text(int(event.fields["flag"]))
            changes[name] = changes.get(name, 0) + (1 if event.kind == "flag.set" else -1)
    net = {name: change for name, change in changes.items() if change and name != "REF"}
    said = [name for name in words.flag_names.values() if net.get(name) == 1]
    gone = [name for name in words.flag_names.values() if net.get(name) == -1]
    return ", ".join([f"{name} on" for name in said] + [f"{name} off" for name in gone]) or "none"


@pytest.mark.parametrize("name", LESSONS)
def test_every_answer_follows_from_the_step_that_is_shown_next(name: str) -> None:
    performance = perform(load(name))
    questions = Questions(performance)
    subjects = set()

    for at, moment in enumerate(performance.moments):
        for question in questions.before(at):
            subjects.add(question.subject)
            assert question.answers[question.right] == answer_of(performance, question), (moment.step.title, question)
            assert 2 <= len(set(question.answers)) == len(question.answers) <= 4
            assert question.reasons
            if question.row >= 0:
                assert performance.moments[at - 1].row <= question.row < moment.row
                event = performance.replay.past.event(question.row)
                assert isinstance(event, Event)
                assert event.kind in TELLS[question.subject]
                assert event.stream == moment.handles[moment.step.of]

    assert subjects >= {FLAGS, EPOLL}
    performance.close()


def test_all_lessons_together_ask_about_everything() -> None:
    asked: dict[str, int] = dict.fromkeys(SUBJECTS, 0)
    for name in LESSONS:
        performance = perform(load(name))
        questions = Questions(performance)
        for at in range(len(performance.moments)):
            for question in questions.before(at):
                asked[question.subject] += question.row >= 0
        performance.close()

    assert all(count > 20 for count in asked.values()), asked


def test_a_question_tells_what_the_program_does_and_not_what_comes_of_it() -> None:
    performance = perform(load("write"))

    questions = Questions(performance).before(3)

    assert questions[0].does == ("uv_write(ours, w2, [65536])",)
    assert questions[0].reasons[-1].startswith("event ")
    assert [each.subject for each in questions][-1] == FLAGS  # where nothing changes, that comes last
    performance.close()
