"""The suite has teeth: the test that the table names catches each planted fault, and passes without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fault_table import FAULTS, FIELDS
from faults import Fault

pytestmark = pytest.mark.real()  # no need of libuv in most, but half a minute of it

Runner = Callable[[str, list[str]], tuple[str, str]]


@pytest.fixture(scope="module")
def run() -> Iterator[Runner]:
    """Runs tests with a fault planted (or "" for none): how they went and what pytest said. See teeth.py."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("teeth.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    requests, answers = process.stdin, process.stdout

    def ask(fault: str, tests: list[str]) -> tuple[str, str]:
        requests.write(json.dumps([fault, tests]) + "\n")
        requests.flush()
        outcome, said = json.loads(answers.readline())
        return outcome, said

    yield ask
    requests.close()
    answers.close()
    assert process.wait() == 0


def test_at_least_twenty_faults_are_planted() -> None:
    assert len(FAULTS) >= 20
    for fault in FAULTS.values():
        fault.faulty()  # its text is still to be found


def _needs_libuv(fault: Fault) -> bool:
    return fault.caught_by.startswith(FIELDS)


def test_without_a_fault_the_tests_that_catch_them_pass(run: Runner) -> None:
    outcome, said = run("", sorted({fault.caught_by for fault in FAULTS.values() if not _needs_libuv(fault)}))

    assert outcome == "passed", said


@pytest.mark.real("libuv")
def test_without_a_fault_the_comparisons_that_catch_them_pass(run: Runner) -> None:
    outcome, said = run("", sorted({fault.caught_by for fault in FAULTS.values() if _needs_libuv(fault)}))

    assert outcome == "passed", said


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=name, marks=[pytest.mark.real("libuv")] if _needs_libuv(fault) else [])
        for name, fault in FAULTS.items()
    ],
)
def test_a_planted_fault_is_caught(fault: Fault, run: Runner) -> None:
    outcome, said = run(fault.name, [fault.caught_by])

    assert outcome == "failed", f"{fault.caught_by} does not catch this: {fault.name}\n{said}"
