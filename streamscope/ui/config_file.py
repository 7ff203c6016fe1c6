"""A person's own settings: one TOML file, read once when the screen starts.

`config_text` has the file with every setting at its default, made from the tables that the screen itself uses
(`actions.ACTIONS`, `columns.COLUMNS`), so it names what is there and nothing else. What is wrong in a file is a
`ConfigError`: one line that says where, what, and what would be right.

Nothing of textual is loaded here unless a theme or a key has to be checked.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from platformdirs import user_config_path

from streamscope.diagnosis import BY_NAME as LINT_BY_NAME
from streamscope.language import LANGUAGES, N_, tr
from streamscope.ui.actions import ACTIONS, BY_ID
from streamscope.ui.columns import BY_ID as COLUMN_BY_ID
from streamscope.ui.columns import DEFAULT
from streamscope.ui.safe import visible

MIB = 1024 * 1024
DEFAULT_THEME = "streamscope"


class ConfigError(Exception):
    """The config file cannot be used; the text is one line: where, what is wrong, what is allowed."""


class Config(msgspec.Struct, frozen=True):
    """What a person can choose. `keys` has only what differs from the actions' own keys, by the action's id."""

    lang: str = ""
    theme: str = DEFAULT_THEME
    columns: tuple[str, ...] = DEFAULT
    allow: tuple[str, ...] = ()
    keys: Mapping[str, str] = msgspec.field(default_factory=dict)
    frames_per_second: int = 20
    closed_seconds: int = 10
    past_mib: int = 64
    ascii: bool = False
    braille: bool = True
    every_event: bool = False

    @property
    def past_bytes(self) -> int:
        """How much memory the past may take."""
        return self.past_mib * MIB


class _Number(msgspec.Struct, frozen=True):
    """A setting that is a whole number in a range."""

    name: str
    least: int
    most: int
    help: str


_FLAGS = ("ascii", "braille", "every_event")
NUMBERS = (
    _Number("frames_per_second", 1, 60, N_("How often in a second the screen is painted at most.")),
    _Number("closed_seconds", 0, 3600, N_("For how many seconds a closed stream stays on the screen, dimmed.")),
    _Number("past_mib", 1, 4096, N_("Memory for past events, in MiB; the oldest go first.")),
)


def config_path() -> Path:
    """Where the config file is looked for: config.toml in the user's config folder."""
    return user_config_path("streamscope") / "config.toml"


def load_config(path: Path | None = None) -> Config:
    """The settings of the file at `path`; without one, of `config_path()`, or the defaults if there is no such file.

    Raises ConfigError for a file that cannot be read or says something that cannot be.
    """
    asked = path is not None
    path = path or config_path()
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        if asked:
            raise ConfigError(tr("{path}: there is no such file", path=visible(str(path)))) from None
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else tr("it is not UTF-8 text")
        raise ConfigError(
            tr("{path}: the config file cannot be read: {why}", path=visible(str(path)), why=reason)
        ) from None
    return parse_config(text, str(path))


def parse_config(text: str, source: str = "config.toml") -> Config:
    """The settings that the text of a config file makes; `source` is what its errors call it. Raises ConfigError."""
    where = _Where(source, text)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        what = re.sub(r" \(at [^()]*\)$", "", str(error))
        begin = where.line(int(line[1]) if line else 0)
        raise ConfigError(begin + tr("this is not TOML: {what}", what=visible(what))) from None
    except RecursionError:
        raise ConfigError(where.line(0) + tr("this is not a config file: it is nested too deeply")) from None
    chosen: dict[str, Any] = {}
    numbers = {number.name: number for number in NUMBERS}
    known = ["theme", "columns", "allow", *numbers, *_FLAGS, "lang", "keys"]
    for name, value in data.items():
        if name in numbers:
            chosen[name] = _number(where, numbers[name], value)
        elif name == "lang":
            chosen[name] = _lang(where, value)
        elif name == "theme":
            chosen[name] = _theme(where, value)
        elif name in _FLAGS:
            chosen[name] = _flag(where, name, value)
        elif name == "columns":
            chosen[name] = _columns(where, value)
        elif name == "allow":
            chosen[name] = _allow(where, value)
        elif name == "keys":
            chosen[name] = _keys(where, value)
        else:
            raise ConfigError(
                where.key(name)
                + tr("there is no setting {name}{instead}", name=_shown(name), instead=_instead(name, known))
            )
    return Config(**chosen)


