"""`streamscope ps`: the engines that run."""

from __future__ import annotations

import rich_click as click

from streamscope.commands.parameters import CONTEXT
from streamscope.telling import CommandFailed


@click.command(context_settings=CONTEXT)
def ps() -> None:
    """List the running engines: pid, program, address, streams and age."""
    from streamscope.link.discovery import ProbeError, running
    from streamscope.link.table import engines_table

    try:
        engines = running()
    except ProbeError as error:
        raise CommandFailed(str(error), 1) from error
    if not engines:
        click.echo("no engine is running; start one with: streamscope run echo", err=True)
        return
    for line in engines_table(engines):
        click.echo(line)
