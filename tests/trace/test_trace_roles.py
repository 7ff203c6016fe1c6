"""What a stream is in its program, as far as its state tells, and how it is spoken of."""

from __future__ import annotations

import pytest

from streamscope.core import flags as uv
from streamscope.core.probe import CB_CONNECTION
from streamscope.trace.roles import role_of, short, who
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

HERE = Vocabulary.here()
TCP, PIPE = uv.UV_TCP, uv.UV_NAMED_PIPE


@pytest.mark.parametrize(
    ("state", "role", "said"),
    [
        (StreamState(1, TCP, local="127.0.0.1:7702", callbacks=1 << CB_CONNECTION), "listener", "listener #1 :7702"),
        (StreamState(2, TCP, peer="10.0.0.1:5", server=1), "client", "client #2 ← 10.0.0.1:5"),
        (StreamState(3, TCP, peer="10.0.0.1:5"), "upstream", "upstream #3 → 10.0.0.1:5"),
        (StreamState(4, PIPE, fd=9, name="child 4711", ipc=True), "child", "child #4 4711"),
        (StreamState(5, PIPE, fd=0, ipc=True), "parent", "parent #5"),
        (StreamState(6, PIPE, fd=-1, ipc=True), "", "pipe #6"),
        (StreamState(7, PIPE, fd=9, name="workers"), "", "pipe #7 workers"),
        (StreamState(8, PIPE, fd=9, peer="/run/x.sock", ipc=True), "", "pipe #8 /run/x.sock"),
    ],
)
def test_the_role_follows_from_who_listens_who_was_accepted_and_who_was_connected(
    state: StreamState, role: str, said: str
) -> None:
    assert role_of(state, HERE) == role
    assert who(state, HERE) == said
    assert short(state, HERE) == f"{role or 'pipe'} #{state.number}"


def test_what_comes_from_outside_is_made_harmless() -> None:
    assert "\x1b" not in who(StreamState(2, TCP, peer="evil\x1b[2J", server=1), HERE)
    assert "\x1b" not in who(StreamState(7, PIPE, fd=9, name="evil\x1b[2J"), HERE)
