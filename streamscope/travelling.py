"""What a person can do to go back in time: the app's actions for it, each a few lines on the view."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from textual import on
from textual.app import App
from textual.widgets import Input

from streamscope.diagnosis.shapes import Finding
from streamscope.language import tr
from streamscope.source.stepping import step
from streamscope.trace.instant import Target
from streamscope.ui.lane_changes import field_of
from streamscope.ui.live import Shows
from streamscope.ui.messages import EventWanted, InstantWanted, SlowestWanted
from streamscope.ui.screens.base import LiveScreen
from streamscope.ui.screens.difference import DifferenceScreen
from streamscope.ui.screens.goto import GotoScreen
from streamscope.ui.screens.inside_screen import InsideScreen
from streamscope.ui.screens.slowest import SlowestScreen
from streamscope.ui.screens.why import WhyScreen
from streamscope.ui.sentences import shown
from streamscope.ui.slow_rows import slow_callbacks
from streamscope.ui.travel import Travel
from streamscope.ui.view import View
from streamscope.ui.widgets.explains import Explains
from streamscope.ui.widgets.inside_panes import InsideNow

NEED_A_JOURNEY = {"past_start", "past_end"}
"""Actions whose keys are a pane's own while the present is looked at; stepping by single events is one too."""
TRAVELLING = {
    *NEED_A_JOURNEY, "step", "step_turn", "step_function", "change", "speed", "pause", "mark", "difference", "goto",
}  # fmt: skip


class CameFrom(NamedTuple):
    """The instant that was looked at, None for the present; and the explanation that was open, if one was."""

    t: int | None
    finding: Finding | None = None
    cursor: int = 0


