"""All loops of one process, each with a feed of its own: found, looked at again and again, and looked for again.

A loop that has streams is an engine to whoever attaches: the first one by the pid of the process, the others by `PID.2`
and so on. Loops without streams (Node has one or two for its own needs) are looked at seldom, until they have some.
"""

from __future__ import annotations

import socket
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from streamscope import __version__
from streamscope.language import N_, tr, trn
from streamscope.link import discovery
from streamscope.link.discovery import ProbeError
from streamscope.link.frames import Hello, as_received
from streamscope.link.publisher import Publisher
from streamscope.peek.finding import SYMBOL, Findings, FoundLoop, find
from streamscope.peek.memory import TargetDenied, TargetGone, TargetMemory
from streamscope.peek.target import EPOLL, TargetProcess
from streamscope.sampling.libuv_words import libuv_greeting, libuv_words, version_of, version_text
from streamscope.sampling.manner import Manner
from streamscope.sampling.preloaded import Preloaded
from streamscope.sampling.sampler import Sampler
from streamscope.telling import say
from streamscope.trace.vocabulary import Vocabulary

SHARE = 10
"""A look takes one part in so many of the time at most; where it would take more, there are fewer."""
AGAIN_S = 1.0
"""So often is looked whether there are more loops, and streams in those that had none."""
FOREIGN_AFTER = 3
"""So often an epoll descriptor is taken for something else's before that is believed: a loop that a thread is only just
making has its descriptor before anything that it is known by.
"""
REST_S = 0.2
"""So often is looked whether the process is there, while nobody is told."""
SELDOM_S = 1.0
"""So seldom is looked at most, where states alone are watched now and then."""
MOST_LOOPS = 64
IS_PRELOADED = N_("code of ours is in it (--preload), and says what waits in JavaScript")
IS_UVLOOP = N_(
    "it runs on uvloop, so its streams are libuv's: what waits, flags and masks "
    "are seen, and nothing of asyncio: no tasks, transports or marks; `streamscope "
    "run --how observe -- …` keeps uvloop away and shows those"
)


class PeekFailed(Exception):
    """The process cannot be looked at; the text says why, in one line."""


