"""`streamscope replay FILE`: a recorded trace on the screen, as if it were happening, and at any instant of it."""

from __future__ import annotations

import sys

from streamscope.commands.clicks import click
from streamscope.commands.parameters import CONTEXT, allowing, kept, since


@click.command(
    context_settings=CONTEXT,
    epilog="WHEN is an event's number (73504, seq 73504), a turn (turn 18402), a time of day (14:02:11.5), a time "
    "since the engine began (12.5s, 1m 30s) or before the end (-3s). On the screen, ? lists the keys that travel.",
)
@click.argument("file", metavar="FILE|URL", type=click.Path())
@click.option("--at", metavar="WHEN", default="", help="Begin there, and stand still.  [default: play from the start]")
@since
@allowing
def replay(file: str, at: str, since: float | None, allow: tuple[str, ...]) -> None:
    """Replay a recorded trace: the same screen, with a time line. URL is an engine of a fleet, one that has died too
    (nats://HOST:4222/web-07/4121): what is kept of it.

    Space plays and pauses, ← and → step from event to event, and a click on the time line goes there.
    """
    from streamscope.launch import run_on_trace

    with kept(file, since) as path:
        sys.exit(run_on_trace(path, at, allow))
