"""Where we are, and the engine's text beside it: two panes that follow the instant that is looked at.

Each is told nothing but to `show`, and looks at what has happened last where the view stands.
"""

from __future__ import annotations

from collections.abc import Callable, Set

from streamscope.language import tr
from streamscope.source.inside import Inside, Whereabouts
from streamscope.trace.past import Past
from streamscope.ui import inside_lines
from streamscope.ui.actions import bindings, spelt
from streamscope.ui.live import in_ascii_only
from streamscope.ui.view import View
from streamscope.ui.widgets.drawn import DrawnLines
from streamscope.ui.widgets.pens import set_titles

ROOMY = 10
"""From so many lines on, the phases stand below each other, and the functions as a tree."""


class InsideNow:
    """Where the engine was when it told of what has happened last, for all panes that look at one view."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._inside: Inside | None = None
        self._found: tuple[Past, int, Whereabouts | None] | None = None

    @property
    def now(self) -> Whereabouts | None:
        """None where nothing has happened yet."""
        past, row = self.view.past, self.view.past_end - 1
        if self._found is None or self._found[0] is not past or self._found[1] != row:
            self._found = past, row, self.of(past).at(row) if row >= past.first else None
        return self._found[2]

    def of(self, past: Past) -> Inside:
        """What looks at the rows of this past."""
        if self._inside is None or self._inside.past is not past:
            self._inside = Inside(past, self._type_of)
        return self._inside

    def _type_of(self, number: int) -> str:
        state = self.view.model.known.get(number)
        return "" if state is None else self.view.vocabulary.type_text(state.type)


class PhasePane(DrawnLines):
    """The phases of the turn with this one lit, and inside which functions."""

    HELP = """\
Where the loop is: a turn goes through timers, pending, idle, prepare, poll, check and closing, in this order, and the
one in brackets is where what has happened last was told. Below it are the functions of libuv's that were under way,
and the program between them.

None of it is told by the engine: it is found out from its text, whose functions tell in an order that nothing else
has.
"""

    def __init__(self, inside: InsideNow, *, number: Callable[[], str] | None = None, id: str | None = None) -> None:
        """`number` says in another way than by its `seq` which event it is."""
        super().__init__(id=id)
        self._inside = inside
        self._number = number

    def show(self, changed: Set[int]) -> None:
        """Paint where the engine was."""
        width, height = self.content_size
        if not width:
            return
        where, view = self._inside.now, self._inside.view
        turn = "" if where is None else f" · {tr('turn {n}', n=f'{where.event.turn:,}')}"
        number = tr("event {n}", n=f"{where.event.seq:,}") if where is not None else ""
        right = number if self._number is None else self._number()
        set_titles(self, f"{tr('where we are')}{turn}", tr("← → into · ( ) over · { } out"), right)
        if height >= ROOMY:
            self.put(inside_lines.whole(where, view.vocabulary, width, height))
        else:
            self.put(inside_lines.brief(where, view.vocabulary, width))

    def copy_text(self) -> str:
        """The functions, for the clipboard."""
        where = self._inside.now
        calls = [] if where is None else where.stack.functions
        return " > ".join(inside_lines.name_of(call, outermost=call is calls[0]) for call in calls)


class SourcePane(DrawnLines, can_focus=True):
    """The text of the function that told of what has happened last, the very line lit; or of one around it."""

    HELP = """\
The engine's own text. It reproduces libuv 1.44.2 function by function under libuv's names, so what stands here is what
libuv does; which file of libuv's it mirrors stands below, and which section of the chapter speaks of it. The lines by
which it tells of what it does are grey: libuv has none of those.

What travelled joined is shown as the plain text, for that is what happened.
"""

    BINDINGS = bindings("source")

    def __init__(self, inside: InsideNow, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._inside = inside
        self._depth = 0  # how many calls further out than the one that told
        self._seq = -1

    def show(self, changed: Set[int]) -> None:
        """Paint the function."""
        width, height = self.content_size
        if not width:
            return
        where = self._inside.now
        if where is not None and where.event.seq != self._seq:
            self._seq, self._depth = where.event.seq, 0
        below = 2 if height >= 6 else 0
        shown = inside_lines.source(where, self._depth, width, height - below)
        foot = "" if where is None or where.stack.sure or not where.stack.calls else tr(inside_lines.UNSURE)
        if self._depth:
            foot = tr("{n} further out · ↓ back in", n=self._depth)
        set_titles(self, shown.title, spelt(foot, ascii_only=in_ascii_only(self.app)))
        lines = list(shown.lines)
        if below and shown.libuv:
            lines += [[]] * (height - below - len(lines))
            lines += [[("  ", ""), (shown.libuv, "label")], [("  ", ""), (shown.chapter, "label")]]
        self.put(lines)

    def action_out(self, by: int) -> None:
        """Show the function that called this one, or the one that this one called."""
        where = self._inside.now
        most = 0 if where is None else len(inside_lines.frames_of(where)) - 1
        self._depth = min(max(self._depth + by, 0), max(most, 0))
        self.show(frozenset())

    def copy_text(self) -> str:
        """The function that is shown, for the clipboard."""
        where = self._inside.now
        return "\n".join("".join(text for text, _ in line) for line in inside_lines.source(
            where, self._depth, 400, 10_000).lines)  # fmt: skip
