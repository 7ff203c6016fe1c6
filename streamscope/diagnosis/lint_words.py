"""The words of lints in filters and assertions (`trace.stated`): `stalled` is so of a stream as long as it lasts
and `lint.stalled` is the event that it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.diagnosis.headless import over
from streamscope.diagnosis.lints import LINTS
from streamscope.trace.decode import Event
from streamscope.trace.past import Past
from streamscope.trace.state import StreamState
from streamscope.trace.stated import EVENT, Stated, States
from streamscope.trace.vocabulary import Vocabulary


class LintWords(States):
    """The table of words for feeds of this vocabulary. Who has it tells what they say: whether a lint was so of a
    stream at a time (`asked`), and when after it that changes by itself (`changing`).
    """

    def __init__(
        self, vocabulary: Vocabulary, asked: Callable[[str, int, int], bool] = lambda lint, stream, t: False
    ) -> None:
        self.asked = asked
        self.changing: Callable[[str, int, int], int | None] = lambda lint, stream, t: None
        engine = vocabulary.engine or "this engine"
        words = []
        for lint in LINTS:
            missing = lint.missing(vocabulary)
            refused = f"{lint.name} cannot be known of {engine}: {missing}" if missing else ""
            so, changes = partial(self._so, lint.name), partial(self._changes, lint.name)
            words.append(Stated(lint.name, f"a lint: {lint.checks}", so, changes, refused))
        super().__init__(words)

    def _so(self, lint: str, state: StreamState, t: int) -> bool:
        return self.asked(lint, state.number, t)

    def _changes(self, lint: str, state: StreamState, t: int) -> int | None:
        return self.changing(lint, state.number, t)


def judge(past: Past, words: LintWords) -> Sequence[Event]:
    """Goes over all of a past, so that the words can be asked of any time of it; returns their events."""
    diagnosis = Diagnosis(past.decoder.vocabulary)
    over(past, diagnosis)
    diagnosis.finish()
    words.asked, words.changing = diagnosis.was, diagnosis.spells.change
    return [
        Event(0, since, 0, finding.stream, f"{EVENT}{finding.lint}", "", None, None, {"said": finding.sentence})
        for since, finding in diagnosis.spells.began()
    ]
