"""System calls that were made before anybody asked for them.

Whoever reads and writes ahead of the text of `stream/` has a result in hand that may turn out to be nothing everyday:
then that text is to take it, which asks its `System` for it, and knows of no haste.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .system import System

T = TypeVar("T")


class EarlySystem(System):
    """The calls of another System. What one of them came to when it was made early is given to who makes it next."""

    def __init__(self, system: System) -> None:
        # its calls themselves, not ways to them: whatever is not made early costs here what it costs there
        vars(self).update({name: getattr(system, name) for name in dir(System) if not name.startswith("_")})

    def giving(self, call: str, result: object, function: Callable[..., T], *args: object) -> T:
        """`function(*args)`, to whose first `call` this is what it returns, or what it raises."""
        itself = getattr(self, call)

        def came_to(*_: object) -> object:
            setattr(self, call, itself)
            if isinstance(result, OSError):
                raise result
            return result

        setattr(self, call, came_to)
        try:
            return function(*args)
        finally:
            setattr(self, call, itself)
