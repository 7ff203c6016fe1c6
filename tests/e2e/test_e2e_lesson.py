"""A lesson in a real terminal: a person goes through all of it with keys alone, at 80×24, in either language."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from terminal import Open

from streamscope.language import LANGUAGES, speak, tr
from streamscope.lessons import load
from streamscope.lessons.performing import perform

pytestmark = pytest.mark.real()
RIGHT = "\x1b[C"


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    """What is spoken, by the command and here."""
    speak(request.param)
    yield request.param
    speak("en")


def test_a_person_goes_through_a_lesson_with_keys_alone(open_terminal: Open, language: str) -> None:
    performance = perform(load("write"))
    titles = [tr(moment.step.title) for moment in performance.moments]
    performance.close()

    def place(number: int) -> str:
        return tr("{step} of {count}", step=number, count=len(titles))

    # given the lesson, at its first step
    terminal = open_terminal("lesson", "write", "--lang", language, columns=80, rows=24)
    terminal.wait_for(place(1), titles[0], "✓ flag(WRITABLE)", "timers ▸ pending", "▌")

    # when they go on, by one event and then step by step
    terminal.press(RIGHT)
    terminal.wait_for(place(2), "○ write_completed_queue == 1")
    for number, title in enumerate(titles[1:], 2):
        terminal.press("n")
        terminal.wait_for(place(number), title)
        terminal.wait(lambda screen: "○ " not in screen.partition("─ #")[0], f"all claims of {title}")

    # then it was the last step, and one can go back, be asked, and leave
    terminal.wait_for(tr("the last step"))
    terminal.press("N", "z", "n")
    terminal.wait_for(tr("quiz · before step {step}", step=len(titles)))
    terminal.press("1")
    terminal.wait_for(tr("You know {what}.").partition("{")[0])
    terminal.press("escape")
    terminal.wait_for(titles[-2])
    terminal.press("escape")
    assert terminal.ends() == 0


def test_a_lesson_is_presented_one_idea_a_screen(open_terminal: Open) -> None:
    # given a lesson for the classroom, before its fourth step
    terminal = open_terminal("lesson", "write", "--present", columns=80, rows=24)
    terminal.wait_for("W R I T A B L E", "1 of 13", "n next · N before · − smaller")
    terminal.press("n", "n", "n")
    terminal.wait_for("4 of 13", "w r i t e _ q u e u e _ s i z e", "✓ wq > 0 and wq < 64KiB")

    # when one goes back by events, then value, bar and claims are as they were then
    for _ in range(3):
        terminal.press("\x1b[D")
    terminal.wait_for("○ kind == request.progress")
    terminal.press("n")
    terminal.wait_for("✓ kind == request.progress")
    terminal.wait(lambda screen: re.search(r"0 B → 64 KiB → \d+ KiB", screen) is not None, "the step again")

    # and one goes through the ideas of the step, is asked, makes it small, and leaves
    terminal.press("\t")
    terminal.wait_for("w r i t e _ q u e u e  ", "KiB of 64 KiB left")
    terminal.press("z", "n")
    terminal.wait_for("quiz · before step 5")
    terminal.press("\r")
    terminal.wait_for("You know ")
    terminal.press("n", "-")
    terminal.wait_for("Who comes later stands behind", "where we are")
    terminal.press("q")
    assert terminal.ends() == 0


def test_a_presentation_holds_in_ascii_and_without_colour(open_terminal: Open) -> None:
    terminal = open_terminal("lesson", "read", "--present", columns=80, rows=24, NO_UNICODE="1", NO_COLOR="1")
    terminal.wait_for("1 of 12")
    for number in range(2, 6):
        terminal.press("n")
        terminal.wait_for(f"{number} of 12")
    terminal.wait_for("R E A D _ P A R T I A L", "|######|   off > on", "y flag(READ_PARTIAL)")
    assert terminal.text.isascii()
    terminal.press("q")
    assert terminal.ends() == 0
