"""`run --headless`: from its first line to its end in order."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from processes import children_of, descriptors_of, is_zombie
from running_command import COMMAND, Serving, echoed, environment, listening_at, run
from waiting import PATIENCE_S, until


def test_the_first_line_says_where_it_listens(runtime: Path) -> None:
    with Serving(runtime, "echo") as serving:
        name, listening, on, address = serving.first_line.split(" ")
        assert (name, listening, on) == ("echo", "listening", "on")
        assert address.startswith("127.0.0.1:")
        with serving.connect() as client:
            assert echoed(client, b"hello") == b"hello"


def test_ipv6_is_written_in_brackets(runtime: Path) -> None:
    with Serving(runtime, "echo", "--host", "::1") as serving:
        assert serving.first_line.startswith("echo listening on [::1]:")
        with serving.connect() as client:
            assert echoed(client, b"hello") == b"hello"


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_closes_streams_and_ends_with_status_0(runtime: Path, signum: int) -> None:
    with Serving(runtime, "echo") as serving, serving.connect() as client:
        assert echoed(client, b"x") == b"x"
        assert serving.end(signum) == (0, "", "")
        assert client.recv(10) == b""
    assert not list(runtime.glob("streamscope/*"))


def test_sigint_works_even_where_a_shell_has_put_it_into_the_background(runtime: Path) -> None:
    with Serving(runtime, "echo", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) as serving:
        assert serving.end(signal.SIGINT)[0] == 0


def test_nohup_is_heeded(runtime: Path) -> None:
    with Serving(runtime, "echo", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as serving:
        serving.process.send_signal(signal.SIGHUP)
        with serving.connect() as client:
            assert echoed(client, b"still here") == b"still here"
        assert serving.end()[0] == 0


def test_duration_ends_by_itself(runtime: Path) -> None:
    with Serving(runtime, "echo", "--duration", "0.2") as serving:
        assert serving.ended() == (0, "", "")


def test_events_are_complete_every_line_parses_and_seq_only_grows(runtime: Path, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with Serving(runtime, "echo", "--events", str(path)) as serving:
        with serving.connect() as client:
            for n in range(200):
                assert echoed(client, bytes([n]) * 1000) == bytes([n]) * 1000
        assert serving.end(signal.SIGINT) == (0, "", "")
    events = [json.loads(line) for line in path.read_text().splitlines()]
    seqs = [event["seq"] for event in events]
    assert seqs == sorted(set(seqs))
    assert all({"seq", "t", "turn", "stream", "kind", "fn", "old", "new"} <= event.keys() for event in events)
    assert events[0]["kind"] == "handle.init", "the feed begins with the first handle"
    of_client = [event for event in events if event["stream"] == 2]
    assert sum(e["result"] for e in of_client if e["kind"] == "sys.read" and e["result"] > 0) == 200_000
    assert sum(e["result"] for e in of_client if e["kind"] == "sys.write") == 200_000
    begun = {event["stream"] for event in events if event["kind"] == "handle.init"}
    closed = {event["stream"] for event in events if event["kind"] == "handle.closed"}
    assert begun == closed == {1, 2}
    assert path.stat().st_mode & 0o777 == 0o600


def test_events_go_to_stdout_after_the_first_line_and_prints_do_not(runtime: Path, tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text(
        "from streamscope.core import Timer\n"
        "def main(loop):\n"
        "    print('at the start')\n"
        "    Timer(loop).start(lambda t: (print('in a callback'), t.close()), 1)\n"
    )
    ended = run(runtime, "run", str(program), "--headless", "--events", "-")
    first, *rest = ended.stdout.splitlines()
    assert first == "mine running, and listening on nothing"
    kinds = [json.loads(line)["kind"] for line in rest]
    assert kinds[0] == "handle.init"
    assert ended.stderr == "at the start\nin a callback\n"
    assert ended.returncode == 0


def test_without_events_prints_come_after_the_first_line(runtime: Path, tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text("def main(loop):\n    print('at the start')\n")
    ended = run(runtime, "run", str(program), "--headless")
    assert ended.stdout == "mine running, and listening on nothing\nat the start\n"
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_log_handler_that_main_makes_works_afterwards_too(runtime: Path, tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text(
        "import logging, os, sys\n"
        "from streamscope.core import Timer\n"
        "def main(loop):\n"
        "    logging.basicConfig(stream=sys.stdout, format='%(message)s')\n"
        "    logging.error('in main')\n"
        "    os.write(1, b'past sys.stdout\\n')\n"
        "    Timer(loop).start(lambda timer: (logging.error('later'), timer.close()), 1)\n"
    )
    ended = run(runtime, "run", str(program), "--headless")
    assert ended.stdout.splitlines() == [
        "mine running, and listening on nothing",
        "in main",
        "past sys.stdout",
        "later",
    ]


def test_started_without_standard_descriptors_it_serves(runtime: Path) -> None:
    """No socket of ours may take the place of 0, 1 or 2: what the program prints would go into it."""
    command = [*COMMAND, "run", "echo", "--headless", "--port", "0"]
    with subprocess.Popen(
        command, env=environment(runtime), preexec_fn=lambda: os.closerange(0, 3), stdin=None, stdout=None, stderr=None
    ) as process:
        descriptors = Path(f"/proc/{process.pid}/fd")
        assert serves(listening_at(runtime, process.pid))
        assert {os.readlink(descriptors / str(fd)) for fd in (0, 1, 2)} == {"/dev/null"}
        process.terminate()
        assert process.wait(timeout=PATIENCE_S) == 0


def serves(address: tuple[str, int]) -> bool:
    with socket.create_connection(address, timeout=PATIENCE_S) as client:
        return echoed(client, b"hello") == b"hello"


def test_a_full_disk_ends_the_events_and_not_the_server(runtime: Path, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    arguments = ["run", "echo", "--headless", "--port", "0", "--events", str(path)]
    with Serving(
        runtime,
        "echo",
        # nor may Python keep what it compiles: it would be cut off too, and stay
        command=["env", "PYTHONDONTWRITEBYTECODE=1", *COMMAND, *arguments],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    ) as serving:
        with serving.connect() as client:
            for _ in range(300):
                assert echoed(client, b"x" * 100) == b"x" * 100
            until(lambda: path.stat().st_size > 15_000, "the events grow until the disk is full")
            for _ in range(300):
                assert echoed(client, b"x" * 100) == b"x" * 100
        status, _, err = serving.end()
    assert status == 1
    assert "the events cannot be written: File too large" in err
    assert len(err.splitlines()) == 1
    for line in path.read_text().splitlines():
        json.loads(line)


def test_a_device_without_space_ends_the_events_and_not_the_server(runtime: Path) -> None:
    with Serving(runtime, "echo", "--events", "/dev/full") as serving:
        until(lambda: zombies(serving.pid), "the writer ends")
        with serving.connect() as client:
            assert echoed(client, b"hello") == b"hello"
        status, _, err = serving.end()
    assert (status, err) == (
        1,
        "streamscope: the events cannot be written: No space left on device; writing ends here\n",
    )


def test_a_reader_of_the_events_that_leaves_ends_them_and_not_the_server(runtime: Path) -> None:
    with Serving(runtime, "echo", "--events", "-") as serving:
        address = serving.address
        assert serving.process.stdout is not None
        serving.process.stdout.close()
        with serving.connect() as client:
            until(lambda: echoed(client, b"hello") == b"hello" and zombies(serving.pid), "the writer ends")
        with socket.create_connection(address, timeout=PATIENCE_S) as client:
            assert echoed(client, b"again") == b"again"
        serving.process.terminate()
        assert serving.process.stderr is not None
        err = serving.process.stderr.read()
        status = serving.process.wait(PATIENCE_S)
    assert (status, err) == (1, "streamscope: nobody reads the events any more; writing ends here\n")


def zombies(pid: int) -> list[int]:
    """Children that have ended and whose status nobody has asked for yet."""
    return [child for child in children_of(pid) if is_zombie(child)]


@pytest.mark.real  # 25,000 echoes take the time of fifty other tests
def test_beyond_the_spool_events_are_lost_and_told(runtime: Path, tmp_path: Path) -> None:
    """The writer is stopped while more happens than a spool of 1 MiB holds."""
    path = tmp_path / "events.jsonl"
    with Serving(runtime, "echo", "--events", str(path), "--spool", "1") as serving:
        [writer] = children_of(serving.pid)
        with serving.connect() as client:
            assert echoed(client, b"x") == b"x"
            os.kill(writer, signal.SIGSTOP)
            for _ in range(25_000):
                assert echoed(client, b"x") == b"x"
            os.kill(writer, signal.SIGCONT)
        status, _, err = serving.end()
    events = [json.loads(line) for line in path.read_text().splitlines()]
    lost = sum(event["events"] for event in events if event["kind"] == "lost")
    assert lost > 0
    assert status == 1
    assert f"{lost:,} events were lost because the spool was full" in err
    seqs = [event["seq"] for event in events if not event["kind"].startswith("state")]
    assert seqs == sorted(set(seqs))
    kinds = [event["kind"] for event in events]
    assert "state.whole" in kinds[len(kinds) - kinds[::-1].index("lost") :], "what is so after the last loss is told"


def test_a_stdout_that_nobody_reads_is_no_reason_not_to_serve(runtime: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [*COMMAND, "run", "echo", "--headless", "--port", "0"],
        env=environment(runtime),
        stdout=writing,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(writing)
        assert serves(listening_at(runtime, process.pid))
        process.terminate()
        _, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (0, b"")


def test_the_soft_limit_on_descriptors_is_raised_and_a_low_hard_one_is_said(runtime: Path) -> None:
    with Serving(runtime, "echo", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 200))) as serving:
        limits = Path(f"/proc/{serving.pid}/limits").read_text()
        [line] = [line for line in limits.splitlines() if line.startswith("Max open files")]
        assert line.split()[3:5] == ["200", "200"]
        _, _, err = serving.end()
    assert "200 descriptors at most" in err
    assert len(err.splitlines()) == 1


def test_demo_starts_clients_and_they_end_with_the_server(runtime: Path) -> None:
    with Serving(runtime, "echo", "--demo") as serving:
        until(lambda: children_of(serving.pid), "the clients are there")
        [clients] = children_of(serving.pid)
        until(lambda: connections(serving) >= 6, "they connect")
        assert serving.end()[0] == 0
    assert not Path(f"/proc/{clients}").exists()


def connections(serving: Serving) -> int:
    port = f":{serving.address[1]:04X}"
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(port) and row[3] == "01" for row in rows)


def test_two_thousand_connections_leave_no_descriptor(runtime: Path) -> None:
    with Serving(runtime, "echo") as serving:
        before = descriptors_of(serving.pid)
        for _ in range(20):
            clients = [serving.connect() for _ in range(100)]
            for client in clients:
                with client:
                    assert echoed(client, b"hello") == b"hello"
        until(lambda: descriptors_of(serving.pid) == before, "every descriptor is given back")
        assert serving.end()[0] == 0


def test_a_program_that_makes_a_handle_for_each_that_is_closed_ends_all_the_same(runtime: Path, tmp_path: Path) -> None:
    program = tmp_path / "stubborn.py"
    program.write_text(
        "from streamscope.core import Timer\n"
        "def main(loop):\n"
        "    def again(handle=None):\n"
        "        timer = Timer(loop)\n"
        "        timer.start(lambda t: None, 1000, 1000)\n"
        "        timer.close(again)\n"
        "    again()\n"
    )
    with Serving(runtime, str(program)) as serving:
        assert serving.end(signal.SIGTERM)[0] == 0


def test_a_signal_while_main_is_still_at_work_ends_it_in_order(runtime: Path, tmp_path: Path) -> None:
    program = tmp_path / "slow.py"
    program.write_text(
        "import sys, time\n"
        "from streamscope.core import Tcp\n"
        "def main(loop):\n"
        "    server = Tcp(loop)\n"
        "    server.bind(('127.0.0.1', 0))\n"
        "    server.listen(1, lambda server, status: None)\n"
        "    sys.stderr.write('working\\n')\n"
        "    sys.stderr.flush()\n"
        "    time.sleep(600)\n"
    )
    events = tmp_path / "events.jsonl"
    with subprocess.Popen(
        [*COMMAND, "run", str(program), "--headless", "--events", str(events)],
        env=environment(runtime),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "working\n"
        process.terminate()
        assert process.stderr.read() == ""
        assert process.wait(timeout=PATIENCE_S) == 0
    assert json.loads(events.read_text().splitlines()[-1])["kind"] == "handle.closed"
