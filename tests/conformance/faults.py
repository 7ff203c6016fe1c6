"""Faults that are planted into the engine: a small change to the text of one function, as a slip of the pen would be.

fault_table.py lists them.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
from dataclasses import dataclass
from operator import attrgetter
from types import FunctionType


@dataclass(frozen=True)
class Fault:
    """In `function` (or `Class.method`) of `module` (below streamscope.core), the text `was` becomes `becomes`;
    `caught_by` is a test.
    """

    name: str
    module: str
    function: str
    was: str
    becomes: str
    caught_by: str

    def faulty(self) -> FunctionType:
        """The function with the fault in it. Raises ValueError where the text is not (or not only once) to be found:
        then the engine has changed, and the fault must follow it.
        """
        module = importlib.import_module(f"streamscope.core.{self.module}")
        source = textwrap.dedent(inspect.getsource(attrgetter(self.function)(module)))
        if source.count(self.was) != 1:
            raise ValueError(f"{self.name}: {self.function} has {source.count(self.was)} times the text {self.was!r}")
        code = compile(
            source.replace(self.was, self.becomes),
            f"<{self.function} with a fault>",
            "exec",
            flags=annotations.compiler_flag,
            dont_inherit=True,
        )
        made: dict[str, FunctionType] = {}
        exec(code, vars(module), made)
        return made[self.function.rpartition(".")[2]]


def plant(fault: Fault) -> None:
    """Put the faulty function in the place of the right one, wherever the engine has bound it."""
    faulty = fault.faulty()
    right = attrgetter(fault.function)(importlib.import_module(f"streamscope.core.{fault.module}"))
    importlib.import_module("streamscope.core")
    for name, module in list(sys.modules.items()):
        if not name.startswith("streamscope.core"):
            continue
        places = [module, *(value for value in vars(module).values() if isinstance(value, type))]
        for place in places:
            for attribute, value in list(vars(place).items()):
                if value is right:
                    setattr(place, attribute, faulty)
