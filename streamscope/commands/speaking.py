"""The language of the commands: which one a person wants, and help in it. `--lang` may stand anywhere before `--`."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Sequence
from functools import cache

from streamscope.commands.clicks import click
from streamscope.language import LANGUAGES, VARIABLE, speak, spoken, tr, wanted
from streamscope.telling import say

SETTING = "lang"


def speak_as_wanted(arguments: Sequence[str]) -> None:
    """Speak the language that the person wants; English, said once, where the terminal has no letters for it. What
    there is not is left to the option, whose choices say so.
    """
    by_itself = wanted((), os.environ, _setting)  # what a process that this one starts would speak
    language = wanted(arguments, {VARIABLE: by_itself}, str)
    if language not in LANGUAGES:
        return
    if language != "en" and not _in_english():
        from streamscope.commands.click_words import translate_click

        speak(language)
        translate_click()
    elif language != "en":
        say(f"this terminal has no UTF-8, so {LANGUAGES[language]} ({language}) cannot be shown: here is English")
    if spoken() != "en" or by_itself != "en":
        os.environ[VARIABLE] = spoken()


def _in_english() -> bool:
    """Whether the terminal has no letters but English ones."""
    from streamscope.ui.glyphs import ascii_wanted

    return ascii_wanted()


@cache
def _setting() -> str:
    """What the config file says, "" if nothing; whatever is wrong in it is told by who needs all of it."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    if sys.platform == "linux" and not os.path.exists(os.path.join(home, "streamscope", "config.toml")):
        return ""  # most have none: what finds and reads it takes as long to load as a quick command runs
    import tomllib

    from platformdirs import user_config_path

    try:
        with open(user_config_path("streamscope") / "config.toml", "rb") as file:
            setting = tomllib.load(file).get(SETTING, "")
    except (OSError, ValueError, RecursionError):
        return ""
    return setting if isinstance(setting, str) else ""


def lang_option() -> click.Option:
    """`--lang`, which every command takes. Heard already: what is said at import depends on it."""
    return click.Option(
        ["--lang"], type=click.Choice(tuple(LANGUAGES)), expose_value=False, help=tr("The language: English, 中文."),
    )  # fmt: skip


def in_the_language(command: click.Command) -> click.Command:
    """The command, with `--lang`, and its help in the language that is spoken; and those below it."""
    if any(parameter.name == "lang" for parameter in command.params):
        return command
    command.params.append(lang_option())
    command.help = tr(joined(command.help))
    command.epilog = tr(joined(command.epilog))
    command.short_help = tr(joined(command.short_help))
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            parameter.help = tr(joined(parameter.help))
    if isinstance(command, click.Group):
        for below in command.commands.values():
            in_the_language(below)
    return command


def joined(text: str | None) -> str:
    """Paragraphs, each on one line, as the catalogue has them."""
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text or "").split("\n\n"))
