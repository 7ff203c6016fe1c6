"""The row of a panel that says whom a stream goes with: `⇄ client #2   ⇠ held back for 31s   c go there`."""

from __future__ import annotations

from rich.cells import cell_len

from streamscope.language import N_, tr, trn
from streamscope.ui.lines import Line, length
from streamscope.ui.meters import NONE, age_text
from streamscope.ui.safe import few_words, fewer
from streamscope.ui.ties import Company
from streamscope.ui.widgets.panel_rows import PanelRow, PanelRows

SIGN = "⇄"
ALONE = N_("none seen yet   once makes none")
"""What there is to say of one that its program may have named after another, to which it has written once."""


def company_rows(rows: PanelRows) -> list[PanelRow]:
    """Whom it goes with, the one first that it holds back or is held back by; how many more there are, where there is
    room; which of the two holds the other back, and the key that goes there. Why nobody can know, where that is so.
    """
    company, width = rows.facts.company, rows.width
    go_there: Line = [("c", "key"), (f" {tr('go there')}", "label")]
    if company.unknown:
        said = zip((f"{SIGN} ", "  "), fewer(tr(company.unknown), width - 2, 2))
        return [PanelRow(4, [(sign, "label"), (line, "dim")]) for sign, line in said]
    names = [tie.who for tie in company.ties]
    if company.holds > 1 and names and not company.ties[0].held_t:
        names[0] = trn("{who} and {n} other", "{who} and {n} others", company.holds - 1, who=names[0])
    names += [company.group] if company.group else []
    if not names:
        why = few_words(tr(ALONE), width - rows.label - 3)
        return [PanelRow(6, [(SIGN.ljust(rows.label), "label"), (f"{NONE}  {why}".rstrip(), "dim")])]
    held = _held_back(company, rows.facts.now_t)
    line: Line = [(f"{SIGN} ", "label"), (names[0], "pair")]
    others = "".join(f", {name}" for name in names[1:])
    if length(line) + cell_len(others) + 2 * bool(held) + cell_len(held) <= width:
        line.append((others, "pair"))
    if held:
        line += [(" " * max(rows.label - length(line), 2), ""), (held, "pair")]
    gap = 4 if length(line) + 4 + length(go_there) <= width else 2
    if company.ties and length(line) + gap + length(go_there) <= width:
        line += [(" " * gap, ""), *go_there]
    return [PanelRow(2 if held else 4, line)]


def _held_back(company: Company, now_t: int) -> str:
    """`⇠ held back for 31s` is that one, by this; `⇠ holds this back for 31s` this one, by that."""
    first = company.ties[0] if company.ties else None
    if first is not None and first.held_t:
        return tr("⇠ holds this back for {age}", age=age_text(now_t - first.held_t))
    if first is not None and first.holds_t:
        return tr("⇠ held back for {age}", age=age_text(now_t - first.holds_t))
    return ""
