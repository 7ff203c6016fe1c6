"""The process that looks at another one: it finds the loops, listens where inspectors look for engines, and tells.

    python -m streamscope.sampling '{"pid": 4711, "manner": [20, false]}'

writes one line of JSON when it can be attached to, or why it cannot, and goes on until the other side of its standard
input is closed and no inspector is left, or the process that it looks at has ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress

from streamscope.language import speak_as_told
from streamscope.sampling.looking import Looking
from streamscope.sampling.manner import Manner
from streamscope.sampling.peeking import PeekFailed, Peeking
from streamscope.telling import show

LEASH = 0
"""The descriptor whose other side is somebody's who wants us to be here."""
LOOK_EVERY_S = 0.5


def main(arguments: list[str]) -> int:
    """Look until nobody wants it any more; returns the exit status."""
    speak_as_told()
    options = json.loads(arguments[0])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for whoever has started us, who closes our input
    signal.signal(signal.SIGTERM, _leave)
    try:
        peeking = Peeking(int(options["pid"]), Manner(*options["manner"]))
    except PeekFailed as error:
        _answer({"error": str(error)})
        return 1
    _answer({"path": peeking.paths[0], "who": peeking.who})
    looking = Looking(LEASH)
    looking.add(peeking)
    is_held = True
    with suppress(SystemExit):
        while looking.at and (is_held or peeking.is_heard):
            if LEASH in looking.wait(LOOK_EVERY_S) and not os.read(LEASH, 4096):
                is_held = False
                looking.forget(LEASH)
    looking.finish("nobody looks at it any more")
    return 0


def _leave(signum: int, frame: object) -> None:
    sys.exit(0)


def _answer(what: dict[str, str]) -> None:
    """Our one line; whoever waits for it reads no more."""
    show(json.dumps(what), 1 << 16)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
