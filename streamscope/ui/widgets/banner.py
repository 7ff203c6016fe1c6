"""The sentence: why nothing happens, and what can be done; not there while all is well."""

from __future__ import annotations

from collections.abc import Set

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from streamscope.ui.safe import fit, visible
from streamscope.ui.stuck import MARK, sentence
from streamscope.ui.view import View
from streamscope.ui.widgets.pens import Pens


def banner_text(view: View) -> str:
    """What the banner says, "" for nothing."""
    stands = view.stuck
    if stands is not None:
        pid = view.hello.pid if view.hello is not None else 0
        return f"{MARK} {sentence(stands, pid)}"
    if view.departing is not None:
        return view.departing
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


def banner_end(view: View) -> str:
    """What stands at the end of it and is never cut: what can be done about an engine that is stuck, and what becomes
    of it.
    """
    if view.stuck is None:
        return ""
    return view.departing or ("q ends it" if view.own else "q leaves")


class Banner(Pens):
    """The banner of every screen."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view
        self._said = "", ""
        self._lines = 1
        self.display = False

    def show(self, changed: Set[int]) -> None:
        """Come and go with what there is to say."""
        said = banner_text(self._view), banner_end(self._view)
        if said != self._said:
            self._said = said
            self.display = bool(said[0])
            stands = self._view.standstill is not None
            self.set_class(stands or self._view.status in ("ended", "gone"), "-over")
            if not stands:
                self._lines = 1
            elif sum(map(cell_len, said)) > self.app.size.width - 4:
                self._lines = 2  # until it is over: what is below stays where it is
            self.styles.height = self._lines
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """A line of it; the last has the end, and before that what there is room for."""
        text, end = self._said
        width, last = self.size.width, y == self.size.height - 1
        if self.size.height > 1:
            first = words_that_fit(text, width - 2)
            text = text[len(first) :].replace(" ", "  ", 1) if y else first
        end = f"  {end} " if end and last else ""
        return self.strip([Segment(fit(f" {text}", max(width - cell_len(end), 0)) + end, self.pen())])


def words_that_fit(text: str, width: int) -> str:
    """As many whole words of the text as `width` cells have room for, and one at least."""
    kept, used = 0, -1
    for word in text.split(" "):
        used += cell_len(word) + 1
        if used > width and kept:
            break
        kept += len(word) + 1
    return text[: max(kept - 1, 0)]
