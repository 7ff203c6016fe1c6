"""What app, screens and widgets ask of each other.

The app drains the session on one timer and then calls `show(changed)` on the screen in front, which passes it on;
`changed` are the numbers of streams touched since the last call, while ages and glows change without being named.
`show` compares what is on the screen with what should be, and asks for exactly the lines that differ to be painted;
when nothing differs it does nothing.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Protocol, runtime_checkable

from streamscope.ui.view import View

AGES_EVERY = 0.1
"""Seconds after which what changes by itself, ages and glows, is looked at again."""


@runtime_checkable
class Shows(Protocol):
    """A screen that follows what is looked at: a live one, or a dialog over it."""

    @property
    def is_mounted(self) -> bool:
        """Whether its widgets are there; before that there is nothing to paint."""

    def show(self, changed: Set[int]) -> None:
        """Paint what has changed."""

    def show_at_once(self) -> None:
        """Paint everything, and without waiting for what is only painted now and then."""


@runtime_checkable
class Overlooked(Protocol):
    """An app that looks at one engine."""

    view: View
    ascii_only: bool

    def open_stream(self, number: int) -> None:
        """Open a stream on the whole screen."""

    def allow_lint(self, name: str) -> None:
        """Say no more of what a lint finds, or say it again."""


def in_ascii_only(app: object) -> bool:
    """Whether the app's terminal shows ASCII alone."""
    return isinstance(app, Overlooked) and app.ascii_only
