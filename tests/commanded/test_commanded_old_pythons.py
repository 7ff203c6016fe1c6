"""`run --headless -- COMMAND` with a Python that is too old to be observed: it says so, and nothing else is changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pythons import python
from running_command import COMMAND, environment
from waiting import PATIENCE_S

from streamscope.commanded.unseen import why_unseen

TOO_OLD = [pytest.param(each, marks=pytest.mark.real(f"Python {each}")) for each in ("2.7", "3.6", "3.10")]


def _ran(runtime: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    given = environment(runtime) | {"PYTHONDONTWRITEBYTECODE": "1"} | env
    return subprocess.run(
        [*COMMAND, "run", "--headless", "--", *command],
        env=given, input="said", capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip


def _with_stderr_closed(program: str, *arguments: str) -> list[str]:
    return ["sh", "-c", 'exec "$0" "$@" 2>&-', program, *arguments]


PROGRAM = """
import sys
sys.stdout.write(sys.stdin.read().upper())
sys.stderr.write("its own")
sys.exit([each for each in sys.path if each.endswith("observe/site")] and "ours is on its path" or 7)
"""


@pytest.mark.parametrize("version", TOO_OLD)
def test_it_says_so_in_a_line_before_it_begins_and_runs_as_it_would(runtime: Path, version: str) -> None:
    done = _ran(runtime, python(version), "-c", PROGRAM)

    assert (done.returncode, done.stdout) == (7, "SAID")
    assert done.stderr == (
        f"streamscope: this process is not observed: Python {version} is too old: 3.11 is the first\nits own"
    )


@pytest.mark.parametrize("version", TOO_OLD)
def test_their_own_sitecustomize_runs_once(runtime: Path, tmp_path: Path, version: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys; sys.stdout.write('theirs, %d.%d\\n' % sys.version_info[:2])"
    )
    looks = "import sys, sitecustomize; sys.stdout.write(sitecustomize.__file__)"

    done = _ran(runtime, python(version), "-c", looks, PYTHONPATH=str(tmp_path))

    *said, found = done.stdout.splitlines()  # the launcher's own Python finds theirs, too
    assert said.count(f"theirs, {version}") == 1
    assert found == str(tmp_path / "sitecustomize.py")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("version", TOO_OLD)
def test_who_has_closed_its_stderr_runs_without_being_told(runtime: Path, version: str) -> None:
    done = _ran(runtime, *_with_stderr_closed(python(version), "-c", "import sys; sys.stdout.write('ran')"))

    assert (done.returncode, done.stdout) == (0, "ran")


def test_so_does_one_that_is_young_enough_and_cannot_be_observed(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "streamscope.py").write_text("")  # a module of its own, which is no package of ours
    (tmp_path / "app.py").write_text("import asyncio; print('ran')")

    told = _ran(runtime, sys.executable, str(tmp_path / "app.py"))
    untold = _ran(runtime, *_with_stderr_closed(sys.executable, str(tmp_path / "app.py")))

    assert (told.returncode, told.stdout) == (untold.returncode, untold.stdout) == (0, "ran\n")
    [line] = told.stderr.splitlines()
    assert line.startswith("streamscope: this process is not observed: ")


@pytest.mark.parametrize("version", TOO_OLD)
def test_who_watches_is_told_that_it_is_too_old(version: str) -> None:
    program = "import sys; sys.stdout.write('runs\\n'); sys.stdout.flush(); sys.stdin.read()"
    with subprocess.Popen([python(version), "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()

        assert why_unseen(process.pid, None) == (
            f"Python {version} is too old: 3.11 is the first whose asyncio is observed (pid {process.pid})"
        )
        process.communicate()
