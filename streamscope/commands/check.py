"""`streamscope check FILE --assert EXPR`: hold a recorded trace against assertions, for CI."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from streamscope.commands.clicks import click
from streamscope.commands.parameters import CONTEXT, kept, since
from streamscope.language import tr
from streamscope.telling import CommandFailed, said, say, show, tell

if TYPE_CHECKING:
    from streamscope.trace.check import Assertion
    from streamscope.trace.filter import States
    from streamscope.trace.vocabulary import Vocabulary

LARGEST = 1 << 20
"""Bytes of an assertion file at most."""

_TEXT_OR_COMMENT = re.compile(r"""\"(?:\\.|[^\"\\])*\"?|'(?:\\.|[^'\\])*'?|((?:^|\s)\s*\#(?:\s.*)?$)""")
"""A # between spaces begins a comment; #7 is a stream, and within quotes it is text."""


@click.command(
    context_settings=CONTEXT,
    epilog="Such as: max(wq) < 1MiB; max(queue_age) < 1s; count(error) == 0; never(armed(POLLOUT) and wq == 0 for "
    "100ms); always(flag(CLOSING) -> eventually flag(CLOSED)). All of it is in docs/check.md.",
)
@click.argument("file", metavar="FILE|URL", type=click.Path())
@click.option("--assert", "texts", metavar="EXPR", multiple=True, help="What has to hold; again for more.")
@click.option(
    "--assert-file",
    "files",
    type=click.Path(),
    metavar="PATH",
    multiple=True,
    help="Assertions from a file, one a line; what stands after a # is a comment.",
)
@click.option("--allow-vacuous", is_flag=True, help="An assertion whose `where` was never so holds, too.")
@click.option("--strict", is_flag=True, help="An assertion that had nothing to show does not hold.")
@click.option("-q", "--quiet", is_flag=True, help="Tell only of what does not hold.")
@since
def check(
    file: str,
    texts: tuple[str, ...],
    files: tuple[str, ...],
    allow_vacuous: bool,
    strict: bool,
    quiet: bool,
    since: float | None,
) -> None:
    """Hold the recorded trace FILE against assertions; or what is kept of an engine of a fleet, by its address
    (nats://HOST:4222/web-07/4121).

    The status is 0 if all hold, 1 if one does not, cannot be shown because events or the end of the trace are missing,
    or had nothing to look at, and 2 if nothing could be checked. Each failure is told with its stream, its instant, its
    event, and the command that opens the trace there.
    """
    from streamscope.diagnosis.lint_words import Judge, LintWords
    from streamscope.trace import check as checking
    from streamscope.trace.store.format import TraceError
    from streamscope.trace.store.reader import TraceFile
    from streamscope.trace.untrusted import FeedError

    written = [(text, "--assert") for text in texts]
    for path in files:
        written += _of_file(path)
    if files and not written:
        raise click.UsageError(tr("there is no assertion in {files}", files=tr(" nor in ").join(files)))
    if not written:
        raise click.UsageError(tr("what has to hold? add --assert 'max(wq) < 1MiB', or --assert-file PATH"))
    try:
        with kept(file, since) as path, TraceFile.open(path) as trace:
            past = trace.past
            words = LintWords(past.decoder.vocabulary)
            assertions = [_parsed(text, where, past.decoder.vocabulary, words) for text, where in written]
            judge = Judge(past)
            stated = judge.events(words) if any(each.asks_states for each in assertions) else ()
            ends = trace.bye is not None
            report = checking.check(
                past, assertions, stated=stated, ends=ends, allow_vacuous=allow_vacuous, strict=strict
            )
            for line in checking.lines(report, file, quiet=quiet, beside=judge.beside):
                show(line)
            missing = trace.missing
    except (TraceError, FeedError) as error:
        raise CommandFailed(said(error), 2) from error
    if missing:
        say(tr(missing))
    sys.exit(0 if report.ok else 1)


def _of_file(path: str) -> list[tuple[str, str]]:
    """The assertions of a file, and where each stands. Raises UsageError."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST + 1)
        text = content.decode("utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or tr("it is not UTF-8 text")
        raise click.UsageError(tr("{path} cannot be read: {why}", path=path, why=why)) from error
    if len(content) > LARGEST:
        raise click.UsageError(tr("{path} is larger than {most:,} bytes", path=path, most=LARGEST))
    lines = [(number, _without_comment(line)) for number, line in enumerate(text.splitlines(), 1)]
    return [(line, f"{path}:{number}") for number, line in lines if line]


def _without_comment(line: str) -> str:
    if line.lstrip().startswith("#"):
        return ""
    comment = next((found for found in _TEXT_OR_COMMENT.finditer(line) if found[1] is not None), None)
    return (line if comment is None else line[: comment.start()]).strip()


def _parsed(text: str, where: str, vocabulary: Vocabulary, states: States) -> Assertion:
    """The assertion, in the words of the trace. Raises UsageError, after the text and a mark, for what is none."""
    from streamscope.trace.check import Assertion
    from streamscope.trace.filter import FilterError, marked

    try:
        return Assertion.parse(text, vocabulary, states=states)
    except FilterError as error:
        for line in marked(error, text).split("\n"):
            tell(f"  {line}".rstrip())
        told = tr("{where}, character {at}: {why}", where=where, at=error.start + 1, why=tr(error.message))
        raise click.UsageError(told) from error
