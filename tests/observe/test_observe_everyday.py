"""Whom asyncio's own code alone is run for when bytes come: of those a read and its callback are told at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from streamscope.observe.everyday import feeds_a_reader


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


class Reader(asyncio.StreamReader):
    """A program's own."""


class Fed(asyncio.StreamReaderProtocol):
    """The same of the protocol."""


def test_streams_as_asyncio_makes_them_are_fed_and_the_code_of_this_python_is_known(
    loop: asyncio.AbstractEventLoop,
) -> None:
    reader = asyncio.StreamReader(loop=loop)

    assert feeds_a_reader(asyncio.StreamReaderProtocol(reader, loop=loop))


def test_where_a_line_of_the_program_may_run_the_callback_is_told_for_itself(loop: asyncio.AbstractEventLoop) -> None:
    reader = asyncio.StreamReader(loop=loop)

    assert not feeds_a_reader(asyncio.Protocol())
    assert not feeds_a_reader(Fed(reader, loop=loop))
    assert not feeds_a_reader(asyncio.StreamReaderProtocol(Reader(loop=loop), loop=loop))


def test_what_the_program_has_put_in_their_place_is_not_taken_for_asyncios(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader(loop=loop), loop=loop)

    def feed_data(self: Any, data: bytes) -> None:
        """A program's own."""

    monkeypatch.setattr(asyncio.StreamReader, "feed_data", feed_data)
    assert not feeds_a_reader(protocol)
