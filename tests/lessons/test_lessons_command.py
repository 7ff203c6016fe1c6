"""`streamscope lesson` without a screen: the list, the check, and what can be wrong with either."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from streamscope import launch
from streamscope.commands.lesson import lesson
from streamscope.lessons import LESSONS, REAL, load, load_real, recorded
from streamscope.lessons.claims import examine
from streamscope.lessons.files import play
from streamscope.lessons.performing import LessonError, RecordedStage
from streamscope.lessons.step import at
from streamscope.telling import CommandFailed
from streamscope.trace.plain_text import visible
from streamscope.ui.course import Course

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

    assert [line.split()[0] for line in lines] == [*LESSONS, *REAL]
    assert all(told.title in line for told, line in zip([*map(load, LESSONS), *map(load_real, REAL)], lines))


def test_a_lesson_whose_program_is_not_installed_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(launch, "require_terminal", lambda instead: None)

    assert said().splitlines()[-1].endswith("(node is not installed)")
    for words in (("node",), ("check", "node")):
        with pytest.raises(CommandFailed) as error:
            said(*words)
        line = "the lesson node needs node, which is not on the PATH: install Node.js"
        assert (str(error.value), error.value.status) == (line, 1)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("echo 'no such thing here' >&2; exit 3", "no such thing here"),
        ("echo hello", "node is no Node.js, or cannot be reached: "),
    ],
)
def test_a_program_that_is_called_node_and_is_none_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, line: str
) -> None:
    (tmp_path / "node").write_text(f"#!/bin/sh\n{text}\n")
    (tmp_path / "node").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert refused("check", "node").startswith(f"the lesson node could not be played: {line}")


def test_a_claim_that_libuv_cannot_show_is_marked() -> None:
    assert "✓ wq > high_water (engine only)" in said("check", "stall")


def test_without_a_terminal_a_lesson_says_what_can_be_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "drawn_on", lambda: None)

    assert refused("write") == "there is no terminal to draw on; without a screen: streamscope lesson check NAME"


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
        (OWN.format(claims='"flag(REEDING)",'), "the claim 'flag(REEDING)' is no filter: "),
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


# lessons of one's own


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def trace(here: Path) -> Path:
    """What the engine told of a lesson's program, as any recorder would have written it."""
    path = here / "a write.scope"
    with open(path, "wb") as file:
        stage = RecordedStage(file, "write")
        load("write").program(stage)
        stage.finish()
    return path


def test_a_new_lesson_runs_and_all_its_claims_are_so(here: Path) -> None:
    assert said("new", "my-own").startswith("my-own.py is written: ")

    assert "all of them so" in said("check", "my-own.py")


@pytest.mark.parametrize("name", ["new", "check", "from", "write", "node", "Own", "own_one", "-own", "1", "", "../own"])
def test_a_name_that_no_lesson_can_have_is_refused(here: Path, name: str) -> None:
    with pytest.raises(CommandFailed) as error:
        said("new", "--", name)

    assert error.value.status == 2
    assert list(here.iterdir()) == []


def test_nothing_is_written_over_unless_it_is_forced(here: Path, trace: Path) -> None:
    (here / "own.py").write_text("mine")
    (here / "other.scope").write_text("mine")

    assert refused("new", "own") == "own.py is there already: --force writes over it"
    assert refused("from", str(trace), "--stream", "1", "--name", "own") == refused("new", "own")
    assert "other.scope is there already" in refused("from", str(trace), "--stream", "1", "--name", "other")
    assert {(here / name).read_text() for name in ("own.py", "other.scope")} == {"mine"}

    said("new", "own", "--force")
    said("from", str(trace), "--stream", "1", "--name", "other", "--force")

    assert "all of them so" in said("check", "own.py")
    assert "all of them so" in said("check", "other.py")


def test_a_trace_is_never_written_over_by_the_lesson_of_it(here: Path, trace: Path) -> None:
    before = trace.rename(here / "own.scope").read_bytes()

    assert "give another --name" in refused("from", "own.scope", "--stream", "1", "--name", "own", "--force")
    assert (here / "own.scope").read_bytes() == before


def test_a_lesson_of_a_recording_walks_what_one_stream_did(here: Path, trace: Path) -> None:
    said("from", str(trace), "--stream", "1")

    performance = play("a-write-lesson.py")
    titles = [moment.step.title for moment in performance.moments]
    assert len(set(titles)) == len(titles)
    assert 4 <= len(titles) <= 12
    assert any("closed" in title for title in titles)
    assert (here / "a-write-lesson.scope").stat().st_mode & 0o777 == 0o600
    assert all(found.holds for step in examine(performance) for found in step)
    # the copy can be gone through without the trace that it was cut out of
    performance.close()
    trace.unlink()
    assert "all of them so" in said("check", "a-write-lesson.py")


@pytest.mark.parametrize("said", ['\x1b[2J"""', "{wq} {} {0}", "\\", "\n\r\x00", "'); import os; ('", "\u202e𝄞"])
def test_what_a_trace_brings_along_is_made_harmless_in_the_lesson_of_it(said: str) -> None:
    text = recorded._step(7, said, said, ["READING"], [said])

    assert text.count("\n") == 9
    assert "\x1b" not in text
    seq, step = eval(text.strip().rstrip(","), {"at": at})
    assert seq == 7
    assert step.title == visible(said)
    assert step.text.format_map({}) == visible(said)


def test_a_recorded_lesson_whose_claim_is_not_so_says_what_was(here: Path, trace: Path) -> None:
    said("from", str(trace), "--stream", "1", "--name", "own")
    text = (here / "own.py").read_text()
    assert "flag(READING)" in text
    (here / "own.py").write_text(text.replace('"flag(READING)"', '"flag(SHUT)"'))

    assert refused("check", "own.py").endswith("claims are not so")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("a write.scope", "--stream", "77"), "a write.scope tells nothing of a stream 77: "),
        (("nowhere.scope", "--stream", "1"), "nowhere.scope cannot be opened: No such file or directory"),
        (("no.scope", "--stream", "1"), "no.scope is no"),
        (("a write.scope", "--stream", "1", "--name", "check"), "no lesson can be called check: "),
    ],
)
def test_what_no_lesson_can_be_made_of_says_why(here: Path, trace: Path, words: tuple[str, ...], line: str) -> None:
    (here / "no.scope").write_text("no trace at all")

    assert line in refused("from", *words)
    assert not list(here.glob("*.py"))


def test_a_recorded_lesson_without_its_recording_says_so(here: Path, trace: Path) -> None:
    said("from", str(trace), "--stream", "1", "--name", "own")
    (here / "own.scope").unlink()

    assert refused("check", "own.py").startswith("the lesson own has no recording: ")


def test_a_brace_that_names_nothing_is_told_and_no_traceback(here: Path) -> None:
    text = OWN.format(claims='"wq == 0",').replace("It is open.", "It is { open.")
    (here / "own.py").write_text(text)
    performance = play("own.py")

    with pytest.raises(LessonError, match="has a brace that names no field"):
        Course(performance)
    performance.close()
