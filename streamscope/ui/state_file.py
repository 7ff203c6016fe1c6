"""Small files in the user's state folder: what a screen remembers from one run to the next.

Only the user can read them. They are a convenience: where the folder cannot be written or a file cannot be read, what
is remembered is remembered for as long as the screen is there. A file is replaced whole, so two screens do not mix.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from platformdirs import user_state_path


def state_path(name: str) -> Path:
    """Where the file of this name is."""
    return user_state_path("streamscope") / name


def read_state(path: Path | None, most: int) -> str:
    """The text of the file, `most` bytes of it at most; "" where there is none that can be read."""
    if path is None:
        return ""
    try:
        with open(path, "rb") as file:
            return file.read(most).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def write_state(path: Path | None, text: str) -> None:
    """Put this text into the file, if that can be done."""
    if path is None:
        return
    with suppress(OSError, ValueError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
        try:
            with open(descriptor, "wb") as file:
                file.write(text.encode("utf-8", "replace"))
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
