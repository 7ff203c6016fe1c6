"""There is no descriptor left for a connection that waits."""

from __future__ import annotations

import errno

from streamscope.diagnosis.lint import Case, Lint, Sign, blame
from streamscope.diagnosis.shapes import Level, Sure, Word
from streamscope.diagnosis.track import SECOND
from streamscope.language import N_, capital, saying

_FULL = frozenset({-errno.EMFILE, -errno.ENFILE})
SPAN = 2 * SECOND


class Emfile(Lint):
    """accept(2) that fails again and again because no descriptor is left."""

    name = "emfile_spin"
    level = Level.ERROR
    of = "listener"
    checks = "accept(2) of a listener has failed with EMFILE or ENFILE twice or more in 2 s, look after look"
    matters = "the listener stays ready: the loop takes a whole CPU, and connections are dropped"
    to_do = (
        "raise the limit of descriptors (ulimit -n), close what is not needed, or stop listening until there is room"
    )
    fields = ("errors", "last_error")
    lasting = SECOND // 2

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        state, track = case.state, case.track
        failed = track.grew("errors", SPAN) or 0
        if state.last_error not in _FULL or failed < 2:
            track.since.pop(self.name, None)
            return None
        since = track.since.setdefault(self.name, case.now_t)
        name = case.terms.vocabulary.error_text(state.last_error)
        evidence = (
            case.evidence("accept failed", "last_error", name, since),
            case.evidence("in the last 2s", "errors", f"+{failed:,}", case.now_t - SPAN),
        )
        sentence = saying(
            "{who} has no descriptor left: accept failed with {error} {n} times in 2s.",
            who=capital(case.who),
            error=name,
            n=f"{failed:,}",
        )
        reason = saying("{error} from accept", error=name)
        return blame(self, case, Word.LISTENER, Sure.CERTAIN, sentence, reason, evidence, since=since,
                     side="in", changes=(N_("A descriptor that is closed makes room for one."),))  # fmt: skip
