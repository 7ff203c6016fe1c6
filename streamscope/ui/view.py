"""What the screen looks at: one engine's state, as it is, or as it was at an instant of its past.

A `View` stands between the session, which goes on receiving and folding whatever happens, and the widgets, which read
`model`, `past_end` and `now_t` and paint them. A pause begins a journey (`travel`) at the present; from there the
person goes back and on in what the past keeps, which is bounded, and the session goes on folding, so nothing is
lost by looking for long. A replay is a journey from beginning to end.

Times are nanoseconds on the feed's clock. Rates are over the last second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence, Set
from typing import TYPE_CHECKING

from streamscope.trace.instant import Standpoint, Target
from streamscope.trace.keyframe import keyframe_of
from streamscope.trace.series import Series
from streamscope.trace.state import StreamState
from streamscope.trace.traveller import Traveller
from streamscope.ui.beside import Beside
from streamscope.ui.counts import Counts
from streamscope.ui.diagnosed import NOTHING, Diagnosed, PastDiagnosed
from streamscope.ui.feed_source import Source
from streamscope.ui.gone import Gone
from streamscope.ui.noted import ReplayNotes
from streamscope.ui.rates import Curves, LiveRates, PastRates
from streamscope.ui.recording import Recording
from streamscope.ui.restless import Restless
from streamscope.ui.row_words import Overview
from streamscope.ui.standing import Standstills
from streamscope.ui.ties import SeenTies
from streamscope.ui.travel import Mark, Travel

if TYPE_CHECKING:
    from streamscope.diagnosis.lint_words import LintWords
    from streamscope.diagnosis.other_end import OtherEnd
    from streamscope.diagnosis.shapes import Told
    from streamscope.link.asking import Standstill
    from streamscope.link.frames import Hello
    from streamscope.link.waiters import Waiters
    from streamscope.trace.model import Model
    from streamscope.trace.past import Past
    from streamscope.trace.pieces import NoteLeaf
    from streamscope.trace.vocabulary import Vocabulary
    from streamscope.ui.curves import Values
    from streamscope.ui.other_processes import OtherProcesses

SECOND = 1_000_000_000
MANY = 2_000
"""From so many streams on, what has to look at all of them is done once a second only."""

LOOK_BACK_SECONDS = 0.008
"""How long one frame goes over the past for its curves at most."""


class View:
    """One engine, as the person looks at it. Only the screen's thread may touch it."""

    def __init__(
        self,
        source: Source,
        *,
        closed_seconds: float = 10.0,
        allow: Iterable[str] = (),
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.source = source
        self.recording = Recording()
        self.pinned: list[int] = []
        """The streams whose panels stay, in the order in which they were pinned."""
        self.every_event = False
        """Whether the lists of events show every one, and not what matters alone."""
        self.selected: int | None = None
        """The stream that the person has selected: the same one on every screen."""
        self.unread_lines = 0
        """How many lines the program has printed since the log was last on the screen."""
        self.counts = Counts.of(source.model)
        """How many streams there are at the instant that is looked at, as often as that can be counted."""
        self.trouble: tuple[str, int] | None = None
        """Which finding the person has gone to."""
        self.known = Overview(NOTHING, source.model.decoder.vocabulary)
        """What is known of streams beyond their own states."""
        self.own = False
        """Whether the engine was started for this screen, and ends with it."""
        self.departing: str | None = None
        """What becomes of the engine, once the person has left; "" while there is nothing to say of that."""
        self.beside = Beside(monotonic, wall)
        """The other end of the stream that is open."""
        self.others: OtherProcesses | None = None
        """The other processes of the run."""
        self.allowed: set[str] = set(allow)
        """The lints that say nothing, because the person has allowed what they find."""
        self.turned: set[int] = set()
        """The streams of which the other side of the ladder is shown."""
        self.travel: Travel | None = None
        """The journey through the past, None while the present is looked at."""
        self.mark: Mark | None = None
        """The instant that the person has marked."""
        self._closed_stays = int(closed_seconds * SECOND)
        self.monotonic = monotonic
        """The clock by which the screen paces itself, in seconds."""
        self._wall = wall
        self._hello: Hello | None = None
        self._last_t = 0
        self._everything = True
        self._live = LiveRates()
        self._past_rates: PastRates | None = None
        self._diagnosed = Diagnosed(source.model.decoder.vocabulary, self.allowed)
        self._past_diagnosed: PastDiagnosed | None = None
        self._lint_words: tuple[Vocabulary, LintWords] | None = None
        self.standing = Standstills(monotonic)
        """Since when the engine does not come round, if so."""
        self.standing.follow(source.standstill, self._present())
        self.gone = Gone(self._closed_stays, monotonic)
        """The streams that have closed."""
        self._restless = Restless()
        self._seen_model = source.model
        self._raised = source.model.raised
        self._uncounted = False
        self._count_due = 0.0
        self._replay_notes = ReplayNotes(source.past, self.started, self.allowed) if self.replaying else None
        if self.replaying:
            self._set_out(source.past.span_t()[0])
        self.known = self._known()

    # what is looked at

    @property
    def hello(self) -> Hello | None:
        """Who the engine is; None until it has said so."""
        return self._hello if self.travel is not None else self.source.hello

    @property
    def started(self) -> float:
        """The Unix time at which the feed's clock was 0; 0.0 as long as that is not known."""
        return 0.0 if self.hello is None else self.hello.started

    @property
    def status(self) -> str:
        """`connecting`, `live`, `ended`, `gone` or `replay`."""
        return self.source.status

    @property
    def reason(self) -> str:
        """Why the engine ended, or why it cannot be reached; text from outside."""
        return self.source.reason

    @property
    def vocabulary(self) -> Vocabulary:
        """What the engine's words are called and mean."""
        model = self.source.model if self.travel is None else self.travel.model
        return model.decoder.vocabulary

    @property
    def model(self) -> Model:
        """The state to paint."""
        return self.source.model if self.travel is None else self.travel.model

    @property
    def past(self) -> Past:
        """The events; only rows before `past_end` have happened."""
        return self.source.past if self.travel is None else self.travel.past

    @property
    def past_end(self) -> int:
        """The row after the last one that has happened."""
        return self.source.past.end if self.travel is None else self.travel.row

    @property
    def paused(self) -> bool:
        """Whether the person has left the present."""
        return self.travel is not None

    @property
    def moved(self) -> bool:
        """Whether the person stands elsewhere than where they left the present."""
        return self.travel is not None and (self.replaying or (self.travel.row, self.travel.t) != self.travel.began)

    @property
    def replaying(self) -> bool:
        """Whether there is no present, only a recorded past."""
        return self.source.status == "replay"

    @property
    def playing(self) -> bool:
        """Whether the past goes on by itself."""
        return self.travel is not None and self.travel.playing

    @property
    def events_missed(self) -> int:
        """How many events lie between what is looked at and the present, or the end of the past."""
        return 0 if self.travel is None else self.travel.past.end - self.travel.row

    @property
    def events_lost(self) -> int:
        """How many events never reached this inspector; told even while paused."""
        return self.source.model.events_lost

    @property
    def now_t(self) -> int:
        """The instant that is looked at; where the engine is gone or does not come round, the last that it told."""
        if self.travel is not None:
            return self.travel.t
        return self.present_t if self.standstill is None else self.standing.began_t

    @property
    def standstill(self) -> Standstill | None:
        """What is known of an engine that does not come round; None while it does."""
        return self.standing.now

    @property
    def stuck(self) -> Standstill | None:
        """The same, unless more is known: that it has ended, or cannot be reached. It may never have said who it is."""
        return self.standstill if self.status in ("live", "connecting") else None

    def _known(self) -> Overview:
        stands = self.standstill if self.travel is None else None
        accepting = stands.waiting if stands is not None and self.counts.listeners == 1 else 0
        return Overview(self.told, self.vocabulary, stands, max(accepting, 0), self.ties)

    @property
    def ties(self) -> SeenTies:
        """Who goes with whom, as far as that was seen."""
        past = self._past_diagnosed
        links = self._diagnosed.diagnosis.links if past is None else past.links
        return SeenTies(self.told, links, self.model.streams, self.vocabulary)

    @property
    def present_t(self) -> int:
        """The present on the feed's clock, wherever the person is; in a replay the end of the past."""
        return self.source.past.span_t()[1] if self.replaying else self._present()

    @property
    def curves(self) -> Curves:
        """What happened in the last second, and the curves of each stream."""
        return self._live if self._past_rates is None else self._past_rates

    def summary(self) -> str:
        """What was wrong while somebody looked, in a line; "" for nothing."""
        from streamscope.diagnosis.account import summary  # when somebody leaves

        model = self.source.model
        return summary(self._diagnosed.diagnosis, model, max(self._live.t, model.t))

    @property
    def lint_words(self) -> LintWords:
        """The words by which the table's filter asks what a diagnosis has found, at the instant that is looked at."""
        if self._lint_words is None or self._lint_words[0] is not self.vocabulary:
            from streamscope.diagnosis.lint_words import LintWords  # when somebody writes a filter

            self._lint_words = self.vocabulary, LintWords(self.vocabulary, self._is_found)
        return self._lint_words[1]

    def _is_found(self, lint: str, stream: int, t: int) -> bool:
        return any(finding.lint == lint for finding in self.told.of(stream))

    def noted(self) -> Sequence[NoteLeaf]:
        """What was found afterwards in a replay, as notes among its events."""
        return () if self._replay_notes is None else self._replay_notes.leaves

    @property
    def told(self) -> Told:
        """What is wrong at the instant that is looked at."""
        past = self._past_diagnosed
        return self._diagnosed.told if past is None else past.told

    @property
    def tells_stalls(self) -> bool:
        """Whether this engine's words suffice to say that a stream stalls."""
        return all(lint != "stalled" for lint, _ in self._diagnosed.diagnosis.unavailable)

    @property
    def diagnosing(self) -> bool:
        """Whether what is wrong is still looked for."""
        return self._past_diagnosed is not None and not self._past_diagnosed.known

    @property
    def standpoint(self) -> Standpoint:
        """From where an instant that is written down is measured."""
        if self.travel is not None:
            return self.travel.standpoint(self.started)
        return Standpoint(self.now_t, self.model.turn, 0, self.started)

    @property
    def over(self) -> bool:
        """Whether there is no engine any more, and its last state is shown."""
        return self.status in ("ended", "gone")

    @property
    def never_served(self) -> bool:
        """Whether the engine has ended before its loop ever ran: its program failed at its start."""
        return self.over and self.travel is None and not self.model.turn and not self.model.known

    def stream(self, number: int | None) -> StreamState | None:
        """The state of one stream, None when it is not known (any more)."""
        return None if number is None else self.model.streams.get(number)

    def changed_t(self, number: int) -> dict[int, int]:
        """When each flag of the stream changed, for those that did a moment ago: without those that are steps of
        something else, and while time goes on without those that change all the time. They would outshine what is rare.
        """
        lit, words = self.model.lit, self.vocabulary
        changed = {
            flag: lit[flag][number]
            for flag in words.flag_names
            if not flag & words.passing and number in lit.get(flag, ())
        }
        state = self.stream(number)
        if not changed or state is None or (self.travel is not None and not self.travel.playing):
            return changed
        return self._restless.calm(number, state.flags, changed)

    def queue_trend(self, number: int, width: int) -> Values:
        """`write_queue_size` over the last thirty seconds, as so many cells draw it."""
        return self.curves.trend(Series.queue, number, width)

    def rate_in(self, number: int) -> float | None:
        """Bytes a second that came in, over the last second; None while the past is still gone over for it."""
        return self.curves.of(number)[0]

    def rate_out(self, number: int) -> float | None:
        """Bytes a second that the kernel took, as `rate_in`."""
        return self.curves.of(number)[1]

    def ask_other_end(self, number: int) -> None:
        """Somebody looks at the stream: ask for its other end, and note what was found out."""
        asked = self.hello is not None and self.status == "live" and not self.paused
        self.beside.ask(self.stream(number) if asked else None, self.vocabulary, self.hello.pid if self.hello else 0)

    def other_end(self, number: int | None) -> OtherEnd | None:
        """What is known of the other end of a stream, as long as somebody looks at it."""
        return None if self.paused else self.beside.of(number)

    def waiters(self, number: int) -> Waiters | None:
        """Who waits for a stream, which is asked for now and then; None where nobody can say."""
        asked = getattr(self.source, "waiters", None)
        if asked is None or self.status != "live" or self.paused or not self.vocabulary.tells("waiters"):
            return None
        found: Waiters = asked.of(number)
        return found

    # what goes on

    def advance(self, budget_s: float) -> Set[int]:
        """Receive and fold for at most about `budget_s` seconds; the numbers of the streams that differ from what was
        last painted.
        """
        self.source.receive()
        self.source.fold(budget_s)
        self.standing.follow(self.source.standstill, self._present())
        model = self.source.model
        if model is not self._seen_model:
            self._begin_anew(model)
        changed: Set[int] = model.changed
        model.changed = set()
        t = self._present() if self.source.status == "live" else None
        if t is not None:
            self._diagnosed.look(
                model, t, self.source.past, changed, self.source.hello.started if self.source.hello else 0.0
            )
        self._live.look(model, changed, t, self.monotonic())
        self._forget(model)
        if self.travel is not None:
            changed = self._advance_travel(self.travel)
        self._count_if_due(bool(changed))
        if self._replay_notes is not None:
            self._replay_notes.work(LOOK_BACK_SECONDS, self.monotonic)
        self.known = self._known()
        if self._everything:
            self._everything = False
            return frozenset(self.model.streams)
        return changed

    def _advance_travel(self, travel: Travel) -> Set[int]:
        """Let the past play on, and its curves become what they were."""
        if travel.advance(self.present_t):
            if self.replaying:
                travel.stop()
            else:
                self.resume()
                return frozenset()
        rates, wrong = self._past_rates, self._past_diagnosed
        if travel.moved and rates is not None and wrong is not None:
            rates.go(travel.t)
            wrong.go(travel.t)
        arrived = travel.moved and not travel.playing  # who has just jumped sees the state first, curves a frame later
        found = False
        for work in () if arrived or rates is None or wrong is None else (wrong.work, rates.work):
            found = work(LOOK_BACK_SECONDS, self.monotonic) or found
        if not travel.moved and not found:
            return frozenset()
        travel.moved = False
        self._uncounted = True
        travel.model.changed.clear()
        return frozenset(travel.model.streams)

    def exception(self) -> str:
        """What a callback has raised since this was asked last, "" for nothing; text from outside."""
        model = self.source.model
        before, self._raised = self._raised, model.raised
        return model.exception if model.raised > before else ""

    def pause(self) -> None:
        """Leave the present, to look at it closely or to go back from it. There is none to leave before the engine has
        said who it is.
        """
        if self.travel is None and self.source.hello is not None:
            past, packed = self.source.past, keyframe_of(self.source.model)
            if len(packed) * 8 <= past.max_bytes or past.reach >= past.end:  # else it costs too much past
                past.keyframe(packed)
            self._set_out(self._present())

    def resume(self) -> None:
        """Look at the present again. A replay has none."""
        if not self.replaying:
            self.travel = self._past_rates = self._past_diagnosed = None
            self._everything = True
            self._uncounted = True

    def _set_out(self, t: int) -> None:
        """Begin a journey at the end of the past, or in a replay at its beginning."""
        self._hello = self.source.hello
        past = self.source.past
        self._past_rates = PastRates(past, self._traveller, t, None if self.replaying else self._live)
        self._past_diagnosed = PastDiagnosed(
            past, self._traveller, self.allowed, *(() if self.replaying else (t, self._diagnosed))
        )
        traveller = self._traveller(past.reach if self.replaying else past.end)
        self.travel = Travel(
            traveller, t, monotonic=self.monotonic, closed_stays=self._closed_stays, replaying=self.replaying
        )
        self._everything = True

    def _traveller(self, row: int) -> Traveller:
        return Traveller(self.past, row=row)

    def go_to(self, target: Target) -> bool:
        """Go to an instant of the past, or to the present; whether that is another place."""
        if target.kind == "end" and not self.replaying:
            was_away = self.travel is not None
            self.resume()
            return was_away
        self.pause()
        return self.travel is not None and self.travel.go_to(target, self.mark)

    def set_mark(self) -> bool:
        """Mark this instant, or take the mark away if it is here; whether there is one now."""
        row = self.past_end
        if self.mark is not None and self.mark.row == row:
            self.mark = None
        else:
            self.mark = Mark.of(self.model, row, self.now_t)
        return self.mark is not None

    def allow(self, lint: str) -> bool:
        """Have a lint say nothing, or, if it does, say what it finds again; whether it is allowed now."""
        self.allowed ^= {lint}
        if self._past_diagnosed is not None:
            self._past_diagnosed.anew()
        return lint in self.allowed

    def turn(self, number: int) -> None:
        """Show the other side of a stream's ladder."""
        self.turned ^= {number}

    def pin(self, number: int) -> bool:
        """Pin the stream, or unpin it if it is; whether it is pinned now."""
        if number in self.pinned:
            self.pinned.remove(number)
            return False
        self.pinned.append(number)
        return True

    def _begin_anew(self, model: Model) -> None:
        """Another engine, or the same one after the link was broken: nothing from before holds."""
        self._seen_model = model
        self._raised = 0
        self._live = LiveRates()
        self._diagnosed = Diagnosed(model.decoder.vocabulary, self.allowed)
        self.gone = Gone(self._closed_stays, self.monotonic)
        self._last_t = 0
        self._everything = True
        if self.travel is None:
            self.mark = None

    def _present(self) -> int:
        source = self.source
        if source.hello is not None and source.status == "live":
            since = (self._wall() - source.hello.started) * SECOND
            if 0 <= since < 2**63:  # what an engine says of its start is not to be relied on
                self._last_t = max(self._last_t, int(since))
        return max(self._last_t, source.model.loop.t)

    def _count_if_due(self, changed: bool) -> None:
        self._uncounted = self._uncounted or changed
        now = self.monotonic()
        if self._uncounted and now >= self._count_due:
            model = self.model
            self._uncounted = False
            self._count_due = now + (0.0 if len(model.streams) < MANY else 1.0)
            self.counts = Counts.of(model)

    def _forget(self, model: Model) -> None:
        """Let go of streams that closed a while ago, and of the oldest of too many."""
        if not self.replaying and self.gone.forget(model, self._present(), self.source.forget_closed):
            self._everything = self._everything or self.travel is None
        if self.travel is None and self.pinned:
            self.pinned = [number for number in self.pinned if number in model.streams]
