"""`streamscope export FILE`: a recorded trace in a shape that other programs read."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from streamscope.commands.clicks import click
from streamscope.commands.parameters import CONTEXT, Whole, kept, since
from streamscope.language import tr
from streamscope.telling import CommandFailed, nobody_reads, said, say, tell

if TYPE_CHECKING:
    from streamscope.trace.export.options import ExportOptions
    from streamscope.trace.store.reader import TraceFile

FORMATS = ("jsonl", "csv", "perfetto", "svg")
SUFFIXES = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".svg": "svg", ".pftrace": "perfetto",
    ".perfetto-trace": "perfetto",
}  # fmt: skip
WHEN = "TIME|turn N|seq N"


@click.command(
    context_settings=CONTEXT,
    epilog="Times are 14:02:11.5, 12.5s (after the engine began), -3s (before the end), turn 18402 or seq 73504. "
    "What --filter takes is in docs/filter.md, and what each format holds in docs/export.md.",
)
@click.argument("file", metavar="FILE|URL", type=click.Path())
@click.option("--to", "kind", type=click.Choice(FORMATS), help="The format.  [default: by the name of --output]")
@click.option("-o", "--output", metavar="OUT", type=click.Path(), help="Where to; - is stdout.  [default: -]")
@click.option(
    "--filter",
    "expression",
    metavar="EXPR",
    default="",
    help="Only events that it wants; in perfetto and svg, the streams of which it wants an event.",
)
@click.option("--from", "begin", metavar=WHEN, default="", help="Begin there.  [default: the beginning]")
@click.option("--to-time", "end", metavar=WHEN, default="", help="End before that.  [default: the end]")
@click.option(
    "--stream",
    "streams",
    type=Whole(1, 999_999_999_999),
    metavar="N",
    multiple=True,
    help="Only this stream; again for more.",
)
@click.option(
    "--theme",
    type=click.Choice(("auto", "light", "dark")),
    default="auto",
    show_default=True,
    help="For svg: auto is light, and dark where whoever looks at it prefers that.",
)
@click.option("--title", metavar="TEXT", default="", help="For svg: its heading.  [default: what was recorded]")
@since
def export(
    file: str, kind: str | None, output: str | None, expression: str, begin: str, end: str, streams: tuple[int, ...],
    theme: str, title: str, since: float | None,
) -> None:  # fmt: skip
    """Write a recorded trace as lines of JSON, as CSV, for Perfetto's viewer, or as a picture of the time line.

    A picture shows the streams named with --stream, or else the one whose queue grew longest.

    The status is 0 if everything was written, 1 if not all of the trace can be read or the output cannot be written,
    and 2 if what is asked for cannot be meant.
    """
    from streamscope.trace.export.options import ExportError, ExportOptions
    from streamscope.trace.store.format import TraceError
    from streamscope.trace.store.reader import TraceFile
    from streamscope.trace.untrusted import FeedError

    kind = kind or _format_of(output)
    output = None if output == "-" else output
    if kind == "perfetto" and output is None and sys.stdout.isatty():
        raise click.UsageError(tr("this is not for reading on a terminal: add -o OUT.pftrace"))
    options = ExportOptions(expression, begin, end, tuple(dict.fromkeys(streams)))
    try:
        with kept(file, since) as path, TraceFile.open(path) as trace:
            try:
                size = _write(output, _pieces(trace, options, kind, theme, title), not_over=file)
            finally:
                missing, complete = trace.missing, trace.complete
    except ExportError as error:
        if missing:  # which may be why
            say(tr(missing))
        raise click.UsageError(said(error)) from error
    except (TraceError, FeedError) as error:
        raise CommandFailed(said(error), 1) from error
    except BrokenPipeError:
        nobody_reads()
    except OSError as error:
        unwritten = tr("{path} cannot be written: {why}", path=output or "stdout", why=error.strerror)
        raise CommandFailed(unwritten, 1) from error
    _tell(output, kind, size, missing)
    sys.exit(0 if complete else 1)


def _format_of(output: str | None) -> str:
    """The format that the file's name says. Raises UsageError if it says none."""
    suffix = Path(output).suffix.lower() if output is not None else ""
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    raise click.UsageError(tr("which format? add --to {all}", all="|".join(FORMATS)))


def _pieces(trace: TraceFile, options: ExportOptions, kind: str, theme: str, title: str) -> Iterable[bytes]:
    """What is to be written, piece by piece. Raises ExportError before the first."""
    from streamscope.trace.export import options as asked

    if kind == "svg":
        from streamscope.trace.export.svg import picture

        return [picture(trace, options, theme=theme, title=title).encode()]
    ways = {"jsonl": asked.lines_of_json, "csv": asked.rows_of_csv, "perfetto": asked.perfetto_packets}
    return ways[kind](trace, options)


def _write(output: str | None, pieces: Iterable[bytes], *, not_over: str) -> int:
    """Write the pieces, and say how many bytes they were. Raises OSError, and UsageError for the trace itself."""
    if output is not None and os.path.exists(output) and os.path.samefile(output, not_over):
        raise click.UsageError(tr("this would write over the trace itself: name another file with -o"))
    size = 0
    with _opened(output) as out:
        for piece in pieces:
            out.write(piece)
            size += len(piece)
    return size


@contextmanager
def _opened(output: str | None) -> Iterator[BinaryIO]:
    """Where to write to. A file appears whole or not at all, whatever happens; a pipe is written to directly."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if os.path.exists(output) and not stat.S_ISREG(os.stat(output).st_mode):
        with open(output, "wb") as out:
            yield out
        return
    path = Path(os.path.realpath(output))  # a link stays one
    part = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
    try:
        with open(part, "xb") as out:
            yield out
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _tell(output: str | None, kind: str, size: int, missing: str) -> None:
    """What became of it, on stderr."""
    from streamscope.trace.export.scales import size as in_bytes
    from streamscope.trace.plain_text import visible

    if missing:
        say(tr(missing))
    if output is not None:
        written = f"{visible(output, 1000)}: {in_bytes(size)}"
        if kind == "perfetto":
            written = tr("{file}: open it at https://ui.perfetto.dev", file=written)
        tell(written, 1200)
