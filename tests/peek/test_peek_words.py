"""A peeked feed has the words of its libuv, and says what it cannot know."""

from __future__ import annotations

import pytest

from streamscope.link.frames import Hello, as_received
from streamscope.sampling.libuv_words import libuv_greeting, libuv_words, version_of, version_text
from streamscope.trace.differ import Differ
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary


def vocabulary(number: int, *unseen: str) -> Vocabulary:
    words = libuv_words(version_text(number), version_of(number), unseen)
    hello = as_received(
        libuv_greeting(release="1", pid=4, program="node", started=0.0, loop=1, vocabulary=words).frame()
    )
    assert isinstance(hello, Hello)
    return Vocabulary.of(hello)


@pytest.mark.parametrize(
    ("number", "text", "shutting", "partial"),
    [
        (0x12C02, "libuv 1.44.2", True, True),
        (0x12E00, "libuv 1.46.0", False, True),
        (0x13401, "libuv 1.52.1", False, False),
    ],
)
def test_flags_are_those_of_the_version(number: int, text: str, shutting: bool, partial: bool) -> None:
    words = vocabulary(number)

    assert words.engine == text
    assert (words.flag("SHUTTING") != 0, words.flag("READ_PARTIAL") != 0) == (shutting, partial)
    assert words.flag("READING") == 0x1000
    assert words.flag_text(0x5000) == "READING|READABLE"


def test_what_a_program_keeps_for_itself_is_unknown() -> None:
    words = vocabulary(0, "turn")
    assert not any(words.tells(field) for field in ("bytes_in", "place", "high_water", "callback_ns", "turn"))
    assert all(words.tells(field) for field in ("write_queue_size", "accepted_fd", "pevents", "poll_ns", "kernel"))


def test_all_that_a_sampler_can_find_changed_can_be_told() -> None:
    requests = [RequestState(number, 3, 100, 50, 2, 1, 3, -32, 5) for number in range(1, 4)]
    held = RequestState(9, 2, begin_t=5), RequestState(10, 4, begin_t=5)
    full = StreamState(
        1, 7, 0xFFFF, 9, "", "", "/tmp/x", "peer", 3, 5, 0, 300, 65536, requests[:2], requests[2:], *held, 11, [12, 13],
        8, -98, 0xFF, 5, 1, True, True, True, armed_t=5, ipc=True,
    )  # fmt: skip
    empty = StreamState(1, 7, begin_t=5)
    loops = LoopState(1, 5, 1, 1, 1, 1), LoopState(2, 6, 2, 2, 2, 2)
    differ = Differ(vocabulary(0x12E00))

    for before, after in (({}, {1: full}), ({1: full}, {1: empty}), ({1: empty}, {1: full}), ({1: full}, {})):
        assert len(differ.words(before, after, loops)) > 10