class _Where:
    """Says where in the file something stands: `PATH:LINE: `."""

    def __init__(self, source: str, text: str) -> None:
        self._source = visible(source)
        self._lines = text.splitlines()

    def line(self, number: int) -> str:
        """The beginning of an error about this line; 0 for the file as a whole."""
        return f"{self._source}:{number}: " if number else f"{self._source}: "

    def key(self, name: str, table: str = "") -> str:
        """The beginning of an error about this key, found as it is commonly written."""
        inside = ""
        pattern = re.compile(rf"""\s*(?:\[\s*)?["']?{re.escape(name)}["']?\s*[].=]""")
        for number, line in enumerate(self._lines, 1):
            if inside == table and pattern.match(line):
                return self.line(number)
            if header := re.match(r"\s*\[\s*([^\[\]]*?)\s*\]", line):
                inside = header[1]
        return self.line(0)


def _number(where: _Where, setting: _Number, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and setting.least <= value <= setting.most:
        return value
    raise ConfigError(
        where.key(setting.name)
        + tr(
            "{name} must be a whole number from {least} to {most}, not {value}",
            name=setting.name, least=setting.least, most=setting.most, value=_shown(value),
        )
    )  # fmt: skip


def _lang(where: _Where, value: object) -> str:
    if isinstance(value, str) and (value in LANGUAGES or not value):
        return value
    raise ConfigError(
        where.key("lang") + tr("there is no language {name}; there are {all}", name=_shown(value), all=languages())
    )


def languages() -> str:
    """All that there are, for a person to read."""
    return ", ".join(f"{name} ({itself})" for name, itself in LANGUAGES.items())


def _theme(where: _Where, value: object) -> str:
    names = theme_names()
    if isinstance(value, str) and value in names:
        return value
    raise ConfigError(
        where.key("theme") + tr("there is no theme {name}; there are {all}", name=_shown(value), all=", ".join(names))
    )


def _flag(where: _Where, name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ConfigError(where.key(name) + tr("{name} must be true or false, not {value}", name=name, value=_shown(value)))


def _columns(where: _Where, value: object) -> tuple[str, ...]:
    begin = where.key("columns")
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise ConfigError(begin + tr('columns must be a list of names, like ["number", "peer", "queue"]'))
    for name in value:
        if name not in COLUMN_BY_ID:
            all_ = ", ".join(COLUMN_BY_ID)
            raise ConfigError(begin + tr("there is no column {name}; there are {all}", name=_shown(name), all=all_))
        if value.count(name) > 1:
            raise ConfigError(begin + tr("columns names {name} twice", name=_shown(name)))
    return tuple(value)


def _allow(where: _Where, value: object) -> tuple[str, ...]:
    begin = where.key("allow")
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ConfigError(begin + tr('allow must be a list of names, like ["stalled"]'))
    for name in value:
        if name not in LINT_BY_NAME:
            instead = _instead(name, LINT_BY_NAME)
            raise ConfigError(
                begin + tr("nothing called {name} is looked for{instead}", name=_shown(name), instead=instead)
            )
    return tuple(value)


def _keys(where: _Where, value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ConfigError(
            where.key("keys") + tr('keys must be a table: [keys], and below it lines like pause = "space"')
        )
    chosen: dict[str, str] = {}
    for name, keys in _flat(value):
        begin = where.key(name, "keys")
        if name not in BY_ID:
            instead = _instead(name, BY_ID)
            raise ConfigError(begin + tr("there is no action {name}{instead}", name=_shown(name), instead=instead))
        if not isinstance(keys, str) or not all(_is_key(key.strip()) for key in keys.split(",")):
            raise ConfigError(
                begin
                + tr(
                    "the keys of {name} must be a text like {like}: names of keys, several of them separated by "
                    "commas, not {value}",
                    name=name, like=json.dumps(BY_ID[name].keys), value=_shown(keys),
                )
            )  # fmt: skip
        chosen[name] = ",".join(key.strip() for key in keys.split(","))
    _no_key_twice(where, chosen)
    return chosen


def _flat(table: Mapping[str, object], above: str = "") -> Iterable[tuple[str, object]]:
    """`streams.sort = "o"` without quotes is a table in TOML; it means the same here."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield above + name, value


def _no_key_twice(where: _Where, chosen: Mapping[str, str]) -> None:
    """Where a key works it may do one thing only; what overlaps by default is meant so."""
    for name in chosen:
        for other in ACTIONS:
            mine = BY_ID[name]
            if other.id == name or not _meet(mine.context, other.context):
                continue
            both = _key_set(chosen[name]) & _key_set(chosen.get(other.id, other.keys))
            if both - (_key_set(mine.keys) & _key_set(other.keys)):
                key = sorted(both)[0]
                raise ConfigError(
                    where.key(name, "keys")
                    + tr(
                        "the key {key} of {name} is {other}'s already; give {other} another key too, or choose another "
                        "for {name}",
                        key=_shown(key), name=name, other=other.id,
                    )
                )  # fmt: skip


def _meet(one: str, other: str) -> bool:
    """Whether the actions of two contexts work at the same time. What stands over the screen, and a line that is
    written on, take every key; a journey's come before a pane's own.
    """
    return one == other or (
        "everywhere" in (one, other) and not {one, other} & {"help", "filter", "goto", "difference", "slowest"}
    )


def _key_set(keys: str) -> set[str]:
    return {_key_name(key) for key in keys.split(",")}


def _key_name(key: str) -> str:
    """The name by which Textual knows a key: `?` is `question_mark`."""
    from textual.keys import KEY_NAME_REPLACEMENTS

    if len(key) > 1 or key.isalnum():
        return key
    name = unicodedata.name(key, key).lower().replace("-", "_").replace(" ", "_")
    return KEY_NAME_REPLACEMENTS.get(name, name)


def _is_key(key: str) -> bool:
    """Whether Textual can ever report a key of this name."""
    from textual.keys import KEY_NAME_REPLACEMENTS, Keys

    *modifiers, name = key.split("+") if len(key) > 1 else [key]
    if not set(modifiers) <= {"ctrl", "shift", "alt", "super", "hyper", "meta"}:
        return False
    if len(name) == 1:
        return name.isprintable() and name != " "
    if name in {"space", *KEY_NAME_REPLACEMENTS.values(), *(str(known.value) for known in Keys)}:
        return True
    return name in _signs() or any(_is_character(name.replace("_", separator)) for separator in " -")


@lru_cache(maxsize=1)
def _signs() -> frozenset[str]:
    """The names of the signs on a keyboard; Textual writes `LESS-THAN SIGN` as `less_than_sign`."""
    return frozenset(_key_name(chr(code)) for code in range(0x21, 0x7F) if not chr(code).isalnum())


def _is_character(name: str) -> bool:
    try:
        unicodedata.lookup(name)
    except KeyError:
        return False
    return True


def theme_names() -> list[str]:
    """The themes there are: streamscope's own, then Textual's."""
    from textual.theme import BUILTIN_THEMES

    from streamscope.ui.themes import THEMES

    return [*(theme.name for theme in THEMES), *BUILTIN_THEMES]


def _shown(value: object) -> str:
    return visible(json.dumps(value, ensure_ascii=False, default=str), 80)


def _instead(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, 1)
    if close:
        return tr("; did you mean {name}?", name=close[0])
    if len(names) < 12:
        return tr("; there are {all}", all=", ".join(names))
    return tr("; streamscope config prints all there are")
