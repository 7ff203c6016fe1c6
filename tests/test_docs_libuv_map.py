"""`docs/libuv.md` is true of the code: every function it names is where it says, and none of the engine is missing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from streamscope.core import flags
from streamscope.core.probe import FUNCTIONS
from streamscope.source.mirrors import MIRRORS, SECTIONS

ROOT = Path(__file__).parent.parent
CORE = ROOT / "streamscope" / "core"
DOCUMENT = (ROOT / "docs" / "libuv.md").read_text()

NOT_LIBUVS = {"name", "high_water", "feeds", "excepthook", "sampled", "injected"}
"""What the catalogue names besides libuv's functions: properties of the engine itself."""


def _section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def _rows(section: str) -> list[list[str]]:
    """The cells of every table row of a section, without heads and rules."""
    rows = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in section.splitlines()
        if line.startswith("|") and not line.startswith("|---")
    ]
    return [row for row in rows if row[0] not in ("libuv", "flag", "where", "version")]


def _map() -> dict[str, tuple[str, str]]:
    """libuv's function → file and Python function."""
    found: dict[str, tuple[str, str]] = {}
    for function, place, _ in _rows(_section("The map")):
        name = re.fullmatch(r"`(\w+)`", function)
        where = re.fullmatch(r"`([\w/]+\.py)` `([\w.]+)`", place)
        assert name, function
        assert where, place
        assert name[1] not in found, f"{name[1]} is in the map twice"
        found[name[1]] = (where[1], where[2])
    return found


def _defined(path: Path) -> set[str]:
    """The functions, classes and methods that a file defines."""
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{member.name}" for member in node.body if isinstance(member, ast.FunctionDef)}
    return names


def test_every_function_of_the_map_is_in_its_file() -> None:
    for function, (file, name) in _map().items():
        assert (CORE / file).exists(), f"{function}: there is no {file}"
        assert name in _defined(CORE / file), f"{function}: {file} does not define {name}"


def test_every_function_of_the_engine_is_in_the_map() -> None:
    mapped = set(_map().values())

    for path in CORE.rglob("*.py"):
        for name in _defined(path):
            if re.match(r"uv_|(maybe_)?new_socket$", name):
                assert (str(path.relative_to(CORE)), name) in mapped, f"{name} of {path.name} is not in the map"


def test_every_function_that_tells_of_events_is_in_the_map() -> None:
    section = _section("The map")

    for function in set(FUNCTIONS) - NOT_LIBUVS:
        assert f"`{function}`" in section, f"{function} tells of events, but is not in the map"


def test_the_flags_have_libuvs_numbers() -> None:
    rows = _rows(_section("Flags"))

    assert {name.strip("`"): int(number, 16) for name, number, *_ in rows} == {
        name: bit for bit, name in flags.FLAG_NAMES.items()
    }


def test_every_difference_that_the_code_tells_of_has_its_row() -> None:
    files = {row[0].strip("`") for row in _rows(_section("What the engine does differently, on purpose"))}

    assert all((CORE / file).exists() for file in files)
    for path in CORE.rglob("*.py"):
        if re.search(r"Differs from libuv|where libuv (aborts|would)", path.read_text()):
            assert str(path.relative_to(CORE)) in files, f"{path.name} tells of a difference, but has no row"


def test_what_newer_versions_changed_names_functions_of_the_map() -> None:
    mapped = _map()

    for _, _, functions in _rows(_section("What 1.45 to 1.52 changed")):
        for function in re.findall(r"`(\w+)`", functions):
            assert function in mapped, function


def test_the_source_view_names_the_chapters_sections_as_the_map_does() -> None:
    sections = re.split(r"^### ", _section("The map"), flags=re.MULTILINE)[1:]
    numbered = [section for section in sections if section.startswith("3.")]

    assert {
        section.split("\n", 1)[0].split(" ", 1)[0]: section.split("\n", 1)[0].split(" ", 1)[1] for section in numbered
    } == SECTIONS
    for section in sections:
        number = section.split(" ", 1)[0] if section in numbered else ""
        for function, _, _ in _rows(section):
            mirror = MIRRORS.get(function.strip("`"))
            assert mirror is None or mirror.section == number, function
