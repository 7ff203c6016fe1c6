"""Fixtures: servers that run while a test does."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from running_server import RunningServer

from streamscope.servers import SERVERS


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., RunningServer]]:
    """Start servers by name or by their `main`; all are closed at the end. Those on a Unix socket get a path each."""
    started: list[RunningServer] = []

    def start(what: str | Callable[..., Any], **options: Any) -> RunningServer:
        if what == "pipe-echo":
            options = {"path": str(tmp_path_factory.mktemp("s") / "x.sock"), **options}
        main = importlib.import_module(SERVERS[what].module).main if isinstance(what, str) else what
        started.append(RunningServer(main, **options))
        return started[-1]

    yield start
    for running in started:
        running.close()
