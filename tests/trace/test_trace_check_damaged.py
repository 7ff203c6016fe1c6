"""Filters and assertions over damaged and hostile traces: a loss is a loss, and nothing else happens."""

from __future__ import annotations

from dataclasses import replace

from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from test_trace_store_fuzz import mutated, mutations
from trace_mutants import a_trace, opened_from, taken_apart

from streamscope.trace.check import Assertion, check, lines
from streamscope.trace.filter import Filter
from streamscope.trace.filter.rows import FoundRows
from streamscope.trace.store.format import TraceError
from streamscope.trace.vocabulary import Vocabulary

WHOLE = a_trace()
TAKEN = taken_apart(WHOLE)
ASSERTIONS = [
    Assertion.parse(text, Vocabulary.here())
    for text in (
        "max(wq) < 10B", "max(queue_age) < 1ns", "never(armed(OUT) or wq > 5 for 3ns)", "count(error) == 0",
        "always(reading -> eventually shut within 5ns)", "sum(result) < 5", "never(kind ~ 'sys' and wq == 0)",
        "max(result) < 5 per stream where tcp", "never(errors > 0 or peer ~ 'x')",
    )
]  # fmt: skip


def use(data: bytes) -> None:
    """Check it, and filter its events. Only a TraceError may come of it, when it is opened."""
    try:
        trace = opened_from(data)
    except TraceError:
        return
    with trace:
        report = check(trace.past, ASSERTIONS, ends=trace.bye is not None)
        assert all("\x1b" not in line for line in lines(report, "x.scope"))
        for text in ("", "wq > 10B", "kind == flag.set or error", "näme"):
            found = FoundRows(trace.past, Filter.parse(text, Vocabulary.here()), monotonic=lambda: 0.0)
            found.work(1.0)  # on a clock that stands: for as long as it takes
            assert found.whole
            first, end = found.extent()
            found.rows(first, min(end - first, 100))


def test_a_whole_trace_is_judged() -> None:
    with opened_from(WHOLE) as trace:
        report = check(trace.past, ASSERTIONS)
        assert [outcome.holds for outcome in report.outcomes].count(False) >= 4
        assert report.gaps
    use(WHOLE)


@settings(max_examples=examples(150))
@given(changes=mutations)
def test_bytes_that_are_wrong_do_no_harm(changes: list[tuple[str, float, int]]) -> None:
    use(mutated(WHOLE, changes))


@settings(max_examples=examples(300))
@given(changes=mutations, segment=st.integers(0, len(TAKEN.segments) - 1), part=st.integers(0, 3), index=st.booleans())
def test_content_that_is_wrong_under_right_checksums_does_no_harm(
    changes: list[tuple[str, float, int]], segment: int, part: int, index: bool
) -> None:
    raw = TAKEN.segments[segment].parts[part]
    use(TAKEN.with_part(segment, part, mutated(raw, changes)).together(index=index))


@settings(max_examples=examples(100))
@given(changes=mutations)
def test_a_catalogue_that_is_wrong_does_no_harm(changes: list[tuple[str, float, int]]) -> None:

    use(replace(TAKEN, header=mutated(TAKEN.header, changes)).together())
