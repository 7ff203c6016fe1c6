"""Every screen in Chinese: letters of two cells break no column, and what is left in Latin letters are names."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from feeds import Clock, Scene
from rich.cells import cell_len
from test_ui_fleet import app as fleet_app
from test_ui_lesson_pictures import Lessons
from test_ui_poke import _engine
from test_ui_stream_pictures import scene as stream_app
from test_ui_stuck import stuck_scene
from test_ui_totals import busy_app as totals_app
from textual.app import App
from ui_past import past_scene, t_of
from ui_pilot import text_of
from ui_scenes import backpressure, chat, config, listener, stalled_proxy, view_of

from screenshots.still import StillLoop, settled, time_stands_still
from streamscope.app import StreamscopeApp
from streamscope.core.pokes import POKES
from streamscope.core.vocabulary import words as words_of_the_engine
from streamscope.diagnosis import BY_NAME
from streamscope.diagnosis.shapes import Word
from streamscope.language import saying, speak
from streamscope.trace.filter.filter_language import Language
from streamscope.trace.instant import Target
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.processes import Listed, Moves
from streamscope.ui.view import View

SIZES = [(80, 24), (120, 40)]
BORDERS = frozenset("│─╭╮╰╯┃▌▐▊▎█ ")
"""What stands in the first and the last cell of every line of a pane with a frame."""


LESSONS = Lessons()


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    speak("zh")
    with time_stands_still():
        yield
    LESSONS.close()
    speak("en")


def over(scene: Scene, view: View) -> StreamscopeApp:
    return StreamscopeApp(scene, config(), view=view)


def empty() -> StreamscopeApp:
    scene = Scene(Clock(200.0))
    scene.snapshot([listener()])
    return over(scene, view_of(scene))


def ended() -> StreamscopeApp:
    app = over(*backpressure())
    app.view.source.status, app.view.source.reason = (
        "gone",
        saying("the engine was killed by {signal}", signal="SIGKILL"),
    )
    return app


def travelled() -> StreamscopeApp:
    scene, view = past_scene()
    view.go_to(Target("t", t_of(12)))
    view.set_mark()
    view.go_to(Target("t", t_of(22)))
    return over(scene, view)


def stuck() -> StreamscopeApp:
    scene = stuck_scene()
    return over(scene, view_of(scene))


def controlled() -> StreamscopeApp:
    scene = _engine(control=True)
    return over(scene, view_of(scene))


def replayed() -> StreamscopeApp:
    return StreamscopeApp(LESSONS.app("write").view.source, config(), begin=Target("end"))


def among_processes() -> StreamscopeApp:
    scene, view = backpressure()
    here = Path("/run/4118.sock")
    listed = [
        Listed("4118", "echo.py", "libuv", 10, ["127.0.0.1:7000"], 1.0, here),
        Listed("4119", "echo.py", path=Path("/run/4119.sock")),
        Listed("4120", "worker.py", why=saying("no loop runs")),
    ]
    return StreamscopeApp(scene, config(), view=view, moves=Moves(lambda known: listed, here))


SCREENS: dict[str, tuple[Callable[[], App[Any]], tuple[str, ...]]] = {
    "overview": (lambda: over(*backpressure()), ()),
    "overview with pins, paused": (lambda: over(*backpressure()), ("p", "down", "p", "space")),
    "every event, one selected": (lambda: over(*backpressure()), ("v", "e", "tab", "tab", "up")),
    "explained": (lambda: over(*backpressure()), ("i", "i", "i")),
    "a panel explained": (lambda: over(*backpressure()), ("tab", "i")),
    "a pair": (lambda: over(*stalled_proxy()), ()),
    "a group": (lambda: over(*chat()), ()),
    "empty": (empty, ()),
    "ended": (ended, ()),
    "stuck": (stuck, ()),
    "stream": (stream_app, ("home", "enter")),
    "stream as hex": (stream_app, ("home", "enter", "h", "tab", "up")),
    "conversation": (lambda: over(*stalled_proxy()), ("B",)),
    "wall": (lambda: over(*stalled_proxy()), ("2",)),
    "wall of many": (lambda: over(*backpressure()), ("2",)),
    "time line": (travelled, ("3", "0", "down", "down")),
    "time line explained": (travelled, ("3", "i", "i")),
    "past": (travelled, ("T",)),
    "difference": (travelled, ("d",)),
    "goto": (travelled, ("colon", *"22:61")),
    "goto nowhere yet": (travelled, ("colon",)),
    "source": (travelled, ("x",)),
    "totals": (totals_app, ("4",)),
    "totals explained": (totals_app, ("4", "i")),
    "ten slowest": (totals_app, ("4", "tab", "enter")),
    "slowest callbacks": (stuck, ("C",)),
    "why": (lambda: over(*stalled_proxy()), ("w",)),
    "help": (lambda: over(*stalled_proxy()), ("question_mark",)),
    "help of events": (lambda: over(*backpressure()), ("tab", "tab", "question_mark")),
    "palette": (lambda: over(*backpressure()), ("ctrl+p",)),
    "filter": (lambda: over(*backpressure()), ("slash", *"wq >")),
    "filter without a match": (lambda: over(*backpressure()), ("slash", *"nobody", "enter")),
    "poke": (controlled, ("end", "I")),
    "poke that is none": (controlled, ("end", "I", *"delay x")),
    "log": (lambda: over(*backpressure()), ("L",)),
    "notice": (lambda: over(*backpressure()), ("m",)),
    "lesson": (lambda: LESSONS.app("write"), ("n", "x")),
    "quiz": (lambda: LESSONS.app("write"), ("n", "x", "z", "n")),
    "quiz answered": (lambda: LESSONS.app("write"), ("n", "x", "z", "n", "1")),
    "replay": (replayed, ()),
    "processes": (among_processes, ("O",)),
    "fleet": (fleet_app, ()),
    "fleet filtered": (fleet_app, ("slash", *"waits >")),
    "fleet help": (fleet_app, ("question_mark",)),
}


OTHERS = {
    "stream": "Content Length bold example gr xff",
    "stream as hex": "Length ae bold ff",
    "fleet": "Upstream takes evil wait for",
    "fleet filtered": "Upstream takes wait for is of",
    "fleet help": "Upstream takes evil wait for flows not",
    "filter without a match": "nobody",
    "lesson": "ours and not",
    "quiz": "ours",
    "quiz answered": "ours",
    "replay": "lesson",
    "processes": "worker",
    "goto": "there are no minutes",
    "filter": "is of",
}
"""Latin words on some screens that others have sent or called so: payload, what a relay tells (in English on the wire),
names in a lesson, and filters.
"""
IN_CODE = frozenset({"source"})
"""Screens of the engine's text, which is code."""


