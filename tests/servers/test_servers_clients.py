"""The built-in clients, as the process that they are, against each server."""

from __future__ import annotations

import subprocess
import sys

import pytest
from running_server import connections
from waiting import PATIENCE_S

from streamscope.core import Pipe, format_address
from streamscope.servers import SERVERS
from streamscope.servers.clients import habits

KINDS = [kind for kind in SERVERS if kind != "stall"]  # which has peers of its own


@pytest.fixture
def start():
    """Start the clients' process; it ends with the test."""
    started = []

    def start(running, kind):
        address = format_address(running.address)
        command = [sys.executable, "-m", "streamscope.servers.clients", address, kind]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        started.append(process)
        return process

    yield start
    for process in started:
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
        assert process.stdout.read() + process.stderr.read() == b""
        process.stdout.close()
        process.stderr.close()


def serve_kind(serve, kind):
    """A server of this kind; the proxy has an echo behind it."""
    options = {"to": "{}:{}".format(*serve("echo").address)} if kind == "proxy" else {}
    return serve(kind, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_clients_come_and_speak_and_end_when_their_input_does(serve, start, kind):
    # given
    running = serve_kind(serve, kind)
    # when
    process = start(running, kind)
    if kind == "ipc":  # the child reads and writes; what passes here is connections
        running.until(lambda loop: sum(h.writes for h in loop.handles.values() if isinstance(h, Pipe)) > 30)
    else:
        running.until(lambda loop: sum(s.reads if kind != "source" else s.writes for s in connections(loop)) > 50)
    process.stdin.close()
    # then
    assert process.wait(PATIENCE_S) == 0
    running.until(lambda loop: not connections(loop))


def above_their_mark(loop):
    """Those whose queue is above its mark. The kernel is to take little: it remembers of each address how packets went,
    and where many were lost before it may take megabytes.
    """
    for stream in connections(loop):
        stream.send_buffer_size(65536)
    return [stream.number for stream in connections(loop) if stream.write_queue_size > stream.high_water]


@pytest.mark.real  # a queue takes its seconds to grow and drain
@pytest.mark.parametrize("kind", ["echo", "http", "pipe-echo"])
def test_a_slow_one_lets_a_queue_grow_above_its_mark_and_drain_again(serve, start, kind):
    # given
    running = serve(kind)
    # when
    process = start(running, kind)
    (slow, *_) = running.until(above_their_mark)
    # then
    running.until(lambda loop: slow not in loop.handles or loop.handles[slow].write_queue_size <= 65536)
    process.stdin.close()
    process.wait(PATIENCE_S)


def test_clients_come_and_go_and_are_not_too_many(serve, start):
    # given
    running = serve("echo")
    start(running, "echo")
    running.until(lambda loop: len(connections(loop)) >= 8)
    # when
    highest = running.ask(lambda loop: max(loop.handles))
    running.until(lambda loop: max(loop.handles) > highest)
    # then
    assert running.ask(lambda loop: len(connections(loop))) <= 12


@pytest.mark.parametrize("kind", KINDS)
def test_all_clients_together_say_less_than_a_thousand_messages_a_second(kind):
    assert 0 < sum(1000 / habit.every_ms for habit in habits(kind)) < 1000


def test_clients_end_when_the_server_does(serve, start):
    running = serve("echo")
    process = start(running, "echo")
    running.until(connections)
    running.close()
    assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize(
    "arguments", ["", "127.0.0.1:x echo", "no-such-host.invalid:1 echo", "127.0.0.1:99999 echo", "@ echo"]
)
def test_bad_arguments_are_one_clear_line(arguments):
    command = [sys.executable, "-m", "streamscope.servers.clients", *arguments.split()]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=False)
    assert done.returncode in (1, 2)
    assert done.stderr.count(b"\n") == 1
    assert done.stdout == b""
