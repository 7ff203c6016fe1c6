"""The recipe of docs/asyncio.md for a container: a program with processes, files and a network of its own is watched
from outside, through a folder that both have.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from running_command import follow, run
from waiting import until

from streamscope.link.session import Session

SERVER = Path(__file__).parents[1] / "commanded" / "unmodified.py"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a container")
@pytest.mark.real("unshare", "ip")
def test_a_program_in_a_container_is_watched_through_a_folder_that_both_have(runtime: Path) -> None:
    shared = runtime / "scope"
    shared.mkdir(mode=0o700)
    site = run(runtime, "observe", "--path").stdout.strip()
    inside = {
        "PATH": os.environ["PATH"], "STREAMSCOPE_RUNTIME_DIR": str(shared), "STREAMSCOPE_OBSERVE": "1",
        "PYTHONPATH": site,
    }  # fmt: skip
    alone = ["unshare", "--pid", "--mount", "--net", "--fork", "--mount-proc", "--kill-child"]
    command = [*alone, "sh", "-c", 'ip link set lo up; exec "$@"', "sh", sys.executable, str(SERVER)]
    with subprocess.Popen(command, env=inside, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            pid, _, _, address = process.stdout.readline().split()
            assert pid == "1"
            path = shared / "1.sock"
            until(path.exists, "it lets inspectors in")

            session = Session.attach(path)
            follow(session, lambda: session.model.whole)
            assert [each.local for each in session.model.streams.values()] == [address]
            assert session.hello is not None
            assert (session.hello.pid, session.hello.program) == (1, "unmodified.py")
            session.close()

            assert run(runtime, "diagnose", str(path), "--for", "500ms").returncode == 0
        finally:
            process.kill()
