"""Assertions about a trace, for people and for CI: `max(wq) < 1MiB`, `never(armed(POLLOUT) and wq == 0 for 100ms)`.

    assertion.py   what an assertion says, read from its text; filters inside are the filter language's
    moments.py     when what is asked about a stream can change
    watches.py     what watches for one assertion while the trace goes by; leads.py for what has to follow,
                   quantities.py for numbers
    checking.py    one walk over the past for all of them; stops.py says at which records it has to look
    report.py      what became of them, as lines for a person

`docs/check.md` explains the assertions.
"""

from __future__ import annotations

from streamscope.trace.check.assertion import Assertion
from streamscope.trace.check.checking import Report, check
from streamscope.trace.check.report import lines
from streamscope.trace.check.watches import Failure, Instant, Outcome, seconds

__all__ = ["Assertion", "Failure", "Instant", "Outcome", "Report", "check", "lines", "seconds"]
