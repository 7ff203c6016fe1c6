"""A lesson on the screen: event by event and step by step, forwards and backwards, by keys alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ui_lesson import lesson_of
from ui_pilot import screen_text, text_of
from ui_scenes import config

from streamscope.lesson_app import LessonApp
from streamscope.lessons import load
from streamscope.lessons.files import play
from streamscope.lessons.performing import RecordedStage, perform
from streamscope.lessons.questions import Questions
from streamscope.lessons.recorded import make
from streamscope.trace.instant import Target
from streamscope.ui.course import Course
from streamscope.ui.quiz import Score


async def test_a_lesson_is_gone_through_by_one_key_and_every_claim_comes_true() -> None:
    async with lesson_of() as (pilot, screen):
        count = len(screen.course.moments)
        for number, moment in enumerate(screen.course.moments, 1):
            shown = screen_text(pilot)
            assert f"{number} of {count}" in shown
            assert moment.step.title in shown
            said = shown.partition("\n─ #")[0]
            more = re.search(r"\+(\d)", said)  # claims that have no room
            assert said.count("✓ ") + (int(more[1]) if more else 0) == len(moment.step.claims)
            assert not re.search("[○✗]", said)
            assert all(f"» {name}" in shown for name in moment.step.look)
            await pilot.press("n")
        assert "the last step" in screen_text(pilot)


async def test_between_two_steps_one_goes_event_by_event_and_the_claims_come_true_one_by_one() -> None:
    async with lesson_of() as (pilot, screen):
        await pilot.press("n", "n")
        row = screen.course.row

        await pilot.press("right")

        assert "write   4 of " in screen_text(pilot)
        assert f"event {row + 1} of " in screen_text(pilot)
        assert "○ write_queue == 1" in screen_text(pilot)
        while "○ write_queue == 1" in screen_text(pilot):
            await pilot.press("right")
        assert "✓ write_queue == 1" in screen_text(pilot)
        assert "○ armed(OUT) and not registered(OUT)" in screen_text(pilot)

        await pilot.press("n")

        assert "write   4 of " in screen_text(pilot)
        assert "○ armed" not in screen_text(pilot)


async def test_backwards_is_the_same_way() -> None:
    async with lesson_of() as (pilot, screen):
        await pilot.press("x", "n", "n", "n")
        there = text_of(pilot)

        await pilot.press("left", "left", "N")

        assert "write   3 of " in screen_text(pilot)
        assert "write_cb comes in the next turn" in screen_text(pilot)
        while "○ kind == request.end" not in screen_text(pilot):
            await pilot.press("left")
            assert "write   3 of " in screen_text(pilot)
        await pilot.press("n", "n")
        assert text_of(pilot) == there
        assert screen.course.arrived


async def test_a_step_that_changes_nothing_is_a_step_all_the_same() -> None:
    async with lesson_of("shutdown") as (pilot, _):
        await pilot.press("n", "n")
        assert "Too late for more" in screen_text(pilot)
        await pilot.press("N")
        assert "uv_shutdown only asks" in screen_text(pilot)
        await pilot.press("n", "n")
        assert "4 of 7" in screen_text(pilot)


async def test_beside_the_stream_stands_where_the_engine_was_and_its_text() -> None:
    async with lesson_of() as (pilot, _):
        await pilot.press("n", "right")
        shown = screen_text(pilot)
        assert "where we are · turn" in shown
        assert "[pending]" in shown or "[prepare]" in shown or "[poll]" in shown or "timers ▸" in shown
        assert "▌" in shown
        assert "streamscope/core/" in shown

        await pilot.press("x")

        assert "▌" not in screen_text(pilot)
        assert "callbacks" in screen_text(pilot)  # the stream has the room
        await pilot.press("x", "n", "z", "n")
        assert "where we are" not in screen_text(pilot)  # a question has it


async def test_where_there_is_room_all_steps_are_listed_beside_the_stream() -> None:
    async with lesson_of(size=(140, 40)) as (pilot, screen):
        await pilot.press("n", "n", "n")

        shown = screen_text(pilot)
        titles = [moment.step.title[:15] for moment in screen.course.moments]
        assert all(title in shown for title in titles[2:8])  # around the one that is
        assert "●●●●○○○○○○○○○ 4 of 13" in shown
        assert "step 4" in shown
        assert re.search(r"0 B → 64 KiB → \d+ KiB", shown)


async def test_a_text_with_too_little_room_is_scrolled() -> None:
    async with lesson_of(size=(60, 16)) as (pilot, _):
        await pilot.press("n", "n")
        assert "uv__run_pending calls" in screen_text(pilot)
        assert "waits for the next time" not in screen_text(pilot)

        for _ in range(10):
            await pilot.press("pagedown")

        assert "for the next time." in screen_text(pilot)
        assert "uv__run_pending calls" not in screen_text(pilot)
        for _ in range(10):
            await pilot.press("pageup")
        assert "uv__run_pending calls" in screen_text(pilot)


async def test_what_a_lesson_has_no_use_for_is_not_offered() -> None:
    async with lesson_of() as (pilot, screen):
        await pilot.press("2", "3", "4", "w", "g", "R", "1")
        assert pilot.app.screen is screen
        assert "pause" not in text_of(pilot)[-1]
        assert "← → step  n N next, before  z quiz  x source" in text_of(pilot)[-1]


async def test_the_stream_opens_on_the_whole_screen_and_the_way_goes_on_from_where_one_was_there() -> None:
    async with lesson_of() as (pilot, screen):
        await pilot.press("n", "enter")
        assert pilot.app.screen is not screen
        await pilot.press("right", "escape")

        assert pilot.app.screen is screen
        assert "write   3 of " in screen_text(pilot)


async def test_what_the_step_points_at_is_what_is_explained_first() -> None:
    async with lesson_of() as (pilot, screen):
        await pilot.press("x", "i")
        assert screen.panel.explained is not None
        assert screen.panel.explained.name == "WRITABLE"
        assert "set by" in screen_text(pilot).lower()
        await pilot.press("escape")
        assert screen.panel.explained is None
        assert pilot.app.return_value is None


async def test_a_terminal_that_is_too_small_says_so() -> None:
    async with lesson_of(size=(40, 10)) as (pilot, _):
        assert "The lesson" in screen_text(pilot)


async def test_escape_leaves() -> None:
    async with lesson_of() as (pilot, _):
        await pilot.press("escape")
        await pilot.pause()
        assert pilot.app.return_value == 0


@pytest.mark.parametrize(("at", "row", "then"), [(3, 1, 3), (3, 0, 2), (0, 10_000, 12)])
def test_the_course_follows_whoever_goes_by_events(at: int, row: int, then: int) -> None:
    performance = perform(load("write"))
    course = Course(performance)
    course.go(at)

    course.follow(course.begins + row)

    assert course.at == then
    performance.close()


# the quiz


async def test_before_each_step_one_is_asked_and_told_right_or_wrong_with_the_reason() -> None:
    async with lesson_of() as (pilot, screen):
        await pilot.press("z", "n")
        question = screen.quiz.question
        assert question is not None
        shown = screen_text(pilot)
        assert "quiz · before step 2" in shown
        assert "write   1 of " in shown
        assert "uv_write(ours, w1, [5])" in shown
        assert "Straight through" not in shown

        await pilot.press(str(question.right + 1))

        shown = screen_text(pilot)
        assert f"✓ {question.right + 1}" in shown
        assert question.reasons[0] in shown
        assert "1 of 1 right" in shown
        await pilot.press("n")
        assert "write   2 of " in screen_text(pilot)
        assert "Nobody waits" in screen_text(pilot)


async def test_what_was_not_known_is_kept_and_comes_again_until_it_is(tmp_path: Path) -> None:
    # given somebody who does not know the answer before the second step
    async with lesson_of("shutdown", quiz=True, score=Score(tmp_path / "quiz")) as (pilot, screen):
        await pilot.press("n")
        question = screen.quiz.question
        assert question is not None
        wrong = (question.right + 1) % len(question.answers)
        await pilot.press(str(wrong + 1))
        assert f"✗ {wrong + 1}" in screen_text(pilot)
        assert "0 of 1 right" in text_of(pilot)[0]
        await pilot.resize_terminal(140, 40)
        await pilot.pause()
        assert "0 of 1 right   1 weak one waits" in text_of(pilot)[0]

    # when the lesson is opened another day, then it is what is asked
    async with lesson_of("shutdown", quiz=True, score=Score(tmp_path / "quiz")) as (pilot, screen):
        await pilot.press("n")
        assert screen.quiz.question == question
        await pilot.press("enter")
        assert "it is" in screen_text(pilot)
        assert len(Score(tmp_path / "quiz").kept.weak) == 1

    # and once it is known, no more
    async with lesson_of("shutdown", quiz=True, score=Score(tmp_path / "quiz")) as (pilot, screen):
        await pilot.press("n", str(question.right + 1))
        assert Score(tmp_path / "quiz").kept.weak == []


async def test_weak_ones_are_asked_once_more_after_the_last_step(tmp_path: Path) -> None:
    score = Score()
    async with lesson_of("shutdown", score=score) as (pilot, screen):
        question = Questions(screen.course.performance).before(4)[0]
        score.note(("shutdown", screen.course.moments[4].step.title, question.subject), False)
        for _ in range(6):
            await pilot.press("n")
        assert "7 of 7" in screen_text(pilot)

        await pilot.press("z", "n")

        assert "quiz · before step 5" in screen_text(pilot)
        await pilot.press(str(question.right + 1))
        assert score.kept.weak == []


async def test_from_an_answer_one_goes_to_the_event_that_decided_it() -> None:
    async with lesson_of(quiz=True) as (pilot, screen):
        await pilot.press("n", "enter")
        question = screen.quiz.question
        assert question is not None

        await pilot.press("right")

        assert screen.quiz.question is None
        assert screen.course.row == question.row + 1
        assert "write   2 of " in screen_text(pilot)


async def test_an_answer_can_be_clicked() -> None:
    async with lesson_of(quiz=True) as (pilot, screen):
        await pilot.press("n")
        question = screen.quiz.question
        assert question is not None
        line = next(y for y, text in enumerate(text_of(pilot)) if text.startswith(f"    {question.right + 1}  "))

        await pilot.click(offset=(8, line))

        assert "1 of 1 right" in screen_text(pilot)


async def test_escape_leaves_the_question_first() -> None:
    async with lesson_of(quiz=True) as (pilot, screen):
        await pilot.press("n", "escape")
        assert screen.quiz.question is None
        assert not screen.quiz.on
        assert pilot.app.return_value is None
        await pilot.press("n")
        assert "write   2 of " in screen_text(pilot)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"weak": 7}'])
def test_a_score_that_cannot_be_read_begins_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "quiz").write_text(text)

    score = Score(tmp_path / "quiz")
    score.note(("write", "Drained", "epoll"), False)

    assert Score(tmp_path / "quiz").weak("write") == [("write", "Drained", "epoll")]


async def test_of_a_recording_nobody_knows_what_its_program_did(tmp_path: Path) -> None:
    path = tmp_path / "any.scope"
    with open(path, "wb") as file:
        stage = RecordedStage(file, "any")
        load("shutdown").program(stage)
        stage.finish()
    text, _ = make(path, 1, "own", tmp_path)
    (tmp_path / "own.py").write_text(text)
    performance = play(str(tmp_path / "own.py"))
    app = LessonApp(performance, performance.replay, config(), begin=Target("start"), quiz=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("n")
        shown = screen_text(pilot)
        assert "quiz · before step 2" in shown
        assert "goes on" not in shown
        await pilot.press("enter", "n")
        assert f"2 of {len(performance.moments)}" in screen_text(pilot)
        assert "✗" not in screen_text(pilot).partition("\n─ #")[0]
    performance.close()
