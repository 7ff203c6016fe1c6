"""What stands where the panel will be, as long as nobody has connected: where to connect, and with what."""

from __future__ import annotations

import shlex
from collections.abc import Set

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from streamscope.language import tr
from streamscope.servers import SERVERS, TRY_WITH
from streamscope.trace.plain_text import host_and_port
from streamscope.ui.lines import Line, Part, filled, length
from streamscope.ui.meters import age_text
from streamscope.ui.safe import visible
from streamscope.ui.stuck import clients
from streamscope.ui.view import View
from streamscope.ui.widgets.pens import Pens


def is_awaited(view: View) -> bool:
    """Whether who it is, or the state of its streams, has still to come."""
    live = view.status == "live" and not view.model.whole and not view.events_lost
    return not view.paused and (view.hello is None or live)


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


def awaited_lines(view: View, waited_s: float) -> list[Line]:
    """What is awaited before there is anything to show, for how long already, and what has come of it."""
    known = view.hello is not None
    if view.hello is not None:
        name = visible(view.hello.program, 40)
    else:
        name = tr("the program") if view.own else tr("the engine")
    age = age_text(int(waited_s * 1e9))
    steps = (tr("its process answers"), tr("who it is, and what it serves"), tr("the state of its streams"))
    lines: list[Line] = [
        [(tr("Starting {program}", program=name) if view.own else tr("Joining {program}", program=name), "value")],
        [],
    ]
    for place, words in enumerate(steps):
        if place < 1 + known:
            lines.append([("✓ ", "good"), (words, "label")])
        elif place == 1 + known:
            lines.append([("◌ ", "value"), (words, ""), (f"   {tr('for {age}', age=age)}", "value")])
        else:
            lines.append([("· ", "label"), (words, "label")])
    last: Line = [(f"{tr('Nothing of it stops for this.')}   ", "label"), ("q", "key"), (f" {tr('gives up')}", "label")]
    return [*lines, [], last]


def welcome_lines(view: View, waited_s: float = 0.0) -> list[Line]:
    """What to say, a line each; `waited_s` is for how long nothing can be shown already."""
    hello = view.hello
    if hello is None:
        return awaited_lines(view, waited_s)
    program = visible(hello.program, 40)
    if view.never_served:
        return [
            [(visible(tr(view.reason), 4096) or tr("{program} has ended.", program=program), "error")],
            [],
            filled(tr("What it printed stands below. {key} leaves."), "label", key=("q", "key")),
        ]
    if is_awaited(view):
        return awaited_lines(view, waited_s)
    if not hello.addresses:
        said = tr("{program} listens nowhere yet; its streams will appear here.")
        return [filled(said, "label", program=(program, "value"))]
    address = visible(hello.addresses[0], 100)
    who: Part = (program, "value")
    listens = filled(tr("{program} listens on {address}"), "label", program=who, address=(address, "value"))
    if view.paused:
        return [
            filled(tr("{program} listened on {address}"), "label", program=who, address=(address, "value")),
            [],
            [(tr("Nobody is connected at this instant."), "label")],
            [],
            filled(
                tr("{space} plays, {right} steps on, {colon} goes to a time."), "label",
                space=("space", "key"), right=("→", "key"), colon=(":", "key"),
            ),
        ]  # fmt: skip
    if view.standstill is not None:
        waiting = view.standstill.waiting
        if waiting > 0:
            said = tr(
                "{clients} in the kernel to be accepted: the program does not come back to its loop.",
                clients=clients(waiting),
            )
        else:
            said = tr("Nobody can be accepted meanwhile: the program does not come back to its loop.")
        return [listens, [], [(said, "label")]]
    return [
        listens,
        [],
        [(tr("Nobody has connected yet."), "")],
        [(tr("From another terminal:"), "label")],
        [],
        [("  " + command_to_try(hello.program, address), "value")],
        [],
        [("g", "key"), (f"   {tr('starts built-in clients')}", "label")],
        [("?", "key"), (f"   {tr('tells what is on this screen')}", "label")],
        [(tr("or"), "label"), (f"  {tr('streamscope run stall, to see one that stalls')}", "label")],
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
        self._awaited_from: float | None = None

    def show(self, changed: Set[int]) -> None:
        """Say it again if it has changed."""
        now = self._view.monotonic()
        if not is_awaited(self._view):
            self._awaited_from = None
        elif self._awaited_from is None:
            self._awaited_from = now
        waited_s = now - (now if self._awaited_from is None else self._awaited_from)
        lines = [
            piece for line in welcome_lines(self._view, waited_s) for piece in folded(line, self.content_size.width)
        ]
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
