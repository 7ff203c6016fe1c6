"""Every English sentence that a person may read: those given to `tr`, found in the code, and those of the tables that
are given to it where they are shown.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from streamscope.commands.clicks import click
from streamscope.ui.screens.help import paragraphs

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "streamscope"


class Message(NamedTuple):
    """What may be said: `many` is its plural, "" for none; `room` is the part of the house that says it."""

    text: str
    many: str
    room: str


LITERAL = {
    "tr": (0,), "N_": (0,), "saying": (0,), "evidence": (0,), "Evidence": (0,),
    "step": (0, 1, "chapter"), "Lesson": (1, 2), "RealLesson": (1, 2),
}  # fmt: skip
"""Which arguments of a call are messages, by the function's name."""
CALLED = re.compile(rf"\b(?:trn|sayings|{'|'.join(LITERAL)})\(")
"""Only a text that has one of these is worth a parser's time."""

HELP = re.compile(r"^ +HELP = ", re.MULTILINE)
"""A widget's own help, whose paragraphs are messages."""


def messages() -> list[Message]:
    """All of them, each once, in the order of the rooms."""
    found: dict[str, Message] = {}
    for message in (*in_code(), *in_pages(), *in_tables()):
        if message.many or (message.text.strip() and message.text not in found):
            found[message.text] = message
    return list(found.values())


def room_of(path: Path) -> str:
    """The room of a file: the folder below the package, or `house` for what stands in none."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else "house"


def in_code() -> Iterator[Message]:
    """What calls of `tr`, `trn`, `saying`, `sayings`, `N_` and of a lesson's `step` say, and the helps of widgets."""
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text("utf-8")
        if CALLED.search(text):
            for call in ast.walk(ast.parse(text)):
                if isinstance(call, ast.Call):
                    yield from _said_by(call, room_of(path))
        if HELP.search(text):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "HELP":
                    yield from (Message(each, "", room_of(path)) for each in paragraphs(_text(node.value)))


def in_pages() -> Iterator[Message]:
    """What the templates of pages in a browser say."""
    for path in sorted(PACKAGE.rglob("*.html")):
        for text in re.findall(r'\btr\("([^"]*)"\)', path.read_text("utf-8")):
            yield Message(text, "", room_of(path))


def _said_by(call: ast.Call, room: str) -> Iterator[Message]:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if name in ("trn", "sayings") and len(call.args) > 1:
        one, many = map(_text, call.args[:2])
        yield Message(one, many, room)
    for which in LITERAL.get(name, ()):
        if isinstance(which, int):
            given = call.args[which] if which < len(call.args) else None
        else:
            given = next((each.value for each in call.keywords if each.arg == which), None)
        if given is not None and (text := _text(given)):
            yield Message(text, "", room)


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def in_tables() -> Iterator[Message]:
    """What stands in tables without a mark of its own: vocabularies, actions, columns, lints, the commands' help."""
    for room, texts in (
        ("core", _words_of("streamscope.core.vocabulary")),
        ("observe", _words_of("streamscope.observe.aio_words")),
        ("sampling", _of_libuv()),
        ("core", _of_pokes()),
        ("trace", (words for _, words in importlib.import_module("streamscope.trace.filter.guide").EXAMPLES)),
        ("ui", _of_actions()),
        ("ui", _of_columns()),
        ("ui", _of_glossary()),
        ("diagnosis", _of_lints()),
        ("commands", _of_commands()),
    ):
        for text in texts:
            yield Message(text, "", room)


SAID = ("plain", "meaning", "practice", "went_on", "went_off")
"""What of the words of an engine is a sentence, and no name."""


def _words_of(module: str) -> Iterator[str]:
    yield from _sentences(importlib.import_module(module).words())


def _of_libuv() -> Iterator[str]:
    from streamscope.sampling.libuv_words import libuv_words

    yield from _sentences(libuv_words("", None, node=True, preloaded=True))


def _sentences(words: object) -> Iterator[str]:
    if isinstance(words, dict):
        for name, value in words.items():
            if (
                name == "functions"
                and isinstance(value, dict)
                and all(isinstance(each, str) for each in value.values())
            ):
                yield from value.values()
            elif name in SAID and isinstance(value, str):
                yield value
            else:
                yield from _sentences(value)
    elif isinstance(words, list):
        for value in words:
            yield from _sentences(value)


def _of_pokes() -> Iterator[str]:
    from streamscope.core.pokes import POKES

    yield from (poke.meaning for poke in POKES.values())


def _of_actions() -> Iterator[str]:
    from streamscope.ui.actions import ACTIONS, CONTEXTS

    yield from CONTEXTS.values()
    for action in ACTIONS:
        yield from (action.label, action.help, action.palette)


def _of_columns() -> Iterator[str]:
    from streamscope.ui.columns import COLUMNS

    for column in COLUMNS:
        yield from (text for text in (column.title, column.sort_title, column.help) if len(text) > 1)


def _of_glossary() -> Iterator[str]:
    """A word is a message, too, since it is looked for as it is drawn; a sign is none."""
    from streamscope.ui.glossary import LANES, PANEL, TOTALS, WORDS

    yield from WORDS.values()
    for glossary in (PANEL, LANES, TOTALS):
        for word, meaning in glossary.items():
            yield from (word, meaning) if len(word) > 1 else (meaning,)


def _of_lints() -> Iterator[str]:
    from streamscope.diagnosis import BY_NAME

    for lint in BY_NAME.values():
        yield from (lint.checks, lint.matters, lint.to_do)


def _of_commands() -> Iterator[str]:
    from streamscope.cli import COMMANDS, cli
    from streamscope.commands.speaking import joined

    todo: list[click.Command] = [cli, *(cli.get_command(click.Context(cli), name) for name in COMMANDS)]
    for command in todo:
        yield from map(joined, (command.help, command.epilog, command.short_help))
        yield from (joined(each.help) for each in command.params if isinstance(each, click.Option))
        if isinstance(command, click.Group) and command is not cli:
            todo += command.commands.values()
