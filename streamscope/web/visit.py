"""One visitor: a command of ours that runs on a pseudo-terminal, so that all is as it is in a terminal, and the browser
is at its other end.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

AT_ONCE = 65536
MOST_CELLS = 500
LEAVES_S = 10.0
"""So long a command may take to end in order; then it is killed."""


class Visit:
    """A command while somebody looks at it. `send` gets what it draws; a browser that takes no more holds it up."""

    def __init__(self, command: Sequence[str], send: Callable[[bytes], Awaitable[None]]) -> None:
        self._command = list(command)
        self._send = send
        self._process: asyncio.subprocess.Process | None = None
        self._terminal = -1

    async def run(self, width: int, height: int, environment: Mapping[str, str]) -> None:
        """From the start of the command to its end."""
        self._terminal, inner = pty.openpty()
        os.set_blocking(self._terminal, False)
        self.resize(width, height)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=inner, stdout=inner, stderr=inner, start_new_session=True, close_fds=True,
                env={**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor", "STREAMSCOPE_WEB": "1"},
            )  # fmt: skip
        finally:
            os.close(inner)
        await self._draw()
        await self._process.wait()

    async def _draw(self) -> None:
        """Send what is drawn until nobody draws any more."""
        loop = asyncio.get_running_loop()
        while True:
            ready: asyncio.Future[None] = loop.create_future()
            loop.add_reader(self._terminal, lambda told=ready: told.done() or told.set_result(None))  # type: ignore[misc]
            try:
                await ready
            finally:
                loop.remove_reader(self._terminal)
            try:
                drawn = os.read(self._terminal, AT_ONCE)
            except BlockingIOError:
                continue
            except OSError:  # the command has ended
                return
            if not drawn:
                return
            await self._send(drawn)

    def type(self, keys: bytes) -> None:
        """What the person has pressed. What finds no room is lost, as on a terminal that nobody reads."""
        with suppress(OSError):
            os.write(self._terminal, keys[:AT_ONCE])

    def resize(self, width: int, height: int) -> None:
        """The browser's window has another size, in cells."""
        cells = [min(max(each, 1), MOST_CELLS) for each in (height, width)]
        with suppress(OSError):
            fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *cells, 0, 0))

    async def leave(self) -> None:
        """The visitor has gone: the command ends as where a terminal hangs up."""
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGHUP)
            try:
                await asyncio.wait_for(process.wait(), LEAVES_S)
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._terminal != -1:
            os.close(self._terminal)
            self._terminal = -1
