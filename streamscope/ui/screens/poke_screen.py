"""Having something happen to a stream: one line to write it on, and what can be written."""

from __future__ import annotations

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Static

from streamscope.core.pokes import POKES
from streamscope.language import N_, tr
from streamscope.link.poking import PokeError, read_poke
from streamscope.ui.actions import bindings
from streamscope.ui.safe import fit, visible
from streamscope.ui.screens.base import Dialog

_NAME = 18
"""Cells of an action and what it takes."""
_TAKES = {"bytes": N_("SIZE"), "ms": N_("TIME")}
_EXAMPLE = {"bytes": " 4KiB", "ms": " 200ms"}


class PokeInput(Input):
    """The input; enter does it, escape leaves it."""

    HELP = """\
What is to happen to the stream. Everything is told as injected, in the events, the panel and the trace.

What stays, such as read-stop, cap-writes 4KiB or delay 200ms, stays until clear, or until you leave; eagain, econnreset
and partial 10 wait for the next call; close, reset and shutdown are done at once. docs/control.md says more.
"""

    BINDINGS = bindings("poke")

    def action_do(self) -> None:
        """Have it happen, if it is one of the actions."""
        screen = self.screen
        if isinstance(screen, PokeScreen) and screen.poke is not None:
            screen.dismiss(screen.poke)

    def action_choose(self, step: int) -> None:
        """Write the next of the actions that are shown, or the one before."""
        if isinstance(self.screen, PokeScreen):
            self.screen.choose(step)

    def action_complete(self) -> None:
        """Write the first of the actions that are shown, after what was written of it."""
        if isinstance(self.screen, PokeScreen):
            self.screen.choose(0)

    def action_close(self) -> None:
        """Leave the stream alone."""
        self.screen.dismiss(None)


class PokeScreen(Dialog[tuple[str, int] | None]):
    """The line and the actions, over the screen that stays in sight. `who` is the stream, `faults` are set on it,
    and it `listens` or not.
    """

    BINDINGS = bindings("", "help")

    def __init__(self, who: str, faults: str, *, listens: bool) -> None:
        super().__init__()
        self.poke: tuple[str, int] | None = None
        """What is written, None while it is no poke."""
        self._who = who
        self._faults = faults
        self._fitting = [name for name, poke in POKES.items() if poke.listener in (None, listens)]
        self._written = ""  # by the person: what is offered goes by that
        self._input = PokeInput(compact=True, placeholder="read-stop, cap-writes 4KiB, delay 200ms, econnreset, clear")
        self._words = Static(Content(""), id="poke-words")

    def compose(self) -> ComposeResult:
        """The line, what it means or what is wrong with it, and the actions."""
        with Vertical(id="poke"):
            with Horizontal(id="poke-line"):
                yield Static(Content(f"{tr('poke')} {self._who}  "), id="poke-who")
                yield self._input
            yield self._words

    def on_mount(self) -> None:
        """Begin to write."""
        self._input.focus()
        self._say()

    def on_key(self, event: events.Key) -> None:
        """What is typed before the line is there, in one go with the key that opens it, is written too."""
        if event.is_printable and event.character and self.focused is None:
            event.stop()
            self._input.value += event.character
            self._input.cursor_position = len(self._input.value)

    def choose(self, step: int) -> None:
        """Write an action: the one after what stands there, before it, or, with 0, the first that is offered."""
        offered = self._offered()
        if not offered:
            return
        here = self._input.value.split(" ")[0]
        place = offered.index(here) + step if here in offered else min(step, 0)
        name = offered[place % len(offered)]
        with self.prevent(Input.Changed):
            self._input.value = f"{name}{_EXAMPLE.get(POKES[name].takes, '')}"
            self._input.cursor_position = len(self._input.value)
        self._say()

    def _offered(self) -> list[str]:
        begun = self._written.split(" ")[0]
        return [name for name in self._fitting if name.startswith(begun)] or self._fitting

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        """Say what it means, or what is wrong."""
        event.stop()
        self._written = event.value
        self._say()

    def _say(self) -> None:
        text, wrong = self._input.value, ""
        self.poke = None
        try:
            self.poke = read_poke(text)
        except PokeError as error:
            begun = text not in POKES and any(name.startswith(text) for name in POKES)
            wrong = "" if begun else tr(error.args[0]).partition(": ")[0].partition("：")[0]
        self.set_class(bool(wrong), "-wrong")
        here = text.split(" ")[0]
        faults = visible(self._faults, 100)
        told = wrong or (tr("set on it: {faults}", faults=faults) if faults else tr("nothing is set on it"))
        lines = [Text(told)]
        for name in self._offered():
            takes = _TAKES.get(POKES[name].takes)
            shown = f"{name} {tr(takes)}" if takes else name
            lines.append(Text(f"{fit(shown, _NAME)} {tr(POKES[name].meaning)}"))
            if name == here:
                lines[-1].stylize("bold reverse", 0, len(name))
        self._words.update(Content.from_rich_text(Text("\n").join(lines)))
