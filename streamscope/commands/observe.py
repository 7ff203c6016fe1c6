"""`streamscope observe --path`: what a program is started with that is to let inspectors in."""

from __future__ import annotations

from pathlib import Path

from streamscope.commands.clicks import click
from streamscope.commands.parameters import CONTEXT
from streamscope.language import tr
from streamscope.telling import show


@click.command(context_settings=CONTEXT)
@click.option("--path", is_flag=True, help="Print the folder that belongs on PYTHONPATH.")
def observe(path: bool) -> None:
    """Have your own asyncio program let inspectors in, without changing it.

    Start it with STREAMSCOPE_OBSERVE=1 and with the folder that --path prints on PYTHONPATH; then streamscope ps lists
    it and streamscope attach watches it. In the program itself, streamscope.observe.install() does the same.
    """
    if not path:
        raise click.UsageError(
            tr(
                "there is nothing to do without --path: STREAMSCOPE_OBSERVE=1 "
                "PYTHONPATH=$(streamscope observe --path) …"
            )
        )
    show(str(Path(__file__).parents[1] / "observe" / "site"))
