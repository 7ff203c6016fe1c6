"""Other Pythons that are installed here: the engine needs nothing but them, so it can be measured on each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def other_pythons() -> dict[str, str]:
    """Path by version, for CPython from 3.11 on, on the PATH or of pyenv, without the one that runs this."""
    found = {}
    for version in [f"3.{minor}" for minor in range(11, 20)]:
        on_path = [shutil.which(f"python{version}")] if version != f"3.{sys.version_info.minor}" else []
        pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
        of_pyenv = [str(path) for path in pyenv.glob(f"{version}.*/bin/python{version}")] if on_path else []
        for path in filter(None, [*on_path, *of_pyenv]):
            if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
                found[version] = path
                break
    return found
