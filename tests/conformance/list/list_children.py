"""The child processes of libuv's IPC and stdio tests: `python list_children.py ROLE ARGUMENT…`.

A child runs the engine too, on the descriptors that it was given. It says by its exit code whether all was well: an
assertion that fails ends it with a traceback on standard error and 1.
"""

from __future__ import annotations

import errno
import os
import sys
import termios
from collections.abc import Callable
from typing import Any

from list_harness import finish, new_loop, run

from streamscope.core import EOF, RUN_NOWAIT, Pipe, Stream, Tcp, Tty
from streamscope.core.flags import UV_TCP

MIB = 1 << 20


def _channel(fd: int) -> Pipe:
    """The pipe to the parent, in a loop of its own."""
    channel = Pipe(new_loop(), ipc=True)
    channel.open(fd)
    return channel


def ipc_listen(fd: str, when: str) -> None:
    """Listen, before or after the listening handle is sent to the parent; accept one connection and tell of it."""
    channel = _channel(int(fd))
    loop = channel.loop
    server = Tcp(loop)
    server.bind(("127.0.0.1", 0))

    def on_connection(server: Tcp, status: int) -> None:
        assert status == 0
        connection = Tcp(loop)
        server.accept(connection)
        connection.close()
        server.close()
        channel.write(b"accepted", lambda request, status: channel.close())

    if when == "before":
        server.listen(128, on_connection)
    channel.write2(b"hello", server)
    if when == "after":
        server.listen(128, on_connection)
    run(loop)
    finish(loop)


def ipc_tcp_connection(fd: str) -> None:
    """Connect to itself, send the accepted end to the parent, and answer over the other what the parent says there."""
    channel = _channel(int(fd))
    loop = channel.loop
    server, client, accepted = Tcp(loop), Tcp(loop), Tcp(loop)

    def on_connection(server: Tcp, status: int) -> None:
        server.accept(accepted)
        server.close()
        channel.write2(b"hello", accepted, lambda request, status: accepted.close())

    def on_read(client: Tcp, nread: int, buf: bytes) -> None:
        if nread > 0:
            client.write(b"answer to " + buf)
        else:
            assert nread == EOF
            client.close()
            channel.close()

    server.bind(("127.0.0.1", 0))
    server.listen(128, on_connection)
    client.connect(server.getsockname(), lambda request, status: client.read_start(None, on_read))
    run(loop)
    finish(loop)


def ipc_send_zero(fd: str) -> None:
    """A write of no bytes over the channel."""
    channel = _channel(int(fd))
    statuses: list[int] = []

    def on_write(request: Any, status: int) -> None:
        statuses.append(status)
        assert channel.write_queue_size == 0
        channel.close()

    channel.write(b"", on_write)
    assert channel.write_queue_size == 0
    assert statuses == []
    run(channel.loop)
    assert statuses == [0]
    finish(channel.loop)


def ipc_send_back(fd: str) -> None:
    """Send every handle that comes back to the parent, until the parent ends its side."""
    channel = _channel(int(fd))
    loop = channel.loop
    sent = 0

    def on_read(channel: Pipe, nread: int, buf: bytes) -> None:
        nonlocal sent
        if nread == EOF:
            channel.close()
            return
        assert nread > 0
        while channel.pending_count():
            stream: Stream = Tcp(loop) if channel.pending_type() == UV_TCP else Pipe(loop)
            channel.accept(stream)
            channel.write2(b".", stream, lambda request, status, stream=stream: stream.close())  # type: ignore[misc]
            sent += 1

    channel.read_start(None, on_read)
    run(loop)
    assert sent == 2
    finish(loop)


def ipc_heavy_traffic(fd: str) -> None:
    """Write 6 MiB, and only then read the parent's."""
    channel = _channel(int(fd))
    exchange_heavily(channel)
    run(channel.loop)
    finish(channel.loop)


