"""`streamscope run PROGRAM`: start a program on the engine and watch it, or serve without a screen; and
`streamscope run -- COMMAND`: start any command, and watch what of it runs on asyncio.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from streamscope.commands.clicks import click
from streamscope.commands.parameters import (
    CONTEXT,
    Grace,
    Seconds,
    Whole,
    allowing,
    check_recording,
    forcing,
    in_manner,
    rotating,
    spooling,
)
from streamscope.language import tr
from streamscope.sampling.manner import Manner
from streamscope.servers import SERVERS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _targets(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For the shell: the servers' names, and files."""
    from click.shell_completion import CompletionItem

    names = [CompletionItem(s.name, help=s.summary) for s in SERVERS.values() if s.name.startswith(incomplete)]
    return [*names, CompletionItem(incomplete, type="file")]


def _server_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that single servers have, from their own list."""
    for server in SERVERS.values():
        for option in server.options:
            known = f", one of {', '.join(option.choices)}" if option.choices else ""
            command = click.option(
                option.name,
                f"own_{option.keyword}",
                metavar=option.metavar,
                help=f"For {server.name}: {option.help}{known}.",
                shell_complete=_choices,
            )(command)
    return command


def _choices(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """For the shell: what a server's own option may be."""
    options = (option for server in SERVERS.values() for option in server.options)
    known = next(option.choices for option in options if option.name in parameter.opts)
    return [choice for choice in known if choice.startswith(incomplete)]


COMMAND = "streamscope.command"
"""In a context's `meta`: whether what is to be run is a command, because `--` stands before it."""

OF_ENGINES_ONLY = ("host", "port", "demo", "control", "payload", "redundant_mod", "probe", "no_probe")


class Run(click.Command):
    """Knows what stands before `--`: nothing but options where a command follows, the program otherwise."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See `click.Command`."""
        if "--" in args:
            named, _, _ = self.make_parser(ctx).parse_args(args=args[: args.index("--")])
            ctx.meta[COMMAND] = not isinstance(named.get("target"), str)
        return super().parse_args(ctx, args)


