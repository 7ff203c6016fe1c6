"""Engines that were found, as a screen lists those that it can go to."""

from __future__ import annotations

from collections.abc import Iterable

from streamscope.link.discovery import FoundEngine, search
from streamscope.ui.processes import Listed


def listed(engines: Iterable[FoundEngine]) -> list[Listed]:
    """A line's worth of each."""
    return [_listed(engine) for engine in engines]


def all_listed() -> list[Listed]:
    """Every engine of this user's."""
    return listed(search().engines)


def _listed(engine: FoundEngine) -> Listed:
    hello = engine.hello
    if hello is None:
        return Listed(engine.name, "", path=engine.path)
    vocabulary = hello.vocabulary
    kind = vocabulary.engine if vocabulary is not None else ""
    return Listed(
        engine.name, hello.program, kind, hello.streams, tuple(hello.addresses[:4]), hello.started, engine.path
    )
