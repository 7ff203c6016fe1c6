"""Pictures of the filter: what is wrong is marked, and what may follow is offered."""

from __future__ import annotations

from typing import Any

import pytest
from test_ui_pictures import _in_colour as _in_colour
from test_ui_pictures import busy_app
from textual.pilot import Pilot
from textual.widgets import Input

from streamscope.app import StreamscopeApp


def compare(snap_compare: Any, size: tuple[int, int], text: str, *keys: str) -> bool:
    """The overview, with this written into the filter."""
    app = busy_app()

    async def write(pilot: Pilot[int]) -> None:
        for line in app.screen.query(Input):
            line.cursor_blink = False
        await pilot.press("slash", *("space" if letter == " " else letter for letter in text), *keys)
        pictures = [""]
        while len(pictures) < 4 or len(set(pictures[-3:])) > 1:
            app.drain()
            app.show_at_once()
            await pilot.pause()
            pictures.append(app.export_screenshot())
            assert len(pictures) < 100

    assert isinstance(app, StreamscopeApp)
    return bool(snap_compare(app, terminal_size=size, run_before=write))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture_of_a_wrong_filter(snap_compare: Any, size: tuple[int, int]) -> None:
    assert compare(snap_compare, size, "tcp flag==READNG")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture_of_what_may_follow(snap_compare: Any, size: tuple[int, int]) -> None:
    assert compare(snap_compare, size, "flag==RE", "down", "down")
