"""The engine's process: it runs one program on one loop, and lets inspectors watch.

`streamscope run --headless` is this process; a screen starts it as a child, `python -m streamscope.serve OPTIONS`, with
its end of a socket pair, and with the program's output going to a capped file. Neither textual nor asyncio is ever
loaded here, and nothing here waits for an inspector.

However it ends, it ends in order where it can: streams are closed, inspectors get the last records and a goodbye, the
events file is complete. Status 0 is an end as asked for, 1 a failure, 2 a command that cannot be carried out.
"""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import io
import json
import math
import os
import signal
import socket
import sys
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import msgspec

from streamscope.control import Control
from streamscope.core import RUN_DEFAULT, JoinedLoop, Loop, LoopOfParent, UVError
from streamscope.core.errors import UV_EBUSY
from streamscope.ending import Ending
from streamscope.language import N_, saying, speak_as_told, tr
from streamscope.link import discovery
from streamscope.link.answering import Answering
from streamscope.link.descriptors import open_standard_descriptors, raise_descriptor_limit
from streamscope.link.discovery import ProbeError
from streamscope.link.engine import EngineProducer, listening_addresses, where_it_stands
from streamscope.link.greeting import greeting
from streamscope.link.orphan import Terminal
from streamscope.link.output import HeldOutput, LogFile, write_all
from streamscope.link.parts import PartsError, Rotation
from streamscope.link.publisher import Publisher
from streamscope.link.spool import SPOOL
from streamscope.link.subscriber import BUFFER_LIMIT, Subscriber
from streamscope.link.writers import Writers
from streamscope.servers.load import program_name
from streamscope.servers.program import MainSignals, Program, ProgramFailed, Refusal, Stopped, prepare
from streamscope.servers.traffic import Traffic
from streamscope.telling import said, say, tell_lines
from streamscope.trace.plain_text import visible

GRACE_S = 30.0
"""How long a callback that does not return is waited for, once the end was asked for; a screen has its own."""


class ServeOptions(msgspec.Struct):
    """What `run` was asked for. Descriptors are -1 where there are none."""

    target: str
    arguments: list[str] = []
    options: dict[str, str] = {}  # a built-in server's own, by its keyword
    host: str | None = None
    port: int | None = None
    duration: float | None = None  # seconds
    grace: float | None = None  # seconds that a callback which does not return is waited for; infinite for never
    events: str | None = None  # file, or `-`
    diagnose: bool = False  # say on stderr what stalls, and when it is over
    allow: list[str] = []  # nothing of these lints
    relay: str | None = None  # a NATS server that is told of this engine
    record: str | None = None  # a trace
    rotate_bytes: int = 0  # when it begins a new part; 0 for never
    rotate_seconds: float = 0.0
    keep: int = 0  # parts, 0 for all
    force: bool = False  # record over a trace that is there
    spool: int = SPOOL  # bytes that may wait for the events' writer, and for the recorder
    buffer: int = BUFFER_LIMIT  # bytes that may wait for an inspector
    probe: str | None = None  # another socket for inspectors
    no_probe: bool = False
    payload: int = 0
    control: bool = False
    redundant_mod: bool = False  # make the EPOLL_CTL_MOD that libuv makes although nothing changed
    demo: bool = False
    link_fd: int = -1  # the screen's socket pair
    terminal_fd: int = -1  # the screen's terminal
    log: str = ""  # the file that is our stdout and stderr


def serve(options: ServeOptions) -> int:
    """Run the program until it ends or is ended; returns the exit status."""
    open_standard_descriptors()
    try:
        engine = Engine(options)
    except OSError as error:
        say(tr("the engine cannot be made: {why}", why=error.strerror))
        return 1
    return engine.run()


