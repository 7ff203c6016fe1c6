"""Servers from outside that tests of this room share: one start for many tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import diagnosis_table
import outside_servers
import pytest
from diagnosis_table import Row
from outside_servers import OutsideServer

ROWS = pytest.StashKey[list[Row]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make diagnosis` gives it, with the file that the table is about."""
    text = "write what the scenarios were judged to be into docs/diagnosis.md"
    parser.addoption("--write-diagnosis", action="store_true", help=text)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """What was measured is written only where nothing has failed."""
    if session.config.getoption("--write-diagnosis", default=False) and exitstatus == 0:
        diagnosis_table.write(session.config.stash[ROWS])


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Callable[[Row], None]:
    """Keeps a row of the table, for when it is written."""
    return request.config.stash.setdefault(ROWS, []).append


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
