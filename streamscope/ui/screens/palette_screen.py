"""The command palette, asking for commands in the language that is spoken."""

from __future__ import annotations

from textual.command import CommandPalette

from streamscope.language import tr


class Palette(CommandPalette):
    """Textual's, of which only the words are ours."""

    def __init__(self) -> None:
        super().__init__(id="--command-palette", placeholder=tr("Search for commands…"))
