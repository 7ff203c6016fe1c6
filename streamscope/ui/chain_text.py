"""A chain in a line: `client #2 ⇠ upstream #3 ⇠ [127.0.0.1:9901]`, from who suffers to the root, which is in brackets.

Pure. The chain is the diagnosis'; here it is found for the stream that a sentence speaks of, which may stand anywhere
in it.
"""

from __future__ import annotations

from collections.abc import Mapping

from streamscope.diagnosis.chains import Chain
from streamscope.diagnosis.shapes import Finding, Told, Word
from streamscope.language import tr, trn
from streamscope.trace.roles import short
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

LONGEST = 16
"""So many steps are gone back from the stream, to who suffers first."""
_BY_THE_PEER = (Word.PEER, Word.NETWORK)


def chain_through(told: Told, number: int) -> Chain:
    """The chain that the stream is in, from the first who suffers in it to its root."""
    here = {end: full for full, end in told.chains.here.items()}
    start, seen = number, {number}
    for _ in range(LONGEST):
        holds = next((held for held in told.holds(start) if held not in seen), None)
        before = holds if holds is not None else here.get(start)
        if before is None or before in seen:
            break
        start = before
        seen.add(start)
    return told.chain(start)


def chain_text(
    told: Told, number: int, streams: Mapping[int, StreamState], vocabulary: Vocabulary, *, peer: bool = True
) -> str:
    """The line for the chain that the stream is in, with where its end is unless there is no room for the `peer`; ""
    for one in which nobody waits for it, nor it for anybody.
    """
    chain = chain_through(told, number)
    if len(chain.streams) < 2:
        return ""

    def name(stream: int) -> str:
        state = streams.get(stream)
        return f"#{stream}" if state is None else tr(short(state, vocabulary))

    first = chain.streams[0]
    suffer = told.holds(chain.streams[1])
    more = len(suffer) - 1 if first in suffer else 0
    begins = name(first) if more <= 0 else trn("{who} and {n} other", "{who} and {n} others", more, who=name(first))
    end = _peer(told, chain, streams) if peer else ""
    return chain.text(lambda stream: begins if stream == first else name(stream), end)


def root_of(finding: Finding) -> int:
    """The stream at whose other end the cause is; 0 where it is not at one."""
    verdict = finding.verdict
    return verdict.root if verdict is not None and verdict.side == "out" and verdict.word in _BY_THE_PEER else 0


def _peer(told: Told, chain: Chain, streams: Mapping[int, StreamState]) -> str:
    """The address at the root's other end, where what stalls there comes from outside."""
    verdict, state = told.verdict(chain.root), streams.get(chain.root)
    if state is None or verdict is None or verdict.side != "out" or verdict.word not in _BY_THE_PEER:
        return ""
    return state.peer
