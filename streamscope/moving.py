"""What a person can do with the processes of a run: list them, watch another one, and leave the command running."""

from __future__ import annotations

from pathlib import Path

from textual import work

from streamscope.controlling import ControlApp
from streamscope.link.discovery import ProbeError
from streamscope.ui.other_processes import OtherProcesses
from streamscope.ui.processes import Moves


class MovingApp(ControlApp):
    """An app that can be left for another process; whoever has started it opens the next one."""

    moves: Moves | None = None

    def go_among(self, moves: Moves) -> None:
        """There is more than one that can be watched, perhaps."""
        self.moves = moves
        self.view.others = OtherProcesses(moves, self._find)

    @work(thread=True)
    def _find(self, known: frozenset[Path]) -> None:
        assert self.moves is not None
        assert self.view.others is not None
        try:
            rows = self.moves.processes(known)
        except (OSError, ProbeError):  # it is tried again soon
            rows = []
        self.call_from_thread(self.view.others.found, rows, self.view.others.held_up())

    def look_at_others(self) -> None:
        """See what the others do."""
        if self.view.others is not None:
            self.view.others.look(self.view.monotonic())

    def on_unmount(self) -> None:
        """Watch none of them any more."""
        if self.view.others is not None:
            self.view.others.close()

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

        if self.view.others is not None:
            self.push_screen(ProcessesScreen(self.view, self.view.others), self._move)

    def _move(self, path: Path | None) -> None:
        if self.moves is not None and path is not None:
            self.moves.to = path
            self.exit(0)

    def action_leave_it(self) -> None:
        """Leave, and let the command run."""
        if self.moves is not None:
            self.moves.leaves_it = True
            self.exit(0)
