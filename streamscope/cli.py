"""The commands. Each loads what it needs when it runs: `--help` must not wait for textual, nor the engine's process.

What a person can get wrong ends with one line on stderr that says what to do: status 2 for a command that cannot be
carried out, 1 for one that failed.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import rich_click as click
from click.exceptions import Exit

from streamscope import __version__
from streamscope.commands.check import check
from streamscope.commands.export import export
from streamscope.commands.parameters import CONTEXT, Seconds, Whole, check_rotation, engines, rotating, some_engine
from streamscope.commands.record import record
from streamscope.commands.replay import replay
from streamscope.link.descriptors import open_standard_descriptors
from streamscope.servers import SERVERS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)

COMPLETION = (
    'Shell completion: put `eval "$(_STREAMSCOPE_COMPLETE=bash_source streamscope)"` into ~/.bashrc, the same with '
    "`zsh_source` into ~/.zshrc, or `_STREAMSCOPE_COMPLETE=fish_source streamscope | source` into "
    "~/.config/fish/config.fish."
)


@click.group(context_settings=CONTEXT, epilog=COMPLETION)
@click.version_option(__version__, prog_name="streamscope", message="%(prog)s %(version)s")
def cli() -> None:
    """Look inside live streams: libuv's stream layer in Python, and a terminal that shows every flag, queue and epoll
    registration while real connections are served.
    """


def _targets(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For the shell: the servers' names, and files."""
    from click.shell_completion import CompletionItem

    names = [CompletionItem(s.name, help=s.summary) for s in SERVERS.values() if s.name.startswith(incomplete)]
    return [*names, CompletionItem(incomplete, type="file")]


def _server_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that single servers have, from their own list."""
    for server in SERVERS.values():
        for option in server.options:
            text = f"For {server.name}: {option.help}."
            command = click.option(option.name, f"own_{option.keyword}", metavar=option.metavar, help=text)(command)
    return command


@cli.command(
    context_settings=CONTEXT,
    epilog="Servers: " + "; ".join(f"{server.name} – {server.summary}" for server in SERVERS.values()) + ".",
)
@click.argument("target", shell_complete=_targets)
@click.argument("arguments", nargs=-1, metavar="[ARGUMENTS]...")
@click.option("--host", metavar="ADDRESS", help="Where the server listens.  [default: 127.0.0.1]")
@click.option(
    "--port", type=Whole(0, 65535), metavar="PORT", help="Its port; 0 takes any that is free.  [default: 7000]"
)
@_server_options
@click.option("--headless", is_flag=True, help="Serve without a screen; SIGINT or SIGTERM ends in order.")
@click.option("--duration", type=Seconds(), metavar="SECONDS", help="End after so long.")
@click.option("--events", metavar="FILE", help="Write every event as a line of JSON; - is stdout (with --headless).")
@click.option("--record", metavar="FILE", help="Record everything into the trace FILE; streamscope replay shows it.")
@rotating
@click.option(
    "--spool",
    type=Whole(1, 65536),
    default=256,
    show_default=True,
    metavar="MIB",
    help="Memory for events that --events and --record have not written yet; beyond it they are lost, and counted.",
)
@click.option("--probe", metavar="PATH", help="Listen for inspectors on this Unix socket too.")
@click.option(
    "--no-probe", is_flag=True, help="Do not listen for them in the runtime folder, where ps and attach look."
)
@click.option("--control", is_flag=True, help="Let inspectors that attach control the engine, and open payload.")
@click.option(
    "--payload",
    type=Whole(0, 65536),
    default=0,
    metavar="N",
    help="Show inspectors the first N bytes of each read and write; otherwise none leave the engine unasked.",
)
@click.option(
    "--redundant-mod",
    is_flag=True,
    help="Make the epoll_ctl(MOD) after every finished write that libuv 1.44.2 makes although nothing has changed.",
)
@click.option("--demo", is_flag=True, help="Begin with built-in clients that talk to the server.")
def run(
    target: str,
    arguments: tuple[str, ...],
    headless: bool,
    spool: int,
    demo: bool,
    rotate: tuple[int, float] | None,
    **given: Any,
) -> None:
    """Start a program on the engine and watch it.

    TARGET is a built-in server, or your own program: FILE.py with a `main(loop, *args)`, or module:function. Its own
    ARGUMENTS follow; those that begin with a dash come after --.
    """
    if given["events"] == "-" and not headless:
        raise click.UsageError("--events - needs the terminal that the screen draws on: add --headless, or name a file")
    check_rotation(rotate, given["keep"], given["record"])
    given = {name: value for name, value in given.items() if value is not None}
    own = {name.removeprefix("own_"): given.pop(name) for name in list(given) if name.startswith("own_")}
    options: dict[str, Any] = {"target": target, "arguments": list(arguments), "options": own, **given}
    options["spool"] = spool * 1024 * 1024
    options["rotate_bytes"], options["rotate_seconds"] = rotate or (0, 0.0)
    if headless:
        from streamscope.serve import ServeOptions, serve

        sys.exit(serve(ServeOptions(**options, demo=demo)))
    from streamscope.launch import run_on_own_engine

    sys.exit(run_on_own_engine(options, demo=demo))


@cli.command(context_settings=CONTEXT)
@click.argument("which", metavar="[PID|PATH]", required=False, callback=some_engine, shell_complete=engines)
def attach(which: str | None) -> None:
    """Watch an engine that runs already: by its pid, by the path of its socket, or the only one there is.

    Leaving does not end it. If it ends or the connection breaks, the screen keeps the last state and tries again.
    """
    from streamscope.launch import LaunchError, run_on_running_engine
    from streamscope.link.discovery import ProbeError, find

    try:
        path = find(which)
    except ProbeError as error:
        raise LaunchError(str(error), 1) from error
    sys.exit(run_on_running_engine(path))


@cli.command(context_settings=CONTEXT)
def ps() -> None:
    """List the running engines: pid, program, address, streams and age."""
    from streamscope.launch import LaunchError
    from streamscope.link.discovery import ProbeError, running
    from streamscope.link.table import engines_table

    try:
        engines = running()
    except ProbeError as error:
        raise LaunchError(str(error), 1) from error
    if not engines:
        click.echo("no engine is running; start one with: streamscope run echo", err=True)
        return
    for line in engines_table(engines):
        click.echo(line)


@cli.command(context_settings=CONTEXT)
def config() -> None:
    """Print the config file, with every setting at its default and a comment beside it."""
    from streamscope.ui.config import default_config_text

    click.echo(default_config_text(), nl=False)


cli.add_command(check)
cli.add_command(export)
cli.add_command(record)
cli.add_command(replay)


def main() -> NoReturn:
    """The console script."""
    open_standard_descriptors()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # what the locale cannot write is no reason to fail
    try:
        status = cli.main(prog_name="streamscope", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except Exit as leaving:
        sys.exit(leaving.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Exception as error:
        from streamscope.launch import LaunchError

        if isinstance(error, OSError) and error.errno in CANNOT_WRITE and error.filename is None:
            _give_stdout_up()
            _fail(f"what there is to say cannot be written: {error.strerror}", 1)
        if not isinstance(error, LaunchError):
            raise
        _fail(str(error), error.status)
    sys.exit(status if isinstance(status, int) else 0)


def _give_stdout_up() -> None:
    """Nothing more is tried at the exit."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)


def _fail(text: str, status: int) -> NoReturn:
    from streamscope.trace.names import visible

    line = " ".join(text.split())
    sys.stderr.write(f"streamscope: {visible(line, 1000)}\n")
    sys.exit(status)
