"""What the end of a test run says besides pytest's own words."""

from __future__ import annotations

import pytest

COMPARED = "fields compared with libuv"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many fields the conformance tests held against the real library, summed over all processes."""
    reports = [report for group in terminalreporter.stats.values() for report in group]
    properties = [p for report in reports for p in getattr(report, "user_properties", ()) if report.when == "teardown"]
    total = sum(value for name, value in properties if name == COMPARED)
    if total:
        terminalreporter.write_line(f"{total:,} fields compared with libuv 1.44.2")
