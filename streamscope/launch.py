"""Starting a screen: on an engine of one's own, or on one that runs already, and ending both in order.

The engine is started first and loads while textual is being imported. The screen opens when the engine has said who it
is; if it says that it cannot serve, there is no screen, only its line. Afterwards the terminal is as it was, and what a
person must know is on it: why the engine ended, and the traceback if the program raised.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamscope.telling import CommandFailed, say

if TYPE_CHECKING:
    from streamscope.app import StreamscopeApp
    from streamscope.link.session import Session
    from streamscope.trace.instant import Target
    from streamscope.ui.config import Config
    from streamscope.ui.source import Source

GREETING_S = 3.0
"""How long the screen waits to open for an engine that has not said who it is; its program may begin with long work."""

STOPPING_S = 10.0
PRINTED = 64 * 1024
"""Bytes of the program's last output that are shown after the screen when it raised."""


def require_terminal(instead: str = "") -> None:
    """Raises CommandFailed unless there is a terminal to draw on and to read keys from; `instead` works without."""
    if not (os.isatty(0) and os.isatty(2)):
        raise CommandFailed(f"there is no terminal to draw on{instead}")


def run_on_own_engine(options: dict[str, Any], *, demo: bool) -> int:
    """Start an engine with these `ServeOptions`, open the screen on it, end both; returns the exit status.

    Raises CommandFailed.
    """
    require_terminal("; serve without a screen with: streamscope run --headless …")
    engine = OwnEngine(options)
    try:
        from streamscope.link.session import Session

        config = _config()
        session = Session(engine.sock, history_bytes=config.history_bytes, why_gone=engine.why_gone)
        _await_greeting(session)
        if session.hello is None and session.status != "connecting":
            return engine.never_served(session)
        left_in_order = _run_app(session, config, demo=demo)
        if not left_in_order:
            session.close()  # the server goes on, and says so
            engine.abandon()
            return 1
        return engine.end(session)
    except BaseException:
        engine.kill()
        raise


def run_on_running_engine(path: Path) -> int:
    """Open the screen on the engine that listens at this path; returns the exit status. Raises CommandFailed."""
    from streamscope.link.discovery import ProbeError, connect
    from streamscope.link.session import Session

    try:
        sock = connect(path)
    except ProbeError as error:
        raise CommandFailed(str(error), 1) from error
    try:
        require_terminal()
        config = _config()
    except CommandFailed:
        sock.close()
        raise
    session = Session(sock, path, history_bytes=config.history_bytes)
    try:
        _await_greeting(session)
        return 0 if _run_app(session, config) else 1
    finally:
        session.close()


def run_on_trace(path: str, at: str) -> int:
    """Open the screen on a recorded trace, at an instant that is written as `trace.instant` reads it, or playing from
    the start if that is empty; returns the exit status. Raises CommandFailed.
    """
    from streamscope.link.replay import Replay
    from streamscope.trace.instant import InstantError, parse_option
    from streamscope.trace.store.format import TraceError

    try:
        replay = Replay.open(path)
    except TraceError as error:
        raise CommandFailed(str(error), 1) from error
    try:
        started = replay.hello.started if replay.hello is not None else 0.0
        begin = parse_option(at, replay.history.span_t(), started, bare="seq") if at else None
        require_terminal()
        if replay.trace.missing:
            replay.notices.append(replay.trace.missing)
        return 0 if _run_app(replay, _config(), begin=begin) else 1
    except InstantError as error:
        raise CommandFailed(f"--at {at}: {error}") from error
    finally:
        replay.close()


