"""What a panel of the wall says where it is low: whose fault it is, where the bytes are, flags, epoll, what is next.

Pure. From some height on a panel of the wall says all that any other does.
"""

from __future__ import annotations

from streamscope.language import tr
from streamscope.ui.lamps import GLOWS, Letters
from streamscope.ui.lines import Line
from streamscope.ui.meters import NONE
from streamscope.ui.plain import is_listener
from streamscope.ui.widgets.panel_lines import filled, panel_lines
from streamscope.ui.widgets.panel_rows import Facts, PanelRow, PanelRows

BRIEF = 14
"""Below so many lines a panel of the wall is brief."""


def brief_lines(facts: Facts, width: int, height: int) -> list[Line]:
    """At most `height` lines of at most `width` cells, the most important ones."""
    if height >= BRIEF or is_listener(facts.state, facts.vocabulary):
        return panel_lines(facts, width, height)
    rows = PanelRows(facts, width - 1)
    queue = rows.queue() if facts.state.write_queue else []
    groups = [
        rows.findings(one_line=True),
        rows.ladder(width),
        [*_state(facts), *queue, *rows.traffic(), *rows.origin()],
    ]
    return filled(groups, width, height)


def _state(facts: Facts) -> list[PanelRow]:
    """Flags as letters, and beside them what is wanted of epoll."""
    state, words = facts.state, facts.vocabulary
    line: Line = []
    letters = Letters.of(words)
    if words.has("flags") and letters.cells:
        line.append((f"{tr('flags')}  ", "label"))
        if words.knows("flags"):
            glows = letters.glows(facts.changed_t, facts.now_t)
            text = letters.text(state.flags)
            on = [letter != "·" for letter in text]
            line += [(letter, GLOWS[lit][glow] or ("off", "on")[lit]) for letter, lit, glow in zip(text, on, glows)]
        else:
            line.append((NONE, "dim"))
    if words.has("pevents"):
        known = words.knows("pevents")
        wants, has = (
            (words.mask_text(mask).replace("|", " ") if known else "") or NONE for mask in (state.pevents, state.events)
        )
        line += [("   " * bool(line) + tr("epoll wants") + " ", "label"), (wants, "value" if wants != NONE else "dim")]
        pen = "dim" if has == NONE else "accent" if state.pevents != state.events else "value"
        line += [(f"   {tr('registered')} ", "label"), (has, pen)]
    return [PanelRow(0, line)] if line else []
