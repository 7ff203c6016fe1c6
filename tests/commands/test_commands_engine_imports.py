"""The engine's process stays small: what the screen needs is never loaded into it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from running_command import environment, run
from waiting import PATIENCE_S

TELLS = "import json, sys\ndef main(loop, *args):\n    print(json.dumps(sorted(sys.modules)))\n"


@pytest.fixture
def telling(tmp_path: Path) -> Path:
    program = tmp_path / "telling.py"
    program.write_text(TELLS)
    return program


def roots(line: str) -> set[str]:
    return {name.partition(".")[0] for name in json.loads(line)}


def test_as_the_screen_starts_it_it_loads_no_screen_no_asyncio_and_no_commands(runtime: Path, telling: Path) -> None:
    options = json.dumps({"target": str(telling)})
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "streamscope.serve", options],
        env=environment(runtime),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    loaded = roots(ended.stdout.splitlines()[1])
    assert "streamscope" in loaded
    assert not loaded & {"textual", "asyncio", "rich", "rich_click", "click"}


def test_headless_loads_no_screen_and_no_asyncio(runtime: Path, telling: Path) -> None:
    ended = run(runtime, "run", "--headless", str(telling))
    loaded = roots(ended.stdout.splitlines()[1])
    assert "streamscope" in loaded
    assert not loaded & {"textual", "asyncio", "rich", "zstandard", "perfetto"}


@pytest.mark.parametrize("command", [["--version"], ["ps"], ["run", "nonsense", "--headless"]])
def test_commands_without_a_screen_do_not_wait_for_textual(runtime: Path, command: list[str]) -> None:
    script = "import sys, streamscope.cli as c\ntry:\n    c.main()\nfinally:\n    print('textual' in sys.modules)\n"
    ended = subprocess.run(
        [sys.executable, "-P", "-c", script, *command],
        env=environment(runtime),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.stdout.splitlines()[-1] == "False"
