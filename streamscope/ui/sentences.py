"""The sentence under the header: the worst that is so, or that all is well. Pure: the same state says the same.

Worst first: an engine that does not come round, one that has ended or cannot be reached, what a diagnosis has found,
and when there is nothing of that, how all flows. Where there are several, the person goes from one to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from streamscope.diagnosis.shapes import Finding, Told
from streamscope.language import N_, capital, sentences, tr, trn
from streamscope.trace.roles import short, who
from streamscope.ui.chain_text import chain_text, chain_through, root_of
from streamscope.ui.findings import PENS, sign_of
from streamscope.ui.meters import age_text, bytes_text
from streamscope.ui.plain import mark_of
from streamscope.ui.row_words import waiting
from streamscope.ui.safe import visible
from streamscope.ui.stuck import MARK, sentence
from streamscope.ui.view import View

KEYS = (("w", N_("why")), ("b", N_("where it began")))
SHORT_KEYS = (("w", N_("why")), ("b", N_("began")))
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
        end = view.departing or (tr("q ends it") if view.own else tr("q leaves"))
        return Said(MARK, "error", sentence(stands, pid), "error", end)
    if view.departing:
        return Said("", "", view.departing, "warning")
    if view.travel is None or view.replaying:
        told = _of_the_source(view)
        if told is not None:
            return told
    if view.model.frozen_t and view.status == "live" and view.travel is None:
        age = age_text(view.now_t - view.model.frozen_t)
        text = tr("Frozen for {age}: the loop stays in its wait and its time stands still.", age=age)
        return Said("❚❚", "warning", text, "value", tr("F goes on   . a callback   ; a turn"))
    if view.diagnosing:
        return Said("", "", tr("Looking at what led here …"), "label")
    finding = shown(view.told, view.trouble)
    if finding is None:
        return Said("", "", all_flows(view), "label")
    sign = sign_of(finding)
    place, count = view.told.findings.index(finding) + 1, len(view.told.findings)
    which = tr("{n} of {all}", n=f"{place:,}", all=f"{count:,}") if count > 1 else ""
    text = tr(view.told.sentence_of(finding))
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
    known = (tr("{chain}, {who}", chain=whole, who=other.who),) if other is not None and other.who else ()
    return *known, whole, chain_text(told, finding.stream, streams, words, peer=False)


def _of_the_source(view: View) -> Said | None:
    """That there is no engine to look at, or not yet."""
    reason, again = visible(tr(view.reason), 300).rstrip(".。"), view.source.reconnects
    if view.status == "ended":
        then = N_("Its last state stays; trying again; q leaves.") if again else N_("Its last state stays; q leaves.")
        text = tr("The engine has ended: {reason}.", reason=reason) if reason else tr("The engine has ended.")
        return Said(MARK, "warning", tr(sentences((text, tr(then)))), "value")
    if view.status == "gone":
        then = N_("The last state stays; trying again; q leaves.") if again else N_("The last state stays; q leaves.")
        text = tr("{what}.", what=capital(reason) or tr("The engine cannot be reached"))
        return Said("✗", "error", tr(sentences((text, tr(then)))), "value")
    if view.replaying:
        at_end = view.travel is not None and view.travel.at_end
        return Said("✗", "error", tr("{what}.", what=capital(reason)), "value") if reason and at_end else None
    if view.status == "connecting":
        return Said("◌", "warning", f"{capital(reason) or tr('Connecting')} …", "value")
    if not view.model.whole and view.events_lost:
        text = tr("Events were lost; waiting for a snapshot that makes the state whole again …")
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
        return tr("Nobody is connected.")
    streams = trn("{n} stream", "{n} streams", count)
    if not view.tells_stalls:
        return tr("{streams}; whether they stall cannot be told of this engine.", streams=streams)
    if not view.counts.waiting:
        return tr("All flows: {streams}, nothing waits to go out.", streams=streams)
    size = bytes_text(view.counts.waiting)
    if pace := _pace(view):
        return tr("All flows, {pace}; {size} wait to go out.", pace=pace, size=size)
    if not view.counts.oldest_t:
        return tr("All flows: {streams}, {size} wait to go out.", streams=streams, size=size)
    return tr(
        "All flows: {streams}, {size} wait to go out, the oldest write for {age}.",
        streams=streams,
        size=size,
        age=age_text(view.now_t - view.counts.oldest_t),
    )


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
        return tr("{who} the slowest", who=who(worst, words))
    return tr("{who} only as fast as {other} takes it", who=short(feeds, words), other=who(worst, words))


def following(told: Sequence[Finding], key: tuple[str, int] | None) -> Finding | None:
    """The finding after the one of this key, the first after the last or where there is none of it."""
    keys = [finding.key for finding in told]
    if not keys:
        return None
    return told[(keys.index(key) + 1) % len(keys) if key in keys else 0]
