"""As many wait to be accepted as the kernel keeps."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign, blame, callbacks_took, part
from streamscope.diagnosis.shapes import Level, Sure, Word
from streamscope.diagnosis.track import SECOND
from streamscope.language import N_, capital, saying
from streamscope.trace.figures import age_text


class BacklogFull(Lint):
    """A listener's accept queue that is full."""

    name = "backlog_full"
    level = Level.ERROR
    of = "listener"
    checks = "a listener's accept queue has been as long as its backlog for 1 s"
    matters = "whoever connects now is turned away without a word, and tries again a second later, and again"
    to_do = "accept sooner: look what the loop does instead; a larger backlog helps against bursts alone"
    kernel = ("accept_queue", "accept_max")
    covered_by = ("held_accept",)

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        waits, most = case.kernel("accept_queue"), case.kernel("accept_max")
        if waits is None or not most or waits < most:
            case.track.since.pop(self.name, None)
            return None
        since = case.track.since.setdefault(self.name, case.now_t)
        busy = case.loop.busy(max(since, case.now_t - 4 * SECOND))
        listens = bool(case.state.pevents & case.terms.poll_in)
        evidence = [
            case.evidence("wait to be accepted", "accept_queue", part(f"{waits:,}", f"{most:,}"), since),
            case.evidence("the engine listens", "pevents", "IN" if listens else saying("not {what}", what="IN"), since),
        ]
        overflows = case.of_loop("listen_overflows")
        if overflows:
            evidence.append(
                case.evidence("turned away, on this machine", "listen_overflows", f"{overflows:,}", case.now_t, 0)
            )
        sentence = saying(
            "{who} is full: {n} wait to be accepted, which is all that the kernel keeps, for {age}.",
            who=capital(case.who), n=f"{waits:,}", age=age_text(case.now_t - since),
        )  # fmt: skip
        reason = saying("it accepts more slowly than they come") if listens else saying("it does not listen")
        not_it = ((Word.LOOP, callbacks_took(busy)),) if busy is not None else ()
        return blame(self, case, Word.LISTENER, Sure.CERTAIN, sentence, reason, tuple(evidence), since=since, side="in",
                     not_it=not_it, changes=(N_("One that is accepted makes room."),))  # fmt: skip
