"""Terminals that a test opens are closed after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import Open, Terminal, streamscope


@pytest.fixture
def open_terminal(tmp_path: Path) -> Iterator[Open]:
    """A function that starts the command in a terminal of its own: `open_terminal("run", "echo", columns=80)`.

    With `under_shell` a shell is there too, as for a person: it holds the terminal when the command is gone.
    """
    opened: list[Terminal] = []

    def start(*arguments: str, columns: int = 140, rows: int = 40, under_shell: bool = False) -> Terminal:
        command = streamscope(*arguments)
        if under_shell:
            command = ["sh", "-c", '"$@"; read line', "sh", *command]
        opened.append(Terminal(command, tmp_path, columns, rows))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()
