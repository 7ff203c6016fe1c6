"""The real library's process lives as long as the session, and what was compared is counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libuv_abi
import outside
import pytest
import runs

outside.LOOKS["libuv"] = libuv_abi.why_not


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
