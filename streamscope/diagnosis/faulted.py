"""What is injected is nobody's fault: a finding in such a stream says so before anything else, and blames no one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamscope.diagnosis.shapes import Finding, Sure, Word
from streamscope.diagnosis.track import SECOND
from streamscope.language import saying, sentences
from streamscope.trace.plain_text import visible
from streamscope.trace.state import StreamState

if TYPE_CHECKING:
    from streamscope.trace.model import Model


def faulted(finding: Finding, model: Model) -> Finding:
    """The finding, if nothing is injected in its stream, nor in the root of its chain; else one that names what is."""
    verdict = finding.verdict
    for number in dict.fromkeys((finding.stream, verdict.root if verdict is not None else 0)):
        state = model.known.get(number)
        what = "" if state is None else injected_in(state, finding.since)
        if what:
            break
    else:
        return finding
    injected = saying("Injected on #{number}: {what}.", number=number, what=what)
    sentence = sentences((injected, finding.sentence))
    clear = saying("clear it: I on the screen, or streamscope poke PID {number} clear", number=number)
    if verdict is not None:
        verdict = verdict._replace(
            word=Word.INJECTED,
            sure=Sure.LIKELY,
            sentence=sentence,
            reason=saying(
                "{what} is injected on #{number}; without that it would be {word}: {reason}",
                what=what,
                number=number,
                word=verdict.word.value,
                reason=verdict.reason,
            ),
            to_do=clear,
        )
    return finding._replace(sentence=sentence, verdict=verdict, to_do=clear)


def injected_in(state: StreamState, since: int) -> str:
    """What is injected in the stream, or was when this began; "" for nothing."""
    if state.faults:
        return visible(state.faults, 80)
    return saying("what was done to it") if state.injected_t and state.injected_t >= since - SECOND else ""
