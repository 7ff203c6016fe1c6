"""What a panel says of one stream in the room it has. Pure: the same facts at the same size give the same lines.

When there are fewer lines than there is to say, the least important go first, and what is empty goes before what is
not. When there are more, the curves grow, and the fields stand in groups with air between them.
"""

from __future__ import annotations

from streamscope.language import tr
from streamscope.trace.roles import role_of
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.lines import Line, cut
from streamscope.ui.meters import age_text
from streamscope.ui.peer import peer_text
from streamscope.ui.plain import is_listener
from streamscope.ui.safe import visible
from streamscope.ui.widgets.panel_company import company_rows
from streamscope.ui.widgets.panel_layers import layer_rows
from streamscope.ui.widgets.panel_rows import Facts, PanelRow, PanelRows

TALLEST_TREND = 6
LOW = 12
"""Below so many lines the lamps have one alone."""

__all__ = ["Facts", "Line", "panel_lines", "title"]


def title(facts: Facts, *, lived: bool = True) -> str:
    """The panel's head: `#7 client ← 127.0.0.1:51514 · fd 12 · 2m 04s`, `#7 client ← unix at /run/x.sock · fd 12`; of a
    stream without a role its type, `#2 pipe ipc · child 4711 · fd 9`.
    """
    state, words = facts.state, facts.vocabulary
    role = role_of(state, words)
    kind = f"{tr(role) or words.types.get(state.type, tr('unknown'))}{' ipc' if state.ipc else ''}"
    pieces = [f"#{state.number} {kind} {_towards(state, words)}".rstrip()]
    if state.name:
        pieces.append(visible(state.name).removeprefix(f"{role} "))  # `upstream of #2`, said by an upstream
    if state.closed_t:
        pieces.append(tr("closed {age} ago", age=age_text(facts.now_t - state.closed_t)))
    else:
        if state.fd >= 0:
            pieces.append(f"fd {state.fd}")
        if state.begin_t and lived:
            pieces.append(age_text(facts.now_t - state.begin_t))
    return " · ".join(pieces)


def _towards(state: StreamState, vocabulary: Vocabulary) -> str:
    if is_listener(state, vocabulary):
        return visible(state.local)
    is_pipe = vocabulary.types.get(state.type) == "pipe"
    peer = state.peer or (peer_text(state, vocabulary) if is_pipe and not state.name else "")
    if state.server and peer:
        if state.local and not state.peer:
            return f"← {tr('{peer} at {place}', peer=visible(peer), place=visible(state.local))}"
        return f"← {visible(peer)}"
    if state.peer:
        return f"→ {visible(state.peer)}"
    return peer or visible(state.local)


def panel_lines(facts: Facts, width: int, height: int) -> list[Line]:
    """At most `height` lines of at most `width` cells, the most important ones, in the panel's order."""
    rows = PanelRows(facts, width - 1)
    flags = rows.flags(one_line=height < LOW)
    verdict = rows.findings(one_line=height < LOW)
    if is_listener(facts.state, facts.vocabulary):
        waits = [*rows.connections(), *rows.accept_queue(), *rows.descriptors(), *rows.waits()]
        return filled([verdict, flags, waits, rows.epoll(), rows.origin()], width, height)
    groups = [
        verdict,
        rows.ladder(width),
        flags,
        [*rows.size(), *rows.trend(1)],
        [*rows.queue(), *rows.completed()],
        rows.epoll(),
        [*layer_rows(rows), *rows.descriptors(), *rows.waits()],
        rows.traffic(),
        [*company_rows(rows), *rows.origin()],
    ]
    if facts.vocabulary.is_sampled:
        groups[7:] = [[*company_rows(rows), *rows.origin()], rows.unseen()]
    spare = height - sum(map(len, groups)) - sum(map(bool, groups)) + 1
    if spare > 0:
        if not facts.vocabulary.is_sampled:
            groups[7] = rows.traffic_trends()
        groups[3] = [*rows.size(), *rows.trend(min(spare, TALLEST_TREND))]
    return filled(groups, width, height)


def filled(groups: list[list[PanelRow]], width: int, height: int) -> list[Line]:
    """The groups' lines, without the least important where there is too little room, with air where there is enough."""
    over = sum(len(group) for group in groups) - max(height, 0)
    while over > 0:
        least = max(row.rank for group in groups for row in group)
        last = max(place for place, group in enumerate(groups) if any(row.rank == least for row in group))
        group = groups[last]
        gone = max(place for place, row in enumerate(group) if row.rank == least)
        del group[gone]
        if gone and (alone := group[gone - 1].alone) is not None:
            group[gone - 1] = group[gone - 1]._replace(line=alone)
        over -= 1
    shown = [group for group in groups if group]
    air = -over
    lines: list[Line] = []
    for place, group in enumerate(shown):
        if place and air > 0:
            lines.append([])
            air -= 1
        lines += [cut(row.line if row.whole else [(" ", ""), *row.line], width) for row in group]
    return lines
