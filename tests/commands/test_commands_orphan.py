"""An engine whose screen was killed: it serves on, puts the terminal right, and ends with the terminal."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_command import echoed, environment, follow
from waiting import PATIENCE_S, until

from streamscope.link.process import look
from streamscope.link.session import Session


class Orphan:
    """An engine as a screen starts it, on a terminal that this test holds."""

    def __init__(self, runtime: Path) -> None:
        self.master, self.slave = os.openpty()
        self.before = termios.tcgetattr(self.slave)
        ours, theirs = socket.socketpair()
        options = {"target": "echo", "port": 0, "link_fd": theirs.fileno(), "terminal_fd": self.slave}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "streamscope.serve", json.dumps(options)],
            env=environment(runtime),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[theirs.fileno(), self.slave],
            preexec_fn=self._take_the_terminal,
        )
        theirs.close()
        self.session = Session(ours)
        follow(self.session, lambda: self.session.status != "connecting")
        assert self.session.hello is not None
        self.address = self.session.hello.addresses[0]

    def _take_the_terminal(self) -> None:
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def said(self) -> str:
        """What is on the terminal, up to the command that stops the engine."""
        said = bytearray()

        def all_said() -> bool:
            if select.select([self.master], [], [], 1)[0]:
                said.extend(os.read(self.master, 4096))
            return b"kill" in said

        until(all_said, lambda: f"the command that stops the engine, after {bytes(said)!r}", pause_s=0)
        return said.decode()

    def close(self) -> None:
        self.session.close()
        for fd in (self.master, self.slave):
            if fd != -1:
                os.close(fd)
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def orphan(runtime: Path) -> Iterator[Orphan]:
    orphan = Orphan(runtime)
    yield orphan
    orphan.close()


def test_it_serves_on_and_says_how_to_attach_and_how_to_stop_it(orphan: Orphan) -> None:
    orphan.session.close()
    said = orphan.said()
    assert f"the inspector is gone; echo goes on serving on {orphan.address} (pid {orphan.process.pid})" in said
    assert f"streamscope attach {orphan.process.pid}" in said
    host, _, port = orphan.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as client:
        assert echoed(client, b"hello") == b"hello"
    orphan.process.terminate()
    assert orphan.process.wait(timeout=PATIENCE_S) == 0


def test_it_puts_the_terminal_right(orphan: Orphan) -> None:
    tty.setraw(orphan.slave)
    orphan.session.close()
    said = orphan.said()
    assert termios.tcgetattr(orphan.slave) == orphan.before
    assert re.search(r"\x1b\[\?1049l.*\x1b\[\?25h.*the inspector is gone", said, re.DOTALL)


def test_a_terminal_that_stands_still_keeps_the_server_waiting_for_nothing(orphan: Orphan) -> None:
    # given a terminal that is full of what the screen drew last, and nobody reads it
    flags = fcntl.fcntl(orphan.slave, fcntl.F_GETFL)
    os.set_blocking(orphan.slave, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(orphan.slave, b"\x1b[H" * 100):
            pass
    fcntl.fcntl(orphan.slave, fcntl.F_SETFL, flags)

    # when the screen is gone, then the server serves on
    orphan.session.close()
    host, _, port = orphan.address.rpartition(":")
    for _ in range(3):
        with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as client:
            assert echoed(client, b"hello") == b"hello"

    # and once the terminal goes on, it says so
    assert "echo goes on serving" in orphan.said()
    orphan.process.terminate()
    assert orphan.process.wait(timeout=PATIENCE_S) == 0


def test_a_terminal_that_closes_ends_it_in_order(orphan: Orphan) -> None:
    orphan.session.close()
    orphan.said()
    os.close(orphan.slave)
    os.close(orphan.master)
    orphan.master = orphan.slave = -1
    assert orphan.process.wait(timeout=PATIENCE_S) == 0


def test_a_screen_that_leaves_by_the_stop_command_leaves_no_word(orphan: Orphan) -> None:
    orphan.session.command("stop")
    assert orphan.process.wait(timeout=PATIENCE_S) == 0
    orphan.session.receive()
    orphan.session.fold(1)
    assert (orphan.session.status, orphan.session.reason) == ("ended", "stopped from the inspector")
    assert not select.select([orphan.master], [], [], 0)[0]


def test_a_screen_that_leaves_while_the_engine_is_told_to_end_leaves_no_word_either(orphan: Orphan) -> None:
    # given an engine that finds both in the same wait
    orphan.process.send_signal(signal.SIGSTOP)
    until(lambda: look(orphan.process.pid).state == "T", "it is stopped")
    orphan.process.terminate()
    orphan.session.close()
    orphan.process.send_signal(signal.SIGCONT)
    assert orphan.process.wait(timeout=PATIENCE_S) == 0
    assert not select.select([orphan.master], [], [], 0)[0]
