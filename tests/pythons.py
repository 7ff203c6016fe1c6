"""Other Pythons than the one that runs the tests: of the PATH, of pyenv, and 3.14, which `.ci/outside` fetches.

A test that needs one says `real("Python 3.14")`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import outside

from benchmarks.pythons import other_pythons

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streamscope-tests"
FETCHED = {"3.14": CACHE / "python-3.14" / "usr" / "bin" / "python3.14"}


_others = cache(other_pythons)


@cache
def python(version: str) -> str:
    """The interpreter of this version, "" where there is none."""
    fetched = FETCHED.get(version)
    if fetched is not None and fetched.exists():
        return str(fetched)
    too_old = sorted(
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/python")
    )
    return _others().get(version) or str(next(iter(too_old), ""))


def _why_not(version: str) -> Callable[[], str]:
    return lambda: "" if python(version) else f"Python {version} is neither on the PATH nor in pyenv"


for each in ("2.7", "3.6", "3.10", "3.12", "3.13", "3.14"):
    outside.LOOKS[f"Python {each}"] = _why_not(each)