def exchange_heavily(channel: Pipe) -> list[int]:
    """Write 6 MiB before reading 6 MiB, then shut down and close; the list gets the bytes of every read and at last
    the status of the shutdown.
    """
    seen: list[int] = []

    def on_read(channel: Pipe, nread: int, buf: bytes) -> None:
        assert nread > 0
        seen.append(nread)
        if sum(seen) == 6 * MIB:
            channel.read_stop()
            end()

    def end() -> None:
        if channel.write_queue_size == 0 and sum(seen) == 6 * MIB:
            channel.shutdown(on_shutdown)

    def on_shutdown(request: Any, status: int) -> None:
        assert status in (0, -errno.ENOTCONN)  # the other side may be gone
        seen.append(status)
        channel.close()

    for _ in range(3):
        channel.write([bytes(MIB)] * 2, lambda request, status: end())
    assert channel.write_queue_size > 0
    channel.read_start(None, on_read)
    return seen


def read_hung_up_stdin() -> None:
    """Standard input has hung up before the loop begins: one turn without waiting brings the end."""
    assert os.read(0, 1) == b""  # wait until it has
    ends: list[int] = []

    def on_read(pipe: Pipe, nread: int, buf: Any) -> None:
        ends.append(nread)
        pipe.close()

    loop = new_loop()
    os.close(1)
    pipe = Pipe(loop)
    pipe.open(0)
    pipe.read_start(None, on_read)
    assert not run(loop, RUN_NOWAIT)
    assert ends == [EOF]
    os.fstat(0)  # a stream lets standard input go, but never closes it
    finish(loop)


def exit_with_a_raw_terminal(fd: str) -> None:
    """Make a terminal raw and leave it so."""
    tty = Tty(new_loop(), int(fd))
    tty.set_mode(1)
    assert not termios.tcgetattr(int(fd))[3] & termios.ICANON


def say_hello(*fds: str) -> None:
    """Write a line over each of these descriptors."""
    loop = new_loop()
    for fd in fds:
        pipe = Pipe(loop)
        pipe.open(int(fd))
        pipe.write(b"hello world\n", lambda request, status: request.handle.close())
    run(loop)
    finish(loop)


def copy_stdin() -> None:
    """Write to standard output what comes from standard input, to its end."""
    loop = new_loop()
    stdin, stdout = Pipe(loop), Pipe(loop)
    stdin.open(0)
    stdout.open(1)

    def on_read(stdin: Pipe, nread: int, buf: bytes) -> None:
        if nread > 0:
            stdout.write(buf)
        elif nread < 0:
            stdin.close()
            stdout.shutdown(lambda request, status: stdout.close())

    stdin.read_start(None, on_read)
    run(loop)
    finish(loop)


def serve_once(fd: str) -> None:
    """Listen on a socket that was bound by the parent, and greet one client."""
    loop = new_loop()
    server = Tcp(loop)

    def on_connection(server: Tcp, status: int) -> None:
        connection = Tcp(loop)
        server.accept(connection)
        connection.write(b"hello world\n")
        connection.shutdown(lambda request, status: connection.close())
        server.close()

    server.open(int(fd))
    server.listen(128, on_connection)
    os.write(1, b"listening")
    run(loop)
    finish(loop)


def write_stdout_then_read_stdin() -> None:
    """Eight writes in a row, then the end of standard output; then wait for that of input, and say so."""
    loop = new_loop()
    stdin, stdout, stderr = (Pipe(loop) for _ in range(3))
    for fd, pipe in enumerate((stdin, stdout, stderr)):
        pipe.open(fd)
    written: list[int] = []

    def on_read(stdin: Pipe, nread: int, buf: Any) -> None:
        assert nread == EOF
        assert written == [0] * 8
        stdin.close()
        stderr.write(b"the end", lambda request, status: stderr.close())

    def on_shutdown(request: Any, status: int) -> None:
        stdout.close()
        stdin.read_start(None, on_read)

    for _ in range(8):
        stdout.write(b"hello world\n", lambda request, status: written.append(status))
    stdout.shutdown(on_shutdown)
    run(loop)
    finish(loop)


ROLES: dict[str, Callable[..., None]] = {
    function.__name__: function
    for function in (
        copy_stdin,
        exit_with_a_raw_terminal,
        ipc_heavy_traffic,
        ipc_listen,
        ipc_send_back,
        ipc_send_zero,
        ipc_tcp_connection,
        read_hung_up_stdin,
        say_hello,
        serve_once,
        write_stdout_then_read_stdin,
    )
}

if __name__ == "__main__":
    ROLES[sys.argv[1]](*sys.argv[2:])
