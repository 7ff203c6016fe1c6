"""What the engine tells of itself, held against what happened inside the real library (`inside/*.txt`).

The record of the real library is a sequence of lines; a line is a system call, a callback, or everything that changed
between two function boundaries, in no particular order. The engine's events, one by one, must say the same: the same
changes by the same functions, line after line, and within a line as a set.

The kernel's answers to the writes of `backpressure` are played back, since how much a socket takes at a time differs
from kernel to kernel.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend import Backend
from engine import EngineBackend
from scenarios.common import open_both

from streamscope.core import EOF, Loop, System
from streamscope.core.flags import FLAG_NAMES, poll_names
from streamscope.core.poller import EpollPoller
from streamscope.core.probe import CALLBACK_NAMES, CB_READ, CB_WRITE
from streamscope.trace.decode import Decoder, Event

FOLDER = Path(__file__).with_name("inside")

CALLERS = {"uv__close_nocancel": "uv__stream_close"}
"""Wrappers of a system call that the engine does not have; what they do it tells of their caller."""

TOLD_LATER = "uv__drain"
"""It unregisters the shutdown request before shutdown(2), but `request.end` carries the status and comes after it."""

SILENT = frozenset({
    "loop.turn", "loop.phase", "epoll.event", "callback.end", "handle.init", "handle.ipc", "handle.address",
    "handle.accepted",
    "handle.close", "handle.closed", "request.progress", "request.send", "request.error", "high_water",
})  # fmt: skip
"""What the engine tells beyond the fields that were read off the real library."""


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened: a change (`:`), a system call (`!`), or a callback (no function)."""

    fn: str
    sign: str
    what: str

    def __str__(self) -> str:
        return f"{self.fn}{self.sign} {self.what}".strip()


