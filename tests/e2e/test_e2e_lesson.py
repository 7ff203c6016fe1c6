"""A lesson in a real terminal: a person goes through all of it with keys alone, at 80×24."""

from __future__ import annotations

import pytest
from terminal import Open

from streamscope.lessons import load
from streamscope.lessons.performing import perform

pytestmark = pytest.mark.real()
RIGHT = "\x1b[C"


def test_a_person_goes_through_a_lesson_with_keys_alone(open_terminal: Open) -> None:
    performance = perform(load("write"))
    titles = [moment.step.title for moment in performance.moments]
    performance.close()

    # given the lesson, at its first step
    terminal = open_terminal("lesson", "write", columns=80, rows=24)
    terminal.wait_for(f"1 of {len(titles)}", titles[0], "✓ flag(WRITABLE)", "where we are", "▌")

    # when they go on, by one event and then step by step
    terminal.press(RIGHT)
    terminal.wait_for(f"2 of {len(titles)}", "○ write_completed_queue == 1")
    for number, title in enumerate(titles[1:], 2):
        terminal.press("n")
        terminal.wait_for(f"{number} of {len(titles)}", title)
        terminal.wait(lambda screen: "○ " not in screen.partition("─ #")[0], f"all claims of {title}")

    # then it was the last step, and one can go back, be asked, and leave
    terminal.wait_for("the last step")
    terminal.press("N", "z", "n")
    terminal.wait_for(f"quiz · before step {len(titles)}")
    terminal.press("1")
    terminal.wait_for("You know ")
    terminal.press("escape")
    terminal.wait_for(titles[-2])
    terminal.press("escape")
    assert terminal.ends() == 0