def cells_of(line: str) -> list[str]:
    """What stands in each cell of a line; the second one of a wide letter has ""."""
    return [cell for letter in line for cell in (letter, *[""] * (cell_len(letter) - 1))]


def broken_borders(app: App[Any], lines: list[str]) -> list[str]:
    """Panes of the screen in front whose frame is not straight."""
    grid = [cells_of(line) for line in lines]
    wrong = []
    for widget, (region, clip) in app.screen._compositor.visible_widgets.items():
        seen = region.intersection(clip)
        if not widget.styles.border_left[0] or seen != region or not seen:
            continue
        for y in range(seen.y + 1, seen.bottom - 1):
            for x in (seen.x, seen.right - 1):
                at, _ = app.screen.get_widget_at(x, y)
                if at is widget and grid[y][x] not in BORDERS:
                    wrong.append(f"{widget!r} at {x},{y}: {grid[y][x]!r} in {lines[y]!r}")
    return wrong


@cache
def names() -> frozenset[str]:
    """Every word that is a name: of the engine, of filters, lints, commands, options, pokes."""
    found: set[str] = set()

    def take(value: object) -> None:
        if isinstance(value, dict):
            for key, each in value.items():
                found.update(re.findall(r"[A-Za-z]+", str(key)))
                if key not in ("plain", "meaning", "practice", "went_on", "went_off"):
                    take(each)
        elif isinstance(value, (list, tuple)):
            for each in value:
                take(each)
        elif isinstance(value, str) and " " not in value:
            found.update(re.findall(r"[A-Za-z]+", value))

    take(words_of_the_engine())
    language = Language.of(Vocabulary.here())
    take([name.name for name in (*language.stream_names, *language.event_names)])
    take([*POKES, *BY_NAME, *Word])
    return frozenset(found)


BADLY_BEGUN = re.compile("[│ ]? *[，。；：？！、）」』】》]")
"""A line that begins with a sign that closes."""
LATIN = re.compile(r"(?<![│…·A-Za-z0-9_-])[A-Za-z]+(?![│…·A-Za-z0-9_])")
"""Words that are whole: neither cut by a frame or the room there is, nor a row of letters for flags."""
ALLOWED = frozenset({
    "streamscope", "libuv", "epoll", "asyncio", "nats", "Linux", "Unix", "Node",
    "KiB", "MiB", "GiB", "ms", "ns", "hex", "rtt", "pid", "poll", "cb", "feed",
    "esc", "space", "enter", "tab", "end", "home", "shift", "PgDn", "PgUp", "kill",
    "py", "main", "nc", "echo", "proxy", "chat", "stall", "Relay", "parse", "web", "relay", "host",
})  # fmt: skip
"""Names that no table has: our own and others', units, keys, and what the programs of these scenes are made of."""


def is_name(word: str) -> bool:
    """One letter, all capitals, a name of a table, or allowed."""
    return len(word) == 1 or word.isupper() or word in names() or word in ALLOWED or word.lower() in ALLOWED


def sentences_of(lines: list[str], others: str) -> list[str]:
    """Latin words that are no names, and not of what `others` have sent."""
    text = "\n".join(f" {line} " for line in lines)
    return sorted({word for word in LATIN.findall(text) if not is_name(word)} - set(others.split()))


async def shown(app: App[Any], size: tuple[int, int], keys: tuple[str, ...]) -> tuple[list[str], list[str]]:
    async with app.run_test(size=size) as pilot:
        await settled()
        await pilot.press(*keys)
        await app.workers.wait_for_complete()
        await settled()
        if isinstance(app, StreamscopeApp):
            app.drain()
            app.show_at_once()
            await settled()
        lines = text_of(pilot)
        return lines, broken_borders(app, lines)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_in_chinese_keeps_its_columns_and_says_no_english(name: str, size: tuple[int, int]) -> None:
    make, keys = SCREENS[name]
    with asyncio.Runner(loop_factory=StillLoop) as runner:
        lines, broken = runner.run(shown(make(), size, keys))
    picture = "\n".join(lines)
    assert [line for line in lines if cell_len(line) != size[0]] == [], picture
    assert broken == [], picture
    assert [line for line in lines if BADLY_BEGUN.match(line)] == [], picture
    assert re.search("[\u4e00-\u9fff]", picture)
    assert name in IN_CODE or sentences_of(lines, OTHERS.get(name, "")) == [], picture
