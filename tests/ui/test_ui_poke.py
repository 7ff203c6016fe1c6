"""Poking a stream from the screen: what can be written is offered, what is wrong is said, and the engine is told."""

from __future__ import annotations

from typing import Any

from feeds import Clock, Scene, record
from ui_picture import Compare, at
from ui_pilot import a_while, looking_at, screen_text
from ui_scenes import config, connection, listener, view_of

from streamscope.app import StreamscopeApp
from streamscope.ui.screens.poke_screen import PokeScreen


class Engine(Scene):
    """A scene that can be told to do something, and keeps what it was told."""

    told: list[tuple[str, dict[str, Any]]]

    def command(self, name: str, **arguments: int | str | bool) -> bool:
        self.told.append((name, arguments))
        return True

    def by_keys(self) -> list[tuple[str, dict[str, Any]]]:
        """What a person has asked for."""
        return [(name, arguments) for name, arguments in self.told if name != "hold"]


def _engine(*, control: bool) -> Engine:
    scene = Engine(Clock(200.0))
    scene.told = []
    assert scene.hello is not None
    scene.hello.control = control
    scene.snapshot([listener(), connection(7, faults="delay 200", injected_t=9)])
    return scene


async def test_an_action_is_found_by_its_beginning_and_done() -> None:
    scene = _engine(control=True)
    async with looking_at(scene) as (pilot, overview):
        assert "injected" in screen_text(pilot)
        assert "injected · delay 200" in screen_text(pilot)
        assert "injected #7 delay 200" in screen_text(pilot).splitlines()[0]
        await pilot.press("end", "I", *"cap")
        assert "set on it: delay 200" in screen_text(pilot)
        assert "econnreset" not in screen_text(pilot)
        assert "hold-accepts" not in screen_text(pilot), "it does not listen"
        await pilot.press("tab", "enter")
        assert pilot.app.screen is overview
        assert scene.told == [("poke", {"stream": 7, "action": "cap-writes", "value": 4096})]


async def test_what_is_wrong_is_said_and_nothing_is_done() -> None:
    scene = _engine(control=True)
    async with looking_at(scene) as (pilot, _):
        await pilot.press("end", "I", *"delay 2h", "enter")
        assert "delay takes a time, such as 200ms" in screen_text(pilot)
        assert isinstance(pilot.app.screen, PokeScreen)
        await pilot.press("escape")
        assert scene.told == []


async def test_who_may_only_look_is_told_how_it_is_allowed() -> None:
    async with looking_at(_engine(control=False)) as (pilot, overview):
        await pilot.press("end", "I")
        assert pilot.app.screen is overview
        assert any("--control" in note.message for note in pilot.app._notifications)


async def test_what_cannot_be_told_anything_offers_it_nowhere() -> None:
    scene = Scene(Clock(200.0))
    scene.snapshot([connection(7)])
    async with looking_at(scene) as (pilot, overview):
        await pilot.press("end", "I")
        assert pilot.app.screen is overview
        assert not pilot.app._notifications


async def test_a_frozen_loop_is_told_of_held_and_stepped() -> None:
    scene = _engine(control=True)
    async with looking_at(scene) as (pilot, _):
        await pilot.press("F")
        assert scene.by_keys() == [("freeze", {})]
        scene.feed(record("loop.freeze", 0, scene.clock.t, "an inspector"))
        await a_while(pilot, scene)
        assert "❚❚ frozen" in screen_text(pilot).splitlines()[0]
        assert "the loop stays in its wait" in screen_text(pilot)

        await pilot.press("full_stop", "semicolon")
        await a_while(pilot, scene)
        assert ("hold", {}) in scene.told, "the loop would go on by itself"
        await pilot.press("F")
        assert scene.by_keys()[1:] == [("step", {"by": "callback"}), ("step", {"by": "turn"}), ("thaw", {})]


async def test_who_has_frozen_a_loop_gives_a_sign_every_second_and_nobody_else_does() -> None:
    scene = _engine(control=True)
    async with looking_at(scene) as (pilot, _):
        scene.feed(record("loop.freeze", 0, scene.clock.t, "an inspector"))
        for _ in range(3):
            await a_while(pilot, scene, 1.0)
        assert scene.told == [], "another has frozen it"

        await pilot.press("F")  # which asks to let it go, and is refused
        scene.feed(record("loop.thaw", 0, scene.clock.t, "let go"))
        await a_while(pilot, scene, 0.1)
        scene.told.clear()
        await pilot.press("F")
        scene.feed(record("loop.freeze", 0, scene.clock.t, "an inspector"))
        for _ in range(8):
            await a_while(pilot, scene, 0.5)
        assert 4 <= [name for name, _ in scene.told].count("hold") <= 5

        await pilot.press("F")
        scene.told.clear()
        for _ in range(8):
            await a_while(pilot, scene, 0.5)
        assert scene.told == []


async def test_there_is_no_step_of_a_loop_that_is_not_frozen() -> None:
    scene = _engine(control=True)
    async with looking_at(scene) as (pilot, _):
        await pilot.press("full_stop", "semicolon")
        assert scene.told == []


@at((80, 24), (120, 40))
def test_picture_of_poking_a_stream(compare: Compare, size: tuple[int, int]) -> None:
    scene = _engine(control=True)
    app = StreamscopeApp(scene, config(), view=view_of(scene))
    compare(app, size, "set on it: delay 200", "end", "I", *"cap")
