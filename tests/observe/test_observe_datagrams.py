"""Datagrams are seen: how large they are, those that wait, and those that failed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import posting
from running_command import environment, follow
from waiting import PATIENCE_S, until

from streamscope.link.session import Session
from streamscope.trace.state import StreamState

ROOT = Path(__file__).parents[2]


def test_datagrams_are_seen_with_their_sizes_and_what_waits_and_failed(runtime: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-P", posting.__file__, str(tmp_path)],
        env={**environment(runtime), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        try:
            assert program.stdout is not None
            server, client, lost = json.loads(program.stdout.readline())

            def sent() -> Any:
                assert program.stdin is not None
                assert program.stdout is not None
                program.stdin.write("on\n")
                program.stdin.flush()
                return json.loads(program.stdout.readline())

            before = sent()
            session = Session.attach(runtime / "streamscope" / f"{program.pid}.sock")
            follow(session, lambda: session.model.whole)
            words = session.model.decoder.vocabulary

            def at(local: str) -> StreamState:
                return next(each for each in session.model.streams.values() if each.local == local)

            # when two more are sent, and what is sent to nobody comes back as an error
            now = [sent(), sent()][-1]
            follow(session, lambda: at(client).reads == 2 and at(lost).errors)

            # then both sides say how many bytes there were
            assert [words.type_text(at(each).type) for each in (server, client)] == ["udp", "udp"]
            assert (at(client).bytes_out, at(client).writes, at(client).bytes_in) == (200, 2, 20)
            assert (at(server).bytes_in, at(server).reads, at(server).bytes_out) == (200, 2, 20)
            assert (at(client).peer, at(server).peer, at(client).name) == (server, "", "Post")
            assert words.flag_text(at(client).flags) == "READING"
            assert words.error_text(at(lost).last_error) == "ECONNREFUSED"
            assert now["failed"] > before["failed"]

            # and one that began meanwhile says where it was made
            follow(session, lambda: any(each.closed_t for each in session.model.streams.values()))
            late = next(each for each in session.model.streams.values() if each.closed_t)
            assert (late.name, late.place[:11], late.place[-5:]) == ("Post", "posting.py:", " main")

            # and of one that nobody reads, what waits is what it says, datagram by datagram
            waits = next(each for each in session.model.streams.values() if words.type_text(each.type) == "datagram")
            assert waits.write_queue_size == now["size"] > 100_000
            assert {write.bytes for write in waits.write_queue} == {1000}
            assert words.flag_text(waits.flags) == "READING|PAUSED_WRITING"
            assert words.mask_text(waits.events) == "IN|OUT"
            assert session.model.events_lost == 0
            assert not now["as it was"]
            session.close()
            until(lambda: sent()["as it was"], "it is as it was")
        finally:
            program.kill()
            program.communicate(timeout=PATIENCE_S)
