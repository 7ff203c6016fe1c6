"""The real libuv, in C: what the engine reproduces. Left out where there is no compiler or no `uv.h` (`libuv1-dev`).

The program beside this file is compiled anew each time, which takes a tenth of a second, and takes this process's
place.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("libuv_echo.c")


def is_there() -> bool:
    """Whether it can be compiled here."""
    compiler = shutil.which("cc")
    if compiler is None:
        return False
    look = [compiler, "-E", "-x", "c", "-include", "uv.h", os.devnull]
    return subprocess.run(look, capture_output=True, check=False).returncode == 0


def main(where: str) -> None:
    """Compile, and become the server."""
    with tempfile.TemporaryDirectory(prefix="streamscope-bench-") as folder:
        program = os.path.join(folder, "libuv_echo")
        subprocess.run(["cc", "-O2", "-o", program, str(SOURCE), "-luv"], check=True)
        fd = os.open(program, os.O_RDONLY)  # the file may go, the program stays
    os.execve(fd, [program, where], os.environ)


if __name__ == "__main__":
    main(sys.argv[1])
