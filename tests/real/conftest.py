"""Servers from outside that tests of this room share: one start for many tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import outside_servers
import pytest
from outside_servers import OutsideServer


@pytest.fixture(scope="session")
def download() -> bytes:
    """3 MB in which no two places are alike."""
    return os.urandom(3_000_000)


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory, download: bytes) -> Iterator[OutsideServer]:
    """One that serves a page at /, and the download at /download."""
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "download").write_bytes(download)
    (folder / "index.html").write_text("a page\n")
    with outside_servers.nginx(folder) as server:
        yield server


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[OutsideServer]:
    """One that has served nobody yet, so that what it has counted is the test's."""
    with outside_servers.redis(tmp_path) as server:
        yield server
