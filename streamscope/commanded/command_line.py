"""What is started for a command: mostly the command itself, with an environment in which Python finds us.

A script whose first line starts Python with -E, -I or -S, as those of pipx do, would find nothing of that. So Python is
started with the script and without these.
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from typing import NamedTuple

from streamscope import observe
from streamscope.language import tr
from streamscope.link.following import MAY_END
from streamscope.telling import CommandFailed

RUN = "STREAMSCOPE_RUN"
"""Names one run in the environment of everything that it has started."""

OBSERVE, PEEK = "observe", "peek"
"""Ways to watch a command, for who insists on one."""

_HIDE_US = frozenset("EIS")
_WITH_VALUE = frozenset("WX")


class Start(NamedTuple):
    """What to start, and what a person should know about it."""

    arguments: list[str]
    note: str = ""


def resolved(command: list[str]) -> Start:
    """What to start for this command. Raises CommandFailed where there is no such program."""
    found = shutil.which(command[0])
    if found is None:
        name = command[0]
        if os.path.exists(name):
            raise CommandFailed(tr("{name} may not be executed", name=name), 1)
        raise CommandFailed(tr("{name} is no program that can be found", name=name), 1)
    interpreter = _interpreter_of(found)
    dropped = _hiding(interpreter[1:]) if interpreter and _is_python(interpreter[0]) else ""
    if not dropped:
        return Start(command)
    kept = [word for word in (_without(word) for word in interpreter[1:]) if word]
    note = tr(
        "{name} starts Python with -{switches}, which would hide it; it is started without",
        name=command[0], switches=dropped,
    )  # fmt: skip
    return Start([interpreter[0], *kept, found, *command[1:]], note)


def environment(run: str, how: str | None, *, preload: bool = False) -> dict[str, str]:
    """Ours, with what has the command and all that it starts be observed: unless `how` it is to be watched is `PEEK`,
    from outside; where it is `OBSERVE`, uvloop is kept away. With `preload`, every Node says what waits in JavaScript.
    """
    ours = {name: value for name, value in os.environ.items() if name != MAY_END}
    if preload:
        from streamscope.sampling.preloaded import environment as of_node  # only who asks for it needs it

        ours |= of_node(ours)
    if how == PEEK:
        return {**ours, RUN: run}
    site = str(Path(observe.__file__).with_name("site"))
    before = os.environ.get("PYTHONPATH", "")
    path = [site, *(each for each in before.split(os.pathsep) if each and each != site)]
    blocks = {"STREAMSCOPE_BLOCK_UVLOOP": "1"} if how == OBSERVE else {}
    return {**ours, "PYTHONPATH": os.pathsep.join(path), "STREAMSCOPE_OBSERVE": "1", RUN: run, **blocks}


def _interpreter_of(path: str) -> list[str]:
    """The words of a script's first line; none for what is no script."""
    try:
        with open(path, "rb") as file:
            first = file.readline(512)
    except OSError:
        return []
    if not first.startswith(b"#!"):
        return []
    try:
        words = shlex.split(os.fsdecode(first[2:]).strip())
    except ValueError:
        return []
    if words and os.path.basename(words[0]) == "env":
        words = [word for word in words[1:] if word != "-S"]
    return words


def _is_python(path: str) -> bool:
    return os.path.basename(path).startswith(("python", "pypy"))


def hiding(arguments: list[str]) -> str:
    """Those switches of a Python command line that hide us from it: `E`, `I`, `S`; "" for none."""
    return _hiding(arguments[1:]) if arguments and _is_python(arguments[0]) else ""


def _hiding(words: list[str]) -> str:
    found = ""
    for word in words:
        if not word.startswith("-") or word in ("-", "-m", "-c") or word.startswith("--"):
            break
        for letter in word[1:]:
            if letter in _WITH_VALUE or letter in "mc":
                break
            found += letter if letter in _HIDE_US and letter not in found else ""
    return found


def _without(word: str) -> str:
    if not word.startswith("-") or word.startswith("--") or word[1:2] in _WITH_VALUE:
        return word
    kept = "".join(letter for letter in word[1:] if letter not in _HIDE_US)
    return f"-{kept}" if kept else ""
