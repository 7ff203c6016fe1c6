"""A program says whom a stream feeds: for those who watch, at no cost where nobody does, and within bounds."""

from __future__ import annotations

import pytest
from core_feed import records
from core_kernel import World

from streamscope.core import Tcp, UVError
from streamscope.core.records import Word
from streamscope.core.stream.feeding import MOST_FED
from streamscope.link.engine import handle_state
from streamscope.link.states import HANDLE
from streamscope.trace.fold import FEEDS_KEPT

FEEDS = list(HANDLE).index("feeds")


def _told(feed: list[Word]) -> list[tuple[int, list[Word]]]:
    return [(number, list(arguments)) for number, _, kind, arguments in records(feed) if kind.name == "feeds"]


def test_it_is_told_once_with_the_programs_own_words_and_ends_with_none(world: World) -> None:
    a, b = Tcp(world.loop), Tcp(world.loop)
    feed: list[Word] = []
    world.loop.watch(feed)

    a.feeds(b)
    a.feeds(b)
    a.feeds(b, "through the cache")
    a.feeds(b, "")
    a.feeds(b, "")

    assert _told(feed) == [
        (a.number, [b.number, "the program says so"]),
        (a.number, [b.number, "through the cache"]),
        (a.number, [b.number, ""]),
    ]


def test_who_comes_later_finds_it_in_the_state(world: World) -> None:
    a, b = Tcp(world.loop), Tcp(world.loop)
    assert handle_state(a, ())[FEEDS] is None

    a.feeds(b, "a queue")  # nobody watches

    assert handle_state(a, ())[FEEDS] == {b.number: "a queue"}


def test_what_feeds_itself_or_closes_is_nobodys_business(world: World) -> None:
    a, b = Tcp(world.loop), Tcp(world.loop)
    a.feeds(a)
    b.close()
    a.feeds(b)
    b.feeds(a)
    assert (a.fed, b.fed) == (None, None)
    a.feeds(Tcp(world.loop))
    a.close()
    world.turn()
    assert a.fed is None  # what is closed holds nothing any more


def test_a_stream_of_another_loop_is_refused(world: World) -> None:
    other = World()
    with pytest.raises(UVError, match="EINVAL"):
        Tcp(world.loop).feeds(Tcp(other.loop))
    other.end()


def test_of_very_many_those_that_are_gone_are_forgotten_first_and_then_the_oldest(world: World) -> None:
    source, *sinks = [Tcp(world.loop) for _ in range(MOST_FED + 3)]
    for sink in sinks[:MOST_FED]:
        source.feeds(sink)
    sinks[7].close()
    world.turn()
    source.feeds(sinks[MOST_FED])
    assert source.fed is not None
    assert sinks[7].number not in source.fed
    assert sinks[0].number in source.fed

    feed: list[Word] = []
    world.loop.watch(feed)
    source.feeds(sinks[MOST_FED + 1])
    assert _told(feed) == [
        (source.number, [sinks[0].number, ""]),
        (source.number, [sinks[MOST_FED + 1].number, "the program says so"]),
    ]
    assert len(source.fed) == MOST_FED == FEEDS_KEPT


def test_text_that_is_no_unicode_is_written_out(world: World) -> None:
    a, b = Tcp(world.loop), Tcp(world.loop)
    a.feeds(b, "half \ud800")
    assert a.fed == {b.number: "half \\ud800"}
