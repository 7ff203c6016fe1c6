"""trio: the same echo with its streams."""

from __future__ import annotations

import sys

import trio

from benchmarks.contestants import listen, say_ready


async def echo(stream: trio.SocketStream) -> None:
    """One connection."""
    try:
        while data := await stream.receive_some(65536):
            await stream.send_all(data)
    except trio.BrokenResourceError:
        pass
    finally:
        await stream.aclose()


async def serve(where: str) -> None:
    """Serve until standard input ends."""
    listener = listen(where)
    listener.setblocking(False)
    say_ready(listener.getsockname())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, echo, [trio.SocketListener(trio.socket.from_stdlib_socket(listener))])
        await trio.lowlevel.wait_readable(0)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(serve, sys.argv[1])
