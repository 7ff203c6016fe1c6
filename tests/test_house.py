"""The house is as CONTRIBUTING.md says: a word stands for one thing, and imports run one way and in no circle."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import pytest

from streamscope.link import frames
from streamscope.trace import contents, pieces
from streamscope.trace.store import format as store

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "streamscope"
FILES = sorted(HOUSE.rglob("*.py"))
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}

BOTH_ENDS = {"Command", "FieldWords", "FlagWords", "Hello"}
"""One thing as who tells it has it, and as who reads it, who must not need what the other needs."""

WORDS = (ROOT / "CONTRIBUTING.md").read_text().partition("\n## Words\n")[2].partition("\n## ")[0]
NAMED = re.findall(r"^- \*\*(.+?)\*\*: ", WORDS, flags=re.MULTILINE)


@cache
def trees() -> dict[Path, ast.Module]:
    """Every file, parsed; not where this is imported: each worker does that, and one of them needs it."""
    return {path: ast.parse(path.read_text()) for path in FILES}


def test_no_two_files_bear_one_name() -> None:
    places = defaultdict(list)
    for path in FILES:
        if path.name not in ("__init__.py", "__main__.py"):
            places[path.name].append(path)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_no_two_classes_bear_one_name() -> None:
    places = defaultdict(list)
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and "servers" not in path.parts:
                places[node.name].append(path)  # each server is a program by itself
    assert {name for name, found in places.items() if len(found) > 1} == BOTH_ENDS


@pytest.mark.parametrize("thing", [contents.Batch, contents.Gap, contents.Goodbye, contents.Note, contents.Slice])
def test_what_a_past_is_made_of_is_called_the_same_everywhere(thing: type[msgspec.Struct]) -> None:
    name = thing.__name__
    there = {
        each.__name__
        for module in (frames, store, pieces)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, thing) and each is not thing
    }
    assert f"{name}Frame" in there
    assert there <= {f"{name}Frame", f"{name}Item"}
    assert name == "Goodbye" or (hasattr(store, f"{name}Item") and hasattr(pieces, f"{name}Leaf"))


def test_words_are_named_once_each_and_are_in_use() -> None:
    used = " ".join(name.lower().replace("_", "") for name in _names())
    assert len(NAMED) == WORDS.count("\n- ") > 40
    assert len(set(NAMED)) == len(NAMED)
    assert [word for word in NAMED if word.lower().replace(" ", "") not in used] == []


def _names() -> Iterator[str]:
    """What files, classes, functions and constants are called."""
    yield from MODULES
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                yield node.name


# imports


def _imports(module: str, body: list[ast.stmt], *, types: bool = False) -> Iterator[tuple[str, bool]]:
    """What of the house these statements import, be it late, and whether for the types' sake alone."""
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _imports(module, node.body, types=True)
        elif isinstance(node, ast.ImportFrom):
            yield from ((found, types) for found in _imported(module, node))
        elif isinstance(node, ast.Import):
            yield from ((alias.name, types) for alias in node.names if alias.name in MODULES)
        else:
            inside = [child for child in ast.walk(node) if child is not node and isinstance(child, ast.stmt)]
            yield from _imports(module, [child for child in inside if isinstance(child, (ast.Import, ast.ImportFrom))])


def _imported(module: str, node: ast.ImportFrom) -> Iterator[str]:
    name = node.module or ""
    if node.level:
        package = module.split(".") if MODULES[module].name == "__init__.py" else module.split(".")[:-1]
        name = ".".join([*package[: len(package) - node.level + 1], *([name] if name else [])])
    for alias in node.names:
        found = f"{name}.{alias.name}" if f"{name}.{alias.name}" in MODULES else name
        if found in MODULES and found != module:
            yield found


@cache
def imports() -> dict[str, list[tuple[str, bool]]]:
    """What each module imports of the house, and whether for the types' sake alone."""
    return {module: list(_imports(module, trees()[path].body)) for module, path in MODULES.items()}


def test_imports_run_in_no_circle_but_for_types() -> None:
    left = {module: {found for found, types in found if not types} for module, found in imports().items()}
    while ready := [module for module, needs in left.items() if not needs]:
        for module in ready:
            del left[module]
        for needs in left.values():
            needs.difference_update(ready)
    assert left == {}


@pytest.mark.parametrize(
    ("room", "above"),
    [("ui.", ("ui.widgets", "ui.screens")), ("ui.widgets.", ("ui.screens",))],
    ids=["ui knows no widgets", "widgets know no screens"],
)
def test_within_ui_imports_run_down(room: str, above: tuple[str, ...]) -> None:
    climbing = [
        (module, found)
        for module, modules in imports().items()
        for found, _ in modules
        if module.startswith(f"streamscope.{room}")
        and module.count(".") == f"streamscope.{room}".count(".")
        and module not in ("streamscope.ui.widgets", "streamscope.ui.screens")
        and found.startswith(tuple(f"streamscope.{each}" for each in above))
    ]
    assert climbing == []


def test_errors_are_written_by_name_in_the_engine() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in trees().items()
        if path.parent in (HOUSE / "core", HOUSE / "core" / "stream") and path.name != "errors.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
        if isinstance(node.operand, ast.Constant) and node.operand.value not in (1, 1.0)  # -1: no descriptor, no limit
    ]
    assert bare == []
