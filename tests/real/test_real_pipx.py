"""A program that the real pipx has installed, under `run --`: the script that it writes starts Python with -E."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import outside
import pytest
from commanded_programs import HERE, Ran
from pythons import CACHE
from running_command import echoed, environment
from waiting import PATIENCE_S, until

from streamscope.link.replaying import Replay

PIPX = CACHE / "pipx"

outside.LOOKS["pipx"] = lambda: "" if os.access(PIPX / "shared/bin/pip", os.X_OK) else "pipx is not there"


def _wheel(folder: Path) -> Path:
    """A package with a console script `echoes`, which serves."""
    info = "echoes-1.0.dist-info"
    files = {
        "echoes.py": f"{(HERE / 'unmodified.py').read_text()}\n\ndef begin():\n    asyncio.run(main())\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: echoes\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nechoes = echoes:begin\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    wheel = folder / "echoes-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return wheel


@pytest.fixture
def script(runtime: Path, tmp_path: Path) -> Path:
    """What pipx makes of it; nothing but what is here is asked for it."""
    home = tmp_path / "pipx"
    settings = {
        "PIPX_HOME": str(home), "PIPX_BIN_DIR": str(home / "bin"), "PIPX_MAN_DIR": str(home / "man"),
        "PIPX_SHARED_LIBS": str(PIPX / "shared"), "PIPX_DISABLE_SHARED_LIBS_AUTO_UPGRADE": "1", "PIP_NO_INDEX": "1",
        "HOME": str(tmp_path),
    }  # fmt: skip
    subprocess.run(
        [str(PIPX / "bin/pipx"), "install", "--python", sys.executable, str(_wheel(tmp_path))],
        env=environment(runtime) | settings, stdin=subprocess.DEVNULL, capture_output=True, check=True,
        timeout=PATIENCE_S,
    )  # fmt: skip
    return home / "bin" / "echoes"


@pytest.mark.real("pipx")
def test_a_script_of_pipx_is_started_without_what_hides_it_and_is_observed(
    runtime: Path, tmp_path: Path, script: Path
) -> None:
    assert script.read_text().splitlines()[0].endswith("python -E")
    trace = tmp_path / "echoes.scope"

    with Ran(runtime, "--diagnose", "--record", str(trace), command=[str(script)]) as server:
        until((runtime / "streamscope" / f"{server.pid}.sock").exists, "it lets inspectors in")
        until(lambda: trace.exists() and trace.stat().st_size, "it is recorded")
        with server.connect() as client:
            assert echoed(client, b"hello\n") == b"hello\n"
        status, out, err = server.end()

    assert (status, out) == (0, "over\n")
    assert "starts Python with -E, which would hide it; it is started without" in err
    replay = Replay.open(trace)
    assert replay.trace.complete
    assert replay.hello is not None
    assert replay.hello.program == "echoes"
    assert any(stream.bytes_in == stream.bytes_out == 6 for stream in replay.model.streams.values())
    replay.close()
