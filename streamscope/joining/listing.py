"""Engines that were found, as a screen lists those that it can go to."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from streamscope.link.discovery import FoundEngine, search
from streamscope.ui.processes import Listed


def listed(engines: Iterable[FoundEngine]) -> list[Listed]:
    """A line's worth of each."""
    return [Listed.of(engine.path, engine.hello) for engine in engines]


def all_listed(known: Collection[Path]) -> list[Listed]:
    """Every engine of this user's but those that are known."""
    return listed(search(known).engines)
