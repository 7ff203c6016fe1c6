"""click's own words in the language that is spoken: its headings, what help says of options, its errors.

click takes them from `gettext`, by names that each of its modules has; they get `tr` instead, so that one catalogue has
all that a person reads. rich_click, which draws most of the help, has some of its own. Both break lines between words,
which Chinese has none of: where it is spoken, they break them as the screen does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from streamscope.language import N_, tr

MODULES = ("core", "decorators", "exceptions", "formatting", "parser", "types")
"""Those of click that say anything."""

WORDS = (
    N_("Usage:"), N_("Options"), N_("Commands"), N_("default: {default}"), N_("env var: {var}"), N_("required"),
    N_("Show the version and exit."), N_("Show this message and exit."), N_("Aborted!"), N_("Missing command."),
    N_("Invalid value: {message}"), N_("Invalid value for {param_hint}: {message}"),
    N_("Missing argument"), N_("Missing option"), N_("Missing parameter"), N_("Missing parameter: {param_name}"),
    N_("No such option {name!r}."), N_("No such option: {name}"), N_("Did you mean {possibility}?"),
    N_("(Did you mean one of: {possibilities}?)"), N_("(Possible options: {possibilities})"),
    N_("Got unexpected extra argument ({args})"), N_("Got unexpected extra arguments ({args})"),
    N_("Option {name!r} does not take a value."), N_("Option {name!r} requires an argument."),
    N_("{value!r} is not {choice}."), N_("{value!r} is not one of {choices}."),
    N_("{value!r} is not a valid {number_type}."), N_("{value} is not in the range {range}."),
    N_("file"), N_("directory"), N_("path"), N_("{name} {filename!r} does not exist."),
    N_("{name} {filename!r} is a file."), N_("{name} {filename!r} is a directory."),
    N_("{name} {filename!r} is not readable."), N_("{name} {filename!r} is not writable."),
    N_("Could not open file {filename!r}: {message}"),
)  # fmt: skip
"""What of click's a person can meet with here; anything else stays English."""


def translate_click() -> None:
    """Have click say all of this in the language that is spoken."""
    ours = {"_": tr, "gettext": tr, "ngettext": _one_or_many}
    rich = ("rich_click.decorators",) if "rich_click" in sys.modules else ()
    for name in (*(f"click.{each}" for each in MODULES), *rich):
        module = import_module(name)
        for theirs in ours.keys() & vars(module).keys():
            setattr(module, theirs, ours[theirs])
    formatting: Any = import_module("click.formatting")
    formatting.wrap_text = _wrapped(formatting.wrap_text)
    formatting.HelpFormatter.write_heading = _write_heading
    if rich:
        _translate_rich_click()


def _write_heading(self: Any, heading: str) -> None:
    self.write(" " * self.current_indent + tr("{heading}:", heading=heading) + "\n")


def _one_or_many(one: str, many: str, n: int) -> str:
    return tr(one if n == 1 else many)


def _wrapped(plain: Any) -> Any:
    """click's `wrap_text`, but for text with Chinese in it."""

    def wrap_text(
        text: str,
        width: int = 78,
        initial_indent: str = "",
        subsequent_indent: str = "",
        preserve_paragraphs: bool = False,
    ) -> str:
        from streamscope.ui.cells import is_wide, wrapped

        if not is_wide(text):
            said: str = plain(text, width, initial_indent, subsequent_indent, preserve_paragraphs)
            return said
        found = []
        for paragraph in text.split("\n\n"):
            lines = wrapped(" ".join(paragraph.split()), width - len(subsequent_indent))
            indents = [initial_indent, *[subsequent_indent] * len(lines)]
            found.append("\n".join(f"{indent}{line}" for indent, line in zip(indents, lines)))
        return "\n\n".join(found)

    return wrap_text


def _translate_rich_click() -> None:
    import rich._wrap
    from rich_click import rich_click as settings
    from rich_click.rich_context import RichContext
    from rich_click.rich_help_formatter import RichHelpFormatter

    class Formatter(RichHelpFormatter):
        def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
            super().write_usage(prog, args, prefix or tr("Usage:"))

    RichContext.formatter_class = Formatter
    settings.OPTIONS_PANEL_TITLE = tr("Options")
    settings.COMMANDS_PANEL_TITLE = tr("Commands")
    settings.DEFAULT_STRING = f"[{tr('default: {default}').format(default='{}')}]"
    settings.ENVVAR_STRING = f"[{tr('env var: {var}').format(var='{}')}]"
    settings.REQUIRED_LONG_STRING = f"[{tr('required')}]"
    rich._wrap.words = _words


def _words(text: str) -> Iterable[tuple[int, int, str]]:
    """See `rich._wrap.words`: parts behind which a line may end, and where they begin and end."""
    from streamscope.ui.cells import pieces

    start = 0
    for piece in pieces(text):
        yield start, start + len(piece), piece
        start += len(piece)