class EngineLoop(JoinedLoop):
    """The program's loop. Serving begins when it is first run, be it by the program itself, from within its `main`."""

    def __init__(self, begin: Callable[[], None], *, redundant_mod: bool) -> None:
        super().__init__(redundant_mod=redundant_mod)
        self._begin = begin

    def run(self, mode: int = RUN_DEFAULT) -> bool:
        """See `Loop.run`."""
        self._begin()
        return super().run(mode)

    def close(self) -> None:
        """What the program gets is libuv's answer. The engine still needs the loop, and gives it back at the end."""
        if self.handles or self.active_reqs:
            raise UVError(UV_EBUSY, "loop_close")


class Engine:
    """One run of one program."""

    def __init__(self, options: ServeOptions) -> None:
        self.options = options
        self.pid = os.getpid()
        self.name = visible(program_name(options.target))
        self.loop = EngineLoop(self._begin, redundant_mod=options.redundant_mod)
        self._held = HeldOutput()
        self._begun = False
        self._demo = Traffic()
        self._log = LogFile(options.log) if options.log else None
        self._orphaned = False
        self._hello = greeting(self.name, self.loop.clock())
        self._hello.payload = options.payload
        self._hello.log = str(self._log.path) if self._log is not None else ""
        self.publisher = Publisher(
            EngineProducer(self.loop),
            self._hello,
            stop=lambda: self.ending.ask("stopped from the inspector"),
            control=options.control,
            payload=options.payload,
            buffer=options.buffer,
        )
        self.ending = Ending(
            self.loop,
            self.name,
            grace=_grace(options),
            duration=options.duration,
            before_closing=self._demo.stop,
            say=self._say,
        )
        self._answering = Answering(self._tell_who_asks)
        self.publisher.chores.append(self._answering.look)
        Control(self.loop, self.publisher)
        self._writers = Writers(self.publisher, self._hello, options.spool)

    def run(self) -> int:
        """See `serve`."""
        faulthandler.enable()
        signals = MainSignals({signal.SIGALRM: self.ending.over()})
        signals.heed()
        self._answering.begin()
        self._adopt_screen()
        try:
            with signals:
                program = self._prepare()
            self._open_sockets()
            self._start_writers()
            raise_descriptor_limit()
            self.publisher.board()
            status, reason = self._serve(program, signals)
        except Refusal as refusal:
            return self._refuse(refusal)
        except Stopped as stopped:
            status, reason = 0, str(stopped)
        except ProgramFailed as failure:
            status, reason = 1, str(failure)
        return self._end(reason, status)

    # the program

    def _prepare(self) -> Program:
        options = self.options
        given = {"host": options.host, "port": options.port}
        given = {name: value for name, value in given.items() if value is not None}
        return prepare(options.target, options.arguments, given, options.options, self.loop)

    def _serve(self, program: Program, signals: MainSignals) -> tuple[int, str]:
        """Start the program, say where it listens, and run the loop; returns status and reason.

        Raises Refusal and ProgramFailed.
        """
        duration = self.options.duration
        leaving: SystemExit | None = None
        try:
            with signals, self._held:
                signal.setitimer(signal.ITIMER_REAL, duration or 0)
                program.start(self.loop)
        except Stopped as stopped:
            signals.kept = str(stopped)
        except SystemExit as exit_:
            leaving = exit_
        except LoopOfParent:
            self._send_child_home(N_("tried to run the loop"))
        except ProgramFailed:
            write_all(1, self._held.take())
            raise
        except OSError as error:
            raise self._robbed(error) from error
        self._send_child_home(N_("came back from main"), leaving)
        self.ending.heed(signals)  # before anybody can know that we are there
        self._note_signals()
        try:
            if leaving is not None:
                self._begin()
                raise leaving
            self.loop.run()
        except SystemExit as exit_:
            return _exit_status(exit_), f"{self.name} left by sys.exit"
        except LoopOfParent as error:
            self._send_child_home(N_("came back to the loop"))
            raise program.failed(error) from error
        except OSError as error:
            raise self._robbed(error) from error
        except BaseException as error:
            raise program.failed(error) from error
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        status = 1 if self.loop.refusals else 0
        return status, self.ending.reason or f"{self.name} has nothing left to do"

    def _robbed(self, error: OSError) -> ProgramFailed:
        """What the program does comes back to it as it is, so it was a descriptor of ours that failed."""
        closed = saying("{name} has closed descriptors of it", name=self.name)
        reason = saying("the engine cannot go on: {why}", why=closed if error.errno == errno.EBADF else error.strerror)
        self._say(tr(reason))
        return ProgramFailed(str(reason))

    def _begin(self) -> None:
        """The loop runs from now on, or would have: say so, once."""
        if not self._begun and os.getpid() == self.pid:
            self._begun = True
            self._held.release()
            self._announce(self._held.take())
            self._start_demo()

    def _send_child_home(self, did: str, leaving: SystemExit | None = None) -> None:
        """End a process that the program has forked and that is about to do the engine's work: the engine is its
        parent's, with every descriptor and socket of it.
        """
        if os.getpid() == self.pid:
            return
        if leaving is None:
            say(tr("a child of {name} {did}; the loop is its parent's", name=self.name, did=tr(did)))
        _leave(1 if leaving is None else _exit_status(leaving))

    def _announce(self, printed: bytes) -> None:
        """The first line on stdout says where the program listens; what main printed comes after it."""
        addresses = listening_addresses(self.loop)
        where = f"listening on {', '.join(addresses)}" if addresses else "running, and listening on nothing"
        try:
            if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.closed:  # what main has left of it
                sys.stdout.reconfigure(line_buffering=True)
            write_all(1, f"{visible(f'{self.name} {where}', 4096)}\n".encode())
            if self.options.events == "-":
                os.dup2(2, 1)  # events alone go to stdout from here on
            write_all(1, printed)
        except OSError:
            # Nobody reads our output. That is no reason not to serve.
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), 1)

    # ends

    def _say(self, line: str) -> None:
        """A line on stderr, from between two bytecodes: it must neither wait nor go through Python's own buffers."""
        with contextlib.suppress(OSError):
            os.write(2, f"streamscope: {visible(line, 1000)}\n".encode())

    def _hung_up(self) -> None:
        self.ending.ask("the terminal hung up")

    def _refuse(self, refusal: Refusal) -> int:
        self.publisher.refuse(str(refusal), refusal.status)
        if self.options.link_fd == -1:
            say(said(refusal))
        self._writers.wait()
        self._clean_up()
        return refusal.status

    def _end(self, reason: str, status: int) -> int:
        if os.getpid() != self.pid:
            _leave(status)  # a child that the program has forked, home from a callback
        self._clean_up()  # first of all: from here on a second signal may end us at any moment
        self._demo.stop()
        self._answering.end()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self.publisher.finish(reason, status)
            if not self._writers.wait():
                status = status or 1
        except KeyboardInterrupt:
            status = 128 + signal.SIGINT  # no time for those who do not read
        except OSError:
            status = status or 1  # the program has closed what they were to be told through
        with contextlib.suppress(UVError, OSError):
            Loop.close(self.loop)  # what a program that failed has left open goes with the process
        return status

    def _clean_up(self) -> None:
        self.publisher.close_doors()
        if self._orphaned and self._log is not None:
            self._log.remove()

    # inspectors

    def _tell_who_asks(self, frame: FrameType | None) -> dict[str, Any]:
        """What an inspector hears that asked a program which does not come round; see `answering`."""
        ending = self.ending
        told = where_it_stands(self.loop, self.publisher.feed, frame)
        started_by = prepare.__code__.co_filename  # what is further out is ours
        frames = takewhile(lambda place: place[0] != started_by, told["frames"])
        told["frames"] = [place for place in frames if not str(place[0]).startswith("<frozen ")]
        left = -1.0 if ending.left is None or math.isinf(ending.left) else ending.left
        return {**told, "program": self.name, "ending": ending.asked, "left": left}

    def _note_signals(self) -> None:
        fd = self._answering.note_signals(self.loop.signals.note)
        if fd != -1:
            self.publisher.hear_fd(fd, self._answering.pass_signals)

    def _adopt_screen(self) -> None:
        options = self.options
        if self._log is not None:
            self.publisher.chores.append(self._log.cap)
        if options.terminal_fd != -1:
            self._terminal = Terminal(options.terminal_fd)
            if self._terminal.is_terminal:
                self.publisher.watch_fd(options.terminal_fd, self._hung_up)
        if options.link_fd != -1:
            screen = Subscriber(socket.socket(fileno=options.link_fd), control=True, limit=options.buffer)
            self.publisher.adopt(screen, self._screen_gone)

    def _screen_gone(self) -> None:
        self._orphaned = True
        if self.options.terminal_fd == -1 or self.ending.asked:
            return
        pid, addresses = os.getpid(), ", ".join(listening_addresses(self.loop))
        if addresses:
            gone = tr(
                "the inspector is gone; {name} goes on serving on {addresses} (pid {pid})",
                name=self.name, addresses=addresses, pid=pid,
            )  # fmt: skip
        else:
            gone = tr("the inspector is gone; {name} goes on serving (pid {pid})", name=self.name, pid=pid)
        look = tr("attach again with: streamscope attach {pid}", pid=pid) if self._hello.probe else ""
        ways = "   ".join(filter(None, (look, tr("stop it with: kill {pid}", pid=pid))))
        self._terminal.take_back(f"streamscope: {gone}\r\n{ways}\r\n")

    def _open_sockets(self) -> None:
        """Listen where inspectors look for us. Raises Refusal for a path that was asked for and cannot be had."""
        options = self.options
        if not options.no_probe:
            try:
                path = discovery.probe_path(os.getpid())
                discovery.remove_stale(path.parent)
                self._listen(path)
            except ProbeError as error:
                why = saying("{why}; attach and ps will not find this engine", why=error)
                say(tr(why))
                self.publisher.remarks.append(str(why))  # for a screen, whose engine's stderr is the log
        if options.probe is not None:
            try:
                self._listen(Path(options.probe))
            except ProbeError as error:
                raise Refusal(str(error), 1) from error

    def _listen(self, path: Path) -> None:
        self.publisher.listen(discovery.listen(path), path.absolute())
        self._hello.probe = self._hello.probe or visible(str(path.absolute()), 4096)

    def _start_writers(self) -> None:
        """Raises Refusal if a file cannot be opened."""
        options = self.options
        try:
            if options.events is not None:
                self._writers.write_events(options.events)
            if options.diagnose:
                self._writers.tell("streamscope.diagnosis.teller", options.allow, "the process that diagnoses")
            if options.relay is not None and self._hello.probe:
                self._writers.relay(Path(self._hello.probe), options.relay)
            if options.record is not None:
                rotation = Rotation(options.rotate_bytes, options.rotate_seconds, options.keep)
                self._writers.record(Path(options.record), rotation, force=options.force)
        except PartsError as error:
            raise Refusal(str(error), 1) from error
        except OSError as error:
            raise Refusal(f"cannot write events to {options.events}: {error.strerror}", 1) from error

    def _start_demo(self) -> None:
        addresses = listening_addresses(self.loop)
        if self.options.demo and addresses:
            self._demo.start(addresses[0], self.name)


def _leave(status: int) -> NoReturn:
    """End this process and nothing else: nothing is closed, removed or told to anyone."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def _grace(options: ServeOptions) -> float:
    if options.grace is not None:
        return options.grace
    return GRACE_S


def _exit_status(leaving: SystemExit) -> int:
    if leaving.code is None:
        return 0
    if isinstance(leaving.code, int):
        return leaving.code & 255
    tell_lines(str(leaving.code))
    return 1


if __name__ == "__main__":
    speak_as_told()
    sys.exit(serve(msgspec.convert(json.loads(sys.argv[1]), ServeOptions)))  # json takes file names that are no UTF-8
