"""The scenarios, one file for each part of the stream layer. A scenario is a function of a `Backend`."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from backend import Backend

from . import connecting, ipc, listening, pipes, reading, shutting, terminals, turning, writing

MODULES: tuple[ModuleType, ...] = (reading, writing, shutting, connecting, listening, pipes, ipc, terminals, turning)

SCENARIOS: list[Callable[[Backend], None]] = [
    function
    for module in MODULES
    for name, function in vars(module).items()
    if callable(function) and not name.startswith("_") and getattr(function, "__module__", "") == module.__name__
]
