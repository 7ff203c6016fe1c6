"""The difference between two instants as lines of styled text. Pure: the same difference gives the same lines."""

from __future__ import annotations

from itertools import groupby

from rich.cells import cell_len

from streamscope.language import N_, tr, trn
from streamscope.trace.compare import COUNTERS, FLAGS, ChangedField, Difference, StreamDifference, Value
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.meters import NONE, bytes_text, count_text
from streamscope.ui.peer import peer_text
from streamscope.ui.plain import is_listener
from streamscope.ui.safe import fit, visible
from streamscope.ui.scale import span_text

Line = list[tuple[str, str]]

MOST_STREAMS = 300
"""So many streams are told of; of the others only how many there are."""
NAMED = 6
"""So many requests or descriptors are named one by one."""

_COUNTED = {"bytes", "requests", "descriptors"}
_FATES = {
    N_("new"): ("+", "value"),
    N_("gone"): ("−", "muted"),
    N_("not yet"): ("−", "muted"),
    N_("closed"): ("×", "muted"),
}
_GROUP = 10
"""Cells of what several fields have in common."""


def difference_lines(found: Difference, vocabulary: Vocabulary, first: int | None = None) -> list[Line]:
    """All of it; the stream `first` stands at the top."""
    lines: list[Line] = []
    if found.loop:
        lines += [[(tr("the loop"), "title")], *_fields(found.loop, vocabulary), []]
    streams = sorted(found.streams, key=lambda each: (each.state.number != first, each.state.number))
    for each in streams[:MOST_STREAMS]:
        lines += [_head(each, vocabulary), *_fields(each.changes, vocabulary), []]
    if len(streams) > MOST_STREAMS:
        more = f"{len(streams) - MOST_STREAMS:,}"
        lines += [[(tr("and {n} streams more", n=more), "label")], []]
    if not found.streams:
        lines += [[(tr("No stream differs."), "label")], []]
    if found.same:
        lines.append([(trn("{n} stream is the same.", "{n} streams are the same.", found.same), "label")])
    return lines


def _head(each: StreamDifference, vocabulary: Vocabulary) -> Line:
    state = each.state
    kind = vocabulary.types.get(state.type) or tr("unknown")
    line: Line = [(f"#{state.number} {kind}", "title"), (f"  {_where(state, vocabulary)}", "label")]
    if each.fate:
        sign, style = _FATES[each.fate]
        line.append((f"  {sign} {tr(each.fate)}", style))
    return line


def _where(state: StreamState, vocabulary: Vocabulary) -> str:
    if is_listener(state, vocabulary):
        return tr("listening {address}", address=visible(state.local))
    return visible(state.name) or peer_text(state, vocabulary)


def _fields(changes: tuple[ChangedField, ...], vocabulary: Vocabulary) -> list[Line]:
    lines = []
    labels = {change.name: vocabulary.label(change.name) for change in changes}
    width = max(map(cell_len, labels.values()), default=0)
    for group, run in groupby(changes, key=lambda change: change.group):
        for place, change in enumerate(run):
            begin = (f"  {fit(tr(group) if not place else '', _GROUP)}", "muted")
            lines.append([begin, (f"{fit(labels[change.name], width)}  ", "label"), *_change(change, vocabulary)])
    return lines


def _change(change: ChangedField, vocabulary: Vocabulary) -> Line:
    if change.group == FLAGS:
        if change.new:
            return [("○ → ", "muted"), (tr("● set"), "on")]
        return [("● → ", "muted"), (tr("○ cleared"), "value")]
    old, new = (value_text(value, change.unit, vocabulary) for value in (change.old, change.new))
    line: Line = [(f"{old} → ", "muted"), (new, "value")]
    delta = change.delta
    if delta and (change.group == COUNTERS or change.unit in _COUNTED):
        amount = value_text(abs(delta), change.unit, vocabulary)
        line.append((f"  {'+' if delta > 0 else '−'}{amount}", "value"))
    if change.left:
        line.append((f"  {tr('left {who}', who=_numbers(change.left, change.unit))}", "muted"))
    if change.joined:
        line.append((f"  {tr('joined {who}', who=_numbers(change.joined, change.unit))}", "accent"))
    return line


def _numbers(numbers: tuple[int, ...], unit: str) -> str:
    letter = "w" if unit == "requests" else ""
    text = ", ".join(f"{letter}{number}" for number in numbers[:NAMED])
    return text + (f" +{count_text(len(numbers) - NAMED)}" if len(numbers) > NAMED else "")


def value_text(value: Value, unit: str, vocabulary: Vocabulary) -> str:
    """A value as a person reads it."""
    if value is None or value == "":
        return NONE
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if isinstance(value, str):
        return visible(value)
    if unit == "bytes":
        return bytes_text(value)
    if unit == "ns":
        return span_text(value)
    if unit == "error":
        return visible(vocabulary.error_text(value)) if value else NONE
    return f"{value:,}"
