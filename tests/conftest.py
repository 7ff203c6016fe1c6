"""What every test finds around it, and what the end of a test run says besides pytest's own words."""

from __future__ import annotations

import gc
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import outside
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
"""How long an example takes says how busy the machine is, not whether the code is right."""

NEWER_GDB = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streamscope-tests" / "gdb" / "only"
if NEWER_GDB.is_dir():  # which `.ci/outside` fetches, since Debian's own can call into no program where there is AMX
    os.environ["PATH"] = f"{NEWER_GDB}{os.pathsep}{os.environ['PATH']}"

COUNTED = (
    "fields compared with libuv",
    "claims of lessons held by libuv",
    "claims of lessons that libuv cannot show (engine only)",
    "claims of events in lessons, held by the engine between equal states",
)
"""What tests report of themselves (`record_property`) and the summary adds up."""


@pytest.fixture(autouse=True, scope="session")
def _state_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Filters that a test keeps are not put among those of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True, scope="session")
def _in_english() -> Iterator[None]:
    """Whatever the locale of whoever runs the tests, programs that they start speak English."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STREAMSCOPE_LANG", "en")
        yield


@pytest.fixture(autouse=True, scope="session")
def _in_utc() -> Iterator[None]:
    """Times of day read the same wherever tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A runtime folder of the test's own: engines of other tests, and of whoever runs these, are not seen."""
    with tempfile.TemporaryDirectory(prefix="ss-") as folder:
        yield Path(folder)


def pytest_configure(config: pytest.Config) -> None:
    """The marker is here, not in pyproject.toml, because some tests run pytest without the project's settings."""
    for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if (
            signal.getsignal(signum) == signal.SIG_IGN
        ):  # by `nohup` or a shell's `&`, and so in all that is started here
            signal.signal(signum, lambda *_: None)  # ignored here too, and by nobody else: no handler is inherited
    config.addinivalue_line("markers", "real(*things): a test of `make real`, which needs these things from outside")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Thousands of tests and what they import stay until the end: nobody is to look for cycles in them all the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that is marked as real needs what its marker names."""
    for marker in item.iter_markers("real"):
        for thing in marker.args:
            outside.need(thing)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How much the tests held against the real library, summed over all processes."""
    reports = [report for group in terminalreporter.stats.values() for report in group]
    properties = [p for report in reports for p in getattr(report, "user_properties", ()) if report.when == "teardown"]
    for counted in COUNTED:
        total = sum(value for name, value in properties if name == counted)
        if total:
            terminalreporter.write_line(f"{total:,} {counted.replace('libuv', 'libuv 1.44.2', 1)}")
