"""Copying: what has the focus goes to the clipboard by OSC 52, and nothing else reaches the terminal with it."""

from __future__ import annotations

import base64
import re

import pytest
from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from streamscope.ui.clipboard import LIMIT, copy_selected, text_to_copy


class Copied(Static, can_focus=True):
    """A widget that has something to copy."""

    text = ""

    def copy_text(self) -> str:
        return self.text


class Mute(Static, can_focus=True):
    """A widget that has nothing, in one that has."""


class Outer(Vertical):
    """Answers for what is in it."""

    def copy_text(self) -> str:
        return "the outer one's"


class CopyApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Copied(id="copied")
        yield Outer(Mute(id="inner"))
        yield Mute(id="alone")


def written(app: CopyApp, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What goes to the terminal beside the picture."""
    out: list[str] = []
    assert app._driver is not None
    monkeypatch.setattr(app._driver, "write", out.append)
    return out


async def test_the_text_of_the_focused_widget_goes_to_the_clipboard(monkeypatch: pytest.MonkeyPatch) -> None:
    app = CopyApp()
    async with app.run_test() as pilot:
        copied = app.query_one("#copied", Copied)
        copied.text = "#7 ␛[2J [bold]\nline two"
        copied.focus()
        await pilot.pause()
        out = written(app, monkeypatch)
        copy_selected(app.screen)
        await pilot.pause()

        match = re.fullmatch(r"\x1b]52;c;([A-Za-z0-9+/=]*)\x07", out[0])
        assert match is not None
        assert base64.b64decode(match[1]).decode() == copied.text
        assert [notice.message for notice in app._notifications] == ["Copied 2 lines."]


async def test_a_long_text_is_cut_to_its_newest_end(monkeypatch: pytest.MonkeyPatch) -> None:
    app = CopyApp()
    async with app.run_test() as pilot:
        copied = app.query_one("#copied", Copied)
        copied.text = "ü" * LIMIT + "the end"
        copied.focus()
        await pilot.pause()
        copy_selected(app.screen)
        await pilot.pause()

        assert len(app.clipboard.encode()) <= LIMIT
        assert app.clipboard.endswith("üthe end")
        assert [notice.message for notice in app._notifications] == ["Copied the end of it: 1 line, 64 KiB."]


async def test_a_widget_that_has_nothing_asks_those_around_it() -> None:
    app = CopyApp()
    async with app.run_test() as pilot:
        app.query_one("#inner").focus()
        await pilot.pause()
        assert text_to_copy(app.screen) == "the outer one's"

        app.query_one("#alone").focus()
        await pilot.pause()
        assert text_to_copy(app.screen) == ""


async def test_where_there_is_nothing_to_copy_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    app = CopyApp()
    async with app.run_test() as pilot:
        app.query_one("#alone").focus()
        await pilot.pause()
        out = written(app, monkeypatch)
        copy_selected(app.screen)
        await pilot.pause()

        assert not any("]52;" in text for text in out)
        assert [notice.message for notice in app._notifications] == ["There is nothing to copy here."]
