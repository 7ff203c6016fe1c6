"""The commands in Chinese: help, errors and lines; which language a command speaks, and what it tells its children."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from rich.cells import cell_len
from running_command import COMMAND, environment

from streamscope.cli import COMMANDS

CHINESE = re.compile(r"[\u4e00-\u9fff]")
COLUMNS = 80


def said(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What a command says on a terminal of 80 columns, where nothing asks for English."""
    ours = {**environment(tmp_path), "LANG": "C.UTF-8", "COLUMNS": str(COLUMNS), **variables}
    for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE", *({"STREAMSCOPE_LANG"} - variables.keys())):
        ours.pop(name, None)
    return subprocess.run(
        [*COMMAND, *arguments], env=ours, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False
    )


def test_help_is_chinese_to_its_last_word_and_keeps_to_its_columns(tmp_path: Path) -> None:
    done = said(tmp_path, "--lang", "zh", "run", "--help")

    assert done.returncode == 0
    assert not re.search(r"Usage|Options:|default|Show this", done.stdout)
    assert "选项：" in done.stdout
    assert "[默认：7000]" in done.stdout
    for line in done.stdout.splitlines():
        assert cell_len(line) <= COLUMNS
        assert not re.match(r"\s*[，。；：？！、）」]", line)
    described = re.findall(r"(?m)^  (?:-\S.*?)  +(\S.*)$", done.stdout)
    assert len(described) > 20


@pytest.mark.parametrize("command", ["", *(each for each in COMMANDS if each != "run")])
def test_the_boxes_of_every_help_are_whole(tmp_path: Path, command: str) -> None:
    done = said(tmp_path, *filter(None, (command,)), "--help", STREAMSCOPE_LANG="zh")

    assert done.returncode == 0
    assert CHINESE.search(done.stdout)
    assert "显示本帮助后退出" in done.stdout
    boxes = [line for line in done.stdout.splitlines() if line[:1] in "╭│╰"]
    assert {cell_len(line) for line in boxes} <= {COLUMNS}


def test_the_locale_is_enough_and_the_lessons_stand_in_columns(tmp_path: Path) -> None:
    done = said(tmp_path, "lesson", LANG="zh_CN.UTF-8")

    assert "3.1.4 写流" in done.stdout
    lines = [line for line in done.stdout.splitlines() if line.startswith(("write ", "echo "))]
    titles = {"write": "直接写出", "echo": "从 accept"}
    places = {cell_len(line[: line.index(titles[line.split()[0]])]) for line in lines}
    assert len(lines) == 2
    assert len(places) == 1


def test_a_lesson_is_checked_in_chinese(tmp_path: Path) -> None:
    done = said(tmp_path, "lesson", "check", "write", "--lang", "zh")

    assert done.returncode == 0
    assert "直接写出，但还没通知" in done.stdout
    assert done.stdout.rstrip().endswith("全部成立")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["rum"], "没有命令 'rum'：是不是想说 run？"),
        (["run", "--port", "x", "echo"], "'--port' 的值无效：'x' 不是 0 到 65535 的整数。"),
        (["ps", "--foo"], "没有选项 '--foo'。"),
        (["lesson", "rite"], "没有 'rite' 这一课：是不是想说 write？"),
    ],
)
def test_what_a_person_gets_wrong_is_told_in_one_line_of_chinese(
    tmp_path: Path, arguments: list[str], line: str
) -> None:
    done = said(tmp_path, *arguments, STREAMSCOPE_LANG="zh")

    assert done.returncode != 0
    assert done.stderr == f"streamscope: {line}\n"


def test_the_config_file_chooses_the_language_and_is_explained_in_it(tmp_path: Path) -> None:
    (tmp_path / "config" / "streamscope").mkdir(parents=True)
    (tmp_path / "config" / "streamscope" / "config.toml").write_text('lang = "zh"\n')

    assert "# 语言：" in said(tmp_path, "config").stdout
    assert "# Language: " in said(tmp_path, "config", "--lang", "en").stdout


def test_programs_that_a_command_starts_are_told_the_language_and_only_where_it_matters(tmp_path: Path) -> None:
    tell = ["run", "--headless", "--", "sh", "-c", 'echo "${STREAMSCOPE_LANG:-not told}"']

    assert said(tmp_path, *tell).stdout == "not told\n"
    assert said(tmp_path, "--lang", "zh", *tell).stdout == "zh\n"
    assert said(tmp_path, *tell, LANG="zh_CN.UTF-8").stdout == "zh\n"
    assert said(tmp_path, "--lang", "en", *tell, LANG="zh_CN.UTF-8").stdout == "en\n"
