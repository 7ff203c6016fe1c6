"""The log's tail: bounded, honest about what is missing, and never caught by a path that is not a plain file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamscope.ui import log_tail
from streamscope.ui.log_tail import LINE_BYTES, LogTail


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "program.log"


@pytest.fixture
def tail(path: Path):
    made = LogTail(str(path), lines=5)
    yield made
    made.close()


def texts(tail: LogTail) -> list[str]:
    return [("-- " if line.notice else "") + line.data.decode() for line in tail.lines]


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_lines_come_as_they_are_appended(path: Path, tail: LogTail) -> None:
    append(path, b"one\ntwo\r\n")
    assert tail.read() == 0
    assert texts(tail) == ["one", "two"]

    append(path, b"three\n")
    assert tail.read() == 2
    assert texts(tail) == ["one", "two", "three"]
    assert tail.read() is None


def test_a_line_that_is_not_finished_is_shown_and_grows(path: Path, tail: LogTail) -> None:
    append(path, b"one\nname: ")
    tail.read()
    assert texts(tail) == ["one", "name: "]

    append(path, b"echo\n")
    assert tail.read() == 1
    assert texts(tail) == ["one", "name: echo"]


def test_only_the_last_lines_are_kept_and_their_numbers_stay(path: Path, tail: LogTail) -> None:
    append(path, b"".join(b"line %d\n" % n for n in range(12)))
    tail.read()

    assert (tail.first, tail.end) == (7, 12)
    assert texts(tail)[0] == "line 7"


def test_a_file_that_was_cut_off_begins_anew_and_says_so(path: Path, tail: LogTail) -> None:
    append(path, b"before\n")
    tail.read()
    os.truncate(path, 0)
    append(path, b"new\n")
    assert tail.read() == 1

    assert texts(tail) == ["before", "-- the log was cut off here, and begins anew", "new"]


def test_a_file_that_was_replaced_begins_anew_and_says_so(path: Path, tail: LogTail) -> None:
    append(path, b"before\nhalf")
    tail.read()
    path.rename(path.with_suffix(".old"))
    append(path, b"new\n")
    tail.read()

    assert texts(tail) == ["before", "half", "-- the log was replaced here, and begins anew", "new"]


def test_what_is_too_far_behind_is_left_out_and_counted(
    path: Path, tail: LogTail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_tail, "CHUNK", 10)
    append(path, b"first\n")
    tail.read()
    append(path, b"x" * 20 + b"\nlast one\n")
    tail.read()

    assert texts(tail) == ["first", "-- 20 bytes of the log are left out here", "", "last one"]


def test_an_endless_line_is_broken_where_it_is_too_long(path: Path, tail: LogTail) -> None:
    append(path, b"x" * (LINE_BYTES * 2 + 5))
    tail.read()

    assert [len(line.data) for line in tail.lines] == [LINE_BYTES, LINE_BYTES, 5]


def test_a_file_that_is_missing_says_why_and_is_read_once_it_is_there(path: Path, tail: LogTail) -> None:
    assert tail.read() is None
    assert tail.reason == "No such file or directory"

    append(path, b"here\n")
    tail.read()
    assert texts(tail) == ["here"]
    assert tail.reason == ""


def test_a_fifo_is_never_waited_for(path: Path, tail: LogTail) -> None:
    os.mkfifo(path)

    assert tail.read() is None
    assert tail.reason == "it is not an ordinary file"


def test_a_file_that_is_removed_is_read_to_its_end(path: Path, tail: LogTail) -> None:
    append(path, b"one\n")
    tail.read()
    with path.open("ab") as file:
        path.unlink()
        file.write(b"two\n")
        file.flush()
        tail.read()

    assert texts(tail) == ["one", "two"]
