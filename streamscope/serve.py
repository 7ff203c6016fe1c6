"""The engine's process: it runs one program on one loop, and lets inspectors watch.

`streamscope run --headless` is this process; a screen starts it as a child, `python -m streamscope.serve OPTIONS`, with
its end of a socket pair, and with the program's output going to a capped file. Neither textual nor asyncio is ever
loaded here, and nothing here waits for an inspector.

However it ends, it ends in order where it can: streams are closed, inspectors get the last records and a goodbye, the
events file is complete. Status 0 is an end as asked for, 1 a failure, 2 a command that cannot be carried out.
"""

from __future__ import annotations

import contextlib
import faulthandler
import inspect
import io
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from streamscope import __version__
from streamscope.core import Loop, UVError
from streamscope.core.probe import FUNCTIONS, KINDS
from streamscope.link import discovery, events_writer
from streamscope.link.discovery import ProbeError
from streamscope.link.frames import PROTOCOL, Hello
from streamscope.link.orphan import Terminal
from streamscope.link.publisher import Publisher
from streamscope.link.snapshot import listening_addresses
from streamscope.link.subscriber import BUFFER_LIMIT, Subscriber
from streamscope.servers import SERVERS
from streamscope.servers.address import AddressError
from streamscope.servers.load import LoadError, load, program_name

FEW_DESCRIPTORS = 4096
LOG_LIMIT = 1024 * 1024
LOG_KEPT = 256 * 1024
"""Bytes that the log of a program under the screen may have, and how many of its last are kept when it has more."""

CLOSING_S = 0.5
CLOSING_ROUNDS = 3
"""Handles that a program makes while it is being closed are closed too, after so long, so often."""


class ServeOptions(msgspec.Struct):
    """What `run` was asked for. Descriptors are -1 where there are none."""

    target: str
    arguments: list[str] = []
    options: dict[str, str] = {}  # a built-in server's own, by its keyword
    host: str | None = None
    port: int | None = None
    duration: float | None = None  # seconds
    events: str | None = None  # file, or `-`
    spool: int = 256 * 1024 * 1024  # bytes that may wait for the events' writer
    buffer: int = BUFFER_LIMIT  # bytes that may wait for an inspector
    probe: str | None = None  # another socket for inspectors
    no_probe: bool = False
    payload: int = 0
    control: bool = False
    demo: bool = False
    link_fd: int = -1  # the screen's socket pair
    terminal_fd: int = -1  # the screen's terminal
    log: str = ""  # the file that is our stdout and stderr


class Refusal(Exception):
    """The command cannot be carried out; the text is one line, `status` the exit status."""

    def __init__(self, text: str, status: int = 2) -> None:
        super().__init__(text)
        self.status = status


class Stopped(BaseException):
    """A signal came while the program's `main` was still at work."""


def serve(options: ServeOptions) -> int:
    """Run the program until it ends or is ended; returns the exit status."""
    return Engine(options).run()


