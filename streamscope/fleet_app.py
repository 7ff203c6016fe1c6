"""The app that shows a fleet. It hears summaries on its own loop; opening an engine ends it with that engine's
name, and whoever has started it opens the screen on that, and comes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import App
from textual.screen import Screen

from streamscope.fleet.nats_server import FleetError
from streamscope.fleet.roster import Roster
from streamscope.fleet.subjects import EngineName
from streamscope.language import tr
from streamscope.ui.glyphs import ascii_wanted
from streamscope.ui.safe import visible
from streamscope.ui.screens.fleet_screen import EngineOpened, FleetScreen
from streamscope.ui.screens.help import HelpScreen
from streamscope.ui.themes import THEMES

if TYPE_CHECKING:
    from textual.driver import Driver

    from streamscope.terminal import Leaving

Hear = Callable[[Callable[[str], None]], Awaitable[Any]]
"""Has the roster hear of engines, tells a person what happens to the connection, and returns it. Raises FleetError."""

FRAMES = 5
"""A second: summaries come once."""


class FleetApp(App[EngineName]):
    """Returns the engine to open, None when the person has left."""

    CSS_PATH = "ui/streamscope.tcss"
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        roster: Roster,
        server: str,
        hear: Hear | None = None,
        *,
        leaving: Leaving | None = None,
        terminal: int = 2,
        braille: bool = True,
        theme: str = "streamscope",
        ascii_only: bool | None = None,
        trouble: str = "",
    ) -> None:
        """`trouble` is why the engine that was opened last could not be looked at."""
        super().__init__()
        for each in THEMES:
            self.register_theme(each)
        self.theme = theme if theme in self.available_themes else "streamscope"
        self.roster = roster
        self.terminal, self.braille = terminal, braille
        self.failed = ""
        self.left = False
        self.ascii_only = ascii_wanted() if ascii_only is None else ascii_only
        self._hear = hear
        self._leaving = leaving
        self._client: Any = None
        self._trouble = trouble
        self._fleet = FleetScreen(roster, server, self._status)

    def get_default_screen(self) -> Screen[None]:
        """The fleet."""
        return self._fleet

    def get_driver_class(self) -> type[Driver]:
        """Ours; tests have Textual's own that draws nowhere."""
        from streamscope.driver import TerminalDriver

        return TerminalDriver

    async def on_mount(self) -> None:
        """Begin to listen; who cannot is told so on the terminal, and there is no screen."""
        if self._leaving is not None:
            asyncio.get_running_loop().add_reader(self._leaving.fileno(), self._told_to_leave)
        try:
            self._client = await self._hear(self._say) if self._hear is not None else None
        except FleetError as error:
            self.failed = str(error)
            self.exit()
            return
        if self._trouble:
            self._say(self._trouble)
        self.set_interval(1 / FRAMES, self._fleet.show)
        self.set_interval(10.0, self.roster.forget)

    async def on_unmount(self) -> None:
        """Let go of the server."""
        if self._client is not None:
            await self._client.close()

    def _say(self, line: str) -> None:
        self.notify(visible(line, 200), markup=False, timeout=5)

    def _status(self) -> tuple[str, str]:
        live = (f"● {tr('live')}", "good")
        if self._client is None:
            return (f"◌ {tr('connecting')}", "warning") if self._hear is not None else live
        return live if self._client.is_connected else (f"✗ {tr('out of reach, trying again')}", "error")

    @on(EngineOpened)
    def _open(self, message: EngineOpened) -> None:
        self.exit(message.name)

    def action_help(self) -> None:
        """Explain what has the focus."""
        self.push_screen(HelpScreen(self.screen.focused, self.screen.active_bindings, ()))

    def action_copy(self) -> None:
        """Copy the address of the engine."""
        if self._fleet.to_copy:
            self.copy_to_clipboard(self._fleet.to_copy)
            self.notify(tr("Copied: {what}", what=self._fleet.to_copy), markup=False, timeout=3)

    async def action_interrupt(self) -> None:
        """Leave, as `q` does."""
        await self.action_quit()

    async def action_quit(self) -> None:
        """Leave."""
        self.left = True
        self.exit()

    def _told_to_leave(self) -> None:
        self.left = True
        self.exit()
