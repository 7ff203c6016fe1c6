"""`streamscope metrics PID|--all`: engines as metrics, for Prometheus and OpenTelemetry."""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

from streamscope.commands.clicks import click
from streamscope.commands.parameters import CONTEXT, engines, looking, some_engine
from streamscope.language import tr
from streamscope.sampling.manner import Manner
from streamscope.telling import CommandFailed, said, say


@click.command(context_settings=CONTEXT)
@click.argument("which", metavar="[PID|PATH]", required=False, callback=some_engine, shell_complete=engines)
@click.option("--all", "everyone", is_flag=True, help="Every engine of yours on this host, those that come later too.")
@click.option(
    "--prometheus",
    metavar="[HOST]:PORT",
    help="Answer Prometheus there; :9464 is 127.0.0.1:9464.  [default: :9464, unless --otlp is given]",
)
@click.option("--otlp", metavar="URL", default="", help="Send by OTLP over HTTP, such as http://127.0.0.1:4318.")
@click.option(
    "--everything",
    is_flag=True,
    help="Watch every event, at more cost to the engine: only so there are durations of callbacks, turns and writes.",
)
@click.option("--per-peer", is_flag=True, help="Tell what waits for each peer, a thousand of them at most.")
@looking
def metrics(
    which: str | None,
    everyone: bool,
    prometheus: str | None,
    otlp: str,
    everything: bool,
    per_peer: bool,
    how: str | None,
    manner: Manner,
) -> None:
    """Export metrics of an engine, or of --all on this host: streams, accepts, bytes, queues and their age, requests,
    what is paused, what was found to be wrong, events lost; and with --everything how long callbacks, turns and writes
    take. docs/metrics.md has the names, rules and a dashboard.
    """
    from streamscope.joining.ways import way_to
    from streamscope.link.discovery import ProbeError
    from streamscope.metrics.serving import Exporting, serve

    if bool(which) == everyone:
        raise click.UsageError(tr("which engines? name one by its pid, or give --all"))
    place = _host_and_port(prometheus) if prometheus is not None else None if otlp else ("127.0.0.1", 9464)
    if otlp:
        parts = urlsplit(otlp)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise click.UsageError(
                tr("--otlp {url} is no address of a collector, such as http://127.0.0.1:4318", url=otlp)
            )
        if parts.path in ("", "/"):
            otlp = otlp.rstrip("/") + "/v1/metrics"
    try:
        if everyone:
            serve(Exporting(None, place, otlp, everything, per_peer))
        else:
            with way_to(which, how, manner, say) as path:
                serve(Exporting(path, place, otlp, everything, per_peer))
    except ProbeError as error:
        raise CommandFailed(said(error), 1) from error
    sys.exit(0)


def _host_and_port(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise click.UsageError(
            tr("--prometheus {text} is no address to listen on, such as :9464 or 0.0.0.0:9464", text=text)
        )
    return host.strip("[]") or "127.0.0.1", int(port)
