"""One line that says why the screen stands still, and what can be done; not there while all is well."""

from __future__ import annotations

from collections.abc import Set

from rich.segment import Segment
from textual.strip import Strip

from streamscope.ui.safe import fit, visible
from streamscope.ui.view import View
from streamscope.ui.widgets.pens import Pens


def banner_text(view: View) -> str:
    """What the banner says, "" for nothing."""
    reason = visible(view.reason, 300).rstrip(".")
    then = "trying again; " if view.source.reconnects else ""
    if view.status == "ended":
        return f"The engine has ended{f': {reason}' if reason else ''}. Its last state stays; {then}q leaves."
    if view.status == "gone":
        reason = reason[:1].upper() + reason[1:] if reason else "The engine cannot be reached"
        return f"{reason}. The last state stays; {then}q leaves."
    if view.replaying:
        at_end = view.travel is not None and view.travel.at_end
        return f"{reason[:1].upper() + reason[1:]}." if reason and at_end else ""
    if view.status == "connecting":
        return f"{reason[:1].upper() + reason[1:]} …" if reason else "Connecting …"
    if not view.model.whole and view.events_lost:
        return "Events were lost; waiting for a snapshot that makes the state whole again …"
    return ""


class Banner(Pens):
    """The banner of every screen."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view
        self._text = ""
        self.display = False

    def show(self, changed: Set[int]) -> None:
        """Come and go with what there is to say."""
        text = banner_text(self._view)
        if text != self._text:
            self._text = text
            self.display = bool(text)
            self.set_class(self._view.status in ("ended", "gone"), "-over")
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        return self.strip([Segment(fit(f" {self._text}", self.size.width), self.pen())])
