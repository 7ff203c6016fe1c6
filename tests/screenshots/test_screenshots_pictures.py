"""The README's pictures are what the app draws today, from recordings of a real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

import screenshots.__main__ as command
from screenshots.pictures import FEEDS, PICTURES
from screenshots.recording import Player, load


@pytest.mark.parametrize("name", [picture.name for picture in PICTURES])
def test_the_picture_in_the_readme_is_what_the_app_draws(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = command.main(["--check", name])

    assert capsys.readouterr().err == ""
    assert status == 0


def test_a_picture_that_looks_different_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "HERE", tmp_path)
    assert command.main(["overview"]) == 0
    drawn = (tmp_path / "overview.svg").read_text("utf-8")
    (tmp_path / "overview.svg").write_text(drawn.replace("127", "128", 1), "utf-8")

    assert command.main(["--check", "overview"]) == 1
    assert capsys.readouterr().err == (
        "the app draws overview differently now: if that is meant, draw the pictures anew with: make screenshots\n"
    )


@pytest.mark.parametrize("feed", sorted({picture.feed for picture in PICTURES}))
def test_a_recording_plays_to_its_end_and_nothing_of_it_is_lost(feed: str) -> None:
    recording = load(FEEDS / f"{feed}.msgpack.gz")
    player = Player(recording)
    try:
        player.play_to(recording.frames[-1][0] / 1e9)

        assert player.session.status == "live", player.session.reason
        assert player.session.model.whole
        assert player.view.events_lost == 0
        assert player.session.past.end > (1_000 if feed == "node" else 10_000)  # who looks tells less than who acts
    finally:
        player.close()
