"""Where an event was told, as it is found out from the engine's text, is where it was told.

The tour of the catalogue makes every function tell of every kind that it can. Its feed notes the real stack of each
record; the one that is found from the events alone must be the same: libuv's functions by their names, and the line.
"""

from __future__ import annotations

import errno

import pytest
from core_kernel import IN, World
from core_told_from import Frame, ToldFrom
from test_core_catalogue import STOPS

from streamscope.core import Tcp
from streamscope.core.probe import KINDS
from streamscope.core.records import SAMPLED
from streamscope.source.grammar import grammar
from streamscope.source.inside import Whereabouts, text_of
from streamscope.source.mirrors import MIRRORS

OWN = {"excepthook", "name", "high_water", "feeds", "injected"}
"""What libuv has not."""
ASIDE = {SAMPLED, "injected"}
"""What no function of libuv's tells: what the kernel was asked meanwhile, and what somebody had happen."""
BY_HAND = {"cannot_be_bound_anywhere", "makes_no_socket", "runs_out_of_memory_for_descriptors"}
"""Stops that call the engine's own functions, or have Python fail where it never does: no program comes there."""


Tour = dict[str, list[tuple[list[Frame], Whereabouts]]]


@pytest.fixture(scope="module")
def tour() -> Tour:
    """Of each stop, the events: each with its real stack, and with what is found out."""
    found = {}
    for go in STOPS:
        world = World()
        world.loop.watch(feed := ToldFrom())
        try:
            go(world)
        finally:
            world.kernel.setsockopt_result = 0
            world.loop.unwatch()
            world.end()
        found[go.__name__] = [(stack, where) for stack, where in feed.found() if where.event.fn not in ASIDE]
    return found


def test_every_line_that_is_lit_is_the_one_that_told(tour: Tour) -> None:
    seen = set()
    for name, events in tour.items():
        for stack, where in events:
            assert where.call is not None, where.event
            seen.add((where.event.kind, where.event.fn))
            if where.stack.sure and name not in BY_HAND:
                assert told_by(where) in stack, (name, where.event, stack)
    assert seen == {(kind.name, function) for kind in KINDS for function in kind.functions if function not in ASIDE}


def test_next_to_every_stack_is_the_real_one(tour: Tour) -> None:
    found = [each for name, events in tour.items() if name not in BY_HAND for each in events]

    wrong = [where for stack, where in found if not same(stack, where)]

    assert len(found) > 700
    assert len(wrong) < len(found) // 50, [(where.event.kind, where.stack.functions) for where in wrong]
    assert sum(not where.stack.sure for _, where in found) < len(found) // 20


def test_what_follows_decides_what_had_been_open(world: World) -> None:
    """That a read reads to the end, and that it was the program that began another write, is known a moment later."""
    feed = ToldFrom()
    stream = Tcp(world.loop)
    stream.open(world.kernel.make())
    world.loop.watch(feed)
    stream.read_start(None, lambda stream, nread, data: stream.write(data) if nread > 0 else stream.close())
    world.kernel[stream.fd].inbox.append(b"hello")
    world.turn((stream.fd, IN))
    world.kernel[stream.fd].inbox.append(-errno.ECONNRESET)
    world.turn((stream.fd, IN))

    paths = {names(where) for _, where in feed.found()}

    inside = ["uv_run", "uv__io_poll", "uv__stream_io", "uv__read"]
    assert ("", *inside, "read_cb", "uv_write", "uv_write2", "uv__write", "uv__try_write", "uv__writev") in paths
    assert ("", *inside, "read_cb", "uv_close", "uv__stream_close", "uv__io_close", "uv__io_stop") in paths
    assert ("", "uv_run", "uv__run_pending", "uv__stream_io", "uv__write_callbacks") in paths
    assert {where.phase for _, where in feed.found()} == {"", "poll", "pending", "closing"}


def test_every_function_that_tells_is_libuvs_and_has_its_file_or_is_told_to_be_our_own() -> None:
    for _, function in grammar().told:
        assert function in MIRRORS or function in OWN, function


def test_the_text_that_is_shown_is_the_functions(tour: Tour) -> None:
    for _, where in tour["reads_to_the_end"]:
        assert where.call is not None
        text = text_of(where.call)
        assert text.lines[0][1].lstrip().startswith(("def ", "@"))
        assert any(number == where.call.line for number, _ in text.lines)
        assert text.file.startswith("streamscope/core/")


def told_by(where: Whereabouts) -> Frame:
    assert where.call is not None
    return Frame(where.call.file, where.call.function, where.call.line)


def names(where: Whereabouts) -> tuple[str, ...]:
    return tuple(call.libuv for call in where.stack.functions)


def same(stack: list[Frame], where: Whereabouts) -> bool:
    """Whether the functions are the real ones, all of them, down to the one that told, and its line."""
    said = [(call.file, call.function) for call in where.stack.calls if call.file]
    real = [(frame.file, frame.function) for frame in stack]
    return real[: len(said)] == said and stack[len(said) - 1] == told_by(where)
