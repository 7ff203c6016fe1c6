"""What stands where the panel will be, as long as nobody has connected: where to connect, and with what."""

from __future__ import annotations

import shlex
from collections.abc import Set

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from streamscope.servers import SERVERS, TRY_WITH
from streamscope.trace.plain_text import host_and_port
from streamscope.ui.lines import Line, length
from streamscope.ui.safe import visible
from streamscope.ui.stuck import clients
from streamscope.ui.view import View
from streamscope.ui.widgets.pens import Pens


def command_to_try(program: str, address: str) -> str:
    """A command that talks to the server: the one that suits a built-in server, nc for the rest, Unix sockets too."""
    parts = host_and_port(address)
    if parts is None:
        return f"nc -U {shlex.quote(address)}"
    host, port = parts
    if host in ("0.0.0.0", ""):
        host = "127.0.0.1"
    elif host == "::":
        host = "::1"
    command = SERVERS[program].try_with if program in SERVERS else TRY_WITH
    host = shlex.quote(host)
    return command.format(host=host, port=port, address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def welcome_lines(view: View) -> list[Line]:
    """What to say, a line each."""
    hello = view.hello
    if hello is None:
        return [[("Waiting for the engine to say what it serves …", "label")]]
    program = visible(hello.program, 40)
    if view.never_served:
        return [
            [(visible(view.reason, 4096) or f"{program} has ended.", "error")],
            [],
            [("What it printed stands below. ", "label"), ("q", "key"), (" leaves.", "label")],
        ]
    if not hello.addresses:
        return [[(program, "value"), (" listens nowhere yet; its streams will appear here.", "label")]]
    address = visible(hello.addresses[0], 100)
    if view.paused:
        return [
            [(program, "value"), (" listened on ", "label"), (address, "good")],
            [],
            [("Nobody is connected at this instant.", "label")],
            [],
            [("space", "key"), (" plays, ", "label"), ("→", "key"), (" steps on, ", "label"), (":", "key"),
             (" goes to a time.", "label")],
        ]  # fmt: skip
    if view.standstill is not None:
        waiting = view.standstill.waiting
        who = f"{clients(waiting)} in the kernel to be accepted" if waiting > 0 else "Nobody can be accepted meanwhile"
        return [
            [(program, "value"), (" listens on ", "label"), (address, "good")],
            [],
            [(f"{who}: the program does not come back to its loop.", "label")],
        ]
    return [
        [(program, "value"), (" listens on ", "label"), (address, "good")],
        [],
        [("Nobody has connected yet. From another terminal, try", "label")],
        [],
        [("    " + command_to_try(hello.program, address), "accent")],
        [],
        [("or press ", "label"), ("g", "key"), (" to start built-in clients:", "label")],
        [("some polite, one slow, one that comes and goes.", "label")],
    ]


def folded(line: Line, width: int) -> list[Line]:
    """The line in as many lines of at most `width` cells as it takes: a path that is cut off helps nobody."""
    if length(line) <= width or width < 2:
        return [line]
    lines: list[Line] = [[]]
    used = 0
    for text, style in line:
        for character in text:
            cells = cell_len(character)
            if used + cells > width:
                lines.append([])
                used = 0
            lines[-1].append((character, style))
            used += cells
    return lines


class Welcome(Pens):
    """The lesson of the empty screen."""

    def __init__(self, view: View, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view = view
        self._lines: list[Line] = []

    def show(self, changed: Set[int]) -> None:
        """Say it again if it has changed."""
        lines = [piece for line in welcome_lines(self._view) for piece in folded(line, self.content_size.width)]
        if lines != self._lines:
            self._lines = lines
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The lines stand in the middle."""
        width, height = self.content_size
        lines = self._lines
        if len(lines) > height:
            lines = [line for line in lines if line]
        y -= max((height - len(lines)) // 2, 0)
        if not 0 <= y < len(lines):
            return self.strip([])
        left = max((width - max(length(line) for line in lines)) // 2, 0)
        return self.strip(
            [Segment(" " * left, self.pen()), *(Segment(text, self.pen(style)) for text, style in lines[y])]
        )
