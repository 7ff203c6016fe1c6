"""What a person waits for before the screen is there: some rooms do not load what they can do without."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("script", "never"),
    [
        ("import streamscope.ui.columns, streamscope.ui.actions", "textual"),
        ("import streamscope.ui.config_file as c; c.parse_config('past_mib = 5')", "textual"),
        ("import streamscope.app", "streamscope.trace.filter"),
    ],
    ids=["columns and actions", "settings", "the screen"],
)
def test_what_is_not_needed_yet_is_not_loaded(script: str, never: str) -> None:
    told = f"{script}; import sys; print([name for name in sys.modules if name.startswith({never!r})])"

    done = subprocess.run([sys.executable, "-P", "-c", told], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
