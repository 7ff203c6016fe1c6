"""The screen of a fleet: trouble first, found in three keys, and every engine's words harmless."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from fleet_told import Clock, end, name, tell
from textual.pilot import Pilot
from ui_pilot import screen_text

from screenshots.still import StillLoop, settled
from streamscope.fleet.roster import SILENT_S, Roster
from streamscope.fleet.subjects import EngineName
from streamscope.fleet_app import FleetApp

SERVER = "nats://nats-1:4222"
SENTENCE = "Upstream #3 takes nothing: 3.4 MiB wait for 31s."


def fleet() -> Roster:
    """Six engines, of which one is stalled, one slow, one silent, one gone; and one whose host lies about itself."""
    clock = Clock()
    roster = Roster(clock, clock)
    tell(roster, "web-31", 5, streams=12)
    tell(roster, "web-02", 1, streams=3)
    clock.now += SILENT_S + 36
    end(roster, "web-02", "stopped by SIGTERM")
    clock.now += 3
    for second in range(60):
        tell(roster, "web-01", 7, streams=190 + second % 5, came=1e6, went=2.1e6, waits=14 << 10, at=clock.now)
        tell(
            roster, "web-07", 4121, streams=190, went=2.1e6 if second < 20 else 0.0, waits=second << 16, level="error",
            word="PEER", lint="stalled", lasts=31.0, sentence=SENTENCE, stream=3, at=clock.now + 0.4,
            addresses=["10.0.1.7:7000"],
        )  # fmt: skip
        tell(roster, "web-12", 8, streams=409, level="warning", word="slow_callback", lasts=4.0, slowest=0.131, lost=2)
    tell(roster, "evil\x1b[31m", 9, machine="one", sentence="[red]\x1b]0;x")
    tell(roster, "evil\x1b[31m", 9, machine="two")
    return roster


def app(roster: Roster | None = None) -> FleetApp:
    return FleetApp(fleet() if roster is None else roster, SERVER, ascii_only=False)


async def at_rest(pilot: Pilot[Any], *keys: str) -> str:
    await pilot.press(*keys)
    await settled()
    return screen_text(pilot)


async def test_the_stall_on_one_host_stands_first_in_words_and_two_keys_open_it() -> None:
    running = app()
    async with running.run_test(size=(140, 40)) as pilot:
        shown = await at_rest(pilot)
        lines = shown.splitlines()

        assert "6 engines on 6 hosts" in lines[0]
        assert SENTENCE in lines[1]
        assert "web-07" in lines[4]
        assert "PEER 31s" in lines[4]
        await pilot.press("enter")

    assert running.return_value == name("web-07", 4121)


async def test_a_filter_shows_those_that_match_and_escape_shows_all() -> None:
    async with app().run_test(size=(120, 30)) as pilot:
        shown = await at_rest(pilot, "slash", *"web-12")
        assert "1 of 1, of 6 in all" in shown
        assert "web-07  " not in shown.split("engines · trouble first")[1]
        shown = await at_rest(pilot, "enter", "escape")
        assert "1 of 6" in shown
        assert "web-31" in shown


async def test_what_is_wrong_with_a_filter_stands_below_it() -> None:
    async with app().run_test(size=(120, 30)) as pilot:
        shown = await at_rest(pilot, "slash", *"nonsense > 5")

        assert "there is no name nonsense" in shown


async def test_the_cursor_stays_on_its_engine_when_the_order_changes() -> None:
    roster = fleet()
    running = app(roster)
    async with running.run_test(size=(120, 30)) as pilot:
        await at_rest(pilot, "j", "j")
        here = running._fleet.list.row
        tell(roster, "web-99", 3, level="error", word="APP", lasts=99.0)
        running._fleet.list.show(anew=True)
        assert here is not None
        assert running._fleet.list.row is here


async def test_names_of_hosts_reach_the_terminal_harmless_and_two_that_claim_one_are_said() -> None:
    async with app().run_test(size=(160, 30)) as pilot:
        shown = await at_rest(pilot)

        assert "\x1b" not in shown
        assert "×2 evil" in shown


async def test_an_empty_fleet_says_what_to_start() -> None:
    async with app(Roster()).run_test(size=(120, 20)) as pilot:
        shown = await at_rest(pilot)

        assert f"streamscope relay --all --to {SERVER}" in shown
        await pilot.press("enter", "j", "s", "y")


async def test_help_explains_the_marks_and_q_leaves() -> None:
    running = app()
    async with running.run_test(size=(120, 40)) as pilot:
        assert "has ended" in await at_rest(pilot, "question_mark")
        await pilot.press("escape", "q")

    assert running.return_value is None


async def test_the_address_of_an_engine_is_copied() -> None:
    running = app()
    async with running.run_test(size=(120, 40)) as pilot:
        await at_rest(pilot, "y")

    assert running.clipboard == f"{SERVER}{EngineName('web-07', 4121, 5).path}"


@pytest.mark.parametrize("size", [(80, 24), (160, 40)], ids=["80x24", "160x40"])
def test_picture_of_a_fleet(size: tuple[int, int], snap_compare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    running, shown = app(), ""

    async def act(pilot: Pilot[Any]) -> None:
        nonlocal shown
        await settled()
        shown = await at_rest(pilot)

    with asyncio.Runner(loop_factory=StillLoop) as runner:
        running.run = partial(running.run, loop=runner.get_loop())  # type: ignore[method-assign]
        same = snap_compare(running, terminal_size=size, run_before=act)
    assert "PEER 31s" in shown
    assert same
