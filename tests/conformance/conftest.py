"""The real library's process lives as long as the session; its absence skips with one line; what was compared is
counted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import libuv_abi
import pytest
import runs


@pytest.fixture
def real_libuv() -> runs.RealLibrary:
    """The real library, for a test that compares with it. Without one the test is skipped, and where
    `LIBUV_REQUIRED` is set (in CI) it fails.
    """
    if libuv_abi.why_not():
        (pytest.fail if os.environ.get("LIBUV_REQUIRED") else pytest.skip)(libuv_abi.why_not())
    return runs.real_library


@pytest.fixture(autouse=True)
def _count_fields(record_property: Any) -> Iterator[None]:
    """Tell the report how many fields this test compared; `tests/conftest.py` adds them up."""
    before = runs.fields_compared
    yield
    record_property("fields compared with libuv", runs.fields_compared - before)


@pytest.fixture(autouse=True, scope="session")
def _end_of_the_real_library() -> Iterator[None]:
    yield
    runs.real_library.close()
