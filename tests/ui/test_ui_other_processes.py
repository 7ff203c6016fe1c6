"""What a process of several does, as its row says it."""

from __future__ import annotations

from ui_scenes import backpressure

from streamscope.ui.other_processes import Doing, doing


def test_what_one_does_is_its_alarms_or_else_how_it_goes() -> None:
    _, view = backpressure()
    view.advance(1.0)

    found = view.told.findings

    assert doing(view.model, view.vocabulary, found, None, 5.0) == Doing(10, 5.0, "▲", 1, "PEER")
    assert doing(view.model, view.vocabulary, [], None, None) == Doing(10, None, "", 0, "all flows")
