"""What fails is told: in the row, in the header, by a key that goes there, and when the program raises."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from feeds import Clock, Scene, record
from ui_pilot import a_while, looking_at, screen_text, text_of
from ui_scenes import connection, listener

from streamscope.core.probe import CB_READ
from streamscope.ui.widgets.log_pane import LogPane


def line_with(lines: list[str], text: str) -> str:
    return next(line for line in lines if line.lstrip("│")[:1] in ("✗", "◦", " ") and text in line[:60])


def scene_with_failures() -> Scene:
    """Four connections: the second and the fourth were reset, and the fourth has closed."""
    scene = Scene(Clock(200.0))
    scene.snapshot([listener(), *(connection(number) for number in (2, 3, 4, 5))])
    for number in (3, 5):
        scene.records(record("sys.read", number, 12, 64, -errno.ECONNRESET))
    scene.records(record("handle.closed", 5), record("handle.closed", 4))
    return scene


@pytest.mark.parametrize("size", [(80, 24), (120, 32), (140, 40), (200, 60)])
async def test_a_stream_that_failed_has_a_sign_and_the_errno_in_its_row_and_the_header_counts_it(
    size: tuple[int, int],
) -> None:
    async with looking_at(scene_with_failures(), size=size) as (pilot, _):
        await pilot.press("e")  # so that there is room for all rows
        lines = text_of(pilot)
    assert "✗ 2" in lines[0]
    for failed in ("51503", "51505"):
        assert line_with(lines, failed).lstrip("│").startswith("✗")
        assert "ECONNRESET" in line_with(lines, failed)
    assert line_with(lines, "51504").lstrip("│").startswith("◦")
    assert line_with(lines, "51502").lstrip("│").startswith(" ")


async def test_one_that_failed_stays_longer_than_one_that_closed_well() -> None:
    scene = scene_with_failures()
    async with looking_at(scene, closed_seconds=5) as (pilot, _):
        await a_while(pilot, scene, 20.0)
        await a_while(pilot, scene)
        text = screen_text(pilot)
        assert "51505" in text
        assert "51504" not in text
        await a_while(pilot, scene, 60.0)
        await a_while(pilot, scene)
        assert "51505" not in screen_text(pilot)


async def test_a_key_goes_from_one_failed_stream_to_the_next() -> None:
    async with looking_at(scene_with_failures()) as (pilot, overview):
        overview.table.select(2)
        seen = []
        for _ in range(3):
            await pilot.press("E")
            seen.append(overview.table.cursor)
    assert seen[0] == seen[2]
    assert set(seen) == {3, 5}


async def test_without_a_failure_the_header_counts_none_and_the_key_says_so() -> None:
    scene = Scene(Clock(200.0))
    scene.snapshot([listener(), connection(2)])
    async with looking_at(scene) as (pilot, overview):
        await pilot.press("E")
        await pilot.pause()
        assert "✗" not in text_of(pilot)[0]
        assert overview.table.cursor == 2


async def test_an_exception_of_the_program_is_told_and_opens_the_log() -> None:
    scene = Scene(Clock(200.0))
    scene.snapshot([listener(), connection(2)])
    async with looking_at(scene) as (pilot, overview):
        assert not overview.query_one(LogPane).display
        scene.records(record("callback.error", 2, CB_READ, "ValueError: \x1b[31mno number"))
        await a_while(pilot, scene)
        assert overview.query_one(LogPane).display
        notices = [notice.message for notice in pilot.app._notifications]
        assert notices == ["A callback raised ValueError: ␛[31mno number. L shows the log."]
        # when it goes on raising, that is no news for a while; and a log that was closed stays so
        await pilot.press("L")
        for _ in range(3):
            scene.records(record("callback.error", 2, CB_READ, "ValueError: again"))
            await a_while(pilot, scene, 1.0)
        assert len(pilot.app._notifications) == 1
        assert not overview.query_one(LogPane).display


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_a_program_that_failed_at_its_start_has_the_screen_for_why_whole(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    log = tmp_path / "log"
    log.write_text("Traceback (most recent call last):\nValueError: no number\n")
    scene = Scene(Clock(200.0), addresses=[], log=str(log))
    scene.status, scene.reason = "ended", "server raised ValueError: " + "why " * 40 + "whole"
    async with looking_at(scene, size=size) as (pilot, _):
        await a_while(pilot, scene)
        await a_while(pilot, scene)
        text = screen_text(pilot)
    assert text.count("why ") >= 39
    assert "whole" in text
    assert "Traceback (most recent call last)" in text
    assert "no streams" not in text
    assert "events" not in text.partition("\n")[2]
