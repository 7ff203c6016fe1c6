"""Starting a screen: on an engine of one's own, or on one that runs already, and ending both in order.

The engine is started first and loads while textual is being imported. The screen opens when the engine has said who it
is; if it says that it cannot serve, there is no screen, only its line. Afterwards the terminal is as it was, and what a
person must know is on it: why the engine ended, and the traceback if the program raised.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from streamscope.language import N_, clauses, tr
from streamscope.own_engine import OwnEngine, follow
from streamscope.sampling.manner import EVERYDAY, Manner
from streamscope.telling import CommandFailed, said, say
from streamscope.terminal import Leaving, drawn_on, restored

if TYPE_CHECKING:
    from streamscope.app import StreamscopeApp
    from streamscope.commanded.companions import Wanted
    from streamscope.commanded.own_command import OwnCommand
    from streamscope.departure import Departure
    from streamscope.fleet.nats_server import Address, Credentials
    from streamscope.lessons.performing import Performance
    from streamscope.link.session import Session
    from streamscope.trace.instant import Target
    from streamscope.ui.config_file import Config
    from streamscope.ui.feed_source import Source
    from streamscope.ui.processes import Moves

TO_FLEET = -1
"""What the screen of one engine ends with when the person goes back to all of them."""
GREETING_S = 3.0
"""How long the screen waits to open for an engine that has not said who it is; its program may begin with long work."""


def require_terminal(instead: str = "") -> int:
    """The descriptor of the terminal to draw on. Raises CommandFailed where there is none, or none to read keys from;
    `instead` works without.
    """
    terminal = drawn_on()
    if terminal is None:
        raise CommandFailed(tr(clauses((tr("there is no terminal to draw on"), tr(instead)))))
    return terminal


def run_on_own_engine(options: dict[str, Any], *, demo: bool, allow: tuple[str, ...] = ()) -> int:
    """Start an engine with these `ServeOptions`, open the screen on it, end both; returns the exit status.

    Raises CommandFailed.
    """
    terminal = require_terminal(N_("serve without a screen with: streamscope run --headless …"))
    with Leaving() as leaving:
        engine = OwnEngine(options, terminal)
        try:
            from streamscope.departure import Departure
            from streamscope.link.session import Session

            config = _config(allow)
            session = Session(engine.sock, past_bytes=config.past_bytes, why_gone=engine.why_gone, pid=engine.pid)
            _await_greeting(session, leaving)
            if leaving.told:
                return engine.end(session, leaving)
            if session.hello is None and session.status != "connecting":
                return engine.never_served(session, leaving)
            departure = Departure(engine, lambda: session.command("stop"))
            status = _run_app(session, config, leaving, demo=demo, departure=departure)
            if status is None:
                session.close()  # the server goes on, and says so
                engine.abandon()
                return 1
            status = max(engine.end(session, leaving, asked=departure.begun), status)
            return _again() if departure.again and not leaving.told else status
        except BaseException:
            engine.kill(leaving)
            raise


def run_on_command(
    command: list[str],
    wanted: Wanted,
    *,
    how: str | None = None,
    manner: Manner = EVERYDAY,
    preload: bool = False,
    grace: float | None = None,
    duration: float = 0.0,
    allow: tuple[str, ...] = (),
) -> int:
    """Start a command of the user's, open the screen on the first of its loops, end both; returns the exit status.

    Raises CommandFailed.
    """
    from streamscope.commanded.command_line import resolved
    from streamscope.commanded.own_command import OwnCommand

    terminal = require_terminal(N_("run it without a screen with: streamscope run --headless -- …"))
    resolved(command)
    config = _config(allow)
    with Leaving() as leaving:
        own = OwnCommand(
            command, wanted, terminal, how=how, manner=manner, preload=preload, grace=grace, duration=duration
        )
        try:
            doorway = own.await_doorway(leaving)
            if isinstance(doorway, str):
                if doorway:
                    say(tr(doorway))
                return own.end(leaving, show=True) or (1 if doorway else 0)
            return _watch_command(own, doorway.path, config, leaving)
        except BaseException:
            own.end(leaving, show=False)
            raise


def _again() -> NoReturn:
    """Become the same command line anew: nothing of this run is left to be in its way."""
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _watch_command(own: OwnCommand, path: Path, config: Config, leaving: Leaving) -> int:
    """The screen, on one process of the run after the other, and the end of both."""
    from streamscope.commanded.own_command import CommandDeparture
    from streamscope.link.discovery import ProbeError
    from streamscope.ui.processes import Moves

    departure: Departure | None = None

    def watched(path: Path) -> tuple[int | None, Moves]:
        nonlocal departure
        moves, departure = Moves(own.processes, path, may_leave=True), CommandDeparture(own)
        return _watch(path, config, leaving, moves, departure, own.log), moves

    try:
        status, moves = _from_process_to_process(path, watched)
    except ProbeError as error:
        say(said(error))
        own.end(leaving, show=True)
        return 1
    if moves.leaves_it:
        say(own.leave_running())
        own.let_go()
        return 0
    if status is None:
        own.let_go()
        return 1
    status = max(own.end(leaving, show=False), status)
    return _again() if departure is not None and departure.again and not leaving.told else status


def run_on_running_engine(path: Path, allow: tuple[str, ...] = (), gives_up: frozenset[str] = frozenset()) -> int:
    """Open the screen on the engine that listens at this path, which `gives_up` "control" or "payload"; returns the
    exit status. Raises CommandFailed.
    """
    from streamscope.joining.listing import all_listed
    from streamscope.link.discovery import ProbeError, connect
    from streamscope.ui.processes import Moves

    def watched(path: Path) -> tuple[int | None, Moves]:
        moves = Moves(all_listed, path)
        return _watch(path, config, leaving, moves, gives_up=gives_up), moves

    try:
        connect(path).close()
        require_terminal()
        config = _config(allow)
        with Leaving() as leaving:
            status, _ = _from_process_to_process(path, watched)
            return 1 if status is None else status
    except ProbeError as error:
        raise CommandFailed(said(error), 1) from error


def _from_process_to_process(
    path: Path, watched: Callable[[Path], tuple[int | None, Moves]]
) -> tuple[int | None, Moves]:
    """Watch this one, and then whichever the person goes to; where that has gone meanwhile, the one before again.
    Raises ProbeError where the first one cannot be watched.
    """
    from streamscope.link.discovery import ProbeError

    before: Path | None = None
    while True:
        try:
            status, moves = watched(path)
        except ProbeError:
            if before is None:
                raise
            path, before = before, None
            continue
        if moves.to is None:
            return status, moves
        path, before = moves.to, path


def _watch(
    path: Path,
    config: Config,
    leaving: Leaving,
    moves: Moves,
    departure: Departure | None = None,
    log: str = "",
    gives_up: frozenset[str] = frozenset(),
) -> int | None:
    """The screen on the engine that listens at this path, until the person leaves it; see `_run_app`. `log` is where
    its program prints, if it does not say so itself. Raises ProbeError.
    """
    from streamscope.link.session import Session

    session = Session.attach(path, past_bytes=config.past_bytes, gives_up=gives_up)
    try:
        _await_greeting(session, leaving)
        if log and session.hello is not None:
            session.hello.log = log
        return _run_app(session, config, leaving, departure=departure, moves=moves)
    finally:
        session.close()


def run_on_trace(path: str, at: str, allow: tuple[str, ...] = ()) -> int:
    """Open the screen on a recorded trace, at an instant that is written as `trace.instant` reads it, or playing from
    the start if that is empty; returns the exit status. Raises CommandFailed.
    """
    from streamscope.link.replaying import Replay
    from streamscope.trace.instant import InstantError, parse_option
    from streamscope.trace.store.format import TraceError

    try:
        replay = Replay.open(path)
    except TraceError as error:
        raise CommandFailed(said(error), 1) from error
    try:
        started = replay.hello.started if replay.hello is not None else 0.0
        begin = parse_option(at, replay.past.span_t(), started, bare="seq") if at else None
        require_terminal()
        if replay.trace.missing:
            replay.notices.append(replay.trace.missing)
        with Leaving() as leaving:
            status = _run_app(replay, _config(allow), leaving, begin=begin)
            return 1 if status is None else status
    except InstantError as error:
        raise CommandFailed(tr("--at {at}: {why}", at=at, why=said(error))) from error
    finally:
        replay.close()


def run_on_lesson(play: Callable[[], Performance], *, quiz: bool = False, present: bool = False) -> int:
    """Have a lesson played and open the screen on it; with `quiz` one is asked before each step, with `present` it has
    one idea at a time. Returns the exit status. Raises CommandFailed, and LessonError.
    """
    require_terminal(N_("without a screen: streamscope lesson check NAME"))
    performance = play()
    try:
        with Leaving() as leaving:
            from streamscope.lesson_app import LessonApp
            from streamscope.trace.instant import Target
            from streamscope.ui.quiz import Score
            from streamscope.ui.state_file import state_path

            make = partial(LessonApp, performance, score=Score(state_path("quiz")), quiz=quiz, present=present)
            status = _run_app(performance.replay, _config(()), leaving, begin=Target("start"), make=make)
            return 1 if status is None else status
    finally:
        performance.close()


def run_on_fleet(address: Address, credentials: Credentials) -> int:
    """Open the screen on the engines that this NATS server is told of, and on each that the person opens there; returns
    the exit status. Raises CommandFailed.
    """
    from streamscope.fleet.far import far
    from streamscope.fleet.roster import Roster, listen
    from streamscope.fleet_app import FleetApp
    from streamscope.link.discovery import ProbeError
    from streamscope.link.session import Session
    from streamscope.ui.choices import Choices
    from streamscope.ui.glyphs import ascii_wanted, blocks_wanted
    from streamscope.ui.state_file import state_path

    terminal = require_terminal(N_("print the engines with: streamscope fleet --json …"))
    config = _config(())
    roster, trouble = Roster(), ""

    async def hear(say: Callable[[str], None]) -> Any:
        return await listen(roster, address, credentials, say)

    with Leaving() as leaving:
        while True:
            app = FleetApp(
                roster, address.url, hear, leaving=leaving, terminal=terminal,
                theme=Choices(state_path("choices")).get("theme", config.theme),
                ascii_only=config.ascii or ascii_wanted(), braille=config.braille and not blocks_wanted(),
                trouble=trouble,
            )  # fmt: skip
            with restored():
                name = app.run()
            if app.failed:
                raise CommandFailed(tr(app.failed), 1)
            if name is None or leaving.told:
                return 0
            trouble = ""
            try:
                with far(f"{address.url}{name.path}", credentials) as path:
                    session = Session.attach(path, past_bytes=config.past_bytes)
                    try:
                        _await_greeting(session, leaving)
                        if session.hello is None:
                            raise ProbeError(session.reason or N_("it does not answer"))
                        status = _run_app(session, config, leaving, in_fleet=True)
                    finally:
                        session.close()
            except ProbeError as error:
                trouble = said(error)
                continue
            if status is not TO_FLEET:
                return 1 if status is None else status


def _config(allow: tuple[str, ...]) -> Config:
    """What the person has chosen, with these lints allowed as well. Raises CommandFailed."""
    import msgspec

    from streamscope.ui.config_file import ConfigError, load_config

    try:
        config = load_config()
        return msgspec.structs.replace(config, allow=(*config.allow, *allow))
    except ConfigError as error:
        raise CommandFailed(said(error)) from error


def _run_app(
    source: Source,
    config: Config,
    leaving: Leaving,
    *,
    demo: bool = False,
    begin: Target | None = None,
    departure: Departure | None = None,
    moves: Moves | None = None,
    make: Callable[..., StreamscopeApp] | None = None,
    in_fleet: bool = False,
) -> int | None:
    """The screen, until the person leaves it; a replay begins at `begin`. Returns the status to end with, None if it
    failed before anybody had left. `make` makes another app.
    """
    from streamscope.diagnosis.other_end import OtherEnds
    from streamscope.link.session import Session
    from streamscope.ui.choices import Choices
    from streamscope.ui.glyphs import ascii_wanted, blocks_wanted
    from streamscope.ui.state_file import state_path

    app = (make or _load_app())(
        source,
        config,
        traffic=demo,
        begin=begin,
        terminal=require_terminal(),
        leaving=leaving,
        departure=departure,
        moves=moves,
        ascii_only=config.ascii or ascii_wanted(),
        braille=config.braille and not blocks_wanted(),
        choices=Choices(state_path("choices")),
        in_fleet=in_fleet,
    )
    if isinstance(source, Session) and (source.hello is None or not source.hello.host):
        app.view.beside.look(OtherEnds(), source.note)
    with restored():
        app.run()
    if app.to_fleet:
        return TO_FLEET
    if leaving.hung_up:
        leaving.let_go()
    else:
        if app.view.recording.last:
            say(tr(app.view.recording.last))
        if isinstance(source, Session) and (told := app.view.summary()):
            say(tr(told))
    return app.return_code or 0 if app.left or app.leaves or leaving.told else None


def _await_greeting(session: Session, leaving: Leaving) -> None:
    begin = time.monotonic()
    _load_app()  # takes long, and the engine starts meanwhile
    left = GREETING_S - (time.monotonic() - begin)
    follow(session, lambda: session.status != "connecting" or leaving.told, left, leaving)


def _load_app() -> type[StreamscopeApp]:
    """The app's class. What loading it makes stays for good, so nobody looks for garbage meanwhile; the app has the
    collector go on when it is mounted.
    """
    gc.disable()
    from streamscope.app import StreamscopeApp

    return StreamscopeApp
