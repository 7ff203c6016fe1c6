"""Time that stands still while anybody works: what is drawn depends on what happened, never on how long it took.

Textual's timers, toasts and animations live on the clock of the event loop. `StillLoop` has one of its own. It moves
when every task waits and nothing is ready, at once to the next time that is due: a second takes no time, and ten
thousand lines that are laid out take none off a toast. `settled` is the barrier that goes with it.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from textual._context import active_app
from textual.app import App
from textual.notifications import Notification

FRAME = 1 / 60
"""Seconds between two updates of a screen."""
FRAMES = 1000
"""How often `settled` waits for another frame before it says that the screen never rests."""
LONGEST = 3600.0
"""Seconds on the loop's clock after which whoever still waits waits for what never comes."""


class NeverRests(AssertionError):
    """What was waited for does not come."""


class StillLoop(asyncio.SelectorEventLoop):
    """An event loop whose seconds pass only while everybody waits for them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.resting: list[asyncio.Future[None]] = []
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Seconds since the loop was made, on its own clock."""
        return self.seconds

    async def rest(self) -> None:
        """Return when nobody else can go on before time does."""
        waits = self.create_future()
        self.resting.append(waits)
        await waits


class _Selector(selectors.DefaultSelector):
    """The place where the loop would sleep."""

    def __init__(self, loop: StillLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; if nothing is, those that wait for rest go on, and without any the clock moves."""
        ready = super().select(0)
        loop = self._loop
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if loop.resting:
            resting, loop.resting = loop.resting, []
            for waits in resting:
                if not waits.done():
                    waits.set_result(None)
        elif timeout is None:
            return super().select(None)  # only another thread can have it go on
        else:
            loop.seconds += timeout
            if loop.seconds > LONGEST:
                raise NeverRests(f"somebody has waited for {LONGEST:.0f} s, which took no time")
        return []


async def settled(*_: float) -> None:
    """Return when a frame has passed and the app has done and painted all that it had to; further frames pass while
    one makes work for the next.

    Stands in for Textual's `wait_for_idle`, which asks how much the processor works; hence the arguments, which say
    nothing here.
    """
    loop = asyncio.get_running_loop()
    assert isinstance(loop, StillLoop)
    for _frame in range(FRAMES):
        await asyncio.sleep(FRAME)
        await loop.rest()
        if not _is_painting(active_app.get()):
            return
    raise NeverRests(f"the screen has something new to paint in each of {FRAMES} frames")


def _is_painting(app: App[object]) -> bool:
    """Whether a screen has something to lay out or to paint in its next frame."""
    return any(screen._update_timer._active.is_set() for screen in app.screen_stack)


def _now() -> float:
    """Seconds on the running loop's clock, which is at 0 before it runs."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return 0.0


def _notification(*said: Any, **how: Any) -> Notification:
    return Notification(*said, **how, raised_at=_now())


@contextmanager
def time_stands_still() -> Iterator[None]:
    """Have Textual ask the running loop, a `StillLoop`, wherever it asks a clock."""
    with ExitStack() as stack:
        for name in ("_time.get_time", "notifications.time", "command.monotonic", "widget.monotonic"):
            stack.enter_context(patch(f"textual.{name}", _now))
        stack.enter_context(patch("textual.app.Notification", _notification))
        for name in ("app.wait_for_idle", "pilot.wait_for_idle"):
            stack.enter_context(patch(f"textual.{name}", settled))
        yield
