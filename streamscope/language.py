"""The language in which a person is spoken to: English as it stands in the code, or another by its catalogue.

What a person reads goes through `tr`, whose argument is the English sentence; `locale/zh/streamscope.mo`
has it in Chinese. Names stay as they are in every language: libuv's, asyncio's, the kernel's, those of commands,
options and filters. What programs read (JSON, traces, feeds, events) is told without `tr`. A sentence that both may
read, such as that of a finding, is a `Saying`: English for whoever takes it as it is, and said by `tr` where it is
shown.

`python -m translation` finds every sentence and keeps the catalogue; a test wants each to be in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gettext import GNUTranslations

LANGUAGES = {"en": "English", "zh": "中文"}
"""Those that there are, each with its own name for itself."""

VARIABLE = "STREAMSCOPE_LANG"
LOCALE = os.path.join(os.path.dirname(__file__), "locale")

_catalogue: GNUTranslations | None = None
_spoken = "en"


def speak(language: str) -> None:
    """Speak this language, one of `LANGUAGES`, from now on: what is made at import must be made after this."""
    global _catalogue, _spoken
    catalogue = None
    if language != "en":
        from gettext import GNUTranslations  # only here: English needs none of it

        with open(os.path.join(LOCALE, language, "streamscope.mo"), "rb") as compiled:
            catalogue = GNUTranslations(compiled)
    _catalogue, _spoken = catalogue, language


def spoken() -> str:
    """The language that is spoken now."""
    return _spoken


def tr(message: str, /, **values: object) -> str:
    """The message in the language that is spoken, English where the catalogue has none; with `values`, each stands
    where its name is in braces. Without them braces are left as they are. A `Saying` is said, as a message or a value.
    """
    if _catalogue is not None and message:
        if isinstance(message, Saying):
            return message.say()
        values = _said(values)
        message = _catalogue.gettext(message)
    return message.format_map(values) if values else message


def N_(message: str, /) -> str:
    """The message as it is: the mark of one that stands in a table, and is given to `tr` where it is shown."""
    return message


def trn(one: str, many: str, n: int, /, **values: object) -> str:
    """The message for this number: `one` for 1, `many` for any other; `{n}` is the number, as it reads in English."""
    message = _catalogue.ngettext(one, many, n) if _catalogue is not None else one if n == 1 else many
    return message.format_map({"n": f"{n:,}", **_said(values)})


def _said(values: Mapping[str, object]) -> dict[str, object]:
    return {name: tr(value) if isinstance(value, Saying) else value for name, value in values.items()}


class Saying(str):
    """A sentence in English that can be said in the language that is spoken when it is shown: `tr` does. What is cut
    or put together of it as a text is English.
    """

    __slots__ = ("say",)

    say: Callable[[], str]

    def __new__(cls, english: str, say: Callable[[], str]) -> Saying:
        """`say` says it in another language than English."""
        made = super().__new__(cls, english)
        made.say = say
        return made


def saying(message: str, /, **values: object) -> Saying:
    """As `tr`, to be said later."""
    return Saying(message.format_map(values) if values else message, lambda: tr(message, **values))


def sayings(one: str, many: str, n: int, /, **values: object) -> Saying:
    """As `trn`, to be said later."""
    english = (one if n == 1 else many).format_map({"n": f"{n:,}", **values})
    return Saying(english, lambda: trn(one, many, n, **values))


def capital(text: str) -> str:
    """The first letter of a sentence is a capital, in English."""
    english = text[:1].upper() + text[1:]
    return Saying(english, text.say) if isinstance(text, Saying) else english


def sentences(parts: Iterable[str]) -> str:
    """Sentences one after the other; empty ones are left out, as below."""
    return _joined(parts, lambda first, second: saying("{first} {second}", first=first, second=second))


def clauses(parts: Iterable[str]) -> str:
    """Parts of a sentence that could be sentences."""
    return _joined(parts, lambda first, second: saying("{first}; {second}", first=first, second=second))


def items(parts: Iterable[str]) -> str:
    """What is counted up."""
    return _joined(parts, lambda first, second: saying("{first}, {second}", first=first, second=second))


def _joined(parts: Iterable[str], two: Callable[[str, str], str]) -> str:
    there = [part for part in parts if part]
    return reduce(two, there) if there else ""


_ENDS = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")


def apart(text: str) -> list[str]:
    """A text's sentences; after a stop that is as wide as a letter, as in Chinese, no space has to follow."""
    return [part.strip() for part in _ENDS.split(text) if part.strip()]


def wanted(arguments: Sequence[str], environment: Mapping[str, str], setting: Callable[[], str]) -> str:
    """The language that a person wants: by `--lang` on the command line, the environment variable, the config file's
    `setting` ("" for none), or the locale; in this order. It may be one that there is not.
    """
    return _option(arguments) or environment.get(VARIABLE, "") or setting() or of_locale(environment)


def of_locale(environment: Mapping[str, str]) -> str:
    """The language of the locale, English if it is none of ours."""
    named = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    if named in ("", "C", "POSIX") or named.startswith("C."):
        return "en"  # as gettext has it, LANGUAGE counts for nothing there
    for each in (*environment.get("LANGUAGE", "").split(":"), named):
        language = each.partition(".")[0].partition("_")[0].lower()
        if language in LANGUAGES:
            return language
    return "en"


def _option(arguments: Sequence[str]) -> str:
    """What `--lang` says, wherever it stands before `--`, the last one counts; "" without one."""
    said = ""
    for i, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument.startswith("--lang="):
            said = argument.removeprefix("--lang=")
        elif argument == "--lang" and i + 1 < len(arguments):
            said = arguments[i + 1]
    return said


def speak_as_told() -> None:
    """In a process that a command of ours has started: speak as that does, which `VARIABLE` says."""
    language = os.environ.get(VARIABLE, "")
    if language in LANGUAGES:
        speak(language)
