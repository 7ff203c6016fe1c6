"""The files of a recording: how the first is opened, and how one part follows another.

A recording that rotates writes FILE.scope until that is full, renames it to FILE.1.scope, FILE.2.scope and so on
(higher is newer), and goes on in a new FILE.scope. Parts that are finished are never written again; the oldest go
when there are more than are kept, those of earlier recordings of the same name with them. One that does not rotate
writes over a trace that is there when it is told to (`--force`), and over nothing else: a command said twice should
cost nobody a trace, nor a name mistyped a file.

Every file is closed to everyone but its owner, and locked, so that two recordings never mix in one.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from streamscope.language import tr

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

MODE = 0o600
STOPPED = "the recording was stopped"
"""What a trace says of its end when a person wanted it."""


class PartsError(Exception):
    """The recording cannot be made; the text says why, in one line."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a part is full: with so many bytes, or after so many seconds; 0 is never. `keep` is how many parts stay,
    the one being written among them; 0 is all.
    """

    bytes: int = 0
    seconds: float = 0.0
    keep: int = 0

    def __bool__(self) -> bool:
        return bool(self.bytes or self.seconds)


class Options(msgspec.Struct):
    """What the recorder's process is told: the trace's path, and the descriptor that `open_first` gave."""

    path: str
    fd: int
    fresh: bool
    rotate_bytes: int = 0
    rotate_seconds: float = 0.0
    keep: int = 0

    @classmethod
    def of(cls, path: Path, fd: int, fresh: bool, rotation: Rotation) -> Options:
        """The options of this recording."""
        return cls(os.fspath(path), fd, fresh, rotation.bytes, rotation.seconds, rotation.keep)

    def parts(self) -> Parts:
        """The files."""
        return Parts(Path(self.path), self.fd, self.fresh, Rotation(self.rotate_bytes, self.rotate_seconds, self.keep))


def open_first(path: Path, rotation: Rotation, *, force: bool) -> tuple[int, bool]:
    """A descriptor of the file at `path`, locked, and whether the file is new. What it holds is left alone as yet.

    Raises PartsError if it cannot be had, or is something that this recording should not be written over. One that
    rotates makes a part of a trace that is there.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK  # a fifo that nobody reads must not hold us up
    fresh = True
    try:
        try:
            fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, MODE)
        except FileExistsError:
            fresh = False
            fd = os.open(path, flags)
    except OSError as error:
        raise PartsError(tr("cannot record to {path}: {error}", path=path, error=error.strerror)) from error
    try:
        from streamscope.trace.store.format import MAGIC  # the engine's process needs no more of that room

        mode = os.fstat(fd).st_mode
        if os.isatty(fd) or not (stat.S_ISREG(mode) or stat.S_ISCHR(mode)):
            raise PartsError(tr("cannot record to {path}: a trace can only be written to a file", path=path))
        _lock(fd)
        begin = os.pread(fd, len(MAGIC), 0) if stat.S_ISREG(mode) else b""
        if begin not in (b"", MAGIC):
            raise PartsError(
                tr("cannot record to {path}: it is there and is no trace; name another file, or remove it", path=path)
            )
        if begin and not rotation and not force:
            raise PartsError(tr("cannot record to {path}: it is a trace already; --force writes over it", path=path))
    except OSError as error:
        os.close(fd)
        reason = tr("another recording writes it") if isinstance(error, BlockingIOError) else error.strerror
        raise PartsError(tr("cannot record to {path}: {reason}", path=path, reason=reason)) from error
    except PartsError:
        os.close(fd)
        raise
    return fd, fresh


class Parts:
    """The files of one recording, from the descriptor that `open_first` gave on."""

    def __init__(self, path: Path, fd: int, fresh: bool, rotation: Rotation) -> None:
        os.set_blocking(fd, True)
        self.path = path.absolute()
        self.rotation = rotation
        self._fresh = fresh
        self.file = PartFile(fd, "wb")
        self._regular = stat.S_ISREG(os.fstat(fd).st_mode)
        self._numbers = self._found() if rotation else []

    def begin(self) -> None:
        """There is something to record: make room for it in `file`. Raises OSError."""
        if not self._regular:
            return
        if self.rotation and os.fstat(self.file.fileno()).st_size:
            self.next()  # what an earlier recording has left is a part like any other
            return
        self.file.truncate(0)
        os.fchmod(self.file.fileno(), MODE)
        self._remove_oldest()

    def next(self) -> None:
        """The part in `file` is finished: name it so, and have the next one in `file`. Raises OSError."""
        if not self._regular:
            raise OSError(errno.EINVAL, tr("only files can be rotated"))
        number = self._numbers[-1] + 1 if self._numbers else 1
        if self._is_ours():  # else somebody has moved it away
            os.rename(self.path, self._numbered(number))
            self._numbers.append(number)
        self.file.close()
        fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_CREAT | os.O_EXCL, MODE)
        _lock(fd)
        self.file = PartFile(fd, "wb")
        self._remove_oldest()

    def why_lost(self, written: int) -> str:
        """What somebody has done to the file, of which so many bytes are written, "" for nothing."""
        if not self._regular:
            return ""
        found = os.fstat(self.file.fileno())
        if not found.st_nlink:
            return tr("was removed")
        return tr("was cut short") if found.st_size < written else ""

    def go_on_beside(self) -> None:
        """What is in `file` is lost: have a new one there, beside it, and leave that one alone. Raises OSError."""
        stem, number = self.path.stem, 2
        while True:
            path = self.path.with_name(f"{stem}-{number}{self.path.suffix}")
            try:
                fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_CREAT | os.O_EXCL, MODE)
                break
            except FileExistsError:
                number += 1
        self.file.close()
        _lock(fd)
        self.path, self.file, self._fresh = path, PartFile(fd, "wb"), True
        self._numbers = self._found() if self.rotation else []

    def end(self) -> None:
        """Close the file; one that was made and has remained empty is removed. Raises OSError."""
        if self._fresh and self._regular and not os.fstat(self.file.fileno()).st_size and self._is_ours():
            os.unlink(self.path)
        self.file.close()

    def close(self) -> None:
        """Leave the file as it is."""
        self.file.close()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.stem}.{number}{self.path.suffix}")

    def _found(self) -> list[int]:
        """The numbers of the parts that are there."""
        name = re.compile(rf"{re.escape(self.path.stem)}\.([1-9][0-9]{{0,17}}){re.escape(self.path.suffix)}")
        matches = (name.fullmatch(entry) for entry in os.listdir(self.path.parent))
        return sorted(int(match[1]) for match in matches if match)

    def _remove_oldest(self) -> None:
        keep = self.rotation.keep
        while keep and len(self._numbers) >= keep:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._numbered(self._numbers.pop(0)))

    def _is_ours(self) -> bool:
        """Whether the file that is open is still the one of that name."""
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self.file.fileno()))
        except FileNotFoundError:
            return False


class PartFile(io.FileIO):
    """A file whose `write` writes everything or raises OSError, and that holds nothing back: what is written survives
    this process, and a failure leaves nothing to be written later.
    """

    def write(self, data: Buffer) -> int:
        """See the class."""
        left = memoryview(data).cast("B")
        length = len(left)
        while left:
            left = left[super().write(left) :]
        return length


def _lock(fd: int) -> None:
    """Raises BlockingIOError if another recording has the file; where there are no locks, it is done without."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL):
            raise
