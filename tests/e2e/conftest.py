"""Terminals that a test opens are closed after it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import Open, Terminal, streamscope


@pytest.fixture
def open_terminal(tmp_path: Path) -> Iterator[Open]:
    """A function that starts the command in a terminal of its own: `open_terminal("run", "echo", columns=80)`.

    `under` says what is there too: a `shell`, as for a person, which holds the terminal when the command is gone;
    `make`; or `setsid`, after which the terminal sends the command no signal. `first` is Python that the command runs
    before it begins, and variables are added to its environment.
    """
    opened: list[Terminal] = []

    def start(
        *arguments: str,
        columns: int = 140,
        rows: int = 40,
        under: str = "",
        first: str = "",
        stderr: int | None = None,
        **variables: str,
    ) -> Terminal:
        command = streamscope(*arguments)
        if first:
            command[1:3] = ["-c", f"{first}\nfrom streamscope.cli import main\nmain()"]
        if under == "shell":
            command = ["sh", "-c", '"$@"; echo "status $?"; read line', "sh", *command]
        elif under == "make":
            command = ["make", f"--eval=run: ; @{shlex.join(command)}", "run"]
        elif under == "setsid":
            command = ["setsid", "--wait", *command]
        opened.append(Terminal(command, tmp_path, columns, rows, stderr=stderr, variables=variables))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()
