"""The config file with every setting at its default and a comment beside it, as `streamscope config` prints it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from streamscope.diagnosis import BY_NAME as LINT_BY_NAME
from streamscope.language import sentences, tr
from streamscope.ui.actions import CONTEXTS, of_context
from streamscope.ui.cells import full_stop, is_wide, wrapped
from streamscope.ui.columns import COLUMNS
from streamscope.ui.config_file import NUMBERS, Config, config_path, languages, theme_names


def default_config_text() -> str:
    """The whole config file. Every setting is a comment, so that what a person leaves alone follows later versions."""
    defaults = Config()
    lines = [
        *_comment(tr("streamscope's settings.")),
        "#",
        *_comment(tr("Save this as")),
        f"#   {config_path()}",
        *_comment(
            tr(
                "and take the # away from the lines to change. All others keep their defaults, which are what they "
                "show."
            ),
            110,
        ),
        "",
        *_comment(
            tr(
                'Language: {all}; "" is that of the locale. --lang and STREAMSCOPE_LANG come before it.',
                all=languages(),
            )
        ),
        f"#lang = {json.dumps(defaults.lang)}",
        "",
        *_comment(tr("Colours: {themes}.", themes=", ".join(theme_names()))),
        f"#theme = {json.dumps(defaults.theme)}",
        "",
        *_comment(tr("Draw with ASCII alone. NO_UNICODE=1 chooses it too, and so does a locale without UTF-8.")),
        f"#ascii = {json.dumps(defaults.ascii)}",
        "",
        *_comment(tr("Draw curves in braille; false, NO_BRAILLE=1 and the console's font have them drawn in blocks.")),
        f"#braille = {json.dumps(defaults.braille)}",
        "",
        *_comment(tr("Show every event, and not what matters alone; v on the screen turns from one to the other.")),
        f"#every_event = {json.dumps(defaults.every_event)}",
        "",
        *_comment(
            tr("The table's columns, from left to right. Where there is little room, the less important ones give way.")
        ),
        *_entries((column.id, tr(column.help)) for column in COLUMNS),
        f"#columns = {json.dumps(defaults.columns)}",
        "",
        *_comment(tr("What a diagnosis looks for, and is to say nothing of; `w` on the screen says what each means.")),
        *_comment(", ".join(LINT_BY_NAME)),
        f"#allow = {json.dumps(defaults.allow)}",
    ]
    for number in NUMBERS:
        lines += [
            "",
            *_comment(sentences((tr(number.help), tr("{least} to {most}.", least=number.least, most=number.most)))),
            f"#{number.name} = {getattr(defaults, number.name)}",
        ]
    lines += [
        "",
        *_comment(
            tr(
                "Keys, by what they do. Several keys are separated by commas; a key is a character or a name such as "
                "space, enter, f1, ctrl+x, question_mark. What stands here replaces all keys of its line."
            )
        ),
        "[keys]",
    ]
    for context, title in CONTEXTS.items():
        actions = of_context(context)
        if actions:
            lines += ["", f"# {tr(title)}"]
        for action in actions:
            entry = f"#{json.dumps(action.id)} = {json.dumps(action.keys)}"
            lines.append(f"{entry:<44} # {_first_sentence(tr(action.help))}")
    return "\n".join(lines) + "\n"


def _first_sentence(text: str) -> str:
    end = full_stop(text)
    return f"{re.split(f'{re.escape(end)} ?' if end != '.' else '[.] ', text)[0].rstrip('.')}{end}"


def _comment(text: str, width: int = 100) -> list[str]:
    import textwrap

    lines = wrapped(text, width) if is_wide(text) else textwrap.wrap(text, width, break_on_hyphens=False)
    return [f"# {line}" for line in lines]


def _entries(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [f"#   {name:<10} {text}" for name, text in pairs]
