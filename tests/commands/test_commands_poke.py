"""`streamscope poke`: real connections, real processes, and what is wrong said in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from running_command import Serving, echoed, follow, refused, run, socket_of

from streamscope.link.session import Session


def test_a_frozen_program_ends_in_order_by_a_signal_as_any_other(runtime: Path) -> None:
    with Serving(runtime, "echo", "--control") as serving:
        session = Session.attach(socket_of(runtime, serving))
        follow(session, lambda: session.model.whole)
        with serving.connect():
            follow(session, lambda: len(session.model.streams) == 2)
            session.command("freeze")
            follow(session, lambda: session.model.frozen_t)
            assert "echo (injected: frozen)" in run(runtime, "ps").stdout
            assert serving.end() == (0, "", "")
        follow(session, lambda: session.status == "ended")
        assert session.reason == "SIGTERM"
        assert session.model.streams[2].closed_t
        session.close()


def test_a_connection_is_reset_by_poke_and_the_events_say_who_did_it(runtime: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    with Serving(runtime, "echo", "--control", "--events", str(events)) as serving:
        pid = str(serving.pid)
        with serving.connect() as client:
            assert echoed(client, b"hello") == b"hello"
            capped = run(runtime, "poke", pid, "#2", "cap-writes", "2KiB")
            assert capped.stdout == f"#2: cap-writes 2KiB; undone by: streamscope poke {pid} 2 clear\n"
            assert "echo (injected: #2 cap-writes 2048)" in run(runtime, "ps").stdout
            assert echoed(client, b"x" * 5000) == b"x" * 5000
            assert run(runtime, "poke", pid, "2", "reset").stdout == "#2: reset\n"
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        assert refused(runtime, "poke", pid, "2", "close") == (1, "there is no stream #2: there are #1")
        serving.end()
    told = [json.loads(line) for line in events.read_text().splitlines()]
    injected = [event["what"] for event in told if event["kind"] == "injected"]
    assert injected[0] == "cap-writes 2048"
    assert "cap-writes: 2048 of 5000 bytes go to write(2)" in injected
    assert injected[-1] == "reset"
    after = told[[event.get("what") for event in told].index("reset") + 1]
    assert (after["kind"], after["stream"]) == ("handle.close", 2)


def test_without_control_nobody_pokes_and_is_told_how_it_is_allowed(runtime: Path) -> None:
    with Serving(runtime, "echo") as serving:
        status, line = refused(runtime, "poke", str(serving.pid), "1", "close")
        assert (status, line.endswith("start the engine with --control")) == (1, True)
        session = Session.attach(socket_of(runtime, serving))
        follow(session, lambda: session.model.whole)
        assert session.model.streams[1].faults == ""
        session.close()
