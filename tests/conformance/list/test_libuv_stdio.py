"""libuv's tests of streams over the standard input and output of child processes.

Starting processes is no part of the stream layer: `subprocess` does it, and a stream takes over the parent's end.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from list_harness import Calls, child_command, finish, never, new_loop, run, run_until

from streamscope.core import EOF, RUN_NOWAIT, RUN_ONCE, Loop, Pipe, Tcp, Timer
from streamscope.core.poller import EpollPoller


@contextmanager
def child_with(command: list[str], theirs: dict[str, int], pass_fds: list[int], **options: Any) -> Iterator[Any]:
    """A child process with these descriptors, which are closed here once it has them; it is gone at the end."""
    try:
        child = subprocess.Popen(command, pass_fds=pass_fds, **theirs, **options)
    finally:
        for fd in {*theirs.values(), *pass_fds}:
            if fd > 2:
                os.close(fd)
    try:
        yield child
    finally:
        child.kill()  # nothing happens if it has ended
        child.wait()


def stdio_pipe(loop: Loop) -> tuple[Pipe, int]:
    """A stream, and the descriptor at its other end for a child: a socket pair, as libuv makes them."""
    ours, theirs = socket.socketpair()
    pipe = Pipe(loop)
    pipe.open(ours.detach())
    return pipe, theirs.detach()


class Output:
    """Reads a pipe to its end and closes it."""

    def __init__(self, pipe: Pipe) -> None:
        self.text = b""
        self.ended = False
        pipe.read_start(None, self._on_read)

    def _on_read(self, pipe: Pipe, nread: int, buf: bytes) -> None:
        if nread > 0:
            self.text += buf
        elif nread < 0:
            assert nread == EOF
            self.ended = True
            pipe.close()


def test_spawn_stdout(loop: Loop) -> None:
    stdout, theirs = stdio_pipe(loop)
    with child_with(child_command("say_hello", 1), {"stdout": theirs}, []) as child:
        output = Output(stdout)
        run(loop)
        assert child.wait() == 0
    assert output.text == b"hello world\n"


def test_spawn_stdin(loop: Loop) -> None:
    calls = Calls()
    stdin, their_stdin = stdio_pipe(loop)
    stdout, their_stdout = stdio_pipe(loop)
    with child_with(child_command("copy_stdin"), {"stdin": their_stdin, "stdout": their_stdout}, []) as child:
        stdin.write(b"hello-from-spawn_stdin", calls.note("write", lambda *_: stdin.close(calls.note("close"))))
        output = Output(stdout)
        run(loop)
        assert child.wait() == 0
    assert calls.all == [("write", 0), ("close", 0)]
    assert output.text == b"hello-from-spawn_stdin"


def test_spawn_stdio_greater_than_3(loop: Loop) -> None:
    fourth, theirs = stdio_pipe(loop)
    with child_with(child_command("say_hello", theirs), {}, [theirs]) as child:
        output = Output(fourth)
        run(loop)
        assert child.wait() == 0
    assert output.text == b"hello world\n"


def test_spawn_tcp_server(loop: Loop) -> None:
    server = Tcp(loop, socket.AF_INET)
    server.bind(("127.0.0.1", 0))
    address = server.getsockname()
    inherited = os.dup(server.fileno())
    os.set_inheritable(inherited, True)
    client = Tcp(loop)
    with child_with(child_command("serve_once", inherited), {}, [inherited], stdout=subprocess.PIPE) as child:
        assert child.stdout.read(9) == b"listening"
        child.stdout.close()
        server.close()
        client.connect(address, lambda request, status: outputs.append(Output(client)))
        outputs: list[Output] = []
        run(loop)
        assert child.wait() == 0
    assert outputs[0].text == b"hello world\n"


def test_spawn_and_kill_with_std(loop: Loop) -> None:
    calls = Calls()
    streams, theirs = zip(*(stdio_pipe(loop) for _ in range(3)), strict=True)
    stdin, stdout, stderr = streams
    names = ("stdin", "stdout", "stderr")
    with child_with(["cat"], dict(zip(names, theirs, strict=True)), []) as child:
        outputs = [Output(stdout), Output(stderr)]
        stdin.write(b"hello there", calls.note("write"))
        run_until(loop, lambda: outputs[0].text == b"hello there")
        child.send_signal(signal.SIGTERM)
        assert child.wait() == -signal.SIGTERM
        stdin.write(b"too late", calls.note("write", lambda *_: stdin.close()))
        run(loop)
    assert calls.all == [("write", 0), ("write", -errno.EPIPE)]
    assert outputs[0].ended
    assert outputs[1].ended


def test_spawn_and_ping(loop: Loop) -> None:
    order: list[str] = []
    stdin, their_stdin = stdio_pipe(loop)
    stdout, their_stdout = stdio_pipe(loop)

    def on_read(stdout: Pipe, nread: int, buf: bytes) -> None:
        if nread > 0:
            order.append(buf.decode())
            stdin.shutdown(lambda request, status: order.append("shutdown"))
        else:
            order.append("end")
            stdin.close()
            stdout.close()

    with child_with(child_command("copy_stdin"), {"stdin": their_stdin, "stdout": their_stdout}, []) as child:
        loop.on_signal(signal.SIGCHLD, lambda signum: order.append("exit"))
        stdout.read_start(None, on_read)
        stdin.write(b"TEST", lambda request, status: order.append("write"))
        run(loop)
        timer = Timer(loop)
        timer.start(never, 10_000)
        run_until(loop, lambda: "exit" in order)
        timer.close()
        assert child.wait() == 0
    assert order == ["write", "TEST", "shutdown", "end", "exit"]


def test_spawn_same_stdout_stderr(loop: Loop) -> None:
    both, theirs = stdio_pipe(loop)
    with child_with(child_command("say_hello", 1, 2), {"stdout": theirs, "stderr": theirs}, []) as child:
        output = Output(both)
        run(loop)
        assert child.wait() == 0
    assert output.text == b"hello world\n" * 2


def test_spawn_closed_process_io(loop: Loop) -> None:
    calls = Calls()
    stdin, theirs = stdio_pipe(loop)
    with child_with([sys.executable, "-c", ""], {"stdin": theirs}, []) as child:
        assert child.wait() == 0
        stdin.write(b"hello", calls.note("write", lambda *_: stdin.close()))
        assert calls.all == []
        run(loop)
    assert calls.all == [("write", -errno.EPIPE)]


class CountingPoller(EpollPoller):
    """epoll, and how many events it has returned."""

    def __init__(self) -> None:
        super().__init__()
        self.events = 0
        self._epoll_wait, self.wait = self.wait, self._wait

    def _wait(self, *args: float) -> list[tuple[int, int]]:
        events = self._epoll_wait(*args)
        self.events += len(events)
        return events


def test_closed_fd_events() -> None:
    poller = CountingPoller()
    loop = new_loop(poller=poller)
    calls = Calls()
    r, w = os.pipe()
    with child_with(["sleep", "60"], {"stdin": os.dup(r)}, []):
        pipe = Pipe(loop)
        pipe.open(r)
        pipe.read_start(None, calls.note("read"))
        os.write(w, b"x")
        run(loop, RUN_ONCE)
        assert calls.all == [("read", 1)]
        pipe.close()  # the child still has the pipe open
        run(loop, RUN_NOWAIT)
        before = poller.events
        os.write(w, b"x")
        timer = Timer(loop)
        timer.start(lambda timer: timer.close(), 10)
        run(loop)
        assert poller.events == before
        assert calls.all == [("read", 1)]
    os.close(w)
    finish(loop)


def test_spawn_reads_child_path(loop: Loop) -> None:
    stdout, theirs = stdio_pipe(loop)
    path = os.environ["PATH"] + ":/of/the/child"
    with child_with(["sh", "-c", "echo $PATH"], {"stdout": theirs}, [], env={"PATH": path}) as child:
        output = Output(stdout)
        run(loop)
        assert child.wait() == 0
    assert output.text.decode() == path + "\n"


def test_spawn_inherit_streams(loop: Loop) -> None:
    """The child's ends are streams of the parent too, until the child has them."""
    ends = []
    for _ in range(2):
        streams = []
        for end in socket.socketpair():
            pipe = Pipe(loop)
            pipe.open(end.detach())
            streams.append(pipe)
        ends.append(streams)
    (to_child, child_stdin), (from_child, child_stdout) = ends
    message = bytes(range(256)) * 4
    stdio = {"stdin": os.dup(child_stdin.fileno()), "stdout": os.dup(child_stdout.fileno())}
    with child_with(child_command("copy_stdin"), stdio, []) as child:
        child_stdin.close()
        child_stdout.close()
        output = Output(from_child)
        to_child.write(message, lambda request, status: to_child.close())
        run(loop)
        assert child.wait() == 0
    assert output.text == message


def test_stdio_over_pipes(loop: Loop) -> None:
    streams, theirs = zip(*(stdio_pipe(loop) for _ in range(3)), strict=True)
    stdin, stdout, stderr = streams
    stdio = dict(zip(("stdin", "stdout", "stderr"), theirs, strict=True))
    with child_with(child_command("write_stdout_then_read_stdin"), stdio, []) as child:
        outputs = [Output(stdout), Output(stderr)]
        run_until(loop, lambda: outputs[0].ended)
        assert not outputs[1].ended
        stdin.shutdown(lambda request, status: stdin.close())
        run(loop)
        assert child.wait() == 0
    assert outputs[0].text == b"hello world\n" * 8
    assert outputs[1].text == b"the end"