class TimeTravelApp(App[int]):
    """An app that looks at one engine, now or in its past."""

    view: View
    terminal: int
    """The descriptor that it is drawn on."""
    ascii_only: bool
    """Whether that is to get nothing but ASCII."""
    braille: bool
    """Whether that has braille."""
    inside: InsideNow
    """Where the engine was when it told of what has happened last."""
    came_from: CameFrom | None = None
    """Where the person was before they followed evidence into the past."""

    def following(self) -> Iterator[Shows]:
        """The screens that a person sees and that follow, from the front on: the live one, and dialogs over it; none
        whose widgets are not there. An app that is going down has none: its timers outlive its screens.
        """
        for screen in reversed(self.screen_stack):
            if isinstance(screen, (LiveScreen, Shows)) and screen.is_mounted:  # a protocol is asked last: that is slow
                yield screen
                if isinstance(screen, LiveScreen):
                    return

    def front(self) -> LiveScreen | None:
        """The live screen that a person sees, be it through a dialog."""
        return next((screen for screen in self.following() if isinstance(screen, LiveScreen)), None)

    def show_at_once(self) -> None:
        """Have the screens that follow paint everything anew."""
        for screen in self.following():
            screen.show_at_once()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys of a journey are for a screen that follows, not for a line that is being written nor for another dialog;
        and those that a pane has another use for only while there is one.
        """
        if action == "came_back":
            return self.came_from is not None and self.view.travel is not None
        if action not in TRAVELLING:
            return True
        if not isinstance(next(reversed(self.screen_stack), None), Shows) or isinstance(self.focused, Input):
            return False
        if self.view.travel is None:  # where there is no present any more, stepping is all that arrows are for
            return action not in NEED_A_JOURNEY and action != "speed" and (action != "step" or self.view.over)
        return True

    def _standing(self) -> Travel | None:
        """The journey, which begins now if there is none, and does not play. None where there is no past yet."""
        self.view.pause()
        if self.view.travel is not None:
            self.view.travel.stop()
        return self.view.travel

    def _say_if_gone(self, travel: Travel) -> None:
        """Who steps from where nothing is known any more lands elsewhere than a step away."""
        if travel.row < travel.past.reach:
            self.notify(
                tr("What was here is no longer in memory; this is the oldest that is."), severity="warning", timeout=4
            )

    def _arrived(self) -> None:
        """The person is somewhere else now, or time goes on otherwise."""
        self.view.advance(0.0)
        self.refresh_bindings()
        self.show_at_once()

    def action_pause(self) -> None:
        """Hold still, or go on: to the present if the person has not moved since, else from where they are."""
        view = self.view
        travel = view.travel
        if travel is None:
            view.pause()
        elif travel.playing:
            travel.stop()
        elif view.moved:
            travel.play()
        else:
            view.resume()
        self._arrived()

    def action_step(self, events: int) -> None:
        """Step so many events on, or back."""
        if travel := self._standing():
            self._say_if_gone(travel)
            travel.step(events)
            self._arrived()

    def action_step_turn(self, turns: int) -> None:
        """Step so many turns of the loop on, or back."""
        if travel := self._standing():
            self._say_if_gone(travel)
            travel.step_turn(turns)
            self._arrived()

    def action_step_function(self, out: int, direction: int) -> None:
        """Step over what the function calls, or out of it; on, or back."""
        if travel := self._standing():
            self._say_if_gone(travel)
            row, there = step(self.inside.of(travel.past), travel.row - 1, travel.past.end, out=bool(out),
                              back=direction < 0)  # fmt: skip
            if not there:
                self.notify(tr("Nothing that is kept of the past is outside of this function."), timeout=3)
            travel.go(row + 1)
            self._arrived()

    def action_source(self) -> None:
        """Show the line that told of the selected event, or of what has happened last; or go back."""
        if isinstance(self.screen, InsideScreen):
            self.screen.action_back()
            return
        front = self.front()
        if front is None or front is not self.screen:
            return
        chosen = front.chosen_event
        if travel := self._standing():
            if chosen is not None:
                travel.go_to(Target("seq", chosen), None)
            else:
                travel.step(0)  # past what the kernel was asked meanwhile
            self.push_screen(InsideScreen(self.view, self.inside, front.subject[0]))
            self._arrived()

    def action_change(self, direction: int) -> None:
        """Go to the next change of what matters on the screen, or to the one before."""
        front = self.front()
        number, lane = front.subject if front is not None else (None, "")
        thing = self.focused.explained if isinstance(self.focused, Explains) else None
        if thing is not None and field_of(thing.name, self.view.vocabulary):
            lane = field_of(thing.name, self.view.vocabulary)
        if number is None:
            self.notify(tr("Select a stream first: its changes are what this goes to."), severity="warning")
            return
        if travel := self._standing():
            self._say_if_gone(travel)
            self.found(travel.change(number, lane, direction), direction)

    def found(self, result: bool | None, direction: int = 0) -> None:
        """A search has ended with a change, or without one."""
        if result is False:
            if direction > 0:
                said = tr("What is kept of the past has no change after this.")
            elif direction < 0:
                said = tr("What is kept of the past has no change before this.")
            else:
                said = tr("What is kept of the past has no further change.")
            self.notify(said, severity="warning", timeout=3)
        if result is not None:
            self._arrived()

    def action_past_start(self) -> None:
        """Go to where the past begins."""
        if travel := self._standing():
            travel.go_start()
            self._arrived()

    def action_past_end(self) -> None:
        """Go back to the present; in a replay, to the end."""
        if self._standing():
            self.view.go_to(Target("end"))
            self._arrived()

    def action_speed(self, by: int) -> None:
        """Play slower, or faster."""
        if self.view.travel is not None:
            self.view.travel.change_speed(by)
            self._arrived()

    def action_goto(self) -> None:
        """Ask for an instant, and go there."""

        def go(target: Target | None) -> None:
            if target is not None:
                self.view.go_to(target)
                if self.view.travel is not None:
                    self.view.travel.stop()
                self._arrived()

        if not isinstance(self.screen, GotoScreen):
            self.push_screen(GotoScreen(self.view.standpoint, marked=self.view.mark is not None), go)

    def action_slowest(self) -> None:
        """List the slowest callbacks, and go to where one returned."""
        self._list_slowest(
            SlowestWanted(
                tr("slowest callbacks"), partial(slow_callbacks, self.view), tr("No callback has returned yet.")
            )
        )

    @on(SlowestWanted)
    def _list_slowest(self, message: SlowestWanted) -> None:
        """List what took longest, and go to where one was over."""

        def go(target: Target | None) -> None:
            if target is not None and (travel := self._standing()):
                travel.go_to(target, None)
                self._arrived()

        if not isinstance(self.screen, SlowestScreen):
            self.push_screen(SlowestScreen(self.view, message.title, message.rows, message.empty), go)

    # what is wrong

    def action_why(self) -> None:
        """Explain what is wrong with what is selected, or what the sentence speaks of."""
        finding = self._finding()
        if finding is not None:
            self._explain(finding)

    def _finding(self) -> Finding | None:
        """What is found in the stream that is selected, or in the one that holds it back; else the worst."""
        told = self.view.told
        front = self.front()
        number = front.subject[0] if front is not None else None
        held = told.held.get(number or 0)
        for stream in (number, held.by if held is not None else None):
            if stream and (found := told.of(stream)):
                return found[0]
        finding = shown(told, self.view.trouble)
        if finding is None:
            limit = told.limited(number or 0)
            self.notify(
                tr(limit.sentence) if limit is not None else tr("Nothing is found to be wrong."),
                timeout=4,
                markup=False,
            )
        return finding

    def _explain(self, finding: Finding, cursor: int = 0) -> None:
        front = self.front()
        if front is None or isinstance(self.screen, WhyScreen):
            return
        screen = WhyScreen(self.view, finding, front, cursor)

        def go(target: Target | None) -> None:
            if target is not None:
                self._follow(target.value, screen.pane.finding, screen.pane.cursor)

        self.push_screen(screen, go)

    def action_began(self) -> None:
        """Go to where it began."""
        screen = self.screen
        finding = screen.pane.finding if isinstance(screen, WhyScreen) else self._finding()
        if finding is not None:
            if isinstance(screen, WhyScreen):
                screen.dismiss(Target("t", finding.since))
            else:
                self._follow(finding.since)

    def _follow(self, t: int, finding: Finding | None = None, cursor: int = 0) -> None:
        """Go to an instant, from where one comes back."""
        view = self.view
        came_from = CameFrom(view.now_t if view.travel is not None else None, finding, cursor)
        if travel := self._standing():
            if t < travel.span[0]:
                self.notify(tr("It began before what is kept of the past: this is the oldest that is."), timeout=4)
            travel.go_to(Target("t", t), None)
            self.came_from = came_from
            self._arrived()

    def action_came_back(self) -> None:
        """Back to where one came from: the instant, and the explanation if one was open."""
        came_from, self.came_from = self.came_from, None
        if came_from is None:
            return
        if came_from.t is None:
            self.view.resume()
        elif self.view.travel is not None:
            self.view.travel.go_t(came_from.t)
        self._arrived()
        if came_from.finding is not None:
            self._explain(came_from.finding, came_from.cursor)

    def action_turn_ladder(self) -> None:
        """Show the other side of the ladder of the selected stream."""
        front = self.front()
        if front is not None and front.subject[0] is not None:
            self.view.turn(front.subject[0])
            self.show_at_once()

    def action_allow_this(self) -> None:
        """Allow what is explained."""
        if isinstance(self.screen, WhyScreen):
            name = self.screen.pane.finding.lint
            self.screen.dismiss(None)
            self.allow_lint(name)

    def allow_lint(self, name: str) -> None:
        """Say no more of what a lint finds, or say it again."""
        if self.view.allow(name):
            words = tr(
                "{name} is allowed: no more is said of it. ^p heeds it again; --allow {name} does this for good.",
                name=name,
            )
        else:
            words = tr("{name} is heeded again.", name=name)
        self.notify(words, timeout=8, markup=False)
        self.show_at_once()

    @on(InstantWanted)
    def _instant_wanted(self, message: InstantWanted) -> None:
        """A time line was clicked."""
        if travel := self._standing():
            travel.go_t(message.t)
            self._arrived()

    @on(EventWanted)
    def _event_wanted(self, message: EventWanted) -> None:
        """An event was chosen."""
        if travel := self._standing():
            travel.go_to(Target("seq", message.seq), None)
            self._arrived()

    def action_mark(self) -> None:
        """Mark this instant, or take the mark away."""
        marked = self.view.set_mark()
        said = tr("Marked; d shows what differs from here.") if marked else tr("The mark is taken away.")
        self.notify(said, timeout=3)
        self.show_at_once()

    def action_difference(self) -> None:
        """Show what differs between the mark and now, or no longer."""
        if isinstance(self.screen, DifferenceScreen):
            self.screen.dismiss(None)
            return
        if self.view.mark is None:
            said = tr("Nothing is marked yet: m marks this instant, d then shows what differs from it.")
            self.notify(said, timeout=4)
            return
        front = self.front()
        self.push_screen(DifferenceScreen(self.view, front.subject[0] if front is not None else None))
