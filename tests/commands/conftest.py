"""A runtime folder for each test: engines of other tests, and of whoever runs these, are not seen."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def runtime() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ss-") as folder:
        yield Path(folder)
