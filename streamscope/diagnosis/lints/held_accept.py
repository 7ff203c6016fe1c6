"""A connection was accepted, and the program has not taken it: meanwhile nobody listens."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign, blame
from streamscope.diagnosis.shapes import Level, Sure, Word
from streamscope.language import N_, capital, saying, sayings
from streamscope.trace.figures import age_text


class HeldAccept(Lint):
    """accepted_fd of a listener that is not taken."""

    name = "held_accept"
    level = Level.ERROR
    of = "listener"
    checks = "a listener has held the same accepted_fd for 1 s: uv_accept was not called in or after its callback"
    matters = "until it is taken, the engine does not accept: the listener looks alive, and is deaf"
    to_do = "call uv_accept in the connection callback, be it only to close the connection"
    fields = ("accepted_fd",)

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        fd, since = case.state.accepted_fd, case.track.since
        if fd < 0:
            since.pop(self.name, None)
            return None
        if self.name not in since or since.get("accepted_fd") != fd:
            since[self.name], since["accepted_fd"] = case.now_t, fd
        began = since[self.name]
        waits = case.kernel("accept_queue")
        evidence = [case.evidence("accepted, and not taken", "accepted_fd", str(fd), began)]
        behind: str = ""
        if waits:
            evidence.append(case.evidence("wait behind it", "accept_queue", f"{waits:,}", began))
            behind = sayings(", and {n} waits behind it", ", and {n} wait behind it", waits)
        sentence = saying(
            "{who} accepts nobody: the connection on descriptor {fd} has not been taken for {age}{behind}.",
            who=capital(case.who), fd=fd, age=age_text(case.now_t - began), behind=behind,
        )  # fmt: skip
        reason = saying("uv_accept was not called")
        return blame(self, case, Word.LISTENER, Sure.CERTAIN, sentence, reason, tuple(evidence),
                     since=began, side="in", changes=(N_("uv_accept ends it."),))  # fmt: skip
