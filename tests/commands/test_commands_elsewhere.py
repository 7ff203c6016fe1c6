"""A trace is looked at wherever Python runs: what only Linux has is needed by engines, and by nobody who reads."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from elsewhere import ANOTHER_UNIX, NO_UNIX, RUN
from running_command import environment, run
from waiting import PATIENCE_S


@pytest.fixture(scope="module")
def recorded() -> Iterator[Path]:
    """What an engine on Linux has left."""
    with tempfile.TemporaryDirectory(prefix="ss-") as folder:
        path = Path(folder) / "echo.scope"
        ended = run(
            Path(folder), "run", "echo", "--headless", "--port", "0", "--duration", "0.1", "--record", str(path)
        )
        assert ended.returncode == 0, ended.stderr
        yield path


@pytest.fixture(params=[ANOTHER_UNIX, NO_UNIX], ids=["another Unix", "no Unix"])
def there(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run_there(there: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", there + RUN, *arguments],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_a_command_that_needs_an_engine_says_so_there(there: str, runtime: Path) -> None:
    ended = run_there(there, runtime, "run", "echo", "--headless")

    assert ended.returncode == 2
    assert ended.stderr.startswith("streamscope: run needs Linux; ")
    assert len(ended.stderr.splitlines()) == 1


def test_a_trace_is_diagnosed_on_another_unix(runtime: Path, recorded: Path) -> None:
    ended = run_there(ANOTHER_UNIX, runtime, "diagnose", str(recorded))

    assert ended.returncode == 0, ended.stderr
    assert not ended.stderr


def test_there_is_no_engine_there(there: str, runtime: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-P", "-c", f"{there}\nimport streamscope.core\nstreamscope.core.Loop()"],
        env=environment(runtime),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert ended.returncode, "else these tests show nothing"


def test_a_trace_is_checked(there: str, runtime: Path, recorded: Path) -> None:
    held = run_there(there, runtime, "check", str(recorded), "--assert", "count(error) == 0")
    failed = run_there(there, runtime, "check", str(recorded), "--assert", "count(handle.closed) == 0")

    assert held.returncode == 0, held.stderr
    assert held.stdout.startswith("ok")
    assert failed.returncode == 1, failed.stderr


def test_a_trace_is_exported(there: str, runtime: Path, recorded: Path) -> None:
    here = run(runtime, "export", str(recorded), "--to", "jsonl", "-o", "-")
    ended = run_there(there, runtime, "export", str(recorded), "--to", "jsonl", "-o", "-")

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == here.stdout
    assert json.loads(ended.stdout.splitlines()[0])["kind"]


def test_a_fleet_is_looked_at_on_another_unix_and_says_in_a_line_that_its_server_is_not(runtime: Path) -> None:
    ended = run_there(ANOTHER_UNIX, runtime, "fleet", "--json", "nats://127.0.0.1:9")

    assert ended.returncode == 1
    assert ended.stderr.startswith("streamscope: there is no getting to nats://127.0.0.1:9")
    assert len(ended.stderr.splitlines()) == 1


def test_what_a_fleet_is_made_of_loads_where_there_is_no_unix(runtime: Path) -> None:
    modules = "streamscope.fleet.roster, streamscope.fleet.kept, streamscope.fleet.far, streamscope.commands.fleet"
    ended = subprocess.run(
        [sys.executable, "-P", "-c", f"{NO_UNIX}\nimport {modules}"],
        env=environment(runtime), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr
