"""What tests need that neither Python nor pip brings: libuv, nginx, redis, wrk and the like.

A test says it with the marker `real("nginx", "wrk")`, which makes it one of `make real`. Where such a thing is missing
the test is skipped in one line, and with `OUTSIDE_REQUIRED` in the environment, as in CI, it fails.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest

HOW_TO_GET_IT = "on Debian .ci/outside installs it"

LOOKS: dict[str, Callable[[], str]] = {}
"""For things that are no program on the PATH: what says in a line why one cannot be used here, "" if it can."""


def why_not(thing: str) -> str:
    """Why it cannot be tested with here, in a line; "" if it can."""
    if thing in LOOKS:
        return LOOKS[thing]()
    return "" if shutil.which(thing) else f"{thing} is not installed"


def need(thing: str) -> None:
    """Skip the test that runs if the thing is missing, or fail it where nothing may be missing."""
    if reason := why_not(thing):
        say = pytest.fail if os.environ.get("OUTSIDE_REQUIRED") else pytest.skip
        say(f"{reason}; {HOW_TO_GET_IT}")
