"""What is chosen on the screen is still so the next time, unless the config file says something else by then."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from ui_pilot import calm_scene
from ui_scenes import config, view_of

from streamscope.app import StreamscopeApp
from streamscope.ui.choices import Choices


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "choices"


def test_a_choice_is_there_the_next_time(path: Path) -> None:
    Choices(path).keep("theme", "nord", "streamscope")

    assert Choices(path).get("theme", "streamscope") == "nord"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_choice_gives_way_to_a_config_file_that_was_changed_since(path: Path) -> None:
    Choices(path).keep("theme", "nord", "streamscope")

    assert Choices(path).get("theme", "gruvbox") == "gruvbox"


def test_two_screens_do_not_undo_each_others_choices(path: Path) -> None:
    one, other = Choices(path), Choices(path)
    one.get("theme")
    other.keep("events", "every")
    one.keep("theme", "nord")

    found = Choices(path)
    assert (found.get("theme"), found.get("events")) == ("nord", "every")


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"theme": 3}', '{"theme": {"value": []}}', "\ud800", "[" * 9999])
def test_a_file_that_is_none_of_ours_says_nothing(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    assert Choices(path).get("theme", "streamscope") == "streamscope"


def test_where_nothing_can_be_written_a_choice_holds_for_as_long_as_the_screen_is_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    choices = Choices(tmp_path / "file" / "choices")
    choices.keep("theme", "nord")

    assert choices.get("theme") == "nord"


async def test_the_theme_that_was_chosen_is_in_force_the_next_time(path: Path) -> None:
    scene = calm_scene(7)
    first = StreamscopeApp(scene, config(), view=view_of(scene), choices=Choices(path))
    async with first.run_test(size=(100, 30)) as pilot:
        await pilot.press("t")
        await pilot.press(*"gruvbox")
        await first.workers.wait_for_complete()
        await pilot.pause()
        await pilot.press("down", "enter")
        await pilot.pause()
        assert first.theme == "gruvbox"

    assert StreamscopeApp(scene, config(), view=view_of(scene), choices=Choices(path)).theme == "gruvbox"


async def test_who_chooses_nothing_has_nothing_kept(path: Path) -> None:
    scene = calm_scene(7)
    app = StreamscopeApp(scene, config(theme="nord"), view=view_of(scene), choices=Choices(path))
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()

    assert not path.exists()


def test_a_theme_that_there_is_no_more_is_none(path: Path) -> None:
    Choices(path).keep("theme", "a-theme-of-another-time", "streamscope")
    scene = calm_scene(7)

    assert StreamscopeApp(scene, config(), view=view_of(scene), choices=Choices(path)).theme == "streamscope"


async def test_whether_every_event_is_shown_is_as_it_was_the_next_time(path: Path) -> None:
    scene = calm_scene(7)
    first = StreamscopeApp(scene, config(), view=view_of(scene), choices=Choices(path))
    async with first.run_test(size=(100, 30)) as pilot:
        assert not first.view.every_event
        await pilot.press("v")

    assert StreamscopeApp(scene, config(), view=view_of(scene), choices=Choices(path)).view.every_event
