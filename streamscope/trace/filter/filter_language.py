"""The filter language as it is for the feeds of one vocabulary: its names, and the names of its values.

Made once for each vocabulary, so that a person who types waits for nothing. Where several feeds are asked at once,
each has a language of its own, in which the words of the others are no error: nothing of this feed is so.
"""

from __future__ import annotations

from functools import lru_cache

from streamscope.language import spoken
from streamscope.trace.filter.names import Name, names_of
from streamscope.trace.filter.values import Values
from streamscope.trace.stated import States
from streamscope.trace.vocabulary import Vocabulary


class Language:
    """What can be said of feeds with this vocabulary.

    - `names`: every name, and why it is refused, if it is;
    - `values`: what names can be compared with;
    - `stream_names`, `event_names`: those that can be asked for.
    """

    def __init__(
        self, vocabulary: Vocabulary, others: tuple[Vocabulary, ...] = (), states: States | None = None
    ) -> None:
        self.vocabulary = vocabulary
        self.names: dict[str, Name] = names_of(vocabulary, others, states)
        self.values = Values(vocabulary, others, frozenset() if states is None else states.kinds)
        can_be = [name for name in self.names.values() if not name.refused]
        self.stream_names = tuple(name for name in can_be if name.of_state is not None)
        self.event_names = tuple(name for name in can_be if name.of_state is None)

    @staticmethod
    def of(vocabulary: Vocabulary, *others: Vocabulary, states: States | None = None) -> Language:
        """The language for feeds of the first vocabulary, beside feeds of the others, and with the words of a table."""
        return _kept(spoken(), vocabulary, others, states)


@lru_cache(16)
def _kept(language: str, vocabulary: Vocabulary, others: tuple[Vocabulary, ...], states: States | None) -> Language:
    """What its names mean is told in the language of a person, so there is one for each."""
    return Language(vocabulary, tuple(other for other in others if other is not vocabulary), states)
