"""A lesson in the classroom: one idea has the whole screen, with what it is, what is said and what is claimed of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from ui_lesson import lesson_of
from ui_pilot import screen_text, text_of

from streamscope.language import apart, sentences, speak
from streamscope.lessons import load
from streamscope.lessons.performing import perform
from streamscope.trace.traveller import Traveller
from streamscope.ui.course import Course
from streamscope.ui.ideas import CHAPTER, Ideas
from streamscope.ui.large import large_number, spaced
from streamscope.ui.lines import length
from streamscope.ui.widgets.idea_lines import Sheet, idea


async def test_plus_makes_it_large_and_minus_small_again_where_one_stands() -> None:
    async with lesson_of() as (pilot, screen):
        await pilot.press("n", "n", "n")
        small = text_of(pilot)

        await pilot.press("+")

        shown = screen_text(pilot)
        assert "w r i t e _ q u e u e _ s i z e" in shown
        assert re.search(r"\n│ {7}\d+ KiB ", shown)
        assert re.search(r"0 B → 64 KiB → \d+ KiB", shown)
        assert "✓ wq > 0 and wq < 64KiB" in shown
        assert " 4 of 13 ─╮" in shown
        assert "n next · N before · − smaller" in shown
        assert "READABLE" not in shown, "what the step does not point at is not there"
        assert "A write that the kernel takes" not in shown
        await pilot.press("minus")
        assert text_of(pilot) == small
        assert screen.focused is screen.panel


async def test_it_opens_so_where_that_is_wanted_and_goes_step_by_step_there_and_back() -> None:
    async with lesson_of(present=True) as (pilot, screen):
        for number, moment in enumerate(screen.course.moments, 1):
            shown = screen_text(pilot)
            assert f" {number} of 13 ─╮" in shown
            assert sum(f" {spaced(name)}  " in shown for name in moment.step.look) == 1
            assert "✗" not in shown
            assert "○ kind" not in shown
            await pilot.press("n")
        await pilot.press("N")
        assert " 12 of 13 ─╮" in screen_text(pilot)


async def test_event_by_event_value_bar_and_claims_follow() -> None:
    async with lesson_of(present=True) as (pilot, _):
        await pilot.press("n", "n", "right")
        assert " 4 of 13 ─╮" in screen_text(pilot)
        assert re.search(r"\n│ {7}0 B ", screen_text(pilot))
        assert "█" not in screen_text(pilot)
        assert "○ wq > 0 and wq < 64KiB" in screen_text(pilot)

        while "64 KiB  " not in screen_text(pilot):
            await pilot.press("right")

        assert "█" * 64 in screen_text(pilot)
        assert "0 B → 64 KiB  " in screen_text(pilot)
        await pilot.press("n")
        assert "█·" in screen_text(pilot) or re.search("[▏▎▍▌▋▊▉]·", screen_text(pilot))
        assert "✓ wq > 0 and wq < 64KiB" in screen_text(pilot)
        await pilot.press("left")
        assert " 4 of 13 ─╮" in screen_text(pilot)


async def test_what_the_step_points_at_is_gone_through_one_after_the_other() -> None:
    async with lesson_of(present=True) as (pilot, screen):
        await pilot.press("n", "n", "n")
        assert "tab ● ○ ○" in screen_text(pilot)

        await pilot.press("tab")
        assert "w r i t e _ q u e u e  " in screen_text(pilot)
        assert re.search(r"w2 .* KiB of 64 KiB left", screen_text(pilot))
        assert "The rest stays at the head" in screen_text(pilot)
        assert "buffer is full" not in screen_text(pilot)
        assert "✓ write_queue == 1" in screen_text(pilot)
        await pilot.press("tab")
        assert re.search(r"wants +● I N +● O U T", screen_text(pilot))
        assert re.search(r"registered +● I N +○ O U T", screen_text(pilot))
        assert "✓ armed(OUT) and not registered(OUT)" in screen_text(pilot)

        await pilot.press("tab")
        assert "tab ● ○ ○" in screen_text(pilot)
        await pilot.press("shift+tab")
        assert "tab ○ ○ ●" in screen_text(pilot)
        assert screen.focused is screen.idea
        await pilot.press("N")
        assert "tab ● ○ ○" in screen_text(pilot), "another step begins with its first"


async def test_where_the_chapter_says_otherwise_is_an_idea_of_its_own() -> None:
    async with lesson_of(present=True) as (pilot, _):
        await pilot.press("n", "n", "shift+tab")
        assert "t h e   c h a p t e r" in screen_text(pilot)
        assert "1.44.2 moves the whole queue away first" in screen_text(pilot)
        assert "✓" not in screen_text(pilot)


async def test_the_key_for_more_ideas_is_told_where_there_are_more() -> None:
    async with lesson_of("read", present=True) as (pilot, screen):
        await pilot.press("n")
        assert "tab idea" in text_of(pilot)[-1]
        await pilot.press("n")
        assert screen.course.moment.step.look == ("epoll",)
        assert "tab" not in screen_text(pilot)
        await pilot.press("tab")
        assert "e p o l l" in screen_text(pilot)


async def test_a_flag_is_a_large_lamp() -> None:
    async with lesson_of("read", present=True) as (pilot, _):
        await pilot.press("n", "n", "n")
        assert "│      │   off" in screen_text(pilot)
        await pilot.press("n")
        assert "R E A D _ P A R T I A L" in screen_text(pilot)
        assert "│██████│   off → on" in screen_text(pilot)


async def test_where_there_is_room_numbers_are_large_and_there_is_twice_the_air() -> None:
    for size in ((120, 40), (160, 50)):
        async with lesson_of(size=size, present=True) as (pilot, _):
            assert "+ larger" not in text_of(pilot)[-1]
            await pilot.press(*"n" * 11)
            shown = screen_text(pilot)
            assert "12 of 13 ─╮" in shown
            assert all(line in shown for line in large_number("10"))
            assert "██████   B " in shown
            assert "0 B → 10 B" in shown
            await pilot.press("minus")
            assert "+ larger" in text_of(pilot)[-1]


@pytest.mark.parametrize("name", ["read", "write", "shutdown"])
async def test_every_idea_has_room_in_a_small_terminal(name: str) -> None:
    async with lesson_of(name, present=True) as (pilot, screen):
        for _ in screen.course.moments:
            for each in Ideas(screen.course).now():
                shown = screen_text(pilot)
                assert apart(each.said)[-1].split()[-1] in shown
                assert len(re.findall(r"│ +✓ (?!→)", shown)) == len(each.claims)
                await pilot.press("tab")
            await pilot.press("n")


async def test_what_has_too_little_room_is_scrolled() -> None:
    async with lesson_of(size=(60, 15), present=True) as (pilot, _):
        await pilot.press(*"n" * 11)
        assert "kind == request.error" not in screen_text(pilot)
        await pilot.press(*["pagedown"] * 4)
        assert "kind == request.error" in screen_text(pilot)


async def test_the_quiz_asks_there_too_and_answers_can_be_clicked() -> None:
    async with lesson_of(quiz=True, present=True) as (pilot, screen):
        await pilot.press("n")
        question = screen.quiz.question
        assert question is not None
        assert "quiz · before step 2" in screen_text(pilot)
        assert "q u e u e" not in screen_text(pilot)
        assert "tab" not in text_of(pilot)[-1]
        line = next(y for y, text in enumerate(text_of(pilot)) if f"  {question.right + 1}  " in text)

        await pilot.click(offset=(12, line))

        assert f"✓ {question.right + 1}" in screen_text(pilot)
        assert "1 of 1 right · 1 of 13 ─╮" in screen_text(pilot)
        await pilot.press("n")
        assert "1 of 1 right · 2 of 13 ─╮" in screen_text(pilot)
        assert "w r i t e _ c o m p l e t e d _ q u e u e" in screen_text(pilot)


async def test_the_idea_is_explained_and_helped_with() -> None:
    async with lesson_of(present=True) as (pilot, screen):
        await pilot.press("n", "n", "n", "i")
        assert screen.idea.explained is not None
        assert screen.idea.explained.name == "write_queue_size"
        assert "» write_queue_size  Waiting to be sent." in screen_text(pilot)
        await pilot.press("escape", "question_mark")
        assert "+ makes it large, for a classroom" in screen_text(pilot)
        await pilot.press("escape")
        assert "− smaller" in screen_text(pilot)


async def test_a_size_that_changes_changes_nothing_else() -> None:
    async with lesson_of(present=True) as (pilot, screen):
        for size in ((120, 40), (60, 15), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert not screen.panel.display
            assert screen.focused is screen.idea
            assert "w r i t e _ q u e u e" in screen_text(pilot) or "W R I T A B L E" in screen_text(pilot)


# what the ideas of a step are


def test_what_the_step_changes_comes_before_what_it_points_at_besides() -> None:
    performance = perform(load("write"))
    course = Course(performance)
    ideas = Ideas(course)
    course.go(1)

    assert course.moment.step.look == ("write_queue_size", "write_completed_queue", "pending")
    assert [idea.name for idea in ideas.now()] == ["write_completed_queue", "pending", "write_queue_size"]
    assert ideas.was("pending") == "off"
    performance.close()


@pytest.mark.parametrize("name", ["read", "write", "shutdown"])
def test_every_claim_is_with_one_idea_and_the_first_has_all_that_is_said(name: str) -> None:
    performance = perform(load(name))
    course = Course(performance)
    ideas = Ideas(course)
    for at, moment in enumerate(course.moments):
        course.go(at)
        found = ideas.now()
        assert sorted(place for idea in found for place in idea.claims) == list(range(len(moment.step.claims)))
        assert found[0].said == course.text
        assert all(idea.said for idea in found)
        assert bool(moment.step.chapter) is (found[-1].name == CHAPTER)
    performance.close()


def test_sentences_end_in_both_languages() -> None:
    assert apart("In 1.44.2 it waits. uv_write does not! Does it?") == [
        "In 1.44.2 it waits.", "uv_write does not!", "Does it?"
    ]  # fmt: skip
    assert apart("缓冲区满了。write_queue 还有！") == ["缓冲区满了。", "write_queue 还有！"]
    assert sentences(apart("It waits. So?")) == "It waits. So?"


def test_letters_have_as_much_air_as_they_are_wide() -> None:
    assert spaced("fd 9") == "f d   9"
    assert spaced("本章") == "本  章"


@pytest.fixture
def chinese() -> Iterator[None]:
    speak("zh")
    yield
    speak("en")


async def test_in_chinese_nothing_moves_out_of_its_place(chinese: None) -> None:
    async with lesson_of(present=True) as (pilot, _):
        await pilot.press("n", "n", "n")
        assert " 第 4/13 步 ─╮" in screen_text(pilot)
        assert "w r i t e _ q u e u e _ s i z e" in screen_text(pilot)
        await pilot.press("tab")
        assert "还剩" in screen_text(pilot)
        await pilot.press("tab")
        assert "想要" in screen_text(pilot)
        assert "。 " not in screen_text(pilot).replace("。  ", ""), "between two sentences is no space"
        await pilot.press("N", "shift+tab")
        assert "本  章" in screen_text(pilot)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_line_is_wider_than_its_place_and_nothing_is_cut(language: str) -> None:
    speak(language)
    performance = perform(load("write"))
    try:
        course = Course(performance)
        traveller = Traveller(performance.replay.past, row=0)
        for width, height in ((60, 13), (78, 21), (158, 46)):
            sheet = Sheet(width, height)
            ideas = Ideas(course)
            for at in range(len(course.moments)):
                traveller.go(course.go(at))
                state = traveller.model.known.get(course.number)
                for each in ideas.now():
                    lines = idea(each, ideas, state, performance.replay.past.decoder.vocabulary, [], sheet)
                    assert max(map(length, lines)) <= sheet.left + sheet.room
                    said = "".join(text for line in lines for text, _ in line)
                    assert each.said.replace(" ", "") in said.replace(" ", "")
    finally:
        speak("en")
        performance.close()
