"""What the app asks of a screen or widget that shows live state: to paint again what has changed.

The app drains the session on one timer and then calls `show` on the active screen, which passes it on. `show`
compares what is on the screen with what should be, and asks for exactly the lines that differ to be painted; when
nothing differs it does nothing.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Protocol, runtime_checkable

from streamscope.ui.view import View

AGES_EVERY = 0.1
"""Seconds after which what changes by itself, ages and glows, is looked at again."""


@runtime_checkable
class Live(Protocol):
    """Something that shows live state."""

    def show(self, changed: Set[int]) -> None:
        """Paint what has changed. `changed` are the numbers of streams touched since the last call; ages and glows
        change without being named.
        """


@runtime_checkable
class Overlooked(Protocol):
    """An app that looks at one engine."""

    view: View

    def open_stream(self, number: int) -> None:
        """Open a stream on the whole screen."""
