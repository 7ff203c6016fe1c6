"""What a person can do with streams that go with each other: go along their chain, see two as one conversation."""

from __future__ import annotations

from streamscope.language import sentences, tr
from streamscope.trace.roles import short
from streamscope.travelling import TimeTravelApp
from streamscope.ui.chain_text import chain_text
from streamscope.ui.safe import as_sentence, visible
from streamscope.ui.screens.stream import StreamScreen


class PairsApp(TimeTravelApp):
    """An app whose streams may go with each other."""

    _trail: tuple[int, ...] = ()
    """The streams that `c` has led over, the last of which is where it has led to."""

    def open_stream(self, number: int, other: int | None = None) -> None:
        """Open a stream on the whole screen, with the other side of a conversation if one is given."""
        raise NotImplementedError

    def _on_the_trail(self) -> bool:
        """Whether the person is where `c` has led them."""
        return len(self._trail) > 1 and self.view.selected == self._trail[-1]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """One comes back along a chain, too."""
        if action == "came_back" and self._on_the_trail():
            return True
        return super().check_action(action, parameters)

    def action_came_back(self) -> None:
        """Back along the chain a step, if that is how the person came here; else as ever."""
        if self._on_the_trail():
            self._trail = self._trail[:-1]
            self._go_to(self._trail[-1])
        else:
            super().action_came_back()

    def action_chain(self) -> None:
        """A step along the chain towards its root; from there, back to where the person began. Where nothing is held
        back, to the other side of the pair.
        """
        number = self.view.selected
        if number is None:
            self.notify(tr("Select a stream first: c goes along its chain."), severity="warning", timeout=4)
            return
        if not self._on_the_trail():
            self._trail = (number,)
        told = self.view.told
        steps = told.chain(number).streams[1:2]
        if steps and self._is_hidden(steps[0]):
            return
        if steps and steps[0] not in self._trail:
            self._trail += steps
            self._go_to(steps[0])
            self._say_if_root(steps[0])
        elif len(self._trail) > 1:
            begin = self._trail[0]
            self._trail = ()
            self._go_to(begin)
        else:
            self._go_across(number)

    def _go_across(self, number: int) -> None:
        """To the other side, where there is no chain to follow."""
        self._trail = ()
        view = self.view
        other = view.ties.other_side(number)
        if other is not None:
            if not self._is_hidden(other):
                self._go_to(other)
        elif view.told.unlinked:
            self.notify(visible(tr(view.told.unlinked)), timeout=4, markup=False)
        else:
            said = tr("#{number} is in no chain: nothing was seen to feed it, nor to be fed by it.", number=number)
            self.notify(said, timeout=4)

    def _is_hidden(self, number: int) -> bool:
        """Whether the stream is not among those that the screen in front shows, because of its filter: the person is
        told so, since the cursor cannot go there.
        """
        front = self.front()
        if front is None or not front.hides(number):
            return False
        state = self.view.stream(number)
        who = f"#{number}" if state is None else tr(short(state, self.view.vocabulary))
        hidden = as_sentence(tr("{who} is next along the chain, and the filter hides it", who=who))
        said = tr(sentences([hidden, tr("esc shows every stream, then c goes there.")]))
        self.notify(said, severity="warning", timeout=6, markup=False)
        return True

    def _say_if_root(self, number: int) -> None:
        """Tell the person that this is where the chain ends."""
        view = self.view
        if len(view.told.chain(number).streams) > 1:
            return
        state = view.stream(number)
        who = f"#{number}" if state is None else tr(short(state, view.vocabulary))
        line = chain_text(view.told, number, view.model.streams, view.vocabulary)
        beyond = view.other_end(number)
        command = (
            "" if beyond is None or not beyond.command else tr("Its other end: {command}.", command=beyond.command)
        )
        root = as_sentence(tr("{who} is the root: {chain}", who=who, chain=line))
        self.notify(tr(sentences([root, command, tr("c goes back.")])), timeout=6, markup=False)

    def action_conversation(self) -> None:
        """Both sides of the pair as one conversation, or one side again."""
        screen = self.screen
        if isinstance(screen, StreamScreen) and screen.other is not None:
            self.open_stream(screen.number)
            return
        number = self.view.selected
        if number is None:
            self.notify(tr("Select a stream first: B shows both of its sides."), severity="warning", timeout=4)
            return
        other = self.view.ties.other_side(number)
        if other is not None:
            self.open_stream(number, other)
        elif self.view.told.unlinked:
            self.notify(visible(tr(self.view.told.unlinked)), timeout=4, markup=False)
        else:
            said = tr("No other side is known of #{number}: nothing was seen to feed it.", number=number)
            self.notify(said, timeout=4)

    def _go_to(self, number: int) -> None:
        self.view.selected = number
        front = self.front()
        if front is not None:
            front.take_up()
        self.refresh_bindings()
        self.show_at_once()
