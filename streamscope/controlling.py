"""What a person can have happen to the program from the screen: the app's actions for it (docs/control.md)."""

from __future__ import annotations

from textual.widgets import Input

from streamscope.language import N_, tr
from streamscope.pairing import PairsApp
from streamscope.trace.roles import short
from streamscope.ui.feed_source import Commanded
from streamscope.ui.plain import is_listener
from streamscope.ui.safe import visible

HOLD_EVERY_S = 1.0

_MAY_LOOK = N_("This inspector may only look: an engine started with --control, or from here, can be controlled.")


class ControlApp(PairsApp):
    """An app that may do something to what it looks at."""

    _holds = False
    """Whether this screen has frozen the loop, which is to hear now and then that somebody is still there."""
    _hold_due = 0.0
    _was_frozen = False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only a program on our engine, that runs, can have things happen to it; and one that is frozen goes in steps,
        for who looks at the present.
        """
        if action in ("poke", "freeze", "step_live"):
            view = self.view
            live = view.status == "live" and isinstance(view.source, Commanded) and not view.replaying
            if isinstance(self.focused, Input) or not live or not view.vocabulary.tells("faults"):
                return False
            return action != "step_live" or (bool(view.source.model.frozen_t) and view.travel is None)
        return super().check_action(action, parameters)

    def hold(self) -> None:
        """Give a sign, if it is time, while the loop is frozen for this screen: without one it goes on by itself. Other
        keys work while it is frozen.
        """
        now = self.view.monotonic()
        source = self.view.source
        frozen = bool(source.model.frozen_t)
        if frozen is not self._was_frozen:
            self._was_frozen = frozen
            self.refresh_bindings()
        if self._holds and now >= self._hold_due and isinstance(source, Commanded):
            self._hold_due = now + HOLD_EVERY_S
            source.command("hold")

    def action_freeze(self) -> None:
        """Freeze the loop, or let it go on."""
        if (source := self._may_control()) is not None:
            self._holds = not self.view.source.model.frozen_t
            source.command("freeze" if self._holds else "thaw")

    def action_step_live(self, by: str) -> None:
        """Let the frozen loop go on by one callback, or by one turn."""
        if (source := self._may_control()) is not None:
            source.command("step", by=by)

    def _may_control(self) -> Commanded | None:
        """What can be told to do something; says why not."""
        source, hello = self.view.source, self.view.hello
        if hello is None or not hello.control or not isinstance(source, Commanded):
            self.notify(tr(_MAY_LOOK), severity="warning", timeout=4)
            return None
        return source

    def action_poke(self) -> None:
        """Ask what is to happen to the selected stream, and have it happen."""
        from streamscope.ui.screens.poke_screen import PokeScreen  # when somebody asks for it

        front = self.front()
        number = (front.subject[0] if front is not None else None) or self.view.selected
        state = None if number is None else self.view.source.model.streams.get(number)
        if isinstance(self.screen, PokeScreen) or (source := self._may_control()) is None:
            return
        if number is None or state is None or state.closed_t:
            self.notify(tr("Select a stream that is open first: I pokes it."), severity="warning", timeout=4)
            return

        def do(poke: tuple[str, int] | None) -> None:
            if poke is not None and self.view.status == "live":
                name, value = poke
                source.command("poke", stream=number, action=name, value=value)

        who = visible(tr(short(state, self.view.vocabulary)), 40)
        listens = is_listener(state, self.view.vocabulary)
        self.push_screen(PokeScreen(who, state.faults, listens=listens), do)
