"""The end of a file that another process writes: what the program printed, in bounded memory.

The file is capped by whoever writes it, so it may be cut off and begin anew at any moment, or be replaced. The path
comes from the engine, which is not trusted: only an ordinary file is read, and never waited for. Reading takes what has
been appended, at most `CHUNK` bytes at a time; what is further behind is skipped, and said.
"""

from __future__ import annotations

import os
import stat
from collections import deque

import msgspec

from streamscope.language import N_, tr

CHUNK = 256 * 1024
LINES = 5_000
LINE_BYTES = 4_096
"""A longer line goes on in the next."""
NOT_ORDINARY = N_("it is not an ordinary file")


class LogLine(msgspec.Struct, frozen=True):
    """One line as it stands in the file, undecoded and without its end; a notice is this module's own word."""

    data: bytes
    notice: bool = False


class LogTail:
    """Follows one file. `lines` are the last ones, the first of them has the absolute number `first`."""

    def __init__(self, path: str, *, lines: int = LINES) -> None:
        self.path = path
        self.lines: deque[LogLine] = deque()
        self.first = 0
        self.reason = ""
        """Why nothing can be read, in the words of the system or ours (`tr` says it); "" if it can."""
        self._limit = lines
        self._fd = -1
        self._inode = (0, 0)
        self._offset = 0
        self._open_line = False
        self._changed = False

    @property
    def end(self) -> int:
        """One more than the number of the newest line."""
        return self.first + len(self.lines)

    def read(self) -> int | None:
        """Take what has been appended; the number of the first line that is new or has grown, None if nothing has."""
        start = self.end - (1 if self._open_line else 0)
        self._changed = False
        if self._ready():
            size = os.fstat(self._fd).st_size
            if size < self._offset:
                self._notice(tr("the log was cut off here, and begins anew"))
                self._offset = 0
            if size - self._offset > CHUNK:
                left_out = f"{size - self._offset - CHUNK:,}"
                self._notice(tr("{n} bytes of the log are left out here", n=left_out))
                self._offset = size - CHUNK
            if size > self._offset:
                data = os.pread(self._fd, CHUNK, self._offset)
                self._offset += len(data)
                self._take(data)
        while len(self.lines) > self._limit:
            self.lines.popleft()
            self.first += 1
        return max(start, self.first) if self._changed else None

    def close(self) -> None:
        """Let go of the file; what was read stays."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _ready(self) -> bool:
        """Whether the file is open, as the one that the path names now."""
        try:
            found = os.stat(self.path)
        except OSError as error:
            self.reason = error.strerror or str(error)
            return self._fd >= 0  # removed while it is read: what is still written to it can be read on
        if not stat.S_ISREG(found.st_mode):
            self.reason = NOT_ORDINARY
            return False
        if self._fd >= 0 and (found.st_dev, found.st_ino) == self._inode:
            return True
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError as error:
            self.reason = error.strerror or str(error)
            return self._fd >= 0
        opened = os.fstat(fd)
        if not stat.S_ISREG(opened.st_mode):
            os.close(fd)
            self.reason = NOT_ORDINARY
            return False
        if self._fd >= 0:
            self._notice(tr("the log was replaced here, and begins anew"))
        self.close()
        self._fd, self._inode, self._offset, self.reason = fd, (opened.st_dev, opened.st_ino), 0, ""
        return True

    def _take(self, data: bytes) -> None:
        self._changed = True
        pieces = data.split(b"\n")
        for place, piece in enumerate(pieces):
            if self._open_line:
                piece = self.lines.pop().data + piece
            whole = place < len(pieces) - 1
            while len(piece) > LINE_BYTES:
                self.lines.append(LogLine(piece[:LINE_BYTES]))
                piece = piece[LINE_BYTES:]
            if whole or piece:
                self.lines.append(LogLine(piece.removesuffix(b"\r") if whole else piece))
            self._open_line = not whole and bool(piece)

    def _notice(self, text: str) -> None:
        self._open_line = False
        if self.end:
            self._changed = True
            self.lines.append(LogLine(text.encode(), notice=True))
