"""`run --redundant-mod`: the epoll_ctl(MOD) that libuv makes after every finished write, and `run` leaves out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from running_command import Serving, echoed


@pytest.mark.parametrize(("options", "mods"), [((), 0), (("--redundant-mod",), 3)])
def test_a_finished_write_modifies_nothing_in_epoll_unless_it_is_asked_for(
    runtime: Path, tmp_path: Path, options: tuple[str, ...], mods: int
) -> None:
    # given an echo server, when three messages have gone there and back one after the other
    path = tmp_path / "events.jsonl"
    with Serving(runtime, "echo", "--events", str(path), *options) as serving:
        with serving.connect() as client:
            for _ in range(3):
                assert echoed(client, b"message") == b"message"
        assert serving.end()[0] == 0

    # then epoll heard of each finished write only where that was asked for
    kinds = [json.loads(line)["kind"] for line in path.read_text().splitlines()]
    assert kinds.count("sys.write") == 3
    assert kinds.count("epoll.mod") == mods
