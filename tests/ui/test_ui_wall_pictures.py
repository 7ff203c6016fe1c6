"""Pictures of the wall: small and large, dark and light, and without colours."""

from __future__ import annotations

from typing import Any

import pytest
from feeds import Clock, Scene
from ui_picture import Compare, at
from ui_scenes import backpressure, config, connection, listener, stalled_proxy, view_of

from streamscope.app import StreamscopeApp

SIZES = [(60, 15), (80, 24), (120, 40), (160, 50), (220, 60)]


def stalled_app(**settings: Any) -> StreamscopeApp:
    scene, view = stalled_proxy()
    return StreamscopeApp(scene, config(**settings), view=view)


def calm_app(streams: int) -> StreamscopeApp:
    scene = Scene(Clock(200.0))
    scene.snapshot([listener(), *(connection(number) for number in range(2, 2 + streams))])
    return StreamscopeApp(scene, config(), view=view_of(scene))


@at(*SIZES)
def test_picture_of_a_wall_with_a_stall(compare: Compare, size: tuple[int, int]) -> None:
    compare(stalled_app(), size, "[3.3 MiB]", "2")


@at(*SIZES)
def test_picture_of_a_wall_of_many(compare: Compare, size: tuple[int, int]) -> None:
    scene, view = backpressure()
    compare(StreamscopeApp(scene, config(), view=view), size, "▲ #7", "2")


@at(*SIZES[1:3])
def test_picture_of_a_healthy_wall(compare: Compare, size: tuple[int, int]) -> None:
    compare(calm_app(120), size, " of ", "2")


def test_picture_of_a_wall_in_light_colours(compare: Compare) -> None:
    compare(stalled_app(theme="streamscope-light"), (120, 40), "[3.3 MiB]", "2")


def test_picture_of_a_wall_without_colours(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    compare(stalled_app(), (120, 40), "[3.3 MiB]", "2")
