"""`streamscope ps`: the engines that run."""

from __future__ import annotations

import rich_click as click

from streamscope.commands.parameters import CONTEXT
from streamscope.telling import CommandFailed, say


@click.command(context_settings=CONTEXT)
def ps() -> None:
    """List the running engines: pid, program, address, streams and age."""
    from streamscope.link.discovery import nobody, search
    from streamscope.link.table import engines_table

    found = search()
    if not found.folders:
        raise CommandFailed(nobody(found), 1)
    if not found.engines:
        say(nobody(found))
        return
    for line in engines_table(found.engines):
        click.echo(line)
    for why in found.passed_over:
        say(f"passed over: {why}")
