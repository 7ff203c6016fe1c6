"""The sentence under the header: the worst that is so, or that all is well. Pure: the same state says the same.

Worst first: an engine that does not come round, one that has ended or cannot be reached, what a diagnosis has found,
and when there is nothing of that, how all flows. Where there are several, the person goes from one to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from streamscope.diagnosis.shapes import Finding, Told
from streamscope.trace.roles import short, who
from streamscope.ui.chain_text import chain_text, chain_through, root_of
from streamscope.ui.findings import PENS, sign_of
from streamscope.ui.meters import age_text, bytes_text
from streamscope.ui.plain import mark_of
from streamscope.ui.row_words import waiting
from streamscope.ui.safe import visible
from streamscope.ui.stuck import MARK, sentence
from streamscope.ui.view import View

KEYS = (("w", "why"), ("b", "where it began"))
SHORT_KEYS = (("w", "why"), ("b", "began"))
_PAIR = 2
MOST_LIMITED = 200
"""Where something limits more streams than so many, none of them is asked for whether it is the slowest: this is said
anew in every frame.
"""


class Said(NamedTuple):
    """One sentence: its mark, the pen of that and of the text, and what stands at the end and is never cut."""

    mark: str
    pen: str
    text: str
    text_pen: str = ""
    end: str = ""
    finding: Finding | None = None
    which: str = ""  # "1 of 3"
    chains: tuple[str, ...] = ()  # the chain from who suffers to the root, the most that can be said of it first


def said(view: View) -> Said:
    """What is to be said now."""
    stands = view.stuck
    if stands is not None:
        pid = view.hello.pid if view.hello is not None else 0
        end = view.departing or ("q ends it" if view.own else "q leaves")
        return Said(MARK, "error", sentence(stands, pid), "error", end)
    if view.departing:
        return Said("", "", view.departing, "warning")
    if view.travel is None or view.replaying:
        told = _of_the_source(view)
        if told is not None:
            return told
    if view.model.frozen_t and view.status == "live" and view.travel is None:
        for_ = age_text(view.now_t - view.model.frozen_t)
        text = f"Frozen for {for_}: the loop stays in its wait and its time stands still."
        return Said("❚❚", "warning", text, "value", "F goes on   . a callback   ; a turn")
    if view.diagnosing:
        return Said("", "", "Looking at what led here …", "label")
    finding = shown(view.told, view.trouble)
    if finding is None:
        return Said("", "", all_flows(view), "label")
    sign = sign_of(finding)
    place, count = view.told.findings.index(finding) + 1, len(view.told.findings)
    which = f"{place:,} of {count:,}" if count > 1 else ""
    text = view.told.sentence_of(finding)
    return Said(sign, PENS[sign], text, "value", "", finding, which, _chains(view, finding))


def _chains(view: View, finding: Finding) -> tuple[str, ...]:
    """The chain with the process at the root's other end, as far as that is known; without; and without that end. Of
    two streams the sentence says the same in words, which everybody reads.
    """
    told, streams, words = view.told, view.model.streams, view.vocabulary
    if len(chain_through(told, finding.stream).streams) <= _PAIR:
        return ()
    whole = chain_text(told, finding.stream, streams, words)
    other = view.other_end(root_of(finding))
    known = (f"{whole}, {other.who}",) if other is not None and other.who else ()
    return *known, whole, chain_text(told, finding.stream, streams, words, peer=False)


def _of_the_source(view: View) -> Said | None:
    """That there is no engine to look at, or not yet."""
    reason = visible(view.reason, 300).rstrip(".")
    then = "trying again; " if view.source.reconnects else ""
    if view.status == "ended":
        text = f"The engine has ended{f': {reason}' if reason else ''}. Its last state stays; {then}q leaves."
        return Said(MARK, "warning", text, "value")
    if view.status == "gone":
        reason = _capital(reason) or "The engine cannot be reached"
        return Said("✗", "error", f"{reason}. The last state stays; {then}q leaves.", "value")
    if view.replaying:
        at_end = view.travel is not None and view.travel.at_end
        return Said("✗", "error", f"{_capital(reason)}.", "value") if reason and at_end else None
    if view.status == "connecting":
        return Said("◌", "warning", f"{_capital(reason)} …" if reason else "Connecting …", "value")
    if not view.model.whole and view.events_lost:
        text = "Events were lost; waiting for a snapshot that makes the state whole again …"
        return Said("◌", "warning", text, "value")
    return None


def shown(told: Told, trouble: tuple[str, int] | None) -> Finding | None:
    """The finding that the person has gone to, as long as it is there; else the worst."""
    wanted = (finding for finding in told.findings if finding.key == trouble)
    return next(wanted, told.findings[0] if told.findings else None)


def all_flows(view: View) -> str:
    """How all flows, where nothing is found to be wrong."""
    count = view.counts.flowing
    if not count:
        return "Nobody is connected."
    streams = f"{count:,} {'stream' if count == 1 else 'streams'}"
    if not view.tells_stalls:
        return f"{streams}; whether they stall cannot be told of this engine."
    if not view.counts.waiting:
        return f"All flows: {streams}, nothing waits to go out."
    waits = f"{bytes_text(view.counts.waiting)} wait to go out"
    if pace := _pace(view):
        return f"All flows, {pace}; {waits}."
    age = f", the oldest write for {age_text(view.now_t - view.counts.oldest_t)}" if view.counts.oldest_t else ""
    return f"All flows: {streams}, {waits}{age}."


def _pace(view: View) -> str:
    """Who is slow, though it is no trouble: the one in which most waits of those that their peer or the network limits,
    and that are above their mark with what is in the kernel; and who feeds it. "" for nobody.
    """
    told, words, streams = view.told, view.vocabulary, view.model.streams
    if len(told.limits) > MOST_LIMITED:
        return ""
    limited = (number for number, limit in told.limits.items() if limit.by != "program")
    slow = [state for number in limited if (state := streams.get(number)) is not None]
    waits = {state.number: waiting(state, words)[0] or 0 for state in slow}
    worst = max(slow, key=lambda state: waits[state.number], default=None)
    if worst is None or not mark_of(worst, words) or waits[worst.number] <= mark_of(worst, words):
        return ""
    feeds = next((state for state in view.ties.states(worst.number) if not state.closed_t), None)
    if feeds is None:
        return f"{who(worst, words)} the slowest"
    return f"{short(feeds, words)} only as fast as {who(worst, words)} takes it"


def following(told: Sequence[Finding], key: tuple[str, int] | None) -> Finding | None:
    """The finding after the one of this key, the first after the last or where there is none of it."""
    keys = [finding.key for finding in told]
    if not keys:
        return None
    return told[(keys.index(key) + 1) % len(keys) if key in keys else 0]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
