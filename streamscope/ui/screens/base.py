"""What every screen has: header, sentence, body, past, keys, and a word for terminals that are too small."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.geometry import Size
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Input

from streamscope.language import tr
from streamscope.ui.messages import StreamWanted
from streamscope.ui.view import View
from streamscope.ui.widgets.event_pane import EventPane
from streamscope.ui.widgets.filter_bar import FilterBar
from streamscope.ui.widgets.footer import KeyFooter
from streamscope.ui.widgets.header import Header
from streamscope.ui.widgets.scrub import Scrub
from streamscope.ui.widgets.sentence_bar import Sentence
from streamscope.ui.widgets.too_small import LEAST_HEIGHT, LEAST_WIDTH, TooSmall

Result = TypeVar("Result")
"""What a dialog is dismissed with."""

WIDE = 120
"""From this width on, table and panels stand beside each other."""
VAST = 160
"""From this width on, there is room for a stream's time line beside its panel."""
TALL = 36
"""From this height on, there is room for events beside everything else."""
ENOUGH = (80, 24)
"""Below this size there is room for one pane of a screen alone."""
WIDTHS = [(0, "-tiny"), (LEAST_WIDTH, "-narrow"), (WIDE, "-wide")]
HEIGHTS = [(0, "-flat"), (LEAST_HEIGHT, "-low"), (TALL, "-tall")]
"""Classes that every screen gets by its size; the stylesheet lays out by them."""


def class_of(cells: int, classes: list[tuple[int, str]]) -> str:
    """The class of a width or height."""
    return next(name for least, name in reversed(classes) if cells >= least)


def room_of(size: Size) -> int:
    """How much a size has room for: 2 for every pane, 1 for one alone, 0 for none."""
    width, height = size
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return 0
    return 1 if width < ENOUGH[0] or height < ENOUGH[1] else 2


class LiveScreen(Screen[None]):
    """A screen that shows live state. Subclasses compose their body and paint what has changed."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self.view = view
        self._header = Header(view)
        self._sentence = Sentence(view)
        self._scrub = Scrub(view)
        self._footer = KeyFooter()
        self._room = 2
        self._had_focus: tuple[int, Widget] | None = None  # before it had to go, and with how much room it may be back

    def compose(self) -> ComposeResult:
        """The frame, and the body in it."""
        self._fit(self.app.size)  # textual gives the classes after the first frame only
        yield self._header
        yield self._sentence
        yield Container(*self.compose_body(), id="body")
        yield TooSmall(tr("The replay") if self.view.replaying else tr("The server"))
        yield self._scrub
        yield self._footer

    def lay_out(self, width: int, height: int) -> None:
        """Choose the panes that there is room for, where the stylesheet cannot; also before they are there."""

    def compose_body(self) -> Iterable[Widget]:
        """The widgets between header and footer."""
        return ()

    @property
    def foremost(self) -> Widget | None:
        """The pane that is there even where there is room for one alone; None for a screen that sees to that itself."""
        return None

    def on_resize(self, event: events.Resize) -> None:
        """Another size has room for other panes."""
        self._fit(event.size)

    def _fit(self, size: Size) -> None:
        """Lay out by the room there is. Panes go where there is less of it; the one that had the focus before has it
        again when there is as much as then.
        """
        self.lay_out(*size)
        room = room_of(size)
        if room < self._room and self.focused is not None and self._had_focus is None:
            self._had_focus = (self._room, self.focused)
        shown = {class_of(size.width, WIDTHS), class_of(size.height, HEIGHTS), *(["-small"] if room < 2 else [])}
        names = [name for _, name in (*WIDTHS, *HEIGHTS)]
        self.update_classes({name: name in shown for name in (*names, "-small")}, animate=False)
        if room != self._room:
            self._room = room
            self.call_after_refresh(self._focus_what_is_there)

    def _focus_what_is_there(self) -> None:
        """The focus is on something that is on the screen, and where it was before, if that is there again."""
        if self._had_focus is not None and self._room >= self._had_focus[0]:
            (_, widget), self._had_focus = self._had_focus, None
            if widget.focusable:
                self.set_focus(widget)
        elif self.foremost is not None and (self.focused is None or not self.focused.focusable):
            self.set_focus(self.foremost)

    def show(self, changed: Set[int]) -> None:
        """Paint what has changed."""
        self._header.show(changed)
        self._sentence.show(changed)
        self._scrub.show(changed)

    @property
    def subject(self) -> tuple[int | None, str]:
        """The stream that matters here, and the lane of its time line that is selected, "" for none: to their changes
        one goes.
        """
        return None, ""

    @property
    def chosen_event(self) -> int | None:
        """The `seq` of the event that the person has selected here; None if they have not."""
        panes = [pane for pane in self.query(EventPane) if pane.display]
        return next((seq for pane in panes if (seq := pane.chosen) is not None), None)

    def take_up(self) -> None:
        """Turn to the stream that is selected: it may have been selected on another screen."""

    @on(StreamWanted)
    def _wanted(self, message: StreamWanted) -> None:
        self.view.selected = message.number
        self.take_up()
        self.show_at_once()

    def show_at_once(self) -> None:
        """Paint without waiting for what is only painted now and then."""
        self.show(frozenset(self.view.model.streams))
        self._header.show(frozenset(), now=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whoever writes a filter writes its slashes too; and what does not filter need not be told to stop."""
        if action == "unfilter":
            return self.filtering is not None
        return action != "filter" or not isinstance(self.focused, Input)

    def hides(self, number: int) -> bool:
        """Whether a filter of this screen keeps a stream that is there from being shown."""
        return False

    @property
    def filtering(self) -> FilterBar | None:
        """The filter that goes before the person leaves this screen; None where there is none."""
        return None

    def action_unfilter(self) -> None:
        """Show everything again."""
        if self.filtering is not None:
            self.filtering.drop()

    def show_keys_of(self, dialog: Screen[Any] | None) -> None:
        """Tell in the footer of the keys of a dialog over this screen; None is that there is none any more."""
        self._footer.show_keys_of(dialog)

    def on_screen_resume(self) -> None:
        """Somebody looks at this screen, perhaps for the first time."""
        if self.is_mounted:
            self._fit(self.app.size)
            if self.app.screen is self:  # a dialog may have been opened since
                self.show_keys_of(None)
                self.take_up()
            self.show_at_once()


class Dialog(ModalScreen[Result]):
    """A screen over another one, which stays in sight: the footer there tells of the keys that work here."""

    def on_mount(self) -> None:
        """Follow the focus within the dialog."""
        self.bindings_updated_signal.subscribe(self, self._tell_keys)

    def on_screen_resume(self) -> None:
        """The dialog is in front, for the first time or since another one over it has closed."""
        self._tell_keys(self)

    def _tell_keys(self, screen: Screen[Any]) -> None:
        if self.is_current:
            below = next((each for each in reversed(self.app.screen_stack) if isinstance(each, LiveScreen)), None)
            if below is not None:
                below.show_keys_of(self)