class Engine:
    """One run of one program."""

    def __init__(self, options: ServeOptions) -> None:
        self.options = options
        self.name = program_name(options.target)
        self.loop = Loop()
        self._stopping = ""  # why, once it is
        self._closing_rounds = 0
        self._asked = ""
        self._early_signal = False
        self._own_sockets: list[Path] = []
        self._writer: subprocess.Popen[bytes] | None = None
        self._demo: subprocess.Popen[bytes] | None = None
        self._stdout = -1
        self._log = _adopt_log(options.log)
        self._orphaned = False
        self.publisher = Publisher(
            self.loop,
            self._hello(),
            stop=self._stop_asked,
            control=options.control,
            payload=options.payload,
            buffer=options.buffer,
        )

    def run(self) -> int:
        """See `serve`."""
        faulthandler.enable()
        self._adopt_screen()
        try:
            main, keywords = self._load()
            self._open_sockets()
            self._start_writer()
        except Refusal as refusal:
            return self._refuse(refusal)
        _raise_descriptor_limit()
        self.publisher.board()
        try:
            status, reason = self._serve(main, keywords)
        except Refusal as refusal:
            return self._refuse(refusal)
        return self._end(reason, status)

    # the program

    def _load(self) -> tuple[Any, dict[str, Any]]:
        """The program's main, and the keywords for it. Raises Refusal."""
        options = self.options
        server = SERVERS.get(options.target)
        sys.argv = [options.target, *options.arguments]
        try:
            main = load(options.target)
        except LoadError as error:
            if error.details:
                sys.stderr.write(error.details)
                return _raiser(str(error)), {}
            raise Refusal(str(error)) from error
        keywords: dict[str, Any] = {"host": options.host, "port": options.port}
        keywords = {name: value for name, value in keywords.items() if value is not None}
        own = {option.keyword: option for option in server.options} if server else {}
        for keyword, value in options.options.items():
            if keyword not in own:
                raise Refusal(f"{self.name} takes no --{keyword}")
            keywords[keyword] = value
        for keyword, option in own.items():
            if option.required and keyword not in keywords:
                raise Refusal(f"{self.name} needs {option.name} {option.metavar}: {option.help}")
        _check_call(self.name, main, [self.loop, *options.arguments], keywords, built_in=server is not None)
        return main, keywords

    def _serve(self, main: Any, keywords: dict[str, Any]) -> tuple[int, str]:
        """Call main, say where the program listens, and run the loop; returns status and reason. Raises Refusal."""
        said = io.StringIO()
        try:
            with self._stopped_by_signals(), contextlib.redirect_stdout(said):
                main(self.loop, *self.options.arguments, **keywords)
        except AddressError as error:
            raise _address_refusal(error) from error
        except ProgramFailed as error:
            return 1, str(error)
        except Stopped as stopped:
            self._asked = str(stopped)
            self._early_signal = True
        except SystemExit as leaving:
            self._announce(said.getvalue())
            return _exit_status(leaving), f"{self.name} left by sys.exit"
        except Exception as error:
            self._announce(said.getvalue())
            return 1, self._raised(error)
        self._heed_signals()  # before anybody can know that we are there
        self._announce(said.getvalue())
        return self._turn()

    def _turn(self) -> tuple[int, str]:
        self._start_demo()
        if self.options.duration is not None:
            signal.setitimer(signal.ITIMER_REAL, self.options.duration)
        try:
            self.loop.run()
        except SystemExit as leaving:
            return _exit_status(leaving), f"{self.name} left by sys.exit"
        except Exception as error:
            return 1, self._raised(error)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return 0, self._stopping or f"{self.name} has nothing left to do"

    def _raised(self, error: Exception) -> str:
        """Its traceback goes to where the program prints; returns a line for everyone else."""
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        traceback.print_exception(type(error), error, trace)
        summary = traceback.format_exception_only(error)[-1].strip()
        return f"{self.name} raised {summary}"

    def _announce(self, printed: str) -> None:
        """The first line on stdout says where the program listens; what main printed comes after it."""
        addresses = listening_addresses(self.loop)
        where = f"listening on {', '.join(addresses)}" if addresses else "running, and listening on nothing"
        try:
            sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
            print(f"{self.name} {where}", flush=True)  # noqa: T201 (this line is what scripts wait for)
            if self.options.events == "-":
                os.dup2(2, 1)  # events alone go to stdout from here on
            sys.stdout.write(printed)
            sys.stdout.flush()
        except OSError:
            # Nobody reads our output. That is no reason not to serve.
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), 1)

    # ends

    def _heed_signals(self) -> None:
        loop = self.loop
        loop.on_signal(signal.SIGINT, self._on_signal)
        loop.on_signal(signal.SIGTERM, self._on_signal)
        loop.on_signal(signal.SIGALRM, self._on_alarm)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup means it
            loop.on_signal(signal.SIGHUP, self._on_signal)
        if self._early_signal:
            signal.raise_signal(signal.SIGTERM)

    @contextlib.contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        """Until the loop heeds signals, they end `main` where it stands; one that comes just after it is kept."""
        in_main = True

        def stop(signum: int, frame: object) -> None:
            nonlocal in_main
            if in_main:
                in_main = False
                raise Stopped(signal.Signals(signum).name)
            self._early_signal = True

        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        try:
            yield
        finally:
            in_main = False

    def _on_signal(self, signum: int) -> None:
        if not self._stopping:
            self._stop(self._asked or signal.Signals(signum).name)
        elif signum != signal.SIGHUP:
            self.loop.stop()  # asked twice: without waiting for what still wants to close

    def _on_alarm(self, signum: int) -> None:
        if not self._stopping:
            self._stop(f"--duration {self.options.duration:g} is over")
        elif self._closing_rounds < CLOSING_ROUNDS:
            self._close_all()
        else:
            self.loop.stop()

    def _stop(self, reason: str) -> None:
        self._stopping = reason
        self._end_demo()
        self._close_all()

    def _close_all(self) -> None:
        self._closing_rounds += 1
        for handle in list(self.loop.handles.values()):
            if not handle.is_closing():
                handle.close()
        signal.setitimer(signal.ITIMER_REAL, CLOSING_S)

    def _stop_asked(self) -> None:
        """An inspector asks for the end."""
        self._ask("stopped from the inspector")

    def _hung_up(self) -> None:
        self._ask("the terminal hung up")

    def _ask(self, reason: str) -> None:
        """End for this reason. It takes the way of a signal: the loop wakes, and a turn of it does the rest."""
        if not self._asked and not self._stopping:
            self._asked = reason
            signal.raise_signal(signal.SIGTERM)

    def _refuse(self, refusal: Refusal) -> int:
        self.publisher.refuse(str(refusal), refusal.status)
        if self.options.link_fd == -1:
            sys.stderr.write(f"streamscope: {refusal}\n")
        if self._writer is not None:
            self._writer.wait()
        self._clean_up()
        return refusal.status

    def _end(self, reason: str, status: int) -> int:
        self._end_demo()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self.publisher.finish(reason, status)
            if self._writer is not None and self._writer.wait() != 0:
                status = status or 1
        except KeyboardInterrupt:
            status = 128 + signal.SIGINT  # no time for those who do not read
        with contextlib.suppress(UVError):
            self.loop.close()  # what a program that failed has left open goes with the process
        self._clean_up()
        return status

    def _clean_up(self) -> None:
        for path in self._own_sockets:
            path.unlink(missing_ok=True)
        if self._orphaned and self._log is not None:
            self._log.unlink(missing_ok=True)

    # inspectors

    def _hello(self) -> Hello:
        return Hello(
            protocol=PROTOCOL,
            version=__version__,
            pid=os.getpid(),
            program=self.name,
            addresses=[],
            started=time.time() - self.loop.clock() / 1e9,
            kinds=[(kind.name, [arg.name for arg in kind.args]) for kind in KINDS],
            functions=list(FUNCTIONS),
            log=str(self._log or ""),
            payload=self.options.payload,
        )

    def _adopt_screen(self) -> None:
        options = self.options
        if self._log is not None:
            self.publisher.chores.append(self._cap_log)
        if options.terminal_fd != -1:
            self._terminal = Terminal(options.terminal_fd)
            if self._terminal.is_terminal:
                self.publisher.watch_fd(options.terminal_fd, self._hung_up)
        if options.link_fd != -1:
            screen = Subscriber(socket.socket(fileno=options.link_fd), control=True, limit=options.buffer)
            self.publisher.adopt(screen, self._screen_gone)

    def _screen_gone(self) -> None:
        self._orphaned = True
        if self.options.terminal_fd == -1 or self._stopping:
            return
        pid, addresses = os.getpid(), ", ".join(listening_addresses(self.loop))
        where = f" on {addresses}" if addresses else ""
        look = f"attach again with: streamscope attach {pid}   " if self._own_sockets else ""
        self._terminal.take_back(
            f"streamscope: the inspector is gone; {self.name} goes on serving{where} (pid {pid})\r\n"
            f"{look}stop it with: kill {pid}\r\n"
        )

    def _open_sockets(self) -> None:
        """Listen where inspectors look for us. Raises Refusal for a path that was asked for and cannot be had."""
        options = self.options
        if not options.no_probe:
            try:
                path = discovery.probe_path(os.getpid())
                discovery.remove_stale(path.parent)
                self._listen(path)
            except ProbeError as error:
                sys.stderr.write(f"streamscope: {error}; attach and ps will not find this engine\n")
        if options.probe is not None:
            try:
                self._listen(Path(options.probe))
            except ProbeError as error:
                raise Refusal(str(error), 1) from error

    def _listen(self, path: Path) -> None:
        self.publisher.listen(discovery.listen(path))
        self._own_sockets.append(path.absolute())

    def _start_writer(self) -> None:
        """Raises Refusal if the events file cannot be opened."""
        options = self.options
        if options.events is None:
            return
        own = options.events != "-"
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            fd = os.open(options.events, flags, 0o600) if own else os.dup(1)
        except OSError as error:
            raise Refusal(f"cannot write events to {options.events}: {error.strerror}", 1) from error
        ours, theirs = socket.socketpair()
        self._writer = events_writer.start(fd, theirs, own=own)
        theirs.close()
        os.close(fd)
        self.publisher.adopt(
            Subscriber(ours, limit=options.spool, lossless=True, payload=False),
        )

    # the rest

    def _start_demo(self) -> None:
        addresses = listening_addresses(self.loop)
        host, colon, port = addresses[0].rpartition(":") if addresses else ("", "", "")
        if self.options.demo and colon and port.isdigit():
            self._demo = subprocess.Popen(
                [sys.executable, "-P", "-m", "streamscope.servers.clients", host.strip("[]"), port, self.name],
                stdin=subprocess.PIPE,
            )

    def _end_demo(self) -> None:
        demo, self._demo = self._demo, None
        if demo is not None and demo.stdin is not None:
            demo.stdin.close()
            demo.terminate()
            demo.wait()

    def _cap_log(self) -> None:
        """Keep the end of what the program printed, once it is too much."""
        if self._log is None or os.fstat(1).st_size <= LOG_LIMIT:
            return
        with self._log.open("rb") as file:
            file.seek(-LOG_KEPT, os.SEEK_END)
            kept = file.read()
        os.ftruncate(1, 0)
        os.write(1, kept[kept.find(b"\n") + 1 :])


