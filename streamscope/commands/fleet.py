"""`streamscope fleet nats://HOST:4222`: the engines of all hosts, those in trouble first."""

from __future__ import annotations

import asyncio
import sys

from streamscope.commands.clicks import click
from streamscope.commands.parameters import CONTEXT, Span, credentials
from streamscope.fleet.nats_server import Address, Credentials, FleetError, require
from streamscope.language import tr
from streamscope.telling import CommandFailed, said, say, show


@click.command(context_settings=CONTEXT)
@click.argument("server", metavar="URL", envvar="NATS_URL")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each engine, and end.")
@click.option(
    "--for",
    "seconds",
    type=Span(),
    default="2.5s",
    show_default=True,
    metavar="TIME",
    help="With --json: listen so long.",
)
@credentials
def fleet(server: str, as_json: bool, seconds: float, credentials: Credentials) -> None:
    """Show the engines of all hosts that relays tell the NATS server at URL (nats://HOST:4222) of, those in trouble
    first. Enter opens one as if it ran here, with the past that is kept of it; Esc comes back.

    Only summaries travel, one a second of each engine, until one is opened.
    """
    try:
        address = Address.parse(server).only_server()
    except FleetError as error:
        raise click.UsageError(said(error)) from error
    try:
        require()
        if as_json:
            asyncio.run(_print(address, credentials, seconds), debug=False)
        else:
            from streamscope.launch import run_on_fleet

            sys.exit(run_on_fleet(address, credentials))
    except FleetError as error:
        raise CommandFailed(said(error), 1) from error


async def _print(address: Address, credentials: Credentials, seconds: float) -> None:
    import msgspec

    from streamscope.fleet.roster import Roster, listen
    from streamscope.trace.plain_text import printable_json

    roster = Roster()
    client = await listen(roster, address, credentials, say)
    await asyncio.sleep(seconds)
    await client.close()
    for row in roster.objects(address.url):
        show(printable_json(msgspec.json.encode(row)).decode(), 1 << 16)
    if roster.refused:
        say(tr("{n:,} messages were no summaries of engines, and are left out", n=roster.refused))
    if not roster.rows:
        say(
            tr(
                "no relay tells {url} of an engine; start one with: streamscope relay --all --to {url}",
                url=address.url,
            )
        )
