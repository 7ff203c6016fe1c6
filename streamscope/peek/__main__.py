"""The process that looks at another one: it finds the loops, listens where inspectors look for engines, and tells.

    python -m streamscope.peek '{"pid": 4711, "hz": 20}'

writes one line of JSON when it can be attached to, or why it cannot, and goes on until the other side of its standard
input is closed and no inspector is left, or the process that it looks at has ended. With a `command` instead it starts
that, as the screen's engine would be started (`own_engine`): the screen has the other end of `link_fd`, and the program
ends with it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from streamscope.link import wire
from streamscope.link.orphan import Terminal
from streamscope.link.output import LogFile
from streamscope.link.subscriber import Subscriber
from streamscope.peek.memory import TargetDenied, TargetGone
from streamscope.peek.peeking import PeekFailed, Peeking
from streamscope.peek.started import Started
from streamscope.peek.starting import HZ
from streamscope.telling import show

FIND_WITHIN_S = 10.0
"""So long a program may take until it has a loop."""
STREAMS_WITHIN_S = 2.0
"""So long is waited for one that has streams, if any."""
REST_S = 0.05
"""So long is waited at least, between two tries to find one, and where there is nobody to tell."""


def main(arguments: list[str]) -> int:
    """Look until nobody wants it any more; returns the exit status."""
    options = json.loads(arguments[0])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for whoever has started us, who closes our input
    signal.signal(signal.SIGTERM, _leave)
    return _start(options) if "command" in options else _attend(int(options["pid"]), float(options.get("hz", HZ)))


def _leave(signum: int, frame: object) -> None:
    sys.exit(0)


# a process that is there


def _attend(pid: int, hz: float) -> int:
    try:
        peeking = Peeking(pid, hz)
    except PeekFailed as error:
        _answer({"error": str(error)})
        return 1
    _answer({"path": peeking.paths[0], "who": peeking.who})
    leash = _Leash(0)
    reason = _look(peeking, lambda: leash.is_held() or peeking.is_heard, leash.fd)
    peeking.finish(reason or "nobody looks at it any more")
    return 0


class _Leash:
    """A descriptor whose other side is somebody's who wants us to be here."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._held = True

    def is_held(self) -> bool:
        """Whether the other side is there."""
        if self._held and select.select([self.fd], [], [], 0)[0] and not os.read(self.fd, 4096):
            self._held = False
        return self._held


def _answer(what: dict[str, str]) -> None:
    """Our one line; whoever waits for it reads no more."""
    show(json.dumps(what), 1 << 16)
    sys.stdout.flush()


# looking


def _look(peeking: Peeking, goes_on: Callable[[], bool], *fds: int) -> str:
    """Look, and tell, as long as it is to go on; returns why it does not, "" for no other reason. What comes to one of
    these descriptors ends a wait.
    """
    waiting = select.epoll()
    heard = set(fds)
    for fd in fds:
        waiting.register(fd, select.EPOLLIN | select.EPOLLONESHOT)
    next_at = time.monotonic()
    try:
        while goes_on():
            left_ms = max(0, int((next_at - time.monotonic()) * 1000))
            for publisher in peeking.publishers:
                if publisher.event[0] not in heard:
                    heard.add(publisher.event[0])
                    waiting.register(*publisher.event)
                left_ms = min(left_ms, publisher.wait(left_ms, peeking.clock()))
            found = {fd for fd, _ in waiting.poll(left_ms / 1000)}
            if time.monotonic() >= next_at or (found and not peeking.is_heard):
                next_at = time.monotonic() + (peeking.look() if peeking.is_heard or found else REST_S)
            for publisher in peeking.publishers:
                if publisher.event[0] in found:
                    publisher.hear()
    except TargetGone:
        return f"{peeking.who} has ended, or is another program now"
    except TargetDenied:
        return peeking.target.why_denied()
    except SystemExit:
        return "it was told to end"
    finally:
        waiting.close()
    return ""


# a program that is started


def _start(options: dict[str, Any]) -> int:
    link = socket.socket(fileno=int(options["link_fd"]))
    command: list[str] = options["command"]
    try:
        started = Started(command)
    except OSError as error:
        return _refuse(link, f"{command[0]} cannot be started: {error.strerror}", 1)
    try:
        return _accompany(started, options, link)
    finally:
        started.end(0.0)
        started.look()


def _accompany(started: Started, options: dict[str, Any], link: socket.socket) -> int:
    """From the program's beginning to its end; returns its status."""
    log = LogFile(options["log"])
    name = os.path.basename(options["command"][0])
    peeking, why = _found(started, float(options.get("hz", HZ)), link)
    if peeking is None:
        status = started.status()
        if status is None:
            return _refuse(link, why or f"{name} has no epoll descriptor, and so no libuv loop", 1)
        return _refuse(link, f"{name} has ended with status {status}, and had no libuv loop to be seen", status or 1)
    publisher = peeking.publishers[0]
    grace = float(options["grace"])
    peeking.stop = lambda: started.end(grace)
    peeking.hello.log = str(log.path)
    publisher.chores.append(log.cap)
    terminal = Terminal(int(options["terminal_fd"]))
    if terminal.is_terminal:
        publisher.watch_fd(terminal.fd, peeking.stop)

    def screen_gone() -> None:
        if not started.was_asked:
            terminal.take_back(
                f"streamscope: the inspector is gone; {name} goes on (pid {peeking.target.pid})\r\n"
                f"attach again with: streamscope attach {peeking.target.pid}   stop it with: kill {started.pid}\r\n"
            )

    publisher.adopt(Subscriber(link, control=True), screen_gone)
    with suppress(SystemExit):
        _look(peeking, started.goes_on)
    started.end(grace)
    while started.status() is None:
        started.look()
        time.sleep(REST_S)
    status = started.status() or 0
    asked = "" if not started.was_asked else " as it was asked to"
    peeking.finish(f"{name} has ended{asked}, with status {status}", 0 if started.was_asked else status)
    log.remove()
    return 0 if started.was_asked else status


def _found(started: Started, hz: float, link: socket.socket) -> tuple[Peeking | None, str]:
    """The first loop of the program, or of one that it has started; or why there is none."""
    begun, rest, why = time.monotonic(), REST_S, ""
    while started.status() is None and time.monotonic() - begun < FIND_WITHIN_S:
        for pid in started.waiting():
            try:
                young = time.monotonic() - begun < STREAMS_WITHIN_S
                return Peeking(pid, hz, with_streams=young), ""
            except PeekFailed as error:
                why = str(error)
        if select.select([link], [], [], rest)[0] and not link.recv(4096, socket.MSG_PEEK):
            return None, "the screen has gone"
        rest = min(rest * 1.5, 1.0)
    return None, why


def _refuse(link: socket.socket, reason: str, status: int) -> int:
    with suppress(OSError):
        link.sendall(wire.pack(wire.bye(reason, status)))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
