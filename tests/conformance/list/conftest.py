"""Fixtures for the tests of libuv's list: a loop, a deadline, and the promise that no descriptor is lost."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from list_harness import Echo, TookTooLong, finish, new_loop, tcp_echo
from patience import patience_s, starved

from streamscope.core import JoinedLoop, Loop
from streamscope.lessons.stage.plain_peers import open_descriptors


@pytest.fixture(autouse=True)
def no_test_hangs() -> Iterator[None]:
    """Interrupt a test that waits for what never comes, and its teardown if that waits too. How long it had to wait for
    a CPU is no time of its own: on a busy machine the deadline would strike pytest while it tells of the first strike.
    """
    starved_s = starved()

    def took_too_long(*_: object) -> None:
        nonlocal starved_s
        if (more_s := starved() - starved_s) > 0.01:
            starved_s += more_s
            signal.setitimer(signal.ITIMER_REAL, more_s, patience_s())
        else:
            raise TookTooLong(f"more than {patience_s()} s")

    before = signal.signal(signal.SIGALRM, took_too_long)
    signal.setitimer(signal.ITIMER_REAL, patience_s(), patience_s())
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def no_descriptor_is_lost(no_test_hangs: None) -> Iterator[None]:
    """Every test ends with the same open descriptors as it began with."""
    before = open_descriptors()
    yield
    assert open_descriptors() == before


@pytest.fixture(params=[Loop, JoinedLoop], ids=["plain", "joined"])
def loop(no_descriptor_is_lost: None, request: pytest.FixtureRequest) -> Iterator[Loop]:
    """A loop under test, with the everyday path plain and joined up; what is left in it at the end is closed, and it
    must then be empty.
    """
    loop = new_loop(request.param)
    yield loop
    finish(loop)


@pytest.fixture
def echo(loop: Loop) -> Echo:
    """An echo server on 127.0.0.1 in the loop under test."""
    return tcp_echo(loop)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where a Unix socket may be bound."""
    return str(tmp_path / "socket")
