"""What runs in a process that somebody attaches to: inspectors are let into its loops, until the last of them leaves.

Whoever attaches has this run in the main thread, wherever that is: between two bytecodes, or where it waits in a system
call. So nothing of a loop is touched here; each is asked to open its door when it comes round.
"""

from __future__ import annotations

import sys
from typing import Any

from streamscope.observe import NotObservable


def enter() -> str:
    """Where inspectors come to the first loop that runs. Raises NotObservable."""
    if "asyncio" not in sys.modules:
        raise NotObservable("it has not imported asyncio")
    loops = _running()
    if not loops:
        raise NotObservable("it has asyncio, and no loop of asyncio's own runs in it")
    from streamscope.observe.observing import let_in

    return let_in(loops)


def _running() -> list[Any]:
    """The loops of asyncio's own that run, whichever thread they run in; this thread's first."""
    from asyncio.base_events import BaseEventLoop
    from threading import get_ident

    found = []
    for _, innermost in sorted(sys._current_frames().items(), key=lambda each: each[0] != get_ident()):
        frame: Any = innermost
        while frame is not None:
            loop = frame.f_locals.get("self") if frame.f_code.co_name == "run_forever" else None
            if isinstance(loop, BaseEventLoop) and loop not in found:
                found.append(loop)
            frame = frame.f_back
    return found
