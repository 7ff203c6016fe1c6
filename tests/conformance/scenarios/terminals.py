"""Terminals (`src/unix/tty.c`), on a pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import struct
import termios

from backend import Backend

from .common import open_pipe


def _terminal() -> tuple[int, int]:
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    return master, slave


def a_slave_is_opened_anew_and_does_not_block(b: Backend) -> None:
    master, slave = _terminal()
    b.tty("T", slave)
    b.winsize("T")
    b.read_start("T")
    b.write("T", "w1", [b"prompt> "])
    os.write(master, b"hello\n")
    b.turn(2)
    b.note("the screen shows", len(os.read(master, 1000)))
    b.listen("T")  # EINVAL
    b.close("T")
    b.turn()
    os.close(slave)
    os.close(master)


def a_master_cannot_be_and_blocks(b: Backend) -> None:
    master, slave = _terminal()
    b.tty("M", master)
    b.write("M", "w1", [b"typed\n", b"", b"more\n"])
    b.write("M", "w2", [b"x" * 100])
    b.try_write("M", [b"!"])
    b.turn(3)
    b.shutdown("M", "s1")
    b.turn(2)
    os.close(slave)


def a_master_reads_and_hangs_up(b: Backend) -> None:
    master, slave = _terminal()
    b.tty("M", master)
    b.read_start("M")
    os.write(slave, b"output")
    b.turn()
    os.close(slave)
    b.turn(3)


def modes_change_and_come_back(b: Backend) -> None:
    master, slave = _terminal()
    before = termios.tcgetattr(slave)
    b.tty("T", slave)
    for mode in (1, 1, 2, 0, 1):
        b.set_mode("T", mode)
        b.note("attributes", repr(termios.tcgetattr(slave)[:4]))
    b.set_mode("T", 0)
    b.note("as before", termios.tcgetattr(slave) == before)
    b.close("T")
    b.turn()
    os.close(slave)
    os.close(master)


def what_is_no_terminal(b: Backend) -> None:
    fd = os.open("/dev/null", os.O_RDWR)
    b.tty("file", fd)  # EINVAL
    os.close(fd)
    b.tty("none", -1)  # EINVAL
    read_fd, write_fd = os.pipe()
    b.tty("pipe", read_fd)
    b.winsize("pipe")
    b.read_start("pipe")
    os.write(write_fd, b"not a terminal, but it reads")
    b.turn()
    os.close(write_fd)
    b.turn(2)


def a_terminal_is_no_client_to_accept_into(b: Backend) -> None:
    master, slave = _terminal()
    b.tty("T", slave)
    open_pipe(b, ipc=True)
    b.read_start("A")
    b.peer_send_descriptors("peer", b"x", 1)
    b.turn()
    b.accept("A", "T")  # EINVAL
    b.close("T")
    b.turn()
    os.close(slave)
    os.close(master)
