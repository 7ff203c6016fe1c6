"""Which language is spoken: what the command line says first, the locale last; and what happens without letters."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamscope.language import of_locale, speak, spoken, tr, trn, wanted

NOTHING: dict[str, str] = {}


@pytest.fixture
def chinese() -> Iterator[None]:
    speak("zh")
    yield
    speak("en")


@pytest.mark.parametrize(
    ("arguments", "environment", "setting", "language"),
    [
        (["run", "--lang", "zh", "echo"], {"STREAMSCOPE_LANG": "en"}, "en", "zh"),
        (["--lang=zh"], NOTHING, "en", "zh"),
        (["run", "--", "server", "--lang", "zh"], NOTHING, "", "en"),
        ([], {"STREAMSCOPE_LANG": "zh", "LANG": "en_US.UTF-8"}, "en", "zh"),
        ([], {"LANG": "en_US.UTF-8"}, "zh", "zh"),
        ([], {"LANG": "zh_CN.UTF-8"}, "", "zh"),
        (["--lang"], NOTHING, "", "en"),
    ],
)
def test_who_says_more_is_heard(arguments: list[str], environment: dict[str, str], setting: str, language: str) -> None:
    assert wanted(arguments, environment, lambda: setting) == language


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_ALL": "C.UTF-8", "LANGUAGE": "zh"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "de:zh_TW"}, "zh"),
        ({"LC_MESSAGES": "zh_SG", "LANG": "en_US.UTF-8"}, "zh"),
        (NOTHING, "en"),
    ],
)
def test_the_locale_is_read_as_gettext_reads_it(environment: dict[str, str], language: str) -> None:
    assert of_locale(environment) == language


def test_english_needs_no_catalogue() -> None:
    assert spoken() == "en"
    assert tr("{n} of {all}", n=1, all=2) == "1 of 2"
    assert tr("{literally}") == "{literally}"
    assert [trn("{n} stream", "{n} streams", n) for n in (0, 1, 1200)] == ["0 streams", "1 stream", "1,200 streams"]


def test_what_the_catalogue_has_not_is_said_in_english(chinese: None) -> None:
    assert spoken() == "zh"
    assert tr("nobody has ever said {what}", what="this") == "nobody has ever said this"
    assert tr("") == ""


def helped(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "STREAMSCOPE_"))}
    return subprocess.run(
        [sys.executable, "-m", "streamscope", *arguments],
        env={**bare, "XDG_CONFIG_HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_a_terminal_without_utf_8_gets_english_and_is_told_so_once(tmp_path: Path) -> None:
    done = helped(tmp_path, "--lang", "zh", "ps", "--help", LC_ALL="zh_CN.GB18030")
    assert done.returncode == 0
    assert done.stderr.count("UTF-8") == 1
    assert done.stdout.isascii() or "Usage" in done.stdout


def test_a_language_that_there_is_not_is_refused_in_one_line(tmp_path: Path) -> None:
    done = helped(tmp_path, "ps", "--lang", "tlh")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "'en', 'zh'" in done.stderr