@click.command(
    cls=Run,
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
@click.option(
    "--grace",
    type=Grace(),
    metavar="SECONDS|never",
    help="When the end was asked for, wait so long for a callback that does not return.  "
    "[default: 5 with a screen, 30 without]",
)
@click.option("--events", metavar="FILE", help="Write every event as a line of JSON; - is stdout (with --headless).")
@click.option(
    "--diagnose", is_flag=True, help="With --headless: say on stderr when a stream stalls, why, and when that is over."
)
@allowing
@click.option("--record", metavar="FILE", help="Record everything into the trace FILE; streamscope replay shows it.")
@forcing
@rotating
@spooling
@click.option(
    "--relay", metavar="URL", help="Tell the NATS server at URL (nats://HOST:4222) of it: see streamscope fleet."
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
@click.option(
    "--how",
    type=click.Choice(["engine", "observe", "peek"]),
    help="Insist on a way: engine for a program on the engine, observe for a command on asyncio, for which uvloop is "
    "then kept away, peek for one on libuv (Node, uvloop), whose memory is read from outside.",
)
@in_manner
@click.option(
    "--preload",
    is_flag=True,
    help="For a command that runs Node: put a small script into it that says what waits in JavaScript, where nobody "
    "can look from outside, and where each socket was made.",
)
def run(
    target: str,
    arguments: tuple[str, ...],
    headless: bool,
    demo: bool,
    allow: tuple[str, ...],
    rotate: tuple[int, float] | None,
    how: str | None,
    manner: Manner,
    preload: bool,
    **given: Any,
) -> None:
    """Start a program on the engine and watch it, or any command that runs on asyncio or libuv.

    TARGET is a built-in server, or your own program: FILE.py with a `main(loop, *args)`, or module:function. Its own
    ARGUMENTS follow; those that begin with a dash come after --.

    With -- before it, it is a command: run -- python server.py, run -- uvicorn app:app. Nothing has to be changed in
    it or installed for it; what of it runs on asyncio is watched from within, its workers too. A program on libuv, as
    in run -- node server.js, is looked at from outside.
    """
    context: click.Context | None = click.get_current_context()
    command = context is not None and bool(context.meta.get(COMMAND))
    if how == "observe" and not command:
        raise click.UsageError(
            tr("what is observed is a command, with -- before it: run --how observe -- uvicorn app:app")
        )
    if how == "peek" and not command:
        raise click.UsageError(
            tr("what is looked at from outside is a command, with -- before it: run -- node server.js")
        )
    if preload and (not command or how == "observe"):
        raise click.UsageError(tr("--preload is for a command that is looked at from outside: run --preload -- node …"))
    if how == "engine" and command:
        raise click.UsageError(tr("what runs on the engine is a TARGET, without -- before it"))
    if given["events"] == "-" and not headless:
        raise click.UsageError(
            tr("--events - needs the terminal that the screen draws on: add --headless, or name a file")
        )
    if given["diagnose"] and not headless:
        raise click.UsageError(tr("--diagnose tells on stderr what the screen shows: add --headless"))
    if given["relay"] is not None:
        given["relay"] = _server_of(given["relay"])
        if given["no_probe"]:
            raise click.UsageError(tr("a relay is an inspector, and with --no-probe none can attach"))
    check_recording(given["record"], rotate=rotate, keep=given["keep"], force=given["force"])
    given = {name: value for name, value in given.items() if value is not None}
    if command:
        _run_command(
            [target, *arguments],
            {**given, "demo": demo},
            headless=headless,
            allow=allow,
            rotate=rotate,
            how=how,
            manner=manner,
            preload=preload,
        )
    own = {name.removeprefix("own_"): given.pop(name) for name in list(given) if name.startswith("own_")}
    options: dict[str, Any] = {"target": target, "arguments": list(arguments), "options": own, **given}
    options["rotate_bytes"], options["rotate_seconds"] = rotate or (0, 0.0)
    if headless:
        from streamscope.serve import ServeOptions, serve

        sys.exit(serve(ServeOptions(**options, demo=demo, allow=list(allow))))
    from streamscope.launch import run_on_own_engine
    from streamscope.servers.load import LoadError, check_target
    from streamscope.telling import CommandFailed, said

    try:
        check_target(target)  # before anything else is found to be missing
    except LoadError as error:
        raise CommandFailed(said(error)) from error
    sys.exit(run_on_own_engine(options, demo=demo, allow=allow))


def _server_of(text: str) -> str:
    """The address of a NATS server, and nothing else. Raises UsageError; CommandFailed where the extra is missing."""
    import importlib.util

    from streamscope.fleet.nats_server import INSTALL, Address, FleetError
    from streamscope.telling import CommandFailed, said

    try:
        url = Address.parse(text).only_server().url
    except FleetError as error:
        raise click.UsageError(said(error)) from error
    if importlib.util.find_spec("nats") is None:
        raise CommandFailed(f"--relay {tr(INSTALL)}", 1)
    return url


def _run_command(
    command: list[str],
    given: dict[str, Any],
    *,
    headless: bool,
    allow: tuple[str, ...],
    rotate: tuple[int, float] | None,
    how: str | None,
    manner: Manner,
    preload: bool,
) -> NoReturn:
    """Run a command of the user's; what is for programs on the engine alone is refused."""
    if wrong := [name for name in given if (name in OF_ENGINES_ONLY and given[name]) or name.startswith("own_")]:
        option = wrong[0].removeprefix("own_").replace("_", "-")
        raise click.UsageError(tr("--{option} is for programs on the engine, and this is a command", option=option))
    if given.get("events") == "-":
        raise click.UsageError(tr("stdout is the command's own: name a file for --events"))
    from streamscope.commanded.companions import Wanted
    from streamscope.link.parts import Rotation

    wanted = Wanted(
        events=given.get("events", ""),
        record=given.get("record", ""),
        rotation=Rotation(*(rotate or (0, 0.0)), given.get("keep") or 0),
        force=given["force"],
        diagnose=given["diagnose"],
        relay=given.get("relay", ""),
        allow=allow,
    )
    if not headless:
        from streamscope.launch import run_on_command

        sys.exit(
            run_on_command(
                command,
                wanted,
                how=how,
                manner=manner,
                preload=preload,
                grace=given.get("grace"),
                duration=given.get("duration") or 0.0,
                allow=allow,
            )
        )
    from streamscope.commanded.headless_command import HeadlessCommand

    HeadlessCommand(
        command,
        wanted,
        how=how,
        manner=manner,
        preload=preload,
        duration=given.get("duration") or 0.0,
        grace=given.get("grace"),
    ).run()
