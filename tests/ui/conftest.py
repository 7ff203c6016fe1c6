"""What every test of the screen finds around it: time that moves when it is told to, and a world it cannot touch."""

from __future__ import annotations

import multiprocessing.process
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from ui_picture import compare as compare

from screenshots.still import StillLoop, time_stands_still

sys.path.append(str(Path(__file__).parent.parent / "core"))  # programs on scripted kernels are the core's tests' own

FORBIDDEN: list[tuple[Any, str]] = [
    (subprocess.Popen, "__init__"),
    (multiprocessing.process.BaseProcess, "start"),
    *((os, name) for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp", "system", "execv", "execve")),
    *((socket.socket, name) for name in ("connect", "connect_ex")),
]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], StillLoop]]:
    """The one loop of these tests."""
    return {"still": StillLoop}


@pytest.fixture(autouse=True)
def _time() -> Iterator[None]:
    with time_stands_still():
        yield


@pytest.fixture(autouse=True, scope="session")
def _stylesheets_read_once() -> Iterator[None]:
    """Each app reads the same stylesheets, a fifth of what it takes to start one: here the first reads them for all."""
    read: dict[tuple[object, ...], list[RuleSet]] = {}
    parse_rules = Stylesheet._parse_rules

    def remembered(self: Stylesheet, *source: Any, **more: Any) -> list[RuleSet]:
        key = (*source, *sorted(more.items()), *self._variables.items())
        if key not in read:
            read[key] = parse_rules(self, *source, **more)
        return read[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", remembered)
        yield


@pytest.fixture(autouse=True)
def tried(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the test has tried to start or to connect to. Nothing comes of it, and a test that tried has failed,
    whoever caught the error.
    """
    tried: list[str] = []

    def forbidden(name: str) -> Callable[..., NoReturn]:
        def refuse(*_arguments: object, **_options: object) -> NoReturn:
            tried.append(name)
            raise AssertionError(f"a test of the screen tried {name}")

        return refuse

    for owner, name in FORBIDDEN:
        monkeypatch.setattr(owner, name, forbidden(f"{owner.__name__}.{name}"))
    yield tried
    assert tried == []
