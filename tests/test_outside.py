"""Tests that need things from outside are in `make real` and nowhere else, and never pass for want of one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
NEEDY = ("tests/real/test_real_http.py", "tests/real/test_real_proxy.py")
"""Every test in them needs a program from outside; others in tests/real need none, and would run for minutes."""


def ran(*arguments: str, **environment: str) -> tuple[int, str]:
    """Status and output of a test run that finds no program on its PATH."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=TESTS.parent,
        env={"PATH": "/nowhere", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_make_test_has_nothing_of_the_tests_that_are_only_there_for_the_real_things() -> None:
    status, said = ran("-m", "not real", "--collect-only", "tests/real")

    assert status == pytest.ExitCode.NO_TESTS_COLLECTED, said


def test_what_is_missing_skips_its_tests_and_says_what_installs_it() -> None:
    status, said = ran(*NEEDY)

    assert status == pytest.ExitCode.OK, said
    assert "nginx is not installed; on Debian .ci/outside installs it" in said
    assert "passed" not in said


def test_where_nothing_may_be_missing_the_same_tests_fail() -> None:
    status, said = ran(*NEEDY, OUTSIDE_REQUIRED="1")

    assert status == pytest.ExitCode.TESTS_FAILED, said
    assert "nginx is not installed; on Debian .ci/outside installs it" in said
    assert "passed" not in said
    assert "skipped" not in said
