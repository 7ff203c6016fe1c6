"""What the README says stays true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from streamscope.servers.stall import SCENARIOS
from streamscope.ui.actions import keys_document

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_its_keys_are_those_of_the_table_of_actions() -> None:
    assert (ROOT / "docs" / "keys.md").read_text() == keys_document(), "run: make docs"
    assert "(docs/keys.md)" in README


def test_it_opens_with_the_two_commands_and_a_picture() -> None:
    opening = README.split("## Your first program")[0]

    assert re.search(r"^make run\b", opening, re.MULTILINE)
    assert re.search(r"^make test\b", opening, re.MULTILINE)
    assert "screenshots/overview.svg" in opening


def test_it_is_short_and_comes_to_a_program_and_a_stall_before_it_says_what_all_costs() -> None:
    sections = re.findall(r"^## (.*)$", README, re.MULTILINE)

    assert sections[:2] == ["Your first program", "Find a stall"]
    assert sections[2].startswith("What it costs")
    assert len(README.splitlines()) <= 190  # six kinds of programs and of places, a few lines each


def test_the_stall_that_it_shows_is_one_that_can_be_played() -> None:
    played = re.search(r"run stall --as (\S+)", README)

    assert played is not None
    assert played[1] in SCENARIOS


def test_its_program_is_one_that_runs(tmp_path: Path) -> None:
    program = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert program is not None
    path = tmp_path / "server.py"
    path.write_text(program[1])

    done = subprocess.run(
        [sys.executable, "-m", "streamscope", "run", str(path), "--headless", "--duration", "0.1", "0"],
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("server listening on 127.0.0.1:")


def test_its_program_does_not_take_a_read_of_nothing_for_a_failure() -> None:
    program = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert program is not None
    server: dict[str, Any] = {"__name__": "server"}
    exec(program[1], server)

    nothing_can_be_asked_of_it = object()
    server["on_read"](nothing_can_be_asked_of_it, 0, b"")
