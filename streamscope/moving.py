"""What a person can do with the processes of a run: list them, watch another one, and leave the command running."""

from __future__ import annotations

from pathlib import Path

from streamscope.controlling import ControlApp
from streamscope.ui.processes import Moves


class MovingApp(ControlApp):
    """An app that can be left for another process; whoever has started it opens the next one."""

    moves: Moves | None = None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only where there are processes, and a command that may go on, is any of this offered."""
        if action == "processes" and self.moves is None:
            return False
        if action == "leave_it" and (self.moves is None or not self.moves.may_leave):
            return False
        return super().check_action(action, parameters)

    def action_processes(self) -> None:
        """List the processes, and go to the one that is chosen."""
        from streamscope.ui.screens.processes_screen import ProcessesScreen  # when somebody asks for them

        if self.moves is not None:
            self.push_screen(ProcessesScreen(self.moves, self.view.monotonic), self._move)

    def _move(self, path: Path | None) -> None:
        if self.moves is not None and path is not None:
            self.moves.to = path
            self.exit(0)

    def action_leave_it(self) -> None:
        """Leave, and let the command run."""
        if self.moves is not None:
            self.moves.leaves_it = True
            self.exit(0)
