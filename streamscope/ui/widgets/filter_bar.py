"""The line in which a person writes what the table shows."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Static

from streamscope.ui.actions import bindings
from streamscope.ui.messages import FilterChanged


class FilterInput(Input):
    """The input of the filter; enter keeps it, escape clears it."""

    HELP = """\
    Only streams that match stay in the table: a number (7 or #7), an address or a part of one, a type (tcp, pipe,
    tty), the name of a flag (READING, READ_PARTIAL), or any text of the stream's name or place. Several words must
    all match.

The table follows while you type. Enter keeps the filter and goes to the table, esc shows every stream again.
"""

    BINDINGS = bindings("filter")

    def action_apply(self) -> None:
        """Keep the filter."""
        self.post_message(FilterChanged(self.value, keep=True))

    def action_clear(self) -> None:
        """Show everything."""
        self.value = ""
        self.post_message(FilterChanged("", keep=True))


class FilterBar(Horizontal):
    """The filter, hidden while there is none."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.input = FilterInput(compact=True, placeholder="number, address, type, flag or text")
        self.display = False

    def compose(self) -> ComposeResult:
        """A slash, and the text."""
        yield Static(Content("/"), classes="filter-slash")
        yield self.input

    def open(self) -> None:
        """Show the line and put the cursor into it."""
        self.display = True
        self.input.focus()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        """The table follows every letter."""
        event.stop()
        self.post_message(FilterChanged(event.value))
