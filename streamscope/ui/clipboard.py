"""Copying what is selected: a stream's line, an event, a panel, the log, the payload.

The text goes to the terminal's clipboard by OSC 52, which works over ssh and needs no program beside the terminal. Most
terminals bound how much they take, so a long text is cut to its end, which is the newest of it.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from textual.dom import DOMNode
from textual.screen import Screen

from streamscope.language import tr, trn

LIMIT = 64 * 1024
"""Bytes of text that are copied at most: with base64 on top, what common terminals take."""


@runtime_checkable
class Copies(Protocol):
    """A widget that has something to copy."""

    def copy_text(self) -> str:
        """What is selected in it, or all that it shows; made of characters that only show themselves."""


def text_to_copy(screen: Screen[object]) -> str:
    """Text marked with the mouse, else what the widget with the focus has; "" for nothing."""
    if marked := screen.get_selected_text():
        return marked
    node: DOMNode | None = screen.focused
    while node is not None:
        if isinstance(node, Copies):
            return node.copy_text()
        node = node.parent
    return ""


def copy_selected(screen: Screen[object], stack: str = "") -> None:
    """Copy what is selected, and say so; the `stack` of a program that is stuck comes before what has the focus."""
    app = screen.app
    text = screen.get_selected_text() or stack or text_to_copy(screen)
    if not text:
        app.notify(tr("There is nothing to copy here."), severity="warning")
        return
    data = text.encode("utf-8", "replace")
    cut = data[-LIMIT:].decode("utf-8", "ignore")
    app.copy_to_clipboard(cut)
    lines = trn("{n} line", "{n} lines", cut.count("\n") + 1)
    if len(data) > LIMIT:
        app.notify(tr("Copied the end of it: {lines}, {kib} KiB.", lines=lines, kib=LIMIT // 1024))
    else:
        app.notify(tr("Copied {lines}.", lines=lines))
