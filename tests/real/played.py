"""Plays that are recorded and judged: a target that serves, and peers of a test's own that talk to it."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from judged import SECOND, Judged, described, judge, recording
from running_command import Serving

PROGRAMS = Path(__file__).with_name("programs")
WITHIN = 3 * SECOND
"""A stall is to be named so soon after it began."""
STALL_S = 5.0
SILENCE_S = float(os.environ.get("SILENCE_S", "10"))
"""So long a stall is played, and so long nothing is to be said of what is well."""
BLOCK = bytes(65536)

Play = Callable[[Serving, ExitStack], object]
"""Peers that begin to talk to what serves; what they leave on the stack is undone at the end."""


def program(name: str) -> str:
    return str(PROGRAMS / f"{name}.py")


def connect(serving: Serving, peers: ExitStack, room: int = 0) -> socket.socket:
    sock = socket.socket()
    peers.callback(end, sock)
    if room:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    sock.connect(serving.address)
    return sock


def end(sock: socket.socket) -> None:
    """Close it; who waits for it in a thread waits no more."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


def beside(function: Callable[..., object], *arguments: object) -> None:
    """Do this in a thread, until its socket is closed."""

    def play() -> None:
        with suppress(OSError):
            function(*arguments)

    threading.Thread(target=play, daemon=True).start()


def floods(sock: socket.socket) -> None:
    while True:
        sock.sendall(BLOCK)


def reads(sock: socket.socket, at_a_time: int = 1 << 18, rest_s: float = 0) -> None:
    while sock.recv(at_a_time):
        time.sleep(rest_s)


def says(sock: socket.socket, message: bytes, every_s: float) -> None:
    """Says it, and waits for an answer, again and again."""
    while sock.send(message) and sock.recv(1 << 18):
        time.sleep(every_s)


def lasts(runtime: Path, folder: Path, play: Play, seconds: float, *target: str, under: Sequence[str] = ()) -> Judged:
    """Play for so long, which is what is tested and no wait for anything, and judge it. The trouble begins when the
    play says, by the clock of the day, or at once.
    """
    path = folder / "trace"
    with ExitStack() as peers, recording(runtime, path, *target, under=under) as serving:
        begins = play(serving, peers) or time.time()
        time.sleep(seconds)
        ends = time.time()
    assert isinstance(begins, float)
    return judge(path, begins, ends)


def is_stalled(judged: Judged, word: str) -> None:
    """It is named so within 3 s, and nothing is named otherwise."""
    assert judged.alarms, judged
    assert judged.alarms[0].from_t - judged.mark_t <= WITHIN, judged
    assert {one.finding.verdict.word for one in judged.alarms if one.finding.verdict is not None} == {word}, judged


def is_no_alarm(judged: Judged) -> None:
    """Something may be said of it, and none of that is an alarm."""
    assert described(judged.alarms) == [], judged
