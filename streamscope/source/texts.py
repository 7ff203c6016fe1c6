"""The engine's files as they stand: their lines, functions and classes, and the sites they name.

`joined.py` and what belongs to it are left out: what travels joined happened as the plain text says. So is `faults.py`:
what is injected comes through calls of the system, and nothing of libuv's does it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

CORE = Path(__file__).parent.parent / "core"
_LEFT_OUT = {"faults.py", "joined.py", "joined_records.py", "early.py", "probe.py", "records.py"}

Site: TypeAlias = tuple[str, str]
"""A kind of event, and the function that is said to tell of it."""


class Function(NamedTuple):
    """A function or method: its file below `core/`, its class if it has one, and its text."""

    file: str
    owner: str
    tree: ast.FunctionDef

    @property
    def name(self) -> str:
        """`uv__read`, or `Tcp.__init__`."""
        return f"{self.owner}.{self.tree.name}" if self.owner else self.tree.name

    @property
    def parameters(self) -> list[str]:
        """Names of its parameters by position, and then of those that are given by name alone."""
        arguments = self.tree.args
        return [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


class Class(NamedTuple):
    """A class: names of its bases, its methods, and the functions that it binds under names of its own."""

    name: str
    bases: list[str]
    methods: dict[str, Function]
    bound: dict[str, str]


class Module:
    """One file: `file` is its path below `core/`."""

    def __init__(self, path: Path) -> None:
        self.file = path.relative_to(CORE).as_posix()
        text = path.read_text(encoding="utf-8")
        self.lines = text.splitlines()
        tree = ast.parse(text)
        self.functions: dict[str, Function] = {}
        self.classes: dict[str, Class] = {}
        self.imported: dict[str, str] = {}  # what a name stands for that comes from another file
        self.sites: dict[str, dict[str, Site]] = {}  # by the word that one of several is chosen with, or by ""
        self._texts: dict[str, tuple[str, ...]] = {}
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                self.functions[node.name] = Function(self.file, "", node)
            elif isinstance(node, ast.ClassDef):
                self.classes[node.name] = self._class(node)
            elif isinstance(node, ast.ImportFrom):
                self.imported |= {alias.asname or alias.name: alias.name for alias in node.names}
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self._take_constant(node.targets[0].id, node.value)

    def _class(self, node: ast.ClassDef) -> Class:
        made = Class(node.name, [base.id for base in node.bases if isinstance(base, ast.Name)], {}, {})
        for each in node.body:
            if isinstance(each, ast.FunctionDef):
                setter = any(isinstance(by, ast.Attribute) and by.attr == "setter" for by in each.decorator_list)
                name = f"{each.name} =" if setter else each.name
                made.methods[name] = Function(self.file, node.name, each)
            elif isinstance(each, ast.Assign) and isinstance(each.value, ast.Name):
                made.bound.update({to.id: each.value.id for to in each.targets if isinstance(to, ast.Name)})
        return made

    def _take_constant(self, name: str, value: ast.expr) -> None:
        """`_PUSH = site("write_queue.push", "uv_write2")`, or one of them for each of several words."""
        if isinstance(value, ast.Tuple) and all(isinstance(each, ast.Constant) for each in value.elts):
            self._texts[name] = tuple(str(each.value) for each in value.elts if isinstance(each, ast.Constant))
        elif isinstance(value, ast.Call) and (site := _site(value, {})):
            self.sites[name] = {"": site}
        elif isinstance(value, ast.DictComp) and isinstance(value.value, ast.Call):
            by = value.generators[0]
            if isinstance(by.target, ast.Name) and isinstance(by.iter, ast.Name):
                words = self._texts.get(by.iter.id, ())
                found = {word: _site(value.value, {by.target.id: word}) for word in words}
                self.sites[name] = {word: site for word, site in found.items() if site}


def _site(call: ast.Call, words: dict[str, str]) -> Site | None:
    if not isinstance(call.func, ast.Name) or call.func.id != "site" or len(call.args) != 2:
        return None
    kind, function = (_text(argument, words) for argument in call.args)
    return (kind, function) if function else None


def _text(it: ast.expr, words: dict[str, str]) -> str:
    if isinstance(it, ast.Constant):
        return str(it.value)
    if isinstance(it, ast.JoinedStr):
        return "".join(_text(each, words) for each in it.values)
    if isinstance(it, ast.FormattedValue):
        return _text(it.value, words)
    return words.get(it.id, "") if isinstance(it, ast.Name) else ""


class Texts:
    """All of them."""

    def __init__(self) -> None:
        paths = [path for path in sorted(CORE.rglob("*.py")) if path.name not in _LEFT_OUT]
        modules = [Module(path) for path in paths if "vocabulary" not in path.parts]
        self.modules = {module.file: module for module in modules}
        self.classes = {name: each for module in modules for name, each in module.classes.items()}
        self.defined: dict[str, Function] = {}  # by name: of those that are the same, which one does not matter to us
        for module in modules:
            self.defined |= module.functions

    def named(self, name: str, module: Module) -> Function | None:
        """The function that a name stands for in a file."""
        return module.functions.get(name) or self.defined.get(module.imported.get(name, ""))

    def methods(self, name: str, classes: Iterator[str] | None = None) -> list[Function]:
        """Those that `x.name()` may be, of any class or of these."""
        found = []
        for each in (self.classes[owner] for owner in classes) if classes is not None else self.classes.values():
            if name in each.methods:
                found.append(each.methods[name])
            elif name in each.bound and (function := self._bound(each, name)) is not None:
                found.append(function)
        return found

    def _bound(self, owner: Class, name: str) -> Function | None:
        module = next(module for module in self.modules.values() if owner.name in module.classes)
        return self.named(owner.bound[name], module)

    def family(self, name: str) -> Iterator[str]:
        """A class, those that it is made of, and those that are made of it."""
        for each in self.classes:
            if each in self.above(name) or name in self.above(each):
                yield each

    def above(self, name: str) -> list[str]:
        """A class and those that it is made of."""
        bases = self.classes[name].bases if name in self.classes else []
        return [name, *(above for base in bases for above in self.above(base))] if name in self.classes else []

    @cached_property
    def functions(self) -> list[Function]:
        """Every function and method."""
        methods = [method for each in self.classes.values() for method in each.methods.values()]
        return [*(each for module in self.modules.values() for each in module.functions.values()), *methods]


@lru_cache(1)
def texts() -> Texts:
    """Read once."""
    return Texts()
