"""Many hosts, for real: engines that relays tell nats-server of, old and new, found, opened and judged from there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nats_servers import SERVERS, nats, url
from outside_servers import OutsideServer
from running_command import COMMAND, Serving, echoed, environment, follow, refused, run
from waiting import until

from streamscope.fleet.far import far
from streamscope.fleet.subjects import SUMMARY, EngineName
from streamscope.fleet.summary import VERSION, Summary, pack
from streamscope.link.session import Session

pytestmark = pytest.mark.real("nats-server of PyPI", "nats-server of Debian")

HOST = socket.gethostname()
STALL = ("stall", "--as", "peer-never-reads", "--port", "0")


@pytest.fixture(params=list(SERVERS))
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OutsideServer]:
    """One of either kind."""
    with nats(tmp_path, request.param) as started:
        yield started


@pytest.fixture
def newer(tmp_path: Path) -> Iterator[OutsideServer]:
    """One of PyPI's."""
    with nats(tmp_path) as started:
        yield started


def fleet(runtime: Path, server: str) -> list[dict[str, Any]]:
    """What `fleet --json` says."""
    ended = run(runtime, "fleet", "--json", "--for", "0.3s", server)
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def found(runtime: Path, server: str, **wanted: Any) -> dict[str, Any]:
    """The engine of which all that is so, once there is one."""

    def look() -> dict[str, Any] | None:
        rows = fleet(runtime, server)
        return next((row for row in rows if all(row[name] == value for name, value in wanted.items())), None)

    return until(look, f"an engine of which {wanted}")


