"""The peers of a scenario: plain sockets, in a process of their own.

    python -m streamscope.servers.stall.peers PART HOST PORT [LISTENER]

A part sets itself up, says so with a byte on standard output, and plays; one that has to do with the trouble hears of
its beginning by a byte on standard input, and when that ends the process does. LISTENER is the descriptor of a server's
socket, for the part of a server. Nothing here is the program that is looked at, so all of it may wait and block.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from streamscope.servers.stall.loss import lose

BLOCK = b"look inside the lazy stream, and see what it waits for ........\n" * 1024
"""64 KiB."""


class Stage:
    """Where the parts play: whom they connect to, and whether the sign has been given."""

    def __init__(self, host: str, port: int, listener: int) -> None:
        self.address = host, port
        self.listener = listener
        self._sign = threading.Event()
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self) -> None:
        while os.read(0, 1):
            self._sign.set()
        os._exit(0)

    @property
    def trouble(self) -> bool:
        """Whether it has begun."""
        return self._sign.is_set()

    def set_up(self) -> None:
        """Say that the play may begin."""
        os.write(1, b"!")

    def wait(self) -> None:
        """Say so, and return when the trouble is to begin."""
        self.set_up()
        self._sign.wait()

    def connect(self, room: int = 0, segment: int = 0) -> socket.socket:
        """A connection to the program: with so much room to receive, and segments of so many bytes, as long as they
        are not 0.
        """
        sock = socket.socket(socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET)
        if room:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        if segment:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        sock.connect(self.address)
        return sock


def hold(*what: object) -> None:
    """Keep it open, and do nothing."""
    threading.Event().wait()


def read_all(sock: socket.socket) -> None:
    """Read whatever comes, to the end."""
    while sock.recv(1 << 18):
        pass


def read_exactly(sock: socket.socket, count: int) -> None:
    """Read so many bytes."""
    while count:
        count -= len(sock.recv(min(count, 1 << 18)))


def beside(function: Callable[..., object], *arguments: object) -> None:
    """Do this too, for as long as it takes."""
    threading.Thread(target=function, args=arguments, daemon=True).start()


# peers that do not read as fast as they could


def never_reads(stage: Stage) -> None:
    """Comes, and reads nothing."""
    stage.wait()
    hold(stage.connect())


def reads_slowly(stage: Stage) -> None:
    """Reads all there is, and from the sign on 1 MB a second."""
    peer = stage.connect()
    stage.set_up()
    while not stage.trouble:
        peer.recv(1 << 18)
    while peer.recv(50_000):
        time.sleep(0.05)


def has_no_room(stage: Stage) -> None:
    """Reads at once what comes, and has room for a kilobyte of it."""
    stage.wait()
    read_all(stage.connect(room=1))


def asks_and_reads_not(stage: Stage) -> None:
    """Asks for files and reads them; for the last only, it does not."""
    stage.set_up()
    while not stage.trouble:
        with stage.connect() as peer:
            peer.sendall(b"file\n")
            read_all(peer)
        time.sleep(0.1)
    peer = stage.connect()
    peer.sendall(b"file\n")
    hold(peer)


def reads_too_slowly(stage: Stage) -> None:
    """Takes 64 KB a second, a little at a time; another, that was there before, takes all."""
    beside(read_all, stage.connect())
    stage.wait()
    peer = stage.connect(room=16384, segment=1000)
    while peer.recv(3200):
        time.sleep(0.05)


def floods(stage: Stage) -> None:
    """Writes as fast as it goes, and reads nothing, since nothing comes."""
    peer = stage.connect()
    stage.set_up()
    while True:
        peer.sendall(BLOCK)


def stops_reading(stage: Stage) -> None:
    """A server that reads all that comes, and with the sign stops."""
    listener = socket.socket(fileno=stage.listener)
    stage.set_up()
    peer, _ = listener.accept()
    while not stage.trouble:
        peer.recv(1 << 18)
    hold(listener, peer)


def chats(stage: Stage) -> None:
    """Five of a chat: two talk, all listen, and with the sign the last one does not."""
    members = [stage.connect() for _ in range(5)]
    stage.set_up()
    for member in members[:-1]:
        beside(read_all, member)
    for member in members[:2]:
        beside(_talk, member)
    while not stage.trouble:
        members[-1].recv(1 << 18)
    hold(members)


def _talk(member: socket.socket) -> None:
    while True:
        member.sendall(BLOCK)
        time.sleep(0.01)


# peers that the network keeps from it


def loses_some(stage: Stage) -> None:
    """Reads all there is, over a network that from the sign on loses one segment in a hundred."""
    peer = stage.connect(segment=1000)
    stage.set_up()
    while not stage.trouble:
        peer.recv(1 << 18)
    lose(peer, 0.01)
    read_all(peer)


def is_cut_off(stage: Stage) -> None:
    """Reads all there is, until with the sign nothing arrives any more."""
    peer = stage.connect()
    stage.set_up()
    while not stage.trouble:
        peer.recv(1 << 18)
    lose(peer, 1)
    read_all(peer)


# peers that are served badly


def asks_for_reports(stage: Stage) -> None:
    """Asks for a report a second, while another says something every 50 ms and waits for its echo."""
    peer, other = stage.connect(), stage.connect()
    beside(_ask, [other], b"hello\n", 0.05)
    stage.wait()
    _ask([peer], b"report\n", 0.6)


def ask_all_at_once(stage: Stage) -> None:
    """Two hundred, of whom ten ask five times a second, and from the sign on all of them."""
    peers = [stage.connect() for _ in range(200)]
    stage.set_up()
    while True:
        _ask_once(peers if stage.trouble else peers[:10], b"look up\n")
        time.sleep(0.2)


def _ask_once(peers: Iterable[socket.socket], question: bytes) -> None:
    for peer in peers:
        peer.sendall(question)
    for peer in peers:
        peer.recv(1 << 18)


def _ask(peers: list[socket.socket], question: bytes, rest_s: float) -> None:
    while True:
        _ask_once(peers, question)
        time.sleep(rest_s)


def sends_jobs(stage: Stage) -> None:
    """Sends a job every 50 ms, and with the sign twenty at once."""
    peer = stage.connect()
    beside(read_all, peer)
    stage.set_up()
    while not stage.trouble:
        peer.sendall(b"job\n")
        time.sleep(0.05)
    peer.sendall(b"job\n" * 20)
    while True:
        time.sleep(0.05)
        peer.sendall(b"job\n")


def ends_its_side(stage: Stage) -> None:
    """Asks and is answered, until with the sign it ends its side, and waits for the end of the other."""
    peer = stage.connect()
    stage.set_up()
    while not stage.trouble:
        _ask_once([peer], b"question\n")
        time.sleep(0.05)
    peer.shutdown(socket.SHUT_WR)
    read_all(peer)
    hold()


def leaves(stage: Stage) -> None:
    """Waits for a partner, who does not come, and with the sign leaves."""
    peer = stage.connect()
    peer.sendall(b"hello, partner\n")
    stage.wait()
    peer.close()
    hold()


def wait_for_a_place(stage: Stage) -> None:
    """Three come and ask now and then; with the sign ten more come."""
    peers = [stage.connect() for _ in range(3)]
    stage.set_up()
    while not stage.trouble:
        _ask_once(peers, b"hello\n")
        time.sleep(0.1)
    waiting = [stage.connect() for _ in range(10)]
    for peer in waiting:
        peer.sendall(b"hello\n")
    beside(hold, waiting)
    _ask(peers, b"hello\n", 0.1)


def come_and_stay(stage: Stage) -> None:
    """Guests come and stay, at first a few, with the sign one after the other; who is sent away comes again."""
    guests = [stage.connect() for _ in range(5)]
    stage.wait()
    while True:
        with suppress(OSError):
            guest = stage.connect()
            guest.settimeout(0.05)
            with suppress(TimeoutError):
                if not guest.recv(1):
                    guest.close()
                    time.sleep(0.05)
                    continue
            guests.append(guest)


# peers that are served well


def reads_all(stage: Stage) -> None:
    """Reads as fast as it goes."""
    peer = stage.connect()
    stage.set_up()
    read_all(peer)


def say_nothing(stage: Stage) -> None:
    """A hundred; one of them says something every two seconds."""
    peers = [stage.connect() for _ in range(100)]
    stage.set_up()
    _ask(peers[:1], b"still here\n", 2)


def asks_for_much(stage: Stage) -> None:
    """Two megabytes at a time, with half a second between two."""
    peer = stage.connect()
    stage.set_up()
    while True:
        peer.sendall(b"GET /bytes/2000000 HTTP/1.1\r\nHost: peer\r\n\r\n")
        read_exactly(peer, 2_000_000)
        time.sleep(0.5)


def comes_and_goes(stage: Stage) -> None:
    """Comes with small segments, so that the kernel begins slowly, asks for 300 KB, takes them, and comes again."""
    stage.set_up()
    while True:
        with stage.connect(segment=536) as peer:
            peer.sendall(b"GET /bytes/300000 HTTP/1.1\r\nHost: peer\r\nConnection: close\r\n\r\n")
            read_all(peer)
        time.sleep(0.02)


def ask_and_ask(stage: Stage) -> None:
    """Twenty, who ask again as soon as they are answered."""
    peers = [stage.connect() for _ in range(20)]
    stage.set_up()
    _ask(peers, b"GET / HTTP/1.1\r\nHost: peer\r\n\r\n", 0)


def rests_at_times(stage: Stage) -> None:
    """Reads as fast as it goes, and every second rests for 300 ms; meanwhile its megabyte of room is soon full."""
    peer = stage.connect(room=1 << 19)
    stage.set_up()
    while True:
        until = time.monotonic() + 0.7
        while time.monotonic() < until:
            peer.recv(1 << 18)
        time.sleep(0.3)


PARTS: dict[str, Callable[[Stage], None]] = {
    part.__name__.replace("_", "-"): part
    for part in (
        never_reads, reads_slowly, has_no_room, asks_and_reads_not, reads_too_slowly, floods, stops_reading, chats,
        loses_some, is_cut_off, asks_for_reports, ask_all_at_once, sends_jobs, ends_its_side, leaves, wait_for_a_place,
        come_and_stay, reads_all, say_nothing, asks_for_much, comes_and_goes, ask_and_ask, rests_at_times,
    )
}  # fmt: skip


def main(part: str, host: str, port: str, listener: str = "-1") -> None:
    """Play a part, to the end of standard input or of the program that is looked at."""
    stage = Stage(host, int(port), int(listener))
    with suppress(OSError):  # the program has ended
        PARTS[part](stage)


if __name__ == "__main__":
    main(*sys.argv[1:])
