"""`streamscope record PID FILE`: record an engine, or any program on libuv, that runs already."""

from __future__ import annotations

import sys
from pathlib import Path

from streamscope.commands.clicks import click
from streamscope.commands.parameters import (
    CONTEXT,
    Seconds,
    check_recording,
    engines,
    forcing,
    looking,
    rotating,
    some_engine,
    spooling,
)
from streamscope.language import tr
from streamscope.sampling.manner import Manner
from streamscope.telling import CommandFailed, said, say


@click.command(context_settings=CONTEXT)
@click.argument("which", metavar="PID|PATH", callback=some_engine, shell_complete=engines)
@click.argument("file", type=click.Path())
@forcing
@rotating
@click.option("--duration", type=Seconds(), metavar="SECONDS", help="Stop after so long.")
@spooling
@looking
def record(
    which: str,
    file: str,
    how: str | None,
    manner: Manner,
    force: bool,
    rotate: tuple[int, float] | None,
    keep: int | None,
    duration: float | None,
    spool: int,
) -> None:
    """Record a running engine, or a program on libuv, into the trace FILE, until it ends or you press Ctrl-C.

    The server never waits for it. What was recorded is looked at with: streamscope replay FILE
    """
    from streamscope.joining.ways import way_to
    from streamscope.link.attached_recorder import record
    from streamscope.link.discovery import ProbeError
    from streamscope.link.parts import PartsError, Rotation

    check_recording(file, rotate=rotate, keep=keep, force=force)
    rotation = Rotation(*(rotate or (0, 0.0)), keep or 0)
    try:
        with way_to(which, how, manner, say) as path:
            problem = record(path, Path(file), rotation, force=force, spool=spool, duration=duration or 0.0, say=say)
    except (ProbeError, PartsError) as error:
        raise CommandFailed(said(error), 1) from error
    if problem:
        raise CommandFailed(tr(problem), 1)
    sys.exit(0)
