"""What is typed after `/` and which streams it finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamscope.core import flags as uv
from streamscope.trace.query import Query
from streamscope.trace.state import StreamState

STREAM = StreamState(
    7, uv.UV_TCP, uv.READABLE | uv.READING, name="Upstream A", place="proxy.py:31 on_connection",
    local="127.0.0.1:7000", peer="192.168.0.9:51514",
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "7", "#7", "tcp", "TCP", "reading", "READING", "READABLE reading", "127.0.0.1", ":51514", "51514",
        "7000", "192.168", "upstream", "on_conn", "proxy.py:31", "tcp reading 192.168 upstream", "!pipe", "!8",
        "!shut tcp", "!!tcp", "!#17",
    ],
)  # fmt: skip
def test_a_stream_is_found_by_what_it_is(text: str) -> None:
    assert Query.parse(text).matches(STREAM)


@pytest.mark.parametrize(
    "text",
    [
        "8", "#8", "77", "#51514", "1514", "pipe", "SHUT", "READ_EOF", "10.0.0.1", ":5151x", "downstream",
        "tcp pipe", "tcp !reading", "!tcp", "!!!tcp", "!",
    ],
)  # fmt: skip
def test_a_stream_is_not_found_by_what_it_is_not(text: str) -> None:
    assert not Query.parse(text).matches(STREAM)


def test_a_query_keeps_what_was_typed() -> None:
    assert Query.parse(" Reading  ").text == " Reading  "


@given(text=st.text(max_size=40) | st.text("!#0123456789 :.tcp", max_size=2000))
def test_nothing_that_is_typed_is_an_error(text: str) -> None:
    assert Query.parse(text).matches(STREAM) in (True, False)
