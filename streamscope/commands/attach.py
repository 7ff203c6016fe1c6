"""`streamscope attach [PID|PATH]`: watch an engine, or a program on asyncio or libuv, that runs already."""

from __future__ import annotations

import sys

from streamscope.commands.clicks import click
from streamscope.commands.parameters import CONTEXT, allowing, engines, looking, some_engine
from streamscope.sampling.manner import Manner
from streamscope.telling import CommandFailed, said, say


@click.command(context_settings=CONTEXT)
@click.argument("which", metavar="[PID|PATH]", required=False, callback=some_engine, shell_complete=engines)
@looking
@click.option("--no-control", is_flag=True, help="Control nothing, even where the engine allows it.")
@click.option("--no-payload", is_flag=True, help="See no payload, even where the engine gives it.")
@allowing
def attach(
    which: str | None, how: str | None, manner: Manner, no_control: bool, no_payload: bool, allow: tuple[str, ...]
) -> None:
    """Watch a program that runs already: an engine by its pid, by the path of its socket, or the only one there is; a
    Python 3.14 with asyncio by its pid, which is observed from within while you watch; or any process that runs on
    libuv (Node, uvloop, …): its memory is read from outside, and nothing of it is stopped or changed.

    Leaving does not end it. If it ends or the connection breaks, the screen keeps the last state, and tries again as
    long as an engine may listen there.
    """
    from streamscope.joining.ways import way_to
    from streamscope.launch import run_on_running_engine
    from streamscope.link.discovery import ProbeError

    try:
        with way_to(which, how, manner, say) as path:
            given_up = {"control": no_control, "payload": no_payload}
            gives_up = frozenset(name for name, given in given_up.items() if given)
            sys.exit(run_on_running_engine(path, allow, gives_up))
    except ProbeError as error:
        raise CommandFailed(said(error), 1) from error
