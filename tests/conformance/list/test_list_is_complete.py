"""The list of libuv's tests, the tests here and the table of what does not apply agree exactly."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from not_applicable import NOT_APPLICABLE

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("test_libuv_*.py"))


def _entries() -> dict[str, str]:
    """The chapter of every entry of names.txt."""
    found: dict[str, str] = {}
    chapter = ""
    for line in (HERE / "names.txt").read_text().splitlines():
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            chapter = heading[1]
        elif entry := re.fullmatch(r"  (\w+)(?: \[newer\])?: \S.*", line):
            assert entry[1] not in found, f"{entry[1]} is listed twice"
            found[entry[1]] = chapter
        else:
            assert line == "" or line.startswith("#") or re.fullmatch(r"test-[\w-]+\.c", line), line
    return found


def _tests(path: Path) -> list[str]:
    tree = ast.parse(path.read_text())
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [name.removeprefix("test_") for name in functions if name.startswith("test_")]


def test_every_entry_of_libuvs_list_has_its_test_or_its_reason() -> None:
    entries = _entries()
    tests = [name for path in FILES for name in _tests(path)]

    assert len(entries) == 136
    assert len(tests) == len(set(tests))
    assert not set(tests) & set(NOT_APPLICABLE)
    assert {*tests, *NOT_APPLICABLE} == set(entries)


def test_every_test_is_in_the_file_of_its_chapter() -> None:
    entries = _entries()

    for path in FILES:
        chapter = path.stem.removeprefix("test_libuv_").partition("_")[0]
        assert {entries[name] for name in _tests(path)} == {chapter}, path.name


def test_nothing_in_the_list_is_skipped_or_expected_to_fail() -> None:
    for path in FILES:
        assert not re.search(r"\b(skip|skipif|xfail|importorskip)\b", path.read_text()), path.name