def real_lines(name: str) -> list[list[Told]]:
    """The record of a scenario; each inner list happened between two boundaries."""
    lines = []
    for line in (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        found = re.match(r"(\w+)([:!]) (.*)", line)
        if found:
            fn, sign, rest = found.groups()
            lines.append([Told(CALLERS.get(fn, fn), sign, what) for what in rest.split("; ")])
        elif line:
            lines.append([Told("", "", line)])
    return lines


# the three scenarios


def echo(b: Backend) -> None:
    """One end greets, the other echoes; then they end, one after the other."""
    open_both(b)
    b.on("B", "read_cb", lambda n, data: b.write("B", "w2", [data]) if n > 0 else n == EOF and b.close("B"))
    b.on("A", "read_cb", lambda n, data: b.shutdown("A", "sh") if n > 0 else n == EOF and b.close("A"))
    b.read_start("A")
    b.read_start("B")
    b.write("A", "w1", [b"hello"])
    while b.turn():
        pass


def backpressure(b: Backend) -> None:
    """Four writes into a small buffer that the peer empties by and by; a shutdown waits behind them."""
    fd, peer_fd = b.socketpair()
    b.pipe("A")
    b.open("A", fd)
    b.peer("peer", peer_fd)
    for i in range(4):
        b.write("A", f"w{i}", [b"x" * (1000 * (i + 1))] * (5 if i % 2 else 2))
    b.try_write("A", [b"t"])
    b.shutdown("A", "sh")
    b.write("A", "w4", [b"t"])
    b.shutdown("A", "sh2")
    while b.turn():
        pass
    b.close("A")
    b.turn()


def ipc(b: Backend) -> None:
    """Three handles go over a pipe with two ends in one loop, and are accepted at the other."""
    open_both(b, ipc=True)
    for i in range(3):
        fd, other = b.socketpair()
        b.peer(f"peer{i}", other)
        b.pipe(f"s{i}")
        b.open(f"s{i}", fd)
    for i in range(3):
        b.write("A", f"iw{i}", [b"x"], send=f"s{i}")
    b.on("B", "read_cb", lambda n, data: n == EOF and b.close("B"))
    b.read_start("B")
    b.turn(6)
    for i in range(3):
        b.pipe(f"c{i}")
        b.accept("B", f"c{i}")
    b.pipe("x")
    b.accept("B", "x")
    for name in ("x", "A", "s0", "c0", "s1", "c1", "s2", "c2"):
        b.close(name)
    while b.turn():
        pass


SCENARIOS: dict[str, Callable[[Backend], None]] = {"echo": echo, "backpressure": backpressure, "ipc": ipc}
UNSEEN = frozenset({"x"})
"""Handles that were not looked at in the real library; only its list of closing handles names them."""


# the engine's side


class PlayedSystem(System):
    """The kernel, taking no more of each write than it took in the record."""

    def __init__(self, lines: list[list[Told]]) -> None:
        found = (re.fullmatch(r"sys\.writev? .* = (\d+)", line[0].what) for line in lines)
        self._taken = [int(match[1]) for match in found if match]

    def write(self, fd: int, data: Any) -> int:
        return self.writev(fd, [data])

    def writev(self, fd: int, buffers: Any) -> int:
        data = b"".join(bytes(buffer) for buffer in buffers)
        return System.write(fd, data[: self._taken.pop(0)])


class PlayedPoller(EpollPoller):
    """epoll, finding nothing ready where the record found nothing."""

    def __init__(self, lines: list[list[Told]]) -> None:
        super().__init__()
        found = (re.fullmatch(r"epoll\.wait 0 = (\d+)", line[0].what) for line in lines)
        self._ready = [int(match[1]) for match in found if match]

        self._epoll_wait, self.wait = self.wait, self._wait

    def _wait(self, seconds: float, most: int) -> list[tuple[int, int]]:
        return self._epoll_wait(seconds, most) if self._ready and self._ready.pop(0) else []


class Story:
    """The engine's events in the words of the record, with the loop's own lists counted along."""

    def __init__(self, backend: EngineBackend) -> None:
        self._backend = backend
        self._watcher_queue = 2  # the wakeup and the signal watcher of a fresh loop
        self._pending = 0
        self._closing = "–"
        self._queued_fds: Counter[str] = Counter()
        self._ended = ""

    def tell(self) -> Iterator[Told]:
        """All of it, as single things."""
        events = list(Decoder.here().events(0, 0, 0, self._backend.feed))
        for number, event in enumerate(events):
            if event.kind in SILENT or event.fn == "uv__stream_init":
                continue
            if event.stream == 0 and event.kind in ("io.start", "io.stop", "io.events"):
                continue  # of the loop's own watchers only the queue was looked at
            sign = "!" if event.kind.startswith(("sys.", "epoll.")) else ":"
            name = self._backend.handle_name(event.stream) if event.stream else "loop"
            if event.fn == TOLD_LATER and event.kind == "request.end":
                continue
            for what in self._words(event, name):
                if name in UNSEEN and not what.startswith("loop.closing"):
                    continue
                yield Told("", "", what) if event.kind == "callback.begin" else Told(event.fn, sign, what)
            if event.fn == TOLD_LATER and event.kind == "shutdown_req":
                end = next(later for later in events[number:] if later.kind == "request.end")
                yield from (Told(end.fn, ":", what) for what in self._words(end, name))

    def _request(self, number: Any) -> str:
        return self._backend.request_name(number)

    def _words(self, event: Event, name: str) -> Iterator[str]:
        kind, old, new, fields = event.kind, event.old, event.new, event.fields
        if kind in ("flag.set", "flag.clear"):
            yield f"{name} {'+' if kind == 'flag.set' else '-'}{FLAG_NAMES[int(fields['flag'])]}"
        elif kind in ("io.start", "io.stop", "io.events"):
            word = "events" if kind == "io.events" else "pevents"
            yield f"{name}.{word} {poll_names(int(old or 0))}→{poll_names(int(new or 0))}"
        elif kind in ("fd", "accepted_fd"):
            yield f"{name}.{kind} {'none' if old == -1 else 'held'}→{'none' if new == -1 else 'held'}"
        elif kind in ("write_queue_size", "queued_fds.capacity"):
            yield f"{name}.{kind} {old}→{new}"
        elif kind == "callbacks":
            if (int(old or 0) ^ int(new or 0)) >> CB_READ & 1:
                yield f"{name}.read_cb {int(old or 0) >> CB_READ & 1}→{int(new or 0) >> CB_READ & 1}"
        elif kind in ("connect_req", "shutdown_req"):
            yield f"{name}.{kind} {int(bool(old))}→{int(bool(new))}"
        elif kind == "loop.nfds":
            yield f"loop.nfds {old}→{new}"
        elif kind in ("handle.start", "handle.stop"):
            yield f"loop.active_handles {old}→{new}"
        elif kind in ("request.begin", "request.end"):
            self._ended = self._request(fields["req"])
            now = int(fields["active_reqs"])
            yield f"loop.active_reqs {now - 1 if kind == 'request.begin' else now + 1}→{now}"
        elif kind.startswith(("write_queue.", "write_completed_queue.")):
            queue, _, verb = kind.partition(".")
            yield f"{name}.{queue} {verb} {self._request(fields['req'])}"
        elif kind.startswith(("sys.", "epoll.")):
            yield self._call(event, name)
        elif kind == "callback.begin":
            yield self._callback(event, name)
        else:
            yield from self._of_a_list(event, name)

    def _of_a_list(self, event: Event, name: str) -> Iterator[str]:
        kind = event.kind
        if kind in ("watcher_queue.push", "watcher_queue.pop"):
            was, now = (0, 1) if kind.endswith("push") else (1, 0)
            before = self._watcher_queue
            self._watcher_queue += now - was
            if name != "loop":
                yield f"{name}.in_watcher_queue {was}→{now}"
            yield f"loop.watcher_queue {before}→{self._watcher_queue}"
        elif kind == "io.feed":
            self._pending += 1
            yield f"{name}.is_pending 0→1"
            yield f"loop.pending {self._pending - 1}→{self._pending}"
        elif kind == "pending.pop":
            yield f"{name}.is_pending 1→0"
            if self._pending:  # the loop's list is taken as a whole
                yield f"loop.pending {self._pending}→0"
            self._pending = 0
        elif kind == "closing.push":
            yield f"loop.closing {self._closing}→{name}"
            self._closing = name
        elif kind == "closing.pop":
            if self._closing != "–":  # and so is this one
                yield f"loop.closing {self._closing}→–"
            self._closing = "–"
        elif kind in ("queued_fds.push", "queued_fds.pop"):
            before = self._queued_fds[name]
            self._queued_fds[name] += 1 if kind.endswith("push") else -1
            yield f"{name}.queued_fds.count {before}→{self._queued_fds[name]}"
        else:
            raise AssertionError(f"the story does not know of {kind}")

    def _call(self, event: Event, name: str) -> str:
        fields = event.fields
        if event.kind == "epoll.wait":
            return f"epoll.wait {fields['timeout']} = {fields['ready']}"
        if event.kind == "epoll.del":
            return f"epoll.del {name} = {fields['result']}"
        if event.kind in ("epoll.add", "epoll.mod"):
            return f"{event.kind} {name} {poll_names(int(fields['mask']))} = {fields['result']}"
        asked = f" {fields['asked']}" if event.kind in ("sys.read", "sys.write") else ""
        return f"{event.kind} {name}{asked} = {fields['result']}"

    def _callback(self, event: Event, name: str) -> str:
        number, value = int(event.fields["callback"]), event.fields["value"]
        word = CALLBACK_NAMES[number]
        if number == CB_READ:
            return f"{word} {name} {value}"
        if number == CB_WRITE:
            return f"{word} {self._ended} {value}"
        return f"{word} {value}" if word == "shutdown_cb" else f"{word} {name}"


def inside_differences(name: str) -> list[str]:
    """Run a scenario on the engine and say where it departs from the record; an empty list if nowhere."""
    lines = real_lines(name)

    def played_loop() -> Loop:
        return Loop(system=PlayedSystem(lines), poller=PlayedPoller(lines))

    backend = EngineBackend(watched=True, make_loop=played_loop if name == "backpressure" else Loop)
    try:
        SCENARIOS[name](backend)
        told = list(Story(backend).tell())
    finally:
        backend.finish()
    assert not any(backend.lost.values()), backend.lost
    return departures(lines, told)


def departures(lines: list[list[Told]], told: list[Told]) -> list[str]:
    """Where the engine's telling departs from the record: the first place, since what follows is elsewhere."""
    at = 0
    for number, line in enumerate(lines):
        ours = told[at : at + len(line)]
        if Counter(ours) != Counter(line):
            before = [f"    {'; '.join(map(str, one))}" for one in lines[max(0, number - 6) : number]]
            return [
                "after:",
                *before,
                "libuv did:",
                *(f"    {one}" for one in line),
                "the engine:",
                *(f"    {one}" for one in told[at : at + len(line) + 4]),
            ]
        at += len(line)
    return [f"only the engine went on: {one}" for one in told[at : at + 5]]
