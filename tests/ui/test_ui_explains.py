"""`i` explains in place what is under the cursor, on every screen: a column, a letter, a flag, a field, an event."""

from __future__ import annotations

import pytest
from moon import MOON
from textual.pilot import Pilot
from textual.widget import Widget
from ui_past import here, past_scene
from ui_picture import Compare
from ui_pilot import a_while, calm_scene, looking_at, screen_text, text_of
from ui_scenes import config, stalled_proxy

from streamscope.app import StreamscopeApp
from streamscope.language import speak
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.glossary import TOTALS, WORDS, of_panel, things_in
from streamscope.ui.widgets.event_list import EventList
from streamscope.ui.widgets.explains import Explains
from streamscope.ui.widgets.outline_list import OutlineList
from streamscope.ui.widgets.panel import Panel
from streamscope.ui.widgets.timeline_pane import Timeline

HERE = Vocabulary.here()


def focused(pilot: Pilot[int]) -> Widget:
    found = pilot.app.focused
    assert found is not None
    return found


def name_of(pilot: Pilot[int]) -> str:
    """What is explained in the pane that has the focus, "" for nothing."""
    pane = focused(pilot)
    assert isinstance(pane, Explains)
    return "" if pane.explained is None else pane.explained.name


async def pressed_until(pilot: Pilot[int], key: str, name: str) -> None:
    """Press a key until this is explained."""
    for _ in range(60):
        await pilot.press(key)
        if name_of(pilot) == name:
            return
    raise AssertionError(f"{name} is never explained")


# the words


def test_each_flag_and_field_of_an_engine_is_explained_in_its_own_words() -> None:
    words = of_panel(HERE)

    assert words["READING"].startswith("Is being read. The program reads")
    assert "set by uv__read_start" in words["READING"].replace("Set", "set")
    for field in ("write_queue_size", "write_completed_queue", "accepted_fd", "rwnd_limited"):
        assert words[field].endswith("."), field


def test_of_another_engine_what_it_cannot_know_is_said_and_nothing_of_ours() -> None:
    words = of_panel(MOON)

    assert "FULL" in words
    assert "READING" not in words


def test_a_word_is_found_where_it_stands_without_its_lamp_and_once() -> None:
    lines = [[("PEER", "error"), (" · certain", "")], [("flags  ", "label"), ("●READING", "on"), ("  PEER", "")]]

    found = {thing.name: (thing.y, thing.x, thing.cells) for thing in things_in(lines, of_panel(HERE))}

    assert found == {"PEER": (0, 0, 4), "flags": (1, 0, 5), "READING": (1, 7, 8)}


def test_a_key_is_no_word() -> None:
    assert things_in([[("c", "key"), (" go there", "label")]], of_panel(HERE)) == []


@pytest.mark.parametrize("words", [WORDS, TOTALS], ids=["verdicts", "totals"])
def test_what_is_said_is_a_sentence(words: dict[str, str]) -> None:
    assert all(says[0].isupper() and says.endswith(".") for says in words.values())


# in the table


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (140, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_table_explains_mark_pair_columns_and_letters_one_after_the_other(size: tuple[int, int]) -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=size) as (pilot, overview):
        await pilot.press("i")
        assert name_of(pilot) == "▲ alarm"
        assert "» ▲ alarm  The stream stalls" in screen_text(pilot)
        assert "▲›   3 upstream" in screen_text(pilot) or size[0] == 60, "the row stays in sight"

        await pressed_until(pilot, "i", "┌ └")
        await pressed_until(pilot, "i", "waits")
        assert "to go out ↑" in screen_text(pilot)
        await pilot.press("I")
        assert name_of(pilot) != "waits"

        if overview.table.head_of("flags") >= 0:
            await pressed_until(pilot, "i", "r READING")
            assert "On here. Is being read." in screen_text(pilot)


async def test_going_to_another_row_explains_the_same_there() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=(80, 24)) as (pilot, _):
        await pressed_until(pilot, "i", "r READING")
        await pilot.press("down")

        assert name_of(pilot) == "r READING"
        assert "Off here." in screen_text(pilot)
        assert "⇠›   2 client" in screen_text(pilot)


async def test_esc_takes_the_explanation_away_before_it_clears_a_filter() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=(80, 24)) as (pilot, overview):
        await pilot.press("slash", *"!closing", "enter", "i")
        assert "esc close" in text_of(pilot)[-1]

        await pilot.press("escape")
        assert name_of(pilot) == ""
        assert overview.filtering is not None
        await pilot.press("escape")
        assert overview.filtering is None


# in panels


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_what_a_panel_explains_is_in_sight_above_the_explanation(size: tuple[int, int]) -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=size) as (pilot, overview):
        panel = overview.panels.panels[0]
        panel.focus()
        await pilot.pause()
        explained = []
        for _ in range(40):
            await pilot.press("i")
            thing = panel.explained
            assert thing is not None
            if thing.name in explained:
                break
            explained.append(thing.name)
            assert 0 <= thing.y - panel.shift < panel.content_size.height - len(panel.foot)
            foot = "".join(text for text, _ in panel.foot[0])
            assert foot.startswith(f" » {thing.name}")
    assert {"PEER", "queue", "kernel", "READABLE", "epoll"} < set(explained)
    assert explained == list(dict.fromkeys(explained))


