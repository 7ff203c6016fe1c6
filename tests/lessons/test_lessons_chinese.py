"""Lessons in Chinese: the same steps and the same claims, said in the chapter's own language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamscope.language import speak
from streamscope.lessons import LESSONS, load
from streamscope.lessons.files import play, write_new
from streamscope.lessons.performing import A_TURN, Performance, done, perform
from streamscope.lessons.questions import Questions
from streamscope.lessons.skeleton import skeleton
from streamscope.ui.course import Course
from streamscope.ui.lesson_page import write_pages
from streamscope.ui.quiz import Quiz, Score

CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(autouse=True)
def _chinese() -> Iterator[None]:
    speak("zh")
    yield
    speak("en")


@pytest.fixture
def performance() -> Iterator[Performance]:
    played = play("write")
    yield played
    played.close()


@pytest.mark.parametrize("name", LESSONS)
def test_every_step_is_said_in_chinese_with_what_was_so(name: str) -> None:
    performance = perform(load(name))
    course = Course(performance)
    for at in range(len(course.moments)):
        course.go(at)
        assert CHINESE.search(course.title)
        assert CHINESE.search(course.text)
        assert not re.search(r"[{}]", course.text)
        assert bool(course.chapter) == bool(course.moment.step.chapter)
        assert all(claim.holds for claim in course.claims(performance.replay.model)) or not course.arrived
    assert CHINESE.search(course.section)
    performance.close()


def test_questions_are_asked_and_answered_in_chinese(performance: Performance) -> None:
    found = Questions(performance)
    asked = [question for at in range(1, len(performance.moments)) for question in found.before(at)]

    assert len(asked) > len(performance.moments)
    for question in asked:
        assert CHINESE.search(question.text)
        assert all(CHINESE.search(reason) for reason in question.reasons)
        assert len(set(question.answers)) == len(question.answers) > 1


def test_what_happens_before_a_question_is_said_in_chinese_and_calls_stay_what_they_are() -> None:
    assert done("uv_write(ours, w1, [5])") == "uv_write(ours, w1, [5])"
    assert done("c1 sends 5") == "c1 发送 5"
    assert done("c1 sends 1 and 3 descriptors") == "c1 发送 1 和 3 个描述符"
    assert done(A_TURN) == "循环跑一轮"


@pytest.mark.parametrize("name", LESSONS)
def test_nothing_that_a_program_or_a_peer_does_is_left_in_english(name: str) -> None:
    performance = perform(load(name))
    told = {done(what) for moment in performance.moments for what in moment.does or ()}
    performance.close()

    assert [each for each in told if not CHINESE.search(each) and "(" not in each] == []


def test_what_was_not_known_in_one_language_is_asked_again_in_the_other(performance: Performance) -> None:
    # given somebody who was asked in Chinese, and did not know
    score = Score()
    quiz = Quiz(Course(performance), score, on=True)
    assert quiz.ask(1)
    quiz.answer(-1)
    assert "没掌握" in quiz.summary

    # when they are asked in English
    speak("en")
    again = Quiz(Course(performance), score, on=True)

    # then it is known what they do not know
    assert again.again() is not None


def test_the_exported_page_is_in_chinese(performance: Performance, tmp_path: Path) -> None:
    text = write_pages(Course(performance), tmp_path)[0].read_text("utf-8")

    assert '<html lang="zh">' in text
    assert "下一个" in text
    assert "3.1.4 写流" in text


def test_the_skeleton_of_a_lesson_is_explained_in_chinese_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_new("first", force=False)

    assert path.read_text("utf-8") == skeleton("first")
    assert CHINESE.search(path.read_text("utf-8"))
    performance = play(f"./{path}")
    assert CHINESE.search(performance.moments[0].step.title)
    performance.close()
