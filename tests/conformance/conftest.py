"""The real library's process lives as long as the session; its absence skips with one line; what was compared is
counted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import libuv_abi
import pytest
import runs


@cache
def why_not() -> str:
    """Why the real library cannot be compared with, "" if it can."""
    try:
        libuv_abi.load()
    except OSError as error:
        return f"{error}; the comparison {libuv_abi.HOW_TO_GET_IT}"
    return ""


@pytest.fixture
def real_libuv() -> runs.RealLibrary:
    """The real library, for a test that compares with it. Without one the test is skipped, and where
    `LIBUV_REQUIRED` is set (in CI) it fails.
    """
    if why_not():
        (pytest.fail if os.environ.get("LIBUV_REQUIRED") else pytest.skip)(why_not())
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
