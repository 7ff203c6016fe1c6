"""Programs on asyncio, observed from within: they tell a feed as the engine's loop does, in asyncio's own words.

    import streamscope.observe
    streamscope.observe.install()          # then: streamscope attach PID

Until an inspector comes there is one listening socket. While one is there, methods of asyncio's are exchanged for some
that call them and tell what came of it; afterwards everything is as it was before. There is never a thread.

Here stands what rides in a program that is not ours: it needs the standard library, and of the house only what needs no
more.
"""

from __future__ import annotations

import sys


class NotObservable(RuntimeError):
    """This Python, or its asyncio, cannot be observed; the text says why."""


def install() -> None:
    """Let inspectors watch the loops of this process, those that run and those that will. To call it twice is to call
    it once.

    Raises NotObservable where that cannot be had: on another system than Linux, a Python before 3.11, or where there is
    no folder to listen in.
    """
    if sys.version_info < (3, 11) or sys.platform != "linux":
        raise NotObservable("asyncio is observed on Linux, with Python 3.11 or newer")
    from streamscope.observe.doorway import DoorwayError
    from streamscope.observe.observing import install as begin

    try:
        begin()
    except DoorwayError as error:
        raise NotObservable(str(error)) from error
