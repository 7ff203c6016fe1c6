"""A real command in a real pseudo-terminal, and a terminal emulator that reads its screen.

Given a `Terminal`, a test types keys and waits until the screen shows something; nothing here sleeps for a while and
hopes. Every command gets a runtime, config and state folder of its own, so that tests see only their own engines.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping
from pathlib import Path

import pyte
from processes import children_of
from waiting import PATIENCE_S, until

FRAME_BEGINS, FRAME_ENDS = b"\x1b[?2026h", b"\x1b[?2026l"
ASKS_FOR_FRAMES, WE_HAVE_FRAMES = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
"""Synchronized output: a terminal that has it is told where a picture begins and ends, and shows no half of one."""

MODES = [
    (b"\x1b[?1049h", b"\x1b[?1049l"), (b"\x1b[?25l", b"\x1b[?25h"), (b"\x1b[?1000h", b"\x1b[?1000l"),
    (b"\x1b[?1003h", b"\x1b[?1003l"), (b"\x1b[?2004h", b"\x1b[?2004l"), (b"\x1b[?7l", b"\x1b[?7h"),
    (b"\x1b[?1004h", b"\x1b[?1004l"), (b"\x1b[>", b"\x1b[<u"),
]  # fmt: skip
"""What the command switches on in a terminal, and off again."""

KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "down": "\x1b[B",
    "up": "\x1b[A",
    "tab": "\t",
    "end": "\x1b[F",
    "ctrl+c": "\x03",
}


def environment(folder: Path) -> dict[str, str]:
    """A person's environment with folders of its own and nothing that changes how the screen looks."""
    ours = ("TEXTUAL", "NO_COLOR", "XDG", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    folders = {
        f"XDG_{name}_{kind}": str(folder / name.lower())
        for name, kind in (("RUNTIME", "DIR"), ("CONFIG", "HOME"), ("STATE", "HOME"), ("CACHE", "HOME"))
    }
    for path in folders.values():
        Path(path).mkdir(mode=0o700, exist_ok=True)
    return {**kept, **folders, "TERM": "xterm-256color", "LANG": "C.UTF-8", "COLORTERM": "truecolor"}


def streamscope(*arguments: str) -> list[str]:
    """The command line of the command under test."""
    return [sys.executable, "-m", "streamscope", *arguments]


class _Screen(pyte.Screen):
    """pyte takes what is left of a sequence, whose writer was killed in its midst, for parameters of the next."""

    def erase_in_line(self, how: int = 0, *rest: int, private: bool = False) -> None:
        super().erase_in_line(0 if rest or how > 2 else how, private=private)


class Terminal:
    """One command in one pseudo-terminal, in its own folder. `raw` is every byte it has written."""

    def __init__(
        self,
        command: list[str],
        folder: Path,
        columns: int = 140,
        rows: int = 40,
        *,
        stderr: int | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.screen = _Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        self._ahead = b""
        self._drawing = False
        self._master, slave = pty.openpty()
        self._resize(columns, rows)
        self.settings_before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave if stderr is None else stderr,
            env={**environment(folder), **(variables or {})},
            cwd=folder,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self._slave = slave

    def _resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns: int, rows: int) -> None:
        """A person drags the window's corner."""
        self.screen.resize(rows, columns)
        self._resize(columns, rows)

    def press(self, *keys: str) -> None:
        """Type keys, by name or as themselves."""
        for key in keys:
            os.write(self._master, KEYS.get(key, key).encode())

    @property
    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(self.screen.display)

    def read(self, seconds: float) -> bool:
        """Read what the command writes within this time, up to the end of a picture; False when it has closed its
        terminal.
        """
        if not self._ahead:
            ready, _, _ = select.select([self._master], [], [], seconds)
            if not ready:
                self._drawing = False  # as in other terminals: who ends no picture does not keep it from being seen
                return True
            try:
                self._ahead = os.read(self._master, 65536)
            except OSError:
                return False  # EIO: nobody has the other side open
            before = len(self.raw)
            self.raw += self._ahead
            if self.raw.find(ASKS_FOR_FRAMES, max(before - len(ASKS_FOR_FRAMES) + 1, 0)) != -1:
                os.write(self._master, WE_HAVE_FRAMES)
        piece, end, self._ahead = self._ahead.partition(FRAME_ENDS)
        # pyte knows no private sequences with a `<`, `>` or `=` and would print their ends.
        self._stream.feed(re.sub(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]", b"", piece + end))
        self._drawing = not end and (self._drawing or FRAME_BEGINS in piece)
        return bool(piece or end)

    def read_all(self) -> None:
        """Read what has been written so far, however many pictures that are."""
        while (self._ahead or select.select([self._master], [], [], 0)[0]) and self.read(0.0):
            pass

    def wait(self, seen: Callable[[str], object], what: str) -> None:
        """Read until the screen is so; half a picture is not looked at."""

        def read_or_seen() -> bool:
            if not self._drawing and seen(self.text):
                return True
            assert self.read(1.0), f"the command ended before the screen showed {what}:\n{self.text}"
            return False

        until(read_or_seen, lambda: f"{what}; the screen shows\n{self.text}", pause_s=0)

    def wait_for(self, *texts: str) -> None:
        """Read until the screen shows all of these."""
        self.wait(lambda screen: all(text in screen for text in texts), " and ".join(map(repr, texts)))

    def address(self) -> tuple[str, int]:
        """Where the server listens, read off the screen."""
        self.wait(lambda screen: re.search(r"127\.0\.0\.1:\d+", screen), "an address")
        found = re.search(r"(127\.0\.0\.1):(\d+)", self.text)
        assert found
        return found[1], int(found[2])

    def engine_pid(self) -> int:
        """The process that serves: the child of the command."""
        return child_of(self.process.pid, "streamscope.serve")

    def ends(self) -> int:
        """Wait for the command's end; its exit status."""
        os.close(self._slave)
        self._slave = -1

        def ended() -> bool:
            if not self.read(0.1):
                return True
            return (
                self.process.poll() is not None and not self._ahead and not select.select([self._master], [], [], 0)[0]
            )

        until(ended, lambda: f"the command's end; the screen shows\n{self.text}", pause_s=0)
        return self.process.wait(PATIENCE_S)

    def settings(self) -> list[object]:
        """The terminal's settings now."""
        return termios.tcgetattr(self._slave)

    def is_as_before(self) -> bool:
        """Whether the terminal is as the command found it: settings, first buffer, cursor, no mouse, no modes."""
        switches = {name: self.raw.rfind(name) for pair in MODES for name in pair}
        return self.settings() == self.settings_before and all(switches[on] <= switches[off] for on, off in MODES)

    def hang_up(self) -> None:
        """The person closes the window."""
        os.close(self._slave)
        self._slave = -1
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        """Leave nothing behind, however the test went."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for fd in (self._slave, self._master):
            if fd != -1:
                os.close(fd)


def state_of(pid: int) -> str:
    """What the process does, by the kernel's letter: T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def child_of(pid: int, named: str) -> int:
    """The child process whose command line has this in it; one that begins just now has none yet."""

    def look() -> int | None:
        lines = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in children_of(pid)}
        return next((child for child, line in lines.items() if named.encode() in line), None)

    found = until(look, f"a child of process {pid} is {named}")
    assert found is not None
    return found


Open = Callable[..., Terminal]
"""What the fixture `open_terminal` gives: starts the command with these arguments in a terminal of its own."""
