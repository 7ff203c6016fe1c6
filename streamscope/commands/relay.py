"""`streamscope relay PID|--all --to nats://HOST:4222`: tell of engines here, for whoever looks from elsewhere."""

from __future__ import annotations

import sys

from streamscope.commands.clicks import click
from streamscope.commands.parameters import CONTEXT, Span, credentials, engines, looking, some_engine
from streamscope.fleet.nats_server import Credentials
from streamscope.language import tr
from streamscope.sampling.manner import Manner
from streamscope.telling import CommandFailed, said, say


@click.command(context_settings=CONTEXT)
@click.argument("which", metavar="[PID|PATH]", required=False, callback=some_engine, shell_complete=engines)
@click.option("--all", "everyone", is_flag=True, help="Every engine of yours on this host, those that come later too.")
@click.option("--to", "server", metavar="URL", envvar="NATS_URL", help="The NATS server: nats://HOST:4222.")
@click.option(
    "--every", type=Span(), default="5s", show_default=True, metavar="TIME", help="States are looked at so often."
)
@click.option("--keep", type=Span(), metavar="TIME", help="Keep every event, not states alone, for so long.")
@click.option("--payload", is_flag=True, help="What an engine was allowed to show of its payload may leave this host.")
@credentials
@looking
def relay(
    which: str | None,
    everyone: bool,
    server: str | None,
    every: float,
    keep: float | None,
    payload: bool,
    how: str | None,
    manner: Manner,
    credentials: Credentials,
) -> None:
    """Tell a NATS server of an engine, or of --all on this host: a summary a second, states now and then, and what else
    happens while somebody looks. `streamscope fleet URL` shows them from anywhere.

    The engine sees an inspector that looks at its states every five seconds, once a second while something is held up,
    up to twelve times as seldom while it does little, and not at all while it does nothing: a hundredth of its time at
    most.
    """
    from streamscope.fleet.nats_server import Address, FleetError
    from streamscope.fleet.relaying import Relaying
    from streamscope.fleet.relaying import relay as run
    from streamscope.joining.ways import way_to
    from streamscope.link.discovery import ProbeError

    if bool(which) == everyone:
        raise click.UsageError(tr("which engines? name one by its pid, or give --all"))
    if not server:
        raise click.UsageError(tr("where to? give --to nats://HOST:4222, or set NATS_URL"))
    keep_s = max(1, round(keep)) if keep else 0
    try:
        address = Address.parse(server).only_server()
    except FleetError as error:
        raise click.UsageError(said(error)) from error
    try:
        if everyone:
            run(address, Relaying(None, every, keep_s, payload), credentials)
        else:
            with way_to(which, how, manner, say) as path:
                run(address, Relaying(path, every, keep_s, payload), credentials)
    except (FleetError, ProbeError) as error:
        raise CommandFailed(said(error), 1) from error
    sys.exit(0)
