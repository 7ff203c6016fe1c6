"""The pytest plugin: a fixture that runs a program on the engine and lets a test say what has to hold.

    def test_a_slow_reader_is_held_back(streamscope_trace):
        trace = streamscope_trace(my_server.main, client=slow_reader)
        trace.check("max(wq) < 1MiB", "never(armed(OUT) and wq == 0 for 100ms)", "count(error) == 0")

It is found by pytest where streamscope is installed. Nothing of the engine is loaded until a test asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from streamscope.testing import Tracer


@pytest.fixture
def streamscope_trace(tmp_path: Path) -> Iterator[Tracer]:
    """Runs a `main(loop, …)` on a real engine and records it: see `streamscope.testing.Tracer`.

    The traces are in the test's own temporary folder, which pytest keeps for a while, so that a failed test's can be
    opened with the command that the failure names.
    """
    from streamscope.testing import Tracer

    tracer = Tracer(tmp_path)
    try:
        yield tracer
    finally:
        tracer.close()
