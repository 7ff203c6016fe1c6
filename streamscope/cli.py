"""The command line: which commands there are, and how whatever goes wrong in one is told.

A command's module is loaded when it is asked for: nobody waits for what another one needs. What a person can get wrong
ends with one line on stderr that says what to do: status 2 for a command that cannot be carried out, 1 for one that
failed.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import select
import sys
from typing import NoReturn

from click.exceptions import Exit

from streamscope import __version__
from streamscope.commands.clicks import Group, click
from streamscope.commands.parameters import CONTEXT
from streamscope.commands.speaking import in_the_language, speak_as_wanted
from streamscope.language import N_, tr
from streamscope.link.descriptors import open_standard_descriptors, too_few_descriptors
from streamscope.telling import CommandFailed, say

COMMANDS = (
    "run",
    "attach",
    "ps",
    "top",
    "record",
    "replay",
    "export",
    "check",
    "diagnose",
    "poke",
    "observe",
    "lesson",
    "web",
    "relay",
    "fleet",
    "metrics",
    "config",
)
"""In the order of the help. Each is the function of that name in the module of that name in `commands`."""

OF_ENGINES = ("run", "attach", "ps", "record", "poke", "lesson", "web", "relay", "metrics")
"""Those that need an engine, which needs Linux. The others read what one has left, and do that elsewhere, too."""

CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)

COMPLETION = N_(
    'Shell completion: put `eval "$(_STREAMSCOPE_COMPLETE=bash_source streamscope)"` into ~/.bashrc, the same with '
    "`zsh_source` into ~/.zshrc, or `_STREAMSCOPE_COMPLETE=fish_source streamscope | source` into "
    "~/.config/fish/config.fish."
)


class CommandGroup(Group):
    """The commands, loaded by their names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, None if there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"streamscope.commands.{cmd_name}"), cmd_name)
        return in_the_language(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the words name. Raises UsageError, with the name that was probably meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib  # only here: it takes as long to load as most commands

            meant = difflib.get_close_matches(args[0], COMMANDS, 1)
            instead = (
                tr("did you mean {name}?", name=meant[0]) if meant else tr("there are {all}", all=", ".join(COMMANDS))
            )
            ctx.fail(tr("there is no command {name!r}: {instead}", name=args[0], instead=instead))
        if args and args[0] in OF_ENGINES and not hasattr(select, "epoll"):
            ctx.fail(
                tr("{name} needs Linux; replay, check, export, diagnose FILE and top FILE work here too", name=args[0])
            )
        return super().resolve_command(ctx, args)


@click.group(cls=CommandGroup, context_settings=CONTEXT, epilog=COMPLETION)
@click.version_option(__version__, prog_name="streamscope", message="%(prog)s %(version)s")
def cli() -> None:
    """Look inside live streams: libuv's stream layer in Python, and a terminal that shows every flag, queue and epoll
    registration while real connections are served.
    """


def main() -> NoReturn:
    """Run the command that was given, and end the process with its status."""
    open_standard_descriptors()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # what the locale cannot write is no reason to fail
    try:
        if too_few := too_few_descriptors():
            raise CommandFailed(too_few, 1)
        speak_as_wanted(sys.argv[1:])
        in_the_language(cli)
        status = cli.main(prog_name="streamscope", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except Exit as leaving:
        sys.exit(leaving.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except CommandFailed as error:
        _fail(str(error), error.status)
    except OSError as error:
        if error.errno not in CANNOT_WRITE or error.filename is not None:
            raise
        _give_stdout_up()
        _fail(tr("what there is to say cannot be written: {why}", why=error.strerror), 1)
    sys.exit(status if isinstance(status, int) else 0)


def _give_stdout_up() -> None:
    """Nothing more is tried at the exit."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)


def _fail(text: str, status: int) -> NoReturn:
    say(" ".join(text.split()))
    sys.exit(status)
