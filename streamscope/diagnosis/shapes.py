"""What a diagnosis says: evidence, findings, verdicts. Plain values, made anew at every look, that others may keep.

Every text is fit for a terminal: what came from outside was made harmless when the sentence was made. Times are
nanoseconds on the feed's clock; the row at which something began is the past's, `row_at(t=since)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from streamscope.diagnosis.chains import Chain, Chains
from streamscope.diagnosis.groups import Group
from streamscope.diagnosis.links import Links, Partner
from streamscope.language import N_, sentences


class Level(StrEnum):
    """How loud a finding is: an alarm (`▲`), or a notice (`△`)."""

    ERROR = "error"
    WARNING = "warning"


class Word(StrEnum):
    """Who is at fault: the peer; the network; the program's loop, which does not come round; the program itself; a
    listener that takes nobody in; the machine; or nobody, since somebody who watches has it so.
    """

    PEER = "PEER"
    NETWORK = "NETWORK"
    LOOP = "LOOP"
    APP = "APP"
    LISTENER = "LISTENER"
    HOST = "HOST"
    INJECTED = "INJECTED"


class Sure(StrEnum):
    """How sure a verdict is."""

    CERTAIN = N_("certain")
    LIKELY = N_("likely")
    UNSURE = N_("unsure")


class Evidence(NamedTuple):
    """One line of it: plain words, the field by its own name, what it was, and from when to when. `until` 0 is an
    instant alone.
    """

    words: str
    field: str
    value: str
    since: int
    until: int = 0


class Verdict(NamedTuple):
    """Why a stream does not get on.

    `sentence` says who, what, how many bytes, where and since when; `reason` in a few words what decided. `not_it` has
    a reason for each verdict that was weighed and dropped, `changes` what would change this one, `to_do` what helps.
    `root` is the stream at whose other end, or in whose keeping, the cause is: this one, or the last of a chain.
    `side` is which way the bytes go that wait, `out` or `in`, and `rung` the place of the ladder on which they lie.
    `beyond` says what stands between the stream and its root, or why that is not known; "" where it is the root itself.
    """

    word: Word
    sure: Sure
    stream: int
    since: int
    sentence: str
    reason: str
    evidence: tuple[Evidence, ...] = ()
    not_it: tuple[tuple[Word, str], ...] = ()
    changes: tuple[str, ...] = ()
    to_do: str = ""
    root: int = 0
    side: str = "out"
    rung: str = ""
    beyond: str = ""


class Finding(NamedTuple):
    """What a lint found. `stream` is 0 for the loop's own; `sentence` is whole, with its numbers. An alarm has a
    verdict: that of the stall, or the one that its cause belongs to.
    """

    lint: str
    level: Level
    stream: int
    since: int
    sentence: str
    evidence: tuple[Evidence, ...] = ()
    verdict: Verdict | None = None
    to_do: str = ""

    @property
    def key(self) -> tuple[str, int]:
        """Which finding it is, however often it is looked at."""
        return self.lint, self.stream

    @property
    def what(self) -> str:
        """One word for a column: the verdict's, or the lint's name."""
        return self.lint if self.verdict is None else self.verdict.word.value


class Ended(NamedTuple):
    """A finding that is no more, and when it was there: first told, and last."""

    finding: Finding
    told_t: int
    end_t: int


class Limit(NamedTuple):
    """What sets the pace of a stream whose bytes move: a fact for the ladder, no alarm. `by` is `peer`, `network` or
    `program`; `share` how much of the last second, None where it cannot be measured; `rung` the place of the ladder.
    """

    by: str
    share: float | None
    sentence: str
    rung: str = ""


class Held(NamedTuple):
    """A stream whose reading stopped because another one, which it feeds, cannot take more: `by` is that other, and
    `who` that with its role and its address.
    """

    by: int
    since: int
    sentence: str
    who: str = ""


class Told(msgspec.Struct, frozen=True):
    """All that a diagnosis says at one look, to be kept: the findings, the worst first; by stream those in it, what
    holds it back, what sets its pace; and who is held back by it, in a sentence. `links` says who feeds whom and
    `chains` who is held back by whom in the end; where that cannot be known, `unlinked` is the sentence that says so.
    """

    findings: Sequence[Finding] = ()
    by_stream: Mapping[int, Sequence[Finding]] = msgspec.field(default_factory=dict)
    held: Mapping[int, Held] = msgspec.field(default_factory=dict)
    limits: Mapping[int, Limit] = msgspec.field(default_factory=dict)
    follows: Mapping[int, str] = msgspec.field(default_factory=dict)
    links: Links | None = None
    chains: Chains = msgspec.field(default_factory=Chains)
    unlinked: str = ""

    def of(self, number: int) -> Sequence[Finding]:
        """What was found in one stream, the worst first; 0 is the loop."""
        return self.by_stream.get(number, ())

    def verdict(self, number: int) -> Verdict | None:
        """Why a stream does not get on: the verdict of its worst alarm."""
        return next((each.verdict for each in self.of(number) if each.verdict is not None), None)

    def limited(self, number: int) -> Limit | None:
        """What sets the pace of a stream whose bytes move."""
        return None if self.verdict(number) is not None else self.limits.get(number)

    def sentence_of(self, finding: Finding) -> str:
        """What was found, and who suffers from it."""
        return sentences((finding.sentence, self.follows.get(finding.stream, "")))

    # who has to do with whom: each is bounded, and asked for what is in sight alone

    def partners(self, number: int) -> Sequence[Partner]:
        """The streams that it feeds or that feed it, `MOST_PARTNERS` at most; those of its group are not among them.
        Some may be gone: look.
        """
        return () if self.links is None else self.links.partners(number)

    def group(self, number: int) -> Group | None:
        """The group that it is in: as its hub, if `group.hub` is its number, or as one of its `members`."""
        return None if self.links is None else self.links.group(number)

    def chain(self, number: int) -> Chain:
        """From a stream that does not get on to the one that is the root: each is held back by the next, or has its
        other end there. It is that stream alone where nothing holds it back.
        """
        return self.chains.of(number)

    def root(self, number: int) -> int:
        """The last of its chain; itself where nothing holds it back."""
        return self.chains.root(number)

    def holds(self, number: int) -> Sequence[int]:
        """The streams that this one holds back."""
        return self.chains.holds(number)
