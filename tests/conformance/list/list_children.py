"""The child processes of libuv's IPC and stdio tests: `python list_children.py ROLE ARGUMENT…`.

A child runs the engine too, on the descriptors that it was given. It says by its exit code whether all was well: an
assertion that fails ends it with a traceback on standard error and 1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from list_harness import finish, new_loop, run

from streamscope.core import EOF, RUN_NOWAIT, Pipe


def read_hung_up_stdin() -> None:
    """Standard input has hung up before the loop begins: one turn without waiting brings the end."""
    assert os.read(0, 1) == b""  # wait until it has
    ends: list[int] = []

    def on_read(pipe: Pipe, nread: int, buf: Any) -> None:
        ends.append(nread)
        pipe.close()

    loop = new_loop()
    os.close(1)
    pipe = Pipe(loop)
    pipe.open(0)
    pipe.read_start(None, on_read)
    assert not run(loop, RUN_NOWAIT)
    assert ends == [EOF]
    os.fstat(0)  # a stream lets standard input go, but never closes it
    finish(loop)


ROLES: dict[str, Callable[..., None]] = {function.__name__: function for function in (read_hung_up_stdin,)}

if __name__ == "__main__":
    ROLES[sys.argv[1]](*sys.argv[2:])