class OwnEngine:
    """The engine's process, as its parent has it: the other end of the link, its log, its end."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.sock, theirs = socket.socketpair()
        terminal = os.dup(2)
        folder = os.environ.get("XDG_RUNTIME_DIR")
        log, self._log_path = tempfile.mkstemp(
            prefix="streamscope-", suffix=".log", dir=folder if folder and os.path.isdir(folder) else None
        )
        os.close(log)
        self._log = os.open(self._log_path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        given = {**options, "link_fd": theirs.fileno(), "terminal_fd": terminal, "log": self._log_path}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "streamscope.serve", json.dumps(given)],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=[theirs.fileno(), terminal],
            )
        finally:
            theirs.close()
            os.close(terminal)

    def why_gone(self) -> str:
        """What became of the process, "" if it is alive."""
        try:
            status = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return ""
        if status < 0:
            return f"the engine was killed by {_signal_name(-status)}"
        return f"the engine ended with status {status} and without a goodbye"

    def never_served(self, session: Session) -> int:
        """It has ended before it served: its reason is the one line there is."""
        self._wait()
        if session.status == "gone":
            self._show_printed()
        say(session.reason)
        status = session.exit_status or 1
        self._clean_up(session)
        return status

    def end(self, session: Session) -> int:
        """The person left: have the engine end in order, and say what went wrong meanwhile."""
        served_to_the_end = session.status == "live"
        if served_to_the_end:
            session.command("stop")
            _follow(session, lambda: session.status != "live", STOPPING_S)
        elif session.status != "ended":
            self._process.terminate()  # it may not hear of anything else
        session.close()
        status = self._wait()
        if status or self._raised():
            self._show_printed()
        if not served_to_the_end and session.reason:
            say(session.reason)
        elif status < 0:
            say(self.why_gone())
        if session.hello is not None and session.hello.recording:
            from streamscope.ui.recording import recorded

            if told := recorded(session.hello.recording):
                say(told)
        self._clean_up(session)
        return 1 if status < 0 else status

    def kill(self) -> None:
        """End it without asking, because there can be no screen."""
        self._process.terminate()
        self._wait()
        self._clean_up(None)

    def abandon(self) -> None:
        """Leave it running; it looks after its log by itself."""
        os.close(self._log)
        self._process.returncode = 0  # it outlives us, and nobody here waits for it

    def _wait(self) -> int:
        """Its exit status, once it has ended; it is helped to do so."""
        for seconds, signum in ((STOPPING_S, signal.SIGTERM), (STOPPING_S, signal.SIGKILL)):
            try:
                return self._process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signum)
        return self._process.wait()

    def _raised(self) -> bool:
        return b"Traceback (most recent call last)" in self._printed()

    def _printed(self) -> bytes:
        size = os.fstat(self._log).st_size
        return os.pread(self._log, PRINTED, max(0, size - PRINTED))

    def _show_printed(self) -> None:
        from streamscope.trace.names import visible

        lines = self._printed().decode("utf-8", "backslashreplace").splitlines()
        if len(lines) == 1 and " listening on " in lines[0]:
            return  # that it began is no news any more
        for line in lines:
            sys.stderr.write(visible(line.expandtabs(), 4096) + "\n")

    def _clean_up(self, session: Session | None) -> None:
        paths = {self._log_path}
        if session is not None and session.hello is not None and session.hello.log:
            paths.add(session.hello.log)  # our own child's name for it
        for path in paths:
            with suppress(OSError):
                os.unlink(path)
        os.close(self._log)


def _config() -> Config:
    from streamscope.ui.config import ConfigError, load_config

    try:
        return load_config()
    except ConfigError as error:
        raise CommandFailed(str(error)) from error


def _run_app(source: Source, config: Config, *, demo: bool = False, begin: Target | None = None) -> bool:
    """The screen, until the person leaves it; returns whether it ended as it should. A replay begins at `begin`."""
    if not os.isatty(1):
        os.dup2(2, 1)  # textual draws on stderr, and asks stdout how large the terminal is
    app = _load_app()(source, config, traffic=demo, begin=begin)
    with _terminal_restored(), _leaving_on_signals(app):
        app.run()
    if app.view.recording.last:
        say(app.view.recording.last)
    return not app.return_code


def _await_greeting(session: Session) -> None:
    begin = time.monotonic()
    _load_app()  # takes long, and the engine starts meanwhile
    _follow(session, lambda: session.status != "connecting", GREETING_S - (time.monotonic() - begin))


def _load_app() -> type[StreamscopeApp]:
    """The app's class. What loading it makes stays for good, so nobody looks for garbage meanwhile; the app has the
    collector go on when it is mounted.
    """
    gc.disable()
    from streamscope.app import StreamscopeApp

    return StreamscopeApp


def _follow(session: Session, until: Callable[[], bool], seconds: float) -> None:
    """Receive and fold until it is so, or the time is over."""
    deadline = time.monotonic() + max(0.0, seconds)
    while not until():
        fd = session.fileno()
        left = deadline - time.monotonic()
        if left <= 0 or fd == -1:
            return
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        poll.poll(left * 1000)
        session.receive()
        session.fold(0.05)


@contextmanager
def _leaving_on_signals(app: StreamscopeApp) -> Iterator[None]:
    """A signal that means the command ends the screen as `q` does, so that the terminal is put right."""
    import asyncio

    def leave(signum: int, frame: object) -> None:
        if signum == signal.SIGHUP:
            _let_the_terminal_go()
        with suppress(RuntimeError):  # the app is on its way in or out
            asyncio.get_running_loop().call_soon_threadsafe(app.exit, 0)

    before = {signum: signal.signal(signum, leave) for signum in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _let_the_terminal_go() -> None:
    """The terminal has hung up. Every write to it fails now; the thread that draws would die of that and leave the app
    waiting for ever, so nothing is drawn to it any more. Should that thread have been faster, the engine, which hears
    of the hang-up too, still ends by itself, and this process a moment later.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)
    os.close(nowhere)
    last_resort = threading.Timer(STOPPING_S, os._exit, [128 + signal.SIGHUP])
    last_resort.daemon = True
    last_resort.start()


@contextmanager
def _terminal_restored() -> Iterator[None]:
    """Whatever becomes of the app, the terminal's settings are afterwards what they were."""
    import termios

    fd = sys.stdin.fileno()
    settings = termios.tcgetattr(fd)
    try:
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(fd, termios.TCSANOW, settings)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
