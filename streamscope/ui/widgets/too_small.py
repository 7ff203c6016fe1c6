"""What a terminal says that has no room for the screen; it goes away by itself once there is."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.widgets import Static

from streamscope.language import tr

LEAST_WIDTH = 60
LEAST_HEIGHT = 15


class TooSmall(Static):
    """Shown instead of a screen's body below 60×15; everything goes on underneath. `meanwhile` says what does."""

    def __init__(self, meanwhile: str) -> None:
        super().__init__(id="too-small")
        self._meanwhile = meanwhile

    def on_mount(self) -> None:
        """Say how big it is now."""
        self._say(self.app.size.width, self.app.size.height)

    def on_resize(self, event: events.Resize) -> None:
        """Say how big it is now."""
        self._say(self.app.size.width, self.app.size.height)

    def _say(self, width: int, height: int) -> None:
        self.update(
            Content(
                tr(
                    "streamscope needs {least} cells\nand has {here} here.\n\n"
                    "Make the terminal larger, or its letters smaller.\n{what} goes on meanwhile. q leaves.",
                    least=f"{LEAST_WIDTH} × {LEAST_HEIGHT}",
                    here=f"{width} × {height}",
                    what=self._meanwhile,
                )
            )
        )
