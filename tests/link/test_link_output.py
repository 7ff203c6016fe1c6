"""What is printed: bounded in a file, held back until our own line is out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamscope.link import output
from streamscope.link.output import LogFile


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[LogFile, int]]:
    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    path = tmp_path / "log"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    yield LogFile(str(path), fd), fd
    os.close(fd)


def test_the_file_bears_the_pid_so_that_it_is_found(log: tuple[LogFile, int], tmp_path: Path) -> None:
    file, _ = log
    assert file.path.name == f"{os.getpid()}.log"
    assert not (tmp_path / "log").exists()
    file.remove()
    assert not file.path.exists()


def test_a_short_log_is_left_alone(log: tuple[LogFile, int]) -> None:
    file, fd = log
    os.write(fd, b"hello\n")
    file.cap()
    assert file.path.read_bytes() == b"hello\n"


def test_a_long_log_keeps_its_end_in_whole_lines_and_goes_on(log: tuple[LogFile, int]) -> None:
    file, fd = log
    for n in range(output.LIMIT // 16 + 1):
        os.write(fd, b"line %010d\n" % n)
    file.cap()
    os.write(fd, b"afterwards\n")
    *kept, last = file.path.read_text().splitlines()
    assert last == "afterwards"
    assert output.KEPT - 32 <= len("\n".join(kept)) <= output.KEPT
    assert kept == [f"line {n:010}" for n in range(n + 1 - len(kept), n + 1)]


def test_a_log_without_line_ends_is_bounded_too(log: tuple[LogFile, int]) -> None:
    file, fd = log
    os.write(fd, b"x" * (output.LIMIT + 1))
    file.cap()
    assert file.path.stat().st_size == output.KEPT
