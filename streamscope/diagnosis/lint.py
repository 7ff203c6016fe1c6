"""What a lint is, and what it is shown: one stream, or the loop, at one look.

A lint sees what the model knows and what a track remembers, nothing else: so it finds the same live, in a replay and
without a screen, of every kind of engine. It says what it sees at each look; a finding is made of that only after it
has been so for a while and for several looks on end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from streamscope.diagnosis.shapes import Evidence, Held, Level, Sure, Verdict, Word
from streamscope.diagnosis.track import SECOND, Track
from streamscope.language import Saying, clauses, saying
from streamscope.trace.roles import short, who
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

if TYPE_CHECKING:
    from streamscope.diagnosis.links import Links
    from streamscope.diagnosis.loop_track import LoopTrack
    from streamscope.trace.model import Model


class Sign(NamedTuple):
    """What a lint sees now. `since` 0 is: since the first look that saw it. An alarm brings its verdict. What is seen
    of the loop may be about one `stream`, and louder or less loud than the lint is otherwise.
    """

    sentence: str
    evidence: tuple[Evidence, ...] = ()
    since: int = 0
    verdict: Verdict | None = None
    stream: int = 0
    level: Level | None = None


class Terms:
    """An engine's words, looked up once: what a flag, a poll bit, a field of the kernel's is here; 0 and -1 for what
    this engine has not.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.reading = vocabulary.flag("READING")
        self.eof = vocabulary.flag("READ_EOF")
        self.shut = vocabulary.flag("SHUT") | vocabulary.flag("SHUTTING")
        self.listening = vocabulary.flag("LISTENING")
        self.poll_in = vocabulary.poll("IN")
        self.poll_out = vocabulary.poll("OUT")
        self.listens = vocabulary.listens
        self.kernel = {name: number for number, name in vocabulary.kernel.items()}
        self.queue = vocabulary.tells("write_queue_size")
        self.feeds = vocabulary.tells("feeds")
        self.before_queue = vocabulary.before_queue is not None
        self.bytes_in, self.bytes_out = vocabulary.tells("bytes_in"), vocabulary.tells("bytes_out")

    def is_udp(self, handle_type: int) -> bool:
        """Whether handles of this type send datagrams that nobody acknowledges."""
        return self.vocabulary.types.get(handle_type) == "udp"


class Case:
    """One stream at one look, or the loop, of which `state` is that of no handle.

    `now_t` is the feed's clock, `seen_t` up to when it is known that nothing has happened: an engine that is silent,
    though the kernel should have been asked since, does not come round, and its silence is evidence of nothing else.
    """

    __slots__ = ("_links", "held", "loop", "model", "now_t", "seen_t", "state", "suspect", "terms", "track")

    def __init__(
        self,
        terms: Terms,
        model: Model,
        loop: LoopTrack,
        state: StreamState,
        track: Track,
        now_t: int,
        links: Links | None = None,
    ) -> None:
        self.terms = terms
        self.model = model
        self.loop = loop
        self.state = state
        self.track = track
        self.now_t = now_t
        self.seen_t = seen_until(state.kernel_t if track.sampled else model.t, now_t, sampled=track.sampled)
        self.held: Held | None = None
        self.suspect = ""  # who may hold it back, where nobody knows whom it feeds
        self._links = links

    def kernel(self, name: str) -> int | None:
        """What the kernel said last of a field; None for what is not known."""
        said = self.state.kernel
        return None if said is None else said.get(self.terms.kernel.get(name, -1))

    def of_loop(self, name: str) -> int | None:
        """What the kernel said last of the loop's thread."""
        said = self.model.kernel
        return None if said is None else said.get(self.terms.kernel.get(name, -1))

    @property
    def who(self) -> str:
        """`upstream #3 → 127.0.0.1:9901`."""
        return who(self.state, self.terms.vocabulary)

    @property
    def short(self) -> str:
        """`client #2`."""
        return short(self.state, self.terms.vocabulary)

    @property
    def is_fed(self) -> bool:
        """Whether another stream, which is there, feeds it."""
        return self._links is not None and self._links.is_fed(self.state.number, self.model.streams)

    @property
    def reading(self) -> bool:
        """Whether the program reads it."""
        return bool(self.state.flags & self.terms.reading)

    @property
    def armed(self) -> bool:
        """Whether the engine wants to hear when it can be written to."""
        return bool(self.state.pevents & self.terms.poll_out)

    def named(self, field: str) -> str:
        """What this engine calls a field."""
        return self.terms.vocabulary.label(field)

    def evidence(self, words: str, field: str, value: str, since: int, until: int | None = None) -> Evidence:
        """A line of it, until now unless it says until when."""
        return Evidence(words, self.named(field), value, since, self.now_t if until is None else until)


