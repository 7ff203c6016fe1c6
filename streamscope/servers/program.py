"""A program made ready to be called: what `run` names, with what it was given, and what is wrong with either.

Everything a person got wrong is a `Refusal`, whose text is the one line to print. A program that itself fails is no
refusal: its traceback is printed, from its own first line on, and `ProgramFailed` carries a summary.
"""

from __future__ import annotations

import inspect
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamscope.core import LoopOfParent
from streamscope.language import tr
from streamscope.servers import SERVERS
from streamscope.servers.address import AddressError
from streamscope.servers.load import LoadError, load, program_name
from streamscope.telling import tell_lines

if TYPE_CHECKING:
    from streamscope.core import Loop


class Refusal(Exception):
    """The command cannot be carried out; the text is one line, `status` the exit status."""

    def __init__(self, text: str, status: int = 2) -> None:
        super().__init__(text)
        self.status = status


class ProgramFailed(Exception):
    """The program raised, and its traceback has been printed; the text is a summary."""


class Stopped(BaseException):
    """A signal came while the program's `main` was still at work; the text is why to end."""


class MainSignals:
    """Until the loop heeds signals. Within a `with` they end what the program does where it stands; one that comes
    before it or between two is `kept`, and ends the next.

    Both are why to end: the signal's name, or what `reasons` has for it. `kept` is empty if none came.
    """

    def __init__(self, reasons: Mapping[int, str]) -> None:
        self.kept = ""
        self._reasons = reasons
        self._in_main = False

    def heed(self) -> None:
        """Keep what comes from now on, instead of ending where one stands."""
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGHUP):
            if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN:  # nohup means it
                signal.signal(signum, self._stop)

    def __enter__(self) -> MainSignals:
        self._in_main = True
        if self.kept:
            self._in_main = False
            raise Stopped(self.kept)
        return self

    def __exit__(self, *_: object) -> None:
        self._in_main = False

    def _stop(self, signum: int, frame: object) -> None:
        why = self._reasons.get(signum, signal.Signals(signum).name)
        if self._in_main:
            self._in_main = False
            raise Stopped(why)
        self.kept = self.kept or why


@dataclass(frozen=True, slots=True)
class Program:
    """What to call, and with what beside the loop."""

    name: str
    main: Callable[..., Any]
    arguments: Sequence[str]
    keywords: Mapping[str, Any]

    def start(self, loop: Loop) -> None:
        """Call main. Raises Refusal for an address that cannot be had, ProgramFailed, Stopped, and SystemExit and
        LoopOfParent as they come.
        """
        try:
            self.main(loop, *self.arguments, **self.keywords)
        except AddressError as error:
            raise Refusal(str(error), error.status) from error
        except (SystemExit, Stopped, LoopOfParent):
            raise
        except BaseException as error:
            raise self.failed(error) from error

    def failed(self, error: BaseException) -> ProgramFailed:
        """Print the traceback of what it raised, without the frames that called it."""
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_globals.get("__name__") in (__name__, "streamscope.serve"):
            trace = trace.tb_next
        tell_lines("".join(traceback.format_exception(type(error), error, trace)))
        return ProgramFailed(
            tr("{name} raised {error}", name=self.name, error=traceback.format_exception_only(error)[-1].strip())
        )


def prepare(
    target: str, arguments: Sequence[str], given: Mapping[str, Any], options: Mapping[str, str], loop: Loop
) -> Program:
    """The program that `target` names. `given` are host and port, as far as they were given, and `options` a built-in
    server's own, both by keyword. Raises Refusal, or ProgramFailed if it fails while it is imported.
    """
    name = program_name(target)
    sys.argv = [target, *arguments]
    try:
        main = load(target)
    except LoadError as error:
        if error.details:
            tell_lines(error.details)
            raise ProgramFailed(str(error)) from error
        raise Refusal(str(error)) from error
    keywords = {**given, **_own_options(name, target, options)}
    _check_call(name, main, [loop, *arguments], keywords, built_in=target in SERVERS)
    return Program(name, main, arguments, keywords)


def _own_options(name: str, target: str, options: Mapping[str, str]) -> Mapping[str, str]:
    """What was given of the server's own options. Raises Refusal for one too many, one too few, and one that is none
    of those that there are.
    """
    own = {option.keyword: option for option in SERVERS[target].options} if target in SERVERS else {}
    for keyword in options:
        if keyword not in own:
            raise Refusal(tr("{name} takes no {option}", name=name, option=f"--{keyword.rstrip('_')}"))
    for keyword, option in own.items():
        known = tr("; it is one of {names}", names=", ".join(option.choices)) if option.choices else ""
        if option.required and keyword not in options:
            needs = f"{option.name} {option.metavar}"
            raise Refusal(
                tr("{name} needs {option}: {help}{known}", name=name, option=needs, help=tr(option.help), known=known)
            )
        if option.choices and options[keyword] not in option.choices:
            given = f"{option.name} {options[keyword]}"
            raise Refusal(tr("{given}: {name} knows none of that name{known}", given=given, name=name, known=known))
    return options


def _check_call(
    name: str, main: Callable[..., Any], arguments: Sequence[Any], keywords: Mapping[str, Any], *, built_in: bool
) -> None:
    """Raises Refusal if main cannot be called like this."""
    try:
        signature = inspect.signature(main)
    except (TypeError, ValueError):
        return  # calling it will tell
    try:
        signature.bind(*arguments, **keywords)
    except TypeError as error:
        if built_in:
            strange = [f"--{keyword}" for keyword in keywords if keyword not in signature.parameters]
            what = strange[0] if strange else tr("arguments of its own")
            raise Refusal(tr("{name} takes no {option}", name=name, option=what)) from error
        given = " ".join([*(f"--{keyword}" for keyword in keywords), *map(str, arguments[1:])])
        raise Refusal(
            tr(
                "{name} cannot be called with {given}: it is main{signature}",
                name=name,
                given=given or tr("the loop alone"),
                signature=signature,
            )
        ) from error
