"""Why a stream does not get on, in lines: the verdict, its evidence with instants, what was weighed and dropped, what
would change it, who suffers, and what to do. Pure: the same finding in the same room gives the same lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len

from streamscope.diagnosis import BY_NAME
from streamscope.diagnosis.shapes import Evidence, Finding, Told
from streamscope.language import tr
from streamscope.ui.findings import PENS, sign_of
from streamscope.ui.lines import Line
from streamscope.ui.meters import age_text
from streamscope.ui.safe import as_sentence, broken, fit
from streamscope.ui.scale import instant_text

SECOND = 1_000_000_000
HEAD = 10
"""Cells of the words at the left."""
_WORD = 8
"""Cells of a verdict's word."""


class Why(NamedTuple):
    """The lines, and for each the place of the evidence that it tells of, -1 for none."""

    lines: Sequence[Line]
    places: Sequence[int]


def evidence_of(finding: Finding) -> Sequence[Evidence]:
    """What speaks for it."""
    return finding.verdict.evidence if finding.verdict is not None else finding.evidence


def why_lines(
    finding: Finding,
    told: Told,
    *,
    started: float,
    now_t: int,
    cursor: int,
    width: int,
    height: int,
    chain: str = "",
    notes: Sequence[str] = (),
) -> Why:
    """All that there is to say, in at most `height` lines; where there are too many, air goes first, and then what
    would change it. `chain` is the one that the stream is in; the `notes` are what somebody found out beside the feed,
    and no evidence.
    """
    every = [
        _head(finding, started, now_t, width),
        _evidence(evidence_of(finding), started, now_t, cursor, width),
        _dropped(finding, width),
        _then(finding, told, width, chain),
        _also(finding, told, width),
        _named(tr("note"), [tr(note) for note in notes], width, 3),
    ]
    if sum(map(len, every)) > height:
        every[_THEN] = _then(finding, told, width, chain, changes=False)
    groups = [group for group in every if group]
    spare = height - sum(map(len, groups))
    lines: list[tuple[Line, int]] = []
    for place, group in enumerate(groups):
        if place and spare > 0:
            lines.append(([], -1))
            spare -= 1
        lines += group
    shown = lines[: max(height, 0)]
    return Why([line for line, _ in shown], [place for _, place in shown])


_Group = list[tuple[Line, int]]
_THEN = 3


def _head(finding: Finding, started: float, now_t: int, width: int) -> _Group:
    verdict, pen = finding.verdict, PENS[sign_of(finding)]
    since, age = instant_text(started, finding.since), age_text(now_t - finding.since)
    since = f" · {tr('since {instant}, {age}', instant=since, age=age)}"
    lint = BY_NAME.get(finding.lint)
    if verdict is not None:
        head: Line = [(f"  {verdict.word}", pen), (f" · {tr(verdict.sure)}{since}", "")]
        said = [as_sentence(tr(verdict.reason))]
    else:
        head = [(f"  {finding.lint}", pen), (since, "")]
        said = [tr(finding.sentence)]
        if lint is not None:
            said.append(tr("Why it matters: {matters}.", matters=tr(lint.matters)))
    return [(head, -1), *(([(f"  {line}", "")], -1) for text in said for line in broken(text, width - 3))]


def _evidence(evidence: Sequence[Evidence], started: float, now_t: int, cursor: int, width: int) -> _Group:
    if not evidence:
        return []
    words = min(max(cell_len(tr(line.words)) for line in evidence), max(width * 2 // 5, 12))
    at = 23 if width >= 76 else 0
    room = max(width - words - at - 6, 8)
    name = tr("evidence")
    head: Line = [(f"  {name}", "label"), (" " * (words + room + 4 - cell_len(name)), "")]
    head += [(tr("at; Enter goes there"), "label")] if at else []
    found: _Group = [(head, -1)]
    for place, each in enumerate(evidence):
        values = broken(f"{each.field} {tr(each.value)}".strip(), room)
        here = place == cursor
        line: Line = [("› " if here else "  ", "accent"), (fit(tr(each.words), words), ""), ("  ", "")]
        line += [(fit(values[0], room), "value"), (f"  {_when(each, started, now_t)}" if at else "", "label")]
        found.append((line, place))
        found += [([(" " * (words + 4), ""), (value, "value")], place) for value in values[1:]]
    return found


def _when(evidence: Evidence, started: float, now_t: int) -> str:
    """`14:02:11.482`, `14:02:11.6 … now`, `14:02:11.6 … 14:02:42`."""
    if not evidence.until:
        return instant_text(started, evidence.since)
    since = instant_text(started, evidence.since, 1)
    return f"{since} … {tr('now') if evidence.until >= now_t - SECOND else instant_text(started, evidence.until, 1)}"


def _named(name: str, texts: Sequence[str], width: int, most: int = 2) -> _Group:
    """A group under a word: each text in a line or two."""
    lines = [line for text in texts for line in broken(text, width - HEAD - 3, most)]
    return [([("  " + fit(name if not place else "", HEAD), "label"), (line, "")], -1)
            for place, line in enumerate(lines)]  # fmt: skip


def _dropped(finding: Finding, width: int) -> _Group:
    """What was weighed and is not it, two beside each other where there is room."""
    verdict = finding.verdict
    if verdict is None:
        return []
    pieces = [f"{fit(word, _WORD)} {tr(why)}" for word, why in verdict.not_it]
    half = (width - HEAD - 4) // 2
    rows: list[str] = []
    for piece in pieces:
        if rows and cell_len(rows[-1]) < half and cell_len(piece) <= half and not rows[-1].startswith("\0"):
            rows[-1] = f"\0{fit(rows[-1], half)}{piece}"
        else:
            rows.append(piece)
    return _named(tr("not it"), [row.removeprefix("\0") for row in rows], width, 1)


def _then(finding: Finding, told: Told, width: int, chain: str, *, changes: bool = True) -> _Group:
    verdict = finding.verdict
    found: _Group = []
    if verdict is not None:
        beyond = tr(verdict.beyond)
        found += _named(tr("root"), [beyond], width, 3) if beyond else []
        found += _named(tr("changes"), [tr(change) for change in verdict.changes], width) if changes else []
    if chain and (verdict is None or chain not in beyond):
        found += _named(tr("chain"), [chain], width)
    if follows := told.follows.get(finding.stream, ""):
        found += _named(tr("follows"), [tr(follows)], width)
    lint = BY_NAME.get(finding.lint)
    to_do = (verdict.to_do if verdict is not None else "") or finding.to_do or (lint.to_do if lint is not None else "")
    return found + (_named(tr("to do"), [as_sentence(tr(to_do))], width) if to_do else [])


def _also(finding: Finding, told: Told, width: int) -> _Group:
    """What else was found in the same stream."""
    others = [other for other in told.of(finding.stream) if other.key != finding.key]
    said = (tr("{name}: {says}", name=other.lint, says=other.sentence) for other in others)
    return _named(tr("also"), [f"{sign_of(other)} {what}" for other, what in zip(others, said)], width)
