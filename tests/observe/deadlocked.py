"""A program that feeds a subprocess and does not read what comes back, until both stand still; it lets inspectors in.

It says the pid of the subprocess, and on each line that it is told what its pipes hold; on `read` it begins to read.
"""

from __future__ import annotations

import asyncio
import json
import os
from asyncio import unix_events
from typing import Any

import streamscope.observe

BEFORE = [dict(vars(kind)) for kind in (unix_events._UnixReadPipeTransport, unix_events._UnixWritePipeTransport)]  # type: ignore[attr-defined]


def is_as_it_was() -> bool:
    kinds = unix_events._UnixReadPipeTransport, unix_events._UnixWritePipeTransport  # type: ignore[attr-defined]
    return [dict(vars(kind)) for kind in kinds] == BEFORE and vars(unix_events)["os"] is os


async def main() -> None:
    loop: Any = asyncio.get_running_loop()
    process = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"x" * 3_000_000)
    into: Any = process.stdin.transport
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop.add_reader(0, lambda: lines.put_nowait(os.read(0, 1000).decode()))
    print(json.dumps({"pid": process.pid}), flush=True)
    while line := await lines.get():
        if line.startswith("read"):
            process.stdin.close()
            while await process.stdout.read(1 << 16):
                pass
        print(json.dumps({"size": into.get_write_buffer_size(), "as it was": is_as_it_was()}), flush=True)
    if process.returncode is None:
        process.kill()
    await process.wait()


if __name__ == "__main__":
    streamscope.observe.install()
    asyncio.run(main())
