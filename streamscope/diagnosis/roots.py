"""Where a stall comes from in the end: the chains of a look, and the verdicts that follow them to their root."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from streamscope.diagnosis.chains import Chain, Chains, other_ends
from streamscope.diagnosis.lint import Terms
from streamscope.diagnosis.shapes import Finding, Held, Verdict, Word
from streamscope.language import saying
from streamscope.trace.roles import short, who

if TYPE_CHECKING:
    from streamscope.trace.model import Model

FOLLOWED = 1_000
"""Of so many streams that take no more, the other end is looked for in this process, at one look."""


def unlinked(terms: Terms) -> str:
    """The sentence for an engine that cannot know who feeds whom; "" for one that can."""
    if terms.feeds:
        return ""
    engine = terms.vocabulary.engine or saying("this engine")
    return saying("Who feeds whom cannot be known of {engine}: nothing is followed beyond this stream.", engine=engine)


def chains_of(
    held: Mapping[int, Held], found: Iterable[Finding], numbers: Iterable[int], model: Model, terms: Terms
) -> Chains:
    """The chains of a look: `held` is who is held back, `found` what the lints say, and `numbers` the streams in need,
    among which other ends are looked for.
    """
    by = {number: each.by for number, each in held.items()}
    streams = model.streams
    full = dict.fromkeys(each.stream for each in found if _goes_on(each.verdict)) | dict.fromkeys(by.values())
    states = [
        state for number in islice(full, FOLLOWED) if (state := streams.get(number)) is not None and not state.closed_t
    ]
    unread = (
        number
        for number in numbers
        if (state := streams.get(number)) is not None and not state.flags & terms.reading and not state.closed_t
    )
    return Chains(by, other_ends(states, unread, streams) if terms.reading and terms.feeds else {})


def _goes_on(verdict: Verdict | None) -> bool:
    """Whether the cause is at the other end, wherever that is."""
    return verdict is not None and verdict.word is Word.PEER and verdict.side == "out"


def rooted(finding: Finding, chains: Chains, model: Model, terms: Terms) -> Finding:
    """The finding, with a verdict that names the root of its chain and what stands between; the same where the stream
    is that itself.
    """
    verdict = finding.verdict
    if verdict is None or verdict.word in (Word.LOOP, Word.HOST, Word.LISTENER):
        return finding
    beyond = unlinked(terms)
    root = verdict.stream
    if not beyond and _goes_on(verdict) and root in chains.here:
        chain = chains.of(root, out=True)
        root = chain.root
        beyond = _said(chain, model, terms)
    if (beyond, root) == (verdict.beyond, verdict.root):
        return finding
    return finding._replace(verdict=verdict._replace(beyond=beyond, root=root))


def _said(chain: Chain, model: Model, terms: Terms) -> str:
    """What stands between a stream and the root of its chain."""

    def name(number: int, *, whole: bool = False) -> str:
        state = model.streams.get(number)
        return f"#{number}" if state is None else (who if whole else short)(state, terms.vocabulary)

    who_it_is = name(chain.streams[1])
    if chain.is_ring:
        return saying(
            "Its other end is in this process: {who}, and the streams wait for each other: {chain}.",
            who=who_it_is, chain=chain.text(name),
        )  # fmt: skip
    if len(chain.streams) == 2:
        return saying("Its other end is in this process: {who}, which is not read.", who=who_it_is)
    return saying(
        "Its other end is in this process: {who}. The root is {root}: {chain}.",
        who=who_it_is, root=name(chain.root, whole=True), chain=chain.text(name),
    )  # fmt: skip
