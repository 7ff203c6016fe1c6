"""What waits to be written: read at once, whatever the disk does, up to its bound and in order."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator

import pytest
from waiting import PATIENCE_S, until

from streamscope.link.spool import Spool, SpoolStopped

MIB = 1024 * 1024


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def send_what_goes(sock: socket.socket, most: int) -> int:
    """Bytes that the other side takes without anybody taking them there."""
    sock.settimeout(0.2)
    sent = 0
    try:
        while sent < most:
            sent += sock.send(bytes(65536))
    except TimeoutError:
        pass
    return sent


def test_a_writer_that_stands_still_keeps_nobody_waiting_within_the_bound(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    with Spool(ours, 4 * MIB) as spool:
        theirs.settimeout(PATIENCE_S)
        theirs.sendall(bytes(4 * MIB))
        until(lambda: spool.held == 4 * MIB, "all of it has arrived")
        assert send_what_goes(theirs, 16 * MIB) < 4 * MIB  # what the kernel and one read hold beyond it


def test_what_was_sent_comes_in_order_and_then_the_end(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    sent = bytes(range(256)) * 4096
    with Spool(ours, 100_000) as spool:
        sender = threading.Thread(target=lambda: (theirs.sendall(sent), theirs.close()))
        sender.start()
        got = bytearray()
        while data := spool.take(None):
            got += data
        assert got == sent
        assert spool.held == 0
        sender.join()


def test_it_waits_no_longer_than_it_is_told_to(pair: tuple[socket.socket, socket.socket]) -> None:
    with Spool(pair[0], MIB) as spool:
        assert spool.take(0.01) is None


def test_a_connection_that_breaks_is_an_end_too(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    ours.send(b"never read")
    with Spool(ours, MIB) as spool:
        theirs.close()  # with unread data: a reset
        assert spool.take(PATIENCE_S) == b""


def test_stopped_by_a_signal_it_still_gives_what_had_arrived(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    with Spool(ours, MIB) as spool:
        before = signal.signal(signal.SIGALRM, lambda *_: spool.stop())
        try:
            theirs.sendall(b"last words")
            until(lambda: spool.held == 10, "they have arrived")
            signal.raise_signal(signal.SIGALRM)
            assert spool.take(None) == b"last words"
            with pytest.raises(SpoolStopped):
                spool.take(None)
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(SpoolStopped):
                spool.take(None)  # a wait is ended, too
        finally:
            signal.signal(signal.SIGALRM, before)


def test_leaving_ends_its_thread_even_while_it_is_full(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    threads = threading.active_count()
    with Spool(ours, 1000) as spool:
        send_what_goes(theirs, 4 * MIB)
        until(lambda: spool.held >= 1000, "it is full")
    assert threading.active_count() == threads
