"""What a person can have happen to the program from the screen: the app's actions for it (docs/control.md)."""

from __future__ import annotations

from streamscope.pairing import PairsApp
from streamscope.trace.roles import short
from streamscope.ui.feed_source import Commanded
from streamscope.ui.safe import visible
from streamscope.ui.screens.poke_screen import PokeScreen

_MAY_LOOK = "This inspector may only look: an engine started with --control, or from here, can be controlled."


class ControlApp(PairsApp):
    """An app that may do something to what it looks at."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only a program on our engine, that runs, can have things happen to it."""
        if action in ("poke",):
            view = self.view
            live = view.status == "live" and isinstance(view.source, Commanded) and not view.replaying
            return live and view.vocabulary.tells("faults")
        return super().check_action(action, parameters)

    def _may_control(self) -> Commanded | None:
        """What can be told to do something; says why not."""
        source, hello = self.view.source, self.view.hello
        if hello is None or not hello.control or not isinstance(source, Commanded):
            self.notify(_MAY_LOOK, severity="warning", timeout=4)
            return None
        return source

    def action_poke(self) -> None:
        """Ask what is to happen to the selected stream, and have it happen."""
        front = self.front()
        number = (front.subject[0] if front is not None else None) or self.view.selected
        state = None if number is None else self.view.source.model.streams.get(number)
        if isinstance(self.screen, PokeScreen) or (source := self._may_control()) is None:
            return
        if number is None or state is None or state.closed_t:
            self.notify("Select a stream that is open first: P pokes it.", severity="warning", timeout=4)
            return

        def do(poke: tuple[str, int] | None) -> None:
            if poke is not None and self.view.status == "live":
                name, value = poke
                source.command("poke", stream=number, action=name, value=value)

        who = visible(short(state, self.view.vocabulary), 40)
        self.push_screen(PokeScreen(who, state.faults), do)
