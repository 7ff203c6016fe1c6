"""Functions of a class, or of an object, exchanged for ours, and put back: the same objects, where they were."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_NOT_THERE = object()


class Exchange:
    """What was exchanged. What somebody else has exchanged meanwhile is not ours to put back, and stays."""

    def __init__(self) -> None:
        self._done: list[tuple[Any, str, object, object]] = []

    @property
    def is_on(self) -> bool:
        """Whether anything is exchanged."""
        return bool(self._done)

    def put(self, owner: Any, ours: Mapping[str, Callable[..., Any]]) -> None:
        """Exchange these of the owner's, by name. Raises AttributeError where an object takes none."""
        for name, function in ours.items():
            before = vars(owner).get(name, _NOT_THERE)
            setattr(owner, name, function)
            self._done.append((owner, name, function, before))

    def undo(self) -> None:
        """Put everything back."""
        while self._done:
            owner, name, function, before = self._done.pop()
            if vars(owner).get(name) is not function:
                continue
            if before is _NOT_THERE:
                delattr(owner, name)
            else:
                setattr(owner, name, before)
