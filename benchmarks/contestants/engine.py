"""streamscope's engine, with the echo server that `streamscope run echo` starts.

Alone it is the loop that nobody watches, as `run` has it: with the everyday path joined up, and without libuv's
redundant EPOLL_CTL_MOD. `plain` takes the plain path, and `redundant` makes that call. `link PATH` has the engine's end
of the link ride along and take inspectors at PATH, as `run` does; with `unasked` before it, the kernel is asked of
nothing. `faulted` has another stream beside those of the load, with a fault set on it. `bare` runs an engine out of
which every probe has been cut (`benchmarks.bare`).
"""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

from benchmarks.contestants import say_ready

if TYPE_CHECKING:
    from streamscope.core import Loop, Stream


def main(where: str, *arguments: str) -> None:
    """Serve until standard input ends."""
    if "bare" in arguments:
        from benchmarks import bare

        bare.install()
    from streamscope.core import JoinedLoop, Loop, Pipe

    loop = (Loop if "plain" in arguments else JoinedLoop)(redundant_mod="redundant" in arguments)
    if "link" in arguments:
        ride_along(loop, arguments[-1], asks="unasked" not in arguments)
    server = listen(loop, where)
    if "faulted" in arguments:
        fault_another(loop)
    stdin = Pipe(loop)
    stdin.open(os.dup(0))
    stdin.read_start(None, lambda stream, nread, data: loop.stop())
    say_ready(server.getsockname())  # type: ignore[attr-defined]
    loop.run()


def listen(loop: Loop, where: str) -> Stream:
    """The echo server on TCP, or its callbacks on a Unix socket."""
    from streamscope.core import Pipe, Stream
    from streamscope.servers import echo

    if where == "tcp":
        echo.main(loop, port=0)
    else:

        def on_connection(server: Stream, status: int) -> None:
            client = Pipe(loop)
            server.accept(client)
            client.read_start(None, echo.on_read)

        pipe = Pipe(loop)
        pipe.bind(where)
        pipe.listen(2048, on_connection)
    return next(handle for handle in loop.handles.values() if isinstance(handle, Stream))


def fault_another(loop: Loop) -> None:
    """One more stream, of which somebody who watches caps the writes."""
    from streamscope.core import Pipe
    from streamscope.core.injecting import act

    ours, theirs = socket.socketpair()
    other = Pipe(loop)
    other.open(ours.detach())
    other.data = theirs
    other.read_start(None, lambda stream, nread, data: None)
    act(loop, other.number, "cap-writes", 1024)


def ride_along(loop: Loop, path: str, *, asks: bool) -> None:
    """Put the link into the loop, taking inspectors at a path; `asks` is whether it asks the kernel."""
    from streamscope.link.engine import EngineProducer
    from streamscope.link.greeting import greeting
    from streamscope.link.publisher import Publisher

    greets = greeting("echo", loop.clock())
    if not asks:
        greets.kinds = [("kernel.nothing" if name == "kernel.same" else name, args) for name, args in greets.kinds]
    publisher = Publisher(EngineProducer(loop), greets, stop=loop.stop)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    publisher.listen(listener)
    publisher.board()


if __name__ == "__main__":
    main(*sys.argv[1:])
