"""An inspector in a process of its own, which a test may kill or stop."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

INSPECTOR = """
import select, sys
from pathlib import Path
from streamscope.link.session import Session
session = Session.attach(Path(sys.argv[1]))
while session.status in ("connecting", "live"):
    select.select([session.fileno()], [], [], 1)
    session.receive()
    session.fold(0.05)
    if session.model.whole:
        print("whole", flush=True)
"""


@contextmanager
def inspector(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that watches, and says so when it knows everything."""
    with subprocess.Popen(
        [sys.executable, "-P", "-c", INSPECTOR, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "whole\n"
        # nobody reads the rest
        threading.Thread(target=process.stdout.read, daemon=True).start()
        try:
            yield process
        finally:
            process.kill()
