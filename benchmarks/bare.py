"""The engine without its probes: what they cost while nobody watches.

Every test of the emit slot is made false before the core's modules are compiled, and the compiler then leaves the
branch out. What remains is the engine as it would be if it had never been made to be looked into.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import sys
from typing import Any

_SLOT = ("emit", "feed")


class CutProbes(ast.NodeTransformer):
    """`emit is not None` becomes False, `emit is None` True, and `emit = loop.emit` goes; `feed` is the same slot."""

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """A test of the slot has a fixed answer: it is None, and so nothing else."""
        if self._is_slot(node.left) and isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            is_none = isinstance(node.comparators[0], ast.Constant)
            return ast.copy_location(ast.Constant(isinstance(node.ops[0], ast.Is) == is_none), node)
        return node

    def visit_If(self, node: ast.If) -> Any:
        """A branch that is never taken goes, also where the slot is one of several conditions."""
        self.generic_visit(node)
        test = node.test
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            fixed = any(isinstance(value, ast.Constant) and value.value is False for value in test.values)
            test = ast.Constant(False) if fixed else test
        if isinstance(test, ast.Constant):
            return (node.body if test.value else node.orelse) or ast.copy_location(ast.Pass(), node)
        return node

    def visit_Assign(self, node: ast.Assign) -> Any:
        """Nobody reads the slot any more."""
        if (
            isinstance(node.value, ast.Attribute)
            and self._is_slot(node.value)
            and isinstance(node.targets[0], ast.Name)
        ):
            return ast.copy_location(ast.Pass(), node)
        self.generic_visit(node)
        return node

    @staticmethod
    def _is_slot(node: ast.expr) -> bool:
        return (isinstance(node, ast.Name) and node.id in _SLOT) or (
            isinstance(node, ast.Attribute) and node.attr in _SLOT
        )


class _Loader(importlib.machinery.SourceFileLoader):
    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> Any:  # type: ignore[override]
        tree = ast.fix_missing_locations(CutProbes().visit(ast.parse(data, path)))
        return compile(tree, path, "exec", optimize=_optimize, dont_inherit=True)

    def get_data(self, path: str) -> bytes:
        if path.endswith(".pyc"):
            raise OSError("the cache holds the engine with its probes")
        return super().get_data(path)

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        """Cache nothing."""


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if not name.startswith("streamscope.core"):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def install() -> None:
    """Load `streamscope.core` without probes from now on; it must not have been loaded yet."""
    assert "streamscope.core" not in sys.modules
    sys.meta_path.insert(0, _Finder())
