"""`streamscope config`: the settings there are."""

from __future__ import annotations

from streamscope.commands.clicks import click
from streamscope.commands.parameters import CONTEXT


@click.command(context_settings=CONTEXT)
def config() -> None:
    """Print the config file, with every setting at its default and a comment beside it."""
    from streamscope.ui.config_text import default_config_text

    click.echo(default_config_text(), nl=False)
