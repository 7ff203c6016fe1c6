"""Whatever a file holds: it is read as far as it can be, or one clear line says why not.

The mutants are of two kinds: files with bytes that are wrong, which checksums find, and files whose checksums are right
and whose content is not, as only a hostile hand makes them.
"""

from __future__ import annotations

import random

import pytest
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from trace_mutants import Taken, a_trace, look_at_everything, opened_from, taken_apart

from streamscope.trace.store.format import TraceError

WHOLE = a_trace()
TAKEN = taken_apart(WHOLE)


def read(data: bytes) -> str:
    """What can be said of the file: why it cannot be read, or what it lacks. Everything in it is looked at."""
    try:
        trace = opened_from(data)
    except TraceError as error:
        reason = str(error)
        assert reason.startswith("x.scope")
        assert "\n" not in reason
        return reason
    with trace:
        look_at_everything(trace)
        return trace.missing


def test_the_trace_that_is_mutated_is_whole() -> None:
    assert read(WHOLE) == ""
    assert read(TAKEN.together()) == ""
    assert "index" in read(TAKEN.together(index=False))


def test_a_trace_cut_off_anywhere_is_read_up_to_there() -> None:
    rows = [rows_of(WHOLE[:length]) for length in range(len(WHOLE))]
    readable = [row for row in rows if row is not None]
    assert rows == [None] * (len(rows) - len(readable)) + sorted(readable)
    assert readable[-1] == sum(segment.head.rows for segment in TAKEN.segments)


def rows_of(data: bytes) -> int | None:
    """How many rows can be read, None if it is no trace yet; something is missing either way."""
    try:
        trace = opened_from(data)
    except TraceError:
        return None
    with trace:
        assert trace.missing
        return trace.past.end


@settings(max_examples=examples(70))
@given(seed=st.integers(0, 1 << 32))
def test_a_flipped_bit_is_noticed_wherever_it_is(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(10):
        data = bytearray(WHOLE)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        assert read(bytes(data)) != "", "nobody noticed"


mutations = st.lists(
    st.tuples(
        st.sampled_from(["flip", "set", "insert", "delete", "repeat", "cut"]), st.floats(0, 1), st.integers(0, 255)
    ),
    min_size=1,
    max_size=6,
)


def mutated(data: bytes, changes: list[tuple[str, float, int]]) -> bytes:
    out = bytearray(data)
    for what, where, value in changes:
        place = int(where * len(out))
        if what == "cut":
            del out[place + 1 :]
        elif what == "insert":
            out[place:place] = bytes([value]) * (1 + value % 9)
        elif what == "delete":
            del out[place : place + 1 + value % 9]
        elif what == "repeat":
            out[place:place] = out[place : place + value]
        elif place < len(out):
            out[place] = value if what == "set" else out[place] ^ (1 << value % 8)
    return bytes(out)


@settings(max_examples=examples(600))
@given(changes=mutations)
def test_bytes_that_are_wrong_are_never_more_than_a_clear_line(changes: list[tuple[str, float, int]]) -> None:
    read(mutated(WHOLE, changes))


@settings(max_examples=examples(700))
@given(changes=mutations, segment=st.integers(0, len(TAKEN.segments) - 1), part=st.integers(0, 3), index=st.booleans())
def test_content_that_is_wrong_under_right_checksums_is_never_more_than_a_gap(
    changes: list[tuple[str, float, int]], segment: int, part: int, index: bool
) -> None:
    raw = TAKEN.segments[segment].parts[part]
    read(TAKEN.with_part(segment, part, mutated(raw, changes)).together(index=index))


@settings(max_examples=examples(400))
@given(changes=mutations)
def test_a_header_that_is_wrong_under_a_right_checksum_is_a_clear_line(changes: list[tuple[str, float, int]]) -> None:
    read(Taken(mutated(TAKEN.header, changes), TAKEN.segments, TAKEN.goodbye).together())


numbers = st.one_of(st.integers(0, 5), st.sampled_from([(1 << 31) - 1, (1 << 32) - 1, (1 << 63) - 1]))


@settings(max_examples=examples(300))
@given(
    segment=st.integers(0, len(TAKEN.segments) - 1),
    fields=st.dictionaries(
        st.sampled_from(["first", "rows", "place", "turn", "t", "end_t", "leaves", "gaps"]), numbers, min_size=1
    ),
)
def test_numbers_that_cannot_be_are_a_clear_line(segment: int, fields: dict[str, int]) -> None:
    for name in ("leaves", "gaps"):
        if name in fields:
            fields[name] = min(fields[name], (1 << 32) - 1)
    read(TAKEN.with_head(segment, **fields).together())


@settings(max_examples=examples(300))
@given(data=st.binary(max_size=200), begin=st.integers(0, 60))
def test_bytes_that_never_were_a_trace_are_a_clear_line(data: bytes, begin: int) -> None:
    assert read(WHOLE[:begin] + data)


@pytest.mark.parametrize("part", range(4))
def test_a_part_of_random_bytes_is_a_gap_or_nothing(part: int) -> None:
    for seed in range(40):
        noise = random.Random(seed).randbytes(seed)
        read(TAKEN.with_part(1, part, noise).together())