@contextlib.contextmanager
def relayed(runtime: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A relay as a process."""
    process = subprocess.Popen(
        [*COMMAND, "relay", *arguments], env=environment(runtime), stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def said(relay: subprocess.Popen[str], what: str) -> None:
    """Wait until the relay has said it."""
    assert relay.stderr is not None
    heard: list[str] = []

    def hears() -> bool:
        assert relay.stderr is not None
        if select.select([relay.stderr], [], [], 0.1)[0]:
            heard.append(os.read(relay.stderr.fileno(), 4096).decode())
        return what in "".join(heard)

    until(hears, lambda: f"the relay says {what!r}; it said {heard}", pause_s=0)


def test_a_stall_is_found_from_afar_and_judged_and_after_its_engine_has_died_from_what_was_kept(
    server: OutsideServer, runtime: Path
) -> None:
    with Serving(runtime, *STALL, "--relay", url(server)) as engine:
        row = found(runtime, url(server), verdict="PEER")
        assert (row["host"], row["state"], row["streams"]) == (HOST, "live", 2)
        assert "takes nothing" in row["sentence"]
        live = run(runtime, "diagnose", row["address"], "--json")
        assert json.loads(live.stdout)[0]["verdict"] == "PEER", live.stderr
        os.kill(engine.pid, signal.SIGKILL)
        engine.process.wait()

    dead = run(runtime, "diagnose", row["address"], "--json")
    assert json.loads(dead.stdout)[0]["verdict"] == "PEER", dead.stderr
    assert "is not told of now" in dead.stderr
    fails = run(runtime, "check", row["address"], "--since", "10m", "--assert", "max(wq) < 1KiB")
    assert fails.returncode == 1
    assert f"streamscope replay {row['address']} --at " in fails.stdout
    unknown = run(runtime, "check", row["address"], "--assert", "count(sys.write) == 0")
    assert unknown.returncode == 2
    assert "is no word of this feed" in unknown.stderr
    exported = run(runtime, "export", row["address"], "--to", "jsonl", "--filter", "kind==write_queue_size")
    assert all(json.loads(line)["fn"] == "sampled" for line in exported.stdout.splitlines())


def test_with_keep_every_event_is_there_when_the_engine_has_gone(server: OutsideServer, runtime: Path) -> None:
    with Serving(runtime, "echo", "--port", "0") as engine:
        with relayed(runtime, str(engine.pid), "--to", url(server), "--keep", "10m"):
            row = found(runtime, url(server), program="echo", state="live")
            for _ in range(3):
                with socket.create_connection(engine.address) as client:
                    client.sendall(b"x" * 1000)
                    assert client.recv(1000)
            until(
                lambda: (
                    run(runtime, "check", row["address"], "--assert", "count(handle.accepted) >= 3").returncode == 0
                ),
                "three accepts are kept",
            )
            engine.end()
            found(runtime, url(server), state="ended")

    kept = run(runtime, "check", row["address"], "--assert", "count(sys.read) >= 3", "--assert", "count(error) == 0")
    assert kept.returncode == 0, kept.stdout + kept.stderr


def told(*sessions: Session) -> None:
    """Take in what has come."""
    for session in sessions:
        if session.fileno() != -1:
            select.select([session.fileno()], [], [], 0.02)
        session.receive()
        session.fold(0.1)


def open_streams(session: Session) -> dict[int, tuple[int, int, int]]:
    """What a session knows of those that are open: flags, and bytes both ways."""
    streams = session.model.streams.values()
    return {each.number: (each.flags, each.bytes_in, each.bytes_out) for each in streams if not each.closed_t}


def test_nothing_is_lost_unsaid_when_nats_is_stopped_and_started_and_state_is_true_again(
    newer: OutsideServer, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(runtime).items():
        monkeypatch.setenv(name, value)
    with Serving(runtime, "echo") as engine, relayed(runtime, "--all", "--to", url(newer)) as relay:
        row = found(runtime, url(newer), program="echo")
        with far(row["address"]) as path, contextlib.ExitStack() as clients:
            there, here = Session.attach(path), Session.attach(runtime / "streamscope" / f"{engine.pid}.sock")
            until(lambda: (told(there, here), there.model.whole)[1], "the far state is whole")
            first = clients.enter_context(engine.connect())
            echoed(first, b"before")
            until(lambda: (told(there, here), open_streams(there) == open_streams(here))[1], "both know the client")
            assert not there.model.events_lost

            newer.stop(signal.SIGKILL)
            said(relay, "is lost")
            for _ in range(200):  # more than a relay keeps for a server that is not there
                echoed(first, b"x" * 20_000)
            echoed(clients.enter_context(engine.connect()), b"meanwhile")
            newer.start()
            said(relay, "connected again")

            until(lambda: (told(there, here), open_streams(there) == open_streams(here))[1], "both know the same again")
            assert there.model.whole
            assert there.model.events_lost or there.model.events_seen >= here.model.events_seen
            there.close()
            here.close()


@pytest.mark.parametrize(("allowed", "arrives"), [(["--payload"], b"a secret"), ([], b"")])
def test_payload_leaves_the_host_only_where_engine_and_relay_both_allow_it(
    newer: OutsideServer, runtime: Path, monkeypatch: pytest.MonkeyPatch, allowed: list[str], arrives: bytes
) -> None:
    for name, value in environment(runtime).items():
        monkeypatch.setenv(name, value)
    engine = Serving(runtime, "echo", "--port", "0", "--payload", "64")
    with engine, relayed(runtime, str(engine.pid), "--to", url(newer), *allowed):
        row = found(runtime, url(newer), program="echo", state="live")
        with far(row["address"]) as path, engine.connect() as client:
            there = Session.attach(path)
            follow(there, lambda: len(open_streams(there)) == 2)
            there.open_payload(*open_streams(there))
            echoed(client, b"a secret")
            follow(there, lambda: any(state.bytes_out == 8 for state in there.model.streams.values()))
            assert {frame.data for frame in there.payload} == ({arrives} if arrives else set())
            there.close()


def test_a_relay_that_is_killed_leaves_an_engine_that_is_silent_and_serves_on(
    newer: OutsideServer, runtime: Path
) -> None:
    with Serving(runtime, "echo", "--port", "0") as engine:
        with relayed(runtime, str(engine.pid), "--to", url(newer)) as relay:
            found(runtime, url(newer), program="echo", state="live")
            relay.kill()
            found(runtime, url(newer), program="echo", state="silent")
        with socket.create_connection(engine.address) as client:
            client.sendall(b"still")
            assert client.recv(10) == b"still"


async def _publish_while(goes_on: Callable[[], bool], server: str, *messages: tuple[str, bytes]) -> None:
    from nats.aio.client import Client

    client = Client()
    await client.connect(server)
    while goes_on():
        for subject, data in messages:
            await client.publish(subject, data)
        await client.flush()
        await asyncio.sleep(0.1)
    await client.close()


def test_garbage_is_counted_and_two_machines_of_one_name_are_said(newer: OutsideServer, runtime: Path) -> None:
    name = EngineName("twin", 7, 1000)
    summaries = [pack(Summary(VERSION, 1.0, machine, "echo", "libuv")) for machine in ("one", "two")]
    listening = subprocess.Popen(
        [*COMMAND, "fleet", "--json", "--for", "1s", url(newer)],
        env=environment(runtime), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    asyncio.run(
        _publish_while(
            lambda: listening.poll() is None,
            url(newer),
            (EngineName("evil", 1, 1).subject(SUMMARY), b"\x1b]0;garbage"),
            *((name.subject(SUMMARY), data) for data in summaries),
        )
    )
    out, err = listening.communicate()

    (row,) = map(json.loads, out.splitlines())
    assert (row["host"], row["machines"]) == ("twin", 2)
    assert "were no summaries of engines" in err


def test_without_jetstream_everything_is_told_and_nothing_is_kept_which_is_said(tmp_path: Path, runtime: Path) -> None:
    with nats(tmp_path, jetstream=False) as server, Serving(runtime, "echo", "--port", "0") as engine:
        with relayed(runtime, str(engine.pid), "--to", url(server)) as relay:
            said(relay, "no past is kept: JetStream is off; start nats-server with -js")
            row = found(runtime, url(server), program="echo")
        ended = run(runtime, "check", row["address"], "--assert", "max(wq) < 1MiB")
        assert ended.returncode == 2
        assert "nothing of it is kept" in ended.stderr


def test_whoever_is_not_let_in_is_told_so_in_a_line_and_the_password_stands_nowhere(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nats(tmp_path, "PyPI", "--user", "ops", "--pass", "s3cret") as server:
        status, line = refused(runtime, "fleet", "--json", url(server))
        assert status == 1
        assert "Authorization Violation" in line
        monkeypatch.setenv("NATS_USER", "ops")
        monkeypatch.setenv("NATS_PASSWORD", "wrong")
        assert "wrong" not in run(runtime, "fleet", "--json", url(server)).stderr
        monkeypatch.setenv("NATS_PASSWORD", "s3cret")
        assert run(runtime, "fleet", "--json", url(server)).returncode == 0
    gone = run(runtime, "fleet", "--json", url(server))
    assert gone.returncode == 1
    assert f"there is no getting to {url(server)}" in gone.stderr


def test_a_server_with_tls_and_an_nkey_lets_in_who_has_them_and_says_of_others_why_not(
    tmp_path: Path, runtime: Path
) -> None:
    import nkeys

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True)

    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert", "-days", "2", *subject)
    seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
    (tmp_path / "seed").write_bytes(bytes(seed))
    public = nkeys.from_seed(bytearray(seed)).public_key.decode()
    (tmp_path / "nats.conf").write_text(
        f'tls {{cert_file: "{tmp_path}/cert", key_file: "{tmp_path}/key"}}\n'
        f"authorization {{users: [{{nkey: {public}}}]}}\n"
    )
    with nats(tmp_path, "PyPI", "-c", str(tmp_path / "nats.conf")) as server:
        there = url(server).replace("nats://", "tls://")
        with_both = ("--ca", str(tmp_path / "cert"), "--nkey", str(tmp_path / "seed"))
        let_in = run(runtime, "fleet", "--json", "--for", "0.1s", there, *with_both)
        assert let_in.returncode == 0, let_in.stderr
        for options, why in (
            (with_both[2:], "certificate verify failed"),
            (with_both[:2], "there is no getting to"),  # it may hang up before it has said why
            (("--creds", str(tmp_path / "none")), "cannot be read"),
            (("--ca", str(tmp_path / "seed")), "TLS cannot be set up"),
        ):
            status, line = refused(runtime, "fleet", "--json", there, *options)
            assert status == 1
            assert why in line


def test_what_jetstream_refuses_to_keep_is_said_and_goes_on_to_whoever_listens(tmp_path: Path, runtime: Path) -> None:
    (tmp_path / "nats.conf").write_text(f'jetstream {{store_dir: "{tmp_path}/store", max_file: 2048}}\n')
    with nats(tmp_path, "PyPI", "-c", str(tmp_path / "nats.conf"), jetstream=False) as server:
        with Serving(runtime, "echo") as engine, relayed(runtime, str(engine.pid), "--to", url(server)) as relay:
            said(relay, "JetStream refuses to keep what it is sent")
            listening = run(runtime, "fleet", "--json", "--for", "2.5s", url(server))
            assert json.loads(listening.stdout)["state"] == "live"


def test_a_server_of_another_age_is_refused_by_its_version(runtime: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as old:
        port = old.getsockname()[1]

        def speak() -> None:
            with old.accept()[0] as client:
                info = {"server_id": "x", "version": "2.1.0", "max_payload": 1048576, "headers": False, "proto": 1}
                client.sendall(b"INFO " + json.dumps(info).encode() + b"\r\n")
                while data := client.recv(4096):
                    client.sendall(b"PONG\r\n" * data.count(b"PING"))

        threading.Thread(target=speak, daemon=True).start()
        status, line = refused(runtime, "fleet", "--json", f"nats://127.0.0.1:{port}")

    assert status == 1
    assert "nats-server 2.1.0, and 2.9 is the oldest that will do" in line


@pytest.mark.real("node")
def test_a_node_program_that_knows_nothing_of_it_is_told_of_too(newer: OutsideServer, runtime: Path) -> None:
    program = "require('net').createServer(c => c.pipe(c)).listen(0, '127.0.0.1')"
    with subprocess.Popen(["node", "-e", program], stdout=subprocess.DEVNULL) as node:
        try:
            with relayed(runtime, str(node.pid), "--to", url(newer)):
                row = found(runtime, url(newer), pid=node.pid)
                assert row["engine"].startswith("libuv ")
                assert row["streams"] == 1
                assert row["out"] is None  # that nobody can know from outside
        finally:
            node.kill()


PROGRAMS, LOOPS = 10, 20
"""Two hundred engines: as many processes, with as many loops of asyncio each."""


def test_the_stall_on_one_of_two_hundred_engines_stands_first_also_where_a_view_was_slow(
    newer: OutsideServer, runtime: Path
) -> None:
    program = Path(__file__).parents[2] / "benchmarks" / "fleet_programs.py"
    with contextlib.ExitStack() as stack:
        for _ in range(PROGRAMS):
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, program, str(LOOPS)],
                    env={**environment(runtime), "PYTHONPATH": str(program.parents[1])},
                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                )
            )  # fmt: skip
            stack.callback(process.kill)
        stalled = stack.enter_context(Serving(runtime, "stall", "--as", "peer-never-reads"))
        stack.enter_context(relayed(runtime, "--all", "--to", url(newer)))

        def all_are_told_of() -> list[dict[str, Any]]:
            rows = fleet(runtime, url(newer))
            return rows if len(rows) > PROGRAMS * LOOPS and rows[0]["pid"] == stalled.pid else []

        rows = until(all_are_told_of, "all are told of, the stall first")
        assert len(rows) == PROGRAMS * LOOPS + 1
        assert rows[0]["verdict"] == "PEER"
        assert len({(row["pid"], row["loop"]) for row in rows}) == len(rows)

        slow = subprocess.Popen(
            [*COMMAND, "fleet", "--json", "--for", "4s", url(newer)],
            env=environment(runtime), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        heard = fleet(runtime, url(newer))  # meanwhile it has begun to listen
        slow.send_signal(signal.SIGSTOP)
        assert len(fleet(runtime, url(newer))) == len(heard)
        slow.send_signal(signal.SIGCONT)
        out, err = slow.communicate()
        assert len(out.splitlines()) == len(rows), err
        assert [row["verdict"] for row in map(json.loads, out.splitlines()) if row["pid"] == stalled.pid] == ["PEER"]
