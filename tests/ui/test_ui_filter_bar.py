"""The filter under a person's fingers: it follows, marks what is wrong, completes, remembers."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from streamscope.trace.filter import LONGEST
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui import filter_history
from streamscope.ui.filter_history import FilterHistory
from streamscope.ui.messages import FilterChanged
from streamscope.ui.state_file import state_path
from streamscope.ui.widgets.completions import Completions
from streamscope.ui.widgets.filter_bar import FilterBar, FilterHint


class BarApp(App[None]):
    """Nothing but a filter; what it asks for is kept."""

    def __init__(self, path: Path | None = None, *, for_streams: bool = False) -> None:
        super().__init__()
        self.bar = FilterBar(Vocabulary.here, for_streams=for_streams, history=FilterHistory(path))
        self.asked: list[FilterChanged] = []

    def compose(self) -> ComposeResult:
        yield self.bar

    def on_filter_changed(self, message: FilterChanged) -> None:
        self.asked.append(message)

    @property
    def offers(self) -> list[str]:
        return [offer.text for offer in self.query_one(Completions).offers]

    @property
    def hint(self) -> str:
        """What stands below the line."""
        hint = self.query_one(FilterHint)
        return hint.render_line(0).text.rstrip() if hint.display else ""


@asynccontextmanager
async def writing(
    path: Path | None = None, *, for_streams: bool = False, width: int = 100
) -> AsyncIterator[tuple[BarApp, Pilot[None]]]:
    app = BarApp(path, for_streams=for_streams)
    async with app.run_test(size=(width, 20)) as pilot:
        app.bar.open()
        await pilot.pause()
        yield app, pilot


async def written(pilot: Pilot[None], text: str) -> None:
    await pilot.press(*("space" if letter == " " else letter for letter in text))


async def test_every_letter_that_makes_a_filter_is_followed() -> None:
    async with writing() as (app, pilot):
        await written(pilot, "tcp 7")
        assert [message.text for message in app.asked][-1] == "tcp 7"
        assert str(app.asked[-1].filter) == "tcp and 7"
        assert not app.asked[-1].keep
        assert app.hint == ""


async def test_what_is_wrong_is_marked_and_said_and_the_list_follows_what_is_right() -> None:
    async with writing() as (app, pilot):
        await written(pilot, "tcp flag==READNG")
        assert app.hint.endswith("▔▔▔▔▔▔ READNG is not a flag; did you mean READING?")
        assert app.hint.index("▔") == len("tcp flag==")
        assert str(app.asked[-1].filter) == "tcp"
        marked = app.bar.input.wrong_place.place
        assert marked == (10, 16)

        await pilot.press("backspace", "backspace", "backspace")
        await written(pilot, "DING")
        assert app.hint == ""
        assert str(app.asked[-1].filter) == "tcp and flag == READING"


async def test_a_word_that_may_still_become_one_is_not_called_wrong_until_it_is_to_be_applied() -> None:
    async with writing() as (app, pilot):
        for letter in "tcp flag==READIN":
            await written(pilot, letter)
            assert "did you mean" not in app.hint
        await pilot.press("enter")
        assert "READIN is not a flag; did you mean READING?" in app.hint

        await written(pilot, "K")
        assert "READINK is not a flag; did you mean READING?" in app.hint


@pytest.mark.parametrize(("width", "shown"), [(100, "▔ a number of bytes is missing after >"), (34, "a number")])
async def test_the_reason_stands_where_there_is_room_for_it(width: int, shown: str) -> None:
    async with writing(width=width) as (app, pilot):
        await written(pilot, "wq >")
        assert shown in app.hint
        assert len(app.hint) <= width


async def test_the_reason_may_stand_before_the_mark() -> None:
    async with writing(width=70) as (app, pilot):
        await written(pilot, "tcp and reading and shut and 127.0.0.1:7000 and wq >")
        assert app.hint.strip() == "a number of bytes is missing after > ▔"


async def test_a_list_of_streams_says_that_kinds_are_for_events() -> None:
    async with writing(for_streams=True) as (app, pilot):
        await written(pilot, "kind==epoll.mod")
        assert "this is a list of streams" in app.hint


async def test_a_wrong_filter_cannot_be_kept() -> None:
    async with writing() as (app, pilot):
        await written(pilot, "wq >")
        await pilot.press("enter")
        assert not any(message.keep for message in app.asked)
        assert app.bar.display


async def test_enter_keeps_a_filter_and_escape_lets_it_go() -> None:
    async with writing() as (app, pilot):
        await written(pilot, "tcp")
        await pilot.press("escape")
        assert app.asked[-1].text == ""
        assert [message.text for message in app.asked if message.keep] == [""]
        assert not app.bar.display

        app.bar.open()
        await written(pilot, "pipe")
        await pilot.press("enter")
        assert (app.asked[-1].text, app.asked[-1].keep) == ("pipe", True)
        assert app.bar.display

        await written(pilot, " 7")
        assert app.bar.input.value == "pipe 7"  # what is there is written on, not over


# what may come next


async def test_a_word_that_has_begun_is_offered_in_whole() -> None:
    async with writing() as (app, pilot):
        await written(pilot, "flag==REA")
        assert app.offers[:3] == ["READ_PARTIAL", "READ_EOF", "READING"]
        assert app.query_one(Completions).display

        await pilot.press("tab")
        assert app.bar.input.value == "flag==READ_PARTIAL"
        assert not app.query_one(Completions).display
        assert str(app.asked[-1].filter) == "flag == READ_PARTIAL"


async def test_arrows_go_through_the_offers_and_enter_takes_one() -> None:
    async with writing() as (app, pilot):
        await written(pilot, "flag==REA")
        await pilot.press("down", "down", "down", "up", "down")
        assert app.query_one(Completions).offer is not None
        await pilot.press("enter")
        assert app.bar.input.value == "flag==READING"
        assert not any(message.keep for message in app.asked)

        await pilot.press("enter")
        assert app.asked[-1].keep


async def test_escape_closes_the_offers_before_it_clears_the_filter() -> None:
    async with writing() as (app, pilot):
        await written(pilot, "flag==REA")
        await pilot.press("down", "escape")
        assert not app.query_one(Completions).display
        assert app.bar.input.value == "flag==REA"

        await pilot.press("escape")
        assert app.bar.input.value == ""


async def test_tab_and_down_show_what_may_stand_there_before_anything_is_written() -> None:
    async with writing() as (app, pilot):
        await written(pilot, "wq > 64KiB ")
        assert app.offers == []
        await pilot.press("down")
        assert app.offers[:2] == ["and", "or"]
        await pilot.press("tab")
        assert app.bar.input.value == "wq > 64KiB and"

        await written(pilot, " kind==")
        await pilot.press("tab")
        assert "epoll.mod" in app.offers


async def test_the_offers_are_drawn_with_their_meaning_and_scroll() -> None:
    async with writing() as (app, pilot):
        await written(pilot, "kind==")
        await pilot.press("tab", *["down"] * 12)
        offers = app.query_one(Completions)
        lines = [offers.render_line(y).text for y in range(offers.size.height)]
        assert len(lines) == 8
        assert lines[-1].startswith("›" + app.offers[11])
        assert "handle" in " ".join(lines)


async def test_a_click_takes_an_offer() -> None:
    async with writing() as (app, pilot):
        await written(pilot, "flag==REA")
        await pilot.click(Completions, offset=(3, 2))
        assert app.bar.input.value == "flag==READING"
        assert app.bar.input.has_focus


# what was kept before


async def test_what_was_kept_comes_back_in_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "state" / "filters"
    async with writing(path) as (app, pilot):
        for text in ("tcp", "pipe", "wq > 64KiB", "tcp"):
            app.bar.input.value = text
            await pilot.press("enter")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    async with writing(path) as (app, pilot):
        await written(pilot, "un")
        recalled = []
        for key in ("up", "up", "up", "up", "down", "down", "down"):
            await pilot.press(key)
            recalled.append(app.bar.input.value)
        assert recalled == ["tcp", "wq > 64KiB", "pipe", "pipe", "wq > 64KiB", "tcp", "un"]
        assert str(app.asked[-1].filter) == '"un"'


def test_the_history_is_bounded_and_takes_what_is_in_the_file_as_text(tmp_path: Path) -> None:
    path = tmp_path / "filters"
    history = FilterHistory(path)
    for number in range(filter_history.MOST + 20):
        history.keep(f"seq == {number}")
    assert len(FilterHistory(path).filters) == filter_history.MOST
    assert FilterHistory(path).filters[0] == f"seq == {filter_history.MOST + 19}"

    path.write_bytes(b"tcp\n\x1b[2Jevil\n\n" + b"x" * 5000 + b"\n\xff\xfe\npipe\ntcp\n")
    assert FilterHistory(path).filters == ["tcp", "��", "pipe"]
    path.write_bytes(b"y" * (2 * filter_history.LARGEST))
    assert FilterHistory(path).filters == []


def test_a_folder_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    history = FilterHistory(blocked / "below" / "filters")
    history.keep("tcp")
    assert history.filters == ["tcp"]


def test_two_screens_do_not_lose_each_others_filters(tmp_path: Path) -> None:
    one, other = FilterHistory(tmp_path / "filters"), FilterHistory(tmp_path / "filters")
    one.keep("tcp")
    other.keep("pipe")
    one.keep("tty")
    assert FilterHistory(tmp_path / "filters").filters == ["tty", "pipe", "tcp"]


def test_filters_are_in_the_users_state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_path("filters") == tmp_path / "streamscope" / "filters"


def test_a_line_takes_as_much_as_a_filter_may_be_long() -> None:
    assert filter_history.LONGEST == LONGEST
