"""Who is at fault where bytes are to go out and none do: each that could be is weighed, in numbers.

The order is that of what decides. A machine that gives the process no CPU explains everything else but a peer that has
no room, as its own kernel says; then a loop that does not come round; then what the kernel says of the other side: a
window that is shut is the peer's, segments that are sent again and never acknowledged are the network's. What is left
is the program's, and where the kernel tells nothing, a guess that says it is one. Of UDP that is no guess of a peer:
nobody acknowledges a datagram, so what waits has not left the machine.
"""

from __future__ import annotations

import itertools

from streamscope.diagnosis.lint import Case, callbacks_took, part, run_delay, stays
from streamscope.diagnosis.shapes import Evidence, Sure, Verdict, Word
from streamscope.diagnosis.track import SECOND, Look
from streamscope.language import N_, Saying, capital, items, saying, sayings
from streamscope.trace.figures import age_text, bytes_text
from streamscope.trace.plain_text import visible

MOST_OF = 0.5
"""A share of the time above which it is what decides."""

_SLOWEST_TURN = SECOND // 4

_IN_A_ROW = 3
"""Probes. One of them may have come too soon for an answer; another was then out until the kernel asked again."""
_OUT_FOR = 2 * SECOND
"""So long fewer are out, and twice as long where the machine took that time."""


