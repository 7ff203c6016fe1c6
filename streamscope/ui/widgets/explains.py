"""What `i` does in a pane: it explains what stands there, one thing after the other, in lines at the pane's own foot.

The thing is shown in reverse where it stands, and what it means covers the pane's last lines; esc takes that away.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from streamscope.ui.actions import bindings
from streamscope.ui.glossary import Thing
from streamscope.ui.lines import Line, length
from streamscope.ui.safe import fewer, fit
from streamscope.ui.widgets.pens import Pens

HIGH = 14
"""From so many lines on, a pane has room for a third line of an explanation."""
LOW = 4
"""Below so many there is none for any."""
INDENT = 3
_HERE = Style(reverse=True, bold=True, underline=True)


class Explains(Pens):
    """A pane in which things can be explained. Whoever draws one passes each strip through `explained_over`."""

    BINDINGS = bindings("explained")

    _thing: Thing | None = None
    _foot: tuple[object, Sequence[Line]] = (None, ())

    def things(self) -> Sequence[Thing]:
        """What can be explained now, in order; where things are is counted from the pane's first line in sight."""
        return ()

    def under_cursor(self) -> str:
        """The name of the thing that the pane's own cursor is on, "" for none."""
        return ""

    def explanation_changed(self) -> None:
        """Something else is explained now, or nothing any more: the pane may have to make room."""

    @property
    def explained(self) -> Thing | None:
        """What is explained."""
        return self._thing

    def explain(self, by: int = 1) -> bool:
        """Explain what the cursor is on, or the first thing; then the next, or the one before. Whether there is any."""
        things = self.things()
        names = [thing.name for thing in things]
        here = self.under_cursor() if self._thing is None else self._thing.name
        place = names.index(here) if here in names else 0
        if self._thing is not None and here in names:
            place = (place + by) % len(things)
        self._put_thing(things[place] if things else None)
        if things and not self.foot:
            said = f"{things[place].name}: {things[place].says}"
            self.app.notify(fewer(said, 2 * (self.app.size.width - 8))[0], timeout=10, markup=False)
        return bool(things)

    def explain_anew(self, name: str = "") -> None:
        """The pane shows something else, so what is explained may stand elsewhere; or its cursor has moved to the thing
        of this name.
        """
        if self._thing is not None:
            name = name or self._thing.name
            things, x = self.things(), self._thing.x
            same = [thing for thing in things if thing.name == name] or [thing for thing in things if thing.x == x]
            found = next(iter([*same, *things]), None)
            if found is not None and found != self._thing:
                self._put_thing(found)

    def _put_thing(self, thing: Thing | None) -> None:
        before, self._thing = self._thing, thing
        self.explanation_changed()
        if (before is None) != (thing is None):
            self.refresh_bindings()
        self.refresh()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to close before something is explained."""
        if action in ("explain_close", "explain_before"):
            return self._thing is not None
        return super().check_action(action, parameters)

    def on_blur(self) -> None:
        """Whoever goes elsewhere is done with it."""
        if self._thing is not None:
            self._put_thing(None)

    def action_explain_close(self) -> None:
        """Explain nothing any more."""
        self._put_thing(None)

    def action_explain_before(self) -> None:
        """Explain the thing before."""
        self.explain(-1)

    # drawing

    @property
    def lines_in_sight(self) -> int:
        """How many lines the pane has."""
        return self.content_size.height

    @property
    def foot(self) -> Sequence[Line]:
        """The lines of the explanation; none while nothing is explained, or where there is no room: it is told for a
        moment then.
        """
        thing, width = self._thing, self.content_size.width
        if thing is None or self.lines_in_sight < LOW:
            return ()
        most = 3 if self.lines_in_sight >= HIGH else 2
        key = thing.name, thing.says, width, most
        if self._foot[0] != key:
            room = max(width - INDENT - 1, 10)
            first, *others = fewer(f"{thing.name}  {thing.says}", room, most)
            name = thing.name if first.startswith(thing.name) else ""
            lines: list[Line] = [[(" » ", "accent"), (name, "value"), (first[len(name) :], "")]]
            lines += [[(" " * INDENT, ""), (line, "")] for line in others or [""]]  # what covers two stays there
            self._foot = key, lines
        return self._foot[1]

    @property
    def shift(self) -> int:
        """By how many lines what is drawn has moved up, so that the explanation does not cover what it is about."""
        thing = self._thing
        return 0 if thing is None else max(thing.y - (self.lines_in_sight - len(self.foot) - 1), 0)

    def explained_over(self, y: int, strip: Strip) -> Strip:
        """A line of the pane with what is explained in it: its place stands out, and the last lines say what it is."""
        thing = self._thing
        if thing is None:
            return strip
        foot = self.foot
        below = y - (self.lines_in_sight - len(foot))
        if 0 <= below < len(foot):
            ground = "cursor-blurred"
            width = self.content_size.width
            used = length(foot[below])
            parts = [*foot[below], (fit("", width - used), "")]
            return self.strip([Segment(text, self.pen(name, ground)) for text, name in parts], ground)
        if y != thing.y - self.shift:
            return strip
        width, end = strip.cell_length, thing.x + thing.cells
        here = [Segment(text, (style or self.pen()) + _HERE) for text, style, _ in strip.crop(thing.x, end)]
        return Strip([*strip.crop(0, thing.x), *here, *strip.crop(end, width)], width)

    def refresh_lines_that_differ(self, before: Sequence[object], after: Sequence[object]) -> None:
        """See `Pens`; while something is explained, lines may have moved."""
        if self._thing is None:
            super().refresh_lines_that_differ(before, after)
        elif before != after:
            self.refresh()
