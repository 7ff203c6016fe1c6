"""The config file: its defaults are the screen's own, and whatever is wrong in it is one line that helps."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from streamscope.ui.actions import ACTIONS
from streamscope.ui.columns import COLUMNS, DEFAULT
from streamscope.ui.config_file import Config, ConfigError, load_config, parse_config
from streamscope.ui.config_text import default_config_text
from streamscope.ui.themes import DEFAULT_THEME


def uncommented(text: str) -> str:
    """The file as a person would have it who takes the # away from every setting."""
    return re.sub(r"(?m)^#(?=\S)", "", text)


def test_the_printed_file_changes_nothing_when_it_is_saved_as_it_is() -> None:
    assert parse_config(default_config_text()) == Config()


def test_the_printed_file_with_every_setting_uncommented_says_the_defaults() -> None:
    config = parse_config(uncommented(default_config_text()))

    assert config == Config(keys={action.id: action.keys for action in ACTIONS})


def test_the_printed_file_names_every_action_every_column_and_every_setting() -> None:
    text = default_config_text()
    settings = tomllib.loads(uncommented(text))

    assert set(settings["keys"]) == {action.id for action in ACTIONS}
    assert tuple(settings["columns"]) == DEFAULT
    for column in COLUMNS:
        assert f"#   {column.id} " in text
    assert set(settings) == set(Config.__slots__)


def test_the_default_theme_is_the_screens_own() -> None:
    assert Config().theme == DEFAULT_THEME


def test_settings_of_a_file_replace_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        'theme = "nord"\ncolumns = ["queue", "number"]\nframes_per_second = 10\nclosed_seconds = 0\npast_mib = 8\n'
        '[keys]\n"streams.sort" = "o, ctrl+o"\nstreams.pin = "?"\nhelp = "f1"\npause = "Z"\n'
    )
    config = load_config(path)

    assert config.theme == "nord"
    assert config.columns == ("queue", "number")
    assert (config.frames_per_second, config.closed_seconds) == (10, 0)
    assert config.past_bytes == 8 * 1024 * 1024
    assert config.keys == {"streams.sort": "o,ctrl+o", "streams.pin": "?", "help": "f1", "pause": "Z"}


def test_without_a_file_everything_is_as_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    assert load_config() == Config()


def test_the_users_config_folder_is_where_the_file_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "streamscope").mkdir()
    (tmp_path / "streamscope" / "config.toml").write_text("frames_per_second = 7\n")

    assert load_config().frames_per_second == 7
    assert str(tmp_path / "streamscope" / "config.toml") in default_config_text()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("theme = nord\n", "f:1: this is not TOML: Invalid value"),
        ("frames_per_second = 'fast'\n", 'f:1: frames_per_second must be a whole number from 1 to 60, not "fast"'),
        ("\nframes_per_second = 0\n", "f:2: frames_per_second must be a whole number from 1 to 60, not 0"),
        ("past_mib = true\n", "f:1: past_mib must be a whole number from 1 to 4096, not true"),
        ("theme = 3\n", "f:1: there is no theme 3; there are streamscope, "),
        ('theme = "noord"\n', 'f:1: there is no theme "noord"; there are streamscope, '),
        ("theem = 'nord'\n", 'f:1: there is no setting "theem"; did you mean theme?'),
        ("ascii = 1\n", "f:1: ascii must be true or false, not 1"),
        ("braille = 'no'\n", 'f:1: braille must be true or false, not "no"'),
        ("every_event = 'yes'\n", 'f:1: every_event must be true or false, not "yes"'),
        ("zzz = 1\n", 'f:1: there is no setting "zzz"; there are theme, columns, allow, frames_per_second, '),
        ("lang = 'tlh'\n", 'f:1: there is no language "tlh"; there are en (English), zh (中文)'),
        ("columns = 'queue'\n", "f:1: columns must be a list of names"),
        ("columns = []\n", "f:1: columns must be a list of names"),
        ("columns = ['queue', 'size']\n", 'f:1: there is no column "size"; there are number, role, type, peer, '),
        ("columns = ['queue', 'queue']\n", 'f:1: columns names "queue" twice'),
        ("allow = 'stalled'\n", "f:1: allow must be a list of names"),
        ("allow = ['staled']\n", 'f:1: nothing called "staled" is looked for; did you mean stalled?'),
        ("keys = 3\n", "f:1: keys must be a table"),
        ("[keys]\n\npaws = 'space'\n", 'f:3: there is no action "paws"; did you mean pause?'),
        ("[keys]\n'streams.srt' = 'o'\n", 'f:2: there is no action "streams.srt"; did you mean streams.sort?'),
        ("[keys]\npause = 'ctrl+'\n", 'f:2: the keys of pause must be a text like "space"'),
        ("[keys]\npause = 'spacebar'\n", 'f:2: the keys of pause must be a text like "space"'),
        ("[keys]\npause = 'o,,p'\n", 'f:2: the keys of pause must be a text like "space"'),
        ("[keys]\npause = 5\n", 'f:2: the keys of pause must be a text like "space": names of keys'),
        ("[keys]\npause = 'q'\n", 'f:2: the key "q" of pause is quit\'s already; give quit another key too'),
        ("[keys]\nhelp = '/'\n", 'f:2: the key "slash" of help is filter\'s already'),
        ("[keys]\n'streams.sort' = 'o'\n'streams.pin' = 'o'\n", 'f:2: the key "o" of streams.sort is streams.pin'),
        ("[keys]\n'streams.sort' = 'space'\n", 'f:2: the key "space" of streams.sort is pause'),
        ("theme = '\x7f'\n", "f:1: this is not TOML: "),
        ('theme = "\\u001b[2J"\n', 'f:1: there is no theme "\\u001b[2J"; there are'),
    ],
)
def test_what_is_wrong_is_one_line_that_says_where_and_what_would_be_right(text: str, error: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_config(text, "f")

    assert str(raised.value).startswith(error)
    assert str(raised.value).isprintable()


def test_two_keys_that_change_places_are_no_conflict() -> None:
    assert parse_config('[keys]\npause = "q"\nquit = "space"\n').keys == {"pause": "q", "quit": "space"}


@pytest.mark.parametrize("kind", ["missing", "folder", "latin-1", "nested"])
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.toml"
    expected = {
        "missing": "there is no such file",
        "folder": "the config file cannot be read: Is a directory",
        "latin-1": "the config file cannot be read: it is not UTF-8 text",
        "nested": "nested too deeply",
    }[kind]
    if kind == "folder":
        path.mkdir()
    elif kind == "latin-1":
        path.write_bytes(b"# \xe9\n")
    elif kind == "nested":
        path.write_text("theme = " + "[" * 100_000)

    with pytest.raises(ConfigError, match=expected):
        load_config(path)
