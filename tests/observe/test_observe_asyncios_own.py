"""CPython's own tests of asyncio come out the same while everything is watched."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncios_own
import outside
import pytest
from pythons import python

ROOT = Path(__file__).parents[2]
SOME = ("streams", "selector_events", "sslproto", "subprocess", "unix_events", "base_events")
PATIENCE_S = 1200.0
EVERY = os.environ.get("EVERY_EXAMPLE") == "1"
"""In `make long`: every module, on every Python."""

outside.LOOKS["CPython's tests"] = lambda: (
    "" if importlib.util.find_spec("test.test_asyncio") else "this Python has come without its own tests"
)


def played(python: str, how: str, modules: list[str]) -> dict[str, Any]:
    done = subprocess.run(
        [python, "-P", asyncios_own.__file__, how, *modules],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def modules_of(python: str) -> list[str]:
    """All of them, but for those that are of Windows alone."""
    code = "import os, test.test_asyncio as t; print('\\n'.join(os.listdir(os.path.dirname(t.__file__))))"
    listed = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    names = sorted(name.removesuffix(".py") for name in listed if name.startswith("test_") and name.endswith(".py"))
    return [f"test.test_asyncio.{name}" for name in names if "windows" not in name and "proactor" not in name]


PYTHONS = [sys.executable, *(filter(None, map(python, ("3.12", "3.13", "3.14"))) if EVERY else ())]


@pytest.mark.real("CPython's tests")
@pytest.mark.parametrize("path", PYTHONS, ids=[Path(each).name for each in PYTHONS])
def test_they_come_out_the_same(path: str) -> None:
    modules = modules_of(path) if EVERY else [f"test.test_asyncio.test_{name}" for name in SOME]

    watched = played(path, "watched", modules)

    assert watched["words"] > 10_000
    assert watched["ran"] > 500
    if watched["bad"]:  # what fails here anyway is not our fault
        assert watched["bad"].keys() <= played(path, "plain", modules)["bad"].keys(), watched["bad"]
