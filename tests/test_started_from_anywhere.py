"""What a test run finds does not depend on who started it: a person, `nohup`, or a script that goes on meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent

IGNORED = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT]
"""What `nohup` and the `&` of a shell without jobs have their commands ignore, and these their children."""

INSIDE = f"""
import subprocess, sys

LOOK = "import signal; print(*[signal.getsignal(n) == signal.SIG_IGN for n in {[int(signum) for signum in IGNORED]}])"

def test_a_child_ignores_none_of_them():
    assert subprocess.check_output([sys.executable, "-c", LOOK], text=True).split() == ["False"] * {len(IGNORED)}
"""


def test_signals_that_a_test_run_ignores_are_heeded_by_what_it_starts(tmp_path: Path) -> None:
    (tmp_path / "test_inside.py").write_text(INSIDE)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "/dev/null", "-p", "conftest", "-p", "no:cacheprovider", tmp_path],
        cwd=TESTS,
        preexec_fn=lambda: [signal.signal(signum, signal.SIG_IGN) for signum in IGNORED],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