SILENT = SECOND // 4
PATIENCE = 2 * SECOND


def seen_until(heard_t: int, now_t: int, *, sampled: bool) -> int:
    """Up to when it is known that nothing has happened: `heard_t` is when the kernel was last asked, or, where it is
    not, when the engine was last heard. An idle engine that asks nobody is silent too: its silence counts, but later.
    """
    if now_t <= heard_t + SILENT:
        return now_t
    return heard_t + SILENT if sampled else max(heard_t + SILENT, now_t - PATIENCE)


class Lint:
    """One kind of trouble that can be seen. What it needs and an engine cannot know makes it not available there."""

    name: ClassVar[str]
    level: ClassVar[Level]
    checks: ClassVar[str]
    """What it looks for."""
    matters: ClassVar[str]
    """Why that matters."""
    to_do: ClassVar[str]
    of: ClassVar[str] = "stream"
    """What it is shown: each `stream` in need, each `listener`, or the `loop`."""
    of_closed: ClassVar[bool] = False
    """Whether it is shown streams that are closed, too: in these nothing stalls any more."""
    fields: ClassVar[tuple[str, ...]] = ()
    kinds: ClassVar[tuple[str, ...]] = ()
    kernel: ClassVar[tuple[str, ...]] = ()
    """The fields of state, kinds of events and words of the kernel's that it needs."""
    concerns: ClassVar[tuple[str, ...]] = ()
    """Fields that only some engines have, and without which it concerns none: there it is not missed."""
    lasting: ClassVar[int] = SECOND
    """For so long it has to be so."""
    looks: ClassVar[int] = 3
    """And at so many looks on end."""
    stays: ClassVar[int] = 0
    """For so long it is told of after it was seen last: for what is over at once."""
    covered_by: ClassVar[tuple[str, ...]] = ()
    """Where one of these is found in the same stream, this says nothing more and is not listed."""

    def missing(self, vocabulary: Vocabulary) -> str:
        """What this lint needs and the engine cannot tell, in a few words; "" if it is available."""
        fields = [field for field in (*self.fields, *self.concerns) if not vocabulary.tells(field)]
        told = {name for name, _ in vocabulary.kinds}
        kinds = [kind for kind in self.kinds if kind not in told]
        said = set(vocabulary.kernel.values()) if "kernel.sample" in told and vocabulary.knows("kernel") else set()
        kernel = [name for name in self.kernel if name not in said]
        return clauses(
            (
                saying("{names} cannot be known", names=", ".join(fields)) if fields else "",
                saying("{names} is not told of", names=", ".join(kinds)) if kinds else "",
                saying("{names} is not asked of the kernel", names=", ".join(kernel)) if kernel else "",
            )
        )

    def check(self, case: Case) -> Sign | None:
        """What it sees; None for nothing."""
        raise NotImplementedError


def callbacks_took(share: float) -> Saying:
    """How much of the time was spent in callbacks."""
    return saying("callbacks took {share} of the time", share=f"{share:.0%}")


def run_delay(told: str) -> Saying:
    """How long, or how much of the time, the process waited for a CPU."""
    return saying("run delay {told}", told=told)


def stays(value: int | None) -> Saying:
    """What a field was all the time."""
    return saying("stays {value}", value=f"{value:,}")


def part(some: str, every: str) -> Saying:
    """How many of how many."""
    return saying("{n} of {all}", n=some, all=every)


def is_off(flag: str) -> Saying:
    """That a flag is off."""
    return saying("{flag} off", flag=flag)


def request_text(number: int) -> Saying:
    """A request by its number."""
    return saying("request {number}", number=number)


def blame(
    lint: Lint,
    case: Case,
    word: Word,
    sure: Sure,
    sentence: str,
    reason: str,
    evidence: tuple[Evidence, ...],
    *,
    since: int = 0,
    side: str = "out",
    rung: str = "",
    not_it: tuple[tuple[Word, str], ...] = (),
    changes: tuple[str, ...] = (),
) -> Sign:
    """What an alarm sees, with the verdict that its cause belongs to."""
    number = case.state.number
    verdict = Verdict(
        word, sure, number, since, sentence, reason, evidence, not_it, changes, lint.to_do, number, side, rung
    )
    return Sign(sentence, evidence, since, verdict)
