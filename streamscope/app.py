"""The Textual app: it owns the screens and one timer, and knows nothing of streams.

The timer drains the session, folds what came for a few milliseconds, and asks the screen in front to paint what has
changed. Keys come between two of its ticks, so what a person does is answered while the engine is at its loudest.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.command import Provider
from textual.driver import Driver
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.theme import Theme

from streamscope.departure import Departure
from streamscope.language import sentences, tr
from streamscope.moving import MovingApp
from streamscope.servers.traffic import Traffic
from streamscope.terminal import Leaving
from streamscope.trace.contents import Goodbye
from streamscope.trace.instant import Target
from streamscope.ui.actions import BY_ID, bindings, key_text
from streamscope.ui.cells import is_wide, wrapped
from streamscope.ui.choices import Choices
from streamscope.ui.clipboard import copy_selected
from streamscope.ui.config_file import Config
from streamscope.ui.feed_source import Source
from streamscope.ui.live import AGES_EVERY
from streamscope.ui.messages import StreamOpened, StreamPinned
from streamscope.ui.palette import ActionProvider, LintProvider, StreamProvider
from streamscope.ui.processes import Moves
from streamscope.ui.safe import visible
from streamscope.ui.screens.base import HEIGHTS, WIDTHS, LiveScreen
from streamscope.ui.screens.help import HelpScreen
from streamscope.ui.screens.overview import OverviewScreen
from streamscope.ui.screens.palette_screen import Palette
from streamscope.ui.screens.stream import StreamScreen
from streamscope.ui.screens.timeline import TimelineScreen
from streamscope.ui.screens.wall import WallScreen
from streamscope.ui.stuck import stack_text
from streamscope.ui.themes import THEMES
from streamscope.ui.view import View
from streamscope.ui.widgets.explains import Explains
from streamscope.ui.widgets.filtered import FilteredList
from streamscope.ui.widgets.inside_panes import InsideNow

if TYPE_CHECKING:
    from streamscope.link.frames import Hello

FOLD_SECONDS = 0.008
"""How long one tick folds at most, so that a key never waits long."""


INTERRUPT_S = 5.0
"""How long a second Ctrl-C leaves, and the words that say so stay."""


EXCEPTIONS_APART_S = 5.0
"""A program may raise a thousand times a second; so seldom it is told."""


def _collect_seldom() -> None:
    """Ten thousand streams are some hundred thousand objects that live long: looking through all of them for cycles
    would hold a frame up for a tenth of a second. What is there already is left alone, and the rest looked through
    seldom. A second app in a process leaves it at that: what the first has let go of would stay for good.
    """
    if not gc.get_freeze_count():
        gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()


class StreamscopeApp(MovingApp):
    """The inspector of one engine. It returns its exit status."""

    CSS_PATH = "ui/streamscope.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("everywhere"), *bindings("travel")]
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {
        ActionProvider, LintProvider, StreamProvider,
    }  # fmt: skip
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    ENABLE_COMMAND_PALETTE = True
    TITLE = "streamscope"

    def __init__(
        self,
        source: Source,
        config: Config | None = None,
        *,
        view: View | None = None,
        traffic: bool = False,
        begin: Target | None = None,
        terminal: int = 2,
        leaving: Leaving | None = None,
        departure: Departure | None = None,
        moves: Moves | None = None,
        ascii_only: bool = False,
        braille: bool = True,
        choices: Choices | None = None,
        in_fleet: bool = False,
    ) -> None:
        """`traffic` starts the built-in clients as soon as it is known where the server listens. A replay stands at
        `begin`, or plays from the start. `terminal` is the descriptor to draw on, with ASCII alone or without braille
        if need be; `leaving` says when the app is to end, and `departure` is the end of the engine, where it has to end
        first; `moves` is where else it may go. `choices` keeps what is chosen here for the next time.
        Who looks at an engine `in_fleet` can go back to all of them: `to_fleet` says so.
        """
        self.in_fleet, self.to_fleet = in_fleet, False
        no_color = os.environ.pop("NO_COLOR", "")
        if no_color:
            os.environ["NO_COLOR"] = no_color  # textual takes it out, and takes an empty one for a wish
        self.terminal = terminal
        self.ascii_only = ascii_only
        self.braille = braille
        super().__init__(ansi_color=True if no_color else None)
        if no_color:
            os.environ["NO_COLOR"] = no_color
            self.add_class("-no-color")
        self._has_begun = False
        self.config = config or Config()
        for theme in THEMES:
            self.register_theme(theme)
        self.choices = choices or Choices()
        chosen = self.choices.get("theme", self.config.theme)
        self.theme = chosen if chosen in self.available_themes else self.config.theme
        self.stylesheet.set_variables(self.get_css_variables())  # before anything is parsed with another theme's
        self.view = view or View(source, closed_seconds=self.config.closed_seconds, allow=self.config.allow)
        self.inside = InsideNow(self.view)
        self._every_event = str(self.config.every_event)
        self.view.every_event = self.choices.get("every_event", self._every_event) == str(True)
        self.traffic = Traffic()
        self._traffic_wanted = traffic
        self._begin = begin
        self._leaving = leaving
        self._departure = departure
        if moves is not None:
            self.go_among(moves)
        self.view.own = departure is not None
        self._ages_due = 0.0
        self._interrupted_until = self._again_until = 0.0
        self._exception_due = 0.0
        self._overview = OverviewScreen(self.view, self.config)
        self._wall = WallScreen(self.view)

    def get_default_screen(self) -> Screen[None]:
        """The overview."""
        return self._overview

    def get_driver_class(self) -> type[Driver]:
        """Ours; tests have Textual's own that draws nowhere."""
        from streamscope.driver import TerminalDriver

        return TerminalDriver

    def get_theme(self, theme_name: str) -> Theme | None:
        """The theme of this name. Textual copies the table of all themes for it, and asks for every line it draws."""
        return self._registered_themes.get(theme_name) or super().get_theme(theme_name)

    def refresh_css(self, animate: bool = True) -> None:
        """Style everything anew. Textual asks for it as soon as the theme is set: before there is anything to style,
        and reads the whole stylesheet for that once more than it has to.
        """
        if self._has_begun:
            super().refresh_css(animate)

    def on_mount(self) -> None:
        """Put the person's settings in force and begin to drain."""
        self._has_begun = True
        if self._leaving is not None:
            asyncio.get_running_loop().add_reader(self._leaving.fileno(), self._told_to_leave)
        self.set_keymap(dict(self.config.keys))
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        self.install_screen(self._wall, "wall")
        _collect_seldom()
        if self._begin is not None:
            self.view.go_to(self._begin)
        elif self.view.replaying and self.view.travel is not None:
            self.view.travel.play()
        self.set_interval(1 / self.config.frames_per_second, self.drain)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Tell something for a moment, in the place of what was told before: there is room for one."""
        self.clear_notifications()
        for screen in self.screen_stack:
            screen.query("ToastHolder").remove()  # textual takes out what was told, and leaves the place of it empty
        if is_wide(message):
            message = "\n".join(wrapped(message, max(self.size.width - 4, 10)))
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def _keep_theme(self, theme: Theme) -> None:
        if theme.name != self.choices.get("theme", self.config.theme):
            self.choices.keep("theme", theme.name, self.config.theme)

    def on_unmount(self) -> None:
        """Nothing that was started here stays behind."""
        self.traffic.stop()
        self.view.recording.end()

    def drain(self) -> None:
        """Take what has come, and have the screens that follow paint what has changed."""
        changed = self.view.advance(FOLD_SECONDS)
        self.hold()
        self.look_at_others()
        if self._departure is not None:
            self._departure.look(self.view.standstill, hears=self.view.status != "connecting")
            self.view.departing = self._departure.text if self._departure.begun else None
        notices = self.view.source.notices
        if notices:
            self.notify(tr(sentences([visible(tr(notice)) for notice in notices])), severity="warning", markup=False)
            notices.clear()
        self._tell_of_exceptions()
        told, failed = self.view.recording.look()
        if told:
            self.notify(tr(told), severity="error" if failed else "information", timeout=10, markup=False)
        if self._traffic_wanted and self.view.status == "live":
            self._traffic_wanted = False
            self.action_traffic()
        travel = self.view.travel
        if travel is not None and travel.searching is not None:
            self.found(travel.search_on())
        now = self.view.monotonic()
        if not changed and now < self._ages_due:
            return
        self._ages_due = now + AGES_EVERY
        for screen in self.following():
            screen.show(changed)

    def _tell_of_exceptions(self) -> None:
        """The program has raised: say so, and open its log, which has the traceback, where there is room for it."""
        raised, now = self.view.exception(), self.view.monotonic()
        if raised and now >= self._exception_due:
            self._exception_due = now + EXCEPTIONS_APART_S
            self.notify(
                tr("A callback raised {what}. L shows the log.", what=visible(raised, 100)),
                severity="error",
                timeout=8,
                markup=False,
            )
            self._overview.open_log()

    def open_stream(self, number: int, other: int | None = None) -> None:
        """Open a stream on the whole screen, with the other side of a conversation if one is given."""
        self.view.selected = number
        if isinstance(self.screen, StreamScreen):
            self.pop_screen()
        table = self._overview.table
        self.push_screen(StreamScreen(self.view, number, self.config, order=lambda: table.order, other=other))

    @on(StreamOpened)
    def _stream_opened(self, message: StreamOpened) -> None:
        self.open_stream(message.number)

    @on(StreamPinned)
    def _stream_pinned(self, message: StreamPinned) -> None:
        self.view.pin(message.number)
        for screen in self.screen_stack:
            if isinstance(screen, OverviewScreen | WallScreen):
                screen.place_panels()
        self.show_at_once()

    # actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nobody is offered the way to where they are, nor a journey where there can be none; and who has left is
        offered nothing any more: Textual mounts no widget then, and a screen without its widgets fails.
        """
        if self.left:
            return False
        if action == "explain":
            return self._explains() is not None
        if action == "again":
            return self.view.own and self.view.over
        if action == "overview":
            return len(self.screen_stack) > 1
        can = super().check_action(action, parameters)
        return can or (self.in_fleet and len(self.screen_stack) == 1) if action == "came_back" else can

    def action_overview(self) -> None:
        """Go to the overview."""
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def action_wall(self) -> None:
        """Go to the wall, or back from it."""
        back = self.screen is self._wall
        self.action_overview()
        if not back:
            self.push_screen("wall")

    def action_totals(self) -> None:
        """Go to the totals, or back from them."""
        from streamscope.ui.screens.totals_screen import TotalsScreen  # when somebody asks for them

        back = isinstance(self.screen, TotalsScreen)
        self.action_overview()
        if not back:
            if not self.is_screen_installed("totals"):
                self.install_screen(TotalsScreen(self.view), "totals")
            self.push_screen("totals")

    def action_timeline(self) -> None:
        """Go to the time line of the stream that matters on the screen, or back from it."""
        if isinstance(self.screen, TimelineScreen):
            self.pop_screen()
        elif isinstance(self.screen, LiveScreen):
            number = self.screen.subject[0]
            if number is None:
                number = self.view.selected
            self.push_screen(TimelineScreen(self.view, number, order=lambda: self._overview.table.order))

    def action_next_trouble(self) -> None:
        """Go to the next trouble: in the sentence, and in the table."""
        view, table = self.view, self._overview.table
        streams = view.model.streams
        failed = [number for number in table.order if number in streams and streams[number].errors]
        troubles = [finding.key for finding in view.told.findings]
        known = {number for _, number in troubles}
        troubles += [("failed", number) for number in failed if number not in known]
        if not troubles:
            self.notify(tr("Nothing is wrong, and no stream has failed."), timeout=3)
            return
        here = view.trouble if view.trouble in troubles else troubles[0]
        at_it = view.selected == here[1] or not here[1]
        view.trouble = troubles[(troubles.index(here) + at_it) % len(troubles)]
        number = view.trouble[1]
        if number:
            view.selected = number
            if isinstance(self.screen, LiveScreen):
                self.screen.take_up()
        self.show_at_once()

    def _explains(self) -> Explains | FilteredList | None:
        """The pane whose things are explained: the one that has the focus, or else the foremost of its screen."""
        front = self.front()
        candidates = (self.focused, front.foremost if front is not None and front is self.screen else None)
        return next((each for each in candidates if isinstance(each, Explains | FilteredList)), None)

    def action_explain(self) -> None:
        """Explain what is under the cursor, then the next thing."""
        pane = self._explains()
        if pane is None:
            return
        if not pane.has_focus:
            pane.focus()
        if not pane.explain():
            self.notify(tr("Nothing stands here that could be explained; ? explains the pane."), timeout=4)

    def action_every_event(self) -> None:
        """Show every event, or what matters alone."""
        self.view.every_event = not self.view.every_event
        self.choices.keep("every_event", str(self.view.every_event), self._every_event)
        self.show_at_once()

    def action_traffic(self) -> None:
        """Start the built-in clients, or stop them."""
        hello = self.view.hello
        if self.traffic.running:
            self.traffic.stop()
            self.notify(tr("The built-in clients have stopped."))
        elif hello is None or not hello.addresses:
            self.notify(tr("The server listens nowhere, so no client can connect."), severity="warning")
        elif self.view.status != "live":
            self.notify(tr("The engine is not there any more, so no client can connect."), severity="warning")
        else:
            self._start_traffic(hello.program, hello.addresses[0])

    def _start_traffic(self, program: str, address: str) -> None:
        try:
            self.traffic.start(address, program)
        except OSError as error:
            said = tr("The built-in clients cannot start: {error}.", error=error.strerror)
            self.notify(said, severity="error", markup=False)
        else:
            self.notify(tr("Built-in clients are talking to the server; g stops them."))

    def action_record(self) -> None:
        """Begin to record the engine, or end the recording, whoever makes it."""
        hello, recording = self.view.hello, self.view.recording
        if recording.running:
            recording.stop()
        elif hello is not None and self.view.over:
            self._keep_the_past(hello)
        elif hello is None or self.view.status != "live":
            self.notify(tr("There is no engine that could be recorded."), severity="warning")
        elif hello.recording and hello.control:
            self.view.source.stop_recording()
        elif not hello.probe:
            self.notify(
                tr("The engine listens for no inspectors (--no-probe), so no recorder can attach."), severity="warning"
            )
        else:
            try:
                path = recording.start(hello)
            except OSError as error:
                said = tr("No recorder can be started: {error}.", error=error.strerror)
                self.notify(said, severity="error", markup=False)
            else:
                self.notify(tr("Recording into {file}; R ends it.", file=visible(str(path), 500)), markup=False)

    def _keep_the_past(self, hello: Hello) -> None:
        """Nobody can be recorded any more, but what was seen is here yet."""
        source = self.view.source
        bye = None if source.status == "gone" else Goodbye(source.reason, source.exit_status or 0)
        try:
            path = self.view.recording.keep(hello, source.past, bye)
        except OSError as error:
            said = tr("The past cannot be kept: {error}.", error=error.strerror)
            self.notify(said, severity="error", markup=False)
        else:
            self.notify(tr("Keeping the past in {file}.", file=visible(str(path), 500)), markup=False)

    def action_help(self) -> None:
        """Explain what has the focus."""
        self.push_screen(HelpScreen(self.screen.focused, self.screen.active_bindings, self.view.told.findings))

    def action_came_back(self) -> None:
        """Go back to where one came from, or else to all engines of the fleet."""
        if super().check_action("came_back", ()) or not self.in_fleet:
            super().action_came_back()
        else:
            self.to_fleet = True
            self._leave()

    def action_copy(self) -> None:
        """Copy what is selected."""
        stands = self.view.standstill
        copy_selected(self.screen, "" if stands is None else stack_text(stands))

    def action_command_palette(self) -> None:
        """Search everything that can be done."""
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    async def action_quit(self) -> None:
        """Leave."""
        self._leave()

    def _leave(self) -> None:
        """Go, once the engine that was started for this screen has ended; to leave again hastens that."""
        self.traffic.stop()
        departure = self._departure
        if departure is None:
            self.exit(0)
            return
        if not departure.begun:
            asyncio.get_running_loop().add_reader(departure.engine.fileno(), self._engine_has_ended)
        departure.leave()
        self.drain()

    def _engine_has_ended(self) -> None:
        assert self._departure is not None
        asyncio.get_running_loop().remove_reader(self._departure.engine.fileno())
        self.exit(0)

    def _told_to_leave(self) -> None:
        assert self._leaving is not None
        if self._leaving.hung_up:  # nobody sees how long it takes
            asyncio.get_running_loop().remove_reader(self._leaving.fileno())
            self.exit(0)
        else:
            self._leaving.heard()
            self._leave()

    def action_interrupt(self) -> None:
        """Copy what is marked, as Ctrl-C does elsewhere. Without that, who presses it means to leave, or has pressed it
        by mistake: say how one does, and leave if it comes again while that is to be read.
        """
        marked = self.screen.get_selected_text() or getattr(self.focused, "selected_text", "")
        now = self.view.monotonic()
        if marked:
            self.copy_to_clipboard(marked)
        elif self.leaves or now < self._interrupted_until:
            self._leave()
        else:
            self._interrupted_until = now + INTERRUPT_S
            key = key_text(self.config.keys.get("quit", BY_ID["quit"].keys).split(",")[0])
            said = tr("{key} leaves; so does Ctrl-C, pressed again.", key=key)
            self.notify(said, timeout=INTERRUPT_S, markup=False)

    def action_again(self) -> None:
        """Leave, and have the same command line run anew: once the person has said so twice, since the past goes."""
        assert self._departure is not None
        now = self.view.monotonic()
        if now < self._again_until:
            self._departure.again = True
            self._leave()
        else:
            self._again_until = now + INTERRUPT_S
            self.notify(tr("r again runs it anew; what is kept of its past goes. R keeps that in a file."), timeout=5)

    @property
    def leaves(self) -> bool:
        """Whether the person has left, and the screen only waits for its engine's end."""
        return self._departure is not None and self._departure.begun

    @property
    def left(self) -> bool:
        """Whether the person has left, by a key or by a signal; not so where the screen has failed."""
        return self.return_value is not None

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """None of Textual's own: everything is in the table of actions."""
        return ()
