"""The filter language: one for the table, the event list, replay, export and check.

    stream==7 and flag==READING
    fn=="uv__write_req_finish" and status<0
    wq > 64KiB
    peer ~ ":51\\d+"
    kind==epoll.mod

and words that must all be found: `tcp reading :51514`, `!shut`, `7`. `docs/filter.md` is made from this package and
explains all of it.

    lexer.py     words and their places        names.py     what can be spoken of: events and state
    parser.py    words → tree                  values.py    what it can be compared with: names, sizes, times
    tree.py      the tree, written out again   filter_language.py  both, in the words of one vocabulary
    evaluate.py  tree → tests                  pattern.py   regular expressions that cannot hang
    complete.py  what may be written next      reach.py     which events a filter can want at all
    rows.py      a past, as a filtered list    guide.py     the document, made from the tables

A filter is of the feed whose vocabulary it was parsed with: the numbers in it are that feed's.
"""

from __future__ import annotations

from contextlib import suppress

from streamscope.language import tr
from streamscope.trace.decode import Event, is_aside
from streamscope.trace.filter import reach
from streamscope.trace.filter.complete import Completion, complete
from streamscope.trace.filter.evaluate import event_test, stream_test
from streamscope.trace.filter.filter_language import Language
from streamscope.trace.filter.guide import help_text
from streamscope.trace.filter.lexer import LONGEST, FilterError, marked, tokens
from streamscope.trace.filter.parser import parse
from streamscope.trace.filter.tree import Node
from streamscope.trace.state import StreamState
from streamscope.trace.stated import Stated, States
from streamscope.trace.vocabulary import Vocabulary

MOST_TRIED = 100
"""So many words of a wrong text are left out, one after the other."""

__all__ = [
    "LONGEST", "Completion", "Filter", "FilterError", "Language", "Stated", "States", "complete", "help_text", "marked",
]  # fmt: skip


class Filter:
    """A filter of streams and of events. An empty one wants everything. Equal filters say the same, however they are
    written; `str` writes one out so that it parses to an equal one.

    - `text`: what was written;
    - `needs_state`: whether some events cannot be judged without their stream's state at that moment;
    - `measures`: whether some events cannot be judged without durations (`Event.spans`);
    - `event_only`: the names in it that only events have; a filter of streams refuses them (`for_streams`);
    - `kinds`, `functions`, `streams`: events of other ones are certainly not wanted; None for any.
    """

    __slots__ = (
        "_of_event",
        "_of_stream",
        "event_only",
        "functions",
        "kinds",
        "measures",
        "needs_state",
        "root",
        "streams",
        "text",
        "vocabulary",
    )

    def __init__(self, text: str, root: Node | None, vocabulary: Vocabulary) -> None:
        self.text = text
        self.root = root
        self.vocabulary = vocabulary
        self.measures = root is not None and reach.measures(root)
        self.needs_state = root is not None and reach.needs_state(root)
        self.event_only = () if root is None else tuple(found.name.name for found in reach.event_only(root))
        self.kinds = None if root is None else reach.kinds_of(root, vocabulary)
        self.functions = None if root is None else reach.functions_of(root)
        self.streams = None if root is None else reach.streams_of(root)
        self._of_stream = None if root is None else stream_test(root)
        self._of_event = None if root is None else event_test(root, vocabulary)

    @classmethod
    def parse(
        cls,
        text: str,
        vocabulary: Vocabulary,
        *others: Vocabulary,
        for_streams: bool = False,
        states: States | None = None,
    ) -> Filter:
        """The filter that is written there, for feeds of this vocabulary. Raises FilterError, and nothing else; with
        `for_streams` also for names that only events have.

        Where several feeds are asked the same, each has its own filter, parsed with the vocabularies of the `others`:
        a word that only they have is no error then, and nothing of this feed is so. `states` are further words.
        """
        root = parse(text, Language.of(vocabulary, *others, states=states))
        if for_streams and root is not None:
            for found in reach.event_only(root):
                raise FilterError(
                    tr(
                        "{found} is for events; this is a list of streams",
                        found=found.name.name if found.other is None else "this",
                    ),
                    found.start,
                    found.end,
                )
        return cls(text, root, vocabulary)

    @classmethod
    def no_asides(cls, vocabulary: Vocabulary) -> Filter:
        """The filter that wants everything that happened, and not what the kernel was asked meanwhile."""
        found = cls("", None, vocabulary)
        found.kinds = frozenset(kind for kind, _ in vocabulary.kinds if not is_aside(kind))
        return found

    @classmethod
    def sound_part(
        cls,
        text: str,
        vocabulary: Vocabulary,
        *others: Vocabulary,
        for_streams: bool = False,
        states: States | None = None,
    ) -> Filter:
        """What is right at the beginning of a text that is not, as a list can show it while the rest is being written:
        `tcp` of `tcp and flag==RE`. The empty filter if nothing is.
        """
        try:
            found = tokens(text)
        except FilterError as error:
            try:
                found = tokens(text[: error.start])
            except FilterError:
                found = []
        for token in reversed(found[-MOST_TRIED:]):
            with suppress(FilterError):
                return cls.parse(text[: token.start], vocabulary, *others, for_streams=for_streams, states=states)
        return cls("", None, vocabulary)

    def of_stream(self, state: StreamState, now_t: int) -> bool | None:
        """Whether the stream is wanted, as it is at this time (ns on the feed's clock); None if nobody can know."""
        return True if self._of_stream is None else self._of_stream(state, now_t)

    def of_event(self, event: Event, state: StreamState | None = None) -> bool | None:
        """Whether the event is wanted; None if nobody can know. `state` is its stream's right after it, None for the
        loop's events and where it is not known; then what only the state can tell does not hold.
        """
        return True if self._of_event is None else self._of_event(event, state)

    def may_want(self, kind: str) -> bool:
        """Whether events of this kind can be wanted."""
        return self.kinds is None or kind in self.kinds

    def __str__(self) -> str:
        return "" if self.root is None else str(self.root)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filter) and self.root == other.root

    def __hash__(self) -> int:
        return hash(self.root)

    def __repr__(self) -> str:
        return f"Filter({self.text!r})"
