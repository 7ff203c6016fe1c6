"""`streamscope web`: the screen in a browser of this machine."""

from __future__ import annotations

import sys

from streamscope.commands.clicks import click
from streamscope.commands.parameters import CONTEXT, Whole
from streamscope.language import N_, tr
from streamscope.telling import CommandFailed, show

SHOWS = ("attach", "replay", "lesson")
"""What can be shown: commands that look, and start nothing."""


@click.command(
    context_settings={**CONTEXT, "ignore_unknown_options": True},
    epilog="It listens on 127.0.0.1 alone, and the address that it prints holds a secret: whoever has it has the "
    "screen. From elsewhere: ssh -L 8000:127.0.0.1:8000 HOST, and the same address.",
)
@click.option("--port", type=Whole(0, 65535), default=8000, show_default=True, metavar="PORT",
              help="Where it listens on 127.0.0.1; 0 takes any that is free.")  # fmt: skip
@click.option("--visitors", type=Whole(1, 100), default=1, show_default=True, metavar="N",
              help="So many may look at once; each has a screen of their own.")  # fmt: skip
@click.option("--control", is_flag=True, help="Let them control an engine that allows it.")
@click.option("--payload", is_flag=True, help="Let them see payload, where the engine gives it.")
@click.argument("words", metavar="[attach PID | replay FILE | lesson NAME]", nargs=-1, type=click.UNPROCESSED)
def web(port: int, visitors: int, control: bool, payload: bool, words: tuple[str, ...]) -> None:
    """Show the screen in a browser: of an engine that runs, of a trace, or of a lesson; without words, of the only
    engine that runs. SIGINT ends it.
    """
    words = words or ("attach",)
    if words[0] not in SHOWS:
        raise click.UsageError(
            tr("{word!r} cannot be shown in a browser: attach PID, replay FILE or lesson NAME can", word=words[0])
        )
    if words[0] != "attach" and len(words) < 2:
        unnamed = tr("replay what? Name the trace") if words[0] == "replay" else tr("lesson what? Name the lesson")
        raise click.UsageError(unnamed)
    if words[0] != "attach" and control:
        raise click.UsageError(tr("--control is for attach: a trace and a lesson are over already"))
    try:
        from streamscope.web.web_screen import WebScreen, serve
    except ImportError as error:
        missing = N_("web needs what its extra brings, and {module} is missing: pip install 'streamscope[web]'")
        raise CommandFailed(tr(missing, module=error.name), 1) from error
    kept = {"--no-control": not control, "--no-payload": not payload}
    options = [name for name, wanted in kept.items() if wanted] if words[0] == "attach" else []
    command = [sys.executable, "-P", "-m", "streamscope", words[0], *options, *words[1:]]
    try:
        screen = WebScreen(command, f"streamscope {' '.join(words)}", port, visitors)
    except OSError as error:
        raise CommandFailed(tr("--port {port} cannot be had: {why}", port=port, why=error.strerror), 1) from error
    show(screen.address)
    sys.stdout.flush()  # whoever reads it, reads it now
    serve(screen)