class ProgramFailed(Exception):
    """The program failed while it was imported; its traceback has been printed."""


def _raiser(text: str) -> Any:
    """A main for a program that could not be imported."""

    def main(loop: Loop, *arguments: str) -> None:
        raise ProgramFailed(text)

    return main


def _check_call(name: str, main: Any, arguments: list[Any], keywords: dict[str, Any], *, built_in: bool) -> None:
    """Raises Refusal if main cannot be called like this."""
    try:
        signature = inspect.signature(main)
    except (TypeError, ValueError):
        return  # calling it will tell
    try:
        signature.bind(*arguments, **keywords)
    except TypeError as error:
        if built_in:
            raise Refusal(f"{name} takes no arguments of its own") from error
        given = " ".join([*(f"--{keyword}" for keyword in keywords), *map(str, arguments[1:])])
        raise Refusal(f"{name} cannot be called with {given or 'the loop alone'}: it is main{signature}") from error


def _address_refusal(error: AddressError) -> Refusal:
    cause = error.__cause__
    if not isinstance(cause, UVError):
        return Refusal(str(error))
    hints = {"EADDRINUSE": "; --port 0 takes any that is free", "EACCES": "; ports below 1024 are for root"}
    return Refusal(f"{error}{hints.get(cause.name, '')}", 1)


def _exit_status(leaving: SystemExit) -> int:
    if leaving.code is None:
        return 0
    if isinstance(leaving.code, int):
        return leaving.code & 255
    sys.stderr.write(f"{leaving.code}\n")
    return 1


def _raise_descriptor_limit() -> None:
    """As many descriptors as may be, since every connection takes one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):  # a hard limit beyond what the kernel allows
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FEW_DESCRIPTORS:
        sys.stderr.write(
            f"streamscope: this process may have {soft} descriptors at most, so it can serve fewer connections; "
            "the hard limit (ulimit -Hn) says so\n"
        )


def _adopt_log(path: str) -> Path | None:
    """The log under a name that says whose it is, so that it can be found and removed."""
    if not path:
        return None
    log = Path(path)
    with contextlib.suppress(OSError, ProbeError):  # a folder of another file system, or none
        log = log.rename(discovery.runtime_folder() / f"{os.getpid()}.log")
    return log


if __name__ == "__main__":
    sys.exit(serve(msgspec.json.decode(sys.argv[1], type=ServeOptions)))
