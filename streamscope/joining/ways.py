"""Which way there is to a process that runs, for the commands that take a pid.

engine     somebody listens under this pid: our engine, or a program that is observed already
observe    Python 3.14 or newer with asyncio: it is asked to let us in (`sys.remote_exec`)
gdb        Python 3.11 to 3.13: gdb calls into it, where a person insists
peek       libuv: its memory is looked at from outside

and to an engine of a fleet, by its address (`nats://HOST/…`): through its relay.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streamscope.fleet.nats_server import is_address
from streamscope.joining.entering import REMOTE_EXEC_SINCE, entered
from streamscope.joining.python_process import OLDEST, PythonProcess, is_python
from streamscope.language import N_, tr
from streamscope.link.discovery import ProbeError, find
from streamscope.sampling.manner import EVERYDAY, Manner
from streamscope.sampling.starting import peeked

ENGINE, OBSERVE, GDB, PEEK = "engine", "observe", "gdb", "peek"
WAYS = (ENGINE, OBSERVE, GDB, PEEK)

COSTS = N_("while you watch, a message costs it a quarter to a third more CPU; nothing stays when you leave")
AT_ANY_TIME = N_("a program that was started with `streamscope run -- …` can be watched at any time")
NO_UVLOOP = N_("its own switch for that (uvicorn: --loop asyncio), or streamscope run --how observe, has it do without")


@contextmanager
def way_to(
    which: str | None, how: str | None = None, manner: Manner = EVERYDAY, say: Callable[[str], None] = lambda line: None
) -> Iterator[Path]:
    """Where to attach to what `which` names (see `discovery.find`): `how` insists on one way. Says which way it took
    and what that costs, where somebody had to be let in.

    Raises ProbeError where there is none.
    """
    if is_address(which):
        from streamscope.fleet.far import far

        with far(str(which)) as path:
            yield path
        return
    pid = int(which) if which is not None and which.isascii() and which.isdigit() and len(which) < 10 else 0
    if how not in (None, ENGINE) and not pid:
        raise ProbeError(tr("--how {how} is about a process: name it by its pid", how=how))
    if how != PEEK:
        try:
            path = find(which)
        except ProbeError:
            if how == ENGINE or not pid or not os.path.exists(f"/proc/{pid}"):
                raise
        else:
            yield path
            return
    if how in (OBSERVE, GDB) or (how is None and is_python(pid)):
        process = PythonProcess(pid)
        if how is not None or not process.has_uvloop:
            _require(process, how)
            by_gdb = how == GDB and process.version < REMOTE_EXEC_SINCE
            if by_gdb:
                say(
                    tr(
                        "gdb gets into {who}, {version}, and stops it for some seconds",
                        who=process.who,
                        version=process.version_text,
                    )
                )
            with entered(process, by_gdb=by_gdb) as path:
                way = "gdb" if by_gdb else "sys.remote_exec"
                say(
                    tr(
                        "{who} is observed from within asyncio, by {way}: {costs}",
                        who=process.who,
                        way=way,
                        costs=tr(COSTS),
                    )
                )
                yield path
            return
    with peeked(pid, manner) as (path, who):
        say(
            tr("{who} is no engine of streamscope, but has a libuv loop: its memory is looked at from outside", who=who)
        )
        yield path


def _require(process: PythonProcess, how: str | None) -> None:
    """Raises ProbeError where nothing could be seen, or nobody gets in, with what to do."""
    who, version = process.who, process.version_text
    if process.version < OLDEST:
        raise ProbeError(
            tr(
                "{who} is {version}, which is too old: 3.11 is the first whose asyncio is observed",
                who=who,
                version=version,
            )
        )
    if process.has_uvloop:
        raise ProbeError(
            tr(
                "{who} has uvloop, which is not observed: {no_uvloop}; --how peek looks at uvloop itself",
                who=who,
                no_uvloop=tr(NO_UVLOOP),
            )
        )
    if not process.has_asyncio:
        raise ProbeError(
            tr("{who} is {version} and has not imported asyncio: there is nothing to see", who=who, version=version)
        )
    if process.version < REMOTE_EXEC_SINCE and how != GDB:
        raise ProbeError(
            tr(
                "{who} is {version}, which lets nobody in by itself: --how gdb gets in, and "
                "stops it for some seconds; {at_any_time}",
                who=who,
                version=version,
                at_any_time=tr(AT_ANY_TIME),
            )
        )
    if process.version >= REMOTE_EXEC_SINCE and not process.is_debuggable:
        raise ProbeError(
            tr(
                "{who} lets nobody in: it was started with disable_remote_debug; {at_any_time}",
                who=who,
                at_any_time=tr(AT_ANY_TIME),
            )
        )
