"""The line in which a person writes which streams, or which events, a list shows.

What is written is parsed letter by letter. As long as it is a filter the list follows; where it is wrong, the place is
marked, a line below says why, and the list follows what is right before it. What may come next is offered in a list,
and the filters that were kept before come back with the arrow up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.highlighter import Highlighter
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.strip import Strip
from textual.widgets import Input, Static

from streamscope.language import tr
from streamscope.ui.actions import bindings
from streamscope.ui.filter_history import LONGEST, FilterHistory
from streamscope.ui.messages import FilterChanged
from streamscope.ui.safe import fit, visible
from streamscope.ui.state_file import state_path
from streamscope.ui.widgets.completions import Completions
from streamscope.ui.widgets.pens import Pens

if TYPE_CHECKING:
    from streamscope.trace.filter import Completion, Filter, FilterError, States
    from streamscope.trace.vocabulary import Vocabulary

WRONG = Style(underline=True, reverse=True)


class _WrongPlace(Highlighter):
    """Marks the place where the text is wrong."""

    def __init__(self) -> None:
        self.place: tuple[int, int] | None = None

    def highlight(self, text: Text) -> None:
        """Underlines it, and turns its colours round: it is told without colours too."""
        if self.place is not None:
            text.stylize(WRONG, *self.place)


class FilterInput(Input):
    """The input of the filter: enter keeps it, escape clears it, tab completes, the arrows choose and recall."""

    BINDINGS = bindings("filter")

    def __init__(self, *, for_streams: bool) -> None:
        self.wrong_place = _WrongPlace()
        super().__init__(
            compact=True,
            placeholder="7   tcp reading   wq > 64KiB" if for_streams else "kind==sys.read   flag==READING   error",
            highlighter=self.wrong_place,
            select_on_focus=False,
            max_length=LONGEST,
        )

    @property
    def HELP(self) -> str:  # type: ignore[override]  # what every widget calls its help
        """The language in short, from its own tables."""
        from streamscope.trace.filter import Language
        from streamscope.trace.filter.guide import examples

        language = Language.of(self.bar.vocabulary(), states=self.bar.states())
        shown = "\n\n".join(f"{text}  –  {tr(words)}" for text, words in examples(language))
        return "\n\n".join(
            (
                tr(
                    "Only what matches stays in the list, which follows while you write. Words must all match: a "
                    "number (7 or #7), an address or a part of one, a type, the name of a flag, any text. Names are "
                    "compared with values, and all of it is joined by and, or, not and parentheses."
                ),
                shown,
                tr("Streams have: {names}.", names=", ".join(name.name for name in language.stream_names)),
                tr(
                    "Events have, beside what their stream has: {names}.",
                    names=", ".join(name.name for name in language.event_names),
                ),
                tr(
                    "Tab completes a word, ↓ goes through what may stand there, ↑ brings back what was kept before. "
                    "What is wrong is marked, and until it is right, the list follows what stands before it. "
                    "docs/filter.md explains all of it."
                ),
            )
        )

    @property
    def bar(self) -> FilterBar:
        """The bar that it is in."""
        return next(node for node in self.ancestors if isinstance(node, FilterBar))

    def action_apply(self) -> None:
        """Take the chosen offer, or keep the filter."""
        self.bar.apply()

    def action_clear(self) -> None:
        """Close the list of offers that is gone through, or show everything."""
        self.bar.clear()

    def action_complete(self) -> None:
        """Write the first offer, or the chosen one."""
        self.bar.complete()

    def action_next(self) -> None:
        """Go to the next offer, or to a newer filter."""
        self.bar.choose(1)

    def action_previous(self) -> None:
        """Go to the offer before, or to an older filter."""
        self.bar.choose(-1)


class FilterHint(Pens):
    """Why the filter is wrong, under the place."""

    DEFAULT_CSS = """
    FilterHint { height: 1; display: none; }
    """

    error: FilterError | None = None
    scrolled = 0

    def render_line(self, y: int) -> Strip:
        """A mark under the place, and the reason beside it where there is room for both."""
        error = self.error
        if error is None:
            return self.strip([])
        width = self.content_size.width
        at = min(max(error.start - self.scrolled, 0), max(width - 1, 0))
        mark = "▔" * max(1, min(error.end - error.start, width - at))
        words = visible(tr(error.message))
        cells = cell_len(words)
        if at + len(mark) + 1 + cells <= width:
            text = " " * at + mark + " " + words
        elif cells + 1 <= at:
            text = " " * (at - cells - 1) + words + " " + mark
        else:
            text = fit(words, width)
        return self.strip([Segment(text, self.pen("error"))])


class FilterBar(Vertical):
    """The filter, hidden while there is none. Posts FilterChanged when another filter is to be in force."""

    DEFAULT_CSS = """
    FilterBar { height: auto; }
    FilterBar > Horizontal { height: 1; }
    FilterBar FilterHint { margin-left: 2; }
    """

    def __init__(
        self,
        vocabulary: Callable[[], Vocabulary],
        *,
        for_streams: bool = True,
        history: FilterHistory | None = None,
        states: Callable[[], States | None] = lambda: None,
        id: str | None = None,
    ) -> None:
        """`vocabulary` says in which words the feed speaks that is filtered, `states` which others there are."""
        super().__init__(id=id)
        self.vocabulary = vocabulary
        self.input = FilterInput(for_streams=for_streams)
        self.display = False
        self._for_streams = for_streams
        self.states = states
        self._history = history or FilterHistory(state_path("filters" if for_streams else "event-filters"))
        self._offers = Completions()
        self._hint = FilterHint()
        self._right: Filter | None = None
        self._recalled: int | None = None  # which of the history's filters is shown
        self._kept: list[str] = []  # what can be recalled
        self._draft = ""  # what was being written when something was first recalled
        self._quiet = False  # the next change is ours: offer nothing
        self._asked = False  # the person opened the list of offers

    def compose(self) -> ComposeResult:
        """A slash and the text, what is wrong with it, and what may come next."""
        with Horizontal():
            yield Static(Content("/"), classes="filter-slash")
            yield self.input
        yield self._hint
        yield self._offers

    def open(self) -> None:
        """Show the line and put the cursor into it."""
        self.display = True
        self.screen.set_focus(self.input)  # at once: what is typed behind the key is meant for the line

    @property
    def filters(self) -> bool:
        """Whether anything is left out because of what is written here."""
        return self.display and bool(self.input.value.strip())

    def drop(self) -> None:
        """Show everything again, from wherever the person is."""
        self._asked = False
        self._offers.show([])
        self.clear()

    # what is written

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        """The list follows every letter."""
        event.stop()
        if not self._quiet:
            self._recalled = None
        self._asked = False
        offers = [] if self._quiet else self._completions(begun=True)
        self._offers.show(offers)
        self._quiet = False
        error = self._judge(event.value)
        if error is not None and any(_begins(offer, error, event.value) for offer in offers):
            self._say_of(None)  # it is being written, and may become what is offered
        self._tell(event.value if self._right is None else self._right.text)

    def _tell(self, text: str, *, keep: bool = False) -> None:
        self.post_message(FilterChanged(text, self._right, keep))
        self.screen.refresh_bindings()  # what esc does next may be another thing

    def _judge(self, text: str) -> FilterError | None:
        """Parses what is written, and marks what is wrong with it."""
        from streamscope.trace.filter import Filter, FilterError  # when somebody writes one, not when the screen opens

        error: FilterError | None = None
        try:
            self._right = self._parsed(text)
        except FilterError as found:
            error = found
            self._right = Filter.sound_part(
                text, self.vocabulary(), for_streams=self._for_streams, states=self.states()
            )
        self._say_of(error)
        return error

    def _say_of(self, error: FilterError | None) -> None:
        """Marks what is wrong and says it, or nothing."""
        hint, mark = self._hint, self.input.wrong_place
        mark.place = None if error is None else (error.start, max(error.end, error.start + 1))
        hint.error, hint.scrolled = error, int(self.input.scroll_offset.x)
        hint.display = error is not None
        hint.refresh()
        self.input.refresh()

    def _parsed(self, text: str) -> Filter | None:
        """Raises FilterError."""
        from streamscope.trace.filter import Filter

        if not text.strip():
            return None
        return Filter.parse(text, self.vocabulary(), for_streams=self._for_streams, states=self.states())

    def _completions(self, *, begun: bool) -> list[Completion]:
        """What may stand where the cursor is; with `begun`, only for a word that has been begun."""
        from streamscope.trace.filter import complete

        at = self.input.cursor_position
        offers = complete(self.input.value, at, self.vocabulary(), for_streams=self._for_streams, states=self.states())
        return offers if not begun or any(offer.start < offer.end for offer in offers[:1]) else []

    def _write(self, text: str, cursor: int) -> None:
        """Puts a text there that offers nothing further by itself."""
        self._offers.show([])
        if text != self.input.value:
            self._quiet = True
            self.input.value = text
        self.input.cursor_position = cursor

    def _take(self, offer: Completion) -> None:
        self._write(*offer.applied(self.input.value))

    @on(Completions.Taken)
    def _taken(self, message: Completions.Taken) -> None:
        message.stop()
        self._take(message.offer)
        self.input.focus()

    # what the keys do

    def apply(self) -> None:
        """Take the chosen offer; else keep the filter, unless it is wrong."""
        if self._offers.offer is not None:
            self._take(self._offers.offer)
            return
        text = self.input.value
        if self._judge(text) is not None:
            self.app.bell()
            return
        self._offers.show([])
        self._recalled = None
        self._history.keep(text)
        self.display = bool(text.strip())
        self._tell(text, keep=True)

    def clear(self) -> None:
        """Close the offers if the person is among them; else show everything."""
        if self._asked or self._offers.chosen is not None:
            self._asked = False
            self._offers.show([])
            return
        self._write("", 0)
        self._judge("")
        self._recalled = None
        self.display = False
        self._tell("", keep=True)

    def complete(self) -> None:
        """Write the chosen offer, or the first; where no word has been begun, show what may stand there."""
        offers = self._offers
        if offers.display and offers.offers:
            self._take(offers.offer or offers.offers[0])
        else:
            self._ask()

    def _ask(self) -> None:
        self._asked = True
        self._offers.show(self._completions(begun=False))

    def choose(self, step: int) -> None:
        """Go through the offers, or through what was kept."""
        offers = self._offers
        if offers.display and (step > 0 or offers.chosen is not None):
            offers.move(step)
        elif step > 0 and self._recalled is None:
            self._ask()
        else:
            self._recall(-step)

    def _recall(self, older: int) -> None:
        """Show a filter that was kept before; the newest of all is what was being written."""
        if self._recalled is None:
            self._draft = self.input.value
            self._kept = [text for text in self._history.filters if text != self._draft]
        kept = self._kept
        place = (-1 if self._recalled is None else self._recalled) + older
        if place < 0:
            text = self._draft
            self._write(text, len(text))
            self._recalled = None
        elif place < len(kept):
            self._write(kept[place], len(kept[place]))
            self._recalled = place


def _begins(offer: Completion, error: FilterError, text: str) -> bool:
    """Whether what is wrong is no more than the beginning of what is offered."""
    word = text[offer.start : offer.end]
    return error.start >= offer.start and bool(word) and offer.text.lower().startswith(word.lower())
