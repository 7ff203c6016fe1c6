"""`streamscope attach [PID|PATH]`: watch an engine that runs already."""

from __future__ import annotations

import sys

from streamscope.commands.clicks import click
from streamscope.commands.parameters import CONTEXT, allowing, engines, some_engine
from streamscope.telling import CommandFailed


@click.command(context_settings=CONTEXT)
@click.argument("which", metavar="[PID|PATH]", required=False, callback=some_engine, shell_complete=engines)
@allowing
def attach(which: str | None, allow: tuple[str, ...]) -> None:
    """Watch an engine that runs already: by its pid, by the path of its socket, or the only one there is.

    Leaving does not end it. If it ends or the connection breaks, the screen keeps the last state, and tries again as
    long as an engine may listen there.
    """
    from streamscope.launch import run_on_running_engine
    from streamscope.link.discovery import ProbeError, find

    try:
        path = find(which)
    except ProbeError as error:
        raise CommandFailed(str(error), 1) from error
    sys.exit(run_on_running_engine(path, allow))
