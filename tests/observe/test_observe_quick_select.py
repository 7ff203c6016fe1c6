"""What stands in for a selector's `select` is held against it: what is ready, and what is the link's own."""

from __future__ import annotations

import selectors
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from streamscope.observe import everyday
from streamscope.observe.quick_select import quick_select

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


@pytest.fixture(params=["code that is known", "code that nobody knows"])
def told_apart(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways: written anew, and around the function that there is."""
    if request.param == "code that nobody knows":
        monkeypatch.setitem(everyday.KNOWN, "select", ())


@pytest.fixture
def selector() -> Iterator[selectors.EpollSelector]:
    with selectors.EpollSelector() as selector:
        yield selector


def test_the_code_of_this_python_is_known(selector: selectors.EpollSelector) -> None:
    assert everyday.is_known("select", type(selector).select)


@pytest.mark.usefixtures("told_apart")
def test_it_finds_what_select_finds(selector: selectors.EpollSelector) -> None:
    with ExitStack() as stack:
        pairs = [[stack.enter_context(each) for each in socket.socketpair()] for _ in range(6)]
        quick = quick_select(selector, -1)
        assert quick(0) == selector.select(0) == []
        for (ours, theirs), mask in zip(pairs, (READ, WRITE, READ | WRITE, READ, READ | WRITE, READ), strict=True):
            selector.register(ours, mask, theirs)
        pairs[0][1].send(b"x")
        pairs[2][1].send(b"x")
        pairs[3][1].close()  # hung up
        pairs[4][1].shutdown(socket.SHUT_WR)
        found = selector.select(0)
        assert len(found) == 5
        assert quick(0) == quick(0.0001) == quick(5) == found

        selector.modify(pairs[2][0], READ)
        selector.unregister(pairs[0][0])
        assert quick(0) == selector.select(0) != found


@pytest.mark.usefixtures("told_apart")
def test_where_the_links_own_is_ready_it_says_none_and_takes_nothing(selector: selectors.EpollSelector) -> None:
    mine, knocks = socket.socketpair()
    ours, theirs = socket.socketpair()
    with mine, knocks, ours, theirs:
        selector.register(mine, READ)
        selector.register(ours, READ)
        quick = quick_select(selector, mine.fileno())
        theirs.send(b"x")
        assert [key.fileobj for key, _ in quick(1) or ()] == [ours]
        knocks.send(b"x")
        assert quick(1) is None
        assert {key.fileobj for key, _ in selector.select(0)} == {mine, ours}


@pytest.mark.usefixtures("told_apart")
def test_a_signal_that_raises_nothing_does_not_end_a_wait(selector: selectors.EpollSelector) -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: came.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        assert quick_select(selector, -1)(0.05) == []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert came == [signal.SIGALRM]


def test_a_select_that_the_program_has_put_there_is_called(selector: selectors.EpollSelector) -> None:
    called: list[float | None] = []
    original: Callable[..., list[tuple[selectors.SelectorKey, int]]] = selector.select

    def select(timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        called.append(timeout)
        return original(timeout)

    selector.select = select  # type: ignore[method-assign]
    assert quick_select(selector, -1)(0) == []
    assert called == [0]
