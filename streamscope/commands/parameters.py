"""What commands have in common: kinds of parameters, each with its own words for what is wrong, options that several
commands take, and what the shell is offered to complete.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from streamscope.commands.clicks import click
from streamscope.language import N_, tr
from streamscope.sampling.manner import Manner

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

TAKES_ALL = "streamscope.takes_all"
"""In a context's `meta`: whether --kernel was given."""

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

SMALLEST_PART = 64 * 1024
SHORTEST_PART_S = 1.0
"""A part of a recording that would be smaller than this, or shorter, is refused."""

_SIZES = {"B": 1, "K": 1 << 10, "KiB": 1 << 10, "M": 1 << 20, "MiB": 1 << 20, "G": 1 << 30, "GiB": 1 << 30,
          "TiB": 1 << 40, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}  # fmt: skip
_TIMES = {"s": 1, "min": 60, "h": 3600, "d": 86400}


class Whole(click.IntRange):
    """A whole number within bounds, both included."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """The number. Raises BadParameter, in one sentence for all that it may not be."""
        try:
            return super().convert(value, parameter, context)
        except click.BadParameter:
            wrong = tr(
                "{value!r} is not a whole number from {least} to {most}.", value=value, least=self.min, most=self.max
            )
            self.fail(wrong, parameter, context)


class Seconds(click.FloatRange):
    """More than none, and a number that the kernel's timer takes."""

    def __init__(self) -> None:
        super().__init__(0, 1e9, min_open=True)

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """The number. Raises BadParameter."""
        seconds = super().convert(value, parameter, context)
        return seconds if seconds == seconds else self.fail(tr("nan is no time."), parameter, context)


