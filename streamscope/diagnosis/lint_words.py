"""What a diagnosis knows of a trace that is held against assertions. The words of lints (`trace.stated`): `stalled` is
so of a stream as long as it lasts and `lint.stalled` is the event that it begins. And who holds back a stream that an
assertion has failed for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial

from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.diagnosis.headless import over
from streamscope.diagnosis.lints import LINTS
from streamscope.language import saying, tr
from streamscope.trace.check import Instant, seconds
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
        engine = vocabulary.engine or tr("this engine")
        words = []
        for lint in LINTS:
            missing = lint.missing(vocabulary)
            refused = (
                tr("{lint} cannot be known of {engine}: {missing}", lint=lint.name, engine=engine, missing=missing)
                if missing
                else ""
            )
            so, changes = partial(self._so, lint.name), partial(self._changes, lint.name)
            words.append(Stated(lint.name, tr("a lint: {checks}", checks=tr(lint.checks)), so, changes, refused))
        super().__init__(words)

    def _so(self, lint: str, state: StreamState, t: int) -> bool:
        return self.asked(lint, state.number, t)

    def _changes(self, lint: str, state: StreamState, t: int) -> int | None:
        return self.changing(lint, state.number, t)


class Judge:
    """Goes over all of a past, once and only if it is asked."""

    def __init__(self, past: Past) -> None:
        self._past = past

    @cached_property
    def _diagnosis(self) -> Diagnosis:
        diagnosis = Diagnosis(self._past.decoder.vocabulary)
        over(self._past, diagnosis)
        diagnosis.finish()
        return diagnosis

    def events(self, words: LintWords) -> Sequence[Event]:
        """Sees to it that the words can be asked of any time of the past; returns their events."""
        diagnosis = self._diagnosis
        words.asked, words.changing = diagnosis.was, diagnosis.spells.change
        return [
            Event(
                0, since, 0, finding.stream, f"{EVENT}{finding.lint}", "", None, None, {"said": str(finding.sentence)}
            )
            for since, finding in diagnosis.spells.began()
        ]

    def beside(self, at: Instant) -> Sequence[str]:
        """What else there is to say of a stream that an assertion has failed for: who held it back then."""
        was = self._diagnosis.was_held(at.stream, at.t) if at.stream and at.t else None
        if was is None:
            return ()
        who = saying("what it has to take itself") if was.by == at.stream else was.who
        since = seconds(was.since)
        if not was.until:
            return [saying("held back by {who}, from {since} until the end", who=who, since=since)]
        return [
            saying("held back by {who}, from {since} until {until}", who=who, since=since, until=seconds(was.until))
        ]
