"""The kernel does not watch for what the engine believes to be registered."""

from __future__ import annotations

from streamscope.diagnosis.lint import Case, Lint, Sign, blame
from streamscope.diagnosis.shapes import Level, Sure, Word
from streamscope.language import capital, saying


class InterestClobbered(Lint):
    """Somebody else has changed what epoll watches this descriptor for."""

    name = "interest_clobbered"
    level = Level.ERROR
    checks = (
        "the engine wants events, believes them to be registered, and the kernel's epoll does not watch for them; that "
        "it watches for more is libuv's own late DEL, and no fault"
    )
    matters = "events that are wanted never come: the stream is dead, and looks idle"
    to_do = (
        "look for code that closes, duplicates or registers this descriptor itself, or for one that two handles share"
    )
    fields = ("pevents", "events")
    kernel = ("epoll_missing",)
    lasting = 0
    looks = 4

    def check(self, case: Case) -> Sign | None:
        """See `Lint`."""
        state, missing = case.state, case.kernel("epoll_missing")
        lacks = (missing or 0) & state.pevents & state.events
        if not lacks or state.watched or state.closing:
            return None
        words = case.terms.vocabulary
        has = case.kernel("epoll_mask")
        said = saying("nothing") if not has else words.mask_text(has)
        evidence = (
            case.evidence("wanted", "pevents", words.mask_text(state.pevents), case.now_t, 0),
            case.evidence("believed to be registered", "events", words.mask_text(state.events), case.now_t, 0),
            case.evidence("the kernel watches for", "epoll_mask", said, case.now_t, 0),
        )
        sentence = saying(
            "{who} waits for {events}, which the kernel does not watch: the engine registered {registered}, and epoll "
            "has {said}.",
            who=capital(case.who), events=words.mask_text(lacks), registered=words.mask_text(state.events), said=said,
        )  # fmt: skip
        reason = saying("epoll was changed behind the engine")
        return blame(self, case, Word.APP, Sure.CERTAIN, sentence, reason, evidence)