class Span(click.ParamType):  # type: ignore[type-arg]  # older click has no arguments here
    """A time such as `3s`, `500ms` or `2min`, in seconds; a number alone is seconds, too."""

    name = "span"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        """The seconds. Raises BadParameter."""
        found = re.fullmatch(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([a-z]*)\s*", str(value))
        units = {**_TIMES, "m": 60, "ms": 0.001}  # of sizes and times, m could be meant for either
        unit = units.get(found[2] or "s", 0) if found is not None else 0
        seconds = float(found[1]) * unit if found is not None else 0.0
        if not 0 < seconds <= 1e9:
            wrong = tr("{value!r} is no time above 0, such as 3s (ms, s, min, h, d).", value=value)
            self.fail(wrong, parameter, context)
        return seconds


class Grace(click.ParamType):  # type: ignore[type-arg]  # older click has no arguments here
    """A number of seconds, 0 among them, or `never`, which is infinite."""

    name = "grace"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        """The seconds."""
        if value == "never":
            return math.inf
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not 0 <= seconds <= 1e9:
            wrong = tr("{value!r} is no number of seconds, 0 or more, nor never.", value=value)
            self.fail(wrong, parameter, context)
        return seconds


class SizeOrTime(click.ParamType):  # type: ignore[type-arg]  # older click has no arguments here
    """`64MiB` or `10min`: (bytes, seconds), of which one is 0."""

    name = "size or time"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[int, float]:
        """The two. Raises BadParameter."""
        if isinstance(value, tuple):
            return value

        def wrong(why: str) -> NoReturn:
            self.fail(tr(why, value=value), parameter, context)

        found = re.fullmatch(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([A-Za-z]*)\s*", str(value))
        if found is None or (found[2] not in _SIZES and found[2] not in _TIMES):
            wrong(
                N_(
                    "{value!r} is neither a size such as 64MiB (B, KiB, MiB, GiB) nor a time such as 10min "
                    "(s, min, h, d)."
                )
            )
        number, unit = float(found[1]), found[2]
        if unit in _TIMES:
            seconds = number * _TIMES[unit]
            return (0, seconds) if seconds >= SHORTEST_PART_S else wrong(N_("{value!r} is too short: 1s is the least."))
        size = int(number * _SIZES[unit])
        return (size, 0.0) if size >= SMALLEST_PART else wrong(N_("{value!r} is too small: 64KiB is the least."))


def some_engine(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The pid or path as given. Raises BadParameter for one that is neither, because it is empty."""
    if value is not None and not value.strip():
        wrong = tr("an engine is named by its pid, or by the path of its socket.")
        raise click.BadParameter(wrong, context, parameter)
    return value


def engines(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For the shell: the pids of running engines, and files."""
    from click.shell_completion import CompletionItem

    from streamscope.link.discovery import search

    pids = [engine.name for engine in search().engines]
    return [CompletionItem(pid) for pid in pids if pid.startswith(incomplete)] or [CompletionItem("", type="file")]


def rotating(command: Any) -> Any:
    """The two options that say how a recording is cut into parts; `check_rotation` makes one of them."""
    command = click.option(
        "--keep",
        type=Whole(1, 1_000_000),
        metavar="N",
        help="With --rotate: keep the newest N parts, and remove older ones.  [default: all]",
    )(command)
    return click.option(
        "--rotate",
        type=SizeOrTime(),
        metavar="SIZE|TIME",
        help="Begin a new part of the recording at this size (64MiB) or age (10min): x.scope is always the newest, and "
        "the parts before it are x.1.scope, x.2.scope, …",
    )(command)


forcing = click.option("--force", is_flag=True, help="Record over a trace that is there already.")


def spooling(command: Any) -> Any:
    """The option that bounds what a writer may hold; the command gets it in bytes."""

    def in_bytes(context: click.Context, parameter: click.Parameter, mib: int) -> int:
        return mib << 20

    return click.option(
        "--spool",
        type=Whole(1, 65536),
        default=256,
        show_default=True,
        metavar="MIB",
        callback=in_bytes,
        help="Memory for events that wait to be written to a file; beyond it they are lost, and counted.",
    )(command)


def in_manner(command: Any) -> Any:
    """The options that say in which manner a process is looked at from outside; the command gets a `Manner`."""

    def manner(context: click.Context, parameter: click.Parameter, hz: int) -> Manner:
        return Manner(hz, bool(context.meta.get(TAKES_ALL)))

    def takes_all(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
        context.meta[TAKES_ALL] = wanted

    command = click.option(
        "--kernel",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=takes_all,
        help="Of a process that is looked at from outside, ask the kernel by duplicates of all of its descriptors: "
        "where sock_diag does not answer; a FIN that it sends meanwhile is some 30 µs late.",
    )(command)
    return click.option(
        "--hz",
        "manner",
        type=Whole(1, 100),
        default=20,
        show_default=True,
        metavar="TIMES",
        callback=manner,
        help="Look so many times a second at a process that is looked at from outside.",
    )(command)


def looking(command: Any) -> Any:
    """The options that say how a process is looked at: in which way (None: whichever there is), and in which manner."""
    return click.option(
        "--how",
        type=click.Choice(("engine", "observe", "gdb", "peek")),
        help="Insist on one way: engine is what listens under that pid; observe has a Python 3.14 with asyncio let us "
        "in, gdb does so to an older one and stops it for seconds; peek is reading the memory of a libuv program.  "
        "[default: whichever there is, but gdb]",
    )(in_manner(command))


def allowing(command: Any) -> Any:
    """The option that has a diagnosis say nothing of some lints; the command gets their names."""

    def known(context: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
        if names:
            from streamscope.diagnosis.lints import BY_NAME

            for name in names:
                if name not in BY_NAME:
                    there = ", ".join(BY_NAME)
                    raise click.BadParameter(tr("there is no lint {name!r}: there are {all}", name=name, all=there))
        return names

    return click.option(
        "--allow", metavar="LINT", multiple=True, callback=known, help="Say nothing of this lint; again for more."
    )(command)


def check_recording(recorded: str | None, *, rotate: tuple[int, float] | None, keep: int | None, force: bool) -> None:
    """Raises UsageError for an option that means nothing without another."""
    if keep is not None and rotate is None:
        raise click.UsageError(tr("--keep counts parts: add --rotate SIZE|TIME"))
    if rotate is not None and recorded is None:
        raise click.UsageError(tr("--rotate is about a recording: add --record FILE"))
    if force and recorded is None:
        raise click.UsageError(tr("--force is about a recording: add --record FILE"))


since = click.option(
    "--since",
    type=Span(),
    metavar="TIME",
    help="Of what is kept of an engine of a fleet: the last so long, such as 10min.  [default: all of it]",
)


@contextmanager
def kept(which: str, since: float | None) -> Iterator[str]:
    """The file of this name, or, for an engine's address in a fleet, one with what is kept of it, for as long.

    Raises UsageError and CommandFailed.
    """
    from streamscope.fleet.nats_server import is_address

    if not is_address(which):
        if since is not None:
            raise click.UsageError(tr("--since is for engines of a fleet, and this is a file"))
        yield which
        return
    from streamscope.fleet.kept import located
    from streamscope.fleet.nats_server import FleetError
    from streamscope.telling import CommandFailed, said

    try:
        with located(which, since or 0.0) as path:
            yield path
    except FleetError as error:
        raise CommandFailed(said(error), 2) from error


def credentials(command: Any) -> Any:
    """The options that say with which files a NATS server lets one in; the command gets them together, and what is not
    given is what NATS's own tools have in the environment.
    """
    import functools

    from streamscope.fleet.nats_server import Credentials

    @functools.wraps(command)
    def with_credentials(*args: Any, **options: Any) -> Any:
        files = {name: options.pop(name) or "" for name in Credentials._fields}
        return command(*args, credentials=Credentials(**files), **options)

    helps = {
        "creds": "The file with NATS credentials (.creds).",
        "nkey": "The file with an nkey's seed.",
        "ca": "With TLS: certificates that are trusted.",
        "cert": "With TLS: this side's certificate.",
        "key": "With TLS: this side's key.",
    }
    for name, text in reversed(helps.items()):
        option = click.option(f"--{name}", metavar="FILE", envvar=f"NATS_{name.upper()}", help=text)
        with_credentials = option(with_credentials)
    return with_credentials
