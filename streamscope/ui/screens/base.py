"""What every screen has: header, sentence, body, past, keys, and a word for terminals that are too small."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any, TypeVar

from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Input

from streamscope.ui.view import View
from streamscope.ui.widgets.footer import KeyFooter
from streamscope.ui.widgets.header import Header
from streamscope.ui.widgets.scrub import Scrub
from streamscope.ui.widgets.sentence_bar import Sentence
from streamscope.ui.widgets.too_small import LEAST_HEIGHT, LEAST_WIDTH, TooSmall

Result = TypeVar("Result")
"""What a dialog is dismissed with."""

WIDE = 120
"""From this width on, table and panels stand beside each other."""
TALL = 36
"""From this height on, there is room for events beside everything else."""
WIDTHS = [(0, "-tiny"), (LEAST_WIDTH, "-narrow"), (WIDE, "-wide")]
HEIGHTS = [(0, "-flat"), (LEAST_HEIGHT, "-low"), (TALL, "-tall")]
"""Classes that every screen gets by its size; the stylesheet lays out by them."""


def class_of(cells: int, classes: list[tuple[int, str]]) -> str:
    """The class of a width or height."""
    return next(name for least, name in reversed(classes) if cells >= least)


class LiveScreen(Screen[None]):
    """A screen that shows live state. Subclasses compose their body and paint what has changed."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self.view = view
        self._header = Header(view)
        self._sentence = Sentence(view)
        self._scrub = Scrub(view)
        self._footer = KeyFooter()

    def compose(self) -> ComposeResult:
        """The frame, and the body in it."""
        width, height = self.app.size
        self.add_class(
            class_of(width, WIDTHS), class_of(height, HEIGHTS)
        )  # textual gives it after the first frame only
        yield self._header
        yield self._sentence
        yield Container(*self.compose_body(), id="body")
        yield TooSmall("The replay" if self.view.replaying else "The server")
        yield self._scrub
        yield self._footer

    def compose_body(self) -> Iterable[Widget]:
        """The widgets between header and footer."""
        return ()

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

    def show_at_once(self) -> None:
        """Paint without waiting for what is only painted now and then."""
        self.show(frozenset(self.view.model.streams))
        self._header.show(frozenset(), now=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whoever writes a filter writes its slashes too."""
        return action != "filter" or not isinstance(self.focused, Input)

    def show_keys_of(self, dialog: Screen[Any] | None) -> None:
        """Tell in the footer of the keys of a dialog over this screen; None is that there is none any more."""
        self._footer.show_keys_of(dialog)

    def on_screen_resume(self) -> None:
        """Somebody looks at this screen, perhaps for the first time."""
        if self.is_mounted:
            if self.app.screen is self:  # a dialog may have been opened since
                self.show_keys_of(None)
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
