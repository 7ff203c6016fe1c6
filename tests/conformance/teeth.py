"""The process in which faults are planted. It holds pytest and the engine ready, so that a fault costs a fork.

A request is a line of JSON, [fault or "", tests]: the child that is forked for it plants the fault and runs the tests.
The answer is a line too, ["passed", "failed" or "did not run", what pytest said]. The process ends when its stdin does.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import pytest
from fault_table import FAULTS
from faults import plant

HERE = Path(__file__).parent
OPTIONS = ["-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(HERE), "-W", "error", "-q", "--tb=native"]
"""The project's settings need plugins that are left out here; that warnings are errors is kept. Tracebacks are
Python's own, because a deadline may strike where there is no line, which pytest's cannot show.
"""

PATIENCE_S = "1"
"""How long a test may take while a fault is planted: some make it wait for ever, and the deadline is what fails."""

OUTCOMES = ("did not run", "passed", "failed")


class Outcome:
    """A plugin that notes how the tests went: the worst of OUTCOMES, where a skipped test is one that did not run."""

    def __init__(self) -> None:
        self.failed = False
        self.passed = 0
        self.skipped = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called for setup, call and teardown of every test."""
        self.failed |= report.failed
        self.passed += report.passed and report.when == "call"
        self.skipped += report.skipped

    @property
    def code(self) -> int:
        """The place in OUTCOMES."""
        return 2 if self.failed else int(self.passed > 0 and not self.skipped)


def run(fault: str, tests: list[str]) -> tuple[str, str]:
    """Run tests in a child, with the fault planted if one is named."""
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            outcome = Outcome()
            try:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
                if fault:
                    os.environ["CONFORMANCE_PATIENCE_S"] = PATIENCE_S
                    plant(FAULTS[fault])
                pytest.main([*OPTIONS, "-x", *tests], plugins=[outcome])
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(outcome.code)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        return OUTCOMES[os.waitstatus_to_exitcode(status)], said.read().decode(errors="replace")


def main() -> None:
    """Answer requests until there are no more."""
    os.chdir(HERE)
    sys.path.insert(0, str(HERE / "list"))
    import engine  # noqa: F401 (what the tests import, so that it is there before the first fork)
    import list_harness  # noqa: F401

    for line in sys.stdin:
        print(json.dumps(run(*json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
