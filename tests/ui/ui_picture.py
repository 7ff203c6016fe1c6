"""Pictures of the screen: the app runs, keys are pressed, and what is on the terminal is compared cell by cell.

`pytest tests/ui/test_ui_pictures.py --snapshot-update` draws them anew after a change that was meant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input
from ui_pilot import screen_text

from screenshots.still import StillLoop, settled
from streamscope.app import StreamscopeApp

Compare = Callable[..., None]

SIZES = [(80, 24), (120, 40), (200, 60)]


def at(*sizes: tuple[int, int]) -> pytest.MarkDecorator:
    """The test at each of these sizes, named by them."""
    return pytest.mark.parametrize("size", sizes, ids=[f"{columns}x{rows}" for columns, rows in sizes])


@pytest.fixture
def compare(snap_compare: Any, monkeypatch: pytest.MonkeyPatch) -> Compare:
    """A function that runs an app, presses keys once its screen is there, and holds what it shows against the picture
    that was accepted; and, lest an empty or a wrong picture be accepted, against a sentence that must stand there.
    """
    monkeypatch.delenv("NO_COLOR", raising=False)

    def compare(app: StreamscopeApp, size: tuple[int, int], sentence: str, *keys: str) -> None:
        shown = ""

        async def act(pilot: Pilot[int]) -> None:
            nonlocal shown
            await settled()  # the pilot begins before there is a screen, and keys would go to the app
            assert app.screen.is_mounted
            await pilot.press(*keys)
            for line in app.screen.query(Input):
                line.cursor_blink = False
            app.drain()
            app.show_at_once()
            await settled()
            shown = screen_text(pilot)

        with asyncio.Runner(loop_factory=StillLoop) as runner:
            app.run = partial(app.run, loop=runner.get_loop())  # type: ignore[method-assign]
            same = snap_compare(app, terminal_size=size, run_before=act)
        assert sentence in shown, f"{sentence!r} is not on the screen:\n{shown}"
        assert same

    return compare
