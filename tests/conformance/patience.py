"""How long these tests wait for the kernel, and for a test to end: long enough for any busy machine."""

from __future__ import annotations

import os
from pathlib import Path


def patience_s() -> float:
    """In seconds. Planted faults make some waits endless, so the test of teeth sets `CONFORMANCE_PATIENCE_S`."""
    return float(os.environ.get("CONFORMANCE_PATIENCE_S", "120"))


def starved() -> float:
    """For how many seconds this process has waited for a CPU so far."""
    return int(Path("/proc/self/schedstat").read_text("ascii").split()[1]) / 1e9