class Weighing:
    """One stream whose bytes do not go out, weighed at one look."""

    def __init__(self, case: Case, since: int) -> None:
        self.case = case
        self.since = since
        self.for_ns = max(case.now_t - since, 0)
        track = case.track
        self.now = track.now
        self.is_udp = case.terms.is_udp(case.state.type)
        span = min(self.for_ns, 4 * SECOND)
        self.window, self.rto_lost = case.kernel("snd_wnd"), case.kernel("retrans")
        self.again, self.rwnd, self.busy = (track.grew(name, span) for name in ("retrans", "rwnd", "busy"))
        self.loop = case.loop.busy(since)
        self.host = case.loop.delayed(since)
        self.flying = (self.now.outq or 0) - (self.now.notsent or 0)
        self.unanswered = self._unanswered()
        self.rung = self._rung()

    def _unanswered(self) -> int:
        """How often the kernel has sent again, or asked a shut window, and heard nothing."""
        again = (self.case.kernel("retransmits") or 0) if self.flying > 0 else 0
        return max(again, self._probes())

    def _probes(self) -> int:
        """How many probes of a shut window are out of which an answer was due by now.

        A peer that has no room says so at once, and the kernel counts anew. But its kernel answers twice a second at
        most, so that a probe which comes sooner has none until the next is answered, for up to a second. Three in a
        row leave nothing to explain, however busy the machine is. Fewer have to be out for longer, as the kernel was
        asked and not as we have looked, and for longer still where the machine let the program not run meanwhile.
        """
        probes = self.now.probes or 0
        if probes >= _IN_A_ROW:
            return probes
        out = list(itertools.takewhile(_has_probes, reversed(self.case.track.looks)))
        if not out:
            return 0
        since = max(out[-1].asked, self.case.kernel("ack_recv_t") or 0)  # what was out before it is answered
        taken = min(self.case.loop.delayed_ns(since) or 0, _OUT_FOR)
        return probes if self.now.asked - since >= _OUT_FOR + taken else 0

    # where they lie

    def _rung(self) -> str:
        now = self.now
        queue_is_all = not self.case.terms.before_queue  # else it is not what waits, and the kernel has more to say
        if not now.outq or (queue_is_all and now.wq >= now.outq):
            return "queue" if now.wq else ""
        if now.notsent is None:
            return "kernel"
        return "kernel" if now.notsent >= now.outq - now.notsent else "in flight"

    @property
    def where(self) -> Saying:
        """`3.3 MiB have waited in the kernel for 31s`."""
        now, age = self.now, age_text(self.for_ns)
        if self.rung == "kernel":
            return saying("{size} have waited in the kernel for {age}", size=bytes_text(now.outq or 0), age=age)
        if self.rung == "in flight":
            return saying("{size} have been on their way for {age}", size=bytes_text(now.outq or 0), age=age)
        if self.case.terms.before_queue:
            return saying("at least {size} have waited in the program for {age}", size=bytes_text(now.wq), age=age)
        return saying("{size} have waited in the program for {age}", size=bytes_text(now.wq), age=age)

    def _places(self) -> list[Evidence]:
        """What waits, rung by rung."""
        case, now, at = self.case, self.now, self.now.t
        found = []
        if now.outq:
            told: str = f"{now.outq:,}"
            if now.notsent is not None:
                told = saying("{size}, of these notsent {rest}", size=told, rest=f"{now.notsent:,}")
            found.append(Evidence("what waits in the kernel", "outq", told, at))
        if now.wq or case.terms.queue:
            here = N_("what waits here, not all") if case.terms.before_queue else N_("what waits here")
            found.append(Evidence(here, case.named("write_queue_size"), f"{now.wq:,}", at))
        return found

    def _nothing_moved(self) -> Evidence:
        case, now = self.case, self.now
        if now.acked is not None:
            return case.evidence("nothing was acknowledged", "bytes_acked", stays(now.acked), self.since)
        if now.out is not None:
            return case.evidence("nothing was taken", "bytes_out", stays(now.out), self.since)
        return case.evidence("nothing was seen to go", "write_queue_size", saying("fell at no look"), self.since)

    # who it could be

    def verdict(self) -> Verdict:
        """The first that has what it takes; every other one that was weighed says why it is not it."""
        found = self._host() or self._loop() or self._peer() or self._network() or self._app() or self._left_over()
        word, sure, sentence, reason, evidence, changes, to_do = found
        return Verdict(
            word,
            sure,
            self.case.state.number,
            self.since,
            sentence,
            reason,
            (*evidence, self._nothing_moved(), *self._places()),
            tuple((other, why) for other, why in self._not_it() if other is not word and why),
            changes,
            to_do,
            self.case.state.number,
            "out",
            self.rung,
        )

    def _host(self) -> _Found | None:
        if self.host is None or self.host < MOST_OF or self.window == 0:
            return None  # with more of a CPU, the bytes that a shut window keeps here would wait as they do
        share = f"{self.host:.0%}"
        delay = self.case.loop.delayed_ns(self.since) or 0
        return (
            Word.HOST,
            Sure.CERTAIN if self.host > 0.8 else Sure.LIKELY,
            saying(
                "The machine kept the program from running {share} of the time: {where} for {who}.",
                share=share,
                where=self.where,
                who=self.case.who,
            ),
            saying("its process waited for a CPU {share} of the time", share=share),
            (self.case.evidence("the process waits for a CPU", "run_delay", age_text(delay), self.since),),
            (N_("A CPU for the process ends it."),),
            N_("give the process more CPU: fewer neighbours, a higher quota"),
        )

    def _loop(self) -> _Found | None:
        if self.loop is None or self.loop < 0.8 or self.window == 0 or (self.again or 0) > 0:
            return None
        if self.case.loop.turns(self.since) > self.for_ns // _SLOWEST_TURN:
            return None  # it comes round often enough to write, if the kernel took anything
        share = f"{self.loop:.0%}"
        return (
            Word.LOOP,
            Sure.LIKELY,
            saying(
                "The program's callbacks took {share} of the loop's time: {where} for {who}.",
                share=share,
                where=self.where,
                who=self.case.who,
            ),
            callbacks_took(self.loop),
            (self.case.evidence("callbacks take the time", "callback_ns", share, self.since),),
            (N_("Callbacks that return sooner end it."),),
            N_("find the slow callbacks, and do their work in smaller parts or elsewhere"),
        )

    def _peer(self) -> _Found | None:
        if self.unanswered:
            return None  # its window is what it said when it could still be heard
        if self.is_udp:
            return None  # what its peer does not read is lost, and holds nobody up
        case, window = self.case, self.window
        peer = visible(case.state.peer, 80)
        held = self.rwnd / self.busy if self.rwnd is not None and self.busy else None
        evidence: list[Evidence] = []
        if window is not None:
            evidence.append(case.evidence("the peer's window", "snd_wnd", f"{window:,}", self.since))
        if held is not None and self.rwnd is not None and self.busy is not None:
            told = part(f"{self.rwnd / 1e6:.1f}", f"{self.busy / 1e6:.1f}s")
            evidence.append(case.evidence("it holds the sender back", "rwnd_limited", told, self.since))
        takes = saying("{who} takes nothing: {where}.", who=capital(case.who), where=self.where)
        changes: tuple[str, ...] = (
            N_("A window above 0, or one acknowledged byte, ends the stall."),
            N_("Retransmits that nobody answers would make it NETWORK."),
        )
        to_do = (
            saying("look at the reader of {peer}; set a time limit for writes", peer=peer)
            if peer
            else saying("look at the reader; set a time limit for writes")
        )
        if window == 0 or (held is not None and held > MOST_OF):
            reason = (
                saying("its window has been 0 for {age}, and 0 B acknowledged since", age=age_text(self.for_ns))
                if window == 0
                else saying(
                    "its window held the sender back {share} of the time, and 0 B acknowledged since",
                    share=f"{held or 0:.0%}",
                )
            )
            sure = Sure.CERTAIN if window == 0 and not (held is not None and held < MOST_OF) else Sure.LIKELY
            return Word.PEER, sure, takes, reason, tuple(evidence), changes, to_do
        if window is None and self.now.acked is None and self.now.outq and case.track.sampled:
            reason = (
                saying("the program at {peer} has not read what lies before it: the kernel takes no more", peer=peer)
                if peer
                else saying("the other side has not read what lies before it: the kernel takes no more")
            )
            changes = (N_("One byte that it reads ends the stall."),)
            return Word.PEER, Sure.CERTAIN, takes, reason, tuple(evidence), changes, to_do
        return None

    def _network(self) -> _Found | None:
        lost = self.rto_lost or 0
        again = max(self.again or 0, self.unanswered)
        if not self.unanswered and (not (again > 0 or lost > 0) or self.flying <= 0):
            return None
        case = self.case
        total = case.kernel("total_retrans")
        evidence = [
            case.evidence(
                "sent again", "total_retrans", saying("+{more} to {n}", more=again, n=f"{total or 0:,}"), self.since
            )
        ]
        if (rto := case.kernel("rto")) is not None:
            evidence.append(Evidence("it waits so long for an answer", "rto", f"{rto / 1e3:,.0f} ms", self.now.t))
        if self.unanswered:
            field = "retransmits" if self.flying > 0 else "probes"
            evidence.append(Evidence("in a row without an answer", field, f"{self.unanswered}", self.now.t))
        if self.window:
            evidence.append(case.evidence("the peer had room", "snd_wnd", f"{self.window:,}", self.since))
        sure = Sure.CERTAIN if again >= 2 or lost >= 2 else Sure.LIKELY
        return (
            Word.NETWORK,
            sure,
            saying("What is sent to {who} is not answered: {where}.", who=case.who, where=self.where),
            saying("{n} segments sent again, none acknowledged", n=max(again, lost)),
            tuple(evidence),
            (N_("One acknowledged byte ends the stall."), N_("A window of 0 would make it PEER.")),
            N_("look at the way to the peer: loss, a firewall that forgot, a host that is gone; set TCP_USER_TIMEOUT"),
        )

    def _app(self) -> _Found | None:
        """The program has bytes, and does not want to hear when they could go."""
        case, state = self.case, self.case.state
        if not self.now.wq or case.armed or self.now.outq or state.connect_req is not None or state.pending:
            return None
        if not case.terms.poll_out or not case.terms.vocabulary.tells("pevents"):
            return None
        return (
            Word.APP,
            Sure.LIKELY,
            saying(
                "{who} is not written to: {where}, and nobody waits for room.",
                who=capital(case.who),
                where=self.where,
            ),
            saying("OUT is not wanted though bytes wait"),
            (case.evidence("what the engine wants", case.named("pevents"), _mask(case, state.pevents), self.since),),
            (N_("OUT in what the engine wants ends it."),),
            N_("find out why writing stopped: an error that was swallowed, a stream that was stopped by hand"),
        )

    def _left_over(self) -> _Found:
        return self._way_out() if self.is_udp else self._silence()

    def _way_out(self) -> _Found:
        """Room for datagrams comes back as they leave the machine, whoever reads them or does not."""
        return (
            Word.NETWORK,
            Sure.LIKELY,
            saying("What is sent through {who} does not leave the machine: {where}.", who=self.case.who,
                   where=self.where),
            saying("nobody acknowledges a datagram: what waits has not got out of the machine"),
            self._out_wanted(),
            (N_("One datagram that the kernel takes ends the stall."),),
            N_("look at the way out of the machine: a link that is down or slow, what shapes its traffic"),
        )  # fmt: skip

    def _out_wanted(self) -> tuple[Evidence, ...]:
        case, since = self.case, self.case.state.armed_t
        if not case.armed or not since:
            return ()
        return (case.evidence("OUT has been wanted", "armed_t", age_text(case.now_t - since), since),)

    def _silence(self) -> _Found:
        """Nothing says who it is. What is left is the other side, because the kernel takes nothing."""
        case = self.case
        known = case.track.sampled
        return (
            Word.PEER,
            Sure.UNSURE,
            saying("{who} takes nothing: {where}.", who=capital(case.who), where=self.where),
            saying("neither window nor retransmits tell why")
            if known
            else saying("what the kernel holds is not known"),
            self._out_wanted(),
            (N_("What the kernel says of the connection would tell PEER from NETWORK."),),
            N_("look at the other side, and at the way there"),
        )

    def _not_it(self) -> list[tuple[Word, str]]:
        case = self.case
        found: list[tuple[Word, str]] = []
        if self.is_udp:
            found.append((Word.PEER, saying("it cannot hold a datagram back")))
        if self.window is not None:
            found.append((Word.PEER, saying("its window is {size}", size=f"{self.window:,}")))
        if self.again is not None:
            rtt = case.kernel("rtt")
            times = (
                saying("no retransmit")
                if self.again <= 0
                else sayings("{count} retransmit", "{count} retransmits", self.again, count=self.again)
            )
            found.append((Word.NETWORK, items((times, "" if rtt is None else f"rtt {rtt / 1e3:.1f} ms"))))
        if self.loop is not None:
            found.append((Word.LOOP, callbacks_took(self.loop)))
        if case.terms.poll_out and case.terms.vocabulary.tells("pevents") and case.armed:
            found.append((Word.APP, saying("wants OUT")))
        if self.host is not None:
            found.append((Word.HOST, run_delay(f"{self.host:.1%}")))
        return found


_Found = tuple[Word, Sure, str, str, tuple[Evidence, ...], tuple[str, ...], str]


def _has_probes(look: Look) -> bool:
    return bool(look.probes)


def _mask(case: Case, mask: int) -> str:
    return case.terms.vocabulary.mask_text(mask) or "–"
