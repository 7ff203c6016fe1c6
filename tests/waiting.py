"""How tests wait: for the thing itself, looked at again and again, however long a busy machine takes for it.

The deadline is no bound that a test holds anything to. It is there so that what never comes true is told as such.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 120.0
"""How long anything is waited for before that is a failure; far beyond what it takes beside other work."""

LOOK_EVERY_S = 0.005


def until(done: Callable[[], T], what: str | Callable[[], str], *, pause_s: float = LOOK_EVERY_S) -> T:
    """Look until it is so, and return what was seen then. `done` may take a step itself, such as a turn of a loop;
    where that waits, `pause_s` is 0.

    Raises AssertionError with `what` if it never is.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not (seen := done()):
        assert time.monotonic() < deadline, never(what)
        time.sleep(pause_s)
    return seen


async def until_async(done: Callable[[], T], what: str | Callable[[], str], step: Callable[[], Awaitable[object]]) -> T:
    """The same between steps of a coroutine, such as letting a pilot's app come to rest."""
    deadline = time.monotonic() + PATIENCE_S
    while not (seen := done()):
        assert time.monotonic() < deadline, never(what)
        await step()
        await asyncio.sleep(0)
    return seen


def never(what: str | Callable[[], str]) -> str:
    """What is said of a thing that did not come true; `what` may be asked for only then."""
    return f"this never came true: {what if isinstance(what, str) else what()}"
