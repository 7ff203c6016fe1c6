"""Going to an instant: one line to write it on, which says what it means while it is written."""

from __future__ import annotations

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Static

from streamscope.language import N_, tr
from streamscope.trace.instant import EXAMPLES, InstantError, Standpoint, Target, parse
from streamscope.ui.actions import bindings
from streamscope.ui.scale import instant_text, span_text
from streamscope.ui.screens.base import Dialog


def meaning(target: Target, here: Standpoint) -> str:
    """What a target says, in words."""
    if target.kind == "t":
        apart = target.value - here.t
        far = tr("{span} on", span=span_text(apart)) if apart > 0 else tr("{span} back", span=span_text(apart))
        far = far if apart else tr("here")
        return f"{instant_text(here.started, max(target.value, 0))} · {far}"
    if target.kind == "turn":
        return tr("the beginning of turn {n}", n=f"{target.value:,}")
    if target.kind == "seq":
        return tr("right after event {n}", n=f"{target.value:,}")
    return tr(_PLACES[target.kind])


_PLACES = {"mark": N_("the marked instant"), "start": N_("where the past begins"), "end": N_("the end")}


WORDS = N_("a time of day, since the start, or from here; a turn; an event's number")
"""What may be written; the empty line has examples."""


class InstantInput(Input):
    """The input; enter goes, escape stays."""

    BINDINGS = bindings("goto")

    def help_text(self) -> str:
        """What may be written."""
        return "\n\n".join(
            (
                tr("Where to go in the past:"),
                tr(
                    "a time of day (14:02:11.5), a time since the engine began (12.5s, 1m 30s), or from here (-3.2s, "
                    "+500ms);"
                ),
                tr("a turn of the loop (turn 18402, turn +1), an event by its number (seq 73504, #73504);"),
                tr("mark, start, end. For example: {examples}", examples=EXAMPLES),
            )
        )

    def action_go(self) -> None:
        """Go there, if it is a place."""
        screen = self.screen
        if isinstance(screen, GotoScreen) and screen.target is not None:
            screen.dismiss(screen.target)

    def action_close(self) -> None:
        """Stay."""
        self.screen.dismiss(None)


class GotoScreen(Dialog[Target | None]):
    """The line, over the screen that stays in sight."""

    BINDINGS = bindings("", "help")

    def __init__(self, here: Standpoint, *, marked: bool) -> None:
        super().__init__()
        self.target: Target | None = None
        """What is written, None while it is no place."""
        self._here = here
        self._marked = marked
        self._input = InstantInput(compact=True, placeholder=EXAMPLES)
        self._words = Static(Content(""), id="goto-words")

    def compose(self) -> ComposeResult:
        """The line, and below it what it means; what is wrong is marked under the line."""
        with Vertical(id="goto"):
            with Horizontal(id="goto-line"):
                yield Static(Content(":"), id="goto-colon")
                yield self._input
            yield self._words

    def on_mount(self) -> None:
        """Begin to write."""
        self._input.focus()
        self._say(Text(tr(WORDS)))

    def on_key(self, event: events.Key) -> None:
        """What is typed before the line is there, in one go with the key that opens it, is written too."""
        if event.is_printable and event.character and self.focused is None:
            event.stop()
            self._input.value += event.character
            self._input.cursor_position = len(self._input.value)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        """Say what it means, or what is wrong and where."""
        event.stop()
        text = event.value
        self.target = None
        try:
            target = parse(text, self._here)
        except InstantError as error:
            if not text.strip():
                self._say(Text(tr(WORDS)))
                return
            self._say(
                Text(" " * error.start + "▔" * min(error.end - error.start, 40) + f"  {tr(error.args[0])}"), wrong=True
            )
            return
        if target.kind == "mark" and not self._marked:
            self._say(Text(tr("nothing is marked yet: m marks an instant")), wrong=True)
            return
        self.target = target
        self._say(Text(f"→ {meaning(target, self._here)}"))

    def _say(self, words: Text, *, wrong: bool = False) -> None:
        self.set_class(wrong, "-wrong")
        self._words.update(Content.from_rich_text(words))
