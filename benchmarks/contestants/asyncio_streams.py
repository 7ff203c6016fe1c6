"""asyncio's streams: the same echo with `await reader.read()`. `debug` as an argument is asyncio's debug mode, `link
PROBE` lets inspectors in.
"""

from __future__ import annotations

import asyncio
import logging
import sys

from benchmarks.contestants import let_in, listen, say_ready


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def serve(where: str) -> None:
    """Serve until standard input ends."""
    listener = listen(where)
    if where == "tcp":
        await asyncio.start_server(echo, sock=listener)
    else:
        await asyncio.start_unix_server(echo, sock=listener)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, ended.set)
    say_ready(listener.getsockname())
    await ended.wait()


if __name__ == "__main__":
    let_in(sys.argv[2:])
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # debug mode names slow callbacks, which are ours to measure
    asyncio.run(serve(sys.argv[1]), debug="debug" in sys.argv[2:])
