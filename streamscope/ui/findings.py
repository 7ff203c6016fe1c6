"""What a diagnosis says, as the screen says it: a row's mark, the word beside it, and what it means for the ladder.

Pure. The sentences are the diagnosis' own, so that panel, table and `diagnose` say the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamscope.diagnosis.shapes import Finding, Held, Level, Limit, Told, Word
from streamscope.language import N_, tr
from streamscope.trace.state import StreamState
from streamscope.ui.ladder import LIMITED, STALLED, WAITS, Holds

ALARM, NOTICE, HELD = "▲", "△", "⇠"
PENS = {ALARM: "error", NOTICE: "warning", HELD: "pair"}

Rank = tuple[int, int, int, bool]
_CLOSED, CALM, _FAILED, _HELD, _NOTICE, _ALARM = range(-1, 5)

_WHY = {
    Word.PEER: N_("the peer takes nothing"),
    Word.NETWORK: N_("nobody acknowledges them"),
    Word.LOOP: N_("the program does not come back to its loop"),
    Word.APP: N_("the program does not go on with them"),
    Word.HOST: N_("the machine does not let the program run"),
    Word.LISTENER: N_("nobody is taken in"),
    Word.INJECTED: N_("somebody who watches has it so"),
}
_STOPPED = N_("the program has stopped reading")


def sign_of(finding: Finding) -> str:
    """`▲` for an alarm, `△` for a notice."""
    return ALARM if finding.level == Level.ERROR else NOTICE


def holds_of(findings: Sequence[Finding], limit: Limit | None, held: Held | None, number: int = 0) -> Holds | None:
    """What the worst finding in a stream, or else a limit, says of where its bytes are. One that is held back by itself
    reads no more because it is written to no faster: its way out is what tells.
    """
    verdict = next((finding.verdict for finding in findings if finding.verdict is not None), None)
    if verdict is not None:
        why = _STOPPED if verdict.side == "in" and verdict.word is Word.APP else _WHY[verdict.word]
        rung = "in flight" if verdict.word is Word.NETWORK else verdict.rung
        return Holds(STALLED, verdict.side, rung, tr(why))
    if held is not None and held.by != number:
        return Holds(WAITS, "in", why=tr("held back by #{number}", number=held.by))
    if limit is not None:
        return Holds(LIMITED, "out", limit.rung, words=tr(limit.sentence))
    return None


def rank(state: StreamState, told: Told) -> Rank:
    """A key by which the most troubled stream sorts highest: an alarm, the longest first, with those below it that it
    holds back; a notice; what has failed; what is calm; and what has closed.
    """
    number = state.number
    held = told.held.get(number)
    cause = number if held is None else held.by
    found = told.by_stream.get(cause)
    if state.closed_t:
        return (_FAILED if state.errors else _CLOSED), state.closed_t, number, False
    if found:
        level = _ALARM if found[0].level is Level.ERROR else _NOTICE
        return level, -found[0].since, -cause, held is None
    if held is not None:
        return _HELD, -held.since, -cause, False
    return (_FAILED if state.errors or state.delayed_error else CALM), 0, 0, False
