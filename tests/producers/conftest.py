"""A runtime folder of each test's own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder above that of the sockets. (Paths of Unix sockets are short, and those of pytest are not.)"""
    with tempfile.TemporaryDirectory(prefix="ss-") as folder:
        monkeypatch.setenv("STREAMSCOPE_RUNTIME_DIR", f"{folder}/streamscope")
        yield Path(folder)
