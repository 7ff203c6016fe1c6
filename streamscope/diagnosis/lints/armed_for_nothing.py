"""The engine asks to hear when there is room, and has nothing to write."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign
from streamscope.diagnosis.shapes import Level
from streamscope.language import capital, saying
from streamscope.trace.figures import age_text


class ArmedForNothing(Lint):
    """OUT is wanted of a stream in which nothing waits."""

    name = "armed_for_nothing"
    level = Level.WARNING
    checks = "POLLOUT has been wanted for 1 s, and there is neither a write nor a connect nor a shutdown that needs it"
    matters = "there is nearly always room, so epoll answers at once: the loop spins, and takes a whole CPU"
    to_do = "find who started the watcher for POLLOUT and did not stop it when the queue was empty"
    fields = ("pevents", "armed_t", "write_queue")
    kinds = ("io.start",)

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        state = case.state
        if not case.armed or not state.armed_t or state.write_queue or state.write_completed_queue:
            return None
        if state.connect_req is not None or state.shutdown_req is not None or state.write_queue_size:
            return None
        age = age_text(case.now_t - state.armed_t)
        turns = case.loop.turns(state.armed_t)
        evidence = [
            case.evidence("OUT is wanted", "armed_t", age, state.armed_t),
            case.evidence("nothing waits", "write_queue_size", "0", state.armed_t),
        ]
        if turns:
            evidence.append(case.evidence("the loop turned", "turn", f"+{turns:,}", state.armed_t))
        return Sign(
            saying(
                "{who} has been armed for OUT for {age}, and nothing waits in it: every poll ends at once.",
                who=capital(case.who),
                age=age,
            ),
            tuple(evidence),
            state.armed_t,
        )
