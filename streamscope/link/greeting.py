"""Who our engine is and what its records mean: what every inspector is told first."""

from __future__ import annotations

import os
import time

from streamscope import __version__
from streamscope.core.joined_records import JOINED
from streamscope.core.probe import FUNCTIONS, KINDS
from streamscope.core.vocabulary import words
from streamscope.link.wire import Hello


def greeting(program: str, clock_ns: int) -> Hello:
    """The greeting of this process, whose feed's clock is at `clock_ns` now. It listens nowhere yet."""
    return Hello(
        version=__version__,
        pid=os.getpid(),
        program=program,
        started=time.time() - clock_ns / 1e9,
        kinds=[(kind.name, [arg.name for arg in kind.args]) for kind in KINDS],
        functions=list(FUNCTIONS),
        joined=[(j.name, list(j.args), [(s, list(refs)) for s, refs in j.steps]) for j in JOINED],
        vocabulary=words(),
    )
