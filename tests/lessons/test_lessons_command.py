"""`streamscope lesson` without a screen: the list, the check, and what can be wrong with either."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from streamscope.commands.lesson import lesson
from streamscope.lessons import LESSONS, load
from streamscope.telling import CommandFailed

OWN = """
from streamscope.lessons.step import Lesson


def program(s):
    fd, peer = s.socketpair()
    s.pipe("ours")
    s.open("ours", fd)
    s.peer("peer", peer)
    s.step("Open", "It is open.", of="ours", claims=({claims}))


LESSON = Lesson("own", "One of my own", "", program)
"""


def said(*words: str) -> str:
    """What the command prints. Raises CommandFailed."""
    return CliRunner().invoke(lesson, words, standalone_mode=False, catch_exceptions=False).output


def refused(*words: str) -> str:
    """The one line of a command that failed."""
    with pytest.raises(CommandFailed) as error:
        said(*words)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_without_a_name_the_lessons_are_listed_with_what_they_show() -> None:
    lines = said().splitlines()

    assert [line.split()[0] for line in lines] == list(LESSONS)
    assert all(load(name).title in line for name, line in zip(LESSONS, lines))


def test_a_lesson_of_ones_own_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(OWN.format(claims='"wq == 0", "flag(READABLE)",'))

    lines = said("check", str(file)).splitlines()

    assert lines == ["  1  Open", "     ✓ wq == 0", "     ✓ flag(READABLE)", "", "1 steps, 2 claims, all of them so"]


def test_a_claim_that_is_not_so_fails_the_check_and_says_what_was_found(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(OWN.format(claims='"wq > 5", "kind == io.start",'))

    with pytest.raises(CommandFailed) as error:
        said("check", str(file))

    assert (str(error.value), error.value.status) == ("2 of 2 claims are not so", 1)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("LESSON = 1", " is no lesson: it has no LESSON = Lesson(…)"),
        ("def", " cannot be read: in line 1 of own.py: invalid syntax"),
        ("1 / 0", " cannot be read: in line 1 of own.py: ZeroDivisionError: division by zero"),
        (OWN.format(claims='"flag(REEDING)",'), "the claim “flag(REEDING)” is no filter: "),
        (OWN.format(claims="1 // 0,"), "the lesson own failed in line 10 of own.py: ZeroDivisionError: "),
    ],
)
def test_a_file_that_is_no_lesson_says_why_in_one_line(tmp_path: Path, text: str, line: str) -> None:
    file = tmp_path / "own.py"
    file.write_text(text)

    assert line in refused("check", str(file))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("wrte", "there is no lesson 'wrte': did you mean write?"),
        ("zzz", "there is no lesson 'zzz': there are "),
        ("nowhere.py", "nowhere.py is not there"),
        ("/", "/ is not a file"),
    ],
)
def test_a_lesson_that_is_not_there_says_what_there_is(name: str, line: str) -> None:
    assert refused("check", name).startswith(line)
    assert refused(name).startswith(line)