async def explained_anywhere() -> dict[str, list[str]]:
    """What can be explained in each pane: the names of the things."""
    found = {}
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=(160, 50)) as (pilot, overview):
        await pilot.pause()
        for name, pane in (("table", overview.table), ("panel", overview.panels.panels[0])):
            found[name] = [thing.name for thing in pane.things()]
        found["lanes"] = [thing.name for thing in pilot.app.screen.query_one(Timeline).things()]
        await pilot.press("4")
        await a_while(pilot, scene, 2.0)
        panes = pilot.app.screen.query(Explains)
        found["totals"] = [thing.name for pane in panes for thing in pane.things()]
        await pilot.press("escape", "w")
        await pilot.pause()
        found["why"] = [thing.name for pane in pilot.app.screen.query(Explains) for thing in pane.things()]
    return found


async def test_as_much_is_explained_in_chinese_by_the_words_that_are_drawn_then() -> None:
    english = await explained_anywhere()
    speak("zh")
    try:
        chinese = await explained_anywhere()
    finally:
        speak("en")

    assert all(english.values())
    for pane, names in english.items():
        assert len(chinese[pane]) == len(names), (names, chinese[pane])
    assert "▲ 警报" in chinese["table"]
    assert "队列" in chinese["panel"]


async def test_while_its_numbers_change_the_explanation_stays() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=(120, 40)) as (pilot, overview):
        overview.panels.panels[0].focus()
        await pilot.pause()
        await pressed_until(pilot, "i", "epoll")
        await a_while(pilot, scene, 3.0)

        assert name_of(pilot) == "epoll"
        assert "» epoll  What the engine wants" in screen_text(pilot)


async def test_who_goes_to_another_pane_is_done_with_it() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=(120, 40)) as (pilot, overview):
        await pilot.press("i", "tab")
        assert overview.table.explained is None
        assert "»" not in screen_text(pilot)


# everywhere


@pytest.mark.parametrize("size", [(80, 24), (140, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture_of_a_letter_explained(compare: Compare, size: tuple[int, int]) -> None:
    scene, view = stalled_proxy()
    app = StreamscopeApp(scene, config(), view=view)

    compare(app, size, "» r READING", *["i"] * 10)


def test_picture_of_a_field_explained_without_colours(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    scene, view = stalled_proxy()
    app = StreamscopeApp(scene, config(), view=view)

    compare(app, (120, 40), "» kernel  Bytes in the kernel", "tab", "i", "i", "i")


@pytest.mark.parametrize("keys", ["", "2", "3", "4", "enter", "w", "B"])
async def test_on_every_screen_each_pane_with_a_cursor_explains_what_is_under_it(keys: str) -> None:
    scene, view = stalled_proxy()
    seen = set()
    async with looking_at(scene, view, size=(160, 50)) as (pilot, _):
        await a_while(pilot, scene)
        if keys:
            await pilot.press(keys)
        await a_while(pilot, scene)
        for _ in range(12):
            pane = focused(pilot)
            if pane in seen:
                break
            seen.add(pane)
            if isinstance(pane, EventList | OutlineList):
                await pilot.press("i")
                assert pane.selected is not None
            elif isinstance(pane, Explains) and pane.things():
                await pilot.press("i")
                assert name_of(pilot), type(pane).__name__
                assert f"» {name_of(pilot)}" in screen_text(pilot) or pane.lines_in_sight < 4
            await pilot.press("tab")
    assert any(isinstance(pane, Explains) and pane.things() for pane in seen)


async def test_in_a_pane_too_low_for_it_it_is_told_for_a_moment() -> None:
    scene = calm_scene(7)
    async with looking_at(scene, size=(120, 40)) as (pilot, _):
        await pilot.press("2")
        await a_while(pilot, scene)
        await pilot.press("down", "down", "i")
        [told] = [notice.message for notice in pilot.app._notifications]
        assert told == "▸ listens: It waits for connections."


async def test_the_mouse_resting_on_a_field_explains_it() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=(120, 40)) as (pilot, overview):
        panel = overview.panels.panels[0]
        thing = next(thing for thing in panel.things() if thing.name == "READING")
        left, top = panel.content_region.offset
        await pilot.hover(Panel, offset=(left - panel.region.x + thing.x, top - panel.region.y + thing.y))

        assert str(panel.tooltip).startswith("READING: Is being read.")


async def test_one_goes_to_the_changes_of_the_flag_or_field_that_is_explained() -> None:
    scene, view = past_scene()
    async with looking_at(scene, view) as (pilot, overview):
        overview.table.select(7)
        overview.panels.panels[0].focus()
        await pressed_until(pilot, "i", "READING")

        await pilot.press("ctrl+left")
        assert (here(view).kind, here(view).turn) == ("flag.clear", 30)
        await pressed_until(pilot, "i", "write_queue_size")
        await pilot.press("ctrl+left")
        assert (here(view).kind, here(view).turn) == ("write_queue_size", 29)
        await pilot.press("ctrl+left")
        assert (here(view).kind, here(view).turn) == ("write_queue_size", 28)
