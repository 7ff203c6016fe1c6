"""Connects are seen while they are under way, and what comes of them has their number."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import calling
from running_command import environment, follow
from waiting import PATIENCE_S

from streamscope.link.session import Session
from streamscope.trace.state import StreamState

ROOT = Path(__file__).parents[2]


def full_port(held: list[socket.socket]) -> str:
    """A port at which connects wait: its queue is full, so the kernel answers nobody."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    held.append(listener)
    while True:
        client = socket.socket()
        client.setblocking(False)
        held.append(client)
        if client.connect_ex(listener.getsockname()) and len(held) > 4:
            return str(listener.getsockname()[1])


def test_a_connect_that_does_not_come_is_seen_and_one_that_comes_goes_on_as_its_transport(runtime: Path) -> None:
    # given a program that calls somebody who takes nobody in
    held: list[socket.socket] = []
    takes = socket.create_server(("127.0.0.1", 0))
    here = [str(takes.getsockname()[1]), full_port(held)]
    with subprocess.Popen(
        [sys.executable, "-P", calling.__file__, *here],
        env={**environment(runtime), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        try:
            assert program.stdin is not None
            assert program.stdout is not None
            assert program.stdout.readline() == "calls\n"
            session = Session.attach(runtime / "streamscope" / f"{program.pid}.sock")

            def to(port: str) -> list[StreamState]:
                return [each for each in session.model.streams.values() if each.peer == f"127.0.0.1:{port}"]

            # then whoever comes sees it wait
            follow(session, lambda: session.model.whole and to(here[1]))
            [waits] = to(here[1])
            words = session.model.decoder.vocabulary
            assert waits.connect_req is not None
            assert words.requests[waits.connect_req.request] == "connect"
            assert words.mask_text(waits.events) == "OUT"

            # and one that comes is a transport under the number that its connect had
            program.stdin.write("on\n")
            program.stdin.flush()
            follow(session, lambda: any(words.flag_text(each.flags) == "READING" for each in to(here[0])))
            [came] = to(here[0])
            assert (came.connect_req, came.name) == (None, "StreamReaderProtocol")
            assert came.place.startswith("calling.py:")

            # and one that is given up is told of as failed
            program.stdin.write("on\n")
            program.stdin.flush()
            follow(session, lambda: waits.closed_t)
            assert (waits.connect_req, words.error_text(waits.last_error)) == (None, "ECANCELED")
            assert session.model.events_lost == 0
            session.close()
        finally:
            program.kill()
            program.communicate(timeout=PATIENCE_S)
            for sock in [*held, takes]:
                sock.close()