class Peeking:
    """The loops of the process `pid`, looked at in this manner. Raises PeekFailed, with `of_its_own` also where none
    has streams but those that the process was started with.

    - `paths`: where each loop that has streams can be attached to, and `publishers` who speaks there;
    - `next_at`: when it is to be looked at again, on the monotonic clock.
    """

    def __init__(self, pid: int, manner: Manner, *, of_its_own: bool = False) -> None:
        self.target = TargetProcess(pid)
        self._memory = TargetMemory(pid)
        self._program = self.target.program
        self._takes_all = manner.takes_all
        self._preloaded = Preloaded(self.target, self._memory)
        self._every_s = self._least_s = 1 / manner.hz
        self._started, self._begun = time.time(), time.monotonic_ns()
        self._watched: list[tuple[Sampler, Publisher]] = []
        self._idle: list[Sampler] = []
        self._foreign: Counter[int] = Counter()  # by descriptor, how often it was no loop's
        self._again_at = 0.0
        self.next_at = 0.0
        self.paths: list[str] = []
        try:
            self._find(of_its_own)
        except TargetGone as error:
            gone = tr("has ended, or is a thread of the kernel") if self.target.text("stat") else tr("is not there")
            raise PeekFailed(tr("process {pid} {gone}: there is no memory to look at", pid=pid, gone=gone)) from error
        except TargetDenied as error:
            raise PeekFailed(tr(self.target.why_denied())) from error
        except ProbeError as error:
            raise PeekFailed(str(error)) from error

    @property
    def who(self) -> str:
        """`node server.js (4711)`."""
        return f"{self._program} ({self.target.pid})"

    @property
    def publishers(self) -> list[Publisher]:
        """Of every loop that can be attached to."""
        return [publisher for _, publisher in self._watched]

    @property
    def is_heard(self) -> bool:
        """Whether there is anybody to tell."""
        return any(publisher.subscribers for publisher in self.publishers)

    def clock(self) -> int:
        """The feed's clock."""
        return time.monotonic_ns() - self._begun

    @property
    def _is_node(self) -> bool:
        return self.target.exe.rpartition("/")[2].startswith("node")

    # finding

    def _find(self, of_its_own: bool) -> None:
        self._findings = find(self.target, self._memory)
        self._foreign.update(self._findings.foreign)
        if not self._findings.loops:
            raise PeekFailed(why_none(self.target, self._findings))
        samplers = [self._sampler(found) for found in self._findings.loops[:MOST_LOOPS]]
        sighted = [sampler for sampler in samplers if sampler.first()]
        if not sighted:
            raise PeekFailed(tr("{who} has a loop whose list of handles never holds still; try again", who=self.who))
        serving = [sampler for sampler in sighted if sampler.streams()]
        if of_its_own and not any(sampler.streams() > sampler.inherited() for sampler in serving):
            raise PeekFailed(tr("{who} has a libuv loop, and no streams of its own yet", who=self.who))
        if not serving:
            serving = sorted(sighted, key=self._is_beside)[:1]
        self._idle = [sampler for sampler in samplers if sampler not in serving]
        for sampler in serving:
            self._serve(sampler)

    def _is_beside(self, sampler: Sampler) -> tuple[bool, bool]:
        """Sorts the loop of the first thread before others, or else the default loop."""
        return sampler.found.thread != self.target.pid, sampler.found.how != SYMBOL

    def _sampler(self, found: FoundLoop) -> Sampler:
        return Sampler(
            self.target,
            self._memory,
            found,
            self._findings.version,
            self.clock,
            self._preloaded,
            takes_all=self._takes_all,
        )

    def _serve(self, sampler: Sampler) -> None:
        """Let inspectors attach to this loop. Raises ProbeError."""
        number, path, listener = self._door()
        sight, version = sampler.sight, self._findings.version
        engine = f"{version_text(version, counts_turns=sight.turns)} in {self.target.exe.rpartition('/')[2] or '?'}"
        unseen = [*(() if sight.turns else ("turn",)), *(() if sight.counts_idle else ("poll_ns",))]
        hello = libuv_greeting(
            release=__version__,
            pid=self.target.pid,
            program=self._program,
            started=self._started,
            loop=number,
            vocabulary=libuv_words(
                engine, version_of(version), unseen, node=self._is_node, preloaded=self._preloaded.is_there
            ),
        )
        greeting = as_received(hello.frame())
        assert isinstance(greeting, Hello)
        sampler.speak(Vocabulary.of(greeting))
        hello.probe = str(path)
        publisher = Publisher(sampler, hello, stop=lambda: None, elsewhere=sampler.elsewhere)
        publisher.remarks += self._remarks(engine)
        publisher.listen(listener, path)
        publisher.board()
        self._watched.append((sampler, publisher))
        self.paths.append(str(path))

    def _door(self) -> tuple[int, Path, socket.socket]:
        """The number of the next loop, and where it is attached to: a loop of asyncio's in the same process may have
        the first. Raises ProbeError.
        """
        number = len(self._watched)
        while True:
            number += 1
            path = discovery.probe_path(self.target.pid, number)
            try:
                return number, path, discovery.listen(path)
            except ProbeError:
                if number > MOST_LOOPS or not path.is_socket():
                    raise

    def _remarks(self, engine: str) -> list[str]:
        """What everybody should know who attaches."""
        rate = f"{1 / self._least_s:g} times a second"
        beside = f"; {IS_PRELOADED}" if self._preloaded.is_there else ""
        remarks = [
            f"{self.who} is {engine}, looked at from outside {rate}: nothing of it is stopped or changed{beside}"
        ]
        if any("/uvloop/" in region.path for region in self._memory.regions):
            remarks.append(IS_UVLOOP)
        if self._findings.foreign:
            remarks.append(f"of its epoll descriptors these are no loop of libuv's: {_listed(self._findings.foreign)}")
        return remarks

    # looking

    def look_in_time(self, *, whole: bool = False) -> None:
        """Look, and say when to do so again; where nobody is told, only whether the process is there, unless the
        `whole` of it is wanted. Raises TargetGone and TargetDenied.
        """
        if self.is_heard or whole:
            told_every_s = min((each.told_every_s for each in self.publishers if each.subscribers), default=0.0)
            self.next_at = time.monotonic() + max(self._look(), min(told_every_s, SELDOM_S))
        else:
            self.target.check()
            self._look_for_more()
            self.next_at = time.monotonic() + REST_S

    def _look(self) -> float:
        """Look at every loop; returns after how many seconds to do so again."""
        begun = time.thread_time()
        for sampler, _ in self._watched:
            if not sampler.sample():
                self.target.check()
        self._look_for_more()
        took = time.thread_time() - begun
        wanted = max(self._least_s, took * SHARE)
        self._every_s += (wanted - self._every_s) / 8 if wanted < self._every_s else (wanted - self._every_s) / 2
        return self._every_s

    def _look_for_more(self) -> None:
        """If it is time: loops of threads that have begun, and streams in those that had none."""
        if time.monotonic() < self._again_at:
            return
        self._again_at = time.monotonic() + AGAIN_S
        self.target.check()
        known = {sampler.found.epoll for sampler, _ in self._watched} | {sampler.found.epoll for sampler in self._idle}
        with suppress(PermissionError):
            there = {fd for fd, link in self.target.descriptors().items() if link == EPOLL}
            foreign = {fd for fd in there if self._foreign[fd] >= FOREIGN_AFTER}
            if there - known - foreign and len(known) < MOST_LOOPS:
                self._findings = find(self.target, self._memory)
                self._foreign.update(self._findings.foreign)
                new = [found for found in self._findings.loops if found.epoll not in known]
                self._preloaded.search_again()
                self._idle += [self._sampler(found) for found in new]
            self._idle = [sampler for sampler in self._idle if sampler.found.epoll in there]
            self._foreign = Counter({fd: times for fd, times in self._foreign.items() if fd in there})
        for sampler in list(self._idle):
            if sampler.sample() and sampler.streams():
                self._idle.remove(sampler)
                try:
                    self._serve(sampler)
                except ProbeError as error:
                    say(str(error))

    def finish(self, reason: str, status: int = 0) -> None:
        """Say goodbye to everybody."""
        for publisher in self.publishers:
            publisher.close_doors()
            publisher.finish(reason, status)


def why_none(target: TargetProcess, findings: Findings) -> str:
    """What a process is in which no loop was found, and what that may mean."""
    who = f"{target.program} ({target.pid})"
    if target.is_small:
        return tr("{who} is a program of 32 bits: only those of 64 bits can be looked at", who=who)
    if not findings.foreign:
        return tr("{who} has no epoll descriptor, and so no libuv loop", who=who)
    return trn(
        "{who} has no libuv loop: its epoll descriptor {listed} belongs to something else ({why})",
        "{who} has no libuv loop: its epoll descriptors {listed} belong to something else ({why})",
        len(findings.foreign),
        who=who,
        listed=_listed(findings.foreign),
        why=tr("asyncio, Go, nginx and others have loops of their own"),
    )


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:8])) + (" and more" if len(numbers) > 8 else "")
