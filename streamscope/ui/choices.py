"""What a person has chosen on the screen, kept from one run to the next: the colours, and what else stays as it was.

The config file is the person's own and is never written. A choice holds until the file says something else than it did
when the choice was made: who writes there means it.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from streamscope.ui.state_file import read_state, write_state

LARGEST = 65_536
"""Bytes of the file that are read at most."""


class Choice(msgspec.Struct, frozen=True):
    """What was chosen, and what the config file said then, "" where it has no say in it."""

    value: str
    instead_of: str = ""


class Choices:
    """The choices in the file at `path`; None keeps them in memory only."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._made: dict[str, Choice] | None = None

    def get(self, name: str, configured: str = "") -> str:
        """What holds: what was chosen, or `configured`, as the config file has it."""
        if self._made is None:
            self._made = self._load()
        choice = self._made.get(name)
        return choice.value if choice is not None and choice.instead_of == configured else configured

    def keep(self, name: str, value: str, configured: str = "") -> None:
        """Remember a choice."""
        here = {} if self._made is None else self._made
        self._made = {**here, **self._load(), name: Choice(value, configured)}  # another screen may have kept some
        write_state(self._path, msgspec.json.encode(self._made).decode())

    def _load(self) -> dict[str, Choice]:
        try:
            return msgspec.json.decode(read_state(self._path, LARGEST), type=dict[str, Choice])
        except (msgspec.DecodeError, RecursionError):
            return {}
