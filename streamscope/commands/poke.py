"""`streamscope poke PID STREAM ACTION [VALUE]`: have something happen to a stream, without a screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streamscope.commands.clicks import click
from streamscope.commands.parameters import CONTEXT, Span, engines
from streamscope.language import N_, tr
from streamscope.telling import CommandFailed, said, show

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


ONLY_OURS = N_("only programs on streamscope's own engine can be poked")


def _actions(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from streamscope.core.pokes import POKES

    return [
        CompletionItem(name, help=tr(action.meaning)) for name, action in POKES.items() if name.startswith(incomplete)
    ]


def _all_actions(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from streamscope.core.pokes import POKES

    for name, action in POKES.items():
        takes = {"bytes": " SIZE", "ms": " TIME"}.get(action.takes, "")
        show(f"{name + takes:<18} {tr(action.meaning)}")
    context.exit()


@click.command(context_settings=CONTEXT)
@click.argument("which", metavar="PID", shell_complete=engines)
@click.argument("stream", metavar="STREAM")
@click.argument("action", metavar="ACTION", shell_complete=_actions)
@click.argument("value", metavar="[VALUE]", required=False)
@click.option("--for", "seconds", type=Span(), metavar="TIME", help="Undo it after so long.  [default: it stays]")
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=_all_actions, help="List the actions, and end."
)
def poke(which: str, stream: str, action: str, value: str | None, seconds: float | None) -> None:
    """Have something happen to STREAM of the engine PID, to see what the program makes of it: `poke 4711 5 read-stop`,
    `poke 4711 5 cap-writes 4KiB --for 10s`, `poke 4711 5 clear`.

    The engine must have been started with --control. Everything is told as injected, and stays until `clear`.
    """
    from streamscope.core.pokes import POKES
    from streamscope.link.asking_once import ask_once
    from streamscope.link.discovery import ProbeError, find
    from streamscope.link.obey import NO_SUCH_COMMAND
    from streamscope.link.poking import PokeError, read_poke

    number = stream.removeprefix("#")
    if not (number.isascii() and number.isdecimal() and len(number) < 16):
        raise click.UsageError(tr("{text!r} is no number of a stream, such as 5 or #5", text=stream))
    try:
        action, amount = read_poke(f"{action} {value or ''}")
    except PokeError as error:
        raise click.UsageError(said(error)) from error
    stays = POKES[action].stays
    if seconds is not None and not stays:
        raise click.UsageError(tr("--for is about what stays, and {action} is done at once", action=action))
    ms = 0 if seconds is None else max(1, round(seconds * 1000))
    try:
        hello, refusal = ask_once(
            find(which), "poke", stream=int(number), action=action, value=amount, stays=seconds is None, ms=ms
        )
    except ProbeError as error:
        if which.isdecimal() and Path("/proc", which).exists():
            no_engine = tr("{pid} is no engine, and {why}; {error}", pid=which, why=tr(ONLY_OURS), error=said(error))
            raise CommandFailed(no_engine, 2) from error
        raise CommandFailed(said(error), 2) from error
    if refusal == NO_SUCH_COMMAND:
        engine = hello.vocabulary.engine if hello.vocabulary is not None else tr("another engine")
        refusal = tr(
            "{pid} runs on {engine}: {why} (`streamscope run echo`)", pid=which, engine=engine, why=tr(ONLY_OURS)
        )
    if refusal:
        raise CommandFailed(tr(refusal), 1)
    told = f"#{number}: {action}{f' {value}' if value else ''}"
    if stays and seconds is not None:
        told = tr("{told} for {seconds:g} s", told=told, seconds=seconds)
    elif stays:
        told = tr("{told}; undone by: streamscope poke {pid} {stream} clear", told=told, pid=which, stream=number)
    show(told)
