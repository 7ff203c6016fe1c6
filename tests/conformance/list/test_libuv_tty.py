"""libuv's tests of terminals, each on a pseudo-terminal of its own."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import termios
from collections.abc import Iterator
from typing import Any

import pytest
from list_harness import Calls, child_command, failure, run

from streamscope.core import EOF, Loop, Tty
from streamscope.core.flags import BLOCKING_WRITES, UV_TTY
from streamscope.core.tty import uv_tty_reset_mode


@pytest.fixture
def pty(no_descriptor_is_lost: None) -> Iterator[tuple[int, int]]:
    """Master and slave of a pseudo-terminal. They are closed before the loop, as a program's own descriptors."""
    master, slave = os.openpty()
    yield master, slave
    for fd in (master, slave):
        try:
            os.close(fd)
        except OSError:
            pass  # the test has closed it


def _is_raw(fd: int) -> bool:
    return not termios.tcgetattr(fd)[3] & termios.ICANON


def test_tty(pty: tuple[int, int], loop: Loop) -> None:
    master, slave = pty
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    reading = os.open(os.ttyname(slave), os.O_RDONLY | os.O_NOCTTY)
    writing = os.open(os.ttyname(slave), os.O_WRONLY | os.O_NOCTTY)
    assert loop.system.guess_handle(reading) == loop.system.guess_handle(writing) == UV_TTY
    tty_in, tty_out = Tty(loop, reading), Tty(loop, writing)
    assert tty_in.is_readable()
    assert not tty_in.is_writable()
    assert tty_out.is_writable()
    assert not tty_out.is_readable()
    assert tty_out.get_winsize() == (80, 24)

    for mode in (1, 2):
        tty_in.set_mode(mode)
        assert _is_raw(slave)
        tty_in.set_mode(0)
        assert not _is_raw(slave)
    assert failure(tty_in.set_mode, 3) == "EINVAL"

    tty_in.set_mode(1)
    uv_tty_reset_mode()
    assert not _is_raw(slave)
    uv_tty_reset_mode()  # no harm
    subprocess.run(child_command("exit_with_a_raw_terminal", slave), pass_fds=[slave], check=True)
    assert not _is_raw(slave)  # it was reset at the child's exit

    for tty in (tty_in, tty_out):
        tty.close()
    assert not run(loop)
    os.close(reading)
    os.close(writing)


def test_tty_file(loop: Loop) -> None:
    for path in (__file__, "/dev/random", "/dev/zero"):
        fd = os.open(path, os.O_RDONLY)
        assert failure(Tty, loop, fd) == "EINVAL"
        os.close(fd)
    assert failure(Tty, loop, -1) == "EINVAL"
    assert not loop.handles


def test_tty_pty(pty: tuple[int, int], loop: Loop) -> None:
    master, slave = pty
    slave_tty, master_tty = Tty(loop, slave), Tty(loop, master)
    # The slave is opened anew, so it can be made non-blocking without harm; of a master there is only one.
    assert slave_tty.fd != slave
    assert not slave_tty.flags & BLOCKING_WRITES
    assert not os.get_blocking(slave_tty.fd)
    assert master_tty.fd == master
    assert master_tty.flags & BLOCKING_WRITES
    assert os.get_blocking(master)
    slave_tty.close()
    master_tty.close()
    assert not run(loop)


def test_tty_pty_partial(pty: tuple[int, int], loop: Loop) -> None:
    # Newer libuv reads all 65,536 bytes. 1.44.2 takes the hang-up that comes with a short read for the end, and a
    # master gives its bytes in small pieces: the rest is lost.
    master, slave = pty
    attributes = termios.tcgetattr(slave)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    os.set_blocking(slave, False)
    written = 0
    try:
        while True:
            written += os.write(slave, bytes(4096))
    except BlockingIOError:
        pass
    os.close(slave)
    calls = Calls()

    def on_read(tty: Tty, nread: int, buf: Any) -> None:
        if nread < 0:
            tty.close()

    tty = Tty(loop, master)
    tty.read_start(None, calls.note("read", on_read))
    assert not run(loop)
    first, end = calls.statuses("read")
    assert 0 < first < written
    assert end == EOF
