"""The log pane: what the program prints is followed as it comes, and none of it commands the terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from feeds import Scene
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from ui_scenes import after_a_minute, view_of

from streamscope.ui.view import View
from streamscope.ui.widgets import log_pane
from streamscope.ui.widgets.log_pane import LogPane


class PaneApp(App[None]):
    """Nothing but the log."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self.view = view
        self.pane = LogPane(view)

    def compose(self) -> ComposeResult:
        yield self.pane

    def lines(self) -> list[str]:
        shown = [self.pane.render_line(y).text.rstrip() for y in range(self.pane.size.height)]
        return [line for line in shown if line]


@pytest.fixture(autouse=True)
def _read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_pane, "INTERVAL", 0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "program.log"


@asynccontextmanager
async def running(feed: Scene) -> AsyncIterator[tuple[PaneApp, Pilot[None]]]:
    app = PaneApp(view_of(feed))
    async with app.run_test(size=(80, 6)) as pilot:
        app.pane.focus()
        app.pane.show(set())
        await pilot.pause()
        yield app, pilot


async def test_the_newest_lines_are_followed_and_a_reader_is_left_in_peace(path: Path) -> None:
    path.write_text("".join(f"line {number}\n" for number in range(20)))
    async with running(after_a_minute(log=str(path))) as (app, pilot):
        assert app.lines() == [f" line {number}" for number in range(14, 20)]
        assert app.pane.border_title.startswith(" log · following · /")

        await pilot.press("up", "up")
        before = app.lines()
        with path.open("a") as file:
            file.write("more\n")
        app.pane.show(set())
        await pilot.pause()
        assert app.lines() == before == [f" line {number}" for number in range(12, 18)]
        assert app.pane.border_title.startswith(" log · held · end follows · /")

        await pilot.press("end")
        assert app.lines()[-1] == " more"


async def test_a_line_that_grows_is_painted_again(path: Path) -> None:
    path.write_text("name: ")
    async with running(after_a_minute(log=str(path))) as (app, pilot):
        assert app.lines() == [" name:"]
        with path.open("a") as file:
            file.write("echo\n")
        app.pane.show(set())
        await pilot.pause()

        assert app.lines() == [" name: echo"]


async def test_what_a_program_prints_is_no_escape_and_no_markup(path: Path) -> None:
    path.write_bytes(b"\x1b]0;title\x07\x1b[31mred [bold]x[/]\x9b\xff\tend\n")
    async with running(after_a_minute(log=str(path))) as (app, _):
        assert app.lines() == [" ␛]0;title␇␛[31mred [bold]x[/]\\x9b\\xff end"]


async def test_a_long_line_can_be_scrolled_to_its_end(path: Path) -> None:
    path.write_text("begin " + "." * 200 + " end\n")
    async with running(after_a_minute(log=str(path))) as (app, pilot):
        assert app.lines()[0].startswith(" begin")
        await pilot.press("right", "l", "right", "right", "right")
        assert app.lines()[0].endswith(" end")

        await pilot.press("left", "h", "left", "left", "left")
        assert app.lines()[0].startswith(" begin")


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("", "The program prints to its own terminal; nothing of it comes here."),
        ("/nowhere/at/all", "The log cannot be read: No such file or directory (/nowhere/at/all)."),
        ("/dev/tty", "The log cannot be read: it is not an ordinary file (/dev/tty)."),
    ],
)
async def test_where_nothing_can_be_read_the_pane_says_why(log: str, said: str) -> None:
    async with running(after_a_minute(log=log)) as (app, _):
        assert app.lines() == [f" {said}"]


async def test_the_whole_log_can_be_copied(path: Path) -> None:
    path.write_text("one\ntwo\n")
    async with running(after_a_minute(log=str(path))) as (app, _):
        assert app.pane.copy_text() == "one\ntwo"
