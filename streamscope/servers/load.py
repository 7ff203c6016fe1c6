"""What `run` was told to start, made into a `main` to call: a server by name, a file, or a function of a module.

Everything that can be wrong with it is a `LoadError`, whose text is one line for the person who typed it. Where the
program itself failed while it was imported, `details` has its traceback, from the program's own first line on.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamscope.language import tr
from streamscope.servers import SERVERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

PROGRAM_MODULE = "__streamscope_program__"
"""A program from a file has this name as a module: its own may be that of another, `http` for one."""


class LoadError(Exception):
    """There is no program to start; the text says why, and `details` is the program's traceback, or empty."""

    def __init__(self, text: str, details: str = "") -> None:
        super().__init__(text)
        self.details = details


def load(target: str) -> Callable[..., Any]:
    """The `main(loop, …)` of one of `SERVERS` or of FILE.py, or what `module:function` names. Raises LoadError."""
    check_target(target)
    if target in SERVERS:
        return _function(_import(SERVERS[target].module), "main", target)
    if _is_file(target):
        return _function(_import_file(Path(target)), "main", target)
    module, _, function = target.partition(":")
    sys.path.insert(0, os.getcwd())  # as `python -m` does
    return _function(_import(module), function, module)


def check_target(target: str) -> None:
    """Raises LoadError for what can be seen to be none of these without importing anything."""
    if target in SERVERS:
        return
    if _is_file(target):
        _check_readable(Path(target))
        return
    module, colon, function = target.partition(":")
    if not colon:
        raise LoadError(_unknown(target))
    if not all(part.isidentifier() for part in [*module.split("."), function]):
        raise LoadError(tr("{target} does not read as module:function, as my.package:main does", target=f"{target!r}"))


def program_name(target: str) -> str:
    """What the program is called on the screen: `echo`, `mine` for path/mine.py, `module:function` as it stands."""
    return Path(target).stem if _is_file(target) else target


def _is_file(target: str) -> bool:
    return target.endswith(".py") or os.sep in target


def _unknown(target: str) -> str:
    """The line for a name that is none of ours, with the nearest one that is."""
    near = difflib.get_close_matches(target, SERVERS, n=1)
    if Path(f"{target}.py").is_file():
        hint = tr(" (for the file here: {target}.py)", target=target)
    else:
        hint = tr(" (did you mean {near}?)", near=near[0]) if near else ""
    known = ", ".join(SERVERS)
    return tr(
        "no server is called {target}{hint}; there are {known}, and your own as FILE.py or module:function",
        target=f"{target!r}",
        hint=hint,
        known=known,
    )


def _function(module: ModuleType, name: str, target: str) -> Callable[..., Any]:
    found = getattr(module, name, None)
    if found is None:
        raise LoadError(tr("{target} defines no {name}(loop, *args)", target=target, name=name))
    if not callable(found):
        raise LoadError(
            tr(
                "{name} in {target} is no function but {type}; it is called with the loop",
                name=name,
                target=target,
                type=type(found).__name__,
            )
        )
    if inspect.iscoroutinefunction(found) or inspect.isgeneratorfunction(found) or inspect.isasyncgenfunction(found):
        raise LoadError(
            tr(
                "{name} in {target} is a coroutine or a generator; it is called, and nobody would wait for it",
                name=name,
                target=target,
            )
        )
    return found  # type: ignore[no-any-return]  # callable() is all that can be known of it


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise LoadError(
                tr("no module is called {error}, here or among what is installed", error=error.name)
            ) from None
        raise _failed(name, error) from error
    except (Exception, SystemExit) as error:
        raise _failed(name, error) from error


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise LoadError(tr("cannot read {path}: {error}", path=path, error=error.strerror)) from None


def _import_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(PROGRAM_MODULE, path.absolute())
    if spec is None or spec.loader is None:
        raise LoadError(tr("{path} is no Python program: its name does not end in .py", path=path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[PROGRAM_MODULE] = module  # dataclasses and pickles look their module up there
    sys.path.insert(0, str(path.absolute().parent))  # as Python does for a script: its neighbours can be imported
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise _failed(str(path), error) from error
    return module


def _failed(what: str, error: BaseException) -> LoadError:
    """The program raised while it was imported. Its traceback begins where importing ends."""
    trace = error.__traceback__
    while trace is not None and _is_importing(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    details = "".join(traceback.format_exception(type(error), error, trace))
    summary = traceback.format_exception_only(type(error), error)[-1].strip().partition("\n")[0]
    return LoadError(tr("{what} could not be imported: {summary}", what=what, summary=summary), details)


def _is_importing(filename: str) -> bool:
    return filename == __file__ or filename.startswith("<frozen importlib") or filename == importlib.__file__
